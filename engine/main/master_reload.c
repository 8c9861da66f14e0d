/* SPDX-License-Identifier: Apache-2.0 */
/* master_reload.c - a new configuration while the daemon runs.
 *
 * All or nothing: a configuration that cannot be used, or that asks for what
 * only a restart can give, changes nothing.  Else the ingress is handed its new
 * part; a route or source whose part or files have changed is drained and begun again
 * at its cursor; the others are left alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/line.h"
#include "io/http.h"
#include "io/notify.h"
#include "main/master.h"
#include "main/watch.h"

struct reload {
	uv_work_t work;
	struct master *master;
	struct http_request *request; /* NULL: nobody waits */
	struct arena *arena;
	struct faults errors, warnings;
	const char *file;
	enum config_depth depth;
	struct config *config; /* NULL: it cannot be used */
};

/* ------------------------------------------------------------ what changed */

static bool same_list(const char *const *a, const char *const *b)
{
	while (*a && *b && strcmp(*a, *b) == 0)
		a++, b++;
	return !*a && !*b;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What the master itself has opened stays as long as it runs. */
static bool needs_restart(const struct config *old, const struct config *new, struct why *why)
{
	const char *what = NULL;
	if (!same_list(old->listen, new->listen))
		what = "listen";
	else if (!same_text(old->data, new->data))
		what = "data";
	else if (!same_text(old->admin, new->admin))
		what = "admin";
	else if (!same_text(old->user, new->user))
		what = "user";
	if (what)
		why_say(why, "%s: `%s` has changed, and that takes a restart of the daemon; nothing was changed", new->file,
			what);
	return what != NULL;
}

/* ------------------------------------------------------------------- apply */

static bool is_same(const struct child *child, const struct wanted *wanted)
{
	const struct buf *part = &wanted->part;
	return !child->unwanted && child->state != CHILD_FAILED && child->print == wanted->print &&
		child->part.len == part->len && memcmp(child->part.at, part->at, part->len) == 0;
}

static const char *reported(const struct child *child)
{
	return child->kind == CHILD_SOURCE ? child->label : child->name; /* a route may have the name of a source */
}

static void apply_child(struct child *child, struct wanted *wanted, struct buf *report)
{
	child->deadline = wanted->deadline;
	if (!is_same(child, wanted)) {
		child->print = wanted->print;
		child->unwanted = false;
		child_replace(child, &wanted->part);
		json_string(report, reported(child));
	}
	buf_free(&wanted->part);
}

static void add_child(struct master *master, struct wanted *wanted, struct buf *report)
{
	struct children *children = master_children(master, wanted->kind);
	struct why why;
	if (master_add(master, wanted, &why))
		json_string(report, reported(children->at[children->count - 1]));
	else
		line(SL_ERROR, "%s cannot be begun: %s", wanted->name, why.text);
	buf_free(&wanted->part);
}

static void apply_ingress(struct master *master, const struct config *config, struct buf *report)
{
	struct wanted wanted;
	wanted_ingress(master, config, &wanted);
	apply_child(master->ingress, &wanted, report);
}

static void apply_worker(struct master *master, struct wanted *wanted, struct buf *report)
{
	struct child *child = children_find(master_children(master, wanted->kind), wanted->name);
	if (child)
		apply_child(child, wanted, report);
	else
		add_child(master, wanted, report);
}

static void apply_workers(struct master *master, const struct config *config, struct buf *report)
{
	struct wanted wanted;
	for (size_t i = 0; i < config->route_count; i++) {
		wanted_route(config, &config->routes[i], &wanted);
		apply_worker(master, &wanted, report);
	}
	for (size_t i = 0; i < config->source_count; i++) {
		if (!config->sources[i].has_process)
			continue;
		wanted_source(master, config, &config->sources[i], &wanted);
		apply_worker(master, &wanted, report);
	}
}

static bool is_wanted(const struct config *config, const struct child *child)
{
	const struct config_source *source = config_source(config, child->name);
	return child->kind == CHILD_ROUTE ? config_route(config, child->name) != NULL : source && source->has_process;
}

/* A child without a process is forgotten within child_stop: so from the end. */
static void drop_unwanted(const struct children *children, const struct config *config, struct buf *report)
{
	for (size_t i = children->count; i-- > 0;) {
		struct child *child = children->at[i];
		if (child->unwanted || is_wanted(config, child))
			continue;
		json_string(report, reported(child));
		child->unwanted = true;
		child_stop(child, CHILD_STOP_TIME);
	}
}

static void apply(struct master *master, struct config *config, struct buf *report)
{
	struct config *old = master->config;
	master->config = config;
	master_speak(config);
	json_key(report, "changed");
	json_open(report, '[');
	apply_ingress(master, config, report);
	apply_workers(master, config, report);
	json_close(report, ']');
	json_key(report, "removed");
	json_open(report, '[');
	drop_unwanted(&master->routes, config, report);
	drop_unwanted(&master->sources, config, report);
	json_close(report, ']');
	config_free(&old);
}

/* ------------------------------------------------------------------ answer */

static void write_sentences(const struct faults *faults, const char *name, struct buf *out)
{
	json_key(out, name);
	json_open(out, '[');
	for (size_t i = 0; i < faults->count && i < FAULTS_MOST; i++)
		json_string(out, faults->at[i]);
	json_close(out, ']');
}

static void tell_lines(const struct faults *faults, enum sl_level level)
{
	for (size_t i = 0; i < faults->count && i < FAULTS_MOST; i++)
		line(level, "%s", faults->at[i]);
}

static void refuse(struct reload *reload, struct buf *out)
{
	struct master *master = reload->master;
	const char *error = reload->errors.count ? reload->errors.at[0] : "the configuration cannot be used";
	why_say(&master->reload_error, "%s", error);
	master->reload_at = clock_wall();
	tell_lines(&reload->errors, SL_ERROR);
	line(SL_ERROR, "the configuration was not reloaded; the old one goes on");
	json_member_string(out, "error", error);
	write_sentences(&reload->errors, "errors", out);
}

/* Takes the new configuration, or says why not.  Returns the HTTP status. */
static int conclude(struct reload *reload, struct buf *out)
{
	struct master *master = reload->master;
	struct why why;
	if (reload->config && needs_restart(master->config, reload->config, &why))
		faults_add(&reload->errors, &why);
	tell_lines(&reload->warnings, SL_WARNING);
	if (!reload->config || reload->errors.count) {
		refuse(reload, out);
		config_free(&reload->config);
		return 422;
	}
	apply(master, reload->config, out);
	master->reload_error.text[0] = '\0';
	line(SL_INFO, "the configuration was reloaded");
	return 200;
}

static void on_read(uv_work_t *work, int status)
{
	struct reload *reload = work->data;
	struct master *master = reload->master;
	struct buf out = { 0 };
	int code = 503;
	bool again = master->reload_again;
	master->reloading = master->reload_again = false;
	json_open(&out, '{');
	if (master->stopping)
		json_member_string(&out, "error", "the daemon is stopping");
	else
		code = conclude(reload, &out);
	write_sentences(&reload->warnings, "warnings", &out);
	json_close(&out, '}');
	if (reload->request)
		http_answer(reload->request, code, NULL, (struct sl_text){ out.at, out.len });
	if (master->ready && !master->stopping)
		notify_ready();
	buf_free(&out);
	if (master->stopping)
		config_free(&reload->config);
	else if (master->watch)
		watch_config(master->watch, master->config);
	arena_free(&reload->arena);
	free(reload);
	if (again && !master->stopping)
		master_reload(master, NULL);
}

static void read_config(uv_work_t *work)
{
	struct reload *reload = work->data;
	reload->config = config_read(reload->file, reload->depth, &reload->errors, &reload->warnings);
}

void master_reload(struct master *master, struct http_request *request)
{
	struct reload *reload;
	if (master->reloading) {
		master->reload_again = true;
		return;
	}
	master->reloading = true;
	if (master->ready)
		notify_reloading();
	reload = must_alloc(sizeof(*reload));
	reload->master = master;
	reload->request = request;
	reload->arena = arena_new();
	reload->errors.arena = reload->warnings.arena = reload->arena;
	reload->file = arena_string(reload->arena, master->config->file);
	reload->depth = master->watched ? CONFIG_BUILD : CONFIG_WHOLE; /* who watches writes plugins */
	reload->work.data = reload;
	uv_queue_work(&master->loop, &reload->work, read_config, on_read);
}
