/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.h - the counters of all processes, as Prometheus reads them. */
#ifndef MAIN_METRICS_H
#define MAIN_METRICS_H

#include "base/buf.h"

struct master;

/* The text format 0.0.4.  Every counter of base/page.h, sluice_NAME, labelled with
 * process and route; beside them sluice_health, sluice_up, sluice_behind. */
void metrics_write(const struct master *master, struct buf *out);

#endif
