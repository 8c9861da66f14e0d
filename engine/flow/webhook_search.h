/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_search.h - looking for why a proof does not match, as the files webhook_explain*.c share it. */
#ifndef FLOW_WEBHOOK_SEARCH_H
#define FLOW_WEBHOOK_SEARCH_H

#include "flow/webhook_parts.h"

#define GUESSES_MOST 40

/* One value that may have been used; `words` is NULL for the one that should. */
struct guess {
	struct sl_text text;
	const char *words;
};

struct guesses {
	struct guess list[GUESSES_MOST];
	size_t count;
};

/* Bytes that stand somewhere in the request and could be a signature. */
struct claim {
	unsigned char bytes[SL_DIGEST_MOST];
	size_t size;
	const char *words; /* where and how, if not as the description says */
};

struct search {
	const struct webhook *webhook;
	const struct log_record *record;
	struct arena *arena;
	struct sl_text stamp;
	struct guesses secrets, callbacks, bodies, covers;
	struct claim claims[GUESSES_MOST];
	size_t claim_count;
	size_t allowed; /* mistakes in this round */
	struct buf *out;
};

/* All return whether they found what went wrong, and have said it then. */
bool search_token(struct search *search);
bool search_basic(struct search *search);
bool search_jwt(struct search *search);

/* Says what went wrong: those of the words that are not NULL.  True. */
bool search_found(struct search *search, const char *const *words, size_t count);
void search_line(struct buf *out, const char *mark, const char *words);

#endif
