/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_bed.h - a Postgres of the test's own: a cluster in a temporary folder, a database a test.
 *
 * A group's setup is bed_begin, its teardown bed_end; bed_database() makes a new
 * database and connects to it.  Nothing listens but a socket in the folder.  The server refuses
 * to be root's: then it is the user postgres', and it dies with the test.
 */
#ifndef TESTS_POSTGRES_BED_H
#define TESTS_POSTGRES_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <grp.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"

#define BED_PATIENCE 60000 /* ms for the server to come up */

static struct {
	char folder[64];
	pid_t server; /* 0: none */
	unsigned databases;
} bed;

/* Debian's programs are not in the path; the newest version is taken. */
static inline bool bed_program(const char *name, char *path, size_t size)
{
	for (int version = 20; version >= 12; version--) {
		snprintf(path, size, "/usr/lib/postgresql/%d/bin/%s", version, name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static inline void bed_become_postgres(void)
{
	const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
	if (user && (setgroups(0, NULL) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
		_exit(126);
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
}

static inline pid_t bed_spawn(const char *const *words)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	bed_become_postgres();
	if (chdir(bed.folder) != 0 || !freopen("output", "a", stdout) || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
		_exit(126);
	execv(words[0], (char *const *)words);
	_exit(127);
}

static inline void bed_complain(const char *what)
{
	char path[96], text[4096] = "";
	snprintf(path, sizeof(path), "%s/output", bed.folder);
	FILE *file = fopen(path, "r");
	size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	text[len] = '\0';
	fprintf(stderr, "%s:\n%s\n", what, text);
	if (file)
		fclose(file);
}

/* Of a database of the cluster. */
static inline const char *bed_conninfo(const char *database)
{
	static char text[256];
	snprintf(text, sizeof(text), "host=%s dbname=%s user=postgres", bed.folder, database);
	return text;
}

static inline bool bed_server(const char *program)
{
	char socket[96];
	int64_t until = clock_ticks() + BED_PATIENCE;
	snprintf(socket, sizeof(socket), "unix_socket_directories=%s", bed.folder);
	const char *const words[] = { program, "-D", "cluster", "-c", socket, "-c", "listen_addresses=", "-c", "fsync=off",
		"-c", "shared_buffers=16MB", "-c", "max_connections=40", NULL };
	bed.server = bed_spawn(words);
	while (PQping(bed_conninfo("postgres")) != PQPING_OK) {
		if (clock_ticks() > until || waitpid(bed.server, NULL, WNOHANG) != 0)
			return false;
		poll(NULL, 0, 20);
	}
	return true;
}

static inline int bed_begin(void **state)
{
	char initdb[64], server[64];
	int status;
	if (!bed_program("initdb", initdb, sizeof(initdb)) || !bed_program("postgres", server, sizeof(server))) {
		fputs("there is no Postgres to test with: ./dev setup\n", stderr);
		return -1;
	}
	strcpy(bed.folder, "/tmp/postgres-test-XXXXXX");
	if (!mkdtemp(bed.folder))
		return -1;
	const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
	if (user && chown(bed.folder, user->pw_uid, user->pw_gid) != 0)
		return -1;
	const char *const words[] = { initdb, "-D", "cluster", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale",
		"--no-sync", NULL };
	if (waitpid(bed_spawn(words), &status, 0) < 0 || status != 0 || !bed_server(server)) {
		bed_complain("no cluster");
		return -1;
	}
	return 0;
}

static inline int bed_end(void **state)
{
	char command[96];
	if (bed.server) {
		kill(bed.server, SIGQUIT);
		waitpid(bed.server, NULL, 0);
		bed.server = 0;
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", bed.folder);
	return system(command);
}

/* ---------------------------------------------------------------- talking */

static inline void bed_quiet(void *data, const PGresult *notice)
{
}

static inline PGconn *bed_connect(const char *conninfo)
{
	PGconn *db = PQconnectdb(conninfo);
	if (PQstatus(db) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(db));
	PQsetNoticeReceiver(db, bed_quiet, NULL);
	return db;
}

/* Runs statements; they must do what they say. */
static inline void bed_does(PGconn *db, const char *sql)
{
	PGresult *result = PQexec(db, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(db));
	PQclear(result);
}

/* What a query answers: a line a row, values joined by |, ~ for NULL.  The caller frees it. */
static inline char *bed_answer(PGconn *db, const char *sql)
{
	struct buf out = { 0 };
	PGresult *result = PQexec(db, sql);
	if (PQresultStatus(result) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(db));
	for (int row = 0; row < PQntuples(result); row++)
		for (int i = 0; i < PQnfields(result); i++)
			buf_format(&out, "%s%s%s", i ? "|" : "", PQgetisnull(result, row, i) ? "~" : PQgetvalue(result, row, i),
				i + 1 == PQnfields(result) ? "\n" : "");
	buf_string(&out, "");
	PQclear(result);
	return out.at ? out.at : strdup("");
}

static inline void bed_shows(PGconn *db, const char *sql, const char *wanted)
{
	char *got = bed_answer(db, sql);
	if (strcmp(got, wanted) != 0)
		fail_msg("%s: wanted\n%sgot\n%s", sql, wanted, got);
	free(got);
}

/* A new database; its conninfo lies in `conninfo`. */
static inline PGconn *bed_database(char *conninfo, size_t size)
{
	char sql[64], name[32];
	snprintf(name, sizeof(name), "test%u", ++bed.databases);
	snprintf(sql, sizeof(sql), "CREATE DATABASE %s", name);
	PGconn *db = bed_connect(bed_conninfo("postgres"));
	bed_does(db, sql);
	PQfinish(db);
	snprintf(conninfo, size, "%s", bed_conninfo(name));
	return bed_connect(conninfo);
}

#endif
