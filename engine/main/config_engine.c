/* SPDX-License-Identifier: Apache-2.0 */
/* config_engine.c - the engine's own keys: addresses, folders, log, limits. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "io/socket.h"
#include "main/config_build.h"
#include "sdk/text.h"

#define MS_DAY ((int64_t)86400000)
#define KB ((int64_t)1024)
#define MB (1024 * KB)

struct engine {
	const char *const *listen, *const *proxies, *const *plugin_path;
	const char *public, *data, *env, *user;
	int64_t deadline;
};

#define TREE(key, what) \
	{ \
		.name = key, .type = OPTION_TREE, .initial = "", .help = what \
	}
#define SIZE(owner, field, ...) \
	{ \
		.name = #field, .type = OPTION_SIZE, .at = SL_AT_INT(owner, field), __VA_ARGS__ \
	}

const struct sl_option config_keys[] = {
	SL_OPTION(LIST, struct engine, listen, .initial = "[127.0.0.1:8080]",
		.help = "where webhooks come in: one address or several, HOST:PORT or unix:PATH"),
	SL_OPTION(TEXT, struct engine, public, .initial = "",
		.help = "the same as vendors see it, https://hooks.example.com; a source's callback is this and /in/NAME"),
	SL_OPTION(LIST, struct engine, proxies, .initial = "[127.0.0.1, '::1', unix]",
		.help = "addresses and networks whose X-Forwarded-For is believed; limits per address do not apply to them"),
	SL_OPTION(PATH, struct engine, data, .initial = "data", .help = "the folder of the log and of all state"),
	SL_OPTION(PATH, struct engine, env, .initial = "", .help = "a file of NAME=value lines, mode 0600, for ${NAME}"),
	SL_OPTION(TEXT, struct engine, user, .initial = "",
		.help = "whom root becomes once the addresses are open; the data folder is given to that user"),
	TREE("admin", "where health, metrics and commands are served; unix:DATA/admin.sock unless given"),
	TREE("log", "the log's limits, and what is told on stderr"),
	TREE("limits", "what one request and all of them together may take"),
	TREE("http", "how plugins ask others: private addresses they may ask, a proxy, certificates"),
	SL_OPTION(LIST, struct engine, plugin_path, .initial = "",
		.help = "more folders in which plugins are looked for, before the installed ones"),
	SL_OPTION(DURATION, struct engine, deadline, .initial = "5s", .min = 1000, .max = 600000,
		.help = "a process that stands still so long is killed and begun again"),
	TREE("sources", "what events come from, by name"),
	TREE("transforms", "what reshapes them, by name"),
	TREE("sinks", "where rows go, by name"),
	TREE("routes", "which sources go through which transforms to which sink"),
	{ 0 },
};

static const char *const levels[] = { "debug", "info", "warning", "error", NULL };

const struct sl_option config_log_keys[] = {
	SIZE(struct config_log, size, .initial = "10 GB", .min = MB, .max = INT64_MAX,
		.help = "bytes on disk; when they are used by what is undelivered, sources are answered 503"),
	SL_OPTION(DURATION, struct config_log, keep, .initial = "14d", .min = 0, .max = 3650 * MS_DAY,
		.help = "how long delivered events stay, if there is room"),
	SIZE(struct config_log, reserve, .initial = "64 MB", .min = 1, .max = INT64_MAX,
		.help = "free space of the disk that is left alone; at most a sixteenth of all of it"),
	SIZE(struct config_log, segment, .initial = "16 MB", .min = 64 * KB, .max = 1024 * MB,
		.help = "bytes of one of the log's files; an eighth of `size` if that is little"),
	SL_OPTION(CHOICE, struct config_log, level, .initial = "info", .choices = levels,
		.help = "what is too unimportant to be told"),
	{ 0 },
};

#define COUNT_MOST 1000000

const struct sl_option config_limits_keys[] = {
	SIZE(struct config_limits, body, .initial = "10 MB", .min = 1, .max = 1024 * MB,
		.help = "of one request's body; 413"),
	SIZE(struct config_limits, header_bytes, .initial = "32 KB", .min = 256, .max = MB,
		.help = "of the request line and all headers; 431"),
	SL_OPTION(INT, struct config_limits, headers, .initial = "100", .min = 1, .max = 10000,
		.help = "how many headers; 431"),
	SL_OPTION(DURATION, struct config_limits, request_time, .initial = "30s", .min = 100, .max = MS_DAY,
		.help = "from a request's first byte to its last; 408"),
	SL_OPTION(DURATION, struct config_limits, idle_time, .initial = "60s", .min = 100, .max = MS_DAY,
		.help = "a connection may be silent between requests"),
	SL_OPTION(INT, struct config_limits, connections, .initial = "1024", .min = 1, .max = COUNT_MOST,
		.help = "connections in all; 503"),
	SL_OPTION(INT, struct config_limits, per_address, .initial = "64", .min = 1, .max = COUNT_MOST,
		.help = "connections of one address; 429"),
	SIZE(struct config_limits, in_flight, .initial = "64 MB", .min = MB, .max = 1024 * 1024 * MB,
		.help = "of all requests that are not answered yet; 503"),
	{ 0 },
};

struct admin {
	const char *listen, *token;
};

const struct sl_option config_admin_keys[] = {
	SL_OPTION(TEXT, struct admin, listen, .initial = "", .help = "HOST:PORT or unix:PATH"),
	SL_OPTION(TEXT, struct admin, token, .initial = "",
		.help = "what `Authorization: Bearer` has to hold; a unix socket needs none, its mode is 0600; "
			"HOST:PORT without one only answers GET"),
	{ 0 },
};

/* -------------------------------------------------------------- addresses */

