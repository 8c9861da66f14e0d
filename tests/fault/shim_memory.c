/* SPDX-License-Identifier: Apache-2.0 */
/* shim_memory.c - there is no memory. */
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------------- memory */

/* The next one's, of the C library or of a sanitizer. */
#define NEXT(name) ((__typeof__(&name))find_next((void **)&next_##name, #name))
static void *next_malloc, *next_calloc, *next_realloc, *next_strdup;

static void *find_next(void **place, const char *name)
{
	if (!*place)
		*place = dlsym(RTLD_NEXT, name);
	return *place;
}

static bool no_memory(void)
{
	if (!(shim_levers->kinds & MEMORY) || !shim_harm(MEMORY, NULL))
		return false;
	errno = ENOMEM;
	return true;
}

OURS void *malloc(size_t size)
{
	return no_memory() ? NULL : NEXT(malloc)(size);
}

OURS void *calloc(size_t count, size_t size)
{
	return no_memory() ? NULL : NEXT(calloc)(count, size);
}

OURS void *realloc(void *at, size_t size)
{
	return no_memory() ? NULL : NEXT(realloc)(at, size);
}

OURS char *strdup(const char *text)
{
	return no_memory() ? NULL : NEXT(strdup)(text);
}

/* libseccomp 2.5.4 follows a null pointer there when it has no memory.  The process has done nothing by then. */
OURS int seccomp_load(void *filter);
OURS int seccomp_load(void *filter)
{
	static int (*next)(void *);
	if (!next)
		next = (int (*)(void *))dlsym(RTLD_NEXT, "seccomp_load");
	shim_inside = true;
	int outcome = next(filter);
	shim_inside = false;
	return outcome;
}
