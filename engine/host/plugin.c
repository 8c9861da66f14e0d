/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - a plugin's file becomes the struct that describes it. */
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/option.h"
#include "host/inside.h"

/* What the struct had in each minor version: a plugin's size is that of its own, and
 * what came later stays zero. */
static const size_t plugin_sizes[] = {
	offsetof(struct sl_plugin, batch_rows) + sizeof(size_t),
	offsetof(struct sl_plugin, batch_bytes) + sizeof(size_t),
	sizeof(struct sl_plugin),
	sizeof(struct sl_plugin), /* 1.3 added to other structs */
};
_Static_assert(sizeof(plugin_sizes) / sizeof(plugin_sizes[0]) == SL_ABI_MINOR + 1, "a size for each minor version");

#define OPTION_1_0 (offsetof(struct sl_option, help) + sizeof(const char *))
#define MOST_OPTIONS 256

static bool abi_check(const struct sl_plugin *face, struct why *why)
{
	unsigned major = face->abi >> 16, minor = plugin_minor(face);
	if (major != SL_ABI_MAJOR)
		return why_say(why, "it was built for plugin interface %u.%u, this engine has %d.%d; "
				    "compile it again with the plugin.h of this engine",
			major, minor, SL_ABI_MAJOR, SL_ABI_MINOR);
	if (minor > SL_ABI_MINOR)
		return why_say(why, "it was built for plugin interface %u.%u, this engine has only %d.%d; "
				    "update the engine, or compile the plugin with this engine's plugin.h",
			major, minor, SL_ABI_MAJOR, SL_ABI_MINOR);
	if (face->size != plugin_sizes[minor])
		return why_say(why, "its sl_plugin has %u bytes where interface %u.%u has %zu; declare it with SL_PLUGIN(...)",
			face->size, major, minor, plugin_sizes[minor]);
	return true;
}

/* Option rows in this engine's size, whatever the plugin knew of them. */
static bool copy_options(struct sl_plugin *face, struct arena *arena, struct why *why)
{
	const char *row = (const char *)face->options;
	size_t stride = face->option_size, size = stride < sizeof(struct sl_option) ? stride : sizeof(struct sl_option);
	size_t count = 0;
	if (!row)
		return true;
	if (stride < OPTION_1_0 || stride > 4096 || stride % _Alignof(struct sl_option))
		return why_say(why, "its option rows have %zu bytes, which cannot be; declare it with SL_PLUGIN(...)", stride);
	while (count <= MOST_OPTIONS && ((const struct sl_option *)(const void *)(row + count * stride))->name)
		count++;
	if (count > MOST_OPTIONS)
		return why_say(why, "its option table has more than %d rows; does it end with a row without a name?",
			MOST_OPTIONS);
	struct sl_option *copy = arena_alloc(arena, (count + 1) * sizeof(*copy));
	for (size_t i = 0; i < count; i++)
		memcpy(&copy[i], row + i * stride, size);
	face->options = copy;
	face->option_size = sizeof(*copy);
	return true;
}

/* As long as ours, and of theirs no more than there was in its minor version. */
static const void *copy_struct(struct arena *arena, const void *theirs, size_t had, size_t size)
{
	return theirs ? memcpy(arena_alloc(arena, size), theirs, had) : NULL;
}

/* 1.3 added to them. */
static void copy_descriptions(struct sl_plugin *face, struct arena *arena)
{
	const bool ours = plugin_minor(face) >= 3;
	face->webhook = copy_struct(arena, face->webhook,
		ours ? sizeof(struct sl_webhook) : offsetof(struct sl_webhook, same), sizeof(struct sl_webhook));
	face->api = copy_struct(arena, face->api,
		ours ? sizeof(struct sl_api) : offsetof(struct sl_api, points_flow), sizeof(struct sl_api));
}

static const struct sl_plugin *face_copy(const struct sl_plugin *theirs, struct arena *arena, struct why *why)
{
	struct sl_plugin *face = arena_alloc(arena, sizeof(*face));
	if (!abi_check(theirs, why))
		return NULL;
	memcpy(face, theirs, theirs->size);
	copy_descriptions(face, arena);
	return copy_options(face, arena, why) && plugin_check(face, why) ? face : NULL;
}

static bool load_shared(struct plugin *plugin, struct why *why)
{
	plugin->handle = dlopen(plugin->path, RTLD_NOW | RTLD_LOCAL);
	if (!plugin->handle)
		return why_say(why, "it cannot be loaded: %s", dlerror());
	const struct sl_plugin *theirs = dlsym(plugin->handle, "sl_plugin");
	if (!theirs)
		return why_say(why, "it has no symbol sl_plugin, so it is no plugin; end its source with SL_PLUGIN(...)");
	plugin->face = face_copy(theirs, plugin->arena, why);
	return plugin->face != NULL;
}

static bool load_script(struct plugin *plugin, struct why *why)
{
	return lua_describe(plugin, why) && plugin_check(plugin->face, why);
}

static bool ends_with(const char *path, const char *end)
{
	size_t len = strlen(path), end_len = strlen(end);
	return len > end_len && strcmp(path + len - end_len, end) == 0;
}

static bool load_any(struct plugin *plugin, struct why *why)
{
	plugin->lua = ends_with(plugin->path, ".lua");
	if (plugin->lua)
		return load_script(plugin, why);
	if (ends_with(plugin->path, ".so"))
		return load_shared(plugin, why);
	return why_say(why, "a plugin's file ends with .so or .lua");
}

/* "FOLDER/cards.lua:7: ..." for what happened in a line, "FOLDER/cards.lua: ..." for the rest. */
static void name_file(const char *path, struct why *why)
{
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	size_t len = strlen(file);
	struct why inner;
	if (!why)
		return;
	inner = *why;
	if (strncmp(inner.text, file, len) == 0 && inner.text[len] == ':')
		why_say(why, "%.*s%s", (int)(file - path), path, inner.text);
	else
		why_within(why, "%s", path);
}

struct plugin *plugin_load(const char *path, struct why *why)
{
	char full[PATH_MAX];
	if (!realpath(path, full)) {
		why_errno(why, "%s: it cannot be read", path);
		return NULL;
	}
	struct plugin *plugin = must_alloc(sizeof(*plugin));
	plugin->path = must_string(full);
	plugin->arena = arena_new();
	plugin->users = 1;
	if (!load_any(plugin, why)) {
		name_file(path, why);
		plugin_free(&plugin);
	}
	return plugin;
}

void plugin_free(struct plugin **at)
{
	struct plugin *plugin = *at;
	*at = NULL;
	if (!plugin || --plugin->users)
		return;
	if (plugin->handle && !plugin->lua)
		dlclose(plugin->handle);
	arena_free(&plugin->arena);
	free(plugin->path);
	free(plugin);
}
