/* SPDX-License-Identifier: Apache-2.0 */
/* fold_times.c - versions as text: {"*":"1795300000000000 e1","price":"1795300005000000 e7"}.
 *
 * Destinations may have written it anew in between: in another order, with other spaces
 * and escapes, as Postgres does.  People may have, too.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sdk/fold_inside.h"

#define MEMBERS_MOST 1000
#define TIME_ROOM 24 /* the digits of 64 bits, a minus, a space, a NUL */

struct sl_version sl_version_of(const struct sl_row *row)
{
	const char *id = row->version_id ? row->version_id : "";
	return (struct sl_version){ true, row->version_time, { id, strlen(id) } };
}

static int compare_text(struct sl_text one, struct sl_text other)
{
	size_t len = one.len < other.len ? one.len : other.len;
	int order = len ? memcmp(one.at, other.at, len) : 0;
	return order ? order : (one.len > other.len) - (one.len < other.len);
}

int sl_version_compare(const struct sl_version *one, const struct sl_version *other)
{
	if (!one->known || !other->known)
		return one->known - other->known;
	if (one->time != other->time)
		return one->time < other->time ? -1 : 1;
	return compare_text(one->id, other->id);
}

struct sl_versions sl_versions_none(const struct sl_table *table, const struct sl_fold_memory *memory)
{
	struct sl_versions none = { 0 };
	none.columns = memory->take(memory->owner, (table->column_count + 1) * sizeof(*none.columns));
	return none;
}

/* ------------------------------------------------------------------ reading */

struct reading {
	const char *at, *end;
	const struct sl_fold_memory *memory;
};

static void skip_space(struct reading *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

static bool take_mark(struct reading *r, char mark)
{
	skip_space(r);
	if (r->at == r->end || *r->at != mark)
		return false;
	r->at++;
	return true;
}

static bool read_unit(struct reading *r, unsigned *unit)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	*unit = 0;
	for (int i = 0; i < 4; i++, r->at++) {
		const char *digit = r->at < r->end ? memchr(digits, *r->at, sizeof(digits) - 1) : NULL;
		if (!digit)
			return false;
		size_t value = (size_t)(digit - digits);
		*unit = *unit << 4 | (unsigned)(value < 16 ? value : value - 6);
	}
	return true;
}

static char *write_utf8(char *out, unsigned code)
{
	if (code < 0x80) {
		*out++ = (char)code;
		return out;
	}
	int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	*out++ = (char)((0xff00 >> (more + 1) & 0xff) | (code >> (6 * more)));
	while (more--)
		*out++ = (char)(0x80 | (code >> (6 * more) & 0x3f));
	return out;
}

static bool read_code(struct reading *r, char **out)
{
	unsigned code, low;
	if (!read_unit(r, &code) || (code >= 0xdc00 && code < 0xe000))
		return false;
	if (code >= 0xd800 && code < 0xdc00) {
		if (r->end - r->at < 6 || *r->at++ != '\\' || *r->at++ != 'u' || !read_unit(r, &low) || low < 0xdc00 ||
			low > 0xdfff)
			return false;
		code = 0x10000 + ((code - 0xd800) << 10 | (low - 0xdc00));
	}
	*out = write_utf8(*out, code);
	return true;
}

static bool read_escape(struct reading *r, char **out)
{
	static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
	if (r->at == r->end)
		return false;
	char name = *r->at++;
	const char *found = memchr(names, name, sizeof(names) - 1);
	if (!found)
		return name == 'u' && read_code(r, out);
	*(*out)++ = meanings[found - names];
	return true;
}

/* Up to the quote that ends it. */
static size_t string_length(const struct reading *r)
{
	const char *at = r->at;
	while (at < r->end && *at != '"')
		at += *at == '\\' && at + 1 < r->end ? 2 : 1;
	return (size_t)(at - r->at);
}

static bool read_string(struct reading *r, struct sl_text *text)
{
	if (!take_mark(r, '"'))
		return false;
	size_t len = string_length(r);
	const char *close = r->at + len;
	if (close == r->end)
		return false;
	*text = (struct sl_text){ r->at, len };
	if (!memchr(r->at, '\\', len)) {
		r->at = close + 1;
		return true;
	}
	char *begin = r->memory->take(r->memory->owner, len + 1), *out = begin;
	while (r->at < close) {
		char c = *r->at++;
		if (c == '\\' && !read_escape(r, &out))
			return false;
		if (c != '\\')
			*out++ = c;
	}
	*text = (struct sl_text){ begin, (size_t)(out - begin) };
	return r->at++ == close;
}

