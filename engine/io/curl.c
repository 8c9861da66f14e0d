/* SPDX-License-Identifier: Apache-2.0 */
/* curl.c - loads libcurl. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/line.h"
#include "io/curl.h"

#define LIBRARY "libcurl.so.4"
#define NO_LIBRARY 71 /* exit code: something of the system's could not be had */

static struct curl loaded;

static const struct {
	const char *name;
	size_t place;
} functions[] = {
#define X(title) { #title, offsetof(struct curl, title) },
	CURL_FUNCTIONS(X)
#undef X
};

static void give_up(void)
{
	const char *why = dlerror();
	line(SL_ERROR, "%s cannot be loaded, and without it nobody can be asked anything: %s", LIBRARY, why ? why : "");
	_Exit(NO_LIBRARY);
}

static void load(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	char name[64];
	if (!library)
		give_up();
	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		snprintf(name, sizeof(name), "curl_%s", functions[i].name);
		void *function = dlsym(library, name);
		if (!function)
			give_up();
		memcpy((char *)&loaded + functions[i].place, &function, sizeof(function));
	}
}

const struct curl *curl_loaded(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, load);
	return &loaded;
}
