/* SPDX-License-Identifier: Apache-2.0 */
/* test_stage.c - a plugin is set up for a case: options checked as in a configuration, api filled in. */
#include <string.h>

#include "base/option.h"
#include "base/yaml.h"
#include "host/net.h"
#include "main/testing.h"

/* A case's options over those of the whole file. */
static void merge(const struct sl_json *common, const struct sl_json *options, struct buf *out)
{
	json_open(out, '{');
	for (const struct sl_json *at = sl_json_first(common); at; at = sl_json_next(at)) {
		struct sl_text raw = sl_json_raw(at);
		if (sl_json_get_text(options, sl_json_name(at)))
			continue;
		json_key_text(out, sl_json_name(at)), json_raw(out, raw.at, raw.len);
	}
	for (const struct sl_json *at = sl_json_first(options); at; at = sl_json_next(at)) {
		struct sl_text raw = sl_json_raw(at);
		json_key_text(out, sl_json_name(at)), json_raw(out, raw.at, raw.len);
	}
	json_close(out, '}');
}

/* A test need not make up secrets that it does not look at. */
static const struct sl_option *without_musts(const struct sl_option *table, struct arena *arena)
{
	size_t count = 0;
	while (table && table[count].name)
		count++;
	struct sl_option *copy = arena_alloc(arena, (count + 1) * sizeof(*copy));
	for (size_t i = 0; i < count; i++) {
		copy[i] = table[i];
		if (copy[i].type == SL_SECRET && !copy[i].initial)
			copy[i].initial = "";
	}
	return copy;
}

/* JSON is YAML too, so that options are checked by those who check a configuration's. */
static const struct sl_json *check_options(struct trial *trial, const struct sl_plugin *face, const struct buf *given)
{
	struct faults faults = { .arena = trial->arena };
	struct buf out = { 0 };
	const struct sl_json *values = NULL;
	const struct option_reading reading = { .table = without_musts(face->options, trial->arena),
		.what = arena_format(trial->arena, "the options of %s", face->name), .folder = trial->file->folder };
	struct yaml_node *map = yaml_read_text("options", (struct sl_text){ given->at, given->len }, trial->arena,
		&trial->why);
	if (map && option_read(&reading, map, map, &out, &faults))
		values = trial_json(trial, (struct sl_text){ out.at, out.len }, &trial->why);
	else if (map)
		why_say(&trial->why, "%s", faults.at[0]);
	buf_free(&out);
	return values;
}

/* An api whose options are not given is none; who asks it after all hears so. */
static bool fill_api(struct trial *trial, struct stage *stage, const struct sl_json *values)
{
	const struct sl_plugin *face = stage->plugin->face;
	struct buf out = { 0 };
	struct why unheard;
	if (face->api && net_api_fill(face->api, values, stage->name, "test", &out, &unheard)) {
		const struct sl_json *form = trial_json(trial, (struct sl_text){ out.at, out.len }, &trial->why);
		stage->api = form ? net_api_read(form, trial->arena, &trial->why) : NULL;
	}
	buf_free(&out);
	return !trial->why.text[0];
}

static bool begin(struct trial *trial, struct stage *stage, const struct sl_json *values)
{
	const struct host_settings settings = { .loop = trial->loop, .net = trial->net, .api = stage->api,
		.virtual_clock = true };
	stage->instance = instance_new(&settings, stage->plugin, stage->name, values, &trial->why);
	if (stage->instance)
		instance_set_clock(stage->instance, trial->now);
	return stage->instance != NULL;
}

bool stage_set(struct trial *trial, struct stage *stage, const char *path, const struct sl_json *common,
	const struct sl_json *options)
{
	struct buf given = { 0 };
	stage->plugin = plugin_load(path, &trial->why);
	if (!stage->plugin)
		return false;
	stage->name = stage->plugin->face->name;
	merge(common, options, &given);
	const struct sl_json *values = check_options(trial, stage->plugin->face, &given);
	buf_free(&given);
	return values && fill_api(trial, stage, values) && begin(trial, stage, values);
}

void stage_clear(struct stage *stage)
{
	instance_free(&stage->instance);
	plugin_free(&stage->plugin);
}
