/* SPDX-License-Identifier: Apache-2.0 */
/* faults.c - everything that is wrong with a file, one sentence each. */
#include "base/faults.h"

bool faults_add(struct faults *faults, const struct why *why)
{
	if (faults->count < FAULTS_MOST)
		faults->at[faults->count] = arena_string(faults->arena, why->text);
	faults->count++;
	return false;
}

bool faults_say(struct faults *faults, const char *form, ...)
{
	struct why why;
	va_list values;
	va_start(values, form);
	why_vsay(&why, form, values);
	va_end(values);
	return faults_add(faults, &why);
}
