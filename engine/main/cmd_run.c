/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_run.c - sluice run: the daemon. */
#include "main/command.h"
#include "main/config.h"
#include "main/master.h"

/* The configuration is whole before anything is opened: a daemon that cannot run
 * leaves no trace. */
static int run(const struct command_line *line)
{
	bool watched = command_flag(line, "watch");
	struct config *config = config_or_say(line->config, watched ? CONFIG_BUILD : CONFIG_WHOLE, true);
	return config ? master_run(config, watched) : EXIT_WRONG;
}

static const struct command_option options[] = {
	{ "watch", 'w', NULL, "reload whenever a file of the configuration was saved: YAML, scripts, plugins and their C, schemas" },
	{ 0 },
};

const struct command cmd_run[] = {
	{ "run", NULL, 0, 0, "take in, keep and deliver events until told to stop", options, run },
	{ 0 },
};
