/* SPDX-License-Identifier: Apache-2.0 */
/* loads.h - whole loads of a table.
 *
 *     loads.c         begun, staged, ended
 *     loads_check.c   is it what the schema asks of a load?
 *     loads_swap.c    its table takes the table's place
 *     loads_rows.c    or its rows that of the table's
 *
 * A load's rows gather in a table of their own, _sluice_load_NAME, written like any
 * other, in the transactions that move the cursor.  Which load is the newest, and how the
 * last one was, stands in _sluice_loads.  All happens in the batch's own transaction, so that
 * a crash leaves nothing half done, and readers see the old rows or the new.
 */
#ifndef POSTGRES_LOADS_H
#define POSTGRES_LOADS_H

#include "core.h"
#include "plan.h"

/* A load that is to take its table's place. */
struct load_end {
	struct job *job;
	struct sl_pile *pile;
	struct table *table;
	const struct sl_table *stage;
	const char *run;
	size_t row;       /* in the job: who is refused */
	int64_t rows;     /* staged, once checked */
	struct swap *swap; /* its table is ready to be exchanged; NULL: its rows are in place already */
};

/* False with the job's end, or with a fault that belongs to the batch; or, *fine false, the load is
 * refused, with job_refuse. */
bool load_check(struct load_end *end, bool *fine);
bool load_prepare(struct load_end *end, bool *fine);
bool load_rows(struct load_end *end, bool *fine);
/* Those that are ready, all at once. */
bool loads_exchange(struct load_end *ends, size_t count, bool *fine);

/* Nothing hangs on the table that would be lost with it. */
bool load_alone(struct load_end *end, bool *alone);
/* A statement that is not run if the load is refused already; a rule of the table that refuses a row refuses the
 * load. */
bool load_try(struct load_end *end, const char *sql, bool *fine);

/* It is refused, in words; always false. */
bool load_refuse(struct load_end *end, const char *form, ...) __attribute__((format(printf, 2, 3)));

void words_stage(struct words *words, const struct load_end *end); /* the staging table */
void words_old(struct words *words, const struct load_end *end);   /* the table */

#endif
