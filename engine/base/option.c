/* SPDX-License-Identifier: Apache-2.0 */
/* option.c - the types of options, and what YAML may say for them. */
#include "base/option.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/option_types.h"
#include "sdk/text.h"
#include "sdk/time.h"

/* ---------------------------------------------------------------- numbers */

static const struct unit {
	int64_t size;
	const char *name;
} duration_units[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" } },
  size_units[] = { { 1 << 30, " GB" }, { 1 << 20, " MB" }, { 1 << 10, " KB" }, { 1, "" } };

const char *option_number(enum sl_type type, int64_t number, char room[OPTION_NUMBER])
{
	const struct unit *unit = type == SL_DURATION ? duration_units : size_units;
	if (type == SL_INT || !number)
		unit = &size_units[3];
	while (number % unit->size)
		unit++;
	snprintf(room, OPTION_NUMBER, "%" PRId64 "%s", number / unit->size, unit->name);
	return room;
}

static bool within_bounds(const struct sl_option *row, const struct yaml_node *node, int64_t number, struct why *why)
{
	char shown[YAML_SHOWN], low[OPTION_NUMBER], high[OPTION_NUMBER];
	if (row->min == row->max || (number >= row->min && number <= row->max))
		return true;
	option_number(row->type, row->min, low);
	option_number(row->type, row->max, high);
	if (row->max == INT64_MAX)
		return yaml_why(node, why, "`%s` must be at least %s, not %s", row->name, low, yaml_shown(node, shown));
	return yaml_why(node, why, "`%s` must be between %s and %s, not %s", row->name, low, high,
		yaml_shown(node, shown));
}

static bool other_kind(const struct sl_option *row, const struct yaml_node *node, struct why *why)
{
	char room[YAML_SHOWN];
	return yaml_why(node, why, "`%s` must be %s, not %s", row->name, option_type(row->type)->help,
		yaml_shown(node, room));
}

/* A number in quotes is one too: the table says what it is. */
static struct yaml_node bare(const struct yaml_node *node)
{
	struct yaml_node copy = *node;
	copy.quoted = false;
	return copy;
}

static bool read_bool(const struct sl_option *row, const struct yaml_node *node, const char *folder, struct buf *out,
	struct why *why)
{
	struct yaml_node word = bare(node);
	bool value;
	if (!yaml_bool(&word, &value))
		return other_kind(row, node, why);
	json_bool(out, value);
	return true;
}

static bool read_int(const struct sl_option *row, const struct yaml_node *node, const char *folder, struct buf *out,
	struct why *why)
{
	struct yaml_node digits = bare(node);
	int64_t number;
	if (!yaml_int(&digits, &number))
		return other_kind(row, node, why);
	if (!within_bounds(row, node, number, why))
		return false;
	json_int(out, number);
	return true;
}

static bool read_unit(const struct sl_option *row, const struct yaml_node *node, const char *folder, struct buf *out,
	struct why *why)
{
	bool (*read)(struct sl_text, int64_t *) = row->type == SL_DURATION ? sl_duration_read : sl_size_read;
	int64_t number;
	if (node->kind != YAML_SCALAR || !read(node->text, &number))
		return other_kind(row, node, why);
	if (!within_bounds(row, node, number, why))
		return false;
	json_int(out, number);
	return true;
}

/* ------------------------------------------------------------------- text */

static bool read_text(const struct sl_option *row, const struct yaml_node *node, const char *folder, struct buf *out,
	struct why *why)
{
	if (node->kind != YAML_SCALAR)
		return other_kind(row, node, why);
	json_text(out, node->text);
	return true;
}

static bool read_choice(const struct sl_option *row, const struct yaml_node *node, const char *folder,
	struct buf *out, struct why *why)
{
	char room[YAML_SHOWN], all[200] = "";
	for (const char *const *choice = row->choices; *choice; choice++) {
		size_t used = strlen(all);
		if (yaml_is(node, *choice))
			return read_text(row, node, folder, out, why);
		snprintf(all + used, sizeof(all) - used, "%s%s", used ? ", " : "", *choice);
	}
	return yaml_why(node, why, "`%s` must be one of: %s; not %s", row->name, all, yaml_shown(node, room));
}

/* The folder that a file stands in, absolute; "" if it cannot be told. */
static void folder_of(const char *file, char room[PATH_MAX])
{
	const char *slash = strrchr(file, '/');
	size_t used = 0;
	room[0] = '\0';
	if (*file != '/' && getcwd(room, PATH_MAX))
		used = strlen(room);
	if (slash)
		snprintf(room + used, PATH_MAX - used, "%s%.*s", used ? "/" : "", (int)(slash - file), file);
}

/* Without "." and doubled slashes; ".." stays, as it may lead through a link. */
static const char *tidy(char *path)
{
	char *to = path;
	for (const char *from = path; *from;) {
		size_t len = strcspn(from + 1, "/") + 1;
		if (len > 1 && !(len == 2 && from[1] == '.')) {
			memmove(to, from, len);
			to += len;
		}
		from += len;
	}
	*to = '\0';
	return to == path ? "/" : path;
}

const char *option_path(const char *file, const char *path, struct arena *arena)
{
	char folder[PATH_MAX];
	if (*path == '/')
		return tidy(arena_string(arena, path));
	folder_of(file, folder);
	return tidy(arena_format(arena, "%s/%s", folder, path));
}

static bool read_path(const struct sl_option *row, const struct yaml_node *node, const char *folder, struct buf *out,
	struct why *why)
{
	struct arena *arena;
	if (node->kind != YAML_SCALAR)
		return other_kind(row, node, why);
	if (!node->text.len)
		return read_text(row, node, folder, out, why);
	arena = arena_new();
	const char *file = folder ? arena_format(arena, "%s/", folder) : node->file;
	json_string(out, option_path(file, node->text.at, arena));
	arena_free(&arena);
	return true;
}

/* ------------------------------------------------------------ collections */

static bool item_fits(const struct sl_option *row, const struct yaml_node *item, struct why *why)
{
	char room[YAML_SHOWN];
	if (item->kind == YAML_SCALAR && !yaml_null(item))
		return true;
	return yaml_why(item, why, "`%s` must hold plain values, not %s", row->name, yaml_shown(item, room));
}

/* A single value is a list of one.  An empty secret is none: an old one that is
 * no longer set must never verify anything. */
static bool read_list(const struct sl_option *row, const struct yaml_node *node, const char *folder, struct buf *out,
	struct why *why)
{
	struct yaml_node alone = *node;
	alone.next = NULL;
	if (node->kind == YAML_MAP)
		return other_kind(row, node, why);
	json_open(out, '[');
	for (const struct yaml_node *item = node->kind == YAML_LIST ? node->first : &alone; item; item = item->next) {
		if (!item_fits(row, item, why))
			return false;
		if (row->type != SL_SECRET || item->text.len)
			json_text(out, item->text);
	}
	json_close(out, ']');
	return true;
}

static bool read_map(const struct sl_option *row, const struct yaml_node *node, const char *folder, struct buf *out,
	struct why *why)
{
	if (node->kind != YAML_MAP)
		return other_kind(row, node, why);
	json_open(out, '{');
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (!item_fits(row, item, why))
			return false;
		json_key_text(out, item->key->text);
		json_text(out, item->text);
	}
	json_close(out, '}');
	return true;
}

