/* SPDX-License-Identifier: Apache-2.0 */
/* postgres_load_test.c - the postgres sink: whole loads are staged, checked, and take the table's place. */
#include "postgres_sink_bed.h"

#include <pthread.h>

#define GOODS(snapshot) "tables:\n  goods:\n    help: What there is.\n    mode: upsert\n    key: [shop, id]\n" \
	"    indexes: [size]\n    snapshot: " snapshot "\n" \
	"    columns: { shop: text, id: text, size: int, name: { type: text, help: what it is called }, raw: json," \
	" twice: { type: int, generated: size * 2 } }\n"

#define PAIR "tables:\n" \
	"  goods: { mode: upsert, key: [shop, id], snapshot: true," \
	" columns: { shop: text, id: text, size: int, name: text } }\n" \
	"  makers: { mode: append, key: id, snapshot: { least: 2 }, columns: { id: text, name: text } }\n"

static int begin(void **state)
{
	*state = bed_postgres();
	return 0;
}

/* ------------------------------------------------------------------ what a load is */

static void boundary_of(struct fixture *f, const char *name, enum sl_mode mode, const char *run, int64_t began)
{
	const struct sl_table *table = schema_table(f->schema, name);
	*add(f) = (struct sl_row){ .table = table, .mode = mode, .version_time = began * 1000000, .version_id = run,
		.cells = arena_alloc(f->arena, table->column_count * sizeof(struct sl_cell)), .load = run };
}

static void boundary(struct fixture *f, enum sl_mode mode, const char *run, int64_t began)
{
	boundary_of(f, "goods", mode, run, began);
}

static void begins(struct fixture *f, const char *run, int64_t began)
{
	boundary(f, SL_LOAD_BEGIN, run, began);
}

static void ends(struct fixture *f, const char *run, int64_t began)
{
	boundary(f, SL_LOAD_END, run, began);
}

static void brings(struct fixture *f, const char *run, const char *json)
{
	char id[40];
	snprintf(id, sizeof(id), "e%u#%s", f->index, run);
	f->id = arena_string(f->arena, id);
	row(f, "goods", json)->load = run;
}

static void brings_many(struct fixture *f, const char *run, unsigned from, unsigned to, const char *name)
{
	for (unsigned i = from; i < to; i++)
		brings(f, run, arena_format(f->arena, "{\"shop\":\"s\",\"id\":\"g%u\",\"size\":%u,\"name\":%s}", i, i, name));
}

static void loads(struct fixture *f, const char *run, int64_t began, unsigned from, unsigned to)
{
	begins(f, run, began);
	brings_many(f, run, from, to, "\"n\"");
	ends(f, run, began);
	delivers(f);
}

/* The last row of the batch is refused, with this sentence, and nothing of it stays. */
static void is_refused(struct fixture *f, const char *sentence)
{
	size_t last = f->row_count - 1;
	if (run(f, f->plugin->deliver) != SL_DONE)
		fail_msg("%s", f->why);
	assert_int_equal(f->settled[last], SL_FAIL);
	has(f->reasons[last], sentence);
}

/* ---------------------------------------------------------------------------- tests */

static void a_load_takes_the_tables_place_when_it_is_whole(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("true"), "");
	loads(f, "r1", 1, 0, 3);
	sees(f, "SELECT id, size, twice FROM goods ORDER BY 1", "g0|0|0\ng1|1|2\ng2|2|4\n");
	begins(f, "r2", 2);
	brings_many(f, "r2", 2, 4, "\"m\"");
	delivers(f);
	sees(f, "SELECT string_agg(id, ' ' ORDER BY id) FROM goods", "g0 g1 g2\n");
	brings_many(f, "r2", 4, 5, "\"m\"");
	delivers(f);
	ends(f, "r2", 2);
	delivers(f);
	sees(f, "SELECT string_agg(id || name, ' ' ORDER BY id) FROM goods", "g2m g3m g4m\n");
	sees(f, "SELECT name, run, state, rows FROM _sluice_loads", "goods|r2|loaded|3\n");
	sees(f, "SELECT count(*) FROM pg_class WHERE relname LIKE '\\_sluice\\_load\\_%' OR relname LIKE "
		"'\\_sluice\\_new\\_%'", "0\n");
	assert_string_equal(differs(f, "diff"), "");
}

