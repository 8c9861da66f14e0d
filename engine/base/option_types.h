/* SPDX-License-Identifier: Apache-2.0 */
/* option_types.h - the types of options, as the files option*.c share them. */
#ifndef BASE_OPTION_TYPES_H
#define BASE_OPTION_TYPES_H

#include "base/option.h"

struct option_type {
	const char *name, *help; /* "a whole number" */
	const char *empty;       /* what an initial value of "" is, in JSON; NULL: it cannot be empty */
	/* One value from YAML to JSON; initial paths start at `folder`. */
	bool (*read)(const struct sl_option *row, const struct yaml_node *node, const char *folder, struct buf *out,
		struct why *why);
	/* One value from JSON to its field; false if it is of another kind. */
	bool (*fill)(void *field, const struct sl_json *value, struct arena *arena);
	bool bounded; /* min and max mean something */
};

/* NULL if there is no such type. */
const struct option_type *option_type(enum sl_type type);

/* The row at `index`, in this engine's size; false behind the last one. */
bool option_row(const struct sl_option *table, size_t row_size, size_t index, struct sl_option *row);

/* The initial value as JSON; the row has one. */
bool option_initial(const struct sl_option *row, const char *folder, struct buf *out, struct why *why);

bool fill_bool(void *field, const struct sl_json *value, struct arena *arena);
bool fill_int(void *field, const struct sl_json *value, struct arena *arena);
bool fill_text(void *field, const struct sl_json *value, struct arena *arena);
bool fill_list(void *field, const struct sl_json *value, struct arena *arena);
bool fill_map(void *field, const struct sl_json *value, struct arena *arena);

#endif
