/* SPDX-License-Identifier: Apache-2.0 */
/* test_main.h - the child that runs a test file. */
#ifndef MAIN_TEST_MAIN_H
#define MAIN_TEST_MAIN_H

int test_main(int argc, char **argv);

#endif