static void what_belongs_to_the_table_stays_with_it(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("true"), "");
	does(f, "CREATE ROLE reader; GRANT SELECT ON goods TO reader; GRANT UPDATE (size) ON goods TO reader;"
		" COMMENT ON COLUMN goods.size IS 'mine'; CREATE INDEX mine ON goods (lower(name)) WHERE size > 3;"
		" CREATE UNIQUE INDEX \"odd \"\" name USING btree (\" ON goods (id, size) INCLUDE (name); ALTER TABLE goods "
		"ADD CONSTRAINT small CHECK (size < 1000), ADD CONSTRAINT named UNIQUE (id, name); CREATE ROLE owner; GRANT "
		"ALL ON SCHEMA public TO owner; ALTER TABLE goods OWNER TO owner");
	char *before = bed_answer(other.db, "SELECT indexdef FROM pg_indexes WHERE tablename = 'goods' UNION ALL SELECT "
		"conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'goods'::regclass UNION ALL SELECT "
		"attname || format_type(atttypid, atttypmod) || attnotnull || coalesce(col_description(attrelid, attnum), '') "
		"FROM pg_attribute WHERE attrelid = 'goods'::regclass AND attnum > 0 UNION ALL SELECT relacl::text || "
		"pg_get_userbyid(relowner) || obj_description(oid) FROM pg_class WHERE relname = 'goods' ORDER BY 1");
	char *oid = bed_answer(other.db, "SELECT 'goods'::regclass::oid");
	loads(f, "r1", 1, 0, 3);
	sees(f, "SELECT indexdef FROM pg_indexes WHERE tablename = 'goods' UNION ALL SELECT conname || "
		"pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'goods'::regclass UNION ALL SELECT attname || "
		"format_type(atttypid, atttypmod) || attnotnull || coalesce(col_description(attrelid, attnum), '') FROM "
		"pg_attribute WHERE attrelid = 'goods'::regclass AND attnum > 0 UNION ALL SELECT relacl::text || "
		"pg_get_userbyid(relowner) || obj_description(oid) FROM pg_class WHERE relname = 'goods' ORDER BY 1", before);
	char *now = bed_answer(other.db, "SELECT 'goods'::regclass::oid");
	assert_string_not_equal(oid, now); /* it is another table */
	free(before);
	free(oid);
	free(now);
	does(f, "DROP OWNED BY reader; ALTER TABLE goods OWNER TO postgres; DROP OWNED BY owner; DROP ROLE reader, owner");
}

/* A statement that makes something hang on the table, so that its rows are changed and the table stays. */
static const char *const hangs[] = {
	"CREATE VIEW mine AS SELECT id FROM goods",
	"CREATE MATERIALIZED VIEW mine AS SELECT id FROM goods",
	"CREATE TABLE child (shop text, id text, FOREIGN KEY (shop, id) REFERENCES goods DEFERRABLE INITIALLY DEFERRED)",
	"CREATE TABLE parent (name text PRIMARY KEY); INSERT INTO parent VALUES ('n'), ('m');"
	" ALTER TABLE goods ADD FOREIGN KEY (name) REFERENCES parent",
	"CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
	" CREATE TRIGGER mine BEFORE INSERT ON goods FOR EACH ROW EXECUTE FUNCTION touch()",
	"ALTER TABLE goods ENABLE ROW LEVEL SECURITY",
	"CREATE POLICY mine ON goods USING (true)",
	"CREATE PUBLICATION mine FOR TABLE goods",
	"ALTER TABLE goods ADD mine int DEFAULT 7",
	"ALTER TABLE goods ADD mine serial",
	"ALTER TABLE goods SET (autovacuum_enabled = false)",
	"ALTER TABLE goods REPLICA IDENTITY FULL",
	"CREATE STATISTICS mine ON size, name FROM goods",
	"CREATE RULE mine AS ON DELETE TO goods WHERE old.id = 'x' DO INSTEAD NOTHING",
	"CREATE FUNCTION mine(goods) RETURNS int LANGUAGE sql AS 'SELECT 1'",
	"CREATE TABLE mine (it goods)",
	"CREATE TABLE mine () INHERITS (goods)",
	"COMMENT ON INDEX goods_size_idx IS 'mine'",
	"ALTER TABLE goods CLUSTER ON goods_size_idx",
	"ALTER TABLE goods ALTER size SET (n_distinct = 5)",
};

