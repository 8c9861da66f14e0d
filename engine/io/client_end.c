/* SPDX-License-Identifier: Apache-2.0 */
/* client_end.c - how it ended, in words. */
#include <string.h>

#include "io/client_inside.h"

/* What is wrong for now, and what would be wrong tomorrow.  What is not in the
 * table is libcurl's own words, and perhaps better later. */
static const struct {
	CURLcode code;
	enum client_end end;
	const char *sentence;
	bool detail; /* libcurl's words about this one are put behind */
} ends[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, CLIENT_NOT_HAD, "the name of the host cannot be found", false },
	{ CURLE_COULDNT_RESOLVE_PROXY, CLIENT_NOT_HAD, "the name of the proxy cannot be found", false },
	{ CURLE_SSL_CONNECT_ERROR, CLIENT_NOT_HAD, "no TLS could be agreed on", true },
	{ CURLE_PEER_FAILED_VERIFICATION, CLIENT_NOT_HAD, "its certificate is not believed", true },
	{ CURLE_SSL_CACERT_BADFILE, CLIENT_REFUSED, "the file of certificates to believe cannot be read", false },
	{ CURLE_UNSUPPORTED_PROTOCOL, CLIENT_NOT_HAD, "what it answered is not HTTP", false },
	{ CURLE_WEIRD_SERVER_REPLY, CLIENT_NOT_HAD, "what it answered is not HTTP", true },
	{ CURLE_URL_MALFORMAT, CLIENT_REFUSED, "this is no url", false },
	{ CURLE_GOT_NOTHING, CLIENT_NOT_HAD, "it closed the connection without an answer", false },
	{ CURLE_PARTIAL_FILE, CLIENT_NOT_HAD, "the answer was cut short", false },
	{ CURLE_SEND_ERROR, CLIENT_NOT_HAD, "the connection broke while the request was sent", false },
	{ CURLE_RECV_ERROR, CLIENT_NOT_HAD, "the connection broke before the answer was whole", false },
	{ CURLE_HTTP2, CLIENT_NOT_HAD, "its HTTP/2 broke off", false },
	{ CURLE_HTTP2_STREAM, CLIENT_NOT_HAD, "its HTTP/2 broke off", false },
	{ CURLE_BAD_CONTENT_ENCODING, CLIENT_NOT_HAD, "the body cannot be unpacked", false },
};

static enum client_end judge_code(struct client_ask *ask, CURLcode code, struct why *why)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (ends[i].code != code)
			continue;
		bool detail = ends[i].detail && ask->error[0];
		why_say(why, "%s%s%s", ends[i].sentence, detail ? ": " : "", detail ? ask->error : "");
		return ends[i].end;
	}
	why_say(why, "%s", ask->error[0] ? ask->error : curl_easy_strerror(code));
	return CLIENT_NOT_HAD;
}

static enum client_end judge_time(struct client_ask *ask, struct why *why)
{
	double connected = 0;
	curl_easy_getinfo(ask->easy, CURLINFO_CONNECT_TIME, &connected);
	if (connected > 0)
		why_say(why, "no whole answer within %.1f s", (double)ask->timeout / 1000);
	else
		why_say(why, "nobody took the connection in time");
	return CLIENT_NOT_HAD;
}

static enum client_end judge_connect(struct client_ask *ask, struct why *why)
{
	long error = 0;
	if (ask->forbidden[0] && !ask->tried) {
		why_say(why, "%s is no public address; `http: { allow: [%s] }` in the configuration permits it",
			ask->forbidden, ask->forbidden);
		return CLIENT_REFUSED;
	}
	curl_easy_getinfo(ask->easy, CURLINFO_OS_ERRNO, &error);
	why_say(why, "no connection: %s", error ? strerror((int)error) : "nobody answers there");
	return CLIENT_NOT_HAD;
}

/* Any code may come when we wanted no more. */
static enum client_end judge(struct client_ask *ask, CURLcode code, struct why *why)
{
	const struct client_body *body = &ask->body;
	if (ask->failed) {
		*why = ask->why;
		return CLIENT_REFUSED;
	}
	if (body->too_large) {
		why_say(why, "the answer is larger than the %lld bytes that were asked for at most", (long long)body->most);
		return CLIENT_REFUSED;
	}
	if (body->error) {
		why_say(why, "%s cannot be written: %s", body->file, strerror(body->error));
		return CLIENT_NOT_HAD;
	}
	if (code == CURLE_OPERATION_TIMEDOUT)
		return judge_time(ask, why);
	if (code == CURLE_COULDNT_CONNECT)
		return judge_connect(ask, why);
	return judge_code(ask, code, why);
}

void client_end_judge(struct client_ask *ask, CURLcode code, struct client_answer *answer)
{
	struct why why = { "" };
	if (code == CURLE_OK && !ask->failed && !ask->body.error)
		return;
	answer->end = judge(ask, code, &why);
	answer->why = arena_format(ask->arena, "%.300s: %s", client_url_shown(ask->own, ask->url), why.text);
}
