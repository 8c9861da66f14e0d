/* SPDX-License-Identifier: Apache-2.0 */
/* files.c - the files a process runs with, as one number that changes when they do. */
#include "main/files.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEEPEST 3 /* folders below a script's own */

static uint64_t mix(uint64_t print, uint64_t value)
{
	return (print ^ value) * 0x9E3779B97F4A7C15u;
}

uint64_t files_print(uint64_t print, const char *path)
{
	struct stat info;
	if (!path || stat(path, &info) < 0)
		return mix(print, 1);
	print = mix(print, (uint64_t)info.st_ino);
	print = mix(print, (uint64_t)info.st_size);
	return mix(mix(print, (uint64_t)info.st_mtim.tv_sec), (uint64_t)info.st_mtim.tv_nsec);
}

static bool is_script(const char *name)
{
	size_t len = strlen(name);
	return len > 4 && strcmp(name + len - 4, ".lua") == 0;
}

/* The files of a folder come in any order: their prints are added up. */
static uint64_t print_scripts(const char *folder, int deep)
{
	char path[PATH_MAX];
	uint64_t sum = 0;
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (*entry->d_name == '.' || snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= PATH_MAX)
			continue;
		if (is_script(entry->d_name))
			sum += files_print(0, path);
		else if (entry->d_type == DT_DIR && deep < DEEPEST)
			sum += print_scripts(path, deep + 1);
	}
	if (dir)
		closedir(dir);
	return sum;
}

uint64_t files_print_plugin(uint64_t print, const char *path)
{
	char full[PATH_MAX];
	print = files_print(print, path);
	if (!path || !is_script(path) || !realpath(path, full))
		return print;
	*strrchr(full, '/') = '\0';
	return mix(print, print_scripts(full, 0));
}

/* The views of a schema stand beside it: trello.yaml, trello.sqlite.sql. */
static uint64_t print_views(uint64_t print, const struct config_sink *sink)
{
	char path[PATH_MAX];
	const char *dot = strrchr(sink->schema_file, '.');
	if (!dot || !sink->description || !sink->description->dialect)
		return print;
	snprintf(path, sizeof(path), "%.*s.%s.sql", (int)(dot - sink->schema_file), sink->schema_file,
		sink->description->dialect);
	return files_print(print, path);
}

uint64_t files_print_route(const struct config_route *route)
{
	uint64_t print = files_print_plugin(0, route->to->plugin);
	for (const struct config_source *const *from = route->from; *from; from++)
		print = files_print_plugin(print, (*from)->plugin);
	for (const struct config_transform *const *via = route->via; *via; via++)
		print = files_print_plugin(print, (*via)->plugin);
	if (!route->to->schema_file)
		return print;
	return print_views(files_print(print, route->to->schema_file), route->to);
}

uint64_t files_print_source(const struct config_source *source)
{
	return files_print_plugin(0, source->plugin);
}
