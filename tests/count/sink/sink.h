/* SPDX-License-Identifier: Apache-2.0 */
/* sink.h - the postgres sink as far as the wire: a library of its own files, all but wire.c. */
#ifndef TESTS_COUNT_SINK_H
#define TESTS_COUNT_SINK_H

#include "plugin.h"

#define OFFERED __attribute__((visibility("default")))

OFFERED void sink_begin(const struct sl_table *face); /* which has to live until the end */
/* Folds, sorts and binds them; returns the bytes of their parameters. */
OFFERED size_t sink_write(const struct sl_row *const *rows, size_t count);
OFFERED void sink_end(void);

#endif
