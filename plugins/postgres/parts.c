/* SPDX-License-Identifier: Apache-2.0 */
/* parts.c - tables in parts, by time.
 *
 * A part is a month, or a day where rows stay for two months at most.  The parts of now and
 * of what comes next are made ahead; what has no part of its own lies in the default one, so
 * that no row is ever refused for its time.
 */
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "plan.h"
#include "time.h"

#define DAY INT64_C(86400)
#define DAILY_MOST (62 * DAY * 1000) /* ms of retention up to which a part is a day */

/* Postgres wants the column in every unique index. */
const struct sl_column *part_column(const struct sl_table *table)
{
	const struct sl_column *column = table->partition ? sl_named_column(table, table->partition, NULL) : NULL;
	bool is_time = column && (column->type == SL_COLUMN_TIMESTAMP || column->type == SL_COLUMN_DATE);
	return is_time && column->key ? column : NULL;
}

static bool is_daily(const struct sl_table *table)
{
	return table->retention && table->retention_ms <= DAILY_MOST;
}

static int64_t month_from(int64_t day, int months)
{
	int year, month, first;
	sl_date_of(day, &year, &month, &first);
	month += months - 1;
	return sl_days_of(year + month / 12, month % 12 + 1, 1);
}

struct part part_of(struct sl_pile *pile, const struct sl_table *table, int ahead)
{
	struct timeval now;
	gettimeofday(&now, NULL);
	int64_t today = now.tv_sec / DAY;
	int64_t from = is_daily(table) ? today + ahead : month_from(today, ahead);
	int64_t to = is_daily(table) ? from + 1 : month_from(from, 1);
	char begins[SL_TIME_SIZE], ends[SL_TIME_SIZE], name[SL_TIME_SIZE + 1] = "_";
	sl_date_write(from, begins);
	sl_date_write(to, ends);
	memcpy(name + 1, begins, is_daily(table) ? 11 : 8);
	name[is_daily(table) ? 11 : 8] = '\0';
	for (char *at = name; (at = strchr(at, '-'));)
		*at = '_';
	struct words whole = words_new(pile);
	words_format(&whole, "%s%s", table->name, name);
	return (struct part){ name_of(pile, "", whole.at), sl_pile_string(pile, begins), sl_pile_string(pile, ends) };
}

const char *part_sql(struct job *job, const struct sl_table *table, const struct part *part)
{
	const char *clock = part_column(table)->type == SL_COLUMN_TIMESTAMP ? " 00:00:00+00" : "";
	struct words sql = words_new(&job->brief->pile);
	words_add(&sql, "CREATE TABLE ");
	words_target(&sql, job, part->name);
	words_add(&sql, " PARTITION OF ");
	words_target(&sql, job, table->name);
	words_format(&sql, " FOR VALUES FROM ('%s%s') TO ('%s%s')", part->from, clock, part->to, clock);
	return sql.at;
}

const char *part_task(struct sl_pile *pile, const struct sl_table *table)
{
	struct words task = words_new(pile);
	words_format(&task, "part of %s", table->name);
	return task.at;
}

static const char *rest_sql(struct plan *plan, const struct sl_table *face)
{
	struct words sql = words_new(plan->pile), name = words_new(plan->pile);
	words_format(&name, "%s_rest", face->name);
	words_add(&sql, "CREATE TABLE ");
	words_target(&sql, plan->job, name_of(plan->pile, "", name.at));
	words_add(&sql, " PARTITION OF ");
	words_target(&sql, plan->job, face->name);
	words_add(&sql, " DEFAULT");
	return sql.at;
}

static void remark(struct plan *plan, const struct sl_table *face, const char *why)
{
	plan_add(plan, PHASE_TABLES, "remark", face->name, face->partition, "%s is not partitioned by %s: %s", face->name,
		face->partition, why)->safe = true;
}

void plan_parts(struct plan *plan, const struct sl_table *face, const struct there_table *there,
	struct difference *made)
{
	if (!face->partition || (there && there->part_by))
		return;
	if (!part_column(face)) {
		remark(plan, face, "Postgres can only do so by a timestamp or date that belongs to the key");
		return;
	}
	if (there) {
		remark(plan, face, "it is there already as one piece; only a table that is made anew can be");
		return;
	}
	plan_line(plan, made, rest_sql(plan, face));
	for (int ahead = 0; ahead < PARTS_AHEAD; ahead++) {
		struct part part = part_of(plan->pile, face, ahead);
		plan_line(plan, made, part_sql(plan->job, face, &part));
		plan_note(plan, made, part.name, part_task(plan->pile, face), part.to);
	}
}
