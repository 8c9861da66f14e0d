/* SPDX-License-Identifier: Apache-2.0 */
/* option_read.c - a map of YAML against an option table. */
#include <string.h>

#include "base/option.h"
#include "base/option_types.h"
#include "sdk/text.h"

#define MOST_KEYS 128 /* of a table and its owner, for suggestions */

static void known_keys(const struct option_reading *reading, const char *known[MOST_KEYS + 1])
{
	size_t count = 0;
	for (const struct sl_option *row = reading->table; row && row->name && count < MOST_KEYS; row++)
		known[count++] = row->name;
	for (const char *const *other = reading->others; other && *other && count < MOST_KEYS; other++)
		known[count++] = *other;
	known[count] = NULL;
}

static bool is_known(const char *const *known, struct sl_text name)
{
	while (*known && !sl_text_is(name, *known))
		known++;
	return *known != NULL;
}

static bool all_known(const struct option_reading *reading, const struct yaml_node *map, struct faults *faults)
{
	const char *known[MOST_KEYS + 1];
	bool fine = true;
	struct why why;
	known_keys(reading, known);
	for (const struct yaml_node *node = map ? map->first : NULL; node; node = node->next) {
		if (is_known(known, node->key->text))
			continue;
		yaml_unknown(node->key, known, reading->what, &why);
		fine = faults_add(faults, &why);
	}
	return fine;
}

static bool missing(const struct option_reading *reading, const struct sl_option *row, const struct yaml_node *owner,
	struct why *why)
{
	return yaml_why(owner, why, "%s needs `%s`, %s%s%s", reading->what, row->name, option_type(row->type)->help,
		row->help ? ": " : "", row->help ? row->help : "");
}

static bool read_row(const struct option_reading *reading, const struct sl_option *row, const struct yaml_node *map,
	const struct yaml_node *owner, struct buf *out, struct why *why)
{
	const struct yaml_node *node = yaml_get(map, row->name);
	if (row->type == OPTION_TREE)
		return true;
	if (!node && !row->initial)
		return missing(reading, row, owner, why);
	json_key(out, row->name);
	if (!node)
		return option_initial(row, reading->folder, out, why);
	if (yaml_null(node))
		return yaml_why(node, why, "`%s` has no value; give it one or remove the line", row->name);
	return option_type(row->type)->read(row, node, NULL, out, why);
}

bool option_read(const struct option_reading *reading, const struct yaml_node *map, const struct yaml_node *owner,
	struct buf *out, struct faults *faults)
{
	bool fine;
	struct why why;
	if (yaml_null(map))
		map = NULL;
	if (map && !yaml_want(map, YAML_MAP, reading->what, &why))
		return faults_add(faults, &why);
	fine = all_known(reading, map, faults);
	json_open(out, '{');
	for (const struct sl_option *row = reading->table; row && row->name; row++)
		if (!read_row(reading, row, map, owner, out, &why))
			fine = faults_add(faults, &why);
	json_close(out, '}');
	return fine;
}
