/* SPDX-License-Identifier: Apache-2.0 */
/* line.c - log lines, on stderr. */
#include "base/line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"

static const char *const words[] = { "debug", "info", "warning", "error" };
static const char *speaker = "sluice", *speaker_name;
static enum sl_level least_level = SL_INFO;
static line_taker *taker;

void line_setup(const char *part, const char *name, enum sl_level least)
{
	speaker = part;
	speaker_name = name;
	least_level = least;
}

bool line_level(const char *word, enum sl_level *level)
{
	for (int i = SL_DEBUG; i <= SL_ERROR; i++) {
		if (strcmp(words[i], word) != 0)
			continue;
		*level = (enum sl_level)i;
		return true;
	}
	return false;
}

void line_divert(line_taker *to)
{
	taker = to;
}

static void now_text(char *out, size_t size)
{
	struct timespec now;
	struct tm utc;
	char seconds[40];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out, size, "%s.%03ldZ", seconds, now.tv_nsec / 1000000);
}

static void as_json(struct buf *out, enum sl_level level, const struct about *about, const char *text)
{
	char time[64];
	now_text(time, sizeof(time));
	json_open(out, '{');
	json_member_string(out, "time", time);
	json_member_string(out, "level", words[level]);
	json_member_string(out, "part", speaker);
	if (about->source)
		json_member_string(out, "source", about->source);
	if (about->route)
		json_member_string(out, "route", about->route);
	if (about->event)
		json_member_string(out, "event", about->event);
	if (about->seq)
		json_member_uint(out, "seq", about->seq);
	json_member_string(out, "text", text);
	json_close(out, '}');
	buf_char(out, '\n');
}

static void as_text(struct buf *out, enum sl_level level, const struct about *about, const char *text)
{
	char time[64];
	now_text(time, sizeof(time));
	buf_format(out, "%.8s %-7s ", time + 11, words[level]);
	buf_string(out, speaker);
	if (about->route)
		buf_format(out, " %s", about->route);
	if (about->source)
		buf_format(out, " %s", about->source);
	buf_string(out, ": ");
	for (const char *at = text; *at; at++)
		buf_char(out, (unsigned char)*at < ' ' || *at == 0x7f ? ' ' : *at);
	if (about->event)
		buf_format(out, " [%s]", about->event);
	else if (about->seq)
		buf_format(out, " [seq %" PRIu64 "]", about->seq);
	buf_char(out, '\n');
}

static void say(enum sl_level level, const struct about *given, const char *form, va_list values)
{
	static const struct about nothing;
	struct about about = given ? *given : nothing;
	struct buf out = { 0 };
	char text[1024];
	if (level < least_level)
		return;
	vsnprintf(text, sizeof(text), form, values);
	if (!about.route && speaker_name && strcmp(speaker, "route") == 0)
		about.route = speaker_name;
	if (!about.source && speaker_name && strcmp(speaker, "source") == 0)
		about.source = speaker_name;
	if (taker) {
		taker(level, &about, text);
		return;
	}
	if (isatty(STDERR_FILENO))
		as_text(&out, level, &about, text);
	else
		as_json(&out, level, &about, text);
	ssize_t written = write(STDERR_FILENO, out.at, out.len);
	(void)written; /* there is nobody left to tell */
	buf_free(&out);
}

void line(enum sl_level level, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	say(level, NULL, form, values);
	va_end(values);
}

void line_about(enum sl_level level, const struct about *about, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	say(level, about, form, values);
	va_end(values);
}
