/* SPDX-License-Identifier: Apache-2.0 */
/* admin_fuzz.c - any requests to the admin address, any answers of the processes asked.
 *
 * "REQUESTS %% LF ANSWER": the requests as they come on a connection; then each
 * child says the answer to the first few questions; what is still open times out.
 */
#include <sys/socket.h>

#include "base/clock.h"
#include "fuzz.h"
#include "io/socket.h"
#include "main/admin.h"
#include "main/master.h"

#define MOST_ASKED 4 /* ids of questions that are answered */

static struct config config;
static struct master master;
static struct child *route, *source;

/* -------------------------------------------------------------------- the house */

static struct child *serving(enum child_kind kind, const char *name)
{
	struct why why = { "" };
	struct buf part = { 0 };
	buf_string(&part, "{}");
	struct child *child = child_new(&master.loop, kind, name, &part, &why);
	must_why(child != NULL, "there is a child", &why);
	child->state = CHILD_READY;
	child->has_served = true;
	return child;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char address[128];
	fuzz_begin();
	snprintf(address, sizeof(address), "unix:%s/admin", fuzz_folder);
	config = (struct config){ .file = "sluice.yaml", .admin = address, .data = fuzz_folder };
	config.log.size = 1 << 30;
	uv_loop_init(&master.loop);
	master.config = &config;
	master.ready = true;
	master.ingress = serving(CHILD_INGRESS, "ingress");
	route = serving(CHILD_ROUTE, "cards");
	source = serving(CHILD_SOURCE, "boards");
	master.routes = (struct children){ &route, 1 };
	master.sources = (struct children){ &source, 1 };
	master.reloading = true; /* so that nobody begins one */
	return 0;
}

/* ------------------------------------------------------------------ a talk */

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		uv_run(&master.loop, UV_RUN_NOWAIT);
}

static void say(struct child *child, uint64_t id, const struct sl_json *answer)
{
	struct buf text = { 0 };
	json_open(&text, '{');
	json_member_string(&text, "say", "answer");
	json_member_uint(&text, "id", id);
	for (const struct sl_json *at = sl_json_first(answer); at; at = sl_json_next(at)) {
		struct sl_text raw = sl_json_raw(at), name = sl_json_name(at);
		if (!name.at || sl_text_is(name, "id") || sl_text_is(name, "say"))
			continue;
		json_key_text(&text, name);
		json_raw(&text, raw.at, raw.len);
	}
	json_close(&text, '}');
	struct sl_document *document = sl_json_read((struct sl_text){ text.at, text.len }, NULL, 0);
	must(document != NULL, "members of an object make an object");
	admin_heard(master.admin, child, sl_text_of("answer"), sl_json_root(document));
	sl_json_free(&document);
	buf_free(&text);
}

static void answer_all(struct sl_text text)
{
	struct sl_document *document = sl_json_read(text, NULL, 0);
	struct child *children[] = { master.ingress, route, source };
	for (uint64_t id = 1; document && id <= MOST_ASKED; id++)
		for (size_t i = 0; i < 3; i++)
			say(children[i], id, sl_json_root(document));
	sl_json_free(&document);
}

/* Each answer is a status line, and a body that is JSON or numbers. */
static void hear(int fd)
{
	static char bytes[1 << 18];
	ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	must(got <= 0 || (got > 12 && memcmp(bytes, "HTTP/1.1 ", 9) == 0), "what is answered is HTTP");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = feed_of(data, size);
	struct sl_text requests = feed_until(&feed, "%%\n");
	struct why why = { "" };
	if (size > 20000)
		return 0;
	config.admin_token = size % 8 == 7 ? "a token" : NULL;
	master.admin = admin_open(&master, &why);
	must_why(master.admin != NULL, "the address can be had", &why);
	int fd = socket_connect(config.admin, 1000, &why);
	must_why(fd >= 0, "one can connect", &why);
	turn();
	if (send(fd, requests.at, requests.len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		turn();
	answer_all(feed_rest(&feed));
	admin_ready(master.admin, route);
	admin_tick(master.admin, clock_ticks() + 3600000);
	turn();
	hear(fd);
	close(fd);
	admin_ended(master.admin, source);
	admin_close(&master.admin);
	turn();
	return 0;
}
