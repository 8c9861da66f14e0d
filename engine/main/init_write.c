/* SPDX-License-Identifier: Apache-2.0 */
/* init_write.c - the files of a folder to begin with. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "main/init.h"
#include "sdk/text.h"

#define DEPTH_MOST 4

static const char ignore[] = "# What is not to be shared: secrets, and what the daemon makes.\n"
			     "sluice.env\ndata/\n*.db\n*.db-shm\n*.db-wal\n";

/* A file that is to be there. */
struct planned {
	const char *path;
	struct buf text;
	mode_t mode;
};

struct plan {
	struct init *init;
	struct planned files[INIT_FILES_MOST];
	size_t count;
	const char *folders[INIT_FILES_MOST];
	size_t folder_count;
};

static struct buf *add(struct plan *plan, const char *name, mode_t mode, struct why *why)
{
	if (plan->count == INIT_FILES_MOST) {
		why_say(why, "the example has more than %d files", INIT_FILES_MOST);
		return NULL;
	}
	struct planned *file = &plan->files[plan->count++];
	file->path = arena_format(plan->init->arena, "%s/%s", plan->init->folder, name);
	file->mode = mode;
	return &file->text;
}

/* ------------------------------------------------------------------------ planning */

static bool add_config(struct plan *plan, struct why *why)
{
	struct buf *text = add(plan, "sluice.yaml", 0644, why);
	return text && init_config(plan->init, text, why);
}

static bool add_env(struct plan *plan, struct why *why)
{
	const struct init *init = plan->init;
	struct sl_text example = example_read(arena_format(init->arena, "%s/sluice.env.example", init->example->folder),
		init->arena, NULL);
	struct buf *own = add(plan, "sluice.env", 0600, why);
	struct buf *shared = own ? add(plan, "sluice.env.example", 0644, why) : NULL;
	if (!shared)
		return false;
	init_env(init, example, own);
	init_env(init, example, shared);
	return true;
}

/* Somebody's own may well ignore more; it is no reason to do nothing. */
static bool add_ignore(struct plan *plan, struct why *why)
{
	plan->init->ignored = access(arena_format(plan->init->arena, "%s/.gitignore", plan->init->folder), F_OK) == 0;
	if (plan->init->ignored)
		return true;
	struct buf *text = add(plan, ".gitignore", 0644, why);
	if (text)
		buf_string(text, ignore);
	return text != NULL;
}

/* What is written otherwise, or tells of the example itself, and what was built. */
static bool passed_over(const char *name)
{
	static const char *const ours[] = { "sluice.yaml", "sluice.env.example", "README.md", NULL };
	const char *ending = strrchr(name, '.');
	for (size_t i = 0; ours[i]; i++)
		if (strcmp(ours[i], name) == 0)
			return true;
	return name[0] == '.' || (ending && strcmp(ending, ".so") == 0);
}

static bool add_folder(struct plan *plan, const char *below, int depth, struct why *why);

static bool add_entry(struct plan *plan, const char *name, int depth, struct why *why)
{
	struct arena *arena = plan->init->arena;
	const char *path = arena_format(arena, "%s/%s", plan->init->example->folder, name);
	struct stat about;
	if (stat(path, &about) != 0)
		return why_errno(why, "%s cannot be read", path);
	if (S_ISDIR(about.st_mode))
		return add_folder(plan, name, depth + 1, why);
	struct sl_text text = example_read(path, arena, why);
	struct buf *out = text.at ? add(plan, name, 0644, why) : NULL;
	if (out)
		buf_add(out, text.at, text.len);
	return out != NULL;
}

/* Scripts, tables and samples of the example's own. */
static bool add_folder(struct plan *plan, const char *below, int depth, struct why *why)
{
	struct arena *arena = plan->init->arena;
	const char *folder = arena_format(arena, "%s/%s", plan->init->example->folder, below);
	DIR *entries = depth < DEPTH_MOST && plan->folder_count < INIT_FILES_MOST ? opendir(folder) : NULL;
	bool fine = true;
	if (!entries)
		return why_say(why, "%s cannot be read, or lies too deep", folder);
	if (*below)
		plan->folders[plan->folder_count++] = arena_format(arena, "%s/%s", plan->init->folder, below);
	for (struct dirent *entry; fine && (entry = readdir(entries));)
		if (!passed_over(entry->d_name))
			fine = add_entry(plan,
				*below ? arena_format(arena, "%s/%s", below, entry->d_name) : arena_string(arena, entry->d_name), depth,
				why);
	closedir(entries);
	return fine;
}

static bool nothing_there(const struct plan *plan, struct why *why)
{
	for (size_t i = 0; i < plan->count; i++)
		if (access(plan->files[i].path, F_OK) == 0)
			return why_say(why, "%s is there already; nothing was written", plan->files[i].path);
	return true;
}

/* ------------------------------------------------------------------------- writing */

static bool make_folder(const char *path, struct why *why)
{
	struct stat about;
	if (mkdir(path, 0755) == 0 || (errno == EEXIST && stat(path, &about) == 0 && S_ISDIR(about.st_mode)))
		return true;
	return why_errno(why, "%s cannot be made", path);
}

static bool make_folders(const struct plan *plan, struct why *why)
{
	bool fine = make_folder(plan->init->folder, why);
	for (size_t i = 0; fine && i < plan->folder_count; i++)
		fine = make_folder(plan->folders[i], why);
	return fine;
}

/* Somebody may have been quicker since we looked: theirs stays. */
static bool write_file(struct init *init, const struct planned *file, struct why *why)
{
	int fd = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file->mode);
	if (fd < 0)
		return why_errno(why, "%s cannot be made", file->path);
	const char *text = file->text.at ? file->text.at : "";
	bool fine = fchmod(fd, file->mode) == 0 && write(fd, text, file->text.len) == (ssize_t)file->text.len;
	if (!fine)
		why_errno(why, "%s cannot be written", file->path);
	close(fd);
	init->files[init->count++] = file->path;
	return fine;
}

static bool write_all(const struct plan *plan, struct why *why)
{
	bool fine = true;
	for (size_t i = 0; fine && i < plan->count; i++)
		fine = write_file(plan->init, &plan->files[i], why);
	return fine;
}

bool init_write(struct init *init, struct why *why)
{
	struct plan plan = { .init = init };
	bool fine = add_config(&plan, why) && add_env(&plan, why) && add_ignore(&plan, why) &&
		add_folder(&plan, "", 0, why) && nothing_there(&plan, why) && make_folders(&plan, why) &&
		write_all(&plan, why);
	for (size_t i = 0; i < plan.count; i++)
		buf_free(&plan.files[i].text);
	return fine;
}
