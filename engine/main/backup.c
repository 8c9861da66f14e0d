/* SPDX-License-Identifier: Apache-2.0 */
/* backup.c - a backup's manifest: {"backup":{...},"sha256":HASH of the text of "backup"}. */
#include "main/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/place.h"
#include "sdk/json.h"
#include "sdk/sign.h"
#include "sdk/text.h"
#include "sdk/time.h"

#define NAME "backup.json"

struct backup *backup_new(const char *dir)
{
	struct arena *arena = arena_new();
	struct backup *backup = arena_alloc(arena, sizeof(*backup));
	backup->arena = arena;
	backup->dir = arena_string(arena, dir);
	backup->version = SLUICE_VERSION;
	backup->log_id = "";
	return backup;
}

void backup_free(struct backup **backup)
{
	struct arena *arena = *backup ? (*backup)->arena : NULL;
	arena_free(&arena);
	*backup = NULL;
}

struct backup_file *backup_add(struct backup *backup, const char *path, const char *mark)
{
	if (backup->count == backup->room) {
		struct backup_file *files;
		backup->room = backup->room ? backup->room * 2 : 64;
		files = arena_alloc(backup->arena, backup->room * sizeof(*files));
		if (backup->count)
			memcpy(files, backup->files, backup->count * sizeof(*files));
		backup->files = files;
	}
	struct backup_file *file = &backup->files[backup->count++];
	file->path = arena_string(backup->arena, path);
	file->mark = arena_string(backup->arena, mark);
	return file;
}

const struct backup_file *backup_find(const struct backup *backup, const char *path)
{
	for (size_t i = 0; backup && i < backup->count; i++)
		if (strcmp(backup->files[i].path, path) == 0)
			return &backup->files[i];
	return NULL;
}

static void hash_of(struct sl_text text, char hash[BACKUP_HASH_SIZE])
{
	unsigned char bytes[SL_DIGEST_MOST];
	sl_hex(bytes, sl_hash(SL_SHA256, &text, 1, bytes), hash);
}

/* ------------------------------------------------------------------- written */

static void put_file(const struct backup_file *file, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "path", file->path);
	json_member_int(out, "size", file->size);
	json_member_int(out, "bytes", file->bytes);
	json_member_string(out, "sha256", file->stored);
	if (file->mark)
		json_member_string(out, "mark", file->mark);
	json_close(out, '}');
}

static void put_backup(const struct backup *backup, struct buf *out)
{
	char at[SL_TIME_SIZE];
	sl_time_write(backup->at * 1000, at);
	json_open(out, '{');
	json_member_int(out, "format", BACKUP_FORMAT);
	json_member_string(out, "version", backup->version);
	json_member_string(out, "at", at);
	json_member_string(out, "log_id", backup->log_id);
	json_member_uint(out, "log_begin", backup->log_begin);
	json_member_uint(out, "log_end", backup->log_end);
	json_key(out, "files");
	json_open(out, '[');
	for (size_t i = 0; i < backup->count; i++)
		put_file(&backup->files[i], out);
	json_close(out, ']');
	json_close(out, '}');
}

static bool write_file(const char *path, const struct buf *text, struct why *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool fine = fd >= 0 && write(fd, text->at, text->len) == (ssize_t)text->len && fsync(fd) == 0;
	if (!fine)
		why_errno(why, "%s: cannot be written", path);
	if (fd >= 0)
		close(fd);
	return fine;
}

bool backup_write(const struct backup *backup, struct why *why)
{
	char path[PATH_MAX], draft[PATH_MAX], hash[BACKUP_HASH_SIZE];
	struct buf inner = { 0 }, text = { 0 };
	snprintf(path, sizeof(path), "%s/" NAME, backup->dir);
	snprintf(draft, sizeof(draft), "%s/" NAME ".tmp", backup->dir);
	put_backup(backup, &inner);
	hash_of((struct sl_text){ inner.at, inner.len }, hash);
	json_open(&text, '{');
	json_key(&text, "backup");
	json_raw(&text, inner.at, inner.len);
	json_member_string(&text, "sha256", hash);
	json_close(&text, '}');
	buf_char(&text, '\n');
	bool fine = write_file(draft, &text, why) &&
		(rename(draft, path) == 0 || why_errno(why, "%s: cannot be written", path));
	buf_free(&inner);
	buf_free(&text);
	return fine;
}

