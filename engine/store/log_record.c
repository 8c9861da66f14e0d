/* SPDX-License-Identifier: Apache-2.0 */
/* log_record.c - a record as bytes: laid out, sealed with its checksums, checked, read. */
#include "store/log_disk.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>
#ifdef __x86_64__
#include <immintrin.h>
#include <xxh_x86dispatch.h> /* the same sums, by what the processor can do */
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the log is written little-endian");

#define PARTS 6 /* source, method, path, query, headers, body */

static uint64_t padded(uint64_t size)
{
	return (size + LOG_ALIGN - 1) & ~(uint64_t)(LOG_ALIGN - 1);
}

uint64_t record_span(const struct record_head *head)
{
	return padded(sizeof(*head) + PARTS + (uint64_t)head->source + head->method
		+ head->path + head->query + head->headers + head->body);
}

uint64_t record_room(const struct log_record *record)
{
	return padded(sizeof(struct record_head) + PARTS + record->source.len + record->method.len
		+ record->path.len + record->query.len + record->headers.len + record->body.len);
}

/* Each text is followed by a NUL, so that a reader can point into the file's bytes. */
static char *put_text(char *at, struct sl_text text)
{
	if (text.len)
		memcpy(at, text.at, text.len);
	at[text.len] = '\0';
	return at + text.len + 1;
}

void record_put(char *at, const struct log_record *record, uint64_t seq)
{
	struct record_head *head = (struct record_head *)at;
	char *end = at + record_room(record);
	assert(record->source.len <= UINT16_MAX && record->method.len <= UINT16_MAX);
	assert(record->body.len <= UINT32_MAX);
	*head = (struct record_head){
		.seq = seq, .received = record->received, .flags = record->flags,
		.source = (uint16_t)record->source.len, .method = (uint16_t)record->method.len,
		.path = (uint32_t)record->path.len, .query = (uint32_t)record->query.len,
		.headers = (uint32_t)record->headers.len, .body = (uint32_t)record->body.len,
	};
	at = put_text(at + sizeof(*head), record->source);
	at = put_text(at, record->method);
	at = put_text(at, record->path);
	at = put_text(at, record->query);
	at = put_text(at, record->headers);
	at = put_text(at, record->body);
	memset(at, 0, (size_t)(end - at));
}

static const char *get_text(const char *at, size_t len, struct sl_text *text)
{
	*text = (struct sl_text){ at, len };
	return at + len + 1;
}

void record_get(const char *at, struct log_record *record)
{
	const struct record_head *head = (const struct record_head *)at;
	record->seq = head->seq;
	record->received = head->received;
	record->flags = head->flags;
	at = get_text(at + sizeof(*head), head->source, &record->source);
	at = get_text(at, head->method, &record->method);
	at = get_text(at, head->path, &record->path);
	at = get_text(at, head->query, &record->query);
	at = get_text(at, head->headers, &record->headers);
	get_text(at, head->body, &record->body);
}

void log_record_copy(struct arena *arena, struct log_record *to, const struct log_record *from)
{
	*to = *from;
	to->source = arena_text(arena, from->source);
	to->method = arena_text(arena, from->method);
	to->path = arena_text(arena, from->path);
	to->query = arena_text(arena, from->query);
	to->headers = arena_text(arena, from->headers);
	to->body = arena_text(arena, from->body);
}

#ifdef __x86_64__
/* The library leaves the upper halves of registers in use: what knows only the lower ones is slower then. */
__attribute__((target("avx"))) static void clear_halves(void)
{
	_mm256_zeroupper();
}

static uint64_t sum(const char *at, size_t len, uint64_t seed)
{
	uint64_t found = XXH3_64bits_withSeed(at, len, seed);
	if (__builtin_cpu_supports("avx"))
		clear_halves();
	return found;
}
#else
static uint64_t sum(const char *at, size_t len, uint64_t seed)
{
	return XXH3_64bits_withSeed(at, len, seed);
}
#endif

/* The seed binds a record to its place: copied elsewhere it is not one. */
static uint64_t head_check(const struct record_head *head, uint64_t salt, uint64_t offset)
{
	const size_t skip = sizeof(head->check);
	return sum((const char *)head + skip, sizeof(*head) - skip, salt + offset);
}

static uint64_t text_check(const char *at, uint64_t salt, uint64_t offset)
{
	const size_t skip = sizeof(struct record_head);
	size_t span = record_span((const struct record_head *)at);
	return sum(at + skip, span - skip, salt + offset);
}

void record_seal(char *at, uint64_t durable, uint64_t salt, uint64_t offset)
{
	struct record_head *head = (struct record_head *)at;
	head->durable = durable;
	head->text_check = text_check(at, salt, offset);
	head->check = head_check(head, salt, offset);
}

bool record_head_good(const struct record_head *head, uint64_t salt, uint64_t offset)
{
	return head->durable < head->seq && head->seq <= LOG_SEQ_MOST && head->check == head_check(head, salt, offset);
}

bool record_text_good(const char *at, uint64_t salt, uint64_t offset)
{
	return ((const struct record_head *)at)->text_check == text_check(at, salt, offset);
}
