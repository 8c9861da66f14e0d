/* SPDX-License-Identifier: Apache-2.0 */
/* no_symbol.c - a shared object that is no plugin. */
__attribute__((visibility("default"))) extern const int something_else;
const int something_else = 1;
