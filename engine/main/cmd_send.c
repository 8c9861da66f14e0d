/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_send.c - sluice send: posts bodies to the running daemon, signed as the vendor would. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/ask.h"
#include "main/shown.h"
#include "main/vendor.h"
#include "sdk/text.h"

#define PATIENCE 30000     /* ms; what vendors wait */
#define FILES_TOLD 20      /* so many are told one by one */
#define PROGRESS_EVERY 200 /* ms */
#define STATUS_FIRST 100
#define STATUS_COUNT 500

/* How often each status was answered. */
struct tally {
	uint64_t sent, by_status[STATUS_COUNT];
};

struct sending {
	const struct command_line *line;
	struct vendor vendor;
	struct ask *far;
	const char *path;    /* without a proof */
	struct arena *arena; /* of one request */
	struct tally all;
	bool tell_files;
	int64_t began, shown; /* ticks; of the last progress, 0: none yet */
	struct why why;       /* why it had to end early */
};

static bool is_taken(int status)
{
	return status >= 200 && status < 300;
}

static uint64_t taken(const struct tally *tally)
{
	uint64_t count = 0;
	for (int i = 0; i < STATUS_COUNT; i++)
		count += is_taken(STATUS_FIRST + i) ? tally->by_status[i] : 0;
	return count;
}

static void count_status(struct tally *tally, int status)
{
	tally->sent++;
	if (status >= STATUS_FIRST && status < STATUS_FIRST + STATUS_COUNT)
		tally->by_status[status - STATUS_FIRST]++;
}

/* ---------------------------------------------------------------- progress */

static void clear_progress(struct sending *sending)
{
	if (sending->shown)
		fputs("\r\033[K", stderr);
}

static void show_progress(struct sending *sending)
{
	int64_t now = clock_ticks();
	if (now - sending->began < PROGRESS_EVERY * 2 || now - sending->shown < PROGRESS_EVERY || !isatty(STDERR_FILENO))
		return;
	sending->shown = now;
	fprintf(stderr, "\r\033[K%" PRIu64 " sent, %" PRIu64 " taken, %" PRId64 " a second ", sending->all.sent,
		taken(&sending->all), (int64_t)sending->all.sent * 1000 / (now - sending->began));
}

/* ------------------------------------------------------------------ answers */

/* What {"error":"..."} says; `room` holds it. */
static void error_of(const struct ask_answer *answer, struct buf *words)
{
	struct sl_document *document = sl_json_read((struct sl_text){ answer->body.at, answer->body.len }, NULL, 0);
	struct sl_text error = sl_json_string(sl_json_get(sl_json_root(document), "error"));
	if (error.at)
		shown_text(words, error);
	sl_json_free(&document);
}

/* A body of a .jsonl file has its line. */
static void answer_json(const char *file, uint64_t number, const struct ask_answer *answer)
{
	struct buf out = { 0 }, error = { 0 };
	error_of(answer, &error);
	json_open(&out, '{');
	json_member_string(&out, "file", file);
	json_key(&out, "line");
	number ? json_uint(&out, number) : json_null(&out);
	json_member_int(&out, "status", answer->status);
	json_member_string(&out, "error", error.at);
	json_close(&out, '}');
	buf_char(&out, '\n');
	buf_free(&error);
	command_print(&out);
}

static void answer_words(struct sending *sending, const char *file, uint64_t number, const struct ask_answer *answer)
{
	struct buf out = { 0 };
	if (is_taken(answer->status) && (number || !sending->tell_files))
		return;
	buf_format(&out, "%d  %s", answer->status, file);
	if (number)
		buf_format(&out, ":%" PRIu64, number);
	if (!is_taken(answer->status)) {
		buf_string(&out, "  ");
		error_of(answer, &out);
	}
	buf_char(&out, '\n');
	clear_progress(sending);
	command_print(&out);
}

static bool send_body(struct sending *sending, const char *file, uint64_t number, struct sl_text body)
{
	struct vendor_request request = { 0 };
	struct ask_answer answer = { 0 };
	arena_reset(sending->arena);
	bool answered = vendor_sign(&sending->vendor, sending->path, body, 0, sending->arena, &request, &sending->why) &&
		ask(sending->far, "POST", request.path, request.headers.at, body, PATIENCE, &answer, &sending->why);
	if (answered) {
		count_status(&sending->all, answer.status);
		if (sending->line->json)
			answer_json(file, number, &answer);
		else
			answer_words(sending, file, number, &answer);
		show_progress(sending);
	}
	ask_answer_free(&answer);
	buf_free(&request.headers);
	return answered;
}

/* -------------------------------------------------------------------- files */

