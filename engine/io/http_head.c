/* SPDX-License-Identifier: Apache-2.0 */
/* http_head.c - the head of a request: what llhttp finds in it, and what we ask beyond.
 *
 * llhttp's callbacks note where things stand in the read buffer.  When the head
 * is complete, the guards look at the whole of it: a row of the table is one
 * thing that would be ambiguous to somebody between the client and us.
 */
#include <string.h>

#include "io/http_inside.h"
#include "sdk/text.h"

/* ---------------------------------------------------------- what llhttp finds */

static struct http_exchange *exchange_of(const llhttp_t *parser)
{
	return ((struct http_connection *)parser->data)->now;
}

static int too_much(struct http_exchange *exchange, int status)
{
	exchange->fault = status;
	return HPE_USER;
}

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
	struct http_exchange *exchange = exchange_of(parser);
	if (!exchange->target)
		exchange->target = (char *)at;
	exchange->target_len += len;
	return 0;
}

/* How much is too much is asked where a part ends: it comes in pieces, and the answer must not depend on them. */
static int on_url_complete(llhttp_t *parser)
{
	struct http_exchange *exchange = exchange_of(parser);
	return exchange->target_len > exchange->server->limits.url ? too_much(exchange, 414) : 0;
}

/* Of eight ASCII characters at once. */
static void eight_lower(char *at)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t word, capitals;
	memcpy(&word, at, sizeof(word));
	capitals = (word + ones * (0x80 - 'A')) & ~(word + ones * (0x80 - 'Z' - 1)) & ones * 0x80;
	word |= capitals >> 2;
	memcpy(at, &word, sizeof(word));
}

/* A name, which llhttp takes as ASCII only. */
static void make_lower(char *at, size_t len)
{
	size_t done = 0;
	if (len >= 8) {
		for (; done + 8 <= len; done += 8)
			eight_lower(at + done);
		eight_lower(at + len - 8); /* some of them again */
		return;
	}
	for (; done < len; done++)
		if (at[done] >= 'A' && at[done] <= 'Z')
			at[done] |= 0x20;
}

static int on_name(llhttp_t *parser, const char *at, size_t len)
{
	struct http_exchange *exchange = exchange_of(parser);
	struct http_header *field = &exchange->fields[exchange->request.header_count];
	if (!field->name.at)
		field->name.at = at;
	field->name.len += len;
	make_lower((char *)at, len);
	return 0;
}

