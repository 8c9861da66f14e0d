/* SPDX-License-Identifier: Apache-2.0 */
/* load_abort.c - no plugin: it aborts while it is loaded. */
#include <stdlib.h>

__attribute__((constructor)) static void begin(void)
{
	abort();
}