/* unix:PATH made absolute; everything else as it is. */
static const char *address_of(struct build *build, const struct yaml_node *node, const char *text)
{
	if (strncmp(text, "unix:", 5) != 0 || !text[5])
		return text;
	return arena_format(build->arena, "unix:%s", option_path(node->file, text + 5, build->arena));
}

static const char *address_read(struct build *build, const struct yaml_node *node, const char *text)
{
	struct why why = { 0 };
	const char *full = address_of(build, node, text);
	if (socket_address_valid(full, &why))
		return full;
	if (node->written)
		fault(build, node, "what %s holds is no address; write HOST:PORT or unix:PATH", node->written);
	else
		fault(build, node, "%s", why.text);
	return NULL;
}

static void read_listen(struct build *build, const char *const *listen)
{
	const struct yaml_node *node = yaml_get(build->root, "listen");
	size_t count = 0;
	while (listen[count])
		count++;
	const char **addresses = arena_alloc(build->arena, (count + 1) * sizeof(*addresses));
	for (size_t i = 0; i < count; i++)
		addresses[i] = node ? address_read(build, list_item(node, i), listen[i]) : listen[i];
	if (!count)
		fault(build, node, "`listen` is empty; name at least one address");
	if (count > CONFIG_LISTEN_MOST)
		fault(build, node, "`listen` names %zu addresses; at most %d are possible", count, CONFIG_LISTEN_MOST);
	build->config->listen = addresses;
}

bool is_network(const char *text)
{
	char address[64], bytes[16];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	int family = memchr(text, ':', len) ? AF_INET6 : AF_INET;
	if (len >= sizeof(address) || (slash && (strspn(slash + 1, "0123456789") != strlen(slash + 1) || !slash[1])))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	return inet_pton(family, address, bytes) == 1 &&
		(!slash || (strlen(slash) < 5 && atoi(slash + 1) <= (family == AF_INET ? 32 : 128)));
}

static void read_proxies(struct build *build, const char *const *proxies)
{
	const struct yaml_node *node = yaml_get(build->root, "proxies");
	char room[YAML_SHOWN];
	for (size_t i = 0; node && proxies[i]; i++)
		if (strcmp(proxies[i], "unix") != 0 && !is_network(proxies[i]))
			fault(build, list_item(node, i), "a proxy is an address, a network such as 10.0.0.0/8, or `unix`, not %s",
				yaml_shown(list_item(node, i), room));
	build->config->proxies = proxies;
}

static void read_paths(struct build *build, const char *const *paths)
{
	size_t count = 0;
	while (paths[count])
		count++;
	const char **absolute = arena_alloc(build->arena, (count + 1) * sizeof(*absolute));
	for (size_t i = 0; i < count; i++)
		absolute[i] = option_path(build->config->file, paths[i], build->arena);
	build->config->plugin_path = absolute;
}

/* A fault of another key must not make one of every plugin that is looked for there. */
void engine_paths(struct build *build)
{
	const struct yaml_node *node = yaml_get(build->root, "plugin_path");
	size_t count = node && node->kind == YAML_LIST ? node->count : node ? 1
									    : 0,
	       kept = 0;
	const char **paths = arena_alloc(build->arena, (count + 1) * sizeof(*paths));
	for (size_t i = 0; i < count; i++)
		if (list_item(node, i)->kind == YAML_SCALAR && !yaml_null(list_item(node, i)))
			paths[kept++] = list_item(node, i)->text.at;
	read_paths(build, paths);
}

