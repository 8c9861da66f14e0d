/* SPDX-License-Identifier: Apache-2.0 */
/* lua_host.h - what the files of the Lua host know of each other.
 *
 * An instance of a Lua plugin owns a script: one lua_State.  A call runs in a
 * seat, a coroutine of that state, which is used again for the next call.  All
 * that can run out of memory runs inside a protected call or a coroutine; an
 * error there ends the call, never the process.
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

/* Why a call is over before its function has returned. */
enum ending { ENDING_NONE,
	ENDING_DROP,
	ENDING_FAIL,
	ENDING_RETRY,
	ENDING_KILLED,
	ENDING_MEMORY };

struct script;

struct seat {
	lua_State *lua;
	struct script *script;
	struct call *call;  /* NULL: nobody sits here */
	uint64_t serial;    /* of the call; views that name an older one are dead */
	int64_t budget;     /* what is left of the script's budget */
	enum ending ending; /* once it is set nothing the script does counts */
	size_t emitted;     /* bytes; not more than a script's memory */
	int64_t wait;       /* milliseconds; -1: the script did not ask for a wait */
	struct seat *next;  /* idle ones; all seats are freed with the script */
	struct seat *older;
};

struct script {
	lua_State *lua;
	size_t used, limit; /* bytes */
	int64_t budget;     /* of one call: VM instructions, or their worth of memory traffic */
	bool spent;         /* out of memory once, or its instance is gone: closes with its last call */
	bool loading;       /* the file itself runs, not yet a call */
	size_t calls;
	struct seat *seat;  /* whose code is on the CPU */
	struct seat loader; /* stands for it while the file itself runs */
	struct seat *idle, *all;
	struct buf out; /* what emit and json.encode write, used again and again */
	struct buf sorted;
	struct sl_document *options; /* what scripts are handed as opt */
	char *folder;                /* where its own modules are */
	const char *file;            /* the name it has in messages */
};

/* The text a plugin was described from; every state of it runs the same.  It is
 * the plugin's handle, in its arena. */
struct lua_source {
	const char *text;
	size_t len;
	const char *folder;
	const char *file; /* its last part */
};

static inline struct script *script_of(lua_State *lua)
{
	return *(struct script **)lua_getextraspace(lua);
}

/* lua_state.c */
struct script *script_new(const struct lua_source *source, const struct host_settings *settings,
	struct why *why); /* the file has run */
void script_free(struct script **script);
void script_table_push(lua_State *lua);                                    /* what the file returned */
void script_words(lua_State *lua, int error, int status, struct why *why); /* an error as a sentence */
#define SCRIPT_PLACE 96
const char *script_place(lua_State *lua, char place[SCRIPT_PLACE]); /* "cards.lua:7" */
bool script_protected(struct script *script, lua_CFunction body, void *data, struct why *why);

/* lua_guard.c: the base library without its teeth; ends that cannot be caught. */
void lua_guard_open(lua_State *lua);
int lua_guard_end(lua_State *lua, enum ending ending, const char *form, ...) __attribute__((format(printf, 3, 4)));
void lua_guard_meter(lua_State *lua);

/* lua_view.c */
void lua_view_open(lua_State *lua);
void lua_view_push(lua_State *lua, const struct sl_json *value); /* of the running call */
void lua_null_push(lua_State *lua);
bool lua_is_none(lua_State *lua, int index);                  /* nil or json.null */
const struct sl_json *lua_view_at(lua_State *lua, int index); /* NULL: no view; a dead one is an error */
void lua_request_push(lua_State *lua);

/* lua_json.c */
void lua_json_open(lua_State *lua);
void lua_json_tables(lua_State *lua, const struct sl_json *value); /* pushes it as plain tables */
struct sl_text lua_json_encode(lua_State *lua, int index);         /* in script->out, until the next one */

/* lua_verbs.c, lua_lib.c, lua_require.c */
void lua_verbs_open(lua_State *lua);
void lua_lib_open(lua_State *lua);
void lua_require_open(lua_State *lua);

/* Reads a script's text, at most 1 MB; malloc'ed. */
char *lua_source_read(const char *path, size_t *len, struct why *why);

/* lua_step.c: gives a face the steps that its script offers. */
void lua_fill_face(struct sl_plugin *face, bool transform, bool decode);

#endif
