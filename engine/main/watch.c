/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - the files of a configuration: has somebody saved one?
 *
 * inotify says that something happened in a folder; whether it counts is read off
 * prints (main/files.h), so that a database beside the configuration, an editor's
 * own files, and a file that was touched without being changed cause nothing.
 */
#include "main/watch.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/line.h"
#include "main/files.h"

#define SETTLE 200 /* ms in which nothing may change any more */
#define FOLDERS_MOST 256
#define DEEPEST 3 /* folders below those that are named */

struct watch {
	uv_timer_t timer;
	watch_saved *saved;
	void *data;
	const struct config *config;
	struct arena *arena; /* of what follows; begun anew with each look */
	const char *file, *env; /* names that count whatever their endings */
	const char *paths[FOLDERS_MOST];
	size_t count;
	uv_fs_event_t *events[FOLDERS_MOST];
	size_t event_count;
	uint64_t shape;       /* of the folders that are watched */
	uint64_t known, seen; /* of the files: as it was last told, as it was last looked at */
};

/* --------------------------------------------------------------- what counts */

static bool counts(const struct watch *watch, const char *name)
{
	static const char *const endings[] = { ".yaml", ".yml", ".env", ".lua", ".so", ".sql", ".c", ".h" };
	size_t len = strlen(name);
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++) {
		size_t ending = strlen(endings[i]);
		if (len > ending && strcmp(name + len - ending, endings[i]) == 0)
			return true;
	}
	return strcmp(name, watch->file) == 0 || strcmp(name, watch->env) == 0;
}

/* Entries come in any order: their prints are added up. */
static uint64_t print_folder(const struct watch *watch, const char *folder)
{
	uint64_t sum = 0;
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (counts(watch, entry->d_name))
			sum += files_print(0, arena_format(watch->arena, "%s/%s", folder, entry->d_name));
	if (dir)
		closedir(dir);
	return sum;
}

/* ------------------------------------------------------------------- folders */

static void add_folder(struct watch *watch, const char *path)
{
	for (size_t i = 0; i < watch->count; i++)
		if (strcmp(watch->paths[i], path) == 0)
			return;
	if (watch->count < FOLDERS_MOST)
		watch->paths[watch->count++] = path;
}

static const char *resolved(struct watch *watch, const char *path)
{
	char full[PATH_MAX];
	return arena_string(watch->arena, realpath(path, full) ? full : path);
}

static void add_folder_of(struct watch *watch, const char *file)
{
	const char *slash = file ? strrchr(file, '/') : NULL;
	if (slash)
		add_folder(watch, resolved(watch, arena_copy(watch->arena, file, (size_t)(slash - file))));
}

static void add_inside(struct watch *watch, const char *folder, const char *but)
{
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		const char *path = arena_format(watch->arena, "%s/%s", folder, entry->d_name);
		if (entry->d_type == DT_DIR && *entry->d_name != '.' && strcmp(path, but) != 0)
			add_folder(watch, path);
	}
	if (dir)
		closedir(dir);
}

/* The nearest first: those far below are left out where there are too many. */
static void add_below(struct watch *watch, const char *but)
{
	size_t from = 0;
	for (int deep = 0; deep < DEEPEST; deep++)
		for (size_t to = watch->count; from < to; from++)
			add_inside(watch, watch->paths[from], but);
}

static const char *last_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	return slash ? slash + 1 : path ? path : "";
}

static void find_folders(struct watch *watch)
{
	const struct config *config = watch->config;
	watch->count = 0;
	watch->file = arena_string(watch->arena, last_name(config->file));
	watch->env = arena_string(watch->arena, last_name(config->env));
	add_folder(watch, resolved(watch, config->folder));
	add_folder_of(watch, resolved(watch, config->file));
	add_folder_of(watch, config->env);
	for (size_t i = 0; i < config->source_count; i++)
		add_folder_of(watch, config->sources[i].plugin);
	for (size_t i = 0; i < config->transform_count; i++)
		add_folder_of(watch, config->transforms[i].plugin);
	for (size_t i = 0; i < config->sink_count; i++) {
		add_folder_of(watch, config->sinks[i].plugin);
		add_folder_of(watch, config->sinks[i].schema_file);
	}
	for (const char *const *path = config->plugin_path; *path; path++)
		add_folder(watch, resolved(watch, *path));
	add_below(watch, resolved(watch, config->data));
}

