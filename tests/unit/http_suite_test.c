/* SPDX-License-Identifier: Apache-2.0 */
/* http_suite_test.c - llhttp's own request cases, whole and split at every byte.
 *
 * SLUICE_HTTP_SUITE names the folder with its *.md files (nodejs/llhttp,
 * test/request).  A case is a block of bytes and a block of expected events: an
 * error means 400 and close, else method, path and body have to be the same.
 * Cases whose meta says "lenient" are for parsers that are not strict.
 */
#include "http_talk.h"

#include <dirent.h>

struct request_case {
	char title[160], file[64];
	bool error, lenient;
	struct buf bytes;
	struct buf expected; /* lines as http_talk.h notes them */
	int complete;
};

/* Refused by us on purpose though llhttp lets them pass. */
static const struct {
	const char *title, *reason;
} refused_too[] = {
	{ "No HTTP version", "HTTP/0.9" },
	{ "SOURCE request with ICE", "not HTTP" },
	{ "OPTIONS request with RTSP", "not HTTP" },
	{ "ANNOUNCE request with RTSP", "not HTTP" },
	{ "QUERY request", "llhttp 8.1 does not know the method" },
	{ "Tabs in `Content-Length` (surrounding)", "llhttp 8.1 wants blanks there" },
	{ "POST with `chunked` as last transfer-encoding", "nothing but chunked is undone" },
	{ "POST with `chunked` as last transfer-encoding (multiple headers)", "nothing but chunked is undone" },
};

static char *section(char *from, const char *fence, char **end)
{
	char *at = strstr(from, fence);
	if (!at)
		return NULL;
	at += strlen(fence);
	*end = strstr(at, "\n```");
	return *end ? at : NULL;
}

/* A line break is CR LF unless a backslash stands before it; \r \n \t \f and
 * \xNN are bytes. */
static void decode(struct buf *out, const char *at, const char *end)
{
	static const char names[] = "rntf", bytes[] = "\r\n\t\f";
	for (; at < end; at++) {
		const char *name = at[0] == '\\' && at[1] ? strchr(names, at[1]) : NULL;
		if (*at == '\n') {
			buf_string(out, "\r\n");
		} else if (at[0] == '\\' && at[1] == '\n') {
			at++;
		} else if (at[0] == '\\' && at[1] == 'x') {
			buf_char(out, (char)strtol((char[]){ at[2], at[3], 0 }, NULL, 16));
			at += 3;
		} else if (name) {
			buf_char(out, bytes[name - names]);
			at++;
		} else {
			buf_char(out, *at);
		}
	}
}

/* The cases are about framing, and many have no Host: it is put in. */
static void add_hosts(struct buf *bytes)
{
	struct buf with = { 0 };
	const char *at = bytes->at, *line;
	while ((line = strstr(at, " HTTP/1.1\r\n"))) {
		const char *after = line + 11, *end = strstr(after, "\r\n\r\n");
		buf_add(&with, at, (size_t)(after - at));
		const char *host = strcasestr(after, "host:");
		if (!host || (end && host > end))
			buf_string(&with, "Host: a\r\n");
		at = after;
	}
	buf_string(&with, at);
	buf_free(bytes);
	*bytes = with;
}

static void span_of(const char *line, const char *name, struct buf *out)
{
	char form[40];
	snprintf(form, sizeof(form), "span[%s]=\"", name);
	const char *at = strstr(line, form);
	if (at) {
		at += strlen(form);
		buf_add(out, at, strlen(at) - 1);
	}
}

static void end_expected(struct request_case *one, struct buf *method, struct buf *url, struct buf *body)
{
	url->at[strcspn(url->at, "#")] = '\0';
	const char *path = url->at, *question;
	if (strncmp(path, "http://", 7) == 0)
		path += 7 + strcspn(path + 7, "/?");
	question = strchr(path, '?');
	int len = (int)(question ? question - path : (long)strlen(path));
	buf_format(&one->expected, "%s %.*s|%s|%s\n", method->at, len ? len : 1, len ? path : "/",
		question ? question + 1 : "", body->at);
	one->complete++;
}

static void read_events(struct request_case *one, char *at, char *end)
{
	struct buf method = { 0 }, url = { 0 }, body = { 0 };
	*end = '\0';
	for (char *line = strtok(at, "\n"); line; line = strtok(NULL, "\n")) {
		if (strstr(line, "message begin")) {
			buf_clear(&method), buf_clear(&url), buf_clear(&body);
			buf_string(&method, ""), buf_string(&url, ""), buf_string(&body, "");
		}
		span_of(line, "method", &method);
		span_of(line, "url", &url);
		span_of(line, "body", &body);
		if (strstr(line, "message complete"))
			end_expected(one, &method, &url, &body);
		one->error |= strstr(line, " error code=") != NULL;
	}
	buf_free(&method), buf_free(&url), buf_free(&body);
}

