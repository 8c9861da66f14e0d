/* SPDX-License-Identifier: Apache-2.0 */
/* share.c - where plugins, scripts and schemas are found. */
#include "main/share.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/option.h"
#include "base/yaml.h"

#define MOST_NAMES 1000

/* What is installed, relative to the folder of the program: first as it lies in
 * a build folder, then as it lies in /usr. */
static const char *const plugin_folders[] = { "share/sluice/plugins", "share/sluice/scripts", "../lib/sluice/plugins",
	"../share/sluice/plugins", "../share/sluice/scripts", NULL };
static const char *const schema_folders[] = { "share/sluice/schemas", "../share/sluice/schemas", NULL };

const char *share_program_folder(struct arena *arena)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	path[len > 0 ? len : 0] = '\0';
	char *slash = strrchr(path, '/');
	return slash ? arena_copy(arena, path, (size_t)(slash - path)) : ".";
}

static bool is_file(const char *path)
{
	struct stat stat_of;
	return stat(path, &stat_of) == 0 && S_ISREG(stat_of.st_mode);
}

static bool is_path(const char *name)
{
	return *name == '/' || *name == '.';
}

static bool is_folder(const char *path)
{
	struct stat stat_of;
	return stat(path, &stat_of) == 0 && S_ISDIR(stat_of.st_mode);
}

/* A name may not lead out of the folder it is looked up in. */
static bool name_reads(const char *name, struct why *why)
{
	size_t len = strlen(name);
	if (len > 0 && len <= 128 && name[len - 1] != '/' && !strstr(name, "..") && !strstr(name, "//") &&
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/") == len)
		return true;
	return why_say(why, "\"%.64s\" is no name; one is made of letters, digits, _ . - and /, a path begins with / or .",
		name);
}

/* ---------------------------------------------------------------- folders */

struct folders {
	const char **at;
	size_t count;
};

static void add_installed(const struct share *share, const char *const *below, struct folders *folders)
{
	const char *program = share_program_folder(share->arena);
	for (; *below; below++) {
		const char *folder = arena_format(share->arena, "%s/%s", program, *below);
		if (access(folder, X_OK) == 0)
			folders->at[folders->count++] = folder;
	}
}

static struct folders folders_of(const struct share *share, const char *const *below, bool beside)
{
	size_t paths = 0;
	struct folders folders = { 0 };
	while (share->paths && share->paths[paths])
		paths++;
	folders.at = arena_alloc(share->arena, (paths + 8) * sizeof(*folders.at));
	if (beside && share->folder)
		folders.at[folders.count++] = share->folder;
	for (size_t i = 0; i < paths && below == plugin_folders; i++)
		folders.at[folders.count++] = share->paths[i];
	add_installed(share, below, &folders);
	return folders;
}

static const char *in_words(const struct folders *folders, struct arena *arena)
{
	const char *words = "";
	for (size_t i = 0; i < folders->count; i++)
		words = arena_format(arena, "%s%s%s", words, i ? ", " : "", folders->at[i]);
	return words;
}

/* ---------------------------------------------------------------- looking */

/* acme/acme.so or acme/acme.lua of a folder acme; the first also if it has yet to be
 * built of acme/acme.c. */
static const char *plugin_of_folder(const struct share *share, const char *folder)
{
	const char *slash = strrchr(folder, '/'), *last = slash ? slash + 1 : folder;
	const char *so = arena_format(share->arena, "%s/%s.so", folder, last);
	const char *lua = arena_format(share->arena, "%s/%s.lua", folder, last);
	if (is_file(so) || is_file(arena_format(share->arena, "%s/%s.c", folder, last)))
		return so;
	return is_file(lua) ? lua : NULL;
}

static const char *plugin_in(const struct share *share, const char *folder, const char *name)
{
	const char *const tries[] = {
		arena_format(share->arena, "%s/%s.so", folder, name),
		arena_format(share->arena, "%s/%s.lua", folder, name),
	};
	for (size_t i = 0; i < sizeof(tries) / sizeof(*tries); i++)
		if (is_file(tries[i]))
			return tries[i];
	return plugin_of_folder(share, arena_format(share->arena, "%s/%s", folder, name));
}

/* Without what leads up again: "/a/b/../q" is "/a/q", where b is a folder. */
static const char *straight(const char *path, struct arena *arena)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? realpath(arena_copy(arena, path, (size_t)(slash - path) + 1), NULL) : NULL;
	if (folder)
		path = arena_format(arena, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, slash + 1);
	free(folder);
	return path;
}

static void say_no_path(const struct share *share, const char *what, const char *path, struct why *why)
{
	static const char *const endings[] = { ".lua", ".so", ".yaml" };
	bool plugin = strcmp(what, "plugin") == 0;
	const char *shown = straight(path, share->arena), *slash = strrchr(shown, '/');
	for (size_t i = plugin ? 0 : 2; i < (plugin ? 2u : 3u); i++)
		if (is_file(arena_format(share->arena, "%s%s", path, endings[i]))) {
			why_say(why, "there is no %s %s; did you mean %s%s?", what, shown, slash ? slash + 1 : shown, endings[i]);
			return;
		}
	why_say(why, "there is no %s %s; a path names %s", what, shown,
		plugin ? "a file (.lua, .so), or a folder that has one of its own name in it" : "a file (.yaml)");
}

