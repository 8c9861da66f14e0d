/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_sign.c - sluice sign and verify: a body's proof, and why one does not match. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "main/noted.h"
#include "main/vendor.h"
#include "sdk/text.h"
#include "sdk/time.h"

/* ------------------------------------------------------------------- sign */

static void sign_words(const struct vendor_request *request, struct buf *out)
{
	for (size_t i = 0; i < request->proof.header_count; i++)
		buf_format(out, "%s: %s\n", request->proof.headers[i].name, request->proof.headers[i].value);
}

static void sign_json(const struct vendor_request *request, struct buf *out)
{
	for (size_t i = 0; i < request->proof.header_count; i++) {
		json_open(out, '{');
		json_member_string(out, "header", request->proof.headers[i].name);
		json_member_string(out, "value", request->proof.headers[i].value);
		json_close(out, '}');
		buf_char(out, '\n');
		out->comma = false;
	}
}

/* One word of a shell's line. */
static void quoted(struct buf *out, const char *text, size_t len)
{
	buf_char(out, '\'');
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\'')
			buf_string(out, "'\\''");
		else
			buf_char(out, text[i]);
	buf_char(out, '\'');
}

static void curl_address(const char *address, const char *path, struct buf *out)
{
	bool unix_socket = strncmp(address, "unix:", 5) == 0;
	const char *host = unix_socket ? "http://localhost" : address;
	if (unix_socket) {
		buf_string(out, "--unix-socket ");
		quoted(out, address + 5, strlen(address + 5));
		buf_char(out, ' ');
	}
	struct buf url = { 0 };
	const char *name = strstr(host, "://") + 3;
	buf_format(&url, "%.*s%s", (int)(name + strcspn(name, "/?") - host), host, path);
	quoted(out, url.at, url.len);
	buf_free(&url);
}

static void curl_words(const struct vendor_request *request, const char *address, const char *file, struct buf *out)
{
	buf_string(out, "curl -sS -X POST ");
	curl_address(address, request->path, out);
	for (const char *at = request->headers.at; *at; at = strstr(at, "\r\n") + 2) {
		buf_string(out, " \\\n  -H ");
		quoted(out, at, strcspn(at, "\r"));
	}
	buf_string(out, " \\\n  --data-binary ");
	struct buf from = { 0 };
	buf_format(&from, "@%s", file);
	quoted(out, from.at, from.len);
	buf_char(out, '\n');
	buf_free(&from);
}

/* Which secret; from 1 on the command line. */
static bool which_secret(const struct command_line *line, const struct vendor *vendor, int64_t *secret, struct why *why)
{
	size_t count = webhook_secrets(vendor->webhook);
	if (!command_number(line, "secret", 1, 1, secret, why))
		return false;
	if (*secret > 1 && *secret > (int64_t)count)
		return why_say(why, "source %s has %zu secret%s", vendor->source->name, count, count == 1 ? "" : "s");
	return true;
}

