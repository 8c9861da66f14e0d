/* SPDX-License-Identifier: Apache-2.0 */
/* instance.c - a plugin with options and a name. */
#include <stdlib.h>

#include "base/option.h"
#include "host/inside.h"

#define VIRTUAL_START ((int64_t)1767225600000) /* 2026-01-01T00:00:00Z */

static bool begin(struct instance *instance, const struct sl_json *options, struct why *why)
{
	const struct sl_plugin *face = instance->plugin->face;
	instance->options = arena_alloc(instance->arena, face->options_size);
	instance->state = arena_alloc(instance->arena, face->state_size);
	if (!option_fill(face->options, OPTION_ROW, options, instance->options, instance->arena, why))
		return false;
	return !instance->plugin->lua || lua_begin(instance, options, why);
}

static void instance_end(struct instance *instance)
{
	while (instance->idle) {
		struct running *running = instance->idle;
		instance->idle = running->idle;
		arena_free(&running->call.arena);
		free(running);
	}
	tally_free(&instance->tally);
	plugin_free(&instance->plugin);
	arena_free(&instance->arena);
	free(instance);
}

struct instance *instance_new(const struct host_settings *settings, struct plugin *plugin, const char *name,
	const struct sl_json *options, struct why *why)
{
	struct instance *instance = must_alloc(sizeof(*instance));
	instance->settings = *settings;
	instance->plugin = plugin;
	plugin->users++;
	instance->clock = VIRTUAL_START;
	instance->arena = arena_new();
	instance->name = arena_string(instance->arena, name);
	if (begin(instance, options, why))
		return instance;
	why_within(why, "%s", name);
	instance_end(instance);
	return NULL;
}

/* Not before the work of its last call has come back from the pool: that uses
 * the plugin's state. */
static void instance_close(struct instance *instance)
{
	if (instance->plugin->face->close)
		instance->plugin->face->close(instance->state);
	instance_end(instance);
}

void instance_free(struct instance **at)
{
	struct instance *instance = *at;
	*at = NULL;
	if (!instance)
		return;
	instance->freed = true;
	if (!instance->calls)
		instance_close(instance);
}

void instance_left(struct instance *instance)
{
	if (--instance->calls == 0 && instance->freed)
		instance_close(instance);
}

void instance_set_clock(struct instance *instance, int64_t wall)
{
	instance->clock = wall;
}

const struct tally *instance_tally(const struct instance *instance)
{
	return instance->tally;
}

const char *instance_name(const struct instance *instance)
{
	return instance->name;
}

const struct sl_plugin *instance_face(const struct instance *instance)
{
	return instance->plugin->face;
}