/* A path as it was written, from the configuration's folder. */
static const char *by_path(const struct share *share, const char *name, const char *what, struct why *why)
{
	const char *file = arena_format(share->arena, "%s/", share->folder ? share->folder : ".");
	const char *path = option_path(file, name, share->arena), *inside = NULL;
	if (is_file(path))
		return path;
	if (strcmp(what, "plugin") == 0 && is_folder(path) && (inside = plugin_of_folder(share, path)))
		return inside;
	say_no_path(share, what, path, why);
	return NULL;
}

static void not_found(const struct share *share, const char *what, const char *name, const struct folders *folders,
	const char *const *names, struct why *why)
{
	const char *nearest = yaml_nearest(name, names);
	if (nearest)
		why_say(why, "there is no %s \"%s\"; did you mean `%s`?", what, name, nearest);
	else
		why_say(why, "there is no %s \"%s\"; it was looked for in %s", what, name, in_words(folders, share->arena));
}

const char *share_plugin(const struct share *share, const char *name, struct why *why)
{
	if (is_path(name))
		return by_path(share, name, "plugin", why);
	if (!name_reads(name, why))
		return NULL;
	struct folders folders = folders_of(share, plugin_folders, true);
	for (size_t i = 0; i < folders.count; i++) {
		const char *path = plugin_in(share, folders.at[i], name);
		if (path)
			return path;
	}
	not_found(share, "plugin", name, &folders, share_plugins(share, NULL), why);
	return NULL;
}

/* ---------------------------------------------------------------- listing */

struct names {
	const struct share *share;
	const char **at;
	size_t count;
};

/* "cards.lua" is "cards"; NULL if it is no plugin's file.  Tests lie beside what
 * they test. */
static const char *stem(struct arena *arena, const char *file, const char *const *endings)
{
	for (; *endings; endings++) {
		size_t len = strlen(file), ending = strlen(*endings);
		if (len <= ending || strcmp(file + len - ending, *endings) != 0)
			continue;
		char *name = arena_copy(arena, file, len - ending);
		bool test = len - ending > 5 && strcmp(name + len - ending - 5, ".test") == 0;
		return test ? NULL : name;
	}
	return NULL;
}

static void add_name(struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->at[i], name) == 0)
			return;
	if (names->count < MOST_NAMES)
		names->at[names->count++] = name;
}

/* Files lie at most two folders deep: NAME, NAME/NAME, NAME/PART, NAME/PART/PART. */
static void walk(struct names *names, const char *folder, const char *above, const char *const *endings, int depth)
{
	struct arena *arena = names->share->arena;
	DIR *dir = opendir(folder);
	struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		const char *last = strrchr(above, '/'), *name;
		const char *inner = arena_format(arena, "%s%s%s", above, *above ? "/" : "", entry->d_name);
		if (entry->d_name[0] == '.')
			continue;
		if (!(name = stem(arena, entry->d_name, endings))) {
			if (depth && !is_file(arena_format(arena, "%s/%s", folder, entry->d_name)))
				walk(names, arena_format(arena, "%s/%s", folder, entry->d_name), inner, endings, depth - 1);
		} else if (*above && strcmp(name, last ? last + 1 : above) == 0) {
			add_name(names, above);
		} else {
			add_name(names, *above ? arena_format(arena, "%s/%s", above, name) : name);
		}
	}
	if (dir)
		closedir(dir);
}

static int by_alphabet(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *const *names_in(const struct share *share, const struct folders *folders,
	const char *const *endings, int depth, size_t *count)
{
	struct names names = { share, arena_alloc(share->arena, (MOST_NAMES + 1) * sizeof(*names.at)), 0 };
	for (size_t i = 0; i < folders->count; i++)
		walk(&names, folders->at[i], "", endings, depth);
	qsort(names.at, names.count, sizeof(*names.at), by_alphabet);
	if (count)
		*count = names.count;
	return names.at;
}

/* What merely lies beside the configuration is not listed: to be listed is to be
 * loaded, and somebody has to have meant that. */
const char *const *share_plugins(const struct share *share, size_t *count)
{
	static const char *const endings[] = { ".so", ".lua", NULL };
	struct folders folders = folders_of(share, plugin_folders, false);
	return names_in(share, &folders, endings, 2, count);
}

/* ---------------------------------------------------------------- schemas */

const char *const *share_schemas(const struct share *share, size_t *count)
{
	static const char *const endings[] = { ".yaml", NULL };
	struct folders folders = folders_of(share, schema_folders, false);
	return names_in(share, &folders, endings, 0, count);
}

const char *share_schema_file(const struct share *share, const char *file)
{
	struct folders folders = folders_of(share, schema_folders, false);
	for (size_t i = 0; i < folders.count; i++) {
		const char *path = arena_format(share->arena, "%s/%s", folders.at[i], file);
		if (is_file(path))
			return path;
	}
	return NULL;
}

const char *share_schema(const struct share *share, const char *name, struct why *why)
{
	static const char *const endings[] = { ".yaml", NULL };
	if (is_path(name))
		return by_path(share, name, "schema", why);
	if (!name_reads(name, why))
		return NULL;
	struct folders folders = folders_of(share, schema_folders, true);
	for (size_t i = 0; i < folders.count; i++) {
		const char *path = arena_format(share->arena, "%s/%s.yaml", folders.at[i], name);
		if (is_file(path))
			return path;
	}
	struct folders installed = folders_of(share, schema_folders, false);
	not_found(share, "schema", name, &folders, names_in(share, &installed, endings, 0, NULL), why);
	return NULL;
}
