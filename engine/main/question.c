/* SPDX-License-Identifier: Apache-2.0 */
/* question.c - questions to routes, answered by the process that owns the state. */
#include "main/question.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "main/daemon.h"
#include "main/lock.h"
#include "main/shown.h"
#include "main/standin.h"
#include "sdk/text.h"
#include "store/log.h"

#define LOOKS 20          /* for a daemon that is just beginning, or another command: 2 s */
#define ANSWER_TIME 40000 /* ms; the children of a killed daemon may hold a route's file for a while */

struct questions {
	struct config *config;
	struct arena *arena;
	const char **routes;
	struct sl_document *status; /* the daemon's; NULL: none runs */

	/* without a daemon */
	struct lock lock;
	struct standin *standin;
};

const struct config *questions_config(const struct questions *questions)
{
	return questions->config;
}

const struct sl_json *questions_status(const struct questions *questions)
{
	return questions->status ? sl_json_root(questions->status) : NULL;
}

const char *const *questions_routes(const struct questions *questions)
{
	return questions->routes;
}

bool questions_has(const struct questions *questions, const char *route)
{
	for (const char *const *name = questions->routes; *name; name++)
		if (strcmp(*name, route) == 0)
			return true;
	return false;
}

int questions_unknown(const struct questions *questions, const struct command_line *line, const char *route)
{
	struct why why;
	shown_unknown(&why, "route", route, questions->routes);
	return command_no(line, "%s", why.text);
}

/* ------------------------------------------------------------ with a daemon */

static void routes_of_status(struct questions *questions)
{
	const struct sl_json *routes = sl_json_get(sl_json_root(questions->status), "routes");
	size_t at = 0;
	questions->routes = arena_alloc(questions->arena, (sl_json_count(routes) + 1) * sizeof(char *));
	for (const struct sl_json *route = sl_json_first(routes); route; route = sl_json_next(route))
		questions->routes[at++] = sl_text_of(sl_json_string(sl_json_get(route, "name")).at).at;
}

static bool say_strange(const struct questions *questions, int status, struct why *why)
{
	if (status == 401)
		return why_say(why, "the daemon wants the token of `admin:`, and the one given is not right");
	return why_say(why, "what answers at %s is not a sluice daemon", questions->config->admin);
}

/* False if nobody answers, or not as a daemon does. */
static bool find_daemon(struct questions *questions, bool *running, struct why *why)
{
	struct ask_answer answer;
	*running = daemon_ask(questions->config, "GET", "/status", (struct sl_text){ "", 0 }, &answer, why);
	if (*running && answer.status == 200)
		questions->status = sl_json_read((struct sl_text){ answer.body.at, answer.body.len }, NULL, 0);
	if (*running && !questions->status)
		say_strange(questions, answer.status, why);
	ask_answer_free(&answer);
	if (!questions->status)
		return false;
	routes_of_status(questions);
	return true;
}

/* --------------------------------------------------------- without a daemon */

/* A route's process would wait for the ingress to make the log. */
static bool log_is_there(const struct config *config, struct why *why)
{
	char *path = arena_format(config->arena, "%s/log", config->data);
	struct log_reader *reader = access(path, F_OK) == 0 ? log_reader_open(path, why) : NULL;
	bool there = reader && *log_reader_id(reader);
	log_reader_close(&reader);
	return there || why_say(why, "there is no log in %s yet: it is made when the daemon first runs", config->data);
}

static void routes_of_config(struct questions *questions)
{
	const struct config *config = questions->config;
	questions->routes = arena_alloc(questions->arena, (config->route_count + 1) * sizeof(char *));
	for (size_t i = 0; i < config->route_count; i++)
		questions->routes[i] = config->routes[i].name;
}

/* The plugins are asked for their options now: the route is to be begun with them. */
static bool stand_in(struct questions *questions, const struct command_line *line)
{
	struct config *whole = config_or_say(line->config, CONFIG_WHOLE, false);
	if (!whole)
		return false;
	config_free(&questions->config);
	questions->config = whole;
	whole->log.level = "warning"; /* a route that only answers has nothing else to tell */
	routes_of_config(questions);
	questions->standin = standin_new(ANSWER_TIME);
	return true;
}

/* One of both is to be had sooner or later: a daemon that answers, or the lock. */
static bool daemon_or_lock(struct questions *questions, struct why *why)
{
	const struct timespec pause = { 0, 100000000 };
	bool running;
	for (int look = 0; look < LOOKS; look++) {
		if (find_daemon(questions, &running, why))
			return true;
		if (running || !log_is_there(questions->config, why))
			return false;
		if (lock_take(questions->config->data, &questions->lock, why))
			return true;
		nanosleep(&pause, NULL);
	}
	return why_within(why, "no daemon answers at %s", questions->config->admin);
}

/* What the questions are to be asked of; false: what is wrong has been printed. */
static bool reach(struct questions *questions, const struct command_line *line, int *code)
{
	struct why why = { 0 };
	*code = EXIT_WRONG;
	questions->config = config_or_say(line->config, CONFIG_ENGINE, false);
	if (!questions->config)
		return false;
	if (!daemon_or_lock(questions, &why)) {
		*code = command_no(line, "%s", why.text);
		return false;
	}
	return questions->status || stand_in(questions, line);
}

struct questions *questions_open(const struct command_line *line, int *code)
{
	struct questions *questions = must_alloc(sizeof(*questions));
	questions->arena = arena_new();
	questions->lock.fd = -1;
	if (!reach(questions, line, code))
		questions_close(&questions);
	return questions;
}

/* ------------------------------------------------------------ its own route */

/* The process of this route: the one that runs, or a new one in its place. */
static bool have_route(struct questions *questions, const char *name, struct why *why)
{
	const struct config_route *route = config_route(questions->config, name);
	struct buf part = { 0 };
	if (!route)
		return why_say(why, "there is no route \"%s\"", name);
	if (standin_has(questions->standin, name))
		return true;
	json_open(&part, '{');
	config_part_route(questions->config, route, &part);
	bool fine = standin_begin(questions->standin, CHILD_ROUTE, name, route->deadline, &part, why);
	buf_free(&part);
	return fine;
}

static struct sl_document *ask_route(struct questions *questions, const char *name, const struct buf *question,
	struct why *why)
{
	return have_route(questions, name, why) ? standin_ask(questions->standin, question, why) : NULL;
}

struct sl_document *question_ask(struct questions *questions, const char *route, const struct buf *question,
	struct why *why)
{
	if (questions->status)
		return daemon_question(questions->config, route, question, NULL, why);
	return ask_route(questions, route, question, why);
}

void questions_close(struct questions **place)
{
	struct questions *questions = *place;
	*place = NULL;
	if (!questions)
		return;
	standin_free(&questions->standin);
	lock_drop(&questions->lock);
	sl_json_free(&questions->status);
	config_free(&questions->config);
	arena_free(&questions->arena);
	free(questions);
}
