/* SPDX-License-Identifier: Apache-2.0 */
/* lua_cover.c - which lines of scripts have run.
 *
 * The lines that can run stand in a compiled file: Lua 5.4's dump, which is read here
 * as far as that takes (ldump.c has its form).  The last instruction of a function is
 * passed over: it is the `return` behind its end.
 */
#include "host/lua_cover.h"

#include <stdlib.h>
#include <string.h>

#include "host/lua_host.h"

enum { CAN_RUN = 1,
	HAS_RUN = 2 };

#define MOST_LINES 1000000
#define FIXED_HEAD 31 /* bytes of a dump before its first function */
#define OPCODE 0x7f
#define VARARGPREP 81 /* belongs to no line */
#define ABSOLUTE (-0x80)

struct covered {
	char *path;
	unsigned char *lines; /* line 0 stands first, and is none */
	size_t room;
	struct covered *next;
};

static bool begun;
static struct covered *all;

void lua_cover_begin(void)
{
	begun = true;
}

int lua_cover_mask(void)
{
	return begun ? LUA_MASKLINE : 0;
}

/* -------------------------------------------------------------------- one file */

static struct covered *file_of(const char *folder, const char *name)
{
	struct buf path = { 0 };
	struct covered *file = all;
	buf_format(&path, "%s/%s", folder, name);
	while (file && strcmp(file->path, path.at) != 0)
		file = file->next;
	if (!file) {
		file = must_alloc(sizeof(*file));
		file->path = must_string(path.at);
		file->next = all;
		all = file;
	}
	buf_free(&path);
	return file;
}

static void mark(struct covered *file, int64_t line, unsigned char what)
{
	if (line <= 0 || line > MOST_LINES)
		return;
	if ((size_t)line >= file->room) {
		size_t room = (size_t)line * 2;
		file->lines = must_grow(file->lines, room);
		memset(file->lines + file->room, 0, room - file->room);
		file->room = room;
	}
	file->lines[line] |= what;
}

void lua_cover_line(lua_State *lua, lua_Debug *where)
{
	if (lua_getinfo(lua, "S", where) && *where->source == '@')
		mark(file_of(script_of(lua)->folder, where->source + 1), where->currentline, HAS_RUN);
}

/* ------------------------------------------------------------------- a dump */

struct dump {
	struct buf bytes;
	size_t at;
	struct covered *file;
};

static const unsigned char *take(struct dump *dump, size_t len)
{
	static const unsigned char nothing[16];
	if (len > dump->bytes.len - dump->at) {
		dump->at = dump->bytes.len;
		return nothing;
	}
	dump->at += len;
	return (const unsigned char *)dump->bytes.at + dump->at - len;
}

static size_t take_size(struct dump *dump)
{
	size_t size = 0;
	while (dump->at < dump->bytes.len) {
		unsigned char byte = *take(dump, 1);
		size = size << 7 | (byte & 0x7f);
		if (byte & 0x80)
			break;
	}
	return size;
}

static void take_string(struct dump *dump)
{
	size_t size = take_size(dump);
	if (size)
		take(dump, size - 1);
}

static void take_constants(struct dump *dump)
{
	for (size_t count = take_size(dump); count-- && dump->at < dump->bytes.len;) {
		unsigned char type = *take(dump, 1);
		if ((type & 0x0f) == LUA_TNUMBER)
			take(dump, 8);
		else if ((type & 0x0f) == LUA_TSTRING)
			take_string(dump);
	}
}

/* Where the lines of the code stand: a step for each instruction, or a mark for a
 * line that is written out. */
static void take_lines(struct dump *dump, int64_t line, bool prepared)
{
	size_t count = take_size(dump), steps = dump->at;
	take(dump, count);
	size_t written = take_size(dump), given = dump->at;
	for (size_t i = 0; i < written; i++)
		take_size(dump), take_size(dump);
	size_t behind = dump->at;
	for (size_t pc = 0; pc < count && dump->at < dump->bytes.len; pc++) {
		signed char step = ((signed char *)dump->bytes.at)[steps + pc];
		if (step == ABSOLUTE) {
			dump->at = given;
			take_size(dump);
			line = (int64_t)take_size(dump);
			given = dump->at;
			dump->at = behind;
		} else {
			line += step;
		}
		if (pc + 1 < count && (pc || !prepared))
			mark(dump->file, line, CAN_RUN);
	}
}

static void take_function(struct dump *dump)
{
	take_string(dump);
	int64_t line = (int64_t)take_size(dump);
	take_size(dump);
	take(dump, 3);
	size_t instructions = take_size(dump);
	bool prepared = instructions && (*take(dump, 4) & OPCODE) == VARARGPREP;
	take(dump, instructions ? (instructions - 1) * 4 : 0);
	take_constants(dump);
	take(dump, take_size(dump) * 3);
	for (size_t count = take_size(dump); count-- && dump->at < dump->bytes.len;)
		take_function(dump);
	take_lines(dump, line, prepared);
	for (size_t count = take_size(dump); count-- && dump->at < dump->bytes.len;)
		take_string(dump), take_size(dump), take_size(dump);
	for (size_t count = take_size(dump); count-- && dump->at < dump->bytes.len;)
		take_string(dump);
}

static int add_piece(lua_State *lua, const void *at, size_t len, void *bytes)
{
	buf_add(bytes, at, len);
	return 0;
}

/* The function on top has been loaded of this file. */
void lua_cover_loaded(lua_State *lua, const char *name)
{
	struct dump dump = { .at = FIXED_HEAD + 1 }; /* and how many upvalues */
	if (!begun)
		return;
	dump.file = file_of(script_of(lua)->folder, name);
	lua_dump(lua, add_piece, &dump.bytes, 0);
	if (dump.bytes.len > dump.at)
		take_function(&dump);
	buf_free(&dump.bytes);
}

/* ---------------------------------------------------------------------- writing */

static void write_lines(const struct covered *file, unsigned char what, struct buf *out)
{
	json_open(out, '[');
	for (size_t line = 1; line < file->room; line++)
		if ((file->lines[line] & what) == what)
			json_uint(out, line);
	json_close(out, ']');
}

void lua_cover_write(struct buf *out)
{
	json_open(out, '[');
	for (const struct covered *file = all; file; file = file->next) {
		json_open(out, '{');
		json_member_string(out, "file", file->path);
		json_key(out, "lines"), write_lines(file, CAN_RUN, out);
		json_key(out, "ran"), write_lines(file, CAN_RUN | HAS_RUN, out);
		json_close(out, '}');
	}
	json_close(out, ']');
}
