/* SPDX-License-Identifier: Apache-2.0 */
/* examples.h - configurations to begin with, as they are installed: folders with a sluice.yaml in them.
 *
 * An example is data: its folder holds sluice.yaml, sluice.env.example, README.md, and perhaps
 * scripts and tables of its own.  What a vendor wants to be done stands in the README of the
 * plugin, in the section "At VENDOR".
 */
#ifndef MAIN_EXAMPLES_H
#define MAIN_EXAMPLES_H

#include "base/arena.h"
#include "base/why.h"
#include "base/yaml.h"

struct example {
	const char *name, *folder, *title; /* title: the heading of its README, or "" */
	const struct yaml_node *root;      /* of its sluice.yaml */
	struct sl_text text;               /* that file */
};

/* In order of the alphabet; all memory is the arena's.  What does not read is left out. */
const struct example *examples_all(struct arena *arena, size_t *count);
/* By its name, or by a vendor that it is the only one for; NULL: why. */
const struct example *example_find(const char *name, struct arena *arena, struct why *why);

/* The plugins of its sources, each once; ends with NULL. */
const char *const *example_plugins(const struct example *example, struct arena *arena);
/* The names of the sources that use a plugin; ends with NULL. */
const char *const *example_sources(const struct example *example, const char *plugin, struct arena *arena);

/* What is to be done at the vendor, heading and all, as the plugin's README has it; "": nothing is known. */
const char *example_steps(const char *plugin, struct arena *arena);

/* A whole file of at most 1 MB; at NULL: why. */
struct sl_text example_read(const char *path, struct arena *arena, struct why *why);

#endif
