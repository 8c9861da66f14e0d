/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_backup.c - sluice backup and restore: the data folder into another one, and back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "main/backup.h"
#include "main/folder.h"
#include "main/shown.h"
#include "sdk/time.h"

#define SHOW_EVERY 200   /* ms, on a terminal */
#define TELL_EVERY 10000 /* ms, else */
#define MEGABYTE 1048576.0

/* ------------------------------------------------------------------- progress */

static int64_t told_at;
static bool is_shown;

static void show(const struct backup_work *work)
{
	bool person = isatty(STDERR_FILENO);
	int64_t now = clock_ticks();
	if (!told_at)
		told_at = now;
	if (now - told_at < (person ? SHOW_EVERY : TELL_EVERY))
		return;
	told_at = now;
	fprintf(stderr, person ? "\r\033[K%s %s" : "%s %s", work->doing, work->path);
	if (work->count)
		fprintf(stderr, " (%zu of %zu)", work->at, work->count);
	fprintf(stderr, ", %.1f MB so far%s", (double)work->bytes / MEGABYTE, person ? " " : "\n");
	is_shown = person;
}

static void show_end(void)
{
	if (is_shown)
		fputs("\r\033[K", stderr);
	is_shown = false;
}

/* --------------------------------------------------------------------- telling */

static void put_common(const struct backup *backup, struct buf *out)
{
	char at[SL_TIME_SIZE];
	sl_time_write(backup->at * 1000, at);
	json_open(out, '{');
	json_member_string(out, "backup", backup->dir);
	json_member_string(out, "at", at);
	json_member_string(out, "version", backup->version);
	json_member_uint(out, "files", backup->count);
	json_member_uint(out, "begin", backup->log_begin);
	json_member_uint(out, "end", backup->log_end);
}

static void put_end(struct buf *out)
{
	json_close(out, '}');
	buf_char(out, '\n');
}

static void words_log(const struct backup *backup, struct buf *out)
{
	if (backup->log_end < backup->log_begin || !*backup->log_id)
		buf_string(out, "; the log has no events");
	else
		buf_format(out, "; events %" PRIu64 " to %" PRIu64 " of the log", backup->log_begin, backup->log_end);
}

/* ---------------------------------------------------------------------- backup */

static void put_damaged(const struct backup *backup, struct buf *out)
{
	json_key(out, "damaged");
	json_open(out, '[');
	for (size_t i = 0; i < backup->count; i++)
		if (backup->files[i].damaged)
			json_string(out, backup->files[i].path);
	json_close(out, ']');
}

static void tell_backup(const struct command_line *line, const struct backup *backup, const struct backup_work *work,
	struct buf *out)
{
	if (line->json) {
		put_common(backup, out);
		json_member_int(out, "copied", work->bytes);
		json_member_int(out, "kept", work->kept);
		put_damaged(backup, out);
		put_end(out);
		return;
	}
	buf_format(out, "%s: %zu files, %.1f MB copied", backup->dir, backup->count, (double)work->bytes / MEGABYTE);
	if (work->kept)
		buf_format(out, ", %.1f MB were there already", (double)work->kept / MEGABYTE);
	words_log(backup, out);
	buf_char(out, '\n');
}

static void warn_damaged(const struct backup *backup)
{
	for (size_t i = 0; i < backup->count; i++)
		if (backup->files[i].damaged)
			fprintf(stderr, "%s is damaged, and is in the backup as it is: whoever begins with it puts it aside\n",
				backup->files[i].path);
}

static int run_backup(const struct command_line *line)
{
	struct folder folder;
	struct why why = { "" };
	struct buf out = { 0 };
	struct backup_work work = { .doing = "copying", .told = show };
	int code;
	if (!folder_open(line, &folder, &code))
		return code;
	struct backup *backup = backup_take(folder.data, line->arguments[0], &work, &why);
	show_end();
	if (backup) {
		warn_damaged(backup);
		tell_backup(line, backup, &work, &out);
	}
	folder_close(&folder);
	bool made = backup != NULL;
	backup_free(&backup);
	if (!made)
		return command_no(line, "%s", why.text);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

/* --------------------------------------------------------------------- restore */

static void tell_restore(const struct command_line *line, const struct backup *backup, const char *data,
	const char *aside, uint64_t next)
{
	struct buf out = { 0 };
	if (line->json) {
		put_common(backup, &out);
		json_member_string(&out, "data", data);
		json_member_string(&out, "aside", aside);
		json_member_uint(&out, "next", next);
		put_end(&out);
	} else {
		buf_format(&out, "%s is as it was on ", data);
		shown_time(&out, backup->at);
		words_log(backup, &out);
		buf_format(&out, "; the next event is %" PRIu64 "\n", next);
		if (aside)
			buf_format(&out, "what was there before is in %s\n", aside);
	}
	command_print(&out);
}

static void tell_check(const struct command_line *line, const struct backup *backup)
{
	struct buf out = { 0 };
	if (line->json) {
		put_common(backup, &out);
		put_end(&out);
	} else {
		buf_format(&out, "%s is whole: %zu files, made by sluice %s on ", backup->dir, backup->count, backup->version);
		shown_time(&out, backup->at);
		words_log(backup, &out);
		buf_char(&out, '\n');
	}
	command_print(&out);
}

static bool restore(const struct command_line *line, const struct backup *backup, const char *data, struct why *why)
{
	struct backup_work work = { .doing = "checking", .told = show };
	const char *aside = NULL;
	uint64_t next = 0;
	if (!backup_check(backup, &work, why))
		return false;
	if (command_flag(line, "check")) {
		show_end();
		tell_check(line, backup);
		return true;
	}
	work = (struct backup_work){ .doing = "restoring", .told = show };
	bool fine = backup_restore(backup, data, command_flag(line, "force"), &work, &aside, &next, why);
	struct why broke = *why;
	show_end();
	if (fine)
		tell_restore(line, backup, data, aside, next);
	else if (aside)
		why_say(why, "%.300s; what was there before is in %.150s", broke.text, aside);
	return fine;
}

static int run_restore(const struct command_line *line)
{
	struct why why = { "" };
	const char *dir = line->arguments[0], *data = command_value(line, "data");
	bool asks = !data && !command_flag(line, "check");
	struct config *config = asks ? config_or_say(line->config, CONFIG_ENGINE, false) : NULL;
	if (asks && !config)
		return EXIT_WRONG;
	if (config)
		data = config->data;
	struct backup *backup = backup_read(dir, &why);
	bool fine = backup && restore(line, backup, data, &why);
	show_end();
	if (!backup && !why.text[0])
		why_say(&why, "there is no backup in %s", dir);
	backup_free(&backup);
	config_free(&config);
	return fine ? EXIT_FINE : command_no(line, "%s", why.text);
}

static const struct command_option backup_options[] = {
	FOLDER_OPTION,
	{ 0 },
};

static const struct command_option restore_options[] = {
	FOLDER_OPTION,
	{ "force", 0, NULL, "put aside what the data folder has already" },
	{ "check", 0, NULL, "only read the backup and say whether it is whole" },
	{ 0 },
};

const struct command cmd_backup[] = {
	{ "backup", "DIR", 1, 1, "copy the data folder, with the daemon running or not", backup_options, run_backup },
	{ "restore", "DIR", 1, 1, "make a data folder of a backup", restore_options, run_restore },
	{ 0 },
};