/* "https://host/": without the slash, so that "/in/NAME" can follow. */
static void read_public(struct build *build, const char *public)
{
	const struct yaml_node *node = yaml_get(build->root, "public");
	size_t len = strlen(public);
	if (!len)
		return;
	if ((strncmp(public, "https://", 8) != 0 && strncmp(public, "http://", 7) != 0) || strpbrk(public, " ?#\t\n")) {
		char room[YAML_SHOWN];
		fault(build, node, "`public` must be an address such as https://hooks.example.com, not %s",
			yaml_shown(node, room));
		return;
	}
	while (len && public[len - 1] == '/')
		len--;
	build->config->public = arena_copy(build->arena, public, len);
	build->config->public_shown = node->written ? node->written : build->config->public;
}

/* ------------------------------------------------------------------ admin */

static void warn_admin(struct build *build, const struct yaml_node *node, const struct admin *admin)
{
	if (strncmp(admin->listen, "unix:", 5) != 0 && !*admin->token)
		warn(build, node, "whoever reaches the admin address may look, and nobody may command; give it a token: "
				  "admin: { listen: ..., token: ... }");
}

static void take_admin(struct build *build, const struct yaml_node *node, const struct yaml_node *place,
	struct admin *admin)
{
	struct config *config = build->config;
	config->admin_token = *admin->token ? admin->token : NULL;
	if (!*admin->listen)
		return;
	warn_admin(build, node, admin);
	config->admin = address_read(build, place, admin->listen);
}

static void read_admin(struct build *build)
{
	const struct yaml_node *node = yaml_get(build->root, "admin");
	struct admin admin = { "", "" };
	build->config->admin = arena_format(build->arena, "unix:%s/admin.sock", build->config->data);
	if (!node)
		return;
	if (node->kind == YAML_SCALAR) {
		admin.listen = node->text.at;
		take_admin(build, node, node, &admin);
		return;
	}
	const struct sl_json *values = values_read(build, config_admin_keys, NULL, "`admin`", node, node);
	if (!values || !option_fill(config_admin_keys, OPTION_ROW, values, &admin, build->arena, NULL))
		return;
	take_admin(build, node, yaml_get(node, "listen"), &admin);
}

/* The one beside the data may have too long a path, which nobody wrote. */
static void check_admin(struct build *build)
{
	const struct yaml_node *data = yaml_get(build->root, "data");
	struct why why;
	if (build->config->admin && !socket_address_valid(build->config->admin, &why))
		fault(build, data ? data : build->root, "%s; give `admin:` another address, or `data` a shorter path",
			why.text);
}

/* ----------------------------------------------------------- log and limits */

static void read_table(struct build *build, const char *key, const struct sl_option *table, void *into)
{
	const struct yaml_node *node = yaml_get(build->root, key);
	const char *what = arena_format(build->arena, "`%s`", key);
	const struct sl_json *values = values_read(build, table, NULL, what, node, build->root);
	if (values)
		option_fill(table, OPTION_ROW, values, into, build->arena, NULL);
}

/* A log of few segments could not let go of any: the one that is written stays,
 * and the next one has to fit beside it. */
static void fit_segment(struct build *build, struct config_log *log)
{
	const struct yaml_node *node = yaml_get(yaml_get(build->root, "log"), "segment");
	char most[OPTION_NUMBER];
	if (log->segment <= log->size / 4)
		return;
	if (node)
		fault(build, node, "`segment` must be at most a quarter of `size`, %s",
			option_number(OPTION_SIZE, log->size / 4 / KB * KB, most));
	log->segment = log->size / 8;
}

static void take_engine(struct build *build, const struct engine *engine)
{
	build->config->data = engine->data;
	build->config->user = *engine->user ? engine->user : NULL;
	build->config->deadline = engine->deadline;
	read_listen(build, engine->listen);
	read_proxies(build, engine->proxies);
	read_public(build, engine->public);
	read_paths(build, engine->plugin_path);
}

void engine_read(struct build *build)
{
	struct config *config = build->config;
	struct engine engine = { 0 };
	const struct sl_json *values = values_read(build, config_keys, NULL, "the configuration", build->root, build->root);
	if (values && option_fill(config_keys, OPTION_ROW, values, &engine, build->arena, NULL))
		take_engine(build, &engine);
	else
		engine_paths(build);
	read_admin(build);
	check_admin(build);
	read_table(build, "log", config_log_keys, &config->log);
	read_table(build, "limits", config_limits_keys, &config->limits);
	fit_segment(build, &config->log);
	http_options_read(build);
}
