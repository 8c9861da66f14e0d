/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_hooks.c - sluice hooks ls, register, remove: the webhooks at the vendors, and what the configuration wants. */
#include <stdlib.h>
#include <string.h>

#include "main/command.h"
#include "main/errands.h"
#include "main/shown.h"
#include "sdk/text.h"

#define ID_MOST 40 /* columns */

/* What one run of the command is about. */
struct hooking {
	const struct command_line *line;
	struct config *config;
	struct errands *errands;
	const struct config_source **sources; /* ends with NULL */
	const char *verb;                     /* "list", "register", "remove" */
	const char *hook;                     /* remove: the id of one; NULL: all */
	const char *will;                     /* --dry-run: what it would do; NULL: it does it */
	bool good;                            /* what is wanted is there, so far */
	struct buf out;
};

/* What a state means, and what the verbs would do about it. */
static const struct state {
	const char *word;
	bool bad; /* something that is wanted does not work */
	const char *registered, *removed;
} states[] = {
	{ "fine", false, NULL, "removed" },
	{ "off", true, "woken", "removed" },
	{ "missing", true, "made", NULL },
	{ "extra", false, "removed", "removed" },
	{ "made", false, NULL, NULL },
	{ "woken", false, NULL, NULL },
	{ "removed", false, NULL, NULL },
	{ "manual", false, NULL, NULL },
	{ "", false, NULL, NULL },
};

static const struct state *state_of(const char *word)
{
	const struct state *state = states;
	while (*state->word && strcmp(state->word, word) != 0)
		state++;
	return state;
}

/* ------------------------------------------------------------------------ sources */

static bool offers_hooks(const struct config_source *source)
{
	return source->description && source->description->hooks;
}

/* Without its key nobody can ask the vendor, and there is no process that would. */
static bool has_hooks(const struct config_source *source)
{
	return source->has_process && offers_hooks(source);
}

static bool add_source(struct hooking *it, const char *name, size_t *count, struct why *why)
{
	const struct config_source *source = config_source(it->config, name);
	const char **names = arena_alloc(it->config->arena, (it->config->source_count + 1) * sizeof(*names));
	for (size_t i = 0; i < it->config->source_count; i++)
		names[i] = it->config->sources[i].name;
	if (!source)
		return shown_unknown(why, "source", name, names);
	if (offers_hooks(source) && !has_hooks(source))
		return why_say(why, "source %s: nobody can ask its vendor, a key or token is missing: `sluice check` says "
			"which", name);
	if (!has_hooks(source))
		return why_say(why, "source %s: the plugin of `use: %s` cannot look after webhooks; its README says how "
			"they are made by hand", name, source->use);
	it->sources[(*count)++] = source;
	return true;
}

static bool choose_all(struct hooking *it, struct why *why)
{
	size_t count = 0;
	for (size_t i = 0; i < it->config->source_count; i++)
		if (has_hooks(&it->config->sources[i]))
			it->sources[count++] = &it->config->sources[i];
	return count || why_say(why, "there is no source that looks after webhooks, and has the keys it needs for that");
}

/* `remove` takes a source and an id, the others any number of sources. */
static bool choose(struct hooking *it, bool all, struct why *why)
{
	size_t count = 0, named = strcmp(it->verb, "remove") == 0 && it->line->count ? 1 : it->line->count;
	it->sources = arena_alloc(it->config->arena, (it->config->source_count + named + 1) * sizeof(*it->sources));
	if (all)
		return choose_all(it, why);
	for (size_t i = 0; i < named; i++)
		if (!add_source(it, it->line->arguments[i], &count, why))
			return false;
	return true;
}

/* -------------------------------------------------------------------------- rows */

static const char *would(const struct hooking *it, const struct sl_json *event)
{
	const struct state *state = state_of(shown_word(event, "type"));
	if (!it->will)
		return NULL;
	if (strcmp(it->will, "register") == 0)
		return state->registered;
	return it->hook && strcmp(it->hook, shown_word(event, "id")) != 0 ? NULL : state->removed;
}

static void json_row(const struct hooking *it, const struct config_source *source, const struct sl_json *event,
	struct buf *out)
{
	struct sl_text data = sl_json_raw(sl_json_get(event, "data"));
	json_open(out, '{');
	json_member_string(out, "source", source->name);
	json_member_string(out, "id", shown_word(event, "id"));
	json_member_string(out, "state", shown_word(event, "type"));
	json_member_string(out, "subject", shown_word(event, "subject"));
	json_key(out, "data");
	json_raw(out, data.at ? data.at : "null", data.at ? data.len : 4);
	if (it->will)
		json_member_string(out, "would", would(it, event));
	json_close(out, '}');
	buf_char(out, '\n');
	out->comma = false;
}

