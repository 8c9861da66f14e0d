/* SPDX-License-Identifier: Apache-2.0 */
/* option_describe.c - option tables as JSON, as a manual, and as strangers send them. */
#include <string.h>

#include "base/option.h"
#include "base/option_types.h"

#define MOST_ROWS 100
#define MOST_TEXT 4096
#define MOST_TYPE ((int)OPTION_TREE)

/* ------------------------------------------------------------------ check */

static bool is_name(const char *name)
{
	size_t len = strlen(name);
	return len > 0 && len <= 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static bool is_new(const struct sl_option *table, size_t row_size, size_t index, const char *name)
{
	struct sl_option row;
	for (size_t i = 0; i < index && option_row(table, row_size, i, &row); i++)
		if (strcmp(row.name, name) == 0)
			return false;
	return true;
}

static bool check_row(const struct sl_option *row, struct why *why)
{
	const struct option_type *type = option_type(row->type);
	struct buf value = { 0 };
	bool fine;
	if (!is_name(row->name))
		return why_say(why, "an option's name is a word of a-z, 0-9 and _, not \"%.64s\"", row->name);
	if (!type)
		return why_say(why, "the option `%s` has type %d, which this engine does not know", row->name, (int)row->type);
	if (row->type == SL_CHOICE && (!row->choices || !*row->choices))
		return why_say(why, "the option `%s` is a choice without choices", row->name);
	if (row->min > row->max)
		return why_say(why, "the option `%s` has a min above its max", row->name);
	if (!row->initial || !type->read)
		return true;
	fine = option_initial(row, NULL, &value, why);
	buf_free(&value);
	return fine;
}

bool option_check(const struct sl_option *table, size_t row_size, struct why *why)
{
	struct sl_option row;
	for (size_t i = 0; option_row(table, row_size, i, &row); i++) {
		if (i == MOST_ROWS)
			return why_say(why, "there are more than %d options; does the table end with a NULL name?", MOST_ROWS);
		if (!check_row(&row, why))
			return false;
		if (!is_new(table, row_size, i, row.name))
			return why_say(why, "the option `%s` is there twice", row.name);
	}
	return true;
}

/* ---------------------------------------------------------------- as JSON */

static void describe_choices(const char *const *choices, struct buf *out)
{
	json_key(out, "choices");
	json_open(out, '[');
	for (; *choices; choices++)
		json_string(out, *choices);
	json_close(out, ']');
}

static void describe_row(const struct sl_option *row, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "name", row->name);
	json_member_string(out, "type", option_type_name(row->type));
	json_member_string(out, "initial", row->initial);
	json_member_bool(out, "required", !row->initial);
	if (row->min != row->max) {
		json_member_int(out, "min", row->min);
		json_member_int(out, "max", row->max);
	}
	if (row->type == SL_CHOICE)
		describe_choices(row->choices, out);
	json_member_string(out, "help", row->help);
	json_close(out, '}');
}

void option_describe(const struct sl_option *table, size_t row_size, struct buf *out)
{
	struct sl_option row;
	json_open(out, '[');
	for (size_t i = 0; option_row(table, row_size, i, &row); i++)
		describe_row(&row, out);
	json_close(out, ']');
}

/* -------------------------------------------------------------- from JSON */

static bool take_text(const struct sl_json *object, const char *name, struct arena *arena, const char **out,
	struct why *why)
{
	const struct sl_json *value = sl_json_get(object, name);
	struct sl_text text = sl_json_string(value);
	*out = NULL;
	if (!value || sl_json_kind(value) == SL_KIND_NULL)
		return true;
	if (!text.at || text.len > MOST_TEXT || memchr(text.at, '\0', text.len))
		return why_say(why, "an option's %s is not a text that can be used", name);
	*out = arena_copy(arena, text.at, text.len);
	return true;
}

static enum sl_type type_of(struct sl_text name)
{
	for (int type = 1; type <= MOST_TYPE; type++) {
		const char *known = option_type_name((enum sl_type)type);
		if (known && strlen(known) == name.len && memcmp(known, name.at, name.len) == 0)
			return (enum sl_type)type;
	}
	return 0;
}

static bool take_row(const struct sl_json *form, struct arena *arena, struct sl_option *row, struct why *why)
{
	const struct sl_json *choices = sl_json_get(form, "choices");
	row->type = type_of(sl_json_string(sl_json_get(form, "type")));
	if (!take_text(form, "name", arena, &row->name, why) || !take_text(form, "initial", arena, &row->initial, why) ||
		!take_text(form, "help", arena, &row->help, why))
		return false;
	if (!row->name)
		return why_say(why, "an option has no name");
	if (choices && !fill_list(&row->choices, choices, arena))
		return why_say(why, "the choices of the option `%s` are no list of texts", row->name);
	if (!sl_json_integer(sl_json_get(form, "min"), &row->min) || !sl_json_integer(sl_json_get(form, "max"), &row->max))
		row->min = row->max = 0;
	return true;
}

const struct sl_option *option_table(const struct sl_json *description, struct arena *arena, struct why *why)
{
	size_t count = sl_json_count(description), i = 0;
	struct sl_option *table;
	if (sl_json_kind(description) != SL_KIND_ARRAY || count > MOST_ROWS) {
		why_say(why, "the options are not a list of at most %d", MOST_ROWS);
		return NULL;
	}
	table = arena_alloc(arena, (count + 1) * sizeof(*table));
	for (const struct sl_json *form = sl_json_first(description); form; form = sl_json_next(form))
		if (!take_row(form, arena, &table[i++], why))
			return NULL;
	return option_check(table, OPTION_ROW, why) ? table : NULL;
}

/* ------------------------------------------------------------ as a manual */

static void manual_choices(const struct sl_option *row, const char *quote, struct buf *out)
{
	for (const char *const *choice = row->type == SL_CHOICE ? row->choices : NULL; choice && *choice; choice++)
		buf_format(out, "%s%s%s%s", choice == row->choices ? ": " : ", ", quote, *choice, quote);
}

static void manual_bounds(const struct sl_option *row, struct buf *out)
{
	char low[OPTION_NUMBER], high[OPTION_NUMBER];
	if (row->min == row->max || !option_type(row->type)->bounded)
		return;
	option_number(row->type, row->min, low);
	option_number(row->type, row->max, high);
	if (row->max == INT64_MAX)
		buf_format(out, ", at least %s", low);
	else
		buf_format(out, ", %s to %s", low, high);
}

static void manual_row(const struct sl_option *row, bool markdown, struct buf *out)
{
	const char *quote = markdown ? "`" : "";
	buf_format(out, markdown ? "- `%s`: %s" : "  %s\n      %s", row->name, row->help ? row->help : "");
	buf_string(out, row->type == OPTION_TREE ? " (see below" : " (");
	if (row->type != OPTION_TREE)
		buf_string(out, option_type_name(row->type));
	manual_choices(row, quote, out);
	manual_bounds(row, out);
	if (!row->initial)
		buf_string(out, "; must be given");
	else if (*row->initial)
		buf_format(out, "; %s%s%s unless given", quote, row->initial, quote);
	buf_string(out, ")\n");
}

void option_manual(const struct sl_option *table, bool markdown, struct buf *out)
{
	for (; table && table->name; table++)
		manual_row(table, markdown, out);
}
