/* SPDX-License-Identifier: Apache-2.0 */
/* sample_bed.h - for tests: the vendors' plugins, and the requests that lie in their folders. */
#ifndef TESTS_SAMPLE_BED_H
#define TESTS_SAMPLE_BED_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "flow/webhook.h"
#include "host/host.h"
#include "sdk/text.h"

#define SAMPLE_FOLDER 512

static inline void sample_folder(const char *name, char folder[SAMPLE_FOLDER])
{
	const char *source = getenv("SLUICE_SOURCE");
	snprintf(folder, SAMPLE_FOLDER, "%s/plugins/%s/samples", source ? source : ".", name);
}

static inline struct plugin *sample_plugin(const char *name)
{
	const char *build = getenv("SLUICE_BUILD"), *source = getenv("SLUICE_SOURCE");
	struct why why = { "" };
	char path[1024];
	snprintf(path, sizeof(path), "%s/plugins/%s/%s.lua", source ? source : ".", name, name);
	if (access(path, R_OK) != 0)
		snprintf(path, sizeof(path), "%s/share/sluice/plugins/%s/%s.so", build ? build : ".", name, name);
	if (access(path, R_OK) != 0)
		return NULL; /* not built */
	struct plugin *plugin = plugin_load(path, &why);
	if (!plugin)
		fail_msg("%s", why.text);
	return plugin;
}

static inline struct buf sample_content(const char *folder, const char *name)
{
	struct buf text = { 0 };
	char path[1024];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "r");
	for (int c = file ? fgetc(file) : EOF; c != EOF; c = fgetc(file))
		buf_char(&text, (char)c);
	if (file)
		fclose(file);
	return text;
}

/* "wh_x.headers.json" beside "wh_x.json": an object of names and
 * values, as the log keeps them. */
static inline struct buf sample_headers(const char *folder, const char *file)
{
	struct buf headers = { 0 };
	char name[256];
	snprintf(name, sizeof(name), "%.*s.headers.json", (int)(strrchr(file, '.') - file), file);
	struct buf text = sample_content(folder, name);
	struct sl_document *document = sl_json_read((struct sl_text){ text.at, text.len }, NULL, 0);
	for (const struct sl_json *at = sl_json_first(sl_json_root(document)); at; at = sl_json_next(at)) {
		struct sl_text header = sl_json_name(at), value = sl_json_string(at);
		for (size_t i = 0; i < header.len; i++)
			buf_char(&headers, (char)(header.at[i] | (header.at[i] >= 'A' && header.at[i] <= 'Z' ? 32 : 0)));
		buf_format(&headers, ": %.*s\n", (int)value.len, value.at ? value.at : "");
	}
	sl_json_free(&document);
	buf_free(&text);
	return headers;
}

#endif
