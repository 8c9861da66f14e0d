/* SPDX-License-Identifier: Apache-2.0 */
/* errors.c - what a SQLSTATE means, in words and for the rows. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core.h"

/* ------------------------------------------------------------ how it ended */

static void job_ends(struct job *job, enum end end, const char *form, va_list values)
{
	if (job->end != END_DONE)
		return;
	job->end = end;
	vsnprintf(job->why, sizeof(job->why), form, values);
}

bool job_retry(struct job *job, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	job_ends(job, END_RETRY, form, values);
	va_end(values);
	return false;
}

bool job_fail(struct job *job, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	job_ends(job, END_FAIL, form, values);
	va_end(values);
	return false;
}

void job_refuse(struct job *job, size_t row, const char *why)
{
	struct failure *failure = sl_pile_take(&job->brief->pile, sizeof(*failure));
	failure->row = row;
	failure->why = sl_pile_string(&job->brief->pile, why);
	*job->last_failure = failure;
	job->last_failure = &failure->next;
	job->failure_count++;
}

void job_tell(struct job *job, const char *type, const char *data)
{
	struct told *told = sl_pile_take(&job->brief->pile, sizeof(*told));
	told->type = sl_pile_string(&job->brief->pile, type);
	told->data = sl_pile_string(&job->brief->pile, data);
	*job->last_told = told;
	job->last_told = &told->next;
}

/* ------------------------------------------------------------------- meanings */

/* By SQLSTATE, or how it begins; the first that fits counts.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html */
static const struct {
	const char *state;
	enum verdict verdict;
	const char *words;
} meanings[] = {
	{ "", VERDICT_OUTAGE, "the connection broke" },
	{ "08", VERDICT_OUTAGE, "the connection broke" },
	{ "0A000", VERDICT_STALE, "the table is not as it was" },
	{ "22", VERDICT_ROW, "a value does not fit" },
	{ "23502", VERDICT_ROW, "a value is missing" },
	{ "23503", VERDICT_ROW, "it names a row that is not there" },
	{ "23505", VERDICT_ROW, "there is another row with the same values" },
	{ "23514", VERDICT_ROW, "a check of the table refuses it" },
	{ "23", VERDICT_ROW, "a rule of the table refuses it" },
	{ "25006", VERDICT_OUTAGE, "the server takes no writes, it is a standby or set to read only; name the primary, or "
		"several hosts and target_session_attrs=read-write" },
	{ "25P03", VERDICT_OUTAGE, "the server ended the connection in the middle of a transaction" },
	{ "25", VERDICT_OUTAGE, "the transaction did not go as it should" },
	{ "26000", VERDICT_OUTAGE, "a prepared statement is gone: there is a pooler in between that changes connections; "
		"say `pooler: true`" },
	{ "28P01", VERDICT_OUTAGE, "the password is wrong" },
	{ "28", VERDICT_OUTAGE, "the server does not let this role in; look at its pg_hba.conf, and at sslmode" },
	{ "3D000", VERDICT_OUTAGE, "there is no such database" },
	{ "3F000", VERDICT_STALE, "there is no such schema" },
	{ "40P01", VERDICT_AGAIN, "it and another transaction waited for each other" },
	{ "40", VERDICT_AGAIN, "another transaction was in its way" },
	{ "42501", VERDICT_OUTAGE, "the role may not do that" },
	{ "42P05", VERDICT_OUTAGE, "a prepared statement is there already: there is a pooler in between that changes "
		"connections; say `pooler: true`" },
	{ "42P01", VERDICT_STALE, "the table is gone" },
	{ "42703", VERDICT_STALE, "a column is gone" },
	{ "42P10", VERDICT_STALE, "the unique index of the key is gone" },
	{ "42804", VERDICT_STALE, "a column is of another type than it was" },
	{ "42883", VERDICT_STALE, "a column is of another type than it was" },
	{ "428C9", VERDICT_STALE, "a column has become one that Postgres fills by itself" },
	{ "42846", VERDICT_STALE, "a column is of another type than it was" },
	{ "44", VERDICT_ROW, "a view's check refuses it" },
	{ "53100", VERDICT_OUTAGE, "the server's disk is full" },
	{ "53200", VERDICT_OUTAGE, "the server has no memory left" },
	{ "53300", VERDICT_OUTAGE, "the server has no connection left" },
	{ "53", VERDICT_OUTAGE, "the server has run out of something" },
	{ "54", VERDICT_ROW, "it is too large" },
	{ "55P03", VERDICT_OUTAGE, "somebody holds a lock on it for longer than lock_timeout" },
	{ "55", VERDICT_OUTAGE, "it is in use" },
	{ "57014", VERDICT_OUTAGE, "it took longer than statement_timeout" },
	{ "57P01", VERDICT_OUTAGE, "the server is being stopped, or an administrator ended the connection" },
	{ "57P02", VERDICT_OUTAGE, "the server crashed" },
	{ "57P03", VERDICT_OUTAGE, "the server is starting or stopping" },
	{ "57", VERDICT_OUTAGE, "somebody intervened" },
	{ "58", VERDICT_OUTAGE, "the server cannot use its own files" },
	{ "P0", VERDICT_ROW, "a trigger refuses it" },
	{ "XX", VERDICT_OUTAGE, "the server is damaged inside" },
};

