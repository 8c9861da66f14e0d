/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_reload.c - sluice reload: the running daemon takes its configuration anew. */
#include <stdio.h>

#include "main/command.h"
#include "main/daemon.h"

static void print_list(const struct sl_json *list, FILE *to, const char *before)
{
	for (const struct sl_json *item = sl_json_first(list); item; item = sl_json_next(item)) {
		struct sl_text text = sl_json_string(item);
		fprintf(to, "%s%.*s\n", before, (int)text.len, text.at);
	}
}

static int tell(const struct command_line *line, const struct ask_answer *answer, const struct sl_json *root)
{
	struct sl_text error = sl_json_string(sl_json_get(root, "error"));
	const struct sl_json *errors = sl_json_get(root, "errors");
	print_list(sl_json_get(root, "warnings"), stderr, "warning: ");
	if (answer->status == 200) {
		print_list(sl_json_get(root, "changed"), stdout, "changed ");
		print_list(sl_json_get(root, "removed"), stdout, "removed ");
		puts("reloaded");
		return EXIT_FINE;
	}
	if (!sl_json_count(errors))
		return command_no(line, "%.*s", (int)error.len, error.at ? error.at : "");
	print_list(errors, stderr, "");
	return command_no(line, "nothing was changed, the old configuration goes on");
}

static int print(const struct command_line *line, const struct ask_answer *answer)
{
	int code;
	struct sl_document *document = sl_json_read((struct sl_text){ answer->body.at, answer->body.len }, NULL, 0);
	if (!document)
		return command_no(line, "what answers is not a sluice daemon (status %d)", answer->status);
	if (line->json) {
		printf("%s\n", answer->body.at);
		code = answer->status == 200 ? EXIT_FINE : EXIT_NO;
	} else
		code = tell(line, answer, sl_json_root(document));
	sl_json_free(&document);
	return code;
}

/* The daemon checks the file; here only where the daemon is matters. */
static int reload(const struct command_line *line)
{
	struct why why;
	struct ask_answer answer;
	struct config *config = config_or_say(line->config, CONFIG_ENGINE, false);
	if (!config)
		return EXIT_WRONG;
	bool answered = daemon_ask(config, "POST", "/reload", (struct sl_text){ "", 0 }, &answer, &why);
	int code = answered ? print(line, &answer) : command_no(line, "%s", why.text);
	ask_answer_free(&answer);
	config_free(&config);
	return code;
}

const struct command cmd_reload[] = {
	{ "reload", NULL, 0, 0, "make the running daemon take its configuration anew", NULL, reload },
	{ 0 },
};
