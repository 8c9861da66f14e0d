/* SPDX-License-Identifier: Apache-2.0 */
/* schema_modes.c - write modes, and which rows go into which table. */
#include <string.h>

#include "flow/schema_inner.h"

static const char *const names[] = {
	[SL_APPEND] = "append",
	[SL_ONCE] = "once",
	[SL_UPSERT] = "upsert",
	[SL_REPLACE] = "replace",
	[SL_PATCH] = "patch",
	[SL_DELETE] = "delete",
};
#define NAMES (sizeof(names) / sizeof(*names))

const char *schema_mode_name(enum sl_mode mode)
{
	return mode < NAMES ? names[mode] : NULL;
}

bool schema_mode(const char *name, enum sl_mode *mode, struct why *why)
{
	for (size_t i = 0; i < NAMES; i++)
		if (names[i] && strcmp(names[i], name) == 0) {
			*mode = (enum sl_mode)i;
			return true;
		}
	return why_say(why, "there is no write mode \"%.40s\"; there are append, once, upsert, patch, replace and delete",
		name);
}

/* What came first stays, whatever came: that has no place among versions of columns and deletes. */
static bool takes_first(const struct shape *shape, enum sl_mode mode, struct why *why)
{
	if (shape->face.mode == SL_PATCH)
		return why_say(why, "%s: a row of mode %s does not go into a table of mode patch", shape->face.name,
			names[mode]);
	return !shape->face.deletes || why_say(why, "%s: a row of mode %s does not go into a table with `deletes`",
		shape->face.name, names[mode]);
}

bool shape_takes(const struct shape *shape, enum sl_mode mode, struct why *why)
{
	const struct sl_table *table = &shape->face;
	switch (mode) {
	case SL_APPEND:
	case SL_ONCE:
		return takes_first(shape, mode, why);
	case SL_PATCH:
		return table->mode == SL_PATCH || why_say(why, "%s: a row of mode patch needs a table that keeps the times of "
			"its columns; give the table `mode: patch`", table->name);
	case SL_DELETE:
		return table->deletes || why_say(why, "%s: the schema does not say what becomes of deleted rows; give the "
			"table `deletes: mark` or `deletes: remove`", table->name);
	case SL_REPLACE:
		return shape->parents || why_say(why, "%s: the mode replace needs a table with `parent`", table->name);
	default:
		return true;
	}
}
