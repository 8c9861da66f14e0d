/* SPDX-License-Identifier: Apache-2.0 */
/* budgets.c - the budgets of credentials, kept by the master for all its children. */
#include "main/budgets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/desk.h"
#include "base/line.h"
#include "host/net.h"
#include "sdk/text.h"

#define TOUCH_EVERY 1000
#define LONGEST_HUSH 86400000

/* What one process was told a credential allows. */
struct pledge {
	struct pledge *next;
	char *credential;
	struct budget_limits limits;
};

/* A process, from its first message to its end; a child that is begun again is another. */
struct user {
	struct user *next;
	struct child *child;
	uint32_t number;
	struct pledge *pledges;
};

struct budgets {
	struct desk *desk;
	struct user *users;
	uint32_t last_number;
	uv_timer_t serve, touch;
	int open_timers;
	int fd; /* DATA/budgets; -1: it cannot be had */
};

/* ------------------------------------------------------------------------- the limits */

static int64_t stricter(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* So many in so long: fewer in longer is stricter. */
static void stricter_window(int64_t *count, int64_t *window, int64_t other, int64_t other_window)
{
	if (!other || !other_window)
		return;
	if (!*count || (double)other / (double)other_window < (double)*count / (double)*window) {
		*count = other;
		*window = other_window;
	}
}

static void add_limits(struct budget_limits *all, const struct budget_limits *one)
{
	stricter_window(&all->requests, &all->window, one->requests, one->window);
	if (one->points)
		all->points_flow = one->points_flow && (!all->points || all->points_flow);
	stricter_window(&all->points, &all->points_window, one->points, one->points_window);
	all->at_once = stricter(all->at_once, one->at_once);
}

static const struct pledge *pledge_find(const struct user *user, const char *credential)
{
	const struct pledge *pledge = user->pledges;
	while (pledge && strcmp(pledge->credential, credential) != 0)
		pledge = pledge->next;
	return pledge;
}

/* False: nobody uses it. */
static bool limits_of(const struct budgets *budgets, const char *credential, struct budget_limits *all)
{
	bool used = false;
	*all = (struct budget_limits){ 0 };
	for (const struct user *user = budgets->users; user; user = user->next) {
		const struct pledge *pledge = pledge_find(user, credential);
		for (; pledge; pledge = pledge->next)
			if (strcmp(pledge->credential, credential) == 0)
				add_limits(all, &pledge->limits), used = true;
	}
	return used;
}

/* What nobody uses keeps its limits, and what was used of them: its process may be
 * away only for a moment. */
static void set_limits(struct budgets *budgets, const struct pledge *pledges)
{
	struct budget_limits limits;
	for (; pledges; pledges = pledges->next)
		if (limits_of(budgets, pledges->credential, &limits))
			desk_limit(budgets->desk, pledges->credential, &limits, clock_ticks());
}

/* -------------------------------------------------------------------------- the users */

static void pledge(struct user *user, const struct sl_json *json, struct arena *arena)
{
	const struct net_api *api = net_api_read(json, arena, NULL);
	if (!api)
		return;
	struct pledge *new = must_alloc(sizeof(*new));
	*new = (struct pledge){ user->pledges, must_string(api->credential), api->limits };
	user->pledges = new;
}

static void pledge_each(struct user *user, const struct sl_json *list, struct arena *arena)
{
	for (const struct sl_json *item = sl_json_first(list); item; item = sl_json_next(item))
		pledge(user, sl_json_get(item, "api"), arena);
}

/* All far sides that its part names: its own, its sources', its transforms', its sink's. */
static void read_part(struct user *user)
{
	const struct buf *part = &user->child->part;
	struct sl_document *document = sl_json_read((struct sl_text){ part->at, part->len }, NULL, 0);
	const struct sl_json *root = sl_json_root(document);
	struct arena *arena = arena_new();
	pledge(user, sl_json_get(root, "api"), arena);
	pledge_each(user, sl_json_get(root, "sources"), arena);
	pledge_each(user, sl_json_get(root, "transforms"), arena);
	pledge(user, sl_json_at(root, "/sink/api"), arena);
	arena_free(&arena);
	sl_json_free(&document);
}

static struct user *user_of(struct budgets *budgets, struct child *child)
{
	struct user *user = budgets->users;
	while (user && user->child != child)
		user = user->next;
	if (user)
		return user;
	user = must_alloc(sizeof(*user));
	*user = (struct user){ .next = budgets->users, .child = child, .number = ++budgets->last_number };
	budgets->users = user;
	read_part(user);
	set_limits(budgets, user->pledges);
	return user;
}

static void user_free(struct user *user)
{
	while (user->pledges) {
		struct pledge *gone = user->pledges;
		user->pledges = gone->next;
		free(gone->credential);
		free(gone);
	}
	free(user);
}

/* --------------------------------------------------------------------- for a restart */

static void touch(uv_timer_t *timer)
{
	struct budgets *budgets = timer->data;
	if (budgets->fd >= 0 && futimens(budgets->fd, NULL) < 0)
		line(SL_WARNING, "the time of the last request cannot be noted: %s", strerror(errno));
	if (!desk_lent(budgets->desk))
		uv_timer_stop(timer);
}

static void something_is_lent(struct budgets *budgets)
{
	if (uv_is_active((uv_handle_t *)&budgets->touch))
		return;
	touch(&budgets->touch);
	uv_timer_start(&budgets->touch, touch, TOUCH_EVERY, TOUCH_EVERY);
}

/* When the daemon before us was last seen to ask, in our ticks; it may have gone on until the next touch. */
static int64_t last_use(int fd, bool made)
{
	struct stat file;
	int64_t now = clock_ticks();
	if (made || fd < 0 || fstat(fd, &file) < 0)
		return BUDGET_UNUSED;
	int64_t age = clock_wall() - ((int64_t)file.st_mtim.tv_sec * 1000 + file.st_mtim.tv_nsec / 1000000) - TOUCH_EVERY;
	return age > 0 ? now - age : now;
}

static int64_t open_file(struct budgets *budgets, const char *data)
{
	struct buf path = { 0 };
	buf_format(&path, "%s/budgets", data);
	budgets->fd = open(path.at, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	bool made = budgets->fd < 0;
	if (made)
		budgets->fd = open(path.at, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_CREAT, 0600);
	if (budgets->fd < 0)
		line(SL_WARNING, "%s: cannot be opened: %s", path.at, strerror(errno));
	buf_free(&path);
	return last_use(budgets->fd, made);
}

/* ------------------------------------------------------------------------ the grants */

static void serve(uv_timer_t *timer)
{
	struct budgets *budgets = timer->data;
	int64_t now = clock_ticks(), next = desk_serve(budgets->desk, now);
	if (next == INT64_MAX)
		return;
	uv_update_time(timer->loop);
	uv_timer_start(timer, serve, next > now ? (uint64_t)(next - now) : 0, 0);
}

static void told(void *data, uint32_t owner, uint64_t ticket, uint64_t grant, int64_t after)
{
	struct budgets *budgets = data;
	const struct user *user = budgets->users;
	struct buf out = { 0 };
	while (user->number != owner)
		user = user->next;
	json_open(&out, '{');
	json_member_string(&out, "do", "granted");
	json_member_uint(&out, "ticket", ticket);
	json_member_uint(&out, "grant", grant);
	if (!grant)
		json_member_int(&out, "after", after);
	json_close(&out, '}');
	child_send(user->child, &out);
	buf_free(&out);
	if (grant)
		something_is_lent(budgets);
}

/* What comes from a child may be anything: its plugins share its memory. */
static int64_t number(const struct sl_json *message, const char *name)
{
	int64_t value = 0;
	sl_json_integer(sl_json_get(message, name), &value);
	return value > 0 ? value : 0;
}

/* One of those that its part names, or NULL. */
static const char *credential_of(const struct user *user, const struct sl_json *message)
{
	struct sl_text text = sl_json_string(sl_json_get(message, "credential"));
	const struct pledge *pledge = text.at ? pledge_find(user, text.at) : NULL;
	return pledge ? pledge->credential : NULL;
}

static void heard_take(struct budgets *budgets, const struct user *user, const struct sl_json *message)
{
	const char *credential = credential_of(user, message);
	bool backfill = sl_text_is(sl_json_string(sl_json_get(message, "class")), "backfill");
	if (credential)
		desk_take(budgets->desk, credential, user->number, (uint64_t)number(message, "ticket"),
			backfill ? BUDGET_BACKFILL : BUDGET_LIVE, number(message, "cost"));
}

static void heard_more(struct budgets *budgets, const struct user *user, const struct sl_json *message)
{
	const char *credential = credential_of(user, message);
	if (credential)
		desk_more(budgets->desk, credential, user->number, (uint64_t)number(message, "grant"),
			number(message, "requests"));
}

/* What is not said cost what it was thought to. */
static int64_t cost_of(const struct sl_json *message)
{
	int64_t cost = BUDGET_AS_SAID;
	sl_json_integer(sl_json_get(message, "cost"), &cost);
	return cost;
}

static void heard_give(struct budgets *budgets, const struct user *user, const struct sl_json *message)
{
	const char *credential = credential_of(user, message);
	int64_t hush = number(message, "hush");
	if (credential)
		desk_give(budgets->desk, credential, user->number, (uint64_t)number(message, "grant"), cost_of(message),
			hush < LONGEST_HUSH ? hush : LONGEST_HUSH, clock_ticks());
}

static void heard_forget(struct budgets *budgets, const struct user *user, const struct sl_json *message)
{
	desk_forget(budgets->desk, user->number, (uint64_t)number(message, "ticket"), clock_ticks());
}

void budgets_heard(struct budgets *budgets, struct child *child, struct sl_text say, const struct sl_json *message)
{
	static const struct {
		const char *say;
		void (*heard)(struct budgets *, const struct user *, const struct sl_json *);
	} messages[] = { { "take", heard_take }, { "more", heard_more }, { "give", heard_give },
		{ "forget", heard_forget } };
	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++)
		if (sl_text_is(say, messages[i].say)) {
			messages[i].heard(budgets, user_of(budgets, child), message);
			serve(&budgets->serve);
		}
}

void budgets_ended(struct budgets *budgets, struct child *child)
{
	struct user **at = &budgets->users;
	while (*at && (*at)->child != child)
		at = &(*at)->next;
	struct user *user = *at;
	if (!user)
		return;
	*at = user->next;
	desk_drop(budgets->desk, user->number, clock_ticks());
	set_limits(budgets, user->pledges);
	user_free(user);
	serve(&budgets->serve);
}

/* ----------------------------------------------------------------------- life and end */

struct budgets *budgets_new(uv_loop_t *loop, const char *data)
{
	struct budgets *budgets = must_alloc(sizeof(*budgets));
	budgets->desk = desk_new(told, budgets, open_file(budgets, data));
	uv_timer_t *const timers[] = { &budgets->serve, &budgets->touch };
	for (size_t i = 0; i < 2; i++) {
		uv_timer_init(loop, timers[i]);
		timers[i]->data = budgets;
		budgets->open_timers++;
	}
	return budgets;
}

static void closed(uv_handle_t *timer)
{
	struct budgets *budgets = timer->data;
	if (--budgets->open_timers == 0)
		free(budgets);
}

void budgets_free(struct budgets **at)
{
	struct budgets *budgets = *at;
	*at = NULL;
	if (!budgets)
		return;
	desk_free(&budgets->desk);
	while (budgets->users) {
		struct user *user = budgets->users;
		budgets->users = user->next;
		user_free(user);
	}
	if (budgets->fd >= 0)
		close(budgets->fd);
	uv_close((uv_handle_t *)&budgets->serve, closed);
	uv_close((uv_handle_t *)&budgets->touch, closed);
}
