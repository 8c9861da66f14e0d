/* SPDX-License-Identifier: Apache-2.0 */
/* trello.h - what the files of this plugin share: its options, and what an answer of Trello means.
 *
 *     trello.c     what it says of itself
 *     poll.c       what happened on the boards
 *     cursor.c     how far that has come, as text
 *     hooks.c      the webhooks there are, and those there ought to be
 *     discover.c   what the token may see
 *     answer.c     fine, or what is wrong, in words
 */
#ifndef TRELLO_H
#define TRELLO_H

#include <stdbool.h>

#include "plugin.h"

struct trello {
	const char *const *boards;
	const char *key;
	const char *const *token;
	const char *const *secret;
	const char *base;
	int64_t overlap;
};

sl_step trello_poll, trello_hooks, trello_discover;

/* Key and token are there: it can be asked. */
bool trello_may_ask(const struct sl_call *call);

/* "/1/tokens/TOKEN" and what follows; NULL: the token is none.  The host shows nobody what is in it. */
const char *trello_token_url(struct sl_call *call, const char *rest);

/* -------------------------------------------------------------- answer.c */

enum answer {
	ANSWER_FINE,
	ANSWER_GONE,     /* what was asked for cannot be had, now or later: deleted, or not ours to see */
	ANSWER_LATER,    /* it cannot be had now */
	ANSWER_REFUSED,  /* nothing can, until somebody has done something */
	ANSWER_NONSENSE, /* what came is not what Trello says: a page of somebody in between, half a document */
};

/* What call->response means, where a document of this kind was asked for; unless it is
 * fine `why` says it, and quotes how it begins. */
enum answer trello_answer(struct sl_call *call, enum sl_kind wanted, struct sl_text *why);

/* The way out of a call whose answer was not fine. */
enum sl_outcome trello_give_up(struct sl_call *call, enum answer answer, struct sl_text why);

/* -------------------------------------------------------------- cursor.c */

/* How far a board has been read.  Trello tells the newest first: only when the walk
 * back has come to its end everything up to `newest` is known. */
struct board {
	const char *id;
	int64_t at;                  /* everything up to here is known; 0: nothing is */
	int64_t newest;              /* of the walk under way: the first it saw */
	struct sl_text before, last; /* likewise: where its next page begins, how the last one ended; empty: none is */
	bool over;                   /* backfill: it has been read back to the end, or cannot be */
};

struct cursor {
	struct board *boards; /* as the options name them */
	size_t count;
	size_t turn;   /* of boards[turn] in this round; `count`: the round is over */
	bool begins;   /* no round is under way */
	int64_t since; /* what was before it is not wanted; ms since 1970; 0: all is */
	int64_t round; /* so many have been made */
	int64_t done;  /* actions read so far */
};

/* As call->cursor says it; a new one if that is none, or cannot be read. */
void trello_cursor_read(struct sl_call *call, struct cursor *cursor);
const char *trello_cursor_write(struct sl_call *call, const struct cursor *cursor);

/* -------------------------------------------------------------- trello.c */

/* In call->state: a round that has just ended is not begun again in the same run. */
#define TROUBLE_SIZE 600
struct round {
	uint64_t ended;             /* a digest of the cursor it left; 0: none has */
	char trouble[TROUBLE_SIZE]; /* the boards that could not be read, and why */
	const char *asked;          /* the board of the last request, until that is answered */
	unsigned vain;              /* so many of its requests were not, one after the other */
	size_t passed_over;         /* boards, in this round, for that */
};
struct state {
	struct round poll, backfill;
};

#endif
