/* SPDX-License-Identifier: Apache-2.0 */
/* test_answers.c - the far side of a test: what it is asked, and what it says. */
#include <string.h>

#include "base/clock.h"
#include "main/testing.h"

struct answer {
	const char *method, *url;
	const struct sl_json *query, *sent; /* of the request, or NULL */
	int64_t status;
	const struct sl_pair *const *headers;
	struct sl_text body;
	const char *error; /* instead of an answer */
	bool optional;
	int64_t times, asked;
};

/* ----------------------------------------------------------------- reading */

static bool read_headers(struct answer *answer, const struct sl_json *form, struct arena *arena)
{
	const struct sl_json *headers = sl_json_get(form, "headers");
	size_t count = 0;
	const struct sl_pair **pairs = arena_alloc(arena, (sl_json_count(headers) + 2) * sizeof(*pairs));
	for (const struct sl_json *at = sl_json_first(headers); at; at = sl_json_next(at)) {
		struct sl_pair *pair = arena_alloc(arena, sizeof(*pair));
		struct sl_text name = sl_json_name(at), value = sl_json_string(at);
		char *lower = arena_copy(arena, name.at, name.len);
		for (char *c = lower; *c; c++)
			*c += *c >= 'A' && *c <= 'Z' ? 'a' - 'A' : 0;
		if (!value.at)
			value = sl_json_raw(at);
		*pair = (struct sl_pair){ lower, arena_copy(arena, value.at, value.len) };
		pairs[count++] = pair;
	}
	if (!count && sl_json_get(form, "json")) {
		static const struct sl_pair json = { "content-type", "application/json" };
		pairs[count++] = &json;
	}
	answer->headers = pairs;
	return true;
}

static bool read_body(const struct answers *answers, struct answer *answer, const struct sl_json *form,
	struct why *why)
{
	const char *file = test_string(form, "file");
	if (file) {
		answer->body = test_file_text(answers->arena, answers->folder, file, why);
		return answer->body.at != NULL;
	}
	answer->body = sl_json_string(sl_json_get(form, "body"));
	if (!answer->body.at)
		answer->body = sl_json_raw(sl_json_get(form, "json"));
	return true;
}

static bool read_answer(const struct answers *answers, struct answer *answer, const struct sl_json *form,
	const char *where, struct why *why)
{
	static const char *const keys[] = { "method", "url", "query", "sent", "status", "headers", "body", "json", "file",
		"error", "optional", "times", NULL };
	*answer = (struct answer){ .method = test_string(form, "method"), .url = test_string(form, "url"), .status = 200,
		.query = sl_json_get(form, "query"), .sent = sl_json_get(form, "sent"), .error = test_string(form, "error"),
		.optional = sl_json_true(sl_json_get(form, "optional")), .times = 1 };
	sl_json_integer(sl_json_get(form, "status"), &answer->status);
	sl_json_integer(sl_json_get(form, "times"), &answer->times);
	if (!test_known(form, keys, where, why))
		return false;
	if (!answer->url)
		return why_say(why, "%s needs a `url`", where);
	if (!read_headers(answer, form, answers->arena) || !read_body(answers, answer, form, why))
		return why_within(why, "%s", where);
	return true;
}

bool answers_read(struct answers *answers, const struct sl_json *list, struct why *why)
{
	size_t count = sl_json_count(list), number = 0;
	answers->at = arena_alloc(answers->arena, (count + 1) * sizeof(*answers->at));
	json_open(&answers->calls, '[');
	for (const struct sl_json *form = sl_json_first(list); form; form = sl_json_next(form), number++)
		if (!read_answer(answers, &answers->at[number], form,
			    arena_format(answers->arena, "answers[%zu]", number + 1), why))
			return false;
	answers->count = number;
	return true;
}

/* ---------------------------------------------------------------- matching */

static bool same_part(const char *a, size_t len, const char *b)
{
	return strlen(b) == len && memcmp(a, b, len) == 0;
}

