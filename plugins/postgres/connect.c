/* SPDX-License-Identifier: Apache-2.0 */
/* connect.c - the connection: made, set up, watched, closed. */
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "core.h"

/* -------------------------------------------------------------------- its name */

static const char *part_of(const PQconninfoOption *parts, const char *keyword)
{
	for (; parts->keyword; parts++)
		if (strcmp(parts->keyword, keyword) == 0)
			return parts->val && *parts->val ? parts->val : NULL;
	return NULL;
}

/* For sentences: where it is, and nothing that is secret. */
static void name_of(char *name, size_t room, const PQconninfoOption *parts)
{
	const char *host = part_of(parts, "host"), *port = part_of(parts, "port"), *database = part_of(parts, "dbname");
	bool usual = !port || strcmp(port, "5432") == 0;
	if (!host)
		host = part_of(parts, "hostaddr");
	snprintf(name, room, "postgres %s%s%s/%s", host ? host : "localhost", usual ? "" : ":", usual ? "" : port,
		database ? database : "");
}

/* A password with an @ or / in it has ended up elsewhere, and would be told to everybody. */
static bool is_sound(const char *url, const PQconninfoOption *parts)
{
	static const char *const words[] = { "host", "port", "dbname" };
	const char *port = part_of(parts, "port");
	bool is_uri = strncmp(url, "postgres", 8) == 0;
	for (size_t i = 0; is_uri && i < sizeof(words) / sizeof(*words); i++)
		if (part_of(parts, words[i]) && strchr(part_of(parts, words[i]), '@'))
			return false;
	return !port || !port[strspn(port, "0123456789,")];
}

/* libpq's own sentence would quote the url, and the password in it. */
static bool name_it(struct job *job, const char *url)
{
	PQconninfoOption *parts = PQconninfoParse(url, NULL);
	if (parts && is_sound(url, parts)) {
		name_of(job->sink->name, sizeof(job->sink->name), parts);
		PQconninfoFree(parts);
		return true;
	}
	PQconninfoFree(parts);
	return job_fail(job, "the option `url` is no address of a Postgres: it is a URI, "
		"postgresql://USER:PASSWORD@HOST:PORT/DATABASE, where %%, @, : and / in a password are written %%25, "
		"%%40, %%3A and %%2F; or words like host=... dbname=...");
}

/* ------------------------------------------------------------------ made */

/* libpq keeps what it once made for OpenSSL (a BIO_METHOD) until the process ends, and makes it anew if it
 * was unloaded with this plugin: it stays. */
