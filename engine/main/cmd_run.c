/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_run.c - sluice run: the daemon. */
#include <stdlib.h>

#include "base/line.h"
#include "main/command.h"
#include "main/config.h"
#include "main/master.h"

/* The configuration is whole before anything is opened: a daemon that cannot run
 * leaves no trace. */
static int run(const struct command_line *line)
{
	enum sl_level level = SL_INFO;
	struct config *config = config_or_say(line->config, CONFIG_WHOLE, true);
	if (!config)
		return EXIT_WRONG;
	line_level(config->log.level, &level);
	line_setup("master", NULL, level);
	return master_run(config);
}

const struct command cmd_run[] = {
	{ "run", NULL, 0, 0, "take in, keep and deliver events until told to stop", NULL, run },
	{ 0 },
};