/* "/orders" is behind any api's base, or on any host; else the whole address. */
static bool url_fits(const struct answers *answers, const char *wanted, const char *asked)
{
	size_t len = strchr(wanted, '?') ? strlen(asked) : strcspn(asked, "?");
	if (same_part(asked, len, wanted))
		return true;
	if (*wanted != '/')
		return false;
	for (const char *const *base = answers->bases; *base; base++) {
		size_t own = strlen(*base);
		if (own <= len && strncmp(asked, *base, own) == 0 && same_part(asked + own, len - own, wanted))
			return true;
	}
	const char *host = strstr(asked, "://"), *path = host ? strpbrk(host + 3, "/?") : NULL;
	return path && path < asked + len && same_part(path, (size_t)(asked + len - path), wanted);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* Up to & or the end, percent-decoded. */
static struct sl_text decoded(struct arena *arena, const char *at, size_t len)
{
	char *out = arena_alloc(arena, len + 1);
	size_t to = 0;
	for (size_t i = 0; i < len; i++) {
		bool code = at[i] == '%' && i + 2 < len && hex_digit(at[i + 1]) >= 0 && hex_digit(at[i + 2]) >= 0;
		out[to++] = code ? (char)(hex_digit(at[i + 1]) * 16 + hex_digit(at[i + 2])) : at[i] == '+' ? ' ' : at[i];
		i += code ? 2 : 0;
	}
	return (struct sl_text){ out, to };
}

static bool query_has(struct arena *arena, const char *query, struct sl_text name, struct sl_text value)
{
	while (query && *query) {
		size_t len = strcspn(query, "&"), until = 0;
		while (until < len && query[until] != '=')
			until++;
		struct sl_text key = decoded(arena, query, until);
		struct sl_text text = decoded(arena, query + until + (until < len), len - until - (until < len));
		if (key.len == name.len && memcmp(key.at, name.at, key.len) == 0 && text.len == value.len &&
			memcmp(text.at, value.at, text.len) == 0)
			return true;
		query += len + (query[len] == '&');
	}
	return false;
}

static bool query_fits(const struct answer *answer, const char *asked, struct arena *arena)
{
	const char *query = strchr(asked, '?');
	for (const struct sl_json *at = sl_json_first(answer->query); at; at = sl_json_next(at)) {
		struct sl_text value = sl_json_string(at);
		if (!value.at)
			value = sl_json_raw(at);
		if (!query_has(arena, query ? query + 1 : NULL, sl_json_name(at), value))
			return false;
	}
	return true;
}

static bool asked_for(const struct answers *answers, const struct answer *answer,
	const struct client_request *request, struct arena *arena)
{
	const char *method = request->method ? request->method : "GET";
	return (!answer->method || strcmp(answer->method, method) == 0) && url_fits(answers, answer->url, request->url) &&
		query_fits(answer, request->url, arena);
}

/* A text has to have been sent as it is; anything else as JSON. */
static void compare_sent(const struct answer *answer, size_t number, const struct client_request *request,
	struct differences *all)
{
	const char *path = arena_format(all->arena, "answers[%zu].sent", number);
	struct sl_document *sent = NULL;
	struct buf text = { 0 };
	if (!answer->sent)
		return;
	if (sl_json_kind(answer->sent) != SL_KIND_STRING)
		sent = sl_json_read(request->body, NULL, 0);
	if (!sent) {
		json_text(&text, request->body);
		sent = sl_json_read((struct sl_text){ text.at, text.len }, NULL, 0);
	}
	compare(all, path, answer->sent, sl_json_root(sent), false);
	sl_json_free(&sent);
	buf_free(&text);
}

static bool sent_fits(const struct answer *answer, const struct client_request *request, struct arena *arena)
{
	struct differences none = { .arena = arena };
	compare_sent(answer, 0, request, &none);
	return none.count == 0;
}

/* "Not now": the host will ask again, and hears the same unless the test says otherwise. */
static bool says_not_now(const struct answer *answer)
{
	int64_t status = answer->status;
	return answer->error || status == 408 || status == 423 || status == 425 || status == 429 || status == 449 ||
		(status >= 500 && status <= 599);
}

/* The first that fits in all; or else the first whose address does, and then what
 * was sent is a difference. */
static struct answer *find(struct answers *answers, const struct client_request *request, struct arena *arena)
{
	struct answer *near = NULL, *again = NULL;
	for (size_t i = 0; i < answers->count; i++) {
		struct answer *answer = &answers->at[i];
		bool fresh = answer->asked < answer->times;
		if (!asked_for(answers, answer, request, arena))
			continue;
		if (fresh && sent_fits(answer, request, arena))
			return answer;
		if (fresh && !near)
			near = answer;
		if (!fresh && says_not_now(answer))
			again = answer;
	}
	if (!near && again)
		again->times++;
	if (near)
		compare_sent(near, (size_t)(near - answers->at) + 1, request, answers->differences);
	return near ? near : again;
}

/* ---------------------------------------------------------------- answering */

static void note_call(struct answers *answers, const struct client_request *request, const char *end)
{
	json_string(&answers->calls, arena_format(answers->arena, "%s %s -> %s", request->method ? request->method : "GET",
		request->url, end));
}

static void refuse(struct answers *answers, const struct client_request *request, struct arena *arena,
	struct client_answer *to)
{
	const char *call = arena_format(answers->arena, "%s %s", request->method ? request->method : "GET", request->url);
	differ(answers->differences, "calls", NULL, call);
	note_call(answers, request, "no answer in the test");
	to->end = CLIENT_REFUSED;
	to->why = arena_format(arena, "the test has no answer for %s", call);
}

/* Who puts a page of HTML there does so for a while. */
static struct sl_text spoilt(const struct answers *answers, const struct answer *answer)
{
	if (answers->spoil && answers->spoil->page && answers->spoil->of_far_side)
		return spoil_page();
	bool fresh = answers->spoil && !answers->spoil->done;
	const char *what = arena_format(answers->arena, "answers[%zu]", (size_t)(answer - answers->at) + 1);
	struct sl_text body = spoil_text(answers->spoil, answers->arena, what, answer->body);
	if (fresh && answers->spoil->done)
		answers->spoil->of_far_side = answer->status >= 200 && answer->status < 300;
	return body;
}

bool answers_give(void *data, struct call *call, const struct client_request *request, bool safe, struct arena *arena,
	struct client_answer *to)
{
	static const struct sl_pair *const no_headers[] = { NULL };
	struct answers *answers = data;
	struct answer *answer = find(answers, request, arena);
	*to = (struct client_answer){ .headers = no_headers, .url = arena_string(arena, request->url) };
	to->began = to->ended = clock_ticks();
	if (!answer) {
		refuse(answers, request, arena, to);
		return true;
	}
	answer->asked++;
	if (answer->error) {
		to->end = CLIENT_NOT_HAD;
		to->why = answer->error;
		note_call(answers, request, answer->error);
		return true;
	}
	to->end = CLIENT_ANSWERED;
	to->status = (int)answer->status;
	to->headers = answer->headers;
	struct sl_text body = spoilt(answers, answer);
	to->body = request->file ? (struct sl_text){ "", 0 } : body; /* a test leaves no files behind */
	note_call(answers, request, arena_format(arena, "%d", to->status));
	return true;
}

void answers_check(const struct answers *answers, struct differences *all)
{
	for (size_t i = 0; i < answers->count; i++) {
		const struct answer *answer = &answers->at[i];
		if (answer->optional || answer->asked == answer->times)
			continue;
		differ(all, arena_format(all->arena, "answers[%zu]", i + 1),
			arena_format(all->arena, "%s%s%s to be asked for", answer->method ? answer->method : "",
				answer->method ? " " : "", answer->url),
			answer->asked ? arena_format(all->arena, "%d times of %d", (int)answer->asked, (int)answer->times) : NULL);
	}
}
