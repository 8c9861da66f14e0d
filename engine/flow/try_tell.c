/* SPDX-License-Identifier: Apache-2.0 */
/* try_tell.c - what became of each event of a trial, as lines of JSON. */
#include "flow/try_tell.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Whoever listens is gone: so are we. */
static void say(struct buf *out)
{
	buf_char(out, '\n');
	for (size_t done = 0; done < out->len;) {
		ssize_t more = write(TRY_FD, out->at + done, out->len - done);
		if (more < 0 && errno != EINTR)
			_exit(1);
		done += more > 0 ? (size_t)more : 0;
	}
	buf_free(out);
}

/* --------------------------------------------------------------------- rows */

/* The columns that say which row it is; of a set without rows: which parent. */
static void put_key(const struct sl_row *row, bool parent, struct buf *out)
{
	const struct sl_column *columns[64], *const *all = row->table->columns;
	struct sl_cell cells[64];
	struct sl_table table = { .columns = columns };
	for (size_t i = 0; i < row->table->column_count && table.column_count < 64; i++)
		if (parent ? all[i]->parent : all[i]->key) {
			cells[table.column_count] = row->cells[i];
			columns[table.column_count++] = all[i];
		}
	const struct sl_row key = { .table = &table, .cells = cells };
	row_json(&key, out);
}

static void put_row(const struct sl_row *row, enum sl_mode mode, bool empty, struct buf *out)
{
	json_open(out, '{');
	json_member_string(out, "table", row->table ? row->table->name : row->event->type);
	json_member_string(out, "mode", row->table ? schema_mode_name(mode) : row->event->mode);
	if (row->table) {
		json_key(out, "key");
		put_key(row, empty, out);
	}
	json_key(out, "row");
	if (empty)
		json_null(out);
	else
		row_json(row, out);
	json_close(out, '}');
}

static void put_rows(const struct delivery *delivery, struct buf *out)
{
	json_key(out, "rows");
	json_open(out, '[');
	for (size_t i = 0; i < delivery->row_count; i++) {
		const struct sl_row *row = &delivery->rows[i];
		if (!row->table || row->mode != SL_REPLACE)
			put_row(row, row->mode, false, out);
		else if (!row->set_count)
			put_row(row, row->mode, true, out);
		for (size_t k = 0; k < row->set_count; k++)
			put_row(row->set[k], row->mode, false, out);
	}
	json_close(out, ']');
}

/* ------------------------------------------------------------------ outcome */

static const char *outcome(const struct delivery *delivery)
{
	if (delivery->state == DELIVERY_READY)
		return "rows";
	if (delivery->state == DELIVERY_DROPPED)
		return "dropped";
	return delivery->tries ? "retry" : "failed";
}

static void put_remarks(const struct delivery *delivery, enum remark_kind kind, struct buf *out)
{
	for (const struct remark *at = delivery->remarks; at; at = at->next)
		if (at->kind == kind)
			json_string(out, at->text);
}

static void put_drops(const struct delivery *delivery, struct buf *out)
{
	json_key(out, "drops");
	json_open(out, '[');
	if (delivery->state == DELIVERY_DROPPED && delivery->reason)
		json_string(out, delivery->reason);
	for (size_t i = 0; i < delivery->call_count; i++)
		if (delivery->calls[i]->dropped)
			json_string(out, delivery->calls[i]->dropped);
	put_remarks(delivery, REMARK_DROP, out);
	json_close(out, ']');
}

/* What the contract of the schema makes of it. */
static void put_contract(const struct delivery *delivery, struct buf *out)
{
	json_key(out, "grows");
	json_open(out, '[');
	put_remarks(delivery, REMARK_GROW, out);
	json_close(out, ']');
	json_key(out, "mended");
	json_open(out, '[');
	put_remarks(delivery, REMARK_MEND, out);
	json_close(out, ']');
}

static void put_asked(const struct trial *trial, const struct delivery *delivery, struct buf *out)
{
	json_key(out, "asked");
	json_open(out, '[');
	for (const struct asked_for *at = trial->asked; at; at = at->next) {
		if (at->part != delivery->part)
			continue;
		json_open(out, '{');
		json_member_string(out, "request", at->shown);
		json_member_string(out, "how", at->how);
		json_close(out, '}');
	}
	json_close(out, ']');
}

void trial_tell(const struct trial *trial, const struct delivery *delivery)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_uint(&out, "seq", delivery->seq);
	json_member_uint(&out, "part", delivery->part);
	json_member_string(&out, "source", delivery->label.source);
	json_member_string(&out, "id", delivery->label.id);
	json_member_string(&out, "type", delivery->label.type);
	json_member_string(&out, "subject", delivery->label.subject);
	json_member_string(&out, "outcome", outcome(delivery));
	json_member_string(&out, "why", delivery->state == DELIVERY_DEAD ? delivery->reason : NULL);
	put_rows(delivery, &out);
	put_drops(delivery, &out);
	put_contract(delivery, &out);
	put_asked(trial, delivery, &out);
	json_close(&out, '}');
	say(&out);
}

/* ------------------------------------------------------------------- around */

void trial_tell_begin(const struct trial *trial)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_uint(&out, "from", trial->from);
	json_member_uint(&out, "left", trial->left);
	json_close(&out, '}');
	say(&out);
}

void trial_tell_done(uint64_t seq)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_uint(&out, "done", seq);
	json_close(&out, '}');
	say(&out);
}

void trial_tell_end(void)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_bool(&out, "end", true);
	json_close(&out, '}');
	say(&out);
}

void trial_tell_error(const struct why *why)
{
	struct buf out = { 0 };
	json_open(&out, '{');
	json_member_string(&out, "error", why->text);
	json_close(&out, '}');
	say(&out);
}