static void where_something_hangs_on_the_table_its_rows_change(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < sizeof(hangs) / sizeof(*hangs); i++) {
		does(f, "DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP PUBLICATION IF EXISTS mine");
		opens(f, GOODS("true"), "");
		loads(f, "r1", 1, 0, 5);
		does(f, hangs[i]);
		char *oid = bed_answer(other.db, "SELECT 'goods'::regclass::oid");
		loads(f, "r2", 2, 3, 8);
		sees(f, "SELECT 'goods'::regclass::oid", oid);
		sees(f, "SELECT string_agg(id, ' ' ORDER BY id), sum(twice) FROM ONLY goods", "g3 g4 g5 g6 g7|50\n");
		sees(f, "SELECT count(*) FROM pg_class WHERE relname LIKE '\\_sluice\\_load\\_%'", "0\n");
		free(oid);
	}
}

static void a_row_that_others_refer_to_refuses_the_load(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("true"), "");
	loads(f, "r1", 1, 0, 5);
	does(f, "CREATE TABLE child (shop text, id text, FOREIGN KEY (shop, id) REFERENCES goods);"
		" INSERT INTO child VALUES ('s', 'g0')");
	begins(f, "r2", 2);
	brings_many(f, "r2", 3, 8, "\"n\"");
	delivers(f);
	ends(f, "r2", 2);
	is_refused(f, "goods: the load r2 is not taken, and the table stays as it was: ");
	sees(f, "SELECT count(*) FROM goods", "5\n");
	does(f, "DELETE FROM child");
	ends(f, "r2", 2); /* the dead letter, tried again */
	delivers(f);
	sees(f, "SELECT string_agg(id, ' ' ORDER BY id) FROM goods", "g3 g4 g5 g6 g7\n");
}

static void too_few_rows_are_no_load(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("{ least: 3, change: 50 }"), "");
	loads(f, "r1", 1, 0, 4);
	begins(f, "r2", 2);
	brings_many(f, "r2", 0, 2, "\"n\"");
	delivers(f);
	ends(f, "r2", 2);
	is_refused(f, "it has 2 rows, and the schema wants at least 3 (snapshot: least)");
	sees(f, "SELECT count(*) FROM goods", "4\n");
	begins(f, "r3", 3);
	brings_many(f, "r3", 0, 7, "\"n\"");
	delivers(f);
	ends(f, "r3", 3);
	is_refused(f, "it has 7 rows, the last one had 4, and they may differ by 50 per cent (snapshot: change)");
	loads(f, "r4", 4, 0, 6);
	sees(f, "SELECT count(*) FROM goods", "6\n");
}

static void too_many_nulls_are_no_load(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("{ nulls: 10 }"), "");
	loads(f, "r1", 1, 0, 10);
	begins(f, "r2", 2);
	brings_many(f, "r2", 0, 8, "\"n\"");
	brings_many(f, "r2", 8, 10, "null");
	delivers(f);
	ends(f, "r2", 2);
	is_refused(f, "the column name is null in 20.0 per cent of its rows, and was in 0.0; that may be 10 points more");
	begins(f, "r3", 3);
	brings_many(f, "r3", 0, 9, "\"n\"");
	brings_many(f, "r3", 9, 10, "null");
	ends(f, "r3", 3);
	delivers(f);
	sees(f, "SELECT count(*) - count(name) FROM goods", "1\n");
}