static int sign_body(const struct command_line *line, const struct vendor *vendor, struct sl_text body)
{
	const char *address = vendor_address(vendor, command_value(line, "to"));
	const char *file = line->count > 1 ? line->arguments[1] : "-";
	struct vendor_request request = { 0 };
	struct buf out = { 0 };
	struct why why;
	int64_t secret;
	if (!which_secret(line, vendor, &secret, &why))
		return command_wrong(line, "%s", why.text);
	bool fine = vendor_sign(vendor, vendor_path(vendor, address), body, (size_t)secret - 1, vendor->arena,
		&request, &why);
	if (fine && command_flag(line, "curl"))
		curl_words(&request, address, file, &out);
	else if (fine)
		(line->json ? sign_json : sign_words)(&request, &out);
	buf_free(&request.headers);
	if (!fine)
		return command_no(line, "%s", why.text);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

static int sign_with(const struct command_line *line, const struct vendor *vendor)
{
	struct buf body = { 0 };
	struct why why;
	const char *address = command_value(line, "to");
	if (address && strncmp(address, "unix:", 5) != 0 && !strstr(address, "://"))
		return command_wrong(line, "--to %s is no address; write http://HOST:PORT or unix:PATH", address);
	if (!vendor->shown)
		return command_no(line, "what %s sends as proof is the secret itself (%s), which is not shown; "
					"sluice send posts with it",
			vendor->source->name, vendor->source->auth);
	if (webhook_open_door(vendor->webhook))
		fprintf(stderr, "source %s takes every request: there is nothing to sign\n", vendor->source->name);
	int code = EXIT_NO;
	if (vendor_read(line->count > 1 ? line->arguments[1] : "-", &body, &why))
		code = sign_body(line, vendor, (struct sl_text){ body.at, body.len });
	else
		command_no(line, "%s", why.text);
	buf_free(&body);
	return code;
}

static int sign(const struct command_line *line)
{
	struct vendor vendor;
	int code;
	if (!vendor_open(line, line->arguments[0], false, &vendor, &code))
		return code;
	code = sign_with(line, &vendor);
	vendor_close(&vendor);
	return code;
}

/* ----------------------------------------------------------------- verify */

/* The files of a request, and what was noted in them. */
struct evidence {
	struct buf headers_file, body_file;
	struct noted noted;
	struct log_record record;
	int64_t now; /* ms */
};

static void forget(struct evidence *evidence)
{
	buf_free(&evidence->headers_file);
	buf_free(&evidence->body_file);
	noted_free(&evidence->noted);
}

static bool read_headers(const struct command_line *line, const struct vendor *vendor, struct evidence *evidence,
	struct why *why)
{
	const char *path = command_value(line, "headers");
	if (!vendor_read(path, &evidence->headers_file, why))
		return false;
	struct sl_text text = { evidence->headers_file.at, evidence->headers_file.len };
	return noted_read(text, vendor->arena, &evidence->noted, why) || why_within(why, "%s", path);
}

/* --body, or the second argument, or what stands behind the headers, or stdin. */
static bool read_body(const struct command_line *line, struct evidence *evidence, struct why *why)
{
	const char *path = line->count > 1 ? line->arguments[1] : command_value(line, "body");
	struct sl_text method = evidence->noted.method;
	if (!path && (evidence->noted.body.at || sl_text_is(method, "HEAD") || sl_text_is(method, "GET"))) {
		evidence->record.body = evidence->noted.body;
		return true;
	}
	if (!vendor_read(path ? path : "-", &evidence->body_file, why))
		return false;
	evidence->record.body = (struct sl_text){ evidence->body_file.at, evidence->body_file.len };
	return true;
}

static struct sl_text first_of(const char *given, struct sl_text noted, const char *otherwise)
{
	if (given)
		return sl_text_of(given);
	return noted.at ? noted : sl_text_of(otherwise);
}

static bool read_when(const struct command_line *line, struct evidence *evidence, struct why *why)
{
	const char *at = command_value(line, "at");
	int64_t microseconds;
	evidence->now = clock_wall();
	if (!at)
		return true;
	if (!sl_time_read(sl_text_of(at), &microseconds))
		return why_say(why, "--at %s is no time; write 2026-11-21T22:10:19Z", at);
	evidence->now = microseconds / 1000;
	return true;
}

static bool gather(const struct command_line *line, const struct vendor *vendor, struct evidence *evidence,
	struct why *why)
{
	const char *query = command_value(line, "query"), *path = vendor_path(vendor, "");
	if (!read_when(line, evidence, why) || !read_headers(line, vendor, evidence, why) ||
	    !read_body(line, evidence, why))
		return false;
	struct log_record *record = &evidence->record;
	record->source = sl_text_of(vendor->source->name);
	record->received = evidence->now;
	record->method = first_of(NULL, evidence->noted.method, "POST");
	record->path = first_of(command_value(line, "path"), evidence->noted.path, path);
	record->query = first_of(query && *query == '?' ? query + 1 : query, evidence->noted.query, "");
	record->headers = sl_text_of(evidence->noted.headers.at);
	return true;
}

/* The source's other options, which may have been taken for its secret. */
static const struct sl_pair *other_values(const struct vendor *vendor, size_t *count)
{
	struct sl_document *document = sl_json_read(sl_text_of(vendor->source->others), NULL, 0);
	const struct sl_json *option = sl_json_first(sl_json_root(document)), *value;
	size_t most = strlen(vendor->source->others) / 2 + 1;
	struct sl_pair *pairs = arena_alloc(vendor->arena, most * sizeof(*pairs));
	for (*count = 0; option; option = sl_json_next(option)) {
		bool list = sl_json_kind(option) == SL_KIND_ARRAY;
		for (value = list ? sl_json_first(option) : option; value; value = list ? sl_json_next(value) : NULL)
			if (sl_json_kind(value) == SL_KIND_STRING)
				pairs[(*count)++] = (struct sl_pair){ arena_text(vendor->arena, sl_json_name(option)).at,
					arena_text(vendor->arena, sl_json_string(value)).at };
	}
	sl_json_free(&document);
	return pairs;
}

static void verdict_json(const struct vendor *vendor, const struct evidence *evidence, bool genuine,
	const struct buf *words, struct buf *out)
{
	struct webhook_check check;
	webhook_check(vendor->webhook, &evidence->record, evidence->now, vendor->arena, &check);
	json_open(out, '{');
	json_member_bool(out, "genuine", genuine);
	json_key(out, "secret");
	if (check.verdict == WEBHOOK_GENUINE && !webhook_open_door(vendor->webhook))
		json_uint(out, check.secret + 1);
	else
		json_null(out);
	json_member_uint(out, "secrets", webhook_secrets(vendor->webhook));
	json_member_string(out, "words", words->at);
	json_close(out, '}');
	buf_char(out, '\n');
}

static int tell(const struct command_line *line, const struct vendor *vendor, const struct evidence *evidence)
{
	struct buf words = { 0 }, out = { 0 };
	size_t count;
	const struct sl_pair *others = other_values(vendor, &count);
	bool genuine = webhook_explain(vendor->webhook, &evidence->record, evidence->now, others, count, &words);
	if (line->json)
		verdict_json(vendor, evidence, genuine, &words, &out);
	else
		buf_add(&out, words.at, words.len);
	buf_free(&words);
	if (!genuine && !evidence->record.body.len && !line->json)
		buf_string(&out, "The body is empty; --body FILE gives it.\n");
	return command_print(&out) && genuine ? EXIT_FINE : EXIT_NO;
}

static int verify(const struct command_line *line)
{
	struct vendor vendor;
	struct evidence evidence = { .now = 0 };
	struct why why;
	int code;
	if (!command_value(line, "headers"))
		return command_wrong(line, "--headers FILE is missing: the headers as they were received");
	if (!vendor_open(line, line->arguments[0], false, &vendor, &code))
		return code;
	if (gather(line, &vendor, &evidence, &why))
		code = tell(line, &vendor, &evidence);
	else
		code = command_wrong(line, "%s", why.text);
	forget(&evidence);
	vendor_close(&vendor);
	return code;
}

/* ------------------------------------------------------------------ table */

static const struct command_option sign_options[] = {
	{ "curl", 0, NULL, "print the whole request, as a command for a shell" },
	{ "to", 0, "URL", "where it is to be posted (default: where the daemon listens)" },
	{ "secret", 0, "N", "with the source's second secret, or third (default: 1)" },
	{ "header", 'H', "\"NAME: VALUE\"", "a header that is sent, and perhaps signed; may be given again" },
	{ 0 },
};

static const struct command_option verify_options[] = {
	{ "headers", 0, "FILE", "\"Name: value\" lines, or JSON; a request line and a body may stand around them" },
	{ "body", 0, "FILE", "the body, to the last byte (default: what follows the headers, else stdin)" },
	{ "query", 0, "TEXT", "what followed the ? of the address" },
	{ "path", 0, "PATH", "the path it was posted to (default: /in/SOURCE)" },
	{ "at", 0, "TIME", "as if it had come in then (default: now)" },
	{ 0 },
};

const struct command cmd_sign[] = {
	{ "sign", "SOURCE [FILE]", 1, 2, "print the headers that prove a body, from a file or stdin", sign_options, sign },
	{ "verify", "SOURCE [FILE]", 1, 2, "say which secret a request was made with, or why it fits none", verify_options, verify },
	{ 0 },
};
