/* SPDX-License-Identifier: Apache-2.0 */
/* copy_note.c - how far a copy came, in DATA/copies: {"stand","table","cursor"}. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "main/copy.h"
#include "sdk/json.h"

/* ------------------------------------------------------------------- where routes stand */

static bool add_stand(const struct call *call, void *data, struct why *why)
{
	struct buf *out = data;
	for (size_t i = 0; i < call->emitted_count; i++) {
		const struct sl_row row = { .table = &stand_routes, .cells = call->emitted[i].cells };
		row_json(&row, out);
	}
	return true;
}

static bool stand_of(const struct copy *copy, const char **stand, struct why *why)
{
	struct buf out = { 0 };
	bool fine = destination_rows(copy->from, &stand_routes, NULL, COPY_PAGE, add_stand, &out, why);
	*stand = arena_copy(copy->arena, out.at ? out.at : "", out.len);
	buf_free(&out);
	return fine;
}

/* ------------------------------------------------------------------------------ the file */

static const char *take(const struct sl_json *json, const char *name, struct arena *arena)
{
	struct sl_text text = sl_json_string(sl_json_get(json, name));
	return text.at ? arena_copy(arena, text.at, text.len) : NULL;
}

static struct sl_document *read_file(const char *path)
{
	char text[65536];
	FILE *file = fopen(path, "re");
	size_t len = file ? fread(text, 1, sizeof(text), file) : 0;
	if (file)
		fclose(file);
	return sl_json_read((struct sl_text){ text, len }, NULL, 0);
}

bool copy_note_read(struct copy *copy, struct why *why)
{
	struct copy_note *note = &copy->note;
	if (!stand_of(copy, &note->stand, why))
		return false;
	struct sl_document *document = read_file(note->path);
	const struct sl_json *json = document ? sl_json_root(document) : NULL;
	const char *stand = take(json, "stand", copy->arena);
	if (stand && strcmp(stand, note->stand) == 0) {
		note->table = take(json, "table", copy->arena);
		note->cursor = take(json, "cursor", copy->arena);
	}
	sl_json_free(&document);
	return true;
}

static bool make_folder(const char *path, struct why *why)
{
	char folder[PATH_MAX];
	snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	return mkdir(folder, 0700) == 0 || errno == EEXIST || why_errno(why, "cannot make the folder %s", folder);
}

static bool write_file(const char *path, const struct buf *text, struct why *why)
{
	char fresh[PATH_MAX];
	snprintf(fresh, sizeof(fresh), "%s.new", path);
	FILE *file = fopen(fresh, "we");
	bool wrote = file && fwrite(text->at, 1, text->len, file) == text->len;
	if (file)
		wrote = fclose(file) == 0 && wrote;
	return (wrote && rename(fresh, path) == 0) || why_errno(why, "%s: cannot be written", path);
}

/* It need not survive a crash of the machine: what is copied twice is the same. */
bool copy_note_write(const struct copy *copy, const char *table, const char *cursor, struct why *why)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "stand", copy->note.stand);
	json_member_string(&out, "table", table);
	json_member_string(&out, "cursor", cursor);
	json_close(&out, '}');
	bool fine = make_folder(copy->note.path, why) && write_file(copy->note.path, &out, why);
	buf_free(&out);
	return fine;
}

void copy_note_remove(const struct copy *copy)
{
	unlink(copy->note.path);
}
