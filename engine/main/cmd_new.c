/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_new.c - sluice new: a folder with a plugin in it that works, to be changed into one's own.
 *
 * The files are those of contrib/templates/KIND, carried in the binary, with the
 * plugin's name for NAME and the language's ending for EXT.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "main/carried.h"
#include "main/command.h"
#include "main/share.h"
#include "sdk/sign.h"
#include "sdk/text.h"

#define NAME_MOST 40
#define FILES_MOST 32

struct making {
	const struct command_line *line;
	struct arena *arena;
	const char *kind, *name, *language; /* "source", "acme", "c" */
	const char *above, *folder;         /* "DIR/" or "", and what is made in it: DIR/acme */
	bool configured;                    /* a sluice.yaml was written too */
	const char *files[FILES_MOST];      /* what was written */
	size_t file_count;
	struct why why;
};

/* ---------------------------------------------------------------- one file */

/* What a line of a template is for the other language; a licence is the author's to choose. */
static bool passed_over(const struct making *making, struct sl_text line)
{
	const char *other = strcmp(making->language, "c") == 0 ? "LUA: " : "C: ";
	return strncmp(line.at, other, strlen(other)) == 0 || memmem(line.at, line.len, "SPDX-License-Identifier", 23);
}

static void fill_line(const struct making *making, struct sl_text line, struct buf *out)
{
	static const char language[] = ".EXT", name[] = "NAME";
	size_t own = strncmp(line.at, "LUA: ", 5) == 0 ? 5 : strncmp(line.at, "C: ", 3) == 0 ? 3 : 0;
	for (const char *at = line.at + own, *end = line.at + line.len; at < end;) {
		if (strncmp(at, name, strlen(name)) == 0) {
			buf_string(out, making->name);
			at += strlen(name);
		} else if (strncmp(at, language, strlen(language)) == 0) {
			buf_format(out, ".%s", making->language);
			at += strlen(language);
		} else {
			buf_char(out, *at++);
		}
	}
}

static void fill(const struct making *making, struct sl_text text, struct buf *out)
{
	for (const char *at = text.at, *end = text.at + text.len; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		struct sl_text line = { at, (size_t)((stop ? stop + 1 : end) - at) };
		at += line.len;
		if (!passed_over(making, line))
			fill_line(making, line, out);
	}
}

/* Nothing that is there is ever written over. */
static bool write_new(struct making *making, const char *path, const struct buf *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return why_errno(&making->why, "%s cannot be made", path);
	bool fine = fchmod(fd, mode) == 0 && write(fd, text->at, text->len) == (ssize_t)text->len;
	if (!fine)
		why_errno(&making->why, "%s cannot be written", path);
	close(fd);
	if (making->file_count < FILES_MOST)
		making->files[making->file_count++] = arena_string(making->arena, path);
	return fine;
}

static bool make_folder(struct making *making, const char *path)
{
	if (mkdir(path, 0755) != 0)
		return errno == EEXIST ? why_say(&making->why, "%s is there already; nothing was changed", path)
				       : why_errno(&making->why, "%s cannot be made", path);
	return chmod(path, 0755) == 0 || why_errno(&making->why, "%s cannot be made", path);
}

/* ------------------------------------------------------------------ the folder */

/* "templates/source/NAME.c" is NAME.c of a source; NULL: not a file of this folder. */
static const char *below_folder(const struct making *making, const char *name)
{
	static const char shared[] = "templates/Makefile";
	const char *kind = arena_format(making->arena, "templates/%s/", making->kind);
	bool c = strcmp(making->language, "c") == 0;
	if (strcmp(name, "sdk/plugin.h") == 0 || strcmp(name, shared) == 0)
		return c ? strrchr(name, '/') + 1 : NULL;
	if (strncmp(name, kind, strlen(kind)) != 0)
		return NULL;
	name += strlen(kind);
	if (strcmp(name, "add.yaml") == 0 || strcmp(name, c ? "NAME.lua" : "NAME.c") == 0)
		return NULL;
	return name;
}

static bool write_carried(struct making *making, const struct carried *file, const char *below)
{
	struct buf name = { 0 }, text = { 0 };
	buf_format(&name, "%s/", making->folder);
	fill_line(making, sl_text_of(below), &name);
	if (strncmp(file->name, "sdk/", 4) == 0)
		buf_add(&text, file->text.at, file->text.len);
	else
		fill(making, file->text, &text);
	bool fine = write_new(making, name.at, &text, 0644);
	buf_free(&name);
	buf_free(&text);
	return fine;
}

/* For editors: what a script may call, where it is installed. */
static bool write_types(struct making *making)
{
	static const char *const places[] = { "share/sluice/lua", "../share/sluice/lua" };
	const char *program = share_program_folder(making->arena);
	char *real = NULL;
	struct buf text = { 0 };
	for (size_t i = 0; !real && i < sizeof(places) / sizeof(*places); i++)
		real = realpath(arena_format(making->arena, "%s/%s", program, places[i]), NULL);
	if (!real || strcmp(making->language, "lua") != 0) {
		free(real);
		return true;
	}
	json_open(&text, '{');
	json_member_string(&text, "runtime.version", "Lua 5.4");
	json_key(&text, "workspace.library"), json_open(&text, '[');
	json_string(&text, real);
	json_close(&text, ']');
	json_close(&text, '}');
	buf_char(&text, '\n');
	bool fine = write_new(making, arena_format(making->arena, "%s/.luarc.json", making->folder), &text, 0644);
	buf_free(&text);
	free(real);
	return fine;
}