static bool refuses_too(const struct request_case *one)
{
	for (size_t i = 0; i < sizeof(refused_too) / sizeof(refused_too[0]); i++)
		if (strcmp(refused_too[i].title, one->title) == 0)
			return true;
	return false;
}

static int wrong(const struct request_case *one, size_t split, const struct client *client, const char *what)
{
	print_error("%s, \"%s\", split at %zu: %s\n  answers: %.300s\n  heard: %s  expected: %s\n", one->file, one->title,
		split, what, client->got.at, client->house->heard.at ? client->house->heard.at : "",
		one->expected.at ? one->expected.at : "");
	return 1;
}

static int judge(const struct request_case *one, size_t split, const struct client *client)
{
	const char *heard = client->house->heard.at ? client->house->heard.at : "";
	const char *expected = one->expected.at ? one->expected.at : "";
	bool refused = client->house->refused > 0;
	if (refused && (client->house->last_refused < 400 || !client->closed))
		return wrong(one, split, client, "it was refused, but not closed");
	if (one->error || refuses_too(one)) {
		/* What came before the error may be answered; nothing else. */
		if (strncmp(heard, expected, strlen(heard)) != 0)
			return wrong(one, split, client, "something was executed that was not to be");
		/* What comes after "Connection: close" is not even looked at. */
		bool told = refused || (one->complete > 0 && strstr(client->got.at, "Connection: close"));
		return client->closed && told ? 0 : wrong(one, split, client, "it should have been refused");
	}
	if (refused)
		return wrong(one, split, client, "it should have been accepted");
	return strcmp(heard, expected) == 0 ? 0 : wrong(one, split, client, "other requests were heard");
}

static int play(const struct request_case *one, size_t first, size_t step)
{
	struct house *house = open_house(&(struct http_limits){ 0 }, NULL);
	struct client client = call_in(house);
	say_bytes(&client, one->bytes.at, first, first);
	say_bytes(&client, one->bytes.at + first, one->bytes.len - first, step);
	int bad = judge(one, first, &client);
	leave(&client);
	close_house(house);
	return bad;
}

/* Whole, in two parts at every byte, and byte by byte. */
static int play_case(struct request_case *one)
{
	int bad = 0;
	add_hosts(&one->bytes);
	for (size_t first = 1; first <= one->bytes.len; first++)
		bad += play(one, first, one->bytes.len);
	return bad + play(one, 1, 1);
}

static int play_file(const char *folder, const char *name, int *count)
{
	char path[512], *end = NULL;
	struct buf text = { 0 };
	int bad = 0;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	buf_reserve(&text, 200000);
	text.len = fread(text.at, 1, 200000, file);
	text.at[text.len] = '\0';
	fclose(file);
	for (char *at = text.at, *meta; (meta = strstr(at, "<!-- meta={")); at = end) {
		struct request_case one = { 0 };
		char *title = meta;
		while (title > text.at && !(title[0] == '#' && (title == text.at || title[-1] == '\n' || title[-1] == '#')))
			title--;
		snprintf(one.file, sizeof(one.file), "%s", name);
		snprintf(one.title, sizeof(one.title), "%.*s", (int)strcspn(title + 2, "\n"), title + 2);
		char *line_end = strchr(meta, '\n'), *bytes = section(meta, "```http\n", &end);
		one.lenient = memmem(meta, (size_t)(line_end - meta), "lenient", 7) != NULL ||
			memmem(meta, (size_t)(line_end - meta), "skipBody", 8) != NULL ||
			memmem(meta, (size_t)(line_end - meta), "pause", 5) != NULL;
		decode(&one.bytes, bytes, end);
		char *events = section(end, "```log\n", &end);
		if (!one.lenient) {
			read_events(&one, events, end++);
			bad += play_case(&one);
			(*count)++;
		}
		buf_free(&one.bytes);
		buf_free(&one.expected);
	}
	buf_free(&text);
	return bad;
}

static void every_case_is_accepted_or_refused_however_it_is_split(void **state)
{
	const char *folder = getenv("SLUICE_HTTP_SUITE");
	int bad = 0, count = 0;
	if (!folder)
		skip();
	DIR *files = opendir(folder);
	assert_non_null(files);
	for (struct dirent *file; (file = readdir(files));)
		if (strlen(file->d_name) > 3 && strcmp(file->d_name + strlen(file->d_name) - 3, ".md") == 0)
			bad += play_file(folder, file->d_name, &count);
	closedir(files);
	print_message("%d cases\n", count);
	assert_true(count > 0);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_is_accepted_or_refused_however_it_is_split),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
