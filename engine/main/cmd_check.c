/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_check.c - sluice check: is the configuration fine, and what does it say? */
#include <stdio.h>
#include <string.h>

#include "base/option.h"
#include "main/command.h"
#include "main/config.h"
#include "main/connect.h"

/* ------------------------------------------------------------------ words */

static void source_words(const struct config_source *source, struct buf *out)
{
	char every[OPTION_NUMBER];
	const char *address = source->callback_shown ? source->callback_shown : "/in/ and its name";
	buf_format(out, "  %-12s %s\n", source->name, source->webhook ? address : "takes in no webhooks");
	buf_format(out, "  %-12s %s", "", source->use);
	if (source->webhook)
		buf_format(out, ", %s%s", source->auth, source->insecure ? ", INSECURE: takes in whatever anybody sends" : "");
	if (source->polls)
		buf_format(out, ", polls every %s", option_number(SL_DURATION, source->every, every));
	buf_char(out, '\n');
}

/* "cards: boards, more -> cards -> local" */
static void route_words(const struct config_route *route, struct buf *out)
{
	buf_format(out, "%s: ", route->name);
	for (size_t i = 0; route->from[i]; i++)
		buf_format(out, "%s%s", i ? ", " : "", route->from[i]->name);
	for (size_t i = 0; route->via[i]; i++)
		buf_format(out, " -> %s", route->via[i]->name);
	buf_format(out, " -> %s", route->to->name);
}

static void sink_words(const struct config_sink *sink, struct buf *out)
{
	buf_format(out, "  %-12s %s%s%s\n", sink->name, sink->use, sink->schema ? ", schema " : "",
		sink->schema ? sink->schema : "");
}

static void words(const struct config *config, struct buf *out)
{
	buf_format(out, "%s is fine\n\ndata   %s\nadmin  %s\nlisten", config->file, config->data, config->admin);
	for (size_t i = 0; config->listen[i]; i++)
		buf_format(out, "%s %s", i ? "," : "", config->listen[i]);
	buf_string(out, "\n\nsources\n");
	for (size_t i = 0; i < config->source_count; i++)
		source_words(&config->sources[i], out);
	buf_string(out, "sinks\n");
	for (size_t i = 0; i < config->sink_count; i++)
		sink_words(&config->sinks[i], out);
	buf_string(out, "routes\n");
	for (size_t i = 0; i < config->route_count; i++) {
		buf_string(out, "  ");
		route_words(&config->routes[i], out);
		buf_char(out, '\n');
	}
}

/* ------------------------------------------------------------------- JSON */

static void source_json(const struct config_source *source, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "name", source->name);
	json_member_string(out, "use", source->use);
	json_member_string(out, "callback", source->callback_shown);
	json_member_string(out, "auth", source->webhook ? source->auth : NULL);
	json_member_bool(out, "insecure", source->insecure);
	json_key(out, "every");
	if (source->polls)
		json_int(out, source->every);
	else
		json_null(out);
	json_close(out, '}');
}

static void route_json(const struct config_route *route, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "name", route->name);
	json_key(out, "from"), json_open(out, '[');
	for (size_t i = 0; route->from[i]; i++)
		json_string(out, route->from[i]->name);
	json_close(out, ']');
	json_key(out, "via"), json_open(out, '[');
	for (size_t i = 0; route->via[i]; i++)
		json_string(out, route->via[i]->name);
	json_close(out, ']');
	json_member_string(out, "to", route->to->name);
	json_close(out, '}');
}

static void config_json(const struct config *config, struct buf *out)
{
	json_member_string(out, "data", config->data);
	json_member_string(out, "admin", config->admin);
	json_key(out, "listen"), json_open(out, '[');
	for (size_t i = 0; config->listen[i]; i++)
		json_string(out, config->listen[i]);
	json_close(out, ']');
	json_key(out, "sources"), json_open(out, '[');
	for (size_t i = 0; i < config->source_count; i++)
		source_json(&config->sources[i], out);
	json_close(out, ']');
	json_key(out, "routes"), json_open(out, '[');
	for (size_t i = 0; i < config->route_count; i++)
		route_json(&config->routes[i], out);
	json_close(out, ']');
}

static void faults_json(const char *name, const struct faults *faults, struct buf *out)
{
	json_key(out, name), json_open(out, '[');
	for (size_t i = 0; i < faults->count && i < FAULTS_MOST; i++)
		json_string(out, faults->at[i]);
	json_close(out, ']');
}

/* What a run of it found. */
struct checked {
	const struct command_line *line;
	struct faults errors, warnings;
	struct config *config; /* NULL: it is not fine */
	bool connects, connected;
	struct connections connections;
	struct why why; /* that it could not */
};

static void all_json(const struct checked *checked, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "file", checked->line->config);
	json_member_bool(out, "fine", checked->config != NULL);
	if (checked->config)
		config_json(checked->config, out);
	if (checked->connected)
		connect_json(&checked->connections, out);
	faults_json("errors", &checked->errors, out);
	faults_json("warnings", &checked->warnings, out);
	json_close(out, '}');
	buf_char(out, '\n');
}

/* ------------------------------------------------------------------- check */

static void all_words(const struct checked *checked, struct buf *out)
{
	if (checked->config)
		words(checked->config, out);
	if (checked->connected)
		buf_char(out, '\n'), connect_words(&checked->connections, out);
}

/* Exit 2 says that the file is not fine, 1 that it is and a vendor does not agree. */
static int verdict(const struct checked *checked)
{
	if (!checked->config)
		return EXIT_WRONG;
	if (!checked->connects)
		return EXIT_FINE;
	if (!checked->connected)
		return command_no(checked->line, "%s", checked->why.text);
	return connect_good(&checked->connections) ? EXIT_FINE : EXIT_NO;
}

/* Errors and warnings are told on stderr either way. */
static int check(const struct command_line *line)
{
	struct arena *arena = arena_new();
	struct checked checked = { .line = line, .errors = { .arena = arena }, .warnings = { .arena = arena } };
	struct buf out = { 0 };
	checked.config = config_read(line->config, CONFIG_BUILD, &checked.errors, &checked.warnings);
	config_say(&checked.errors, "");
	config_say(&checked.warnings, "warning: ");
	checked.connects = command_flag(line, "connect");
	checked.connected = checked.config && checked.connects &&
		connect_all(checked.config, &checked.connections, &checked.why);
	(line->json ? all_json : all_words)(&checked, &out);
	int code = verdict(&checked);
	if (!command_print(&out))
		code = EXIT_NO;
	connect_free(&checked.connections);
	config_free(&checked.config);
	arena_free(&arena);
	return code;
}

static const struct command_option options[] = {
	{ "connect", 0, NULL, "ask the vendors too: what the credentials may see, and whether `public` leads here" },
	{ 0 },
};

const struct command cmd_check[] = {
	{ "check", NULL, 0, 0, "say whether the configuration is fine, and what it comes to", options, check },
	{ 0 },
};