static void doubles_are_no_load_unless_they_are_allowed(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("true"), "");
	begins(f, "r1", 1);
	brings_many(f, "r1", 0, 3, "\"n\"");
	brings_many(f, "r1", 2, 4, "\"m\"");
	delivers(f);
	ends(f, "r1", 1);
	is_refused(f, "1 keys have several rows, such as (s,g2); say `duplicates: allow` if the newest of them counts");
	sees(f, "SELECT count(*) FROM goods", "0\n");
	opens(f, GOODS("{ duplicates: allow }"), "");
	begins(f, "r2", 2);
	brings_many(f, "r2", 0, 3, "\"n\"");
	delivers(f);
	brings_many(f, "r2", 2, 4, "\"m\"");
	ends(f, "r2", 2);
	delivers(f);
	sees(f, "SELECT string_agg(id || name, ' ' ORDER BY id) FROM goods", "g0n g1n g2m g3m\n");
}

static void a_newer_begin_drops_what_was_staged(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("true"), "");
	begins(f, "r1", 1);
	brings_many(f, "r1", 0, 3, "\"n\"");
	delivers(f);
	begins(f, "r2", 2);
	brings_many(f, "r1", 3, 4, "\"n\"");
	brings_many(f, "r2", 7, 8, "\"n\"");
	delivers(f);
	ends(f, "r1", 1);
	delivers(f);
	sees(f, "SELECT count(*) FROM goods", "0\n");
	begins(f, "r1", 1); /* late: it is an older one */
	brings_many(f, "r1", 4, 5, "\"n\"");
	ends(f, "r2", 2);
	delivers(f);
	sees(f, "SELECT string_agg(id, ' ') FROM goods", "g7\n");
}

static void the_same_load_again_gives_the_same_table(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("true"), "");
	loads(f, "r1", 1, 0, 3);
	loads(f, "r2", 2, 2, 5);
	does(f, "TRUNCATE goods");
	loads(f, "r1", 1, 0, 3);
	sees(f, "SELECT count(*) FROM goods", "0\n"); /* newer ones were there before */
	loads(f, "r2", 2, 2, 5);
	sees(f, "SELECT string_agg(id, ' ' ORDER BY id) FROM goods", "g2 g3 g4\n");
}

static void a_stage_that_was_dropped_is_told(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("true"), "");
	loads(f, "r1", 1, 0, 3);
	begins(f, "r2", 2);
	brings_many(f, "r2", 0, 3, "\"n\"");
	delivers(f);
	does(f, "DROP TABLE _sluice_load_goods");
	brings_many(f, "r2", 3, 5, "\"n\"");
	delivers(f);
	ends(f, "r2", 2);
	is_refused(f, "somebody dropped _sluice_load_goods, in which its rows were");
	sees(f, "SELECT count(*) FROM goods", "3\n");
}

static void a_column_that_comes_during_a_load_comes_into_its_stage(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("true"), "");
	begins(f, "r1", 1);
	brings_many(f, "r1", 0, 1, "\"n\"");
	delivers(f);
	opens(f, "tables:\n  goods:\n    mode: upsert\n    key: [shop, id]\n    snapshot: true\n"
		"    columns: { shop: text, id: text, size: decimal, name: text, raw: json, colour: text, twice: { type: int, "
		"generated: size * 2 } }\n", "");
	brings(f, "r1", "{\"shop\":\"s\",\"id\":\"g1\",\"size\":1.5,\"colour\":\"red\"}");
	ends(f, "r1", 1);
	delivers(f);
	sees(f, "SELECT id, size, colour FROM goods ORDER BY 1", "g0|0|~\ng1|1.5|red\n");
}

static void rows_that_nobody_checked_are_nobodys_to_read(void **state)
{
	struct fixture *f = *state;
	does(f, "CREATE ROLE anon; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO anon");
	opens(f, GOODS("true"), "");
	does(f, "REVOKE SELECT ON goods FROM anon");
	begins(f, "r1", 1);
	brings_many(f, "r1", 0, 3, "\"n\"");
	delivers(f);
	sees(f, "SELECT has_table_privilege('anon', '_sluice_load_goods', 'SELECT')", "f\n");
	ends(f, "r1", 1);
	delivers(f);
	sees(f, "SELECT has_table_privilege('anon', 'goods', 'SELECT')", "f\n");
	does(f, "DROP OWNED BY anon; DROP ROLE anon");
}

