/* SPDX-License-Identifier: Apache-2.0 */
/* config_source.c - one source: its options, its webhook with what YAML changes of it, its secrets. */
#include <string.h>

#include "flow/webhook.h"
#include "io/socket.h"
#include "main/config_build.h"
#include "sdk/text.h"

#define EVERY_LEAST 100 /* ms */
#define EVERY_USUAL ((int64_t)15 * 60000)
#define EVERY_MOST ((int64_t)365 * 86400000)
#define FAR_MOST (100 * EVERY_MOST)

#define KEY(kind, key, ...) \
	{ \
		.name = key, .type = SL_##kind, __VA_ARGS__ \
	}

/* Of every source, whatever its plugin. */
const struct sl_option config_source_keys[] = {
	KEY(TEXT, "use", .help = "the plugin, or `webhook` for a source described right here"),
	KEY(BOOL, "insecure", .initial = "no", .help = "take in whatever anybody sends, unchecked"),
	KEY(TEXT, "callback", .initial = "", .help = "the address as the vendor was told it; `public` and /in/NAME unless "
						     "given"),
	KEY(DURATION, "every", .initial = "15m", .min = EVERY_LEAST, .max = EVERY_MOST,
		.help = "how often the vendor is asked, if the plugin polls and does not say so itself"),
	KEY(DURATION, "first", .initial = "24h", .max = FAR_MOST,
		.help = "how far back the first poll goes; 0: to the beginning, if the plugin can"),
	KEY(DURATION, "silence", .initial = "0", .max = FAR_MOST,
		.help = "when nothing has come for so long the vendor is asked at once, and health says so; 0: never"),
	KEY(DURATION, "check", .initial = "1h", .max = EVERY_MOST,
		.help = "how often the webhooks at the vendor are looked at, if the plugin can; 0: never"),
	KEY(BOOL, "snapshot", .initial = "no",
		.help = "each poll reads everything, and tables filled by snapshots become what it read (sluice-schema)"),
	{ .name = "webhook", .type = OPTION_TREE, .initial = "", .help = "keys of the plugin's webhook that are to be other ones" },
	{ .name = "api", .type = OPTION_TREE, .initial = "", .help = "keys of the plugin's api that are to be other ones" },
	{ 0 },
};

static const char *const auths[] = { "hmac-sha1", "hmac-sha256", "hmac-sha512", "jwt-hs256", "standard-webhooks",
	"basic",
	"bearer", "query-token", "none", NULL };
static const char *const encodings[] = { "hex", "base64", NULL };

/* Of `use: webhook`, and of `webhook:` below another source. */
const struct sl_option config_webhook_keys[] = {
	KEY(CHOICE, "auth", .choices = auths, .help = "how the sender proves who it is"),
	KEY(TEXT, "proof", .initial = "", .help = "where the proof stands: header:NAME, header:NAME;PART or query:NAME"),
	KEY(TEXT, "prefix", .initial = "", .help = "what stands before the proof (sha256=); alternatives with |"),
	KEY(CHOICE, "encoding", .initial = "", .choices = encodings, .help = "of an hmac"),
	KEY(TEXT, "covers", .initial = "",
		.help = "what is signed, {body} unless given: text with {body} {callback} {path} {timestamp} {header:NAME}"),
	KEY(TEXT, "timestamp", .initial = "", .help = "a selector: when it was signed"),
	KEY(DURATION, "tolerance", .initial = "5m",
		.help = "how far the timestamp may be from now; of a jwt 60s unless given"),
	KEY(TEXT, "audience", .initial = "",
		.help = "of a jwt: what its `aud` has to be; {callback}: the callback, whatever query stands behind it"),
	KEY(TEXT, "id", .initial = "", .help = "a selector: what names the event; a second one with the same id is "
					       "dropped"),
	KEY(TEXT, "type", .initial = "", .help = "a selector: what happened"),
	KEY(TEXT, "subject", .initial = "", .help = "a selector: to what; events of one subject stay in order"),
	KEY(TEXT, "time", .initial = "", .help = "a selector: when it happened"),
	KEY(DURATION, "repeat", .initial = "0", .help = "an id counts as a repeat only for so long; 0: always"),
	KEY(TEXT, "same", .initial = "",
		.help = "\"SELECTOR = SELECTOR\", several with a comma between: where the right one finds something the left "
			"one has to find the same, or the request is refused"),
	KEY(TEXT, "challenge", .initial = "", .help = "the member of a handshake that is echoed"),
	KEY(BOOL, "head", .initial = "no", .help = "answer HEAD with 200"),
	KEY(BOOL, "notice", .initial = "no",
		.help = "a request says no more than that something changed: the source polls at once"),
	KEY(INT, "status", .initial = "200", .min = 200, .max = 299, .help = "the answer when an event is stored"),
	{ 0 },
};

