/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_test.c - sluice test: finds the tests that lie beside plugins, and runs them. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main/config.h"
#include "main/test_command.h"

#define ENDING ".test.lua"
#define DEADLINE 5 /* seconds, as a daemon's processes have */
#define DEPTH_MOST 20

struct found {
	struct arena *arena;
	const char **at;
	size_t count, room;
};

/* ------------------------------------------------------------------- finding */

static void add_file(struct found *found, const char *path)
{
	if (found->count == found->room) {
		size_t room = found->room ? found->room * 2 : 64;
		const char **more = arena_alloc(found->arena, room * sizeof(*more));
		if (found->count)
			memcpy(more, found->at, found->count * sizeof(*more));
		found->at = more;
		found->room = room;
	}
	found->at[found->count++] = path;
}

static bool is_test(const char *name)
{
	size_t len = strlen(name), ending = strlen(ENDING);
	return len > ending && strcmp(name + len - ending, ENDING) == 0;
}

/* Links are not followed, so that a walk comes to its end. */
static void walk(struct found *found, const char *folder, int depth)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	struct stat file;
	while (dir && (entry = readdir(dir))) {
		const char *path = strcmp(folder, ".") == 0 ? arena_string(found->arena, entry->d_name)
							    : arena_format(found->arena, "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] == '.' || lstat(path, &file) != 0)
			continue;
		if (S_ISDIR(file.st_mode) && depth)
			walk(found, path, depth - 1);
		else if (S_ISREG(file.st_mode) && is_test(entry->d_name))
			add_file(found, path);
	}
	if (dir)
		closedir(dir);
}

static int by_alphabet(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool find(struct found *found, const char *path, struct why *why)
{
	struct stat file;
	size_t before = found->count;
	if (stat(path, &file) != 0)
		return why_errno(why, "%s", path);
	if (S_ISDIR(file.st_mode))
		walk(found, path, DEPTH_MOST);
	else if (is_test(path))
		add_file(found, path);
	else
		return why_say(why, "%s is no test; their names end with " ENDING, path);
	if (found->count > before)
		qsort(found->at + before, found->count - before, sizeof(*found->at), by_alphabet);
	return true;
}

/* ------------------------------------------------------------------- command */

/* The configuration says where plugins are looked up; a test needs none. */
static bool look(const struct command_line *line, struct testing *testing, struct config **config)
{
	bool must = strcmp(line->config, "./sluice.yaml") != 0;
	if (!must && access(line->config, F_OK) != 0)
		return true;
	*config = config_or_say(line->config, CONFIG_PATHS, false);
	if (!*config)
		return false;
	testing->plugin_path = (*config)->plugin_path;
	return true;
}

static const char *usual_folder(const struct command_line *line, struct arena *arena)
{
	const char *slash = strrchr(line->config, '/');
	if (!slash || strcmp(line->config, "./sluice.yaml") == 0)
		return ".";
	return arena_copy(arena, line->config, (size_t)(slash - line->config));
}

static bool find_all(struct testing *testing, struct found *found, struct why *why)
{
	const struct command_line *line = testing->line;
	if (!line->count)
		return find(found, usual_folder(line, testing->arena), why);
	for (size_t i = 0; i < line->count; i++)
		if (!find(found, line->arguments[i], why))
			return false;
	return true;
}

static int run_all(struct testing *testing, const struct found *found)
{
	const char *lcov = command_value(testing->line, "lcov");
	struct why why = { 0 };
	test_tell_begin(testing);
	for (size_t i = 0; i < found->count; i++)
		test_talk(testing, found->at[i]);
	test_tell_end(testing);
	if (lcov && !cover_lcov(testing->cover, lcov, &why))
		return command_no(testing->line, "%s", why.text);
	return testing->failed ? EXIT_NO : EXIT_FINE;
}

static int test_found(struct testing *testing)
{
	struct found found = { .arena = testing->arena };
	struct why why = { 0 };
	if (!command_number(testing->line, "deadline", 1, DEADLINE, &testing->deadline, &why))
		return command_wrong(testing->line, "%s", why.text);
	testing->deadline *= 1000;
	if (!command_number(testing->line, "spoil", 1, 0, &testing->spoil, &why))
		return command_wrong(testing->line, "%s", why.text);
	if (testing->spoil && testing->update)
		return command_wrong(testing->line, "--update writes what comes of cases as they stand, --spoil damages them");
	if (!find_all(testing, &found, &why))
		return command_wrong(testing->line, "%s", why.text);
	if (!found.count)
		return command_wrong(testing->line, "there is no test here; their names end with " ENDING);
	return run_all(testing, &found);
}

static int run_test(const struct command_line *line)
{
	struct testing testing = { .line = line, .arena = arena_new(), .update = command_flag(line, "update") };
	struct config *config = NULL;
	int code = EXIT_WRONG;
	testing.form = line->json ? TEST_JSON : command_flag(line, "tap") ? TEST_TAP : TEST_WORDS;
	if (command_flag(line, "coverage") || command_value(line, "lcov"))
		testing.cover = cover_new(testing.arena);
	if (look(line, &testing, &config))
		code = test_found(&testing);
	config_free(&config);
	arena_free(&testing.arena);
	return code;
}

static const struct command_option options[] = {
	{ "update", 'u', NULL, "write what came of cases into their golden files" },
	{ "coverage", 0, NULL, "say which lines of scripts ran" },
	{ "lcov", 0, "FILE", "write that into a file that editors read" },
	{ "spoil", 0, "COUNT", "run each case again, with so many damages to what comes in" },
	{ "tap", 0, NULL, "tell it as TAP 13" },
	{ "deadline", 0, "SECONDS", "how long a case may take (default: 5)" },
	{ 0 },
};

const struct command cmd_test[] = {
	{ "test", "[PATH...]", 0, -1, "run the tests that lie beside plugins; 1 if one fails", options, run_test },
	{ 0 },
};
