/* SPDX-License-Identifier: Apache-2.0 */
/* init_text.c - an example's configuration, fitted to where it goes and what it writes to. */
#include <stdlib.h>
#include <string.h>

#include "main/init.h"
#include "main/share.h"
#include "sdk/text.h"

static const char schema_line[] = "# yaml-language-server:";

/* What a sink of each kind is told about where its tables are. */
static const struct kind {
	const char *use, *key, *value, *env;
} kinds[] = {
	{ "sqlite", "path", "./warehouse.db", NULL },
	{ "postgres", "url", "${DATABASE_URL}",
		"# The database: postgresql://USER:PASSWORD@HOST:5432/NAME?sslmode=verify-full&sslrootcert=system\n"
		"DATABASE_URL=\n" },
};

static const struct kind *kind_of(const char *use)
{
	for (size_t i = 0; use && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].use, use) == 0)
			return &kinds[i];
	return NULL;
}

/* ------------------------------------------------------------------------ replacing */

/* A piece of the text that becomes another. */
struct change {
	size_t from, to;
	const char *with;
};

struct changes {
	struct change at[64];
	size_t count;
};

/* Columns count characters; what stands in front of a key is spaces and other keys. */
static size_t offset_of(struct sl_text text, const struct yaml_node *node)
{
	const char *at = text.at, *end = text.at + text.len;
	for (uint32_t line = 1; line < node->line && at; line++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	size_t offset = at ? (size_t)(at - text.at) + node->column - 1 : text.len;
	return offset < text.len ? offset : text.len;
}

static size_t end_of(struct sl_text text, const struct yaml_node *node)
{
	size_t end = offset_of(text, node) + node->text.len + (node->quoted ? 2 : 0);
	return end < text.len ? end : text.len;
}

static void add_change(struct changes *changes, size_t from, size_t to, const char *with)
{
	if (changes->count < sizeof(changes->at) / sizeof(*changes->at))
		changes->at[changes->count++] = (struct change){ from, to, with };
}

static bool change_sink(const struct init *init, const struct yaml_node *sink, struct changes *changes)
{
	const struct yaml_node *use = yaml_get(sink, "use");
	const struct kind *from = use && use->kind == YAML_SCALAR ? kind_of(use->text.at) : NULL, *to = kind_of(init->sink);
	struct sl_text text = init->example->text;
	const struct yaml_node *where = from ? yaml_get(sink, from->key) : NULL;
	if (!from || !where || where->kind != YAML_SCALAR || from == to)
		return from != NULL;
	add_change(changes, offset_of(text, use), end_of(text, use), to->use);
	add_change(changes, offset_of(text, where->key), end_of(text, where),
		arena_format(init->arena, "%s: %s", to->key, to->value));
	return true;
}

/* Editors find the schema where it is installed, not where the example lay. */
static void change_schema_line(const struct init *init, struct changes *changes)
{
	const struct share share = { .arena = init->arena };
	const char *schema = share_schema_file(&share, "config.schema.json");
	char *real = schema ? realpath(schema, NULL) : NULL;
	size_t len = strcspn(init->example->text.at, "\n");
	if (strncmp(init->example->text.at, schema_line, sizeof(schema_line) - 1) == 0)
		add_change(changes, 0, real ? len : len + 1,
			real ? arena_format(init->arena, "%s $schema=%s", schema_line, real) : "");
	free(real);
}

static int by_place(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	return x->from < y->from ? -1 : x->from > y->from;
}

static void apply(struct sl_text text, struct changes *changes, struct buf *out)
{
	size_t at = 0;
	qsort(changes->at, changes->count, sizeof(*changes->at), by_place);
	for (size_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->at[i];
		buf_add(out, text.at + at, change->from - at);
		buf_string(out, change->with);
		at = change->to;
	}
	buf_add(out, text.at + at, text.len - at);
}

bool init_config(const struct init *init, struct buf *out, struct why *why)
{
	const struct yaml_node *sinks = yaml_get(init->example->root, "sinks");
	struct changes changes = { .count = 0 };
	size_t fit = 0;
	change_schema_line(init, &changes);
	for (const struct yaml_node *sink = init->sink && sinks ? sinks->first : NULL; sink; sink = sink->next)
		fit += change_sink(init, sink, &changes);
	if (init->sink && !fit)
		return why_say(why, "the example %s has no sink that could be a %s one", init->example->name, init->sink);
	apply(init->example->text, &changes, out);
	return true;
}

/* ------------------------------------------------------------------------------- env */

void init_env(const struct init *init, struct sl_text example, struct buf *out)
{
	const struct kind *kind = kind_of(init->sink);
	if (example.len)
		buf_add(out, example.at, example.len);
	if (example.len && example.at[example.len - 1] != '\n')
		buf_char(out, '\n');
	if (kind && kind->env && !(example.len && strstr(example.at, "DATABASE_URL=")))
		buf_string(out, kind->env);
}

const char *const *init_empty(const struct init *init, struct why *why)
{
	struct sl_text text = example_read(arena_format(init->arena, "%s/sluice.env", init->folder), init->arena, why);
	const char **names = arena_alloc(init->arena, (text.len / 2 + 2) * sizeof(*names));
	size_t count = 0;
	for (const char *line = text.at; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t name = strcspn(line, "=\n");
		if (*line != '#' && name && line[name] == '=' && (line[name + 1] == '\n' || !line[name + 1]))
			names[count++] = arena_copy(init->arena, line, name);
	}
	return names;
}
