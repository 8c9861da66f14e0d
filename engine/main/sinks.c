/* SPDX-License-Identifier: Apache-2.0 */
/* sinks.c - commands that work on a destination: which sink, and the sink itself. */
#include "main/sinks.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/line.h"

#define PROGRESS_EVERY 100 /* ms */

/* -------------------------------------------------------------------- which one */

/* "local, warehouse": those that keep tables. */
static void put_names(const struct config *config, struct buf *out)
{
	for (size_t i = 0; i < config->sink_count; i++)
		if (config->sinks[i].schema_file)
			buf_format(out, "%s%s", out->len ? ", " : "", config->sinks[i].name);
}

static bool say_names(const struct config *config, const char *before, struct why *why)
{
	struct buf names = { 0 };
	put_names(config, &names);
	why_say(why, "%s: %s", before, names.len ? names.at : "no sink has a schema");
	buf_free(&names);
	return false;
}

static const struct config_sink *only_one(const struct config *config, struct why *why)
{
	const struct config_sink *found = NULL;
	for (size_t i = 0; i < config->sink_count; i++) {
		if (!config->sinks[i].schema_file)
			continue;
		if (found) {
			say_names(config, "say which sink", why);
			return NULL;
		}
		found = &config->sinks[i];
	}
	if (!found)
		why_say(why, "no sink in %s has a schema", config->file);
	return found;
}

const struct config_sink *sinks_choose(const struct config *config, const char *name, struct why *why)
{
	if (!name)
		return only_one(config, why);
	const struct config_sink *sink = config_sink(config, name);
	char before[200];
	if (sink && sink->schema_file)
		return sink;
	const char *form = sink ? "the sink %.100s has no schema; those that have" : "there is no sink %.100s; there is";
	snprintf(before, sizeof(before), form, name);
	say_names(config, before, why);
	return NULL;
}

/* -------------------------------------------------------------------- the sink */

static struct sl_document *part_of(const struct config *config, const struct config_sink *sink)
{
	struct buf part = { 0 };
	json_open(&part, '{');
	config_part_sink(config, sink, &part);
	json_close(&part, '}');
	struct sl_document *document = sl_json_read((struct sl_text){ part.at, part.len }, NULL, 0);
	buf_free(&part);
	return document;
}

struct destination *sinks_begin(const struct config *config, const struct config_sink *sink, struct why *why)
{
	struct sl_document *part = part_of(config, sink);
	line_setup("sink", NULL, SL_WARNING);
	struct destination *there = destination_new(sl_json_root(part), why);
	sl_json_free(&part);
	return there;
}

struct schema *sinks_schema(const struct config *config, const struct config_sink *sink, struct why *why)
{
	struct sl_document *part = part_of(config, sink);
	struct schema *schema =
		schema_of_part(sl_json_at(sl_json_root(part), "/sink/schema"), sink->description->dialect, why);
	sl_json_free(&part);
	return schema;
}

/* -------------------------------------------------------------------- progress */

void sinks_progress(const char *form, ...)
{
	static int64_t shown;
	struct why sentence;
	va_list values;
	if (!isatty(STDERR_FILENO) || (*form && clock_ticks() - shown < PROGRESS_EVERY))
		return;
	va_start(values, form);
	why_vsay(&sentence, form, values);
	va_end(values);
	if (*form || shown)
		fprintf(stderr, "\r\033[K%s", sentence.text);
	shown = *form ? clock_ticks() : 0;
}