static void a_bad_row_in_the_same_batch_is_found(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("true"), "");
	does(f, "ALTER TABLE goods ADD CONSTRAINT small CHECK (size < 5)");
	begins(f, "r1", 1);
	brings_many(f, "r1", 0, 7, "\"n\"");
	ends(f, "r1", 1);
	if (run(f, f->plugin->deliver) != SL_DONE)
		fail_msg("%s", f->why);
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(f->settled[i], i == 6 || i == 7 ? SL_FAIL : SL_DONE);
	has(f->reasons[6], "small");
	sees(f, "SELECT count(*) FROM goods", "0\n");
}

static void a_long_reader_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("true"), "");
	loads(f, "r1", 1, 0, 3);
	char *oid = bed_answer(other.db, "SELECT 'goods'::regclass::oid");
	PGconn *reader = bed_connect(other.conninfo);
	bed_does(reader, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM goods");
	loads(f, "r2", 2, 2, 6);
	bed_shows(reader, "SELECT string_agg(id, ' ' ORDER BY id) FROM goods", "g0 g1 g2\n");
	PQfinish(reader);
	sees(f, "SELECT string_agg(id, ' ' ORDER BY id) FROM goods", "g2 g3 g4 g5\n");
	sees(f, "SELECT 'goods'::regclass::oid", oid); /* its rows were changed */
	free(oid);
}

/* -------------------------------------------------------------------------- readers */

#define READERS 4
#define SWAPS 30

static struct {
	pthread_t thread;
	const char *sql;
	unsigned answers, versions;
	char fault[400];
} readers[READERS];
static volatile bool reading;

/* Each version has rows of one name only, and 200 of them. */
static void *reads(void *data)
{
	size_t at = (size_t)(intptr_t)data;
	PGconn *db = PQconnectdb(other.conninfo);
	char last[64] = "";
	while (reading && !*readers[at].fault) {
		PGresult *result = PQexec(db, readers[at].sql);
		if (PQresultStatus(result) != PGRES_TUPLES_OK)
			snprintf(readers[at].fault, sizeof(readers[at].fault), "%s", PQerrorMessage(db));
		else if (PQntuples(result) != 1 || strcmp(PQgetvalue(result, 0, 0), "200") != 0 ||
			strcmp(PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 2)) != 0)
			snprintf(readers[at].fault, sizeof(readers[at].fault), "%s rows, from %s to %s", PQgetvalue(result, 0, 0),
				PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 2));
		else
			readers[at].versions += strcmp(last, PQgetvalue(result, 0, 1)) != 0;
		if (!*readers[at].fault)
			snprintf(last, sizeof(last), "%s", PQgetvalue(result, 0, 1));
		readers[at].answers++;
		PQclear(result);
	}
	PQfinish(db);
	return NULL;
}

/* The same version of another table, in the same batch. */
static void load_makers(struct fixture *f, const char *run, unsigned number)
{
	boundary_of(f, "makers", SL_LOAD_BEGIN, run, number);
	for (unsigned i = 0; i < 3; i++)
		row(f, "makers", arena_format(f->arena, "{\"id\":\"m%u\",\"name\":\"v%u\"}", i, number))->load = run;
}

static void load_version(struct fixture *f, unsigned number)
{
	char run[16], name[16];
	snprintf(run, sizeof(run), "r%u", number);
	snprintf(name, sizeof(name), "\"v%u\"", number);
	const char *kept = arena_string(f->arena, run);
	begins(f, kept, number);
	brings_many(f, kept, number * 3, number * 3 + 200, name);
	if (schema_table(f->schema, "makers"))
		load_makers(f, kept, number);
	ends(f, kept, number);
	if (schema_table(f->schema, "makers"))
		boundary_of(f, "makers", SL_LOAD_END, kept, number);
	delivers(f);
}

static void swap_under_readers(struct fixture *f, const char *from, const char *or_from)
{
	load_version(f, 1);
	reading = true;
	for (size_t i = 0; i < READERS; i++) {
		memset(&readers[i], 0, sizeof(readers[i]));
		readers[i].sql = arena_format(f->arena, "SELECT count(*), min(name), max(name) FROM %s",
			i % 2 ? from : or_from);
		pthread_create(&readers[i].thread, NULL, reads, (void *)(intptr_t)i);
	}
	for (unsigned number = 2; number < 2 + SWAPS; number++)
		load_version(f, number);
	reading = false;
	for (size_t i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		if (*readers[i].fault)
			fail_msg("%s", readers[i].fault);
		assert_true(readers[i].answers > 0);
	}
}

