/* SPDX-License-Identifier: Apache-2.0 */
/* config.h - the configuration: read, checked, and dealt out to the processes.
 *
 * docs/man/sluice.yaml.5.md is the manual.  All errors of a file are told at once,
 * each one line "FILE:LINE:COLUMN: ...", a person's next step in it.  No value that
 * came from ${NAME} or ${file:PATH} is ever part of a message.
 *
 * A `struct config` is checked and does not change; on reload a new one is read
 * and compared by its parts: two equal texts of config_part_ mean that the
 * process need not be told anything.
 */
#ifndef MAIN_CONFIG_H
#define MAIN_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/faults.h"
#include "base/why.h"
#include "main/describe.h"

#define CONFIG_LISTEN_MOST 60 /* public addresses: all are handed to the ingress at once */

struct config_log {
	int64_t size, keep, reserve, segment;
	const char *level;
};

struct config_limits {
	int64_t body, header_bytes, headers, request_time, idle_time, connections, per_address, in_flight;
};

/* How plugins ask others. */
struct config_net {
	const char *const *allow; /* private addresses and networks that may be asked; ends with NULL */
	const char *proxy, *ca;   /* or NULL */
};

struct config_source {
	const char *name, *use;
	const char *plugin;                    /* path; NULL: use: webhook */
	const struct description *description; /* of the plugin, or NULL */
	const char *webhook;                   /* JSON: the description with its overrides; NULL: it only polls */
	bool notice;                           /* in it: each is a reason to poll */
	const char *auth;                      /* "hmac-sha1" */
	const char *secrets;                   /* JSON: an array of strings */
	const char *options;                   /* JSON: all values, without any secret */
	const char *others;                    /* JSON: texts and secrets that may be taken for its own; for verify alone */
	const char *callback;                  /* NULL: neither `public` nor `callback` */
	const char *callback_shown;            /* the same as a message may show it */
	const char *api;                       /* JSON: its far side, filled in (host/net.h); NULL: it has none */
	const char *all_options;               /* JSON: all values, with the secrets; for its own process alone */
	bool insecure;
	bool polls;
	bool has_process; /* it does, or its vendor can be asked about webhooks and credentials */
	int64_t every; /* ms between polls, if it polls */
	int64_t first; /* ms that a first poll goes back; 0: to the beginning */
	int64_t silence, check; /* ms without an event, and between two looks at its hooks; 0: never */
	bool snapshot; /* each poll is one */
};

struct config_transform {
	const char *name, *use, *plugin, *options, *api;
	const struct description *description;
};

/* A table that snapshots fill: of one source, or of any (NULL). */
struct config_load {
	const char *table, *source;
};

struct config_sink {
	const char *name, *use, *plugin, *options, *api;
	const struct description *description;
	const char *schema, *schema_file, *schema_options; /* its name, its path, JSON; NULL: none */
	const char *schema_contract;                       /* JSON; NULL: as the schema says */
	const struct config_load *loads; /* the last has no table; NULL: there is no schema */
};

struct config_retry {
	int64_t attempts, first, most;
};

struct config_route {
	const char *name;
	const struct config_source *const *from;   /* ends with NULL */
	const struct config_transform *const *via; /* likewise, perhaps none */
	const struct config_sink *to;
	struct config_retry retry;
	const char *start;                               /* "oldest" or "now" */
	int64_t patience, deadline, open_limit, give_up; /* deadline: of the route's process */
};

struct config {
	struct arena *arena;
	const char *file;   /* as it was given */
	const char *folder; /* that it stands in, absolute */
	const char *env;    /* path of the env file, or NULL */
	const char *data;   /* absolute */
	const char *user;   /* whom root becomes, or NULL */
	const char *public; /* without a slash at its end, or NULL */
	const char *public_shown;
	const char *const *listen;  /* "127.0.0.1:8080", "unix:/abs/path"; ends with NULL */
	const char *const *proxies; /* ends with NULL */
	const char *admin;          /* likewise one address */
	const char *admin_token;    /* or NULL */
	const char *const *plugin_path;
	struct config_log log;
	struct config_limits limits;
	struct config_net net;
	int64_t deadline; /* ms a process may stand still */
	const struct config_source *sources;
	size_t source_count;
	const struct config_transform *transforms;
	size_t transform_count;
	const struct config_sink *sinks;
	size_t sink_count;
	const struct config_route *routes;
	size_t route_count;
};

/* CONFIG_ENGINE reads only the engine's own keys and asks no plugin: enough for
 * what talks to the daemon or reads the log; sources, sinks and routes stay empty.
 * CONFIG_PATHS reads less still: where plugins are looked for (`folder`, `plugin_path`);
 * no secret need be there, nor the env file.
 * CONFIG_WHOLE asks the plugins too, and may take seconds: it needs no loop and
 * may run in a pool thread.  CONFIG_BUILD is the same, and builds plugins in C that
 * are old (main/built.h); without it those are a warning, or an error if there is
 * nothing to load. */
enum config_depth { CONFIG_PATHS,
	CONFIG_ENGINE,
	CONFIG_WHOLE,
	CONFIG_BUILD };

/* NULL if there is any error.  `warnings` may be NULL.  The sentences live in the
 * arenas that the caller gave the two lists. */
struct config *config_read(const char *file, enum config_depth depth, struct faults *errors, struct faults *warnings);
void config_free(struct config **config);

const struct config_source *config_source(const struct config *config, const char *name);
const struct config_sink *config_sink(const struct config *config, const char *name);
const struct config_route *config_route(const struct config *config, const char *name);

/* For commands: reads the file and prints what is wrong with it on stderr, errors
 * one a line; NULL then, and the command ends with 2.  Warnings are only printed
 * if `warn`. */
struct config *config_or_say(const char *file, enum config_depth depth, bool warn);

/* Prints a list on stderr, `kind` ("", "warning: ") in front of each line. */
void config_say(const struct faults *faults, const char *kind);

/* ------------------------------------------------------------------- parts */

/* What a process is told of the configuration, as members of an object that the
 * caller has opened: a listening socket's `fd` is by its place in config->listen, that
 * for events of polls comes extra.  The master adds "do", "master" and, for a route,
 * "paused" and "suspect". */
void config_part_ingress(const struct config *config, const int *fds, int events_fd, struct buf *out);
void config_part_route(const struct config *config, const struct config_route *route, struct buf *out);
void config_part_poller(const struct config *config, const struct config_source *source, struct buf *out);

/* {"net","sink"} of a sink alone: for commands that run it in their own process. */
void config_part_sink(const struct config *config, const struct config_sink *sink, struct buf *out);

/* Where what came to a sink's schema in addition to its file is noted: schema_note. */
const char *config_evolved(const struct config *config, const struct config_sink *sink, struct arena *arena);

/* Where the ingress takes events of polls in: a path below the data folder. */
#define CONFIG_EVENTS "events.sock"

/* One source as the ingress sees it, secrets in it: for sign, verify and send. */
void config_part_source(const struct config_source *source, struct buf *out);

#endif
