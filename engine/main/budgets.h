/* SPDX-License-Identifier: Apache-2.0 */
/* budgets.h - the budgets of credentials, kept by the master for all its children.
 *
 * Children ask, give back and forget over their channels (flow/lease.h).  What a
 * credential allows stands in the parts of those who use it: of different limits the
 * stricter count.  What a child holds when it ends comes back.
 *
 * DATA/budgets is an empty file that was last touched when something was under way.
 * After a restart of the daemon a budget begins as if all of it had been used then.
 */
#ifndef MAIN_BUDGETS_H
#define MAIN_BUDGETS_H

#include "main/child.h"

struct budgets;

struct budgets *budgets_new(uv_loop_t *loop, const char *data);
void budgets_free(struct budgets **budgets); /* its handles close by themselves */

void budgets_heard(struct budgets *budgets, struct child *child, struct sl_text say, const struct sl_json *message);
void budgets_ended(struct budgets *budgets, struct child *child);

#endif
