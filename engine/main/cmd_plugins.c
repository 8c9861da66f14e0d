/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_plugins.c - sluice plugins: what is installed, and what each plugin says of itself. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/option.h"
#include "main/built.h"
#include "main/command.h"
#include "main/config.h"
#include "main/config_schema.h"
#include "main/share.h"

/* Where to look: also in the configuration's `plugin_path`, if there is a configuration. */
struct looking {
	struct arena *arena;
	struct config *config;
	struct share share;
};

static bool look(const struct command_line *line, struct looking *looking)
{
	bool must = strcmp(line->config, "./sluice.yaml") != 0;
	*looking = (struct looking){ 0 };
	if ((must || access(line->config, F_OK) == 0) &&
		!(looking->config = config_or_say(line->config, CONFIG_PATHS, false)))
		return false;
	looking->arena = arena_new();
	looking->share.arena = looking->arena;
	if (looking->config) {
		looking->share.folder = looking->config->folder;
		looking->share.paths = looking->config->plugin_path;
	} else
		looking->share.folder = option_path("./sluice.yaml", ".", looking->arena);
	return true;
}

static void looked(struct looking *looking)
{
	config_free(&looking->config);
	arena_free(&looking->arena);
}

/* --------------------------------------------------------------------- ls */

static void steps(const struct description *d, struct buf *out)
{
	const struct {
		bool offered;
		const char *name;
	} all[] = {
		{ d->webhook, "webhook" },
		{ d->decode, "decode" },
		{ d->poll, "poll" },
		{ d->transform, "transform" },
		{ d->deliver, "deliver" },
		{ d->recall, "recall" },
		{ d->hooks, "hooks" },
		{ d->discover, "discover" },
		{ d->schema, "schema" },
		{ d->upkeep, "upkeep" },
	};
	const char *comma = "";
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].offered) {
			buf_format(out, "%s%s", comma, all[i].name);
			comma = ", ";
		}
}

static void row_words(const char *name, const struct description *d, struct buf *out)
{
	if (d->error) {
		buf_format(out, "%-20s does not load: %s\n", name, d->error);
		return;
	}
	buf_format(out, "%-20s %-8s %s (", name, d->version, d->summary);
	steps(d, out);
	buf_string(out, ")\n");
}

static void row_json(const char *name, const struct description *d, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "use", name);
	json_member_string(out, "path", d->path);
	json_member_string(out, "error", d->error);
	json_key(out, "plugin");
	json_raw(out, d->error ? "null" : d->json, d->error ? 4 : strlen(d->json));
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

/* What lies among plugins without being one, a script's own module or a broken
 * plugin, is only counted unless asked for. */
static size_t rows(const struct command_line *line, const char *const *names, const struct description *all,
	size_t count, struct buf *out)
{
	size_t left_out = 0;
	for (size_t i = 0; i < count; i++)
		if (all[i].error && !command_flag(line, "all"))
			left_out++;
		else
			(line->json ? row_json : row_words)(names[i], &all[i], out);
	return left_out;
}