static struct sl_text next_line(struct sl_text *rest)
{
	const char *end = memchr(rest->at, '\n', rest->len);
	struct sl_text line = { rest->at, end ? (size_t)(end - rest->at) : rest->len };
	size_t step = line.len + (end != NULL);
	rest->at += step;
	rest->len -= step;
	return sl_text_trim(line);
}

static bool send_lines(struct sending *sending, const char *file, struct sl_text rest)
{
	uint64_t sent_before = sending->all.sent, taken_before = taken(&sending->all);
	for (uint64_t number = 1; rest.len; number++) {
		struct sl_text line = next_line(&rest);
		if (line.len && !send_body(sending, file, number, line))
			return false;
	}
	if (sending->tell_files && !sending->line->json)
		printf("%" PRIu64 " of %" PRIu64 " taken  %s\n", taken(&sending->all) - taken_before,
			sending->all.sent - sent_before, file);
	return true;
}

static bool has_lines(const char *file)
{
	const char *dot = strrchr(file, '.');
	return dot && (strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".ndjson") == 0);
}

/* Stdin can be read only once, so a body is kept when it is to be sent again. */
static bool send_file(struct sending *sending, const char *file, const struct buf *text)
{
	struct sl_text all = { text->at, text->len };
	return has_lines(file) ? send_lines(sending, file, all) : send_body(sending, file, 0, all);
}

static bool send_files(struct sending *sending, int64_t count)
{
	size_t files = sending->line->count - 1;
	struct buf *texts = arena_alloc(sending->vendor.arena, files * sizeof(*texts));
	bool fine = true;
	for (size_t i = 0; fine && i < files; i++)
		fine = vendor_read(sending->line->arguments[i + 1], &texts[i], &sending->why);
	for (int64_t round = 0; fine && round < count; round++)
		for (size_t i = 0; fine && i < files; i++)
			fine = send_file(sending, sending->line->arguments[i + 1], &texts[i]);
	for (size_t i = 0; i < files; i++)
		buf_free(&texts[i]);
	return fine;
}

/* ------------------------------------------------------------------ the sum */

static void sum_words(const struct sending *sending)
{
	const struct tally *all = &sending->all;
	int64_t took = clock_ticks() - sending->began;
	printf("%" PRIu64 " sent, %" PRIu64 " taken", all->sent, taken(all));
	for (int i = 0; i < STATUS_COUNT; i++)
		if (all->by_status[i] && !is_taken(STATUS_FIRST + i))
			printf(", %" PRIu64 " answered with %d", all->by_status[i], STATUS_FIRST + i);
	if (took >= 1000)
		printf(", %" PRId64 " a second", (int64_t)all->sent * 1000 / took);
	putchar('\n');
}

static int tell_sum(struct sending *sending, bool fine)
{
	clear_progress(sending);
	if (!sending->line->json && (sending->all.sent > 1 || !sending->tell_files))
		sum_words(sending);
	if (!fine)
		return command_no(sending->line, "%s", sending->why.text);
	return taken(&sending->all) == sending->all.sent ? EXIT_FINE : EXIT_NO;
}

static int send_all(struct sending *sending, const char *address, int64_t count)
{
	sending->path = vendor_path(&sending->vendor, address);
	sending->far = ask_open(address, &sending->why);
	if (!sending->far)
		return command_wrong(sending->line, "%s", sending->why.text);
	sending->arena = arena_new();
	sending->began = clock_ticks();
	sending->tell_files = count == 1 && sending->line->count - 1 <= FILES_TOLD;
	int code = tell_sum(sending, send_files(sending, count));
	arena_free(&sending->arena);
	ask_close(&sending->far);
	return code;
}

static int run_send(const struct command_line *line)
{
	struct sending sending = { .line = line };
	struct why why;
	int64_t count;
	int code;
	if (!command_number(line, "count", 1, 1, &count, &why))
		return command_wrong(line, "%s", why.text);
	if (!vendor_open(line, line->arguments[0], command_flag(line, "forge"), &sending.vendor, &code))
		return code;
	code = send_all(&sending, vendor_address(&sending.vendor, command_value(line, "to")), count);
	vendor_close(&sending.vendor);
	return code;
}

static const struct command_option options[] = {
	{ "to", 0, "URL", "where to (default: where the daemon of the configuration listens)" },
	{ "count", 'n', "N", "post all of them N times" },
	{ "forge", 0, NULL, "sign with another secret than the source's: it has to be refused" },
	{ "header", 'H', "\"NAME: VALUE\"", "a header that is sent, and perhaps signed; may be given again" },
	{ 0 },
};

const struct command cmd_send[] = {
	{ "send", "SOURCE FILE...", 2, -1, "post bodies to the daemon, signed as the vendor would; 1 if one is not taken", options, run_send },
	{ 0 },
};