static int on_name_complete(llhttp_t *parser)
{
	struct http_exchange *exchange = exchange_of(parser);
	return exchange->request.header_count + 1 >= exchange->room ? too_much(exchange, 431) : 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t len)
{
	struct http_exchange *exchange = exchange_of(parser);
	struct http_header *field = &exchange->fields[exchange->request.header_count];
	if (!field->value.at)
		field->value.at = at;
	field->value.len += len;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int on_value_complete(llhttp_t *parser)
{
	struct http_exchange *exchange = exchange_of(parser);
	struct http_header *field = &exchange->fields[exchange->request.header_count];
	if (!field->value.at)
		field->value = (struct sl_text){ field->name.at + field->name.len, 0 };
	while (field->value.len && is_blank(field->value.at[field->value.len - 1]))
		field->value.len--;
	exchange->fields[++exchange->request.header_count] = (struct http_header){ 0 };
	return 0;
}

static int on_pause(llhttp_t *parser)
{
	return HPE_PAUSED;
}

const llhttp_settings_t http_parser_settings = {
	.on_url = on_url,
	.on_url_complete = on_url_complete,
	.on_header_field = on_name,
	.on_header_field_complete = on_name_complete,
	.on_header_value = on_value,
	.on_header_value_complete = on_value_complete,
	.on_headers_complete = on_pause,
};

/* ------------------------------------------------------------------- guards */

enum known {
	OTHER, /* not asked for here */
	HOST,
	CONTENT_LENGTH,
	TRANSFER_ENCODING,
	CONTENT_ENCODING,
	EXPECT,
	UPGRADE,
	CONNECTION,
	KNOWN_COUNT
};

/* By the length of the name: no two have the same. */
static const struct {
	enum known known;
	const char *name;
} known_names[] = {
	[4] = { HOST, "host" },
	[6] = { EXPECT, "expect" },
	[7] = { UPGRADE, "upgrade" },
	[10] = { CONNECTION, "connection" },
	[14] = { CONTENT_LENGTH, "content-length" },
	[16] = { CONTENT_ENCODING, "content-encoding" },
	[17] = { TRANSFER_ENCODING, "transfer-encoding" },
};

struct head {
	const struct http_connection *connection;
	struct http_exchange *exchange;
	struct {
		size_t count;
		struct sl_text value; /* the first one's */
	} known[KNOWN_COUNT];
};

static enum known known_by(struct sl_text name)
{
	if (name.len >= sizeof(known_names) / sizeof(known_names[0]) || !known_names[name.len].name)
		return OTHER;
	return memcmp(name.at, known_names[name.len].name, name.len) == 0 ? known_names[name.len].known : OTHER;
}

static void find_known(struct head *head)
{
	const struct http_request *request = &head->exchange->request;
	for (size_t i = 0; i < request->header_count; i++) {
		enum known known = known_by(request->headers[i].name);
		if (!head->known[known].count++)
			head->known[known].value = request->headers[i].value;
	}
}

/* Whether one of `count` bytes from `at` on must not follow the one before it: a control character but the tab, CR
 * without LF or LF without CR, a blank (a folded line) or a colon (no name) where a line begins.  Without a way out,
 * so that the compiler looks at many of them at once. */
static inline unsigned char any_stray(const unsigned char *at, size_t count)
{
	unsigned char stray = 0;
	for (size_t i = 0; i < count; i++) {
		unsigned char c = at[i], before = (at - 1)[i];
		unsigned char blank = (c == ' ') | (c == '\t'), end = (c == '\r') | (c == '\n');
		stray |= ((c < ' ') & !blank & !end) | (c == 0x7f) | ((c == '\n') ^ (before == '\r')) |
			((before == '\n') & (blank | (c == ':')));
	}
	return stray;
}

#define AT_ONCE 16

/* Every line ends with CR LF, and otherwise there is nothing stray in it. */
static bool unclean_lines(const struct head *head)
{
	const unsigned char *begin = (const unsigned char *)head->exchange->begin;
	size_t len = (size_t)(head->exchange->end - head->exchange->begin), at = 1;
	unsigned char stray = begin[0] <= ' ' || begin[0] == 0x7f || begin[0] == ':' || begin[len - 1] != '\n';
	if (len <= AT_ONCE)
		return stray | any_stray(begin + 1, len - 1);
	for (; at + AT_ONCE <= len; at += AT_ONCE)
		stray |= any_stray(begin + at, AT_ONCE);
	return stray | any_stray(begin + len - AT_ONCE, AT_ONCE); /* some of them again */
}

/* What follows the target in the request line, from its blank to its end. */
static struct sl_text after_target(const struct head *head)
{
	const struct http_exchange *exchange = head->exchange;
	const char *from = exchange->target ? exchange->target + exchange->target_len : exchange->begin;
	const char *feed = memchr(from, '\r', (size_t)(exchange->end - from));
	return (struct sl_text){ from, feed ? (size_t)(feed - from) : 0 };
}

/* METHOD, one blank, target, one blank, HTTP/x.y and nothing else. */
static bool loose_request_line(const struct head *head)
{
	const struct http_exchange *exchange = head->exchange;
	struct sl_text rest = after_target(head);
	if (!exchange->target || exchange->target != exchange->begin + strlen(exchange->request.method) + 1)
		return true;
	return rest.len != 9 || memcmp(rest.at, " HTTP/", 6) != 0;
}

static bool other_version(const struct head *head)
{
	struct sl_text rest = after_target(head);
	return !sl_text_is(rest, " HTTP/1.1") && !sl_text_is(rest, " HTTP/1.0");
}

/* A word among those of all Connection headers. */
static bool connection_says(const struct head *head, const char *word)
{
	const struct http_request *request = &head->exchange->request;
	if (!head->known[CONNECTION].count)
		return false;
	for (size_t i = 0; i < request->header_count; i++) {
		const struct http_header *header = &request->headers[i];
		const char *at = header->value.at, *end = at + header->value.len;
		if (!sl_text_is(header->name, "connection"))
			continue;
		while (at <= end) {
			const char *comma = memchr(at, ',', (size_t)(end - at));
			struct sl_text one = { at, (size_t)((comma ? comma : end) - at) };
			if (sl_text_is_nocase(sl_text_trim(one), word))
				return true;
			at = comma ? comma + 1 : end + 1;
		}
	}
	return false;
}

static bool wants_upgrade(const struct head *head)
{
	return head->connection->parser.method == HTTP_CONNECT ||
		(head->known[UPGRADE].count && connection_says(head, "upgrade"));
}

static bool missing_host(const struct head *head)
{
	return head->known[HOST].count == 0 && !head->exchange->old;
}

static bool doubtful_host(const struct head *head)
{
	static const bool odd[256] = { [' '] = true, ['\t'] = true, [','] = true, ['/'] = true, ['@'] = true };
	struct sl_text host = head->known[HOST].value;
	if (head->known[HOST].count > 1)
		return true;
	for (size_t i = 0; i < host.len; i++)
		if (odd[(unsigned char)host.at[i]])
			return true;
	return false;
}

static bool doubtful_length(const struct head *head)
{
	struct sl_text length = head->known[CONTENT_LENGTH].value;
	size_t count = head->known[CONTENT_LENGTH].count;
	bool digits = length.len > 0;
	for (size_t i = 0; i < length.len; i++)
		digits = digits && length.at[i] >= '0' && length.at[i] <= '9';
	return count > 1 || (count == 1 && !digits);
}

static bool doubtful_coding(const struct head *head)
{
	size_t count = head->known[TRANSFER_ENCODING].count;
	bool chunked = sl_text_is_nocase(head->known[TRANSFER_ENCODING].value, "chunked");
	if (!count)
		return false;
	return count > 1 || !chunked || head->exchange->old || !(head->connection->parser.flags & F_CHUNKED);
}

static bool length_and_coding(const struct head *head)
{
	return head->known[TRANSFER_ENCODING].count && head->known[CONTENT_LENGTH].count;
}

static bool packed_body(const struct head *head)
{
	return head->known[CONTENT_ENCODING].count > 1 ||
		(head->known[CONTENT_ENCODING].count == 1 &&
			!sl_text_is_nocase(head->known[CONTENT_ENCODING].value, "identity"));
}

static bool expects_else(const struct head *head)
{
	return head->known[EXPECT].count &&
		(head->known[EXPECT].count > 1 || !sl_text_is_nocase(head->known[EXPECT].value, "100-continue"));
}

static size_t scheme_length(const char *target, size_t len)
{
	if (len > 7 && strncasecmp(target, "http://", 7) == 0)
		return 7;
	return len > 8 && strncasecmp(target, "https://", 8) == 0 ? 8 : 0;
}

static bool other_target(const struct head *head)
{
	const struct http_exchange *exchange = head->exchange;
	bool star = exchange->target_len == 1 && exchange->target[0] == '*';
	return exchange->target[0] != '/' && !star && !scheme_length(exchange->target, exchange->target_len);
}

static bool long_body(const struct head *head)
{
	return head->connection->parser.content_length > head->exchange->server->limits.body;
}

/* Whoever comes to an empty house is let in, whatever the limit: it could never
 * be let in otherwise. */
static bool crowded(const struct head *head)
{
	const struct http_server *server = head->exchange->server;
	size_t others = server->in_flight - head->exchange->cost - head->connection->room;
	return others && others + head->connection->parser.content_length > server->limits.in_flight;
}

static const struct guard {
	bool (*finds)(const struct head *head);
	int status;
	const char *sentence;
} guards[] = {
	{ unclean_lines, 400, "a header line is malformed: each ends with CR LF, has a name, and holds no control character" },
	{ loose_request_line, 400, "the request line is not of the form METHOD /path HTTP/1.1" },
	{ other_version, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here" },
	{ wants_upgrade, 400, "neither CONNECT nor an upgrade of the protocol is served here" },
	{ length_and_coding, 400, "Content-Length and Transfer-Encoding exclude each other" },
	{ doubtful_length, 400, "Content-Length has to be there once, as one number" },
	{ doubtful_coding, 400, "the only Transfer-Encoding understood is chunked, once, in HTTP/1.1" },
	{ missing_host, 400, "the Host header is missing" },
	{ doubtful_host, 400, "the Host header has to be there once, with one host" },
	{ other_target, 400, "the target of the request has to begin with a slash" },
	{ packed_body, 415, "a body with a Content-Encoding is not read; send it as it is" },
	{ expects_else, 417, "the only expectation understood is 100-continue" },
	{ long_body, 413, "the body is too large" },
	{ crowded, 503, "too many requests are being worked on; try again shortly" },
};

/* ------------------------------------------------------------- the request */

/* Scheme and authority are passed over, a fragment is cut off. */
static void split_target(struct http_exchange *exchange)
{
	if (!exchange->target)
		return;
	const char *from = exchange->target, *end = from + exchange->target_len;
	const char *fragment = memchr(from, '#', exchange->target_len);
	size_t scheme = scheme_length(from, exchange->target_len);
	if (fragment)
		end = fragment;
	if (scheme)
		for (from += scheme; from < end && *from != '/' && *from != '?';)
			from++;
	const char *question = memchr(from, '?', (size_t)(end - from));
	exchange->request.path = (struct sl_text){ from, (size_t)((question ? question : end) - from) };
	if (question)
		exchange->request.query = (struct sl_text){ question + 1, (size_t)(end - question) - 1 };
	if (!exchange->request.path.len)
		exchange->request.path = (struct sl_text){ "/", 1 };
}

/* "Name:value CR LF" becomes "name: value LF" where it stands; that is never longer. */
static void tidy_headers(struct http_exchange *exchange)
{
	struct http_request *request = &exchange->request;
	char *to = request->header_count ? (char *)request->headers[0].name.at : exchange->end;
	request->text.at = to;
	for (size_t i = 0; i < request->header_count; i++) {
		struct http_header *field = &exchange->fields[i];
		char *value = to + field->name.len + 2;
		memmove(to, field->name.at, field->name.len);
		memmove(value, field->value.at, field->value.len);
		value[-2] = ':';
		value[-1] = ' ';
		*field = (struct http_header){ { to, field->name.len }, { value, field->value.len } };
		to = value + field->value.len;
		*to++ = '\n';
	}
	request->text.len = (size_t)(to - request->text.at);
}

static void name_client(const struct http_connection *connection, struct http_exchange *exchange)
{
	struct sl_text client = { 0 };
	if (connection->proxy)
		client = http_address_forwarded(&exchange->server->addresses, &exchange->request);
	if (client.at)
		exchange->request.peer = client;
}

static void fill(const struct head *head)
{
	const struct http_connection *connection = head->connection;
	const llhttp_t *parser = &connection->parser;
	struct http_exchange *exchange = head->exchange;
	struct http_request *request = &exchange->request;
	tidy_headers(exchange);
	name_client(connection, exchange); /* again: its text has moved */
	request->length = parser->flags & F_CHUNKED ? -1 : (int64_t)parser->content_length;
	request->keep_alive = !connection_says(head, "close") && (!exchange->old || connection_says(head, "keep-alive"));
	exchange->unread = request->length != 0;
	exchange->waits = head->known[EXPECT].count && exchange->unread && !exchange->old;
}

bool http_head_finish(struct http_connection *connection)
{
	struct head head = { .connection = connection, .exchange = connection->now };
	struct http_exchange *exchange = connection->now;
	exchange->request.method = llhttp_method_name(connection->parser.method);
	exchange->request.is_head = connection->parser.method == HTTP_HEAD;
	exchange->old = connection->parser.http_major == 1 && connection->parser.http_minor == 0;
	find_known(&head);
	/* What is known of it is told with a refusal too. */
	split_target(exchange);
	name_client(connection, exchange);
	for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++) {
		if (!guards[i].finds(&head))
			continue;
		http_reject(connection, guards[i].status, "%s", guards[i].sentence);
		return false;
	}
	fill(&head);
	return true;
}