static int list(const struct command_line *line)
{
	struct looking looking;
	struct buf out = { 0 };
	size_t count;
	if (!look(line, &looking))
		return EXIT_WRONG;
	const char *const *names = share_plugins(&looking.share, &count);
	const char **paths = arena_alloc(looking.arena, (count + 1) * sizeof(*paths));
	for (size_t i = 0; i < count; i++)
		if (!(paths[i] = share_plugin(&looking.share, names[i], NULL)))
			paths[i] = "";
	const struct description *all = describe(paths, count, NULL, looking.arena);
	size_t left_out = rows(line, names, all, count, &out);
	if (left_out && !line->json)
		fprintf(stderr, "not listed: %zu that cannot stand behind `use:`; sluice plugins ls --all says why\n",
			left_out);
	looked(&looking);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

/* ------------------------------------------------------------------- show */

static void webhook_words(const struct description *d, struct buf *out)
{
	struct sl_document *document = sl_json_read((struct sl_text){ d->webhook, strlen(d->webhook) }, NULL, 0);
	const struct sl_json *member = sl_json_first(sl_json_root(document));
	buf_string(out, "\nwebhook\n");
	for (; member; member = sl_json_next(member)) {
		struct sl_text name = sl_json_name(member), text = sl_json_string(member);
		if (!text.at)
			text = sl_json_raw(member);
		buf_format(out, "  %-12.*s %.*s\n", (int)name.len, name.at, (int)text.len, text.at);
	}
	sl_json_free(&document);
}

static void limit_words(int64_t most, const char *what, int64_t window, bool flows, struct buf *out)
{
	char room[OPTION_NUMBER];
	if (!most)
		return;
	buf_format(out, "  %-12s %" PRId64, what, most);
	if (window)
		buf_format(out, " in %s%s", option_number(SL_DURATION, window, room), flows ? ", flowing back" : "");
	buf_char(out, '\n');
}

/* {name} stands for an option: no secret is in it. */
static void api_words(const struct sl_api *api, struct buf *out)
{
	buf_string(out, "\napi\n");
	if (api->base)
		buf_format(out, "  %-12s %s\n", "base", api->base);
	for (const char *const *header = api->headers; *header; header++)
		buf_format(out, "  %-12s %s\n", "header", *header);
	for (const struct sl_pair *const *pair = api->query; *pair; pair++)
		buf_format(out, "  %-12s %s=%s\n", "query", (*pair)->name, (*pair)->value);
	if (api->credential)
		buf_format(out, "  %-12s %s\n", "credential", api->credential);
	limit_words(api->requests, "requests", api->window_ms, false, out);
	limit_words(api->points, "points", api->points_window_ms, api->points_flow, out);
	limit_words(api->at_once, "at_once", 0, false, out);
}

static void show_words(const struct description *d, struct buf *out)
{
	buf_format(out, "%s %s: %s\n%s\noffers ", d->name, d->version, d->summary, d->path);
	steps(d, out);
	buf_string(out, "\n\noptions\n");
	option_manual(d->options, false, out);
	if (d->webhook)
		webhook_words(d, out);
	if (d->api)
		api_words(d->api, out);
}

static int show(const struct command_line *line)
{
	struct looking looking;
	struct buf out = { 0 };
	struct why why = { 0 };
	if (!look(line, &looking))
		return EXIT_WRONG;
	const char *path = share_plugin(&looking.share, line->arguments[0], &why);
	bool built = path && (built_state(path) == BUILT_FINE || built_make(path, &why));
	const struct description *d = built ? describe(&path, 1, NULL, looking.arena) : NULL;
	int code = EXIT_FINE;
	if (!d || d->error)
		code = command_no(line, "%s", d ? d->error : why.text);
	else if (line->json)
		buf_format(&out, "%s\n", d->json);
	else
		show_words(d, &out);
	looked(&looking);
	return command_print(&out) ? code : EXIT_NO;
}

/* ----------------------------------------------------------------- schema */

static int schema(const struct command_line *line)
{
	struct looking looking;
	struct buf out = { 0 };
	if (!look(line, &looking))
		return EXIT_WRONG;
	config_schema_write(&looking.share, &out);
	looked(&looking);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

static const struct command_option list_options[] = {
	{ "all", 'a', NULL, "also what cannot be used, and why" },
	{ 0 },
};

const struct command cmd_plugins[] = {
	{ "plugins ls", NULL, 0, 0, "list the plugins that are installed", list_options, list },
	{ "plugins show", "NAME", 1, 1, "say what a plugin offers: its options, its webhook", NULL, show },
	{ "plugins schema", NULL, 0, 0, "print what may stand in sluice.yaml as a JSON Schema, for editors", NULL, schema },
	{ 0 },
};
