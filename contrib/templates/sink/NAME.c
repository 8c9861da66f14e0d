/* SPDX-License-Identifier: Apache-2.0 */
/* NAME.c - rows as JSON to an address: one POST for a batch, a line for a row. */
#include "plugin.h"

#include <string.h>

struct settings {
	const char *url;
	const char *const *token;
};

static const struct sl_option options[] = {
	SL_OPTION(TEXT, struct settings, url, .help = "Where the rows go: https://..."),
	SL_OPTION(SECRET, struct settings, token, .help = "Sent along as a bearer token."),
	{ 0 },
};

static const char *const headers[] = { "Authorization: Bearer {token}", "Content-Type: application/x-ndjson", NULL };
static const struct sl_api api = { .base = "{url}", .headers = headers, .credential = "{token}", .at_once = 1 };

/* {"key":"...","row":{...},"table":"people"}, the key the same for the same row for ever. */
static struct sl_text line(struct sl_call *call, const struct sl_row *row)
{
	const struct sl_host *host = call->host;
	const char *table = row->table ? row->table->name : row->event->type;
	return host->format(call, "{\"key\":%s,\"row\":%s,\"table\":%s}\n",
		host->quote(call, (struct sl_text){ row->idempotency, strlen(row->idempotency) }).at,
		host->row_json(call, row).at, host->quote(call, (struct sl_text){ table, strlen(table) }).at);
}

static struct sl_text body_of(struct sl_call *call)
{
	struct sl_text *lines = call->host->alloc(call, call->row_count * sizeof(*lines));
	size_t len = 0, at = 0;
	for (size_t i = 0; i < call->row_count; i++) {
		lines[i] = line(call, call->rows[i]);
		len += lines[i].len;
	}
	char *body = call->host->alloc(call, len + 1);
	for (size_t i = 0; i < call->row_count; at += lines[i++].len)
		memcpy(body + at, lines[i].at, lines[i].len);
	return (struct sl_text){ body, len };
}

/* What is not settled is written when the call ends well.  Whatever says "not now"
 * (no answer, 408, 425, 429, 5xx) does not come here: the host tries again. */
static enum sl_outcome answered(struct sl_call *call)
{
	int status = call->response->status;
	for (size_t i = 0; status >= 300 && i < call->row_count; i++)
		call->host->settle(call, i, SL_FAIL, "the far side answered %d", status);
	return SL_DONE;
}

static enum sl_outcome deliver(struct sl_call *call)
{
	if (!call->row_count)
		return SL_DONE;
	return call->host->http(call, &(struct sl_http){ .url = "/", .body = body_of(call) }, answered);
}

SL_PLUGIN(
	.name = "NAME",
	.version = "0.1",
	.summary = "Rows as JSON lines to an address.",
	.options = options,
	.options_size = sizeof(struct settings),
	.deliver = deliver,
	.batch_rows = 100,
	.api = &api);
