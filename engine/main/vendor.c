/* SPDX-License-Identifier: Apache-2.0 */
/* vendor.c - a source's vendor, as our own commands play it: what it signs, what it posts. */
#include "main/vendor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/ask.h"
#include "main/names.h"
#include "main/noted.h"
#include "sdk/text.h"

/* ---------------------------------------------------------------- the source */

/* With the only secret of a forger: none of ours. */
static struct webhook *forger(const struct sl_json *form, const char *callback, struct why *why)
{
	bool basic = sl_text_is(sl_json_string(sl_json_get(form, "auth")), "basic");
	/* In base64, for those that want it so. */
	const char *none = basic ? "[\"nobody:secret\"]" : "[\"bm9ib2R5J3Mgc2VjcmV0\"]";
	struct sl_document *secrets = sl_json_read(sl_text_of(none), NULL, 0);
	struct webhook *webhook = webhook_new(form, sl_json_root(secrets), callback, why);
	sl_json_free(&secrets);
	return webhook;
}

static struct webhook *compile(const struct config_source *source, bool forged, struct why *why)
{
	struct buf part = { 0 };
	config_part_source(source, &part);
	struct sl_document *document = sl_json_read((struct sl_text){ part.at, part.len }, NULL, 0);
	const struct sl_json *root = sl_json_root(document), *form = sl_json_get(root, "webhook");
	struct webhook *webhook;
	if (forged)
		webhook = forger(form, source->callback, why);
	else if (source->insecure)
		webhook = webhook_unchecked(form, why);
	else
		webhook = webhook_new(form, sl_json_get(root, "secrets"), source->callback, why);
	sl_json_free(&document);
	buf_free(&part);
	return webhook;
}

static bool find_source(const struct command_line *line, const char *name, struct vendor *vendor)
{
	const struct config *config = vendor->config;
	struct why why;
	if ((vendor->source = config_source(config, name)))
		return vendor->source->webhook || command_no(line, "source %s takes no webhooks, it only polls", name) == 0;
	names_no_source(config, name, &why);
	command_no(line, "%s", why.text);
	return false;
}

static bool add_header(struct vendor *vendor, const char *given, struct why *why)
{
	size_t len = strcspn(given, ":");
	if (!given[len])
		return why_say(why, "\"%s\" is no header; write \"Name: value\"", given);
	return noted_header(&vendor->headers, (struct sl_text){ given, len }, sl_text_of(given + len + 1), why);
}

static bool add_headers(const struct command_line *line, struct vendor *vendor)
{
	struct why why;
	for (size_t i = 0; i < line->option_count; i++)
		if (strcmp(line->options[i].name, "header") == 0 && !add_header(vendor, line->options[i].value, &why)) {
			command_wrong(line, "%s", why.text);
			return false;
		}
	return true;
}

bool vendor_open(const struct command_line *line, const char *name, bool forged, struct vendor *vendor, int *code)
{
	struct why why;
	*vendor = (struct vendor){ .arena = arena_new() };
	*code = EXIT_WRONG;
	vendor->config = config_or_say(line->config, CONFIG_WHOLE, false);
	if (!vendor->config || !add_headers(line, vendor)) {
		vendor_close(vendor);
		return false;
	}
	*code = EXIT_NO;
	if (find_source(line, name, vendor) && !(vendor->webhook = compile(vendor->source, forged, &why)))
		command_no(line, "source %s: %s", name, why.text);
	if (!vendor->webhook) {
		vendor_close(vendor);
		return false;
	}
	vendor->shown = !webhook_bare(vendor->webhook) || webhook_open_door(vendor->webhook);
	return true;
}

void vendor_close(struct vendor *vendor)
{
	webhook_free(&vendor->webhook);
	config_free(&vendor->config);
	buf_free(&vendor->headers);
	arena_free(&vendor->arena);
}

/* ------------------------------------------------------------------- address */

const char *vendor_address(const struct vendor *vendor, const char *to)
{
	if (to)
		return to;
	const char *first = vendor->config->listen[0];
	if (!first || strncmp(first, "unix:", 5) == 0)
		return first ? first : "";
	while (*first == '*')
		first++; /* on every address: so on loopback */
	return arena_format(vendor->arena, "http://%s%s", *first == ':' ? "127.0.0.1" : "", first);
}

const char *vendor_path(const struct vendor *vendor, const char *address)
{
	const char *path = ask_path(address);
	return strcmp(path, "/") == 0 ? arena_format(vendor->arena, "/in/%s", vendor->source->name) : path;
}

/* ------------------------------------------------------------------- signing */

#define CONTENT_TYPE "content-type: application/json\n"

static struct sl_text text_of_buf(const struct buf *buf)
{
	return (struct sl_text){ buf->at ? buf->at : "", buf->len };
}

/* "name: value\n" each, as it is sent. */
static void put_lines(struct buf *out, struct sl_text lines)
{
	for (size_t i = 0; i < lines.len; i++) {
		if (lines.at[i] == '\n')
			buf_char(out, '\r');
		buf_char(out, lines.at[i]);
	}
}

static const char *with_proof(const char *path, const char *query, struct arena *arena)
{
	if (!query)
		return path;
	return arena_format(arena, "%s%c%s", path, strchr(path, '?') ? '&' : '?', query);
}

bool vendor_sign(const struct vendor *vendor, const char *path, struct sl_text body, size_t secret,
	struct arena *arena, struct vendor_request *request, struct why *why)
{
	struct buf headers = { 0 };
	size_t len = strcspn(path, "?");
	*request = (struct vendor_request){ 0 };
	if (!record_header(&(struct log_record){ .headers = text_of_buf(&vendor->headers) }, "content-type").at)
		buf_string(&headers, CONTENT_TYPE);
	buf_add(&headers, vendor->headers.at, vendor->headers.len);
	struct log_record record = { .received = clock_wall(),
		.method = sl_text_of("POST"),
		.path = { path, len },
		.query = sl_text_of(path[len] ? path + len + 1 : ""),
		.headers = text_of_buf(&headers),
		.body = body };
	record.source = sl_text_of(vendor->source->name);
	bool signed_it = webhook_sign(vendor->webhook, &record, secret, record.received, arena, &request->proof, why);
	put_lines(&request->headers, text_of_buf(&headers));
	for (size_t i = 0; i < request->proof.header_count; i++)
		buf_format(&request->headers, "%s: %s\r\n", request->proof.headers[i].name, request->proof.headers[i].value);
	request->path = with_proof(path, request->proof.query, arena);
	buf_free(&headers);
	return signed_it;
}

/* ------------------------------------------------------------------- reading */

static bool read_all(int fd, struct buf *text)
{
	for (;;) {
		buf_reserve(text, 65536);
		ssize_t n = read(fd, text->at + text->len, 65536);
		if (n > 0)
			text->len += (size_t)n;
		else if (n == 0 || errno != EINTR)
			return n == 0;
	}
}

bool vendor_read(const char *path, struct buf *text, struct why *why)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	bool read_it = fd >= 0 && read_all(fd, text);
	if (!read_it)
		why_errno(why, "%s: cannot be read", standard ? "stdin" : path);
	if (fd >= 0 && !standard)
		close(fd);
	return read_it;
}
