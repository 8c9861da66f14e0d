/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_fuzz.c - any text as a configuration: it is read or refused with a place, and its parts are JSON.
 *
 * The plugins' descriptions come from plugins loaded here, not from the process
 * that is otherwise asked.
 */
#include "base/yaml.h"
#include "fuzz.h"
#include "host/host.h"
#include "main/config.h"
#include "main/describe.h"

static struct arena *lasting;

/* ----------------------------------------------------- what plugins say, once */

static const char *raw_member(const struct sl_json *form, const char *name)
{
	const struct sl_json *value = sl_json_get(form, name);
	struct sl_text raw = sl_json_raw(value);
	return value && sl_json_kind(value) == SL_KIND_OBJECT ? arena_copy(lasting, raw.at, raw.len) : NULL;
}

static void fill(struct description *d, const struct plugin *plugin)
{
	const struct sl_plugin *face = plugin->face;
	struct buf json = { 0 };
	plugin_describe(plugin, &json);
	struct sl_document *document = sl_json_read((struct sl_text){ json.at, json.len }, NULL, 0);
	d->name = face->name;
	d->version = face->version;
	d->summary = face->summary;
	d->options = face->options;
	d->webhook = raw_member(sl_json_root(document), "webhook");
	d->webhook_secret = face->webhook ? face->webhook->secret : NULL;
	d->api = face->api;
	d->every_ms = face->every_ms;
	d->decode = face->decode;
	d->poll = face->poll;
	d->transform = face->transform;
	d->deliver = face->deliver;
	d->json = arena_copy(lasting, json.at, json.len);
	sl_json_free(&document);
	buf_free(&json);
}

/* In the place of the engine's, which asks a process (main/describe.c). */
const struct description *describe(const char *const *paths, size_t count, const char *user, struct arena *arena)
{
	static struct description known[32];
	static struct plugin *loaded[32]; /* their options are looked at as long as we live */
	static size_t known_count;
	struct description *all = arena_alloc(arena, (count + 1) * sizeof(*all));
	for (size_t i = 0; i < count; i++) {
		struct why why;
		size_t at = 0;
		while (at < known_count && strcmp(known[at].path, paths[i]) != 0)
			at++;
		if (at == known_count && at < 32) {
			fuzz_pin(paths[i]);
			struct plugin *plugin = loaded[at] = plugin_load(paths[i], &why);
			known[at] = (struct description){ .path = arena_string(lasting, paths[i]) };
			if (plugin)
				fill(&known[at], plugin);
			else
				known[at].error = arena_string(lasting, why.text);
			known_count++;
		}
		all[i] = at < 32 ? known[at] : (struct description){ .path = paths[i], .error = "too many files" };
	}
	return all;
}

/* ------------------------------------------------------------------- reading */

static void must_be_json(const struct buf *out)
{
	char why[200] = "";
	struct sl_document *document = sl_json_read((struct sl_text){ out->at, out->len }, why, sizeof(why));
	if (!document)
		fprintf(stderr, "%s\n%.*s\n", why, (int)out->len, out->at);
	must(document != NULL, "a part of the configuration is JSON");
	sl_json_free(&document);
}

static void write_parts(const struct config *config)
{
	static const int fds[CONFIG_LISTEN_MOST + 1] = { -1 };
	struct buf out = { 0 };
	json_open(&out, '{');
	config_part_ingress(config, fds, -1, &out);
	json_close(&out, '}');
	must_be_json(&out);
	buf_free(&out);
	for (size_t i = 0; i < config->route_count; i++) {
		json_open(&out, '{');
		config_part_route(config, &config->routes[i], &out);
		json_close(&out, '}');
		must_be_json(&out);
		buf_free(&out);
	}
	for (size_t i = 0; i < config->source_count; i++) {
		json_open(&out, '{');
		config_part_poller(config, &config->sources[i], &out);
		json_close(&out, '}');
		must_be_json(&out);
		buf_free(&out);
	}
}

static void check_faults(const struct faults *faults, const char *path)
{
	for (size_t i = 0; i < faults->count && i < FAULTS_MOST; i++)
		must(faults->at[i] && strlen(faults->at[i]) > 10, "a fault is a sentence");
}

static void walk(const struct yaml_node *node)
{
	char room[YAML_SHOWN];
	size_t count = 0;
	must(node->line > 0 && node->column > 0, "a value knows its place");
	must(strlen(yaml_shown(node, room)) < YAML_SHOWN, "what is shown is short");
	for (const struct yaml_node *at = node->first; at; at = at->next, count++)
		walk(at);
	must(node->kind == YAML_SCALAR || count == node->count, "there are as many as are counted");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sl_text text = { size ? (const char *)data : "", size };
	struct arena *arena = arena_new();
	struct faults errors = { .arena = arena }, warnings = { .arena = arena };
	struct why why = { "" };
	const struct yaml_node *root = yaml_read_text("sluice.yaml", text, arena, &why);
	must(root || strncmp(why.text, "sluice.yaml:", 12) == 0, "a refusal names the place");
	if (root)
		walk(root);
	const char *path = fuzz_put("sluice.yaml", text);
	struct config *config = config_read(path, CONFIG_WHOLE, &errors, &warnings);
	must(config || errors.count, "what is refused is refused for a reason");
	check_faults(&errors, path);
	check_faults(&warnings, path);
	if (config)
		write_parts(config);
	config_free(&config);
	arena_free(&arena);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	lasting = arena_new();
	fuzz_begin();
	setenv("SECRET", "a secret of 32 bytes, or thereby", 1);
	return 0;
}