static void keep_libpq(void)
{
	Dl_info where;
	if (dladdr((void *)PQconnectStartParams, &where) && where.dli_fname)
		dlopen(where.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

/* What comes before the url is what we would have, unless it says otherwise. */
static PGconn *start(const struct job *job, const char *url, const char *password)
{
	char patience[24];
	snprintf(patience, sizeof(patience), "%lld", (long long)job->sink->options->answer_timeout);
	const char *const words[] = { "gssencmode", "keepalives_idle", "keepalives_interval", "keepalives_count",
		"tcp_user_timeout", "fallback_application_name", "dbname", "client_encoding", password ? "password" : NULL,
		NULL };
	const char *const values[] = { "disable", "30", "10", "3", patience, "sluice", url, "UTF8", password, NULL };
	keep_libpq();
	return PQconnectStartParams(words, values, 1);
}

/* A refused connection has no result to ask, only text: "FATAL:  28P01: password ..." */
static void read_state(struct fault *fault, const char *text)
{
	*fault = (struct fault){ 0 };
	for (const char *at = strstr(text, ":  "); at; at = strstr(at + 1, ":  "))
		if (strspn(at + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && at[8] == ':') {
			memcpy(fault->state, at + 3, 5);
			fault_line(fault, at + 10);
			return;
		}
	memcpy(fault->state, "08001", 6);
	fault_line(fault, text);
}

static bool finish(struct job *job, PGconn *db)
{
	int64_t until = ticks() + job->sink->options->connect_timeout;
	PostgresPollingStatusType polled = PGRES_POLLING_WRITING;
	PQsetErrorVerbosity(db, PQERRORS_VERBOSE); /* with the SQLSTATE */
	while (polled != PGRES_POLLING_OK && polled != PGRES_POLLING_FAILED) {
		if (!wire_wait(db, polled == PGRES_POLLING_WRITING, until)) {
			job->fault = (struct fault){ "08001", "no connection within connect_timeout", "", "", "" };
			return false;
		}
		polled = PQconnectPoll(db);
	}
	if (polled == PGRES_POLLING_OK)
		return true;
	read_state(&job->fault, PQerrorMessage(db));
	return false;
}

/* Said while nothing was asked: notices, which nobody reads, or that this was the end. */
static void told(void *data, const PGresult *notice)
{
	struct sink *sink = data;
	const char *state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
	sink->hung_up = sink->hung_up || (state && strncmp(state, "57P", 3) == 0);
}

static bool try_one(struct job *job, const char *url, const char *password)
{
	PGconn *db = start(job, url, password);
	bool made = db && PQstatus(db) != CONNECTION_BAD && finish(job, db);
	if (db && !made && !*job->fault.state)
		read_state(&job->fault, PQerrorMessage(db));
	if (!made || PQsetnonblocking(db, 1) != 0 || !PQenterPipelineMode(db)) {
		PQfinish(db);
		return false;
	}
	PQsetErrorVerbosity(db, PQERRORS_DEFAULT);
	PQsetNoticeReceiver(db, told, job->sink);
	job->sink->db = db;
	job->sink->hung_up = false;
	return true;
}

static size_t count_of(const char *const *list)
{
	size_t count = 0;
	while (list && list[count])
		count++;
	return count;
}

/* Secrets are changed one after the other: an older one may still, or a newer one not yet, be right. */
bool connection_open(struct job *job)
{
	const struct options *options = job->sink->options;
	size_t urls = count_of(options->url), passwords = count_of(options->password);
	for (size_t i = 0; i < urls || i < passwords; i++) {
		const char *url = urls ? options->url[i < urls ? i : urls - 1] : "";
		job->fault = (struct fault){ 0 };
		if (!name_it(job, url))
			return false;
		if (try_one(job, url, passwords ? options->password[i < passwords ? i : passwords - 1] : NULL))
			return true;
		if (strncmp(job->fault.state, "28", 2) != 0)
			break;
	}
	return base_refused(job, "connecting");
}

/* ------------------------------------------------------------------- set up */

static void setting(struct words *words, const char *name, const char *value, bool local)
{
	const char *comma = words->len > strlen("SELECT ") ? ", " : "";
	words_format(words, "%sset_config('%s', %s, %s)", comma, name, value, local ? "true" : "false");
}

static void timeout_setting(struct words *words, const char *name, int64_t milliseconds, bool local)
{
	char value[32];
	snprintf(value, sizeof(value), "'%lldms'", (long long)milliseconds);
	setting(words, name, value, local);
}

/* With synchronous_commit off a crash of the server would take back where a route stands. */
const char *connection_settings(struct job *job, bool local)
{
	const struct options *options = job->sink->options;
	struct words words = words_new(&job->brief->pile), path = words_new(&job->brief->pile);
	struct words name = words_new(&job->brief->pile);
	words_name(&name, options->namespace);
	words_literal(&path, name.at);
	words_add(&path, " || ', ' || current_setting('search_path')");
	words_add(&words, "SELECT ");
	setting(&words, "TimeZone", "'UTC'", local);
	setting(&words, "search_path", path.at, local);
	setting(&words, "synchronous_commit", "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE "
		"current_setting('synchronous_commit') END", local);
	timeout_setting(&words, "statement_timeout", options->statement_timeout, local);
	timeout_setting(&words, "lock_timeout", options->lock_timeout, local);
	timeout_setting(&words, "idle_in_transaction_session_timeout", options->idle_timeout, local);
	if (!local) /* a backend whose client is gone shall notice, and let go of its locks; since Postgres 14 */
		words_add(&words, ", (SELECT set_config(name, '10s', false) FROM pg_settings"
			" WHERE name = 'client_connection_check_interval')");
	return words.at;
}

/* ------------------------------------------------------------------- watched */

bool connection_alive(struct sink *sink)
{
	struct pollfd it = { .fd = PQsocket(sink->db), .events = POLLIN };
	if (PQstatus(sink->db) != CONNECTION_OK || it.fd < 0)
		return false;
	if (poll(&it, 1, 0) <= 0)
		return true;
	return PQconsumeInput(sink->db) && !PQisBusy(sink->db) && !sink->hung_up && poll(&it, 1, 0) <= 0;
}
