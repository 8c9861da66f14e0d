/* SPDX-License-Identifier: Apache-2.0 */
/* lua_host.h - what the files of the Lua host know of each other.
 *
 * An instance of a Lua plugin owns a script: one lua_State.  A call runs in a
 * seat, a coroutine of that state, which is used again for the next call.  All
 * that can run out of memory runs inside a protected call or a coroutine; an
 * error there ends the call, never the process.
 *
 * A verb that waits yields the seat's coroutine and says for what (enum await);
 * the step then asks the host for that wait, and its continuation resumes the
 * coroutine.  What is no far side's to answer, another call of the same script, is
 * waited for by parking.
 *
 * What a document is to a script is a view (lua_view.c): it names the seat and
 * the call it belongs to, and refuses to be read after that call.
 */
#ifndef HOST_LUA_HOST_H
#define HOST_LUA_HOST_H

#include <lauxlib.h>
#include <lua.h>

#include "host/inside.h"

#define LUA_HOOK_EVERY 10000
#define LUA_LARGEST_JSON ((size_t)16 << 20) /* bytes that one json.encode, json.decode or emit may have */
#define LUA_DEEPEST_JSON 100                /* levels of a table that becomes a text or a copy */
#define LUA_MOST_WAITS 10000                /* of one call */

/* Why a call is over before its function has returned. */
enum ending { ENDING_NONE,
	ENDING_DROP,
	ENDING_FAIL,
	ENDING_RETRY,
	ENDING_KILLED,
	ENDING_MEMORY };

/* What a script waits for. */
enum await { AWAIT_NOTHING,
	AWAIT_SLEEP,
	AWAIT_HTTP,
	AWAIT_SEAT };

struct script;

struct seat {
	lua_State *lua;
	struct script *script;
	struct call *call;          /* NULL: nobody sits here */
	uint64_t serial;            /* of the call; views that name an older one are dead */
	int64_t budget;             /* what is left of the script's budget */
	enum ending ending;         /* once it is set nothing the script does counts */
	size_t emitted;             /* bytes; not more than a script's memory */
	size_t answered;            /* bytes that the far side sent */
	const struct sl_json *data; /* of the event, as it came */
	size_t changes;             /* nodes of its documents that were written to */
	bool cut;                   /* the count hook ended it: in its coroutine Lua calls no hook any more */

	enum await await;
	int waits;                     /* so far */
	int64_t sleep;                 /* milliseconds */
	const struct sl_http *request; /* in the call's arena */
	struct seat *behind;           /* AWAIT_SEAT: whose work is waited for */

	struct seat *next; /* idle ones; all seats are freed with the script */
	struct seat *older;
};

/* lua_memory.c: small blocks by their size, out of pages. */
#define MEMORY_SMALL 512
struct memory {
	struct memory_page *pages;
	struct free_block *free[MEMORY_SMALL / 16];
	char *at; /* what is left of the newest page */
	size_t left;
};
void *memory_resize(struct memory *memory, void *at, size_t had, size_t size); /* as realloc; 0: it is freed */
void memory_end(struct memory *memory);

/* lua_view.c: metatables that are needed all the time, by their number in the registry. */
enum view_kind { VIEW_OBJECT,
	VIEW_ARRAY,
	VIEW_NULL,
	VIEW_KINDS };
struct view_kept {
	int number;
	const void *at;
};

/* Views that were made lately: a script that looks at data.board twice gets the same one. */
#define VIEW_LATELY 32
struct view_lately {
	const void *thing;
	uint64_t serial;
	struct seat *seat;
	int number;
};

#define SCRIPT_PLACE 96
struct script {
	lua_State *lua;
	struct memory memory;
	struct view_kept kinds[VIEW_KINDS];
	int null; /* the number of json.null */
	struct view_lately lately[VIEW_LATELY];
	size_t used, limit;  /* bytes */
	int64_t budget;      /* of one call: VM instructions, or their worth of memory traffic */
	bool spent;          /* out of memory once, or its instance is gone: closes with its last call */
	bool loading;        /* the file itself runs, not yet a call */
	bool opened;         /* its `open` has run, or it has none */
	struct seat *opener; /* whose call runs `open` */
	size_t calls;
	struct seat *seat;  /* whose code is on the CPU */
	struct seat loader; /* stands for it while the file itself runs */
	struct seat *idle, *all;
	struct buf out; /* what emit and json.encode write, used again and again */
	struct buf sorted;
	struct sl_document *options; /* what scripts are handed as opt */
	char *folder;                /* where its own modules are */
	const char *file;            /* the name it has in messages */
	struct {
		const void *function;
		int line;
		char place[SCRIPT_PLACE];
	} said; /* where it spoke last */
};

/* The text a plugin was described from; every state of it runs the same.  It is
 * the plugin's handle, in its arena. */
struct lua_source {
	const char *text;
	size_t len;
	const char *folder;
	const char *file; /* its last part */
	const char *ends; /* what it has to return, for messages; NULL: a plugin's table */
};

static inline struct script *script_of(lua_State *lua)
{
	return *(struct script **)lua_getextraspace(lua);
}

/* lua_state.c */
struct script *script_new(const struct lua_source *source, const struct host_settings *settings,
	struct why *why); /* the file has run */
void script_free(struct script **script);
void script_table_push(lua_State *lua); /* what the file returned */
bool script_protected(struct script *script, lua_CFunction body, void *data, struct why *why);

