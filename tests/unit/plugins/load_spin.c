/* SPDX-License-Identifier: Apache-2.0 */
/* load_spin.c - no plugin: it never finishes loading. */
__attribute__((constructor)) static void begin(void)
{
	volatile unsigned turns = 0;
	for (;;)
		turns++;
}
