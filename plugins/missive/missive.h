/* SPDX-License-Identifier: Apache-2.0 */
/* missive.h - what the files of this plugin share.
 *
 *     missive.c        options, webhooks, the plugin itself
 *     missive_walk.c   a poll: mailbox by mailbox, page by page, newest first, until what is known
 *     missive_talk.c   a poll, of one conversation: its messages and comments
 *     missive_body.c   a poll: the bodies of messages, several at a time
 *     missive_hooks.c  hooks that were made here, and those that only a person can make
 *     missive_far.c    what the token may see, and answers that are none
 */
#ifndef MISSIVE_H
#define MISSIVE_H

#include <stdbool.h>

#include "far.h"
#include "plugin.h"
#include "time.h"

struct missive {
	const char *const *secret, *const *token;
	const char *base, *organization;
	const char *const *mailboxes, *const *events;
	int64_t overlap;
	_Bool bodies, comments;
};

/* Only a saving: the cursor that a run ended with, of the polls and of the backfill: the call that follows ends it. */
struct memory {
	uint64_t over[2];
};

int64_t moment(struct sl_call *call, const struct sl_json *value);       /* microseconds since 1970; 0: it is none */
struct sl_text second_before(struct sl_call *call, int64_t at);          /* of such a moment: as `until` has it */
uint64_t mark_of(struct sl_text text);                                   /* a digest, for telling texts apart */

/* ------------------------------------------------------------------------------- a poll */

struct talk {
	struct sl_text id, activity; /* as it stands there: `until` wants it back to the letter */
	int64_t at;                  /* the same, in microseconds */
	const struct sl_json *row;
	bool guest; /* of it only id and activity may be seen */
};

struct letter {
	struct letter *next;
	const struct sl_json *message;
	struct sl_text id;
	const struct talk *talk;
};

#define MOST_MAILBOXES 32

/* A poll's call, in its local. */
struct walk {
	int64_t marks[MOST_MAILBOXES]; /* the newest activity that is known, for each mailbox */
	size_t mailbox;                /* under way */
	struct sl_text until;          /* where in it; empty: at its beginning */
	int64_t top, floor;            /* its newest so far; what is older than the floor is known */
	int64_t done;                  /* conversations */
	struct sl_words ties;             /* "ID ID ": those of `until`'s time that are done */
	struct sl_words known;            /* "MARK:TIME ": conversations near the top that were looked into */
	bool last;                     /* this page is the mailbox's last */

	struct talk *talks; /* of this page */
	int64_t read;       /* when that was, by the vendor's clock */
	size_t talk_count, talk;
	struct sl_text message_until; /* of the conversation under way: where its list goes on */
	struct sl_words seen_ids;        /* " ID ID " */

	struct letter *letters, **last_letter; /* that want their bodies */
	size_t letter_count, single;           /* single: so many are asked one by one */
	sl_step *after_letters;
};

bool can_ask(const struct sl_call *call);
/* Fine: SL_DONE; else how the call ends. */
enum sl_outcome far_judge(struct sl_call *call, const char *what);
enum sl_outcome far_shape(struct sl_call *call, const char *what); /* it has not what it should */

/* missive_walk.c */
bool trashed(const struct sl_call *call); /* the mailbox under way is that of the trash */
sl_step walk_on;                          /* the next conversation of the page, or the end of the call */
/* missive_talk.c: what is in the conversation under way, then walk_on() */
enum sl_outcome talk_read(struct sl_call *call);
int64_t newest_of(struct sl_call *call, const struct sl_json *message); /* its newest time,
	in microseconds */
const char *talk_short(struct sl_call *call, const struct talk *talk,
	struct sl_text id); /* what a message carries of it */
/* missive_body.c: emits the letters, then `next` */
enum sl_outcome letters_send(struct sl_call *call, sl_step *next);

/* Emits one. The id has `time` and a digest of what is told. */
void tell(struct sl_call *call, const char *type, struct sl_text id, int64_t time, struct sl_text conversation,
	struct sl_text data);

sl_step missive_poll, missive_hooks, missive_discover;

#endif