static size_t meaning_of(const char *state)
{
	size_t count = sizeof(meanings) / sizeof(*meanings);
	if (!*state)
		return 0;
	for (size_t i = 1; i < count; i++)
		if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0)
			return i;
	return count;
}

enum verdict fault_verdict(const struct fault *fault)
{
	size_t at = meaning_of(fault->state);
	return at < sizeof(meanings) / sizeof(*meanings) ? meanings[at].verdict : VERDICT_OUTAGE;
}

static const char *fault_words(const struct fault *fault)
{
	size_t at = meaning_of(fault->state);
	return at < sizeof(meanings) / sizeof(*meanings) ? meanings[at].words : "the server does not do what it is asked";
}

/* ------------------------------------------------------------------- reading */

static void copy_field(char *to, size_t room, const PGresult *result, int field)
{
	const char *text = PQresultErrorField(result, field);
	snprintf(to, room, "%s", text ? text : "");
}

/* The first line, without what stands before it: "ERROR:  ". */
void fault_line(struct fault *fault, const char *message)
{
	size_t len = strcspn(message, "\n");
	if (len >= sizeof(fault->message))
		len = sizeof(fault->message) - 1;
	memcpy(fault->message, message, len);
	fault->message[len] = '\0';
}

void fault_read(struct fault *fault, const PGresult *result)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	*fault = (struct fault){ 0 };
	copy_field(fault->state, sizeof(fault->state), result, PG_DIAG_SQLSTATE);
	copy_field(fault->table, sizeof(fault->table), result, PG_DIAG_TABLE_NAME);
	copy_field(fault->column, sizeof(fault->column), result, PG_DIAG_COLUMN_NAME);
	copy_field(fault->constraint, sizeof(fault->constraint), result, PG_DIAG_CONSTRAINT_NAME);
	fault_line(fault, message ? message : PQresultErrorMessage(result));
}

/* What would let the role do it, as far as the server's words tell. */
static void grant(const struct job *job, const struct fault *fault, char *out, size_t room)
{
	static const struct {
		const char *sign, *help;
	} helps[] = {
		{ "row-level security", "; a row-level security policy stands in the way: give the role BYPASSRLS, or a policy" },
		{ "must be owner", "; changes of the form need the owner: ALTER TABLE ... OWNER TO \"%s\"" },
		{ "for schema", "; GRANT USAGE, CREATE ON SCHEMA %2$s TO \"%1$s\"" },
		{ "for database", "; GRANT CREATE ON DATABASE %3$s TO \"%1$s\"" },
		{ "", "; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %2$s TO \"%1$s\"" },
	};
	const PGconn *db = job->sink->db;
	size_t at = 0;
	while (!strstr(fault->message, helps[at].sign))
		at++;
	struct words words = words_new(&job->brief->pile);
	words_name(&words, job->sink->options->namespace);
	snprintf(out, room, helps[at].help, db ? PQuser(db) : "role", words.at, db ? PQdb(db) : "database");
}

bool base_refused(struct job *job, const char *doing)
{
	const struct fault *fault = &job->fault;
	char help[300] = "";
	if (strcmp(fault->state, "42501") == 0)
		grant(job, fault, help, sizeof(help));
	return job_retry(job, "%s: %s: %s%s%s%s%s%s%s", job->sink->name, doing, fault_words(fault), help,
		*fault->message || *fault->state ? " (" : "", fault->message, *fault->message && *fault->state ? ", " : "",
		fault->state, *fault->message || *fault->state ? ")" : "");
}

static bool personal(const struct sl_table *table)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (table->columns[i]->personal)
			return true;
	return false;
}

/* The server's words may quote values; where some are personal they are left out. */
const char *fault_of_row(struct job *job, const struct sl_table *table)
{
	const struct fault *fault = &job->fault;
	struct words words = words_new(&job->brief->pile);
	words_format(&words, "%s%s%s: %s", table->name, *fault->column ? "." : "", fault->column, fault_words(fault));
	if (*fault->constraint)
		words_format(&words, " (%s)", fault->constraint);
	if (!personal(table))
		words_format(&words, ": %s", fault->message);
	words_format(&words, " [%s]", fault->state);
	return words.at;
}
