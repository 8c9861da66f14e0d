/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_run.c - sluice run: the daemon. */
#include "main/command.h"
#include "main/config.h"
#include "main/master.h"

/* The configuration is whole before anything is opened: a daemon that cannot run
 * leaves no trace. */
static int run(const struct command_line *line)
{
	struct config *config = config_or_say(line->config, CONFIG_WHOLE, true);
	return config ? master_run(config, command_flag(line, "watch")) : EXIT_WRONG;
}

static const struct command_option options[] = {
	{ "watch", 'w', NULL, "reload whenever a file of the configuration was saved: YAML, scripts, plugins, schemas" },
	{ 0 },
};

const struct command cmd_run[] = {
	{ "run", NULL, 0, 0, "take in, keep and deliver events until told to stop", options, run },
	{ 0 },
};
