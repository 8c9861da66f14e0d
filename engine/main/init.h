/* SPDX-License-Identifier: Apache-2.0 */
/* init.h - a folder to begin with, made of an example. */
#ifndef MAIN_INIT_H
#define MAIN_INIT_H

#include "base/buf.h"
#include "main/examples.h"

#define INIT_FILES_MOST 100

struct init {
	struct arena *arena;
	const struct example *example;
	const char *folder;
	const char *sink;                   /* "postgres", "sqlite"; NULL: the example's own */
	const char *files[INIT_FILES_MOST]; /* what was written */
	size_t count;
	bool ignored;                       /* a .gitignore was there, and stays as it is */
};

/* Writes the folder; nothing that is there is ever written over: then nothing is written. */
bool init_write(struct init *init, struct why *why);

/* The text of sluice.yaml: for the example's sinks, or for another kind of sink. */
bool init_config(const struct init *init, struct buf *out, struct why *why);
/* Of sluice.env: what the sink needs is added. */
void init_env(const struct init *init, struct sl_text example, struct buf *out);
/* The names in it that have no value yet; ends with NULL. */
const char *const *init_empty(const struct init *init, struct why *why);

#endif
