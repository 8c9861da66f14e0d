/* SPDX-License-Identifier: Apache-2.0 */
/* schema_keys.c - what a table says of its columns: key, parent, indexes, hints, retention, snapshot. */
#include <stdlib.h>
#include <string.h>

#include "flow/schema_inner.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define RETENTION_MOST (INT64_C(36525) * 86400000) /* a hundred years */

/* ---------------------------------------------- lists of names of columns */

static int column_named(const struct table_reading *r, const struct yaml_node *name)
{
	int place = name->kind == YAML_SCALAR ? shape_column(r->shape, name->text) : -1;
	char shown[YAML_SHOWN], room[MEANT_SIZE];
	if (place < 0)
		yaml_why(name, r->why, "table %s has no column %s%s", r->shape->face.name, yaml_shown(name, shown),
			meant(name->kind == YAML_SCALAR ? name->text.at : NULL, r->shape->names, room));
	return place;
}

/* One that events give, and not the engine or the destination. */
static struct sl_column *given_column(const struct table_reading *r, const struct yaml_node *name, const char *what)
{
	int place = column_named(r, name);
	if (place < 0)
		return NULL;
	if (!r->shape->traits[place].closed)
		return &r->shape->columns[place];
	yaml_why(name, r->why, "%s cannot be in %s: events do not give it", r->shape->names[place], what);
	return NULL;
}

/* The first name of a list, or the one name that stands without brackets. */
static const struct yaml_node *first_name(const struct yaml_node *names)
{
	return names && names->kind == YAML_SCALAR ? names : names ? names->first : NULL;
}

static const struct yaml_node *next_name(const struct yaml_node *names, const struct yaml_node *name)
{
	return names->kind == YAML_SCALAR ? NULL : name->next;
}

static bool read_key(struct table_reading *r)
{
	const struct yaml_node *names = yaml_get(r->node, "key");
	int place = 0;
	for (const struct yaml_node *name = first_name(names); name; name = next_name(names, name)) {
		struct sl_column *column = given_column(r, name, "the key");
		if (!column)
			return false;
		if (column->key)
			return yaml_why(name, r->why, "%s is in the key already", column->name);
		column->key = ++place;
	}
	return place || yaml_why(names ? names : r->node->key, r->why, "table %s needs a key: without one a row that is "
		"written again would stand there twice", r->shape->face.name);
}

static bool read_parent(struct table_reading *r)
{
	const struct yaml_node *names = yaml_get(r->node, "parent");
	struct shape *shape = r->shape;
	bool replace = shape->face.mode == SL_REPLACE;
	for (const struct yaml_node *name = first_name(names); name; name = next_name(names, name)) {
		struct sl_column *column = given_column(r, name, "the parent's key");
		if (!column)
			return false;
		if (column->parent)
			return yaml_why(name, r->why, "%s is in the parent's key already", column->name);
		column->parent = (int)++shape->parents;
	}
	if (replace && !shape->parents)
		return yaml_why(r->node->key, r->why, "table %s needs `parent`, the columns whose rows are replaced together",
			shape->face.name);
	if (shape->parents && shape_column(shape, (struct sl_text){ "rows", 4 }) >= 0)
		return yaml_why(names, r->why, "a table with a parent has no column `rows`: its rows come under that name");
	return replace || !names || yaml_why(names, r->why, "`parent` is for the mode replace");
}

/* ------------------------------------------------------------------- indexes */

/* In the text of an index names are told apart by commas, and blanks around them count for nothing. */
static bool fits_index(const struct yaml_node *name)
{
	return !memchr(name->text.at, ',', name->text.len) && sl_text_trim(name->text).len == name->text.len;
}

/* "card_id, action_date": one index, from a list of names or a single one. */
static const char *index_text(const struct table_reading *r, const struct yaml_node *index)
{
	struct buf text = { 0 };
	const char *kept = NULL;
	for (const struct yaml_node *name = first_name(index); name; name = next_name(index, name)) {
		if (column_named(r, name) < 0)
			goto out;
		if (!fits_index(name)) {
			yaml_why(name, r->why, "a column with a comma, or a blank at an end, in its name cannot be in an index");
			goto out;
		}
		buf_format(&text, "%s%s", text.len ? ", " : "", name->text.at);
	}
	kept = text.len ? arena_string(r->schema->arena, text.at) : NULL;
	if (!kept)
		yaml_why(index, r->why, "an index needs columns");
out:
	buf_free(&text);
	return kept;
}

static bool read_indexes(struct table_reading *r)
{
	const struct yaml_node *list = yaml_get(r->node, "indexes");
	size_t count = 0;
	if (!list)
		return true;
	if (!yaml_want(list, YAML_LIST, "indexes", r->why))
		return false;
	const char **indexes = arena_alloc(r->schema->arena, (list->count + 1) * sizeof(*indexes));
	for (const struct yaml_node *index = list->first; index; index = index->next)
		if (!(indexes[count++] = index_text(r, index)))
			return false;
	r->shape->face.indexes = indexes;
	return true;
}

/* --------------------------------------------------------------------- hints */

static bool read_partition(struct table_reading *r)
{
	const struct yaml_node *partition = yaml_get(r->node, "partition");
	int place = partition ? column_named(r, partition) : 0;
	if (!partition)
		return true;
	if (place < 0)
		return false;
	r->shape->traits[place].fixed = true;
	r->shape->face.partition = r->shape->names[place];
	return true;
}

