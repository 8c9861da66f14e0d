/* SPDX-License-Identifier: Apache-2.0 */
/* memory_test.c - whoever goes on without memory leaks nothing, and whoever cannot ends with a word: at each n-th
 * request, once and from then on, operator new's too.
 *
 * What our objects ask of the C library comes by here (--wrap in CMakeLists.txt), what simdjson asks of C++ too. */
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/lua_host.h"
#include "sdk/json.h"
#include "sdk/text.h"

#define NO_MEMORY 71 /* the exit code */
#define MOST 20000   /* requests of a piece of work, at most */

/* -------------------------------------------------------------------- the lever */

static bool armed;
static long asked, at, times, blocks;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

static bool denied(void)
{
	if (!armed)
		return false;
	asked++;
	return asked >= at && asked < at + times;
}

static void *counted(void *block)
{
	blocks += block != NULL;
	return block;
}

void *__wrap_malloc(size_t size)
{
	return denied() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
	return denied() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *block, size_t size)
{
	if (denied())
		return NULL;
	void *larger = __real_realloc(block, size);
	return block ? larger : counted(larger);
}

void __wrap_free(void *block)
{
	blocks -= block != NULL;
	__real_free(block);
}

/* operator new and delete, as simdjson finds them: those that say NULL can be denied. */
#define AS(name) __asm__(name) __attribute__((visibility("default"), used))
void *new_quiet(size_t size, const void *nothrow) AS("_ZnwmRKSt9nothrow_t");
void *new_array_quiet(size_t size, const void *nothrow) AS("_ZnamRKSt9nothrow_t");
void *new_loud(size_t size) AS("_Znwm");
void *new_array_loud(size_t size) AS("_Znam");
void end_one(void *block) AS("_ZdlPv");
void end_sized(void *block, size_t size) AS("_ZdlPvm");
void end_array(void *block) AS("_ZdaPv");

static long news;

void *new_quiet(size_t size, const void *nothrow)
{
	news++;
	return __wrap_malloc(size);
}

void *new_array_quiet(size_t size, const void *nothrow)
{
	news++;
	return __wrap_malloc(size);
}

void *new_loud(size_t size)
{
	return counted(__real_malloc(size));
}

void *new_array_loud(size_t size)
{
	return counted(__real_malloc(size));
}

void end_one(void *block)
{
	__wrap_free(block);
}

void end_sized(void *block, size_t size)
{
	__wrap_free(block);
}

void end_array(void *block)
{
	__wrap_free(block);
}

/* --------------------------------------------------------------- pieces of work */

/* How a life ends, beside NO_MEMORY: its exit code. */
enum end {
	WENT_ON,
	LEFT_SOMETHING,
	WAS_NOT_MET,
	IS_JSON, /* and was taken for something else */
};

static void read_json(struct sl_text text)
{
	struct sl_document *document = sl_json_read(text, NULL, 0);
	if (!document)
		_exit(IS_JSON);
	sl_json_free(&document);
}

/* A thread has what it reads with for itself, and keeps it while texts are small. */
static void json(void)
{
	static const char begin[] = "{\"a\":[1,2,{\"b\":\"\\u20ac\"}]";
	size_t len = (size_t)3 << 20;
	char *large = __real_malloc(len);
	memset(large, ' ', len);
	memcpy(large, begin, sizeof(begin) - 1);
	large[len - 1] = '}';
	read_json(sl_text_of("{\"id\":\"1\",\"data\":[true,null]}"));
	read_json((struct sl_text){ large, len });
	read_json(sl_text_of("[]"));
	__real_free(large);
}

static void *resize(void *memory, void *block, size_t had, size_t size)
{
	return memory_resize(memory, block, block ? had : 0, size);
}

/* Lua says that there is none, and is closed. */
static void script(void)
{
	struct memory memory = { 0 };
	lua_State *lua = lua_newstate(resize, &memory);
	if (lua) {
		lua_pushcfunction(lua, luaopen_string);
		lua_pcall(lua, 0, 0, 0);
		if (luaL_loadstring(lua, "local t = {} for i = 1, 400 do t[i] = { i, i .. 'x' } end return #t") == LUA_OK)
			lua_pcall(lua, 0, 1, 0);
		lua_close(lua);
	}
	memory_end(&memory);
}

static void *in_a_thread(void *work)
{
	((void (*)(void))work)();
	return NULL; /* what it has for itself ends behind this */
}

static void work_in_thread(void (*work)(void))
{
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, in_a_thread, (void *)work), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* A process in which the n-th request, or all from it on, are denied: its exit code, or -1 for a signal. */
static int life(void (*work)(void), long number, long so_many)
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(LEFT_SOMETHING);
		at = number, times = so_many, armed = true;
		long before = blocks;
		work_in_thread(work);
		_exit(blocks != before ? LEFT_SOMETHING : asked < number ? WAS_NOT_MET : WENT_ON);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* At every n, until there are no more. */
static void starve(void (*work)(void), int right)
{
	static const long how_long[] = { 1, 10, MOST };
	for (size_t i = 0; i < sizeof(how_long) / sizeof(how_long[0]); i++) {
		long number = 1;
		int end;
		while ((end = life(work, number, how_long[i])) == right)
			number++;
		if (end != WAS_NOT_MET)
			fail_msg("without the %ld requests from the %ldth on it ended with %d", how_long[i], number, end);
		assert_in_range(number, 5, MOST);
		print_message("%ld requests, denied %ld at a time\n", number - 1, how_long[i]);
	}
}

/* ------------------------------------------------------------------------ tests */

static void what_is_json_is_never_taken_for_something_else(void **state)
{
	long before = news;
	work_in_thread(json);
	assert_in_range(news - before, 4, 100); /* those of simdjson come by here */
	starve(json, NO_MEMORY);
}

static void a_script_without_memory_leaves_nothing(void **state)
{
	starve(script, WENT_ON);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_json_is_never_taken_for_something_else),
		cmocka_unit_test(a_script_without_memory_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
