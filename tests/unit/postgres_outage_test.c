/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_outage_test.c - the postgres sink: outages, a commit in doubt, several that write to one server. */
#include "postgres_shop_bed.h"

#include <arpa/inet.h>
#include <pthread.h>

/* ------------------------------------------------------------------- outages */

static void anothers_lock_is_an_outage(void **state)
{
	struct fixture *f = *state;
	PGconn *db = bed_connect(other.conninfo);
	bed_does(db, "BEGIN; LOCK TABLE events");
	row(f, "events", "{\"id\":\"a\"}");
	assert_int_equal(run(f, f->plugin->deliver), SL_RETRY);
	says(f, "somebody holds a lock on it for longer than lock_timeout");
	bed_does(db, "COMMIT");
	PQfinish(db);
	row(f, "events", "{\"id\":\"a\"}");
	delivers(f);
	sees(f, "SELECT id FROM events", "a\n");
}

static void what_cannot_be_reached_is_an_outage_and_tells_no_secret(void **state)
{
	struct fixture *f = *state;
	set_url(f, "postgresql://me:hush@127.0.0.1:1/shop?connect_timeout=1");
	assert_int_equal(bed_open(f), SL_RETRY);
	says(f, "postgres 127.0.0.1:1/shop: connecting: the connection broke");
	assert_null(strstr(f->why, "hush"));
	set_url(f, "postgresql//me:hush@127.0.0.1");
	assert_int_equal(bed_open(f), SL_FAIL);
	says(f, "is no address of a Postgres");
	assert_null(strstr(f->why, "hush"));
	static const char *const slips[] = { "postgresql://me:hush@hush@127.0.0.1/shop", "postgresql://me:hush/hush@h/shop",
		"postgresql://me/hush@h/shop" };
	for (size_t i = 0; i < sizeof(slips) / sizeof(*slips); i++) {
		set_url(f, slips[i]);
		assert_int_equal(bed_open(f), SL_FAIL);
		says(f, "is no address of a Postgres");
		assert_null(strstr(f->why, "hush"));
	}
	char url[300];
	snprintf(url, sizeof(url), "%s dbname=nowhere", other.conninfo);
	set_url(f, url);
	assert_int_equal(bed_open(f), SL_RETRY);
	says(f, "there is no such database");
	set_url(f, other.conninfo);
	assert_int_equal(bed_open(f), SL_DONE);
}

/* Takes connections and says nothing. */
static void a_black_hole_ends_in_an_outage(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	char url[100];
	int hole = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(hole, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(hole, 5), 0);
	getsockname(hole, (struct sockaddr *)&address, &len);
	snprintf(url, sizeof(url), "host=127.0.0.1 port=%d dbname=x user=x", ntohs(address.sin_port));
	set_url(f, url);
	set_number(f, "connect_timeout", 300);
	assert_int_equal(bed_open(f), SL_RETRY);
	says(f, "no connection within connect_timeout");
	close(hole);
}

static void a_server_that_stops_answering_is_an_outage(void **state)
{
	struct fixture *f = *state;
	set_number(f, "answer_timeout", 1100);
	set_number(f, "statement_timeout", 1000);
	assert_int_equal(bed_open(f), SL_DONE);
	char *pid = bed_answer(other.db, "SELECT pid FROM pg_stat_activity WHERE application_name = 'sluice'");
	kill(atoi(pid), SIGSTOP);
	row(f, "events", "{\"id\":\"a\"}");
	assert_int_equal(run(f, f->plugin->deliver), SL_RETRY);
	says(f, "no answer within answer_timeout");
	kill(atoi(pid), SIGCONT);
	free(pid);
	row(f, "events", "{\"id\":\"a\"}");
	delivers(f);
	sees(f, "SELECT id FROM events", "a\n");
}