/* "1795300000000000 e1" */
static bool read_version(struct sl_text text, struct sl_version *version)
{
	char digits[TIME_ROOM], *end;
	const char *space = text.len ? memchr(text.at, ' ', text.len) : NULL;
	size_t len = space ? (size_t)(space - text.at) : 0;
	if (len == 0 || len >= sizeof(digits) || strspn(text.at, "-0123456789") < len)
		return false;
	memcpy(digits, text.at, len);
	digits[len] = '\0';
	*version = (struct sl_version){ true, strtoll(digits, &end, 10), { space + 1, text.len - len - 1 } };
	return *end == '\0';
}

/* Members mostly stand in the order of the columns: the search goes on behind the last one. */
static struct sl_version *version_named(const struct sl_table *table, struct sl_versions *versions,
	struct sl_text name, size_t *hint)
{
	if (name.len == 1 && *name.at == '*')
		return &versions->whole;
	for (size_t i = 0; i < table->column_count; i++) {
		size_t at = (*hint + i) % table->column_count;
		const char *column = table->columns[at]->name;
		if (strlen(column) != name.len || memcmp(column, name.at, name.len) != 0)
			continue;
		*hint = at + 1;
		return &versions->columns[at];
	}
	return NULL;
}

static bool read_member(struct reading *r, const struct sl_table *table, struct sl_versions *versions, size_t *hint)
{
	struct sl_text name, value;
	struct sl_version version;
	if (!read_string(r, &name) || !take_mark(r, ':') || !read_string(r, &value) || !read_version(value, &version))
		return false;
	struct sl_version *place = version_named(table, versions, name, hint);
	if (place)
		*place = version;
	return true;
}

static bool read_members(struct reading *r, const struct sl_table *table, struct sl_versions *versions)
{
	size_t hint = 0;
	if (!take_mark(r, '{'))
		return false;
	if (take_mark(r, '}'))
		return true;
	for (int i = 0; i < MEMBERS_MOST; i++) {
		if (!read_member(r, table, versions, &hint))
			return false;
		if (!take_mark(r, ','))
			return take_mark(r, '}');
	}
	return false;
}

bool sl_versions_read(const struct sl_table *table, struct sl_text text, struct sl_versions *versions,
	const struct sl_fold_memory *memory)
{
	*versions = sl_versions_none(table, memory);
	if (!text.at)
		return false;
	struct reading r = { text.at, text.at + text.len, memory };
	bool read = read_members(&r, table, versions);
	skip_space(&r);
	if (!read || r.at != r.end)
		*versions = sl_versions_none(table, memory);
	return read && r.at == r.end;
}

/* ------------------------------------------------------------------ writing */

/* What each byte of a string takes at most: \u001f. */
static size_t string_room(size_t len)
{
	return len * 6 + 2;
}

static char *write_escaped(char *out, struct sl_text text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.at[i];
		if (c == '"' || c == '\\')
			*out++ = '\\';
		if (c < 0x20)
			out += sprintf(out, "\\u%04x", c);
		else
			*out++ = (char)c;
	}
	return out;
}

static char *write_member(char *out, const char *name, const struct sl_version *version)
{
	*out++ = '"';
	out = write_escaped(out, (struct sl_text){ name, strlen(name) });
	out += sprintf(out, "\":\"%" PRId64 " ", version->time);
	out = write_escaped(out, version->id);
	*out++ = '"';
	*out++ = ',';
	return out;
}

static size_t member_room(const char *name, const struct sl_version *version)
{
	return version->known ? string_room(strlen(name)) + TIME_ROOM + string_room(version->id.len) + 2 : 0;
}

struct sl_text sl_versions_write(const struct sl_table *table, const struct sl_versions *versions,
	const struct sl_fold_memory *memory)
{
	size_t room = 4 + member_room("*", &versions->whole);
	for (size_t i = 0; i < table->column_count; i++)
		room += member_room(table->columns[i]->name, &versions->columns[i]);
	char *begin = memory->take(memory->owner, room), *out = begin;
	*out++ = '{';
	if (versions->whole.known)
		out = write_member(out, "*", &versions->whole);
	for (size_t i = 0; i < table->column_count; i++)
		if (versions->columns[i].known)
			out = write_member(out, table->columns[i]->name, &versions->columns[i]);
	out -= out[-1] == ',';
	*out++ = '}';
	*out = '\0';
	return (struct sl_text){ begin, (size_t)(out - begin) };
}
