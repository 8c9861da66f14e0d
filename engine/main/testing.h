/* SPDX-License-Identifier: Apache-2.0 */
/* testing.h - sluice test, as the files test_*.c share it.
 *
 * docs/man/sluice-test.1.md is the manual of test files.  The command finds them and
 * runs each in a child, which is this program again as "sluice: test": a plugin that
 * hangs or crashes takes no more along than its own case, and a new child goes on
 * behind it.  The two talk in lines of JSON over descriptor 3:
 *
 *     command  {"file":"/abs/cards.test.lua","update":false,"cover":false}
 *     child    {"plugins":["./cards"],"source":"trello","schema":null,"cases":["a move is a row"]}
 *     command  {"plugins":["/abs/cards.lua"],"source":"/abs/trello.so","schema":null,"from":0}
 *     child    {"begin":0}
 *              {"end":0,"ms":1,"error":null,"differences":[{"path":"drops","expected":"x","found":null}],
 *               "log":["info: ..."],"calls":["GET https://... -> 200"],"updated":null}
 *     command  {}                                        the next one may begin
 *
 * With "spoil" in the first message (how many damages a case has to stand) a run is
 * followed by others with one each, told by {"damage":"..."} before it works.
 *     child    {"cover":[{"file":"/abs/cards.lua","lines":[1,2],"ran":[1]}]}
 *
 * Runs are numbered: with two plugins each case has two.  A child that cannot read
 * its file says {"error":"..."} instead of what is in it.
 */
#ifndef MAIN_TESTING_H
#define MAIN_TESTING_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/why.h"
#include "flow/schema.h"
#include "host/host.h"
#include "io/client.h"
#include "main/command.h"
#include "main/share.h"
#include "sdk/json.h"
#include "store/log.h"

#define TEST_NOW INT64_C(1767225600000) /* where a case's clock stands unless it says: 2026-01-01T00:00:00Z */
#define TEST_FD 3

/* ------------------------------------------------------- test_compare.c */

struct difference {
	const char *path;            /* "emits[1].data.name" */
	const char *expected, *found; /* NULL: nothing */
};
struct differences {
	struct arena *arena;
	struct difference *at;
	size_t count, room;
};
void differ(struct differences *all, const char *path, const char *expected, const char *found);
/* Everything in which the two are not the same; with `part` the found one may have
 * members that the expected one does not name. */
void compare(struct differences *all, const char *path, const struct sl_json *expected, const struct sl_json *found,
	bool part);

/* --------------------------------------------------------- test_spoil.c */

/* One run's damage to what a case is handed and answered. */
struct spoil {
	size_t wanted;    /* its number; SIZE_MAX: none, they are only counted */
	size_t met;       /* so many could have been done up to here */
	const char *done; /* in words; NULL: nothing yet */
	bool torn;        /* what was JSON is none any more */
	bool page;        /* but a page of HTML */
	bool of_far_side; /* it was done to an answer of 2xx */
	void (*tell)(const char *done);
};
/* The text as it is to be, in `arena` if it is another one.  Without `spoil` it stays. */
struct sl_text spoil_text(struct spoil *spoil, struct arena *arena, const char *what, struct sl_text text);
/* The same of what is JSON, and stays so. */
struct sl_text spoil_json(struct spoil *spoil, struct arena *arena, const char *what, struct sl_text text);
struct sl_text spoil_page(void);

/* ------------------------------------------------------- test_answers.c */

/* What the far side says in one case, and what it was asked. */
struct answers {
	struct arena *arena;
	const char *folder; /* of the test file */
	struct answer *at;
	size_t count;
	const char *const *bases; /* of the apis; end with NULL */
	struct buf calls;         /* a JSON array, open */
	struct differences *differences;
	struct spoil *spoil; /* or NULL */
};
bool answers_read(struct answers *answers, const struct sl_json *list, struct why *why);
/* A net_canned. */
bool answers_give(void *data, struct call *call, const struct client_request *request, bool safe, struct arena *arena,
	struct client_answer *answer);