static bool read_cluster(struct table_reading *r)
{
	const struct yaml_node *cluster = yaml_get(r->node, "cluster");
	size_t count = 0;
	if (!cluster)
		return true;
	const char **names = arena_alloc(r->schema->arena, (cluster->count + 2) * sizeof(*names));
	for (const struct yaml_node *name = first_name(cluster); name; name = next_name(cluster, name)) {
		int place = column_named(r, name);
		if (place < 0)
			return false;
		names[count++] = r->shape->names[place];
	}
	r->shape->face.cluster = names;
	return true;
}

/* ----------------------------------------------------------------- retention */

static bool read_retention(struct table_reading *r)
{
	static const char *const keys[] = { "column", "after", NULL };
	const struct yaml_node *map = yaml_get(r->node, "retention");
	const struct yaml_node *name = yaml_get(map, "column"), *after = yaml_get(map, "after");
	if (!map)
		return true;
	if (!yaml_want(map, YAML_MAP, "retention", r->why) || !yaml_known(map, keys, "a retention", r->why))
		return false;
	if (!name || !after)
		return yaml_why(map, r->why, "retention is { column: NAME, after: 730d }");
	int place = column_named(r, name);
	if (place < 0)
		return false;
	enum sl_column_type type = r->shape->columns[place].type;
	if (type != SL_COLUMN_TIMESTAMP && type != SL_COLUMN_DATE)
		return yaml_why(name, r->why, "retention needs a column of type timestamp or date, and %s is of type %s",
			r->shape->names[place], column_type_name(type));
	int64_t *ms = &r->shape->face.retention_ms;
	if (after->kind != YAML_SCALAR || !sl_duration_read(after->text, ms) || *ms <= 0 || *ms > RETENTION_MOST)
		return yaml_why(after, r->why, "`after` is a duration such as 730d, of at most a hundred years");
	r->shape->face.retention = r->shape->names[place];
	return true;
}

/* ------------------------------------------------------------------ snapshot */

/* A number with or without a per cent sign, or "any": -1. */
static bool read_share(const struct yaml_node *map, const char *name, int64_t most, int64_t *share, struct why *why)
{
	const struct yaml_node *node = yaml_get(map, name);
	char *end = NULL;
	*share = -1;
	if (!node || yaml_is(node, "any"))
		return true;
	long long number = node->kind == YAML_SCALAR && node->text.len ? strtoll(node->text.at, &end, 10) : -1;
	*share = number;
	return (end && (!*end || strcmp(end, "%") == 0) && number >= 0 && number <= most) || yaml_why(node, why,
		"%s is `any` or a number of 0 to %lld", name, (long long)most);
}

static bool read_duplicates(const struct yaml_node *map, int *duplicates, struct why *why)
{
	const struct yaml_node *node = yaml_get(map, "duplicates");
	*duplicates = node && yaml_is(node, "allow");
	return !node || *duplicates || yaml_is(node, "refuse") || yaml_why(node, why, "duplicates is refuse or allow");
}

static bool read_checks(const struct yaml_node *map, struct sl_snapshot *snapshot, struct why *why)
{
	static const char *const keys[] = { "source", "least", "change", "nulls", "duplicates", NULL };
	const struct yaml_node *source = yaml_get(map, "source"), *least = yaml_get(map, "least");
	if (!yaml_known(map, keys, "a snapshot", why))
		return false;
	if (source && (source->kind != YAML_SCALAR || !source->text.len))
		return yaml_why(source, why, "source is the name of a source");
	if (least && (!yaml_int(least, &snapshot->least) || snapshot->least < 0))
		return yaml_why(least, why, "least is a number of rows");
	snapshot->source = source ? source->text.at : NULL;
	return read_share(map, "change", 1000000, &snapshot->change, why) &&
		read_share(map, "nulls", 100, &snapshot->nulls, why) &&
		read_duplicates(map, &snapshot->duplicates, why);
}

static bool read_snapshot(struct table_reading *r)
{
	const struct yaml_node *node = yaml_get(r->node, "snapshot");
	const struct sl_table *table = &r->shape->face;
	bool wanted = true;
	if (!node)
		return true;
	struct sl_snapshot *snapshot = arena_alloc(r->schema->arena, sizeof(*snapshot));
	*snapshot = (struct sl_snapshot){ .least = 1, .change = -1, .nulls = -1 };
	if (node->kind == YAML_MAP ? !read_checks(node, snapshot, r->why) : !yaml_bool(node, &wanted))
		return node->kind == YAML_MAP ? false : yaml_why(node, r->why, "snapshot is true, or a map of its checks");
	if (wanted && table->mode != SL_UPSERT && table->mode != SL_APPEND)
		return yaml_why(node, r->why, "`snapshot` is for the modes append and upsert");
	if (wanted && table->deletes)
		return yaml_why(node, r->why, "a table with `snapshot` has no `deletes`: what a load leaves out is gone");
	r->shape->face.snapshot = wanted ? snapshot : NULL;
	return true;
}

bool table_read_keys(struct table_reading *r)
{
	return read_key(r) && read_parent(r) && read_indexes(r) && read_partition(r) && read_cluster(r) &&
		read_retention(r) && read_snapshot(r);
}
