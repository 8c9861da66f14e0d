/* SPDX-License-Identifier: Apache-2.0 */
/* monday.h - what the parts of this plugin share.
 *
 *     monday.c    options, webhook, api; the plugin itself
 *     ask.c       one GraphQL query: paced by its complexity, its errors judged in all three generations
 *     query.c     what is asked, as text
 *     board.c     one board: its columns and their labels
 *     place.c     how far a poll has come, as a cursor
 *     poll.c      full and delta runs, board by board, page by page
 *     item.c      an item as an event
 *     seen.c      since when each item says what it says
 *     hooks.c     subscriptions: which are wanted, which there are
 *     discover.c  what the token may see
 */
#ifndef MONDAY_H
#define MONDAY_H

#include <stdbool.h>

#include "plugin.h"

#define ID_SIZE 24
#define MINUTE ((int64_t)60000)
#define DAY (1440 * MINUTE)

struct monday {
	const char *base, *version;
	const char *const *token, *const *secret;
	const char *const *boards, *const *events, *const *columns, *const *subitems, *const *linked;
	int64_t page, full, overlap;
};

/* A kind of query: what one of them cost lately says what the next will cost. */
enum query { QUERY_BOARD,
	QUERY_PAGE,
	QUERY_ITEMS,
	QUERY_HOOKS,
	QUERY_CHANGE,
	QUERY_ABOUT,
	QUERY_COUNT };

struct board {
	struct board *next;
	char id[ID_SIZE];
	char *json; /* {"id":..,"name":..}, as events carry it */
	char *labels;
	char *name;
	char subitems[ID_SIZE]; /* the board of its subitems; "": none */
	bool of_subitems;
	int64_t items;
};

/* seen.c */
struct memory {
	struct seen *table;
	size_t room, count;
};

struct state {
	int64_t left, renewed; /* complexity that is left, until then; renewed 0: not known */
	int64_t cost[QUERY_COUNT];
	struct board *boards; /* as they were read last */
	struct memory seen;
	bool rested;       /* the run has ended, and the host was not told yet */
	unsigned internal; /* errors of that kind, one after the other */
};

/* Where a walk is: its cursor. */
struct place {
	int64_t full, delta; /* when the last such run began; 0: never */
	bool running, is_full;
	int64_t began, since; /* of the run; before `since` nothing is wanted, 0: all is */
	char board[ID_SIZE];  /* under way; "": the first is next */
	const char *page;     /* monday's cursor in it; NULL: its first page is next */
	int64_t board_began, items, made, done;
};

/* A call, over its waits. */
struct local {
	/* ask.c */
	enum query kind;
	struct sl_text body;
	sl_step *next;
	const struct sl_json *data; /* of the answer */
	bool dead_cursor, refused;  /* what was asked for: gone, or not for this token */
	int tries;
	struct sl_text error; /* the first message, if there is one */
	int64_t now;          /* by the vendor's clock */

	struct place place;       /* poll.c */
	char (*parents)[ID_SIZE]; /* of subitems that changed */
	size_t parent_count, parents_asked;
	char parent_board[ID_SIZE];
	const char *page; /* what monday gave for the next one; NULL: this was the last */

	struct work *work; /* hooks.c, discover.c */
};

static inline const struct monday *options_of(const struct sl_call *call)
{
	return call->options;
}

static inline struct state *state_of(const struct sl_call *call)
{
	return call->state;
}

static inline struct local *local_of(const struct sl_call *call)
{
	return call->local;
}

static inline bool has_token(const struct monday *opt)
{
	return opt->token && opt->token[0] && opt->token[0][0];
}

int64_t wall(void); /* ms since 1970, by our clock */

/* ask.c: sends, and goes on with local->data, refused or dead_cursor; anything else that is wrong
 * ends the call.  variables: a JSON object. */
enum sl_outcome ask(struct sl_call *call, enum query kind, const char *query, const char *variables, sl_step *next);

/* query.c */
struct sl_text query_board(struct sl_call *call);
struct sl_text query_first(struct sl_call *call);
struct sl_text query_next(struct sl_call *call);
struct sl_text query_items(struct sl_call *call);
struct sl_text query_hooks(struct sl_call *call);
/* ["a","b"]; an empty one: null */
struct sl_text list_json(struct sl_call *call, const char *const *list);
/* NULL: null */
struct sl_text quoted(struct sl_call *call, const char *text);

/* board.c */
/* NULL: it has no id. */
struct board *board_take(struct sl_call *call, const struct sl_json *board);
/* NULL: it was not read yet. */
struct board *board_find(const struct state *state, const char *id);
void boards_free(struct state *state);

/* place.c */
void place_read(struct sl_call *call, struct place *place);
const char *place_write(struct sl_call *call, const struct place *place);

/* item.c: false if it has no id.  Of `since` it is only if it changed since then; 0: always. */
bool item_emit(struct sl_call *call, const struct sl_json *item, int64_t since);
/* how the board under way does */
void run_emit(struct sl_call *call, const char *state, const char *error);
/* a number or a string of digits */
bool copy_id(const struct sl_host *host, const struct sl_json *value, char out[ID_SIZE]);

/* seen.c: when it was first seen to say this; run: of the full run under way, 0: none. */
int64_t seen_since(struct memory *memory, int64_t item, int64_t board, int64_t run, uint64_t digest, int64_t now);
/* The board was read whole: what the run did not see is forgotten. */
void seen_sweep(struct memory *memory, int64_t board, int64_t run);
void seen_free(struct memory *memory);

/* The steps. */
enum sl_outcome poll_step(struct sl_call *call);
enum sl_outcome hooks_step(struct sl_call *call);
enum sl_outcome discover_step(struct sl_call *call);

#endif