static const struct sl_option secret_key = KEY(SECRET, "secret", .initial = "",
	.help = "what the sender's proof is made with; while it is being changed, a list of the new and the old one");

/* A source while it is read. */
struct reading {
	struct build *build;
	struct part *part;
	struct config_source *source;
	const struct sl_option *own; /* the plugin's rows, or those of a webhook */
	const char *secret;          /* the option that holds the webhook's secrets; NULL: it has none */
	const struct sl_json *values;
	const struct sl_json *form; /* of source->webhook */
};

/* ---------------------------------------------------------------- options */

static const struct sl_option *row_of(const struct sl_option *table, const char *name)
{
	for (; table && table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

static size_t rows_in(const struct sl_option *table)
{
	size_t count = 0;
	while (table && table[count].name)
		count++;
	return count;
}

static const char *usual_callback(const struct reading *r)
{
	const char *public = r->build->config->public;
	return public ? arena_format(r->build->arena, "%s/in/%s", public, r->part->name) : "";
}

/* Is it a key of this source?  Whatever the plugin has an option of the same name for
 * is the plugin's. */
static bool row_counts(const struct description *d, const struct sl_option *own, const struct sl_option *row)
{
	if (row_of(own, row->name))
		return false;
	if (strcmp(row->name, "webhook") == 0)
		return d && d->webhook;
	return strcmp(row->name, "api") != 0 || (d && d->api);
}

static int64_t usual_every(const struct description *d)
{
	int64_t every = d ? d->every_ms : 0;
	if (!every)
		return EVERY_USUAL;
	return every < EVERY_LEAST ? EVERY_LEAST : every > EVERY_MOST ? EVERY_MOST
								      : every;
}

const char *source_secret(const struct description *d)
{
	if (d && !d->webhook)
		return NULL;
	return d && d->webhook_secret ? d->webhook_secret : "secret";
}

const struct sl_option *source_table(const struct description *d, const char *callback, struct arena *arena)
{
	const struct sl_option *own = d ? d->options : config_webhook_keys;
	const char *secret = source_secret(d);
	char room[OPTION_NUMBER];
	size_t count = 0;
	struct sl_option *table = arena_alloc(arena, (rows_in(config_source_keys) + rows_in(own) + 2) * sizeof(*table));
	for (const struct sl_option *row = config_source_keys; row->name; row++)
		if (row_counts(d, own, row)) {
			table[count] = *row;
			if (strcmp(row->name, "every") == 0)
				table[count].initial = arena_string(arena, option_number(SL_DURATION, usual_every(d), room));
			count++;
		}
	for (const struct sl_option *row = own; row && row->name; row++) {
		table[count] = *row;
		if (secret && strcmp(row->name, secret) == 0)
			table[count].initial = "";
		if (strcmp(row->name, "callback") == 0)
			table[count].initial = callback;
		count++;
	}
	if (secret && !row_of(table, secret))
		table[count] = secret_key;
	return table;
}

/* The plugin's options of which `wanted` is true, as an object. */
static const char *some_options(const struct reading *r,
	bool (*wanted)(const struct reading *, const struct sl_option *))
{
	struct buf out = { 0 };
	json_open(&out, '{');
	for (const struct sl_option *row = r->part->plugin ? r->own : NULL; row && row->name; row++) {
		struct sl_text raw = sl_json_raw(sl_json_get(r->values, row->name));
		if (!raw.at || !wanted(r, row))
			continue;
		json_key(&out, row->name);
		json_raw(&out, raw.at, raw.len);
	}
	json_close(&out, '}');
	const char *options = arena_copy(r->build->arena, out.at, out.len);
	buf_free(&out);
	return options;
}

/* What the plugin's steps get: all but the secrets. */
static bool is_open(const struct reading *r, const struct sl_option *row)
{
	return row->type != SL_SECRET;
}

static bool is_any(const struct reading *r, const struct sl_option *row)
{
	return true;
}

/* What somebody may have pasted where the webhook's secret belongs. */
static bool is_other(const struct reading *r, const struct sl_option *row)
{
	return (row->type == SL_SECRET || row->type == SL_TEXT) && (!r->secret || strcmp(row->name, r->secret) != 0);
}

static void read_callback(const struct reading *r)
{
	const struct yaml_node *node = yaml_get(r->part->node, "callback");
	struct sl_text given = sl_json_string(sl_json_get(r->values, "callback"));
	const struct config *config = r->build->config;
	if (node && given.len) {
		r->source->callback = arena_copy(r->build->arena, given.at, given.len);
		r->source->callback_shown = node->written ? node->written : r->source->callback;
	} else if (config->public) {
		r->source->callback = usual_callback(r);
		r->source->callback_shown = arena_format(r->build->arena, "%s/in/%s", config->public_shown, r->part->name);
	}
}

/* ---------------------------------------------------------------- webhook */

/* Where the form keeps a key: times say their unit there. */
static const char *form_name(const char *key)
{
	if (strcmp(key, "tolerance") == 0)
		return "tolerance_ms";
	return strcmp(key, "repeat") == 0 ? "repeat_ms" : key;
}

static void put_given(const struct yaml_node *map, const struct sl_json *values, struct buf *out)
{
	for (const struct sl_option *row = config_webhook_keys; row->name; row++) {
		struct sl_text raw = sl_json_raw(sl_json_get(values, row->name));
		if (!yaml_get(map, row->name) || !raw.at)
			continue;
		json_key(out, form_name(row->name));
		json_raw(out, raw.at, raw.len);
	}
}

static bool is_given(const struct yaml_node *map, struct sl_text member)
{
	for (const struct sl_option *row = config_webhook_keys; row->name; row++)
		if (sl_text_is(member, form_name(row->name)))
			return yaml_get(map, row->name) != NULL;
	return false;
}

/* A plugin names the option that holds the audience; here its value takes its place. */
static const struct sl_json *value_of(const struct reading *r, const struct sl_json *member)
{
	struct sl_text text = sl_json_string(member);
	bool named = sl_text_is(sl_json_name(member), "audience") && row_of(r->own, text.at);
	return named ? sl_json_get_text(r->values, text) : member;
}

/* Only of a JWT: another `auth` takes the plugin's audience away with it. */
static bool is_moot(const struct yaml_node *map, struct sl_text member)
{
	return sl_text_is(member, "audience") && yaml_get(map, "auth");
}

static void put_described(const struct reading *r, const struct sl_json *form, const struct yaml_node *map,
	struct buf *out)
{
	for (const struct sl_json *member = sl_json_first(form); member; member = sl_json_next(member)) {
		struct sl_text name = sl_json_name(member), raw = sl_json_raw(value_of(r, member));
		if (is_given(map, name) || is_moot(map, name) || !raw.at)
			continue;
		json_key_text(out, name);
		json_raw(out, raw.at, raw.len);
	}
}

static const struct sl_json *parse_text(const struct reading *r, const char *text)
{
	struct buf borrowed = { .at = (char *)text, .len = text ? strlen(text) : 0 };
	return text ? values_parse(r->build, &borrowed) : NULL;
}

/* The keys of `webhook:`, each of which may be left out. */
static const struct sl_json *read_overrides(const struct reading *r, const struct yaml_node *map)
{
	size_t count = rows_in(config_webhook_keys);
	struct sl_option *table = arena_alloc(r->build->arena, (count + 1) * sizeof(*table));
	memcpy(table, config_webhook_keys, count * sizeof(*table));
	table[0].initial = ""; /* auth */
	return values_read(r->build, table, NULL, arena_format(r->build->arena, "`webhook` of %s", r->part->what), map,
		map);
}

static bool read_form(struct reading *r)
{
	const struct description *d = r->part->description;
	const struct yaml_node *map = d ? yaml_get(r->part->node, "webhook") : r->part->node;
	const struct sl_json *given = d && map ? read_overrides(r, map) : r->values;
	struct buf out = { 0 };
	if (!given)
		return false;
	json_open(&out, '{');
	if (d)
		put_described(r, parse_text(r, d->webhook), map, &out);
	if (map)
		put_given(map, given, &out);
	json_close(&out, '}');
	r->source->webhook = arena_copy(r->build->arena, out.at, out.len);
	r->form = values_parse(r->build, &out);
	buf_free(&out);
	r->source->notice = sl_json_true(sl_json_get(r->form, "notice"));
	struct sl_text auth = sl_json_string(sl_json_get(r->form, "auth"));
	r->source->auth = auth.at ? arena_copy(r->build->arena, auth.at, auth.len) : "none";
	return true;
}

/* ----------------------------------------------------------------- checks */

static bool proves_itself(const struct reading *r, const struct sl_json *secrets)
{
	const struct part *part = r->part;
	const struct yaml_node *node = yaml_get(part->node, r->secret);
	if (r->source->insecure)
		return true;
	if (strcmp(r->source->auth, "none") == 0)
		return fault(r->build, part->node,
			"%s would take in whatever anybody sends (auth: none); say `insecure: true` if that is meant",
			part->what);
	if (sl_json_count(secrets) == 0)
		return fault(r->build, node ? node : part->node,
			"%s has no secret: give `%s: ${NAME}`, or `insecure: true` to take in whatever anybody sends",
			part->what, r->secret);
	return true;
}

/* Is the callback signed, or whom a token has to be for? */
static bool needs_callback(const struct sl_json *form)
{
	struct sl_text covers = sl_json_string(sl_json_get(form, "covers"));
	return (covers.at && strstr(covers.at, "{callback}")) ||
		sl_text_is(sl_json_string(sl_json_get(form, "audience")), "{callback}");
}

static bool knows_callback(const struct reading *r)
{
	if (r->source->insecure || r->source->callback || !needs_callback(r->form))
		return true;
	if (r->build->engine_faulty) /* `public` may be what could not be read, and that was told */
		return false;
	return fault(r->build, r->part->node, "what %s signs holds the callback: give `public: https://...`, "
					      "or `callback:` of the source as the vendor was told it",
		r->part->what);
}

/* Does the description hold what came from ${NAME}?  Then a sentence about it may
 * too, and is not told. */
static bool is_hidden(const struct yaml_node *map)
{
	for (const struct sl_option *row = config_webhook_keys; row->name; row++) {
		const struct yaml_node *node = yaml_get(map, row->name);
		if (node && node->written)
			return true;
	}
	return false;
}

static bool compiles(const struct reading *r, const struct sl_json *secrets)
{
	const struct yaml_node *node = yaml_get(r->part->node, "webhook");
	struct why why = { 0 };
	struct webhook *webhook = r->source->insecure ? webhook_unchecked(r->form, &why)
						      : webhook_new(r->form, secrets, r->source->callback, &why);
	bool fine = webhook != NULL;
	webhook_free(&webhook);
	if (!fine && is_hidden(node ? node : r->part->node))
		why_say(&why,
			"its webhook cannot be used as it is described; why is not told, because it holds what came from ${}");
	return fine || fault(r->build, node ? node : r->part->node, "%s: %s", r->part->what, why.text);
}

/* A plugin whose webhook may do without a secret means: then it is only asked. */
static bool only_asks(const struct reading *r)
{
	const struct sl_option *row = r->secret ? row_of(r->own, r->secret) : NULL;
	return r->part->description && r->source->polls && !r->source->insecure && row && row->initial && !*row->initial &&
		sl_json_count(sl_json_get(r->values, r->secret)) == 0;
}

static void read_webhook(struct reading *r)
{
	const struct sl_json *secrets = sl_json_get(r->values, r->secret);
	struct sl_text raw = sl_json_raw(secrets);
	r->source->secrets = raw.at ? arena_copy(r->build->arena, raw.at, raw.len) : "[]";
	if (read_form(r) && proves_itself(r, secrets) && knows_callback(r))
		compiles(r, secrets);
}

/* Its events go to the ingress over a socket, whose path may be too long. */
static void check_events(const struct reading *r)
{
	struct config *config = r->build->config;
	struct why why;
	const char *address = arena_format(r->build->arena, "unix:%s/" CONFIG_EVENTS, config->data);
	if (r->source->polls && config->data && !socket_address_valid(address, &why))
		fault(r->build, r->part->node, "%s polls, and hands its events over a socket below `data`: %s; give `data` a "
			"shorter path", r->part->what, why.text);
}

static void give_warnings(const struct reading *r)
{
	const struct config_source *source = r->source;
	const struct description *d = source->description;
	if (source->insecure)
		warn(r->build, r->part->node, "%s is insecure: it takes in whatever anybody sends", r->part->what);
	if (yaml_get(r->part->node, "every") && !(d && d->poll) && !row_of(r->own, "every"))
		warn(r->build, yaml_get(r->part->node, "every"), "`every` says nothing: `%s` does not poll", source->use);
}

/* Unless the plugin has an option of this name. */
static bool wants_snapshots(const struct reading *r)
{
	const struct yaml_node *node = yaml_get(r->part->node, "snapshot");
	bool wants = !row_of(r->own, "snapshot") && sl_json_true(sl_json_get(r->values, "snapshot"));
	if (wants && !r->source->polls)
		fault(r->build, node, "%s: `snapshot: true` is for a source that polls, and `%s` does not", r->part->what,
			r->source->use);
	return wants;
}

/* An option `every` of the plugin's own says how often too, if it is a duration. */
static int64_t every_of(const struct reading *r)
{
	int64_t every = usual_every(r->part->description);
	sl_json_integer(sl_json_get(r->values, "every"), &every);
	return every >= EVERY_LEAST ? every : EVERY_LEAST;
}

/* A key of the engine's that a plugin may have an option of its own for. */
static int64_t engine_duration(const struct reading *r, const char *key)
{
	int64_t ms = 0;
	if (!row_of(r->own, key))
		sl_json_integer(sl_json_get(r->values, key), &ms);
	return ms;
}

static void read_looks(const struct reading *r)
{
	r->source->first = engine_duration(r, "first");
	r->source->silence = engine_duration(r, "silence");
	r->source->check = engine_duration(r, "check");
}

void source_read(struct build *build, struct part *part)
{
	const struct description *d = part->description;
	struct config_source *source = &build->sources[build->config->source_count++];
	struct reading r = { .build = build, .part = part, .source = source };
	r.own = d ? d->options : config_webhook_keys;
	r.secret = source_secret(d);
	source->name = part->name;
	source->use = part->use;
	source->plugin = part->plugin;
	source->description = d;
	source->secrets = "[]";
	source->auth = "none";
	const struct sl_option *table = source_table(d, usual_callback(&r), build->arena);
	r.values = values_read(build, table, NULL, part->what, part->node, part->node);
	if (!r.values)
		return;
	source->insecure = sl_json_true(sl_json_get(r.values, "insecure"));
	source->options = some_options(&r, is_open);
	source->all_options = some_options(&r, is_any);
	source->api = api_read(build, part, r.values);
	source->polls = d && d->poll && (!d->api || source->api);
	source->has_process = source->polls || (d && (d->hooks || d->discover) && (!d->api || source->api));
	source->every = every_of(&r);
	read_looks(&r);
	source->snapshot = wants_snapshots(&r);
	source->others = some_options(&r, is_other);
	read_callback(&r);
	if ((!d || d->webhook) && !only_asks(&r))
		read_webhook(&r);
	check_events(&r);
	give_warnings(&r);
}
