/* SPDX-License-Identifier: Apache-2.0 */
/* config_use.c - what stands under sources, transforms and sinks: `use:` finds its plugin. */
#include <string.h>

#include "main/built.h"
#include "main/config_build.h"

static bool offers_events(const struct description *d)
{
	return d->webhook || d->poll;
}

static bool offers_transform(const struct description *d)
{
	return d->transform;
}

static bool offers_deliver(const struct description *d)
{
	return d->deliver;
}

const struct section sections[3] = {
	{ "sources", "source", "webhook or poll", offers_events, source_read },
	{ "transforms", "transform", "transform", offers_transform, transform_read },
	{ "sinks", "sink", "deliver", offers_deliver, sink_read },
};

/* ---------------------------------------------------------------- `use:` */

/* A plugin in C that lies in a folder of its own is built of it, but not by a daemon. */
static bool is_built(struct build *build, const struct part *part, const struct yaml_node *use)
{
	struct why why = { 0 };
	enum built state = part->plugin ? built_state(part->plugin) : BUILT_FINE;
	if (state == BUILT_FINE)
		return true;
	if (build->builds)
		return built_make(part->plugin, &why) || fault(build, use, "%s", why.text);
	if (state == BUILT_NOT)
		return fault(build, use, "%s has not been built yet; sluice check builds it", part->plugin);
	warn(build, use, "%s is older than what it is made of; sluice check builds it", part->plugin);
	return true;
}

static bool find_plugin(struct build *build, struct part *part, const struct yaml_node *use)
{
	struct why why;
	if (strcmp(part->use, "webhook") == 0 && part->section == &sections[0])
		return true;
	part->plugin = share_plugin(&build->share, part->use, &why);
	if (!part->plugin && use->written)
		return fault(build, use, "there is no plugin of the name that %s holds", use->written);
	if (!part->plugin)
		return fault(build, use, "%s", why.text);
	return is_built(build, part, use);
}

static bool read_use(struct build *build, struct part *part)
{
	const struct yaml_node *use = yaml_get(part->node, "use");
	struct why why;
	if (!yaml_want(part->node, YAML_MAP, part->what, &why))
		return faults_add(build->errors, &why);
	if (!use)
		return fault(build, part->node, "%s needs `use`, the name of its plugin", part->what);
	if (use->kind != YAML_SCALAR || !use->text.len) /* null is the name of one */
		return fault(build, use, "`use` must be the name of a plugin");
	part->use = use->text.at;
	return find_plugin(build, part, use);
}

static void add_part(struct build *build, const struct section *section, const struct yaml_node *node)
{
	struct part *part = &build->parts[build->part_count];
	*part = (struct part){ .section = section, .node = node, .name = node->key->text.at };
	part->what = arena_format(build->arena, "%s %s", section->one, part->name);
	build->part_count++;
	if (!name_fits(build, node->key, section->one) || !read_use(build, part))
		part->use = NULL;
}

static void add_section(struct build *build, const struct section *section)
{
	const struct yaml_node *node = yaml_get(build->root, section->key);
	struct why why;
	if (yaml_null(node))
		return;
	if (!yaml_want(node, YAML_MAP, arena_format(build->arena, "`%s`", section->key), &why)) {
		faults_add(build->errors, &why);
		return;
	}
	for (const struct yaml_node *below = node->first; below; below = below->next)
		add_part(build, section, below);
}

/* ------------------------------------------------------------ descriptions */

static size_t gather_paths(const struct build *build, const char **paths)
{
	size_t count = 0;
	for (size_t i = 0; i < build->part_count; i++) {
		const char *path = build->parts[i].plugin;
		size_t at = 0;
		while (path && at < count && strcmp(paths[at], path) != 0)
			at++;
		if (path && at == count)
			paths[count++] = path;
	}
	return count;
}

static void ask_plugins(struct build *build)
{
	const char **paths = arena_alloc(build->arena, (build->part_count + 1) * sizeof(*paths));
	size_t count = gather_paths(build, paths);
	const struct description *all = describe(paths, count, build->config->user, build->arena);
	for (size_t i = 0; i < build->part_count; i++)
		for (size_t at = 0; build->parts[i].plugin && at < count; at++)
			if (strcmp(paths[at], build->parts[i].plugin) == 0)
				build->parts[i].description = &all[at];
}

static bool is_usable(struct build *build, const struct part *part)
{
	const struct description *d = part->description;
	const struct section *section = part->section;
	const struct yaml_node *use = yaml_get(part->node, "use");
	if (!part->use)
		return false;
	if (!part->plugin)
		return true;
	if (d->error)
		return fault(build, use, "%s", d->error);
	return section->offered(d) ||
		fault(build, use, "`%s` is no %s: it does not offer %s", part->use, section->one, section->step);
}

static size_t count_below(const struct build *build)
{
	size_t count = 0;
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
		const struct yaml_node *node = yaml_get(build->root, sections[i].key);
		count += node ? node->count : 0;
	}
	return count;
}

void parts_read(struct build *build)
{
	size_t most = count_below(build) + 1;
	struct config *config = build->config;
	build->parts = arena_alloc(build->arena, most * sizeof(*build->parts));
	config->sources = build->sources = arena_alloc(build->arena, most * sizeof(*build->sources));
	config->transforms = build->transforms = arena_alloc(build->arena, most * sizeof(*build->transforms));
	config->sinks = build->sinks = arena_alloc(build->arena, most * sizeof(*build->sinks));
	for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
		add_section(build, &sections[i]);
	ask_plugins(build);
	for (size_t i = 0; i < build->part_count; i++)
		if (is_usable(build, &build->parts[i]))
			build->parts[i].section->read(build, &build->parts[i]);
}