/* ---------------------------------------------------------------------- read */

static bool is_hash(const char *text)
{
	return text && strspn(text, "0123456789abcdef") == BACKUP_HASH_SIZE - 1 && text[BACKUP_HASH_SIZE - 1] == '\0';
}

/* Whoever wrote the manifest may not have it write anywhere but below the data folder. */
static bool is_below(const char *path)
{
	if (!path || !*path || *path == '/' || strlen(path) > 1000)
		return false;
	for (const char *part = path; part; part = strchr(part, '/')) {
		part += *part == '/';
		if (*part == '/' || *part == '\0' || strncmp(part, "../", 3) == 0 || strcmp(part, "..") == 0)
			return false;
	}
	return true;
}

static const char *take(struct backup *backup, const struct sl_json *json, const char *name)
{
	struct sl_text text = sl_json_string(sl_json_get(json, name));
	if (!text.at || memchr(text.at, 0, text.len))
		return NULL;
	return arena_copy(backup->arena, text.at, text.len);
}

static int64_t number(const struct sl_json *json, const char *name)
{
	int64_t value = -1;
	sl_json_integer(sl_json_get(json, name), &value);
	return value;
}

static bool take_file(struct backup *backup, const struct sl_json *json)
{
	const char *path = take(backup, json, "path");
	if (!is_below(path))
		return false;
	struct backup_file *file = backup_add(backup, path, take(backup, json, "mark"));
	file->stored = take(backup, json, "sha256");
	file->bytes = number(json, "bytes");
	file->size = number(json, "size");
	return is_hash(file->stored) && file->bytes >= 0 && file->size >= file->bytes;
}

static bool take_all(struct backup *backup, const struct sl_json *json)
{
	int64_t at = 0, begin = number(json, "log_begin"), end = number(json, "log_end");
	const char *id = take(backup, json, "log_id");
	bool fine = id && begin >= 0 && end >= 0 && sl_time_read(sl_json_string(sl_json_get(json, "at")), &at);
	backup->version = take(backup, json, "version");
	backup->at = at / 1000;
	backup->log_id = id;
	backup->log_begin = (uint64_t)begin;
	backup->log_end = (uint64_t)end;
	const struct sl_json *file = sl_json_first(sl_json_get(json, "files"));
	for (; fine && file; file = sl_json_next(file))
		fine = take_file(backup, file);
	return fine && backup->version;
}

static bool understand(struct backup *backup, const struct sl_json *root, const char *path, struct why *why)
{
	const struct sl_json *inner = sl_json_get(root, "backup");
	char hash[BACKUP_HASH_SIZE];
	int64_t format = number(inner, "format");
	hash_of(sl_json_raw(inner), hash);
	if (!sl_text_is(sl_json_string(sl_json_get(root, "sha256")), hash))
		return why_say(why, "%s is damaged: it is not as it was written", path);
	if (format != BACKUP_FORMAT)
		return why_say(why, "%s was made by sluice %s in format %lld; this is sluice %s, which knows format %d", path,
			take(backup, inner, "version"), (long long)format, SLUICE_VERSION, BACKUP_FORMAT);
	return take_all(backup, inner) || why_say(why, "%s: what it says makes no sense", path);
}

static bool read_text(const char *path, struct buf *text, struct why *why)
{
	char piece[65536];
	ssize_t got = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (got = read(fd, piece, sizeof(piece))) > 0)
		buf_add(text, piece, (size_t)got);
	if (got < 0 && errno != ENOENT)
		why_errno(why, "%s: cannot be read", path);
	if (fd >= 0)
		close(fd);
	return got == 0;
}

struct backup *backup_read(const char *dir, struct why *why)
{
	struct backup *backup = backup_new(dir);
	char path[PATH_MAX], trouble[160] = "";
	struct buf text = { 0 };
	*why = (struct why){ "" };
	snprintf(path, sizeof(path), "%s/" NAME, dir);
	bool fine = read_text(path, &text, why);
	if (fine) {
		struct sl_document *document = sl_json_read((struct sl_text){ text.at, text.len }, trouble, sizeof(trouble));
		fine = document ? understand(backup, sl_json_root(document), path, why)
				: why_say(why, "%s is damaged: %s", path, trouble);
		sl_json_free(&document);
	}
	buf_free(&text);
	if (!fine)
		backup_free(&backup);
	return backup;
}