static void hang_up(struct fixture *f)
{
	does(f, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sluice'");
	for (bool gone = false; !gone;) {
		char *left = bed_answer(other.db, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sluice'");
		gone = *left == '0';
		free(left);
	}
}

static void a_connection_that_was_hung_up_meanwhile_is_made_again(void **state)
{
	struct fixture *f = *state;
	row(f, "events", "{\"id\":\"a\"}");
	delivers(f);
	hang_up(f);
	row(f, "events", "{\"id\":\"b\"}");
	delivers(f);
	sees(f, "SELECT id FROM events ORDER BY id", "a\nb\n");
}

static void a_server_that_is_read_only_is_an_outage(void **state)
{
	struct fixture *f = *state;
	delivers(f);
	does(f, "CREATE ROLE reader LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO reader");
	char url[300];
	snprintf(url, sizeof(url), "%s user=reader", other.conninfo);
	set_url(f, url);
	does(f, "REVOKE INSERT ON events FROM reader");
	bed_open(f);
	row(f, "events", "{\"id\":\"a\"}");
	assert_int_equal(run(f, f->plugin->deliver), SL_RETRY);
	says(f, "the role may not do that; GRANT ");
	does(f, "GRANT INSERT ON events TO reader");
	does(f, "DROP OWNED BY reader");
	does(f, "DROP ROLE reader");
}

static void a_table_that_was_dropped_is_made_again(void **state)
{
	struct fixture *f = *state;
	row(f, "events", "{\"id\":\"a\"}");
	delivers(f);
	does(f, "DROP TABLE events CASCADE");
	row(f, "events", "{\"id\":\"b\"}");
	delivers(f);
	sees(f, "SELECT id FROM events", "b\n");
	does(f, "ALTER TABLE events DROP COLUMN about");
	row(f, "events", "{\"id\":\"c\",\"about\":\"x\"}");
	delivers(f);
	sees(f, "SELECT id, about FROM events ORDER BY id", "b|~\nc|x\n");
}

/* ---------------------------------------------------------------------- doubt */

/* The backend is stopped by a trigger that runs at COMMIT; then the sink loses patience, and then
 * the backend goes on and commits. */
static void a_commit_in_doubt_is_looked_up(void **state)
{
	struct fixture *f = *state;
	set_number(f, "answer_timeout", 1100);
	set_number(f, "statement_timeout", 1000);
	ROUTES(f, SL_EXPECT, "cards");
	ROUTES(f, SL_PUT, "cards", "log", "7");
	delivers(f);
	does(f, "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS"
		" 'BEGIN SET LOCAL statement_timeout = 0; PERFORM pg_sleep(2); RETURN NULL; END'");
	does(f, "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
		" EXECUTE FUNCTION wait()");
	does(f, "ALTER FUNCTION wait() SET statement_timeout = 0");
	does(f, "ALTER ROLE postgres SET statement_timeout = 0");
	set_number(f, "statement_timeout", 60000);
	bed_close(f);
	set_number(f, "answer_timeout", 60001);
	assert_int_equal(bed_open(f), SL_DONE);
	set_number(f, "answer_timeout", 500);
	set_number(f, "lock_timeout", 5000);
	row(f, "events", "{\"id\":\"a\"}");
	ROUTES(f, SL_EXPECT, "cards", "log", "7");
	ROUTES(f, SL_PUT, "cards", "log", "8");
	assert_int_equal(run(f, f->plugin->deliver), SL_RETRY);
	says(f, "committing: the connection broke (no answer within answer_timeout)");
	set_number(f, "answer_timeout", 10000);
	does(f, "DROP TRIGGER t ON events"); /* waits until the COMMIT is over */
	row(f, "events", "{\"id\":\"b\"}");
	ROUTES(f, SL_EXPECT, "cards", "log", "7");
	ROUTES(f, SL_PUT, "cards", "log", "9");
	assert_int_equal(run(f, f->plugin->deliver), SL_DONE);
	assert_int_equal(f->settled[0], SL_DONE);
	assert_int_equal(f->settled[1], SL_RETRY);
	assert_non_null(strstr(f->reasons[1], "in the middle of a COMMIT, which had come through"));
	ROUTES(f, SL_EXPECT, "cards");
	assert_non_null(strstr(recalls(f), "cards|log|8|"));
	row(f, "events", "{\"id\":\"b\"}");
	ROUTES(f, SL_EXPECT, "cards", "log", "8");
	ROUTES(f, SL_PUT, "cards", "log", "9");
	delivers(f);
	sees(f, "SELECT id FROM events ORDER BY id", "a\nb\n");
}

static void a_batch_without_rows_asks_whether_it_could_write(void **state)
{
	struct fixture *f = *state;
	delivers(f);
	does(f, "DROP TABLE events");
	hang_up(f);
	delivers(f);
	sees(f, "SELECT count(*) FROM events", "0\n");
}

/* ------------------------------------------------------------- several of us */

struct rival {
	struct fixture *f;
	pthread_t thread;
	int from;
};

static void *rivals_rows(void *data)
{
	struct rival *rival = data;
	char json[80];
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 100; i++) {
			snprintf(json, sizeof(json), "{\"shop\":\"%d\",\"odd \\\"name\":1,\"state\":\"%d\"}",
				rival->from ? 99 - i : i, round);
			row(rival->f, "states", json);
		}
		delivers(rival->f);
	}
	return NULL;
}

/* Their rows come in opposite orders; they are locked in one. */
static void two_routes_share_a_table(void **state)
{
	struct rival rivals[2] = { { .f = *state }, { .f = bed_sink("postgres"), .from = 1 } };
	memcpy((void *)(uintptr_t)rivals[1].f->call.options, rivals[0].f->call.options, rivals[0].f->plugin->options_size);
	set_number(rivals[0].f, "lock_timeout", 5000);
	set_number(rivals[1].f, "lock_timeout", 5000);
	bed_load(rivals[1].f, shop, "", "postgres");
	for (int i = 0; i < 2; i++)
		assert_int_equal(bed_open(rivals[i].f), SL_DONE);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&rivals[i].thread, NULL, rivals_rows, &rivals[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(rivals[i].thread, NULL);
	sees(*state, "SELECT count(*), min(state), max(state) FROM states", "100|19|19\n");
	bed_free(rivals[1].f);
}

static void a_table_the_sink_was_not_told_of_is_named(void **state)
{
	struct fixture *f = *state;
	struct sl_table stranger = *schema_table(f->schema, "events");
	stranger.name = "stranger";
	row(f, "events", "{\"id\":\"a\"}")->table = &stranger;
	assert_int_equal(run(f, f->plugin->deliver), SL_FAIL);
	says(f, "stranger");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(anothers_lock_is_an_outage),
		BEFORE_OPEN(what_cannot_be_reached_is_an_outage_and_tells_no_secret),
		BEFORE_OPEN(a_black_hole_ends_in_an_outage),
		BEFORE_OPEN(a_server_that_stops_answering_is_an_outage),
		WITH(a_connection_that_was_hung_up_meanwhile_is_made_again),
		WITH(a_server_that_is_read_only_is_an_outage),
		WITH(a_table_that_was_dropped_is_made_again),
		WITH(a_commit_in_doubt_is_looked_up),
		WITH(a_batch_without_rows_asks_whether_it_could_write),
		WITH(two_routes_share_a_table),
		WITH(a_table_the_sink_was_not_told_of_is_named),
	};
	return cmocka_run_group_tests(tests, bed_begin, bed_end);
}