/* "missing -> made" */
static void state_words(const struct hooking *it, const struct sl_json *event, struct buf *out)
{
	const char *then = would(it, event);
	buf_clear(out);
	buf_format(out, "%s%s%s", shown_word(event, "type"), then ? " -> " : "", then ? then : "");
}

struct widths {
	int state, id;
};

static struct widths widths_of(const struct hooking *it, const struct sl_json *events)
{
	struct widths widths = { 5, 2 };
	struct buf words = { 0 };
	for (const struct sl_json *event = sl_json_first(events); event; event = sl_json_next(event)) {
		int id = (int)strlen(shown_word(event, "id"));
		state_words(it, event, &words);
		widths.state = (int)words.len > widths.state ? (int)words.len : widths.state;
		widths.id = id > widths.id ? id : widths.id;
	}
	widths.id = widths.id < ID_MOST ? widths.id : ID_MOST;
	buf_free(&words);
	return widths;
}

/* What there is to say of one, and steps for a person, stand below it, further in. */
static void why_lines(struct sl_text why, struct buf *out)
{
	while (why.len) {
		const char *end = memchr(why.at, '\n', why.len);
		size_t len = end ? (size_t)(end - why.at) : why.len;
		buf_string(out, "    ");
		shown_text(out, (struct sl_text){ why.at, len });
		buf_char(out, '\n');
		why.at += len + (end != NULL), why.len -= len + (end != NULL);
	}
}

static void words_row(const struct hooking *it, const struct sl_json *event, struct widths widths, struct buf *out)
{
	struct buf state = { 0 };
	state_words(it, event, &state);
	buf_string(out, "  ");
	shown_cell(out, widths.state, state.at);
	shown_cell(out, widths.id, shown_word(event, "id"));
	shown_string(out, shown_word(event, "subject"));
	buf_char(out, '\n');
	why_lines(sl_json_string(sl_json_get(sl_json_get(event, "data"), "why")), out);
	buf_free(&state);
}

static void print_rows(struct hooking *it, const struct config_source *source, const struct sl_json *events)
{
	struct widths widths = widths_of(it, events);
	const char *nothing = strcmp(it->verb, "remove") == 0 ? ": none of ours is there" : ": none is there or wanted";
	if (!it->line->json)
		buf_format(&it->out, "%s: %s%s\n", source->name, source->callback_shown ? source->callback_shown : source->use,
			sl_json_count(events) ? "" : nothing);
	for (const struct sl_json *event = sl_json_first(events); event; event = sl_json_next(event)) {
		if (it->line->json)
			json_row(it, source, event, &it->out);
		else
			words_row(it, event, widths, &it->out);
	}
}

/* ----------------------------------------------------------------------- one source */

static bool is_one_removed(const struct sl_json *events, const char *hook)
{
	for (const struct sl_json *event = sl_json_first(events); event; event = sl_json_next(event))
		if (strcmp(shown_word(event, "id"), hook) == 0 && strcmp(shown_word(event, "type"), "removed") == 0)
			return true;
	return false;
}

static bool all_work(const struct sl_json *events)
{
	for (const struct sl_json *event = sl_json_first(events); event; event = sl_json_next(event))
		if (state_of(shown_word(event, "type"))->bad)
			return false;
	return true;
}

static bool judge(const struct hooking *it, const struct sl_json *events, struct why *why)
{
	if (it->will)
		return true;
	if (strcmp(it->verb, "remove") != 0)
		return all_work(events);
	return !it->hook || is_one_removed(events, it->hook) ||
		why_say(why, "there is no webhook %.80s of ours to be removed; `sluice hooks ls` lists them", it->hook);
}

/* Whoever makes a webhook asks its address at once, so it has to answer first. */
static bool may_register(const struct hooking *it, const struct config_source *source, struct why *why)
{
	if (strcmp(it->verb, "register") != 0 || it->will)
		return true;
	if (!source->callback)
		return why_say(why, "no address is known that the vendor could be told: give `public: https://...`");
	if (command_flag(it->line, "no-probe"))
		return true;
	if (!errands_daemon(it->errands))
		return why_say(why, "no daemon runs, and vendors ask an address before they agree: begin `sluice run` first "
				    "(--no-probe registers without)");
	return errand_probe(it->config, source->callback, source->callback_shown, why) ||
		why_within(why, "nothing was registered (--no-probe does not ask)");
}

