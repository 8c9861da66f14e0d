/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.c - the running daemon, as commands see it: its admin address. */
#include "main/daemon.h"

#include <string.h>

#define PATIENCE 30000 /* ms; a reload asks every plugin */

static bool ask_within(const struct config *config, const char *method, const char *path, struct sl_text body,
	int64_t ms, struct ask_answer *answer, struct why *why)
{
	struct buf headers = { 0 };
	struct ask *far = ask_open(config->admin, why);
	bool fine = false;
	memset(answer, 0, sizeof(*answer));
	if (config->admin_token)
		buf_format(&headers, "Authorization: Bearer %s\r\n", config->admin_token);
	if (far)
		fine = ask(far, method, path, headers.at, body, ms, answer, why);
	ask_close(&far);
	buf_free(&headers);
	if (fine)
		return true;
	why_within(why, "no daemon answers");
	return false;
}

bool daemon_ask(const struct config *config, const char *method, const char *path, struct sl_text body,
	struct ask_answer *answer, struct why *why)
{
	return ask_within(config, method, path, body, PATIENCE, answer, why);
}

/* What an answer that is not 200 says. */
static void say_refused(const struct ask_answer *answer, const struct sl_json *root, struct why *why)
{
	struct sl_text error = sl_json_string(sl_json_get(root, "error"));
	if (!error.at)
		error = sl_json_string(sl_json_get(root, "why"));
	if (error.at)
		why_say(why, "%.*s", (int)error.len, error.at);
	else
		why_say(why, "the daemon answered with status %d", answer->status);
}

static struct sl_document *pose(const struct config *config, const char *route, const struct buf *question,
	int64_t ms, bool *running, struct why *why)
{
	struct ask_answer answer;
	struct buf path = { 0 };
	struct sl_document *document = NULL;
	buf_format(&path, "/ask/%s", route);
	bool answered = ask_within(config, "POST", path.at, (struct sl_text){ question->at, question->len }, ms, &answer,
		why);
	buf_free(&path);
	if (running)
		*running = answered;
	if (answered)
		document = sl_json_read((struct sl_text){ answer.body.at, answer.body.len }, NULL, 0);
	if (answered && answer.status != 200) {
		say_refused(&answer, sl_json_root(document), why);
		sl_json_free(&document);
	} else if (answered && !document)
		why_say(why, "what answers at %s is not a sluice daemon", config->admin);
	ask_answer_free(&answer);
	return document;
}

struct sl_document *daemon_question(const struct config *config, const char *route, const struct buf *question,
	bool *running, struct why *why)
{
	return pose(config, route, question, PATIENCE, running, why);
}

struct sl_document *daemon_question_within(const struct config *config, const char *route, const struct buf *question,
	int64_t ms, bool *running, struct why *why)
{
	struct buf patient = { 0 };
	buf_format(&patient, "{\"patience\":%lld,%s", (long long)ms, question->at + 1);
	struct sl_document *document = pose(config, route, &patient, ms + PATIENCE, running, why);
	buf_free(&patient);
	return document;
}
