/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - the tables of commands, in the order `sluice help` shows them.
 * A line X(NAME) stands for `const struct command cmd_NAME[]` of cmd_NAME.c. */
#ifndef MAIN_COMMANDS_H
#define MAIN_COMMANDS_H

#include "main/command.h"

#define COMMAND_TABLES(X) \
	X(init) \
	X(run) \
	X(check) \
	X(new) \
	X(test) \
	X(try) \
	X(status) \
	X(reload) \
	X(refused) \
	X(sign) \
	X(send) \
	X(schema) \
	X(copy) \
	X(prune) \
	X(backup) \
	X(hooks) \
	X(open) \
	X(poll) \
	X(log) \
	X(events) \
	X(dead) \
	X(routes) \
	X(plugins) \
	X(help) \
	X(man)

#define COMMAND_TABLE_DECLARE(name) extern const struct command cmd_##name[];
COMMAND_TABLES(COMMAND_TABLE_DECLARE)
#undef COMMAND_TABLE_DECLARE

#endif