void answers_check(const struct answers *answers, struct differences *all); /* what was not asked for */

/* ---------------------------------------------------------- test_file.c */

/* A test file, as its child knows it. */
struct test_file {
	const char *path, *folder;
	struct arena *arena;
	struct sl_document *document;
	const struct sl_json *root;  /* an object with `cases`; NULL: the document is the list itself */
	const struct sl_json *cases;
	size_t count;
	const char *source, *schema; /* paths, or NULL */
	bool update;
	size_t damages;      /* that each case has to stand */
	struct spoil *spoil; /* of the run that is on; NULL: none */
};
bool test_file_read(struct test_file *file, const char *path, struct why *why);
void test_file_plan(const struct test_file *file, struct buf *out); /* members of an open object */

/* Text of a file beside the test, whole; at NULL: why. */
struct sl_text test_file_text(struct arena *arena, const char *folder, const char *name, struct why *why);
/* Milliseconds, or ISO 8601; false: it is neither. */
bool test_moment(const struct sl_json *value, int64_t *ms);
const char *test_string(const struct sl_json *object, const char *name);
/* Whether each member is one of `keys` (ends with NULL); else names it and the nearest. */
bool test_known(const struct sl_json *form, const char *const *keys, const char *where, struct why *why);

/* --------------------------------------------------------- test_trial.c */

/* A plugin on the stage: the one that is tested, or the source whose request it is. */
struct stage {
	struct plugin *plugin;
	struct instance *instance;
	const struct net_api *api;
	const char *name;
};

/* One case while it runs, and what came of it. */
struct trial {
	const struct test_file *file;
	const struct sl_json *form; /* the case */
	struct arena *arena;
	uv_loop_t *loop;
	int64_t now;
	struct net *net;
	struct stage own, source; /* source: no plugin, if the case has none */
	struct schema *schema;
	struct answers answers;
	struct trial_document *documents;
	struct buf emits, drops, fails, retries, settled, sweeps, log; /* JSON arrays, open */
	const char *cursor;
	struct differences differences;
	const char *updated; /* the golden file that was written */
	struct why why;      /* the case itself is wrong */
};

/* Runs a case with one plugin and judges it.  What came of it is in `trial`, which
 * trial_end lets go of. */
void trial_run(struct trial *trial, const struct test_file *file, size_t number, const char *plugin, uv_loop_t *loop);
void trial_end(struct trial *trial);

/* A document that lives as long as the trial; NULL: why. */
const struct sl_json *trial_json(struct trial *trial, struct sl_text text, struct why *why);
/* What the body of a request says, JSON or a form; `data` becomes its text. */
const struct sl_json *trial_body(struct trial *trial, const struct log_record *record, struct sl_text *data);
/* A call of a stage, from its first line to its outcome. */
struct call *trial_call(struct trial *trial, const struct stage *stage, enum step step);
void trial_call_run(struct trial *trial, struct call *call);
/* Notes what became of it; true if it ended well. */
bool trial_outcome(struct trial *trial, struct call *call);
void trial_emitted(struct trial *trial, const struct sl_event *event); /* an event that came of it */
const struct sl_json *trial_value(const struct trial *trial, const char *name); /* the case's, or its file's */

/* --------------------------------------------------------- test_stage.c */

/* Loads a plugin, with the options that are given as they would stand in the configuration. */
bool stage_set(struct trial *trial, struct stage *stage, const char *path, const struct sl_json *common,
	const struct sl_json *options);
void stage_clear(struct stage *stage);

/* --------------------------------------------------------- test_input.c */

bool trial_input(struct trial *trial); /* hands over what the case says; false: trial->why */

/* --------------------------------------------------------- test_judge.c */

void trial_judge(struct trial *trial);                    /* what was expected against what came */
void spoil_judge(struct trial *trial);                    /* test_spoil.c: after a damage, whether anything broke */
void trial_golden(struct trial *trial, const char *name); /* test_golden.c */

#endif
