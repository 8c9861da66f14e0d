/* SPDX-License-Identifier: Apache-2.0 */
/* user.c - whose rights the daemon has. */
#include "main/user.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/line.h"

#define DEEPEST 8 /* folders in the data folder */

/* ----------------------------------------------------------- the data folder */

struct gift {
	const struct passwd *to;
	const char *data;
	size_t given;
	struct why *why;
};

static bool give_folder(struct gift *gift, int fd, int depth);

/* Only what is root's is given away, and nothing that has another name elsewhere:
 * whoever could write here before may have put a link to somebody's file in it. */
static bool give_open(struct gift *gift, int fd, const char *name, int depth)
{
	struct stat stat;
	if (fstat(fd, &stat) < 0)
		return why_errno(gift->why, "cannot look at %s in %s", name, gift->data);
	if (stat.st_uid != gift->to->pw_uid && (stat.st_uid != 0 || (!S_ISDIR(stat.st_mode) && stat.st_nlink > 1)))
		return why_say(gift->why, "%s in the data folder %s belongs to user %u%s; "
					  "give it to %s with chown, or take it away",
			name, gift->data, stat.st_uid, stat.st_uid ? "" : " and has another name elsewhere", gift->to->pw_name);
	if (stat.st_uid == 0) {
		if (fchownat(fd, "", gift->to->pw_uid, gift->to->pw_gid, AT_EMPTY_PATH) < 0)
			return why_errno(gift->why, "cannot give %s in %s to %s", name, gift->data, gift->to->pw_name);
		gift->given += !S_ISSOCK(stat.st_mode); /* those were opened just now */
	}
	return !S_ISDIR(stat.st_mode) || give_folder(gift, fd, depth + 1);
}

/* O_PATH: neither a symbolic link nor a socket is more than itself. */
static bool give(struct gift *gift, int folder, const char *name, int depth)
{
	int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return why_errno(gift->why, "cannot look at %s in %s", name, gift->data);
	bool fine = give_open(gift, fd, name, depth);
	close(fd);
	return fine;
}

static bool give_folder(struct gift *gift, int fd, int depth)
{
	int readable = depth > DEEPEST ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = readable < 0 ? NULL : fdopendir(readable);
	bool fine = true;
	if (!folder)
		return why_errno(gift->why, "cannot read a folder in %s", gift->data);
	for (struct dirent *entry; fine && (entry = readdir(folder));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			fine = give(gift, dirfd(folder), entry->d_name, depth);
	closedir(folder);
	return fine;
}

static bool give_data(const char *data, const struct passwd *to, struct why *why)
{
	struct gift gift = { .to = to, .data = data, .why = why };
	int fd = open(data, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool fine = fd >= 0 ? give_open(&gift, fd, ".", 0) : why_errno(why, "cannot open %s", data);
	if (fd >= 0)
		close(fd);
	if (fine && gift.given)
		line(SL_INFO, "the data folder %s now belongs to %s: %zu files and folders were root's", data, to->pw_name,
			gift.given);
	return fine;
}

/* Its mode is 0600, so it is no use to the user while it is root's. */
static bool give_admin(const char *admin, const struct passwd *to, struct why *why)
{
	return strncmp(admin, "unix:", 5) != 0 || lchown(admin + 5, to->pw_uid, to->pw_gid) == 0 ||
		why_errno(why, "cannot give %s to %s", admin, to->pw_name);
}

/* ------------------------------------------------------------------ becoming */

static bool change(const struct passwd *to, struct why *why)
{
	if (initgroups(to->pw_name, to->pw_gid) < 0 || setresgid(to->pw_gid, to->pw_gid, to->pw_gid) < 0 ||
		setresuid(to->pw_uid, to->pw_uid, to->pw_uid) < 0)
		return why_errno(why, "cannot become the user %s", to->pw_name);
	return setuid(0) < 0 || why_say(why, "the user %s can become root again", to->pw_name);
}

static void warn_unreadable(const char *path, const char *who)
{
	if (path && access(path, R_OK) < 0)
		line(SL_WARNING, "%s cannot be read by %s, so a reload will fail: chgrp %s %s, chmod 640 %s", path, who, who,
			path, path);
}

static bool become(const struct config *config, const struct passwd *to, struct why *why)
{
	if (!give_data(config->data, to, why) || !give_admin(config->admin, to, why) || !change(to, why))
		return false;
	line(SL_INFO, "running as %s from here on", to->pw_name);
	warn_unreadable(config->file, to->pw_name);
	warn_unreadable(config->env, to->pw_name);
	return true;
}

/* Nobody but root can become another. */
static bool stay(const struct config *config, const struct passwd *wanted)
{
	if (config->user && (!wanted || wanted->pw_uid != geteuid()))
		line(SL_WARNING, "`user: %s` is passed over: only root can become another user, and this is %s", config->user,
			user_name());
	return true;
}

bool user_known(const char *name, struct why *why)
{
	return getpwnam(name) ||
		why_say(why, "there is no user %s, whom `user:` names; make one: useradd --system %s", name, name);
}

bool user_leave_root(const char *name, struct why *why)
{
	if (geteuid() != 0)
		return true;
	const struct passwd *to = user_known(name, why) ? getpwnam(name) : NULL;
	return to && (to->pw_uid == 0 || change(to, why));
}

bool user_become(const struct config *config, struct why *why)
{
	const struct passwd *to = config->user ? getpwnam(config->user) : NULL;
	if (geteuid() != 0)
		return stay(config, to);
	if (!config->user) {
		line(SL_WARNING, "running as root, and so do plugins and scripts; name somebody else with `user:`");
		return true;
	}
	if (!to)
		return user_known(config->user, why);
	return to->pw_uid == 0 || become(config, to, why);
}

const char *user_name(void)
{
	static char name[64];
	static uid_t known;
	if (name[0] && known == geteuid())
		return name;
	known = geteuid();
	const struct passwd *me = getpwuid(known);
	if (me)
		snprintf(name, sizeof(name), "%s", me->pw_name);
	else
		snprintf(name, sizeof(name), "%u", known);
	return name;
}