static bool write_folder(struct making *making)
{
	if (!make_folder(making, making->folder) ||
		!make_folder(making, arena_format(making->arena, "%s/samples", making->folder)))
		return false;
	for (const struct carried *file = carried; file->name; file++) {
		const char *below = below_folder(making, file->name);
		if (below && !write_carried(making, file, below))
			return false;
	}
	return write_types(making);
}

/* ------------------------------------------------------------- sluice.yaml */

static struct sl_text template(struct making *making, const char *name)
{
	for (const struct carried *file = carried; file->name; file++)
		if (strcmp(file->name, arena_format(making->arena, "templates/%s", name)) == 0)
			return file->text;
	return (struct sl_text){ 0 };
}

/* The lines that this plugin wants in a configuration. */
static void write_lines(struct making *making, struct buf *out)
{
	fill(making, template(making, arena_format(making->arena, "%s/add.yaml", making->kind)), out);
}

static bool write_env(struct making *making, const char *path)
{
	unsigned char bytes[24];
	char secret[2 * sizeof(bytes) + 1];
	struct buf text = { 0 };
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return why_errno(&making->why, "there is no secret to be had");
	sl_hex(bytes, sizeof(bytes), secret);
	fill(making, template(making, "sluice.env"), &text);
	buf_format(&text, "DEMO_SECRET=%s\n", secret);
	bool fine = write_new(making, path, &text, 0600);
	buf_free(&text);
	return fine;
}

/* Editors that know the YAML language server check the file as it is written. */
static void write_schema_line(struct making *making, struct buf *out)
{
	const struct share share = { .arena = making->arena };
	const char *schema = share_schema_file(&share, "config.schema.json");
	char *real = schema ? realpath(schema, NULL) : NULL;
	if (real)
		buf_format(out, "# yaml-language-server: $schema=%s\n", real);
	free(real);
}

static bool write_config(struct making *making, const char *path)
{
	struct buf text = { 0 };
	write_schema_line(making, &text);
	fill(making, template(making, "sluice.yaml"), &text);
	write_lines(making, &text);
	bool fine = write_new(making, path, &text, 0644);
	buf_free(&text);
	return fine;
}

/* Only where there is none: somebody's own file is not ours to change. */
static bool configure(struct making *making)
{
	const char *config = arena_format(making->arena, "%ssluice.yaml", making->above);
	const char *env = arena_format(making->arena, "%ssluice.env", making->above);
	if (access(config, F_OK) == 0 || access(env, F_OK) == 0)
		return true;
	making->configured = true;
	return write_config(making, config) && write_env(making, env);
}

/* ------------------------------------------------------------------ the words */

static void tell_json(struct making *making, struct buf *out)
{
	struct buf lines = { 0 };
	write_lines(making, &lines);
	json_open(out, '{');
	json_member_string(out, "folder", making->folder);
	json_key(out, "files"), json_open(out, '[');
	for (size_t i = 0; i < making->file_count; i++)
		json_string(out, making->files[i]);
	json_close(out, ']');
	json_member_bool(out, "configured", making->configured);
	json_member_string(out, "lines", lines.at);
	json_close(out, '}');
	buf_char(out, '\n');
	buf_free(&lines);
}

static void tell_words(struct making *making, struct buf *out)
{
	for (size_t i = 0; i < making->file_count; i++)
		buf_format(out, "%s\n", making->files[i]);
	if (!making->configured) {
		buf_string(out, "\nWhat sluice.yaml needs to use it, under names of your own where you have such:\n\n");
		write_lines(making, out);
	}
	buf_format(out, "\nNext: sluice test %s, sluice check, sluice run. %s/README.md tells the rest.\n", making->folder,
		making->folder);
}

static int tell(struct making *making)
{
	struct buf out = { 0 };
	(making->line->json ? tell_json : tell_words)(making, &out);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

/* -------------------------------------------------------------------- command */

static bool name_fits(const char *name)
{
	size_t len = strlen(name);
	return len > 0 && len <= NAME_MOST && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz") > 0;
}

static int run_new(const struct command_line *line)
{
	const char *kind = strchr(line->command->name, ' ') + 1, *dir = command_value(line, "dir");
	bool c = command_flag(line, "c");
	if (c == command_flag(line, "lua"))
		return command_wrong(line, "in which language: --lua or --c?");
	if (!name_fits(line->arguments[0]))
		return command_wrong(line, "\"%s\" is no name; it begins with a letter and has at most %d of a-z, 0-9, _ and -",
			line->arguments[0], NAME_MOST);
	struct making making = { .line = line, .arena = arena_new(), .kind = kind, .name = line->arguments[0],
		.language = c ? "c" : "lua", .above = "" };
	if (dir)
		making.above = arena_format(making.arena, "%s/", dir);
	making.folder = arena_format(making.arena, "%s%s", making.above, making.name);
	int code = write_folder(&making) && configure(&making) ? tell(&making) : command_no(line, "%s", making.why.text);
	arena_free(&making.arena);
	return code;
}

static const struct command_option options[] = {
	{ "lua", 0, NULL, "written in Lua" },
	{ "c", 0, NULL, "written in C; the header it needs lies beside it" },
	{ "dir", 0, "DIR", "make the folder in DIR, beside its sluice.yaml (default: here)" },
	{ 0 },
};

const struct command cmd_new[] = {
	{ "new source", "NAME", 1, 1, "make a folder with a source in it that works, and its test", options, run_new },
	{ "new transform", "NAME", 1, 1, "make one with a transform", options, run_new },
	{ "new sink", "NAME", 1, 1, "make one with a sink", options, run_new },
	{ 0 },
};
