/* SPDX-License-Identifier: Apache-2.0 */
/* http_chunks.c - a chunked body becomes one piece, where it lies.
 *
 * llhttp lets pass here what must not pass: trailers that end with a bare LF, are
 * folded, or have no name.  RFC 9112 section 7.1 fits in a table: state and kind
 * of character give the next state, and what is not in the table is an error.
 */
#include <ctype.h>
#include <string.h>

#include "io/http_inside.h"

enum state {
	BROKEN, /* not in the table */
	SIZE_FIRST,
	SIZE,
	SIZE_LF,
	NAME_FIRST, /* of an extension: ;name=value or ;name="value" */
	NAME,
	VALUE_FIRST,
	VALUE,
	QUOTED,
	ESCAPED,
	QUOTE_END,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_FIRST,
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	END_LF,
	DONE,
	STATES
};

enum kind {
	CONTROL,
	OTHER,
	TOKEN,
	HEX,
	SEMICOLON, /* from here on one character each */
	EQUALS,
	QUOTE,
	BACKSLASH,
	COLON,
	CR,
	LF,
	KINDS
};

static enum kind kind_of(char c)
{
	static const char singles[] = ";=\"\\:\r\n", marks[] = "!#$%&'*+-.^_`|~";
	const char *single = c ? strchr(singles, c) : NULL;
	if (single)
		return SEMICOLON + (enum kind)(single - singles);
	if (isxdigit((unsigned char)c))
		return HEX;
	if (c && (isalnum((unsigned char)c) || strchr(marks, c)))
		return TOKEN;
	return c == '\t' || ((unsigned char)c >= ' ' && c != 0x7f) ? OTHER : CONTROL;
}

#define ANY_TOKEN(to) [TOKEN] = (to), [HEX] = (to)
#define ANY_TEXT(to) ANY_TOKEN(to), [OTHER] = (to), [SEMICOLON] = (to), [EQUALS] = (to), [COLON] = (to)

static const unsigned char next[STATES][KINDS] = {
	[SIZE_FIRST] = { [HEX] = SIZE },
	[SIZE] = { [HEX] = SIZE, [SEMICOLON] = NAME_FIRST, [CR] = SIZE_LF },
	[SIZE_LF] = { [LF] = DATA },
	[NAME_FIRST] = { ANY_TOKEN(NAME) },
	[NAME] = { ANY_TOKEN(NAME), [EQUALS] = VALUE_FIRST, [SEMICOLON] = NAME_FIRST, [CR] = SIZE_LF },
	[VALUE_FIRST] = { ANY_TOKEN(VALUE), [QUOTE] = QUOTED },
	[VALUE] = { ANY_TOKEN(VALUE), [SEMICOLON] = NAME_FIRST, [CR] = SIZE_LF },
	[QUOTED] = { ANY_TEXT(QUOTED), [BACKSLASH] = ESCAPED, [QUOTE] = QUOTE_END },
	[ESCAPED] = { ANY_TEXT(QUOTED), [BACKSLASH] = QUOTED, [QUOTE] = QUOTED },
	[QUOTE_END] = { [SEMICOLON] = NAME_FIRST, [CR] = SIZE_LF },
	[DATA_CR] = { [CR] = DATA_LF },
	[DATA_LF] = { [LF] = SIZE_FIRST },
	[TRAILER_FIRST] = { ANY_TOKEN(TRAILER_NAME), [CR] = END_LF },
	[TRAILER_NAME] = { ANY_TOKEN(TRAILER_NAME), [COLON] = TRAILER_VALUE },
	[TRAILER_VALUE] = { ANY_TEXT(TRAILER_VALUE), [BACKSLASH] = TRAILER_VALUE, [QUOTE] = TRAILER_VALUE,
		[CR] = TRAILER_LF },
	[TRAILER_LF] = { [LF] = TRAILER_FIRST },
	[END_LF] = { [LF] = DONE },
};

void http_chunks_begin(struct http_chunks *chunks)
{
	*chunks = (struct http_chunks){ .state = SIZE_FIRST };
}

static unsigned digit(char c)
{
	return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
}

/* Data moves down over the framing that was before it. */
static size_t take_data(struct http_exchange *exchange, struct http_chunks *chunks, const char *at, size_t len)
{
	if (len > chunks->left)
		len = chunks->left;
	memmove(exchange->end, at, len);
	exchange->end += len;
	chunks->left -= len;
	if (!chunks->left)
		chunks->state = DATA_CR;
	return len;
}

/* Sizes of thousands of zeros, extensions and trailers cost us work and carry
 * nothing; chunks of a single byte are still let pass. */
static enum http_chunks_end take_framing(struct http_exchange *exchange, struct http_chunks *chunks, char c)
{
	const struct http_limits *limits = &exchange->server->limits;
	size_t have = (size_t)(exchange->end - exchange->request.body.at);
	bool sized = chunks->state == SIZE_FIRST || chunks->state == SIZE;
	chunks->state = next[chunks->state][kind_of(c)];
	if (sized && chunks->state == SIZE)
		chunks->left = chunks->left * 16 + digit(c);
	if (have + chunks->left > limits->body)
		return CHUNKS_TOO_LARGE;
	if (chunks->state == DATA && !chunks->left)
		chunks->state = TRAILER_FIRST;
	if (++chunks->framing > limits->header_bytes + 16 * have)
		return CHUNKS_TOO_ODD;
	if (chunks->state == DONE)
		return CHUNKS_DONE;
	return chunks->state == BROKEN ? CHUNKS_BROKEN : CHUNKS_MORE;
}

enum http_chunks_end http_chunks_take(struct http_connection *connection, struct http_exchange *exchange)
{
	struct http_chunks *chunks = &connection->chunks;
	enum http_chunks_end end = CHUNKS_MORE;
	while (end == CHUNKS_MORE && connection->at < connection->len) {
		const char *at = connection->in + connection->at;
		if (chunks->state == DATA)
			connection->at += take_data(exchange, chunks, at, connection->len - connection->at);
		else if ((end = take_framing(exchange, chunks, *at)) <= CHUNKS_DONE)
			connection->at++;
	}
	return end;
}