/* lua_trace.c: errors as sentences. */
const char *script_place(lua_State *lua, char place[SCRIPT_PLACE]);        /* "cards.lua:7" */
const char *script_place_said(lua_State *lua); /* the same, remembered: until it is asked for again */
void script_words(lua_State *lua, int error, int status, struct why *why); /* an error as a sentence */
void script_callers(lua_State *lua, struct why *why);                      /* ", called from ..." behind it */
int script_handler(lua_State *lua);                                        /* the same for lua_pcall */

/* lua_seat.c */
struct seat *seat_take(struct script *script, struct call *call, struct why *why);
void seat_leave(struct seat **seat); /* what the call left open is closed */
/* Whether this coroutine may wait at all; else an error that names the verb. */
void seat_may_wait(lua_State *lua, const char *verb);
/* Yields until the host has what was asked for; then `next` runs. */
int seat_wait(lua_State *lua, enum await await, lua_KContext context, lua_KFunction next);
/* Whether the running seat may wait for work of another: not here in the stack, or
 * it would wait for itself. */
bool seat_may_park(lua_State *lua, const struct seat *behind);
void seat_done(struct seat *seat); /* those behind it look again */

/* lua_guard.c: the base library without its teeth; ends that cannot be caught. */
void lua_guard_open(lua_State *lua);
int lua_guard_end(lua_State *lua, enum ending ending, const char *form, ...) __attribute__((format(printf, 3, 4)));
void lua_guard_meter(lua_State *lua);

/* lua_view.c */
struct view {
	const void *thing;
	struct seat *seat;
	uint64_t serial;
};
void lua_view_open(lua_State *lua);
void lua_view_push(lua_State *lua, const struct sl_json *value); /* of the running call */
void lua_view_push_of(lua_State *lua, const struct sl_json *value, struct seat *seat);
void lua_null_push(lua_State *lua);
bool lua_is_none(lua_State *lua, int index);                  /* nil or json.null */
const struct sl_json *lua_view_at(lua_State *lua, int index); /* NULL: no view; a dead one is an error */
struct view *lua_view_whole(lua_State *lua, int index);       /* likewise */
/* Other things that end with a call: `kind` is where their metatable is in the registry. */
void lua_view_kind(lua_State *lua, const char *kind, const char *name, const luaL_Reg *functions);
struct view *lua_thing_push(lua_State *lua, const void *thing, const char *kind);
const void *lua_thing(lua_State *lua, int index); /* a metamethod's argument; dead: an error */
const void *lua_thing_at(lua_State *lua, int index, const char *kind); /* NULL: it is none of this kind */
bool lua_has_kind(lua_State *lua, int index, const char *kind);

/* lua_change.c: documents that were written to. */
bool lua_change_own(lua_State *lua, const struct view *view);  /* pushes what it became; false: nothing */
void lua_change_make(lua_State *lua, const struct view *view); /* pushes it, made if need be */
bool lua_change_inside(lua_State *lua, const struct sl_json *value, struct seat *seat); /* it or anything in it */
void lua_change_forget(struct seat *seat);

/* lua_event.c: what a step is handed. */
void lua_event_open(lua_State *lua);
void lua_event_push(lua_State *lua, struct call *call);

/* lua_rows.c */
void lua_rows_open(lua_State *lua);
void lua_rows_push(lua_State *lua, struct call *call);
const struct sl_row *lua_row_at(lua_State *lua, int index); /* NULL: it is no row; a dead one is an error */
size_t lua_row_number(lua_State *lua, int index);           /* from 1; 0: it is no row */

/* lua_copy.c */
void lua_json_tables(lua_State *lua, const struct sl_json *value); /* pushes it as plain tables */
void lua_json_copy(lua_State *lua, int index);                     /* pushes a deep copy */

/* lua_json.c */
void lua_json_open(lua_State *lua);
void lua_json_list(lua_State *lua);                                /* marks the table on top as a list */
struct sl_text lua_json_encode(lua_State *lua, int index);         /* in script->out, until the next one */

/* lua_verbs.c.  The call that runs, if this verb belongs into its step. */
#define IN(step) (1u << (step))
#define LUA_EVERYWHERE (~0u)
#define LUA_EMITTING (IN(STEP_DECODE) | IN(STEP_POLL) | IN(STEP_TRANSFORM) | IN(STEP_HOOKS) | IN(STEP_DISCOVER))
struct call *lua_verb_call(lua_State *lua, const char *verb, unsigned steps);
void lua_verb_count(lua_State *lua, size_t len); /* what a call makes beside the script's memory has a limit */
void lua_verbs_open(lua_State *lua);

/* lua_http.c, lua_answer.c, lua_cache.c, lua_lib.c, lua_require.c */
void lua_http_open(lua_State *lua);
void lua_answer_open(lua_State *lua);
void lua_answer_push(lua_State *lua, const struct sl_response *response);
void lua_cache_open(lua_State *lua);
void lua_lib_open(lua_State *lua);
void lua_require_open(lua_State *lua);

/* lua_cover.c (host/lua_cover.h) */
int lua_cover_mask(void);                                  /* the hooks it wants beside others */
void lua_cover_line(lua_State *lua, lua_Debug *where);     /* a line begins */
void lua_cover_loaded(lua_State *lua, const char *name);   /* the function on top, of a file in the script's folder */

/* Reads a script's text, at most 1 MB; malloc'ed. */
char *lua_source_read(const char *path, size_t *len, struct why *why);

/* lua_step.c: gives a face the steps that its script offers, a bit for each enum step. */
void lua_fill_face(struct sl_plugin *face, unsigned steps);

#endif
