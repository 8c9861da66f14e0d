/* SPDX-License-Identifier: Apache-2.0 */
/* examples.c - configurations to begin with, as they are installed. */
#include "main/examples.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main/share.h"
#include "main/shown.h"
#include "sdk/text.h"

#define FILE_MOST ((size_t)1 << 20)
#define EXAMPLES_MOST 200

/* From the folder of the program: as they lie in a build folder, then as installed. */
static const char *const example_folders[] = { "share/sluice/examples", "../share/sluice/examples",
	"../share/doc/sluice/examples", NULL };
static const char *const readme_folders[] = { "share/sluice/plugins", "../share/sluice/plugins", NULL };

struct sl_text example_read(const char *path, struct arena *arena, struct why *why)
{
	struct sl_text nothing = { NULL, 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat about;
	if (fd < 0 || fstat(fd, &about) != 0) {
		why_errno(why, "%s cannot be read", path);
		if (fd >= 0)
			close(fd);
		return nothing;
	}
	size_t len = (size_t)about.st_size;
	char *text = S_ISREG(about.st_mode) && len <= FILE_MOST ? arena_bytes(arena, len + 1) : NULL;
	ssize_t got = text ? read(fd, text, len) : -1;
	close(fd);
	if (!text || got != (ssize_t)len) {
		why_say(why, "%s is no file of at most 1 MB", path);
		return nothing;
	}
	text[len] = '\0';
	return (struct sl_text){ text, len };
}

/* ----------------------------------------------------------------------- listing */

/* "# Trello boards into a SQLite file" */
static const char *title_of(const char *folder, struct arena *arena)
{
	struct sl_text readme = example_read(arena_format(arena, "%s/README.md", folder), arena, NULL);
	if (readme.len < 2 || memcmp(readme.at, "# ", 2) != 0)
		return "";
	return arena_copy(arena, readme.at + 2, strcspn(readme.at + 2, "\n"));
}

static bool read_example(const char *folder, const char *name, struct arena *arena, struct example *example)
{
	struct why why;
	example->name = arena_string(arena, name);
	example->folder = arena_format(arena, "%s/%s", folder, name);
	example->text = example_read(arena_format(arena, "%s/sluice.yaml", example->folder), arena, &why);
	if (!example->text.at)
		return false;
	example->title = title_of(example->folder, arena);
	example->root = yaml_read_text("sluice.yaml", example->text, arena, &why);
	return example->root != NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct example *)a)->name, ((const struct example *)b)->name);
}

static size_t read_folder(const char *folder, struct arena *arena, struct example *list)
{
	DIR *entries = opendir(folder);
	size_t count = 0;
	for (struct dirent *entry; entries && count < EXAMPLES_MOST && (entry = readdir(entries));)
		if (entry->d_name[0] != '.' && read_example(folder, entry->d_name, arena, &list[count]))
			count++;
	if (entries)
		closedir(entries);
	qsort(list, count, sizeof(*list), by_name);
	return count;
}

const struct example *examples_all(struct arena *arena, size_t *count)
{
	struct example *list = arena_alloc(arena, EXAMPLES_MOST * sizeof(*list));
	const char *program = share_program_folder(arena);
	*count = 0;
	for (size_t i = 0; !*count && example_folders[i]; i++)
		*count = read_folder(arena_format(arena, "%s/%s", program, example_folders[i]), arena, list);
	return list;
}

/* ----------------------------------------------------------------------- what it uses */

static bool is_in(const char *const *list, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], text) == 0)
			return true;
	return false;
}

static const char *use_of(const struct yaml_node *source)
{
	const struct yaml_node *use = yaml_get(source, "use");
	return use && use->kind == YAML_SCALAR ? use->text.at : "";
}

const char *const *example_plugins(const struct example *example, struct arena *arena)
{
	const struct yaml_node *sources = yaml_get(example->root, "sources");
	const char **list = arena_alloc(arena, ((sources ? sources->count : 0) + 1) * sizeof(*list));
	size_t count = 0;
	for (const struct yaml_node *source = sources ? sources->first : NULL; source; source = source->next)
		if (*use_of(source) && !is_in(list, count, use_of(source)))
			list[count++] = use_of(source);
	return list;
}

const char *const *example_sources(const struct example *example, const char *plugin, struct arena *arena)
{
	const struct yaml_node *sources = yaml_get(example->root, "sources");
	const char **list = arena_alloc(arena, ((sources ? sources->count : 0) + 1) * sizeof(*list));
	size_t count = 0;
	for (const struct yaml_node *source = sources ? sources->first : NULL; source; source = source->next)
		if (strcmp(use_of(source), plugin) == 0 && source->key)
			list[count++] = source->key->text.at;
	return list;
}

/* ----------------------------------------------------------------------------- finding */

static const struct example *say_several(const char *vendor, const char *first, const char *second, struct why *why)
{
	why_say(why, "there are several for %.80s: say %s or %s", vendor, first, second);
	return NULL;
}

static const struct example *find_by_vendor(const struct example *all, size_t count, const char *vendor,
	struct arena *arena, struct why *why)
{
	const struct example *found = NULL;
	for (size_t i = 0; i < count; i++) {
		const char *const *plugins = example_plugins(&all[i], arena);
		while (*plugins && strcmp(*plugins, vendor) != 0)
			plugins++;
		if (*plugins && found)
			return say_several(vendor, found->name, all[i].name, why);
		found = *plugins ? &all[i] : found;
	}
	return found;
}

const struct example *example_find(const char *name, struct arena *arena, struct why *why)
{
	size_t count;
	const struct example *all = examples_all(arena, &count);
	const char **names = arena_alloc(arena, (count + 1) * sizeof(*names));
	for (size_t i = 0; i < count; i++) {
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
		names[i] = all[i].name;
	}
	why->text[0] = '\0';
	const struct example *found = find_by_vendor(all, count, name, arena, why);
	if (!found && !why->text[0])
		shown_unknown(why, "example", name, names);
	return found;
}

/* ------------------------------------------------------------------------------- steps */

/* From "## At " to the next heading of its kind. */
static const char *section(const char *readme, struct arena *arena)
{
	const char *at = strncmp(readme, "## At ", 6) == 0 ? readme : strstr(readme, "\n## At ");
	if (!at)
		return "";
	at += strspn(at, "\n#");
	at += strspn(at, " ");
	const char *end = strstr(at, "\n## ");
	size_t len = end ? (size_t)(end - at) : strlen(at);
	while (len && at[len - 1] == '\n')
		len--;
	return arena_format(arena, "%.*s\n", (int)len, at);
}

const char *example_steps(const char *plugin, struct arena *arena)
{
	const char *program = share_program_folder(arena);
	if (strstr(plugin, "..") || *plugin == '.' || *plugin == '/')
		return "";
	for (size_t i = 0; readme_folders[i]; i++) {
		struct sl_text readme = example_read(
			arena_format(arena, "%s/%s/%s/README.md", program, readme_folders[i], plugin), arena, NULL);
		if (readme.at)
			return section(readme.at, arena);
	}
	return "";
}