static void readers_see_one_version_whole_by_table(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("true"), "");
	does(f, "CREATE TABLE first AS SELECT 'goods'::regclass::oid AS oid");
	swap_under_readers(f, "goods", "goods");
	sees(f, "SELECT count(*) FROM first WHERE oid = 'goods'::regclass::oid", "0\n");
}

static void readers_see_one_version_whole_by_rows(void **state)
{
	struct fixture *f = *state;
	opens(f, GOODS("true"), "-- view: shown\nSELECT * FROM goods");
	does(f, "CREATE ROLE reader; GRANT SELECT ON goods TO reader");
	swap_under_readers(f, "shown", "goods");
	sees(f, "SELECT has_table_privilege('reader', 'goods', 'SELECT'), (SELECT count(*) FROM shown)", "t|200\n");
	does(f, "DROP OWNED BY reader; DROP ROLE reader");
}

/* Who joins tables in the one order and who does in the other never stand in each other's way through us. */
static void readers_of_two_tables_see_one_version_of_both(void **state)
{
	struct fixture *f = *state;
	opens(f, PAIR, "");
	does(f, "CREATE TABLE first AS SELECT 'goods'::regclass::oid AS oid");
	swap_under_readers(f, "(SELECT goods.name FROM goods JOIN makers ON makers.id = 'm1' AND makers.name = "
		"goods.name) AS pair",
		"(SELECT goods.name FROM makers JOIN goods ON makers.id = 'm1' AND makers.name = goods.name) AS pair");
	sees(f, "SELECT count(*) FROM first WHERE oid = 'goods'::regclass::oid", "0\n");
}

static void of_two_tables_none_changes_if_one_is_refused(void **state)
{
	struct fixture *f = *state;
	opens(f, PAIR, "");
	begins(f, "r1", 1);
	boundary_of(f, "makers", SL_LOAD_BEGIN, "r1", 1);
	brings_many(f, "r1", 0, 3, "\"n\"");
	row(f, "makers", "{\"id\":\"m\"}")->load = "r1";
	delivers(f);
	ends(f, "r1", 1);
	boundary_of(f, "makers", SL_LOAD_END, "r1", 1);
	is_refused(f, "it has 1 rows, and the schema wants at least 2");
	sees(f, "SELECT count(*) FROM goods", "0\n");
	row(f, "makers", "{\"id\":\"n\"}")->load = "r1";
	delivers(f);
	ends(f, "r1", 1);
	boundary_of(f, "makers", SL_LOAD_END, "r1", 1);
	delivers(f);
	sees(f, "SELECT (SELECT count(*) FROM goods), (SELECT count(*) FROM makers)", "3|2\n");
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, begin, bed_postgres_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(a_load_takes_the_tables_place_when_it_is_whole),
		WITH(what_belongs_to_the_table_stays_with_it),
		WITH(where_something_hangs_on_the_table_its_rows_change),
		WITH(a_row_that_others_refer_to_refuses_the_load),
		WITH(too_few_rows_are_no_load),
		WITH(too_many_nulls_are_no_load),
		WITH(doubles_are_no_load_unless_they_are_allowed),
		WITH(a_newer_begin_drops_what_was_staged),
		WITH(the_same_load_again_gives_the_same_table),
		WITH(a_stage_that_was_dropped_is_told),
		WITH(a_column_that_comes_during_a_load_comes_into_its_stage),
		WITH(rows_that_nobody_checked_are_nobodys_to_read),
		WITH(a_bad_row_in_the_same_batch_is_found),
		WITH(a_long_reader_is_not_waited_for),
		WITH(readers_see_one_version_whole_by_table),
		WITH(readers_see_one_version_whole_by_rows),
		WITH(readers_of_two_tables_see_one_version_of_both),
		WITH(of_two_tables_none_changes_if_one_is_refused),
	};
	return cmocka_run_group_tests(tests, bed_begin, bed_end);
}
