/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - reading a configuration, step by step. */
#include "main/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "main/config_build.h"

/* ------------------------------------------------------------- for the steps */

static void note(struct faults *faults, const struct yaml_node *node, const char *form, va_list values)
{
	struct why why;
	why_vsay(&why, form, values);
	why_within(&why, "%s:%u:%u", node->file, node->line, node->column);
	faults_add(faults, &why);
}

bool fault(struct build *build, const struct yaml_node *node, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	note(build->errors, node, form, values);
	va_end(values);
	return false;
}

void warn(struct build *build, const struct yaml_node *node, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	note(build->warnings, node, form, values);
	va_end(values);
}

const struct sl_json *values_parse(struct build *build, const struct buf *text)
{
	struct documents *held = arena_alloc(build->arena, sizeof(*held));
	held->document = sl_json_read((struct sl_text){ text->at, text->len }, NULL, 0);
	held->next = build->documents;
	build->documents = held;
	return sl_json_root(held->document);
}

const struct sl_json *values_read(struct build *build, const struct sl_option *table, const char *const *others,
	const char *what, const struct yaml_node *map, const struct yaml_node *owner)
{
	const struct option_reading reading = { table, what, others, build->config->folder };
	struct buf text = { 0 };
	const struct sl_json *values = NULL;
	if (option_read(&reading, map, owner, &text, build->errors))
		values = values_parse(build, &text);
	buf_free(&text);
	return values;
}

const struct yaml_node *list_item(const struct yaml_node *node, size_t index)
{
	const struct yaml_node *item = node->kind == YAML_LIST ? node->first : node;
	while (index-- && item->next)
		item = item->next;
	return item;
}

bool name_fits(struct build *build, const struct yaml_node *node, const char *what)
{
	static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
	const char *name = node->text.at;
	size_t len = node->text.len;
	char room[YAML_SHOWN];
	if (len > 0 && len <= 64 && strspn(name, chars) == len && *name != '.')
		return true;
	return fault(build, node, "a %s's name is 1 to 64 letters, digits, _ . or -, and begins with no dot; %s is not",
		what,
		yaml_shown(node, room));
}

/* ------------------------------------------------------------------ the steps */

static bool read_root(struct build *build)
{
	struct why why = { 0 };
	const char *file = build->config->file;
	build->root = yaml_read_file(file, build->arena, &why);
	if (!build->root)
		return faults_add(build->errors, &why);
	if (!yaml_want(build->root, YAML_MAP, "the configuration", &why))
		return faults_add(build->errors, &why);
	build->config->folder = option_path(file, ".", build->arena);
	return true;
}

/* Only what is looked at is put in: who only asks for the log's folder needs no
 * vendor's secret. */
static void put_in(struct build *build, enum config_depth depth)
{
	for (struct yaml_node *node = build->root->first; node; node = node->next) {
		bool rest = false;
		for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
			rest = rest || yaml_is(node->key, sections[i].key);
		rest = rest || yaml_is(node->key, "routes");
		if (depth != CONFIG_ENGINE || !rest)
			env_put_in(build, node);
	}
}

/* A file of secrets that is not there is no fault of a path that names none of them. */
static void read_paths(struct build *build)
{
	struct faults unheard = { .arena = build->arena }, *errors = build->errors;
	struct yaml_node *node = build->root->first;
	build->errors = &unheard;
	env_read(build);
	build->errors = errors;
	while (node && !yaml_is(node->key, "plugin_path"))
		node = node->next;
	if (node)
		env_put_in(build, node);
	engine_paths(build);
}

static void read_steps(struct build *build, enum config_depth depth)
{
	if (!read_root(build))
		return;
	if (depth == CONFIG_PATHS) {
		read_paths(build);
		return;
	}
	if (!env_read(build))
		return;
	put_in(build, depth);
	engine_read(build);
	build->engine_faulty = build->errors->count > 0;
	build->share = (struct share){ build->config->folder, build->config->plugin_path, build->arena };
	if (depth == CONFIG_ENGINE)
		return;
	parts_read(build);
	routes_read(build);
}

struct config *config_read(const char *file, enum config_depth depth, struct faults *errors, struct faults *warnings)
{
	struct arena *arena = arena_new();
	struct faults unheard = { .arena = arena };
	struct build build = { .arena = arena, .errors = errors, .warnings = warnings ? warnings : &unheard,
		.builds = depth == CONFIG_BUILD };
	size_t before = errors->count;
	build.config = arena_alloc(arena, sizeof(*build.config));
	build.config->arena = arena;
	build.config->file = arena_string(arena, file);
	read_steps(&build, depth);
	for (; build.documents; build.documents = build.documents->next)
		sl_json_free(&build.documents->document);
	if (errors->count == before)
		return build.config;
	arena_free(&arena);
	return NULL;
}

void config_free(struct config **config)
{
	if (!*config)
		return;
	struct arena *arena = (*config)->arena;
	*config = NULL;
	arena_free(&arena);
}

/* ---------------------------------------------------------------- looking */

const struct config_source *config_source(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->source_count; i++)
		if (strcmp(config->sources[i].name, name) == 0)
			return &config->sources[i];
	return NULL;
}

const struct config_sink *config_sink(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->sink_count; i++)
		if (strcmp(config->sinks[i].name, name) == 0)
			return &config->sinks[i];
	return NULL;
}

const struct config_route *config_route(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->route_count; i++)
		if (strcmp(config->routes[i].name, name) == 0)
			return &config->routes[i];
	return NULL;
}

void config_say(const struct faults *faults, const char *kind)
{
	for (size_t i = 0; i < faults->count && i < FAULTS_MOST; i++)
		fprintf(stderr, "%s%s\n", kind, faults->at[i]);
	if (faults->count > FAULTS_MOST)
		fprintf(stderr, "%sand %zu more\n", kind, faults->count - FAULTS_MOST);
}

struct config *config_or_say(const char *file, enum config_depth depth, bool warnings_too)
{
	struct arena *arena = arena_new();
	struct faults errors = { .arena = arena }, warnings = { .arena = arena };
	struct config *config = config_read(file, depth, &errors, &warnings);
	config_say(&errors, "");
	if (warnings_too)
		config_say(&warnings, "warning: ");
	arena_free(&arena);
	return config;
}
