/* SPDX-License-Identifier: Apache-2.0 */
/* describe.h - what plugins say of themselves, asked in a process of their own.
 *
 * To read a plugin's options one has to load it, and to load is to run it.  So
 * a short-lived child does that: empty environment, 5 s of CPU, 512 MB, killed
 * after 10 s.  What it says is believed no more than any other stranger: the
 * descriptions below have been checked.  A plugin that crashes or hangs takes
 * only its own answer along; the child is begun anew for those behind it.
 */
#ifndef MAIN_DESCRIBE_H
#define MAIN_DESCRIBE_H

#include <stdbool.h>

#include "base/arena.h"
#include "sdk/json.h"
#include "sdk/plugin.h"

struct description {
	const char *path;
	const char *error; /* why there is no description, naming the file; else NULL */
	const char *name, *version, *summary;
	const struct sl_option *options; /* ends with a NULL name */
	const char *webhook;             /* its JSON form (flow/webhook.h), or NULL */
	const char *webhook_secret;      /* the option that holds the secrets, or NULL */
	const char *dialect;             /* of a sink, or NULL */
	const struct sl_api *api;        /* not filled in; NULL: it has none */
	int64_t every_ms;                /* between two polls; 0: it does not say */
	bool decode, poll, transform, deliver, recall, hooks, discover, schema, upkeep;
	int64_t minor; /* of the interface that it was built for */
	const char *json; /* all of it, as the child said it */
};

/* Asks about `count` files; blocks until all have answered.  Needs no loop and may
 * run in a pool thread.  Where root asks, `user` is who loads them (NULL: root). */
const struct description *describe(const char *const *paths, size_t count, const char *user, struct arena *arena);

/* The child: paths come and answers go over descriptor 3.  argv[1] is the user that main() made it. */
int describe_main(int argc, char **argv);

#endif