/* A folder that was made anew is another one, whatever its path. */
static uint64_t shape_of(const struct watch *watch)
{
	uint64_t sum = 0;
	struct stat info;
	for (size_t i = 0; i < watch->count; i++)
		if (stat(watch->paths[i], &info) == 0)
			sum += (uint64_t)info.st_ino * 0x9E3779B97F4A7C15u + (uint64_t)info.st_dev;
	return sum;
}

/* -------------------------------------------------------------------- events */

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

/* That an unnamed, or another, file came or went may be a folder. */
static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
	struct watch *watch = event->data;
	if (status == 0 && events == UV_CHANGE && name && !counts(watch, name))
		return;
	if (!uv_is_active((uv_handle_t *)&watch->timer))
		uv_timer_again(&watch->timer);
}

static void stop_events(struct watch *watch)
{
	while (watch->event_count)
		uv_close((uv_handle_t *)watch->events[--watch->event_count], on_closed);
}

static void start_events(struct watch *watch)
{
	int error = 0;
	for (size_t i = 0; i < watch->count; i++) {
		uv_fs_event_t *event = must_alloc(sizeof(*event));
		uv_fs_event_init(watch->timer.loop, event);
		event->data = watch;
		watch->events[watch->event_count++] = event;
		int failed = uv_fs_event_start(event, on_event, watch->paths[i], 0);
		error = failed ? failed : error;
	}
	if (error)
		line(SL_WARNING, "not every folder of the configuration can be watched: %s", uv_strerror(error));
}

/* What the files are like now.  Folders that came are watched from now on. */
static uint64_t look(struct watch *watch)
{
	uint64_t sum = 0;
	arena_reset(watch->arena);
	find_folders(watch);
	uint64_t shape = shape_of(watch);
	if (shape != watch->shape) {
		stop_events(watch);
		start_events(watch);
	}
	watch->shape = shape;
	for (size_t i = 0; i < watch->count; i++)
		sum += print_folder(watch, watch->paths[i]);
	return sum;
}

/* Repeats until nothing has changed from one look to the next. */
static void on_timer(uv_timer_t *timer)
{
	struct watch *watch = timer->data;
	uint64_t now = look(watch);
	bool settled = now == watch->seen;
	watch->seen = now;
	if (!settled)
		return;
	uv_timer_stop(timer);
	if (now == watch->known)
		return;
	watch->known = now;
	watch->saved(watch->data);
}

/* --------------------------------------------------------------------- life */

struct watch *watch_new(uv_loop_t *loop, const struct config *config, watch_saved *saved, void *data)
{
	struct watch *watch = must_alloc(sizeof(*watch));
	watch->saved = saved;
	watch->data = data;
	watch->config = config;
	watch->arena = arena_new();
	uv_timer_init(loop, &watch->timer);
	watch->timer.data = watch;
	uv_timer_start(&watch->timer, on_timer, SETTLE, SETTLE);
	uv_timer_stop(&watch->timer);
	watch->known = watch->seen = look(watch);
	return watch;
}

/* Other folders make other prints, and nobody has saved anything. */
void watch_config(struct watch *watch, const struct config *config)
{
	uint64_t shape = watch->shape;
	watch->config = config;
	uint64_t now = look(watch);
	if (watch->shape != shape)
		watch->known = watch->seen = now;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;
	arena_free(&watch->arena);
	free(watch);
}

void watch_free(struct watch **place)
{
	struct watch *watch = *place;
	*place = NULL;
	if (!watch)
		return;
	stop_events(watch);
	uv_close((uv_handle_t *)&watch->timer, on_timer_closed);
}
