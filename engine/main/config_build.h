/* SPDX-License-Identifier: Apache-2.0 */
/* config_build.h - a configuration while it is read, as the files config_*.c share it. */
#ifndef MAIN_CONFIG_BUILD_H
#define MAIN_CONFIG_BUILD_H

#include "base/option.h"
#include "base/yaml.h"
#include "main/config.h"
#include "main/share.h"

struct env {
	const char *path; /* of the env file, or NULL */
	struct sl_pair *pairs;
	size_t count, room;
};

/* A source, transform or sink before it is checked. */
struct part {
	const struct section *section;
	const struct yaml_node *node; /* the map of its options; node->key is its name */
	const char *name, *use;
	const char *what;   /* "source boards", for messages */
	const char *plugin; /* path; NULL: use: webhook */
	const struct description *description;
	bool used; /* some route names it */
};

/* What lives until the configuration is read. */
struct documents {
	struct sl_document *document;
	struct documents *next;
};

struct build {
	struct config *config;
	struct arena *arena; /* the config's */
	struct yaml_node *root;
	struct faults *errors, *warnings;
	struct env env;
	struct share share;
	struct part *parts;
	size_t part_count;
	struct config_source *sources;
	struct config_transform *transforms;
	struct config_sink *sinks;
	struct config_route *routes;
	struct documents *documents;
	bool builds;        /* plugins in C that are old */
	bool engine_faulty; /* `public` and its like may say something that was not understood */
};

/* What stands under `sources:`, `transforms:` and `sinks:`. */
struct section {
	const char *key, *one; /* "sources", "source" */
	const char *step;      /* what its plugin has to offer, for messages */
	bool (*offered)(const struct description *description);
	void (*read)(struct build *build, struct part *part);
};
extern const struct section sections[3];

/* Notes an error or a warning at a place; always false. */
bool fault(struct build *build, const struct yaml_node *node, const char *form, ...)
	__attribute__((format(printf, 3, 4)));
void warn(struct build *build, const struct yaml_node *node, const char *form, ...)
	__attribute__((format(printf, 3, 4)));

bool env_read(struct build *build);                           /* config_env.c: `env:` */
void env_put_in(struct build *build, struct yaml_node *node); /* ${NAME} in all that is below */
void engine_read(struct build *build);                        /* config_engine.c */
void engine_paths(struct build *build);                       /* of it, only `plugin_path` */
void http_options_read(struct build *build);                  /* config_http.c: `http:` */
bool is_network(const char *text);                            /* "10.0.0.0/8", "::1" */
void parts_read(struct build *build);                         /* config_use.c: finds and asks the plugins */
bool name_fits(struct build *build, const struct yaml_node *node, const char *what);
void source_read(struct build *build, struct part *part);    /* config_source.c */
void transform_read(struct build *build, struct part *part); /* config_sink.c */
void sink_read(struct build *build, struct part *part);
void routes_read(struct build *build); /* config_route.c */

/* The engine's rows and a source's own in one table; NULL: of `use: webhook`.  That the
 * secret of its webhook is missing is said later, with the remedies: see source_secret. */
const struct sl_option *source_table(const struct description *d, const char *callback, struct arena *arena);
/* The option that holds the secrets of its webhook; NULL: it has no webhook. */
const char *source_secret(const struct description *d);

/* A map read against a table, or JSON that was just written: the values, until the
 * configuration is read.  NULL if there was a fault. */
const struct sl_json *values_read(struct build *build, const struct sl_option *table, const char *const *others,
	const char *what, const struct yaml_node *map, const struct yaml_node *owner);
const struct sl_json *values_parse(struct build *build, const struct buf *text);

/* The plugin's api, changed by `api:` and filled with the values of its options, as
 * JSON (host/net.h); NULL: it has none, or there was a fault. */
const char *api_read(struct build *build, const struct part *part, const struct sl_json *values);

/* The i-th of a list, or the value itself: an option that takes one or several. */
const struct yaml_node *list_item(const struct yaml_node *node, size_t index);

/* The tables of the files config_*.c, for the manual. */
extern const struct sl_option config_keys[], config_log_keys[], config_limits_keys[], config_admin_keys[];
extern const struct sl_option config_http_keys[], config_api_keys[];
extern const struct sl_option config_source_keys[], config_webhook_keys[];
extern const struct sl_option config_sink_keys[], config_transform_keys[], config_schema_keys[], config_contract_keys[];
extern const struct sl_option config_route_keys[], config_retry_keys[];

#endif