static bool look_after(struct hooking *it, const struct config_source *source, struct why *why)
{
	struct sl_document *answer = may_register(it, source, why)
		? errand_hooks(it->errands, source, it->will ? "list" : it->verb, it->hook, why)
		: NULL;
	const struct sl_json *events = answer ? sl_json_get(sl_json_root(answer), "events") : NULL;
	bool good = answer && judge(it, events, why);
	if (answer)
		print_rows(it, source, events);
	sl_json_free(&answer);
	return good;
}

static void say_trouble(struct hooking *it, const struct config_source *source, const struct why *why)
{
	if (!why->text[0])
		return;
	command_no(it->line, "%s: %s", source->name, why->text);
	if (!it->line->json)
		return;
	json_open(&it->out, '{');
	json_member_string(&it->out, "source", source->name);
	json_member_string(&it->out, "error", why->text);
	json_close(&it->out, '}');
	buf_char(&it->out, '\n');
	it->out.comma = false;
}

static int look_after_all(struct hooking *it)
{
	it->good = true;
	for (size_t i = 0; it->sources[i]; i++) {
		struct why why = { "" };
		if (look_after(it, it->sources[i], &why))
			continue;
		it->good = false;
		say_trouble(it, it->sources[i], &why);
	}
	return command_print(&it->out) && it->good ? EXIT_FINE : EXIT_NO;
}

/* -------------------------------------------------------------------------- commands */

static int reach(struct hooking *it, bool all)
{
	struct why why = { "" };
	it->config = config_or_say(it->line->config, CONFIG_WHOLE, false);
	if (!it->config)
		return EXIT_WRONG;
	if (!choose(it, all, &why) || !(it->errands = errands_new(it->config, &why)))
		return command_no(it->line, "%s", why.text);
	return look_after_all(it);
}

static int run(const struct command_line *line, const char *verb, bool all)
{
	struct hooking it = { .line = line, .verb = verb, .will = command_flag(line, "dry-run") ? verb : NULL };
	if (strcmp(verb, "remove") == 0 && line->count > 1)
		it.hook = line->arguments[1];
	int code = reach(&it, all);
	errands_free(&it.errands);
	config_free(&it.config);
	return code;
}

static int run_ls(const struct command_line *line)
{
	return run(line, "list", !line->count);
}

static int run_register(const struct command_line *line)
{
	bool all = command_flag(line, "all");
	if (all == (line->count > 0))
		return command_wrong(line, "name sources, or say --all");
	return run(line, "register", all);
}

static int run_remove(const struct command_line *line)
{
	bool all = command_flag(line, "all"), sure = command_flag(line, "yes") || command_flag(line, "dry-run");
	if (all == (line->count > 0))
		return command_wrong(line, "name a source, or say --all");
	const char *whose = all ? "each source" : line->arguments[0];
	if (!sure && line->count < 2 && !shown_sure("The vendor of %s will send nothing any more.  Go on?", whose))
		return command_no(line, "nothing was done");
	return run(line, "remove", all);
}

static const struct command_option register_options[] = {
	{ "all", 'a', NULL, "all sources whose plugins look after webhooks" },
	{ "dry-run", 'n', NULL, "only say what there is and what would be done" },
	{ "no-probe", 0, NULL, "do not ask first whether the address leads to the daemon" },
	{ 0 },
};

static const struct command_option remove_options[] = {
	{ "all", 'a', NULL, "those of all sources" },
	{ "dry-run", 'n', NULL, "only say what there is and what would be done" },
	{ "yes", 'y', NULL, "do not ask" },
	{ 0 },
};

const struct command cmd_hooks[] = {
	{ "hooks ls", "[SOURCE...]", 0, -1, "list the webhooks at the vendors; 1 if one that is wanted does not work", NULL,
		run_ls },
	{ "hooks register", "SOURCE...", 0, -1, "make, wake and remove webhooks until they are as is wanted",
		register_options, run_register },
	{ "hooks remove", "SOURCE [ID]", 0, 2, "remove a webhook at the vendor, or all that lead to us", remove_options,
		run_remove },
	{ 0 },
};
