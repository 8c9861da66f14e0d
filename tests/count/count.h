/* SPDX-License-Identifier: Apache-2.0 */
/* count.h - work of a fixed kind, whose instructions are counted: tests/count/count.py.
 *
 * Nothing in it is drawn at random, asks for the time, or depends on where memory lies.
 */
#ifndef TESTS_COUNT_H
#define TESTS_COUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/why.h"
#include "sdk/json.h"

struct workload {
	const char *name;
	size_t events; /* of one run; run() sees to so many */
	void (*begin)(const char *folder); /* a temporary one */
	void (*run)(void);
	void (*end)(void);
};

extern const struct workload ingest_plain, ingest_signed, decode, mapping, rows;

/* Says so and ends the program, unless it is true. */
void must(bool true_of, const char *what, const struct why *why);

/* Webhooks of a board: 2 KiB each, all of different cards and actions. */
#define BODIES 64
struct sl_text body_of(size_t number);

struct sl_document *read_json(const char *text); /* must be JSON */

#endif
