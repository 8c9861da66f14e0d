/* SPDX-License-Identifier: Apache-2.0 */
/* folder.h - the data folder a command is to look into. */
#ifndef MAIN_FOLDER_H
#define MAIN_FOLDER_H

#include "main/command.h"
#include "main/config.h"

/* A row for the options of a command that calls folder_open. */
#define FOLDER_OPTION \
	{ \
		"data", 'd', "DIR", "the data folder, without asking the configuration" \
	}

struct folder {
	struct config *config; /* NULL: --data named it */
	const char *data;
};

/* --data, or what the configuration says.  False: what is wrong has been printed,
 * and *code is the command's exit code. */
bool folder_open(const struct command_line *line, struct folder *folder, int *code);
void folder_close(struct folder *folder);

#endif
