/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - the names that a configuration gives. */
#include "main/names.h"

#include "base/yaml.h"
#include "main/shown.h"

bool names_no_source(const struct config *config, const char *name, struct why *why)
{
	const char **names = arena_alloc(config->arena, (config->source_count + 1) * sizeof(*names));
	for (size_t i = 0; i < config->source_count; i++)
		names[i] = config->sources[i].name;
	return shown_unknown(why, "source", name, names);
}

bool names_no_route(const struct config *config, const char *name, struct why *why)
{
	const char **names = arena_alloc(config->arena, (config->route_count + 1) * sizeof(*names));
	for (size_t i = 0; i < config->route_count; i++)
		names[i] = config->routes[i].name;
	return shown_unknown(why, "route", name, names);
}

/* Routes are a list of maps, all else is a map of names. */
static const char *name_of(const struct yaml_node *node)
{
	const struct yaml_node *name = node->key ? node->key : yaml_get(node, "name");
	return name && name->kind == YAML_SCALAR ? name->text.at : NULL;
}

const char *const *names_written(const char *file, const char *section, struct arena *arena)
{
	struct why unheard;
	const struct yaml_node *root = yaml_read_file(file, arena, &unheard);
	const struct yaml_node *all = root && root->kind == YAML_MAP ? yaml_get(root, section) : NULL;
	const char **names = arena_alloc(arena, ((all ? all->count : 0) + 1) * sizeof(*names));
	size_t count = 0;
	for (const struct yaml_node *node = all && all->kind != YAML_SCALAR ? all->first : NULL; node; node = node->next)
		if (name_of(node))
			names[count++] = name_of(node);
	return names;
}
