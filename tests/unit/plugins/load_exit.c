/* SPDX-License-Identifier: Apache-2.0 */
/* load_exit.c - no plugin: it ends the process that loads it. */
#include <unistd.h>

__attribute__((constructor)) static void begin(void)
{
	_exit(7);
}
