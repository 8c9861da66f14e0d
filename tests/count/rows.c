/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c - what a mapping emitted becomes rows, is folded, sorted, and bound for Postgres. */
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "count.h"
#include "flow/schema.h"
#include "sink.h"

#define BATCH 500
#define ROUNDS 8
#define EVENTS (ROUNDS * BATCH)
#define NOW INT64_C(1795300000000)

static struct schema *schema;
static struct buf texts[BATCH];

/* ---------------------------------------------------------------------- rows */

static const char yaml[] =
	"tables:\n"
	"  moves:\n"
	"    mode: upsert\n"
	"    key: [event_id]\n"
	"    columns:\n"
	"      event_id: text\n"
	"      action_type: text\n"
	"      action_date: timestamp\n"
	"      card_id: text\n"
	"      card_name: { type: text, personal: true }\n"
	"      card_number: int\n"
	"      card_link: text\n"
	"      board_id: text\n"
	"      board_name: text\n"
	"      list_before_id: text\n"
	"      list_before_name: text\n"
	"      list_after_id: text\n"
	"      list_after_name: text\n"
	"      member_id: text\n"
	"      member_login: text\n"
	"      price: decimal\n"
	"      due: date\n"
	"      is_list_transition: bool\n"
	"      raw: json\n"
	"      closed: bool\n";

/* One in eight is of an event that came twice. */
static void write_text(struct buf *text, unsigned number)
{
	unsigned mixed = (number - number % 8 / 7) * 2654435761u;
	buf_format(text,
		"{\"event_id\":\"57f07588c6deac3d%08x\",\"action_type\":\"updateCard\","
		"\"action_date\":\"2016-10-02T02:48:40.836Z\",\"card_id\":\"57f0752fe7074732b1%06x\","
		"\"card_name\":\"M\xc3\xbcller \\\"B\\\" %u pieces\",\"card_number\":%u,\"card_link\":\"aI4od6Yd\","
		"\"board_id\":\"57f039fbc0f98772398d289d\",\"board_name\":\"Orders\","
		"\"list_before_id\":\"57f03a10947d01faa6f5d8e5\",\"list_before_name\":\"To do\","
		"\"list_after_id\":\"57f03a11ab00f21e8197bef5\",\"list_after_name\":\"Done\","
		"\"member_id\":\"4f0b777fd1e39cca3f217850\",\"member_login\":\"ann\",\"price\":\"%u.50\","
		"\"due\":\"2016-10-%02u\",\"is_list_transition\":true,"
		"\"raw\":{\"old\":{\"idList\":\"550def1c239fb24e102559c0\"},\"names\":[\"a\",\"b\\u00e9\",null,%u]}}",
		mixed, number % 100, number, number, number * 7, number % 28 + 1, mixed);
}

static void begin(const char *folder)
{
	char path[200];
	struct why why = { "" };
	snprintf(path, sizeof(path), "%s/moves.yaml", folder);
	FILE *out = fopen(path, "w");
	must(out && fputs(yaml, out) >= 0 && fclose(out) == 0, path, NULL);
	schema = schema_load(path, NULL, "postgres", &why);
	must(schema != NULL, path, &why);
	sink_begin(schema_table(schema, "moves"));
	for (unsigned i = 0; i < BATCH; i++)
		write_text(&texts[i], i);
}

static void make_row(struct arena *arena, size_t at, struct sl_row *row)
{
	struct why why = { "" };
	struct sl_document *document = sl_json_read((struct sl_text){ texts[at].at, texts[at].len }, NULL, 0);
	struct sl_event *event = arena_alloc(arena, sizeof(*event));
	*event = (struct sl_event){ .source = "boards", .type = "moves", .time = NOW + (int64_t)at };
	event->id = arena_format(arena, "%zu", at);
	must(schema_row(schema, event, sl_json_root(document), NULL, 0, NOW, arena, row, &why), "a row", &why);
	sl_json_free(&document);
}

static void run(void)
{
	static struct sl_row made[BATCH];
	static const struct sl_row *list[BATCH];
	struct arena *arena = arena_new();
	for (size_t round = 0; round < ROUNDS; round++) {
		arena_reset(arena);
		for (size_t i = 0; i < BATCH; i++) {
			make_row(arena, i, &made[i]);
			list[i] = &made[i];
		}
		must(sink_write(list, BATCH) > BATCH * 100, "rows go over the wire", NULL);
	}
	arena_free(&arena);
}

static void end(void)
{
	sink_end();
	for (size_t i = 0; i < BATCH; i++)
		buf_free(&texts[i]);
	schema_free(&schema);
}

const struct workload rows = { "rows", EVENTS, begin, run, end };
