/* SPDX-License-Identifier: Apache-2.0 */
/* errand_probe.c - does an address that vendors are told lead to the running daemon?
 *
 * The ingress gives out a nonce and the proof that belongs to it (flow/ingest_probe.c), and
 * the address is asked as a vendor would ask it: by its name, with TLS and its certificate,
 * through whatever stands in front.
 */
#include <string.h>

#include "io/client.h"
#include "main/daemon.h"
#include "main/errands.h"
#include "main/shown.h"
#include "sdk/text.h"

#define ANSWER_TIME 15000 /* ms */
#define ANSWER_MOST 65536 /* bytes */

/* A request and its answer, while the loop runs. */
struct probing {
	uv_loop_t loop;
	struct arena *arena;
	struct client *client;
	const struct client_answer *answer; /* in the arena */
};

static void on_done(const struct client_answer *answer, void *data)
{
	struct probing *probing = data;
	struct client_answer *kept = arena_alloc(probing->arena, sizeof(*kept));
	*kept = *answer;
	probing->answer = kept;
	uv_stop(&probing->loop);
}

/* The address is the operator's own word, and a proxy in the same house may well bear it:
 * unlike what a script asks, it may lead inside. */
static struct client *make_client(const struct config *config, uv_loop_t *loop, struct why *why)
{
	static const char *const everywhere[] = { "0.0.0.0/0", "::/0", NULL };
	const struct client_settings settings = { .allow = everywhere, .proxy = config->net.proxy, .ca = config->net.ca };
	return client_new(loop, &settings, why);
}

static bool ask_address(struct probing *probing, const struct config *config, const char *url, struct why *why)
{
	const struct client_request request = {
		.method = "GET", .url = url, .timeout_ms = ANSWER_TIME, .most = ANSWER_MOST
	};
	uv_loop_init(&probing->loop);
	probing->client = make_client(config, &probing->loop, why);
	if (probing->client)
		client_send(probing->client, &request, probing->arena, on_done, probing);
	uv_run(&probing->loop, UV_RUN_DEFAULT);
	if (probing->client)
		client_free(&probing->client);
	uv_run(&probing->loop, UV_RUN_DEFAULT);
	uv_loop_close(&probing->loop);
	return probing->answer != NULL;
}

/* ------------------------------------------------------------------------ judged */

static bool proves(const struct client_answer *answer, const char *proof)
{
	struct sl_document *document = sl_json_read(answer->body, NULL, 0);
	bool same = sl_text_is(sl_json_string(sl_json_get(sl_json_root(document), "proof")), proof);
	sl_json_free(&document);
	return same;
}

static bool judge(const struct config *config, const struct client_answer *answer, const char *proof,
	const char *shown, struct why *why)
{
	if (answer->end != CLIENT_ANSWERED)
		return why_say(why, "%s cannot be reached: %s", shown, answer->why);
	if (answer->status == 200 && proves(answer, proof))
		return true;
	return why_say(why, "%s answers with status %d, but not as this daemon: what stands in front has to pass /in/ and "
			    "what follows on to %s",
		shown, answer->status, config->listen[0]);
}

static const char *probe_url(struct arena *arena, const char *address, const char *nonce, struct why *why)
{
	const struct sl_pair pair = { "sluice-probe", nonce };
	const struct sl_pair *const query[] = { &pair, NULL };
	return client_url(arena, NULL, address, query, why);
}

static bool probe(const struct config *config, const char *address, const char *shown, const struct sl_json *given,
	struct why *why)
{
	struct probing probing = { .arena = arena_new() };
	const char *url = probe_url(probing.arena, address, shown_word(given, "nonce"), why);
	bool fine = url && ask_address(&probing, config, url, why) &&
		judge(config, probing.answer, shown_word(given, "proof"), shown, why);
	arena_free(&probing.arena);
	return fine;
}

bool errand_probe(const struct config *config, const char *address, const char *shown, struct why *why)
{
	static const char text[] = "{\"what\":\"probe\"}";
	const struct buf question = { .at = (char *)text, .len = sizeof(text) - 1 };
	struct sl_document *given = daemon_question(config, "ingress", &question, NULL, why);
	bool fine = given && probe(config, address, shown, sl_json_root(given), why);
	sl_json_free(&given);
	return fine;
}
