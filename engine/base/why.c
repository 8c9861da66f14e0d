/* SPDX-License-Identifier: Apache-2.0 */
/* why.c - why something failed, in one sentence. */
#include "base/why.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = ' ';
}

bool why_vsay(struct why *why, const char *form, va_list values)
{
	if (!why)
		return false;
	vsnprintf(why->text, sizeof(why->text), form, values);
	one_line(why->text);
	return false;
}

bool why_say(struct why *why, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	why_vsay(why, form, values);
	va_end(values);
	return false;
}

bool why_errno(struct why *why, const char *form, ...)
{
	int error = errno;
	va_list values;
	if (!why)
		return false;
	va_start(values, form);
	why_vsay(why, form, values);
	va_end(values);
	size_t used = strlen(why->text);
	snprintf(why->text + used, sizeof(why->text) - used, ": %s", strerror(error));
	return false;
}

bool why_within(struct why *why, const char *form, ...)
{
	struct why inner;
	va_list values;
	if (!why)
		return false;
	inner = *why;
	va_start(values, form);
	why_vsay(why, form, values);
	va_end(values);
	size_t used = strlen(why->text);
	snprintf(why->text + used, sizeof(why->text) - used, ": %s", inner.text);
	return false;
}