/* ------------------------------------------------------------------ types */

static const struct option_type types[] = {
	[SL_BOOL] = { "bool", "true or false", NULL, read_bool, fill_bool, false },
	[SL_INT] = { "int", "a whole number", NULL, read_int, fill_int, true },
	[SL_TEXT] = { "text", "text", "\"\"", read_text, fill_text, false },
	[SL_SECRET] = { "secret", "one secret or a list of them", "[]", read_list, fill_list, false },
	[SL_DURATION] = { "duration", "a duration such as 90s, 15m, 48h or 14d", NULL, read_unit, fill_int, true },
	[SL_CHOICE] = { "choice", "one of its choices", "\"\"", read_choice, fill_text, false },
	[SL_LIST] = { "list", "a list of plain values", "[]", read_list, fill_list, false },
	[SL_MAP] = { "map", "a map of names to plain values", "{}", read_map, fill_map, false },
	[SL_PATH] = { "path", "a path", "\"\"", read_path, fill_text, false },
	[OPTION_SIZE] = { "size", "a size such as 64 MB or 10 GB", NULL, read_unit, fill_int, true },
	[OPTION_TREE] = { "tree", "described below", NULL, NULL, NULL, false },
};

const struct option_type *option_type(enum sl_type type)
{
	size_t index = (size_t)type;
	return index < sizeof(types) / sizeof(*types) && types[index].name ? &types[index] : NULL;
}

const char *option_type_name(enum sl_type type)
{
	const struct option_type *found = option_type(type);
	return found ? found->name : NULL;
}

bool option_row(const struct sl_option *table, size_t row_size, size_t index, struct sl_option *row)
{
	*row = (struct sl_option){ 0 };
	if (!table)
		return false;
	memcpy(row, (const char *)table + index * row_size, row_size < sizeof(*row) ? row_size : sizeof(*row));
	return row->name != NULL;
}

/* An initial value of several parts is YAML: "[a, b]"; a single one is taken as
 * it stands, so that "%H:%M" needs no quotes within quotes. */
static const struct yaml_node *initial_node(const struct sl_option *row, struct yaml_node *single, struct arena *arena,
	struct why *why)
{
	const char *file = arena_format(arena, "the initial value of %s", row->name);
	if (row->type == SL_LIST || row->type == SL_SECRET || row->type == SL_MAP)
		return yaml_read_text(file, sl_text_of(row->initial), arena, why);
	*single = (struct yaml_node){ .text = sl_text_of(row->initial), .file = file, .line = 1, .column = 1 };
	return single;
}

/* "the initial value of patience:1:1: ..." names a place that nobody wrote. */
static void without_place(struct why *why, const struct sl_option *row)
{
	static const char begins[] = "the initial value of ";
	size_t skip = sizeof(begins) - 1 + strlen(row->name);
	size_t place = strncmp(why->text, begins, sizeof(begins) - 1) == 0 ? strspn(why->text + skip, ":0123456789") : 0;
	if (place > 1)
		memmove(why->text + skip + 1, why->text + skip + place, strlen(why->text + skip + place) + 1);
}

bool option_initial(const struct sl_option *row, const char *folder, struct buf *out, struct why *why)
{
	const struct option_type *type = option_type(row->type);
	struct yaml_node single;
	const struct yaml_node *node;
	bool fine;
	if (!*row->initial && type->empty) {
		json_raw(out, type->empty, strlen(type->empty));
		return true;
	}
	struct arena *arena = arena_new();
	node = initial_node(row, &single, arena, why);
	fine = node && type->read(row, node, folder ? folder : ".", out, why);
	arena_free(&arena);
	if (!fine)
		without_place(why, row);
	return fine;
}
