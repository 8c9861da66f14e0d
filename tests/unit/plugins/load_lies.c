/* SPDX-License-Identifier: Apache-2.0 */
/* load_lies.c - no plugin: while it is loaded it answers in another one's name. */
#include <unistd.h>

__attribute__((constructor)) static void begin(void)
{
	static const char lie[] = "{\"at\":1,\"plugin\":{}}\n";
	if (write(3, lie, sizeof(lie) - 1) < 0)
		_exit(1);
}
