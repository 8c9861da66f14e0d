/* SPDX-License-Identifier: Apache-2.0 */
/* folder.c - the data folder a command is to look into. */
#include "main/folder.h"

#include <sys/stat.h>

static bool is_folder(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool folder_open(const struct command_line *line, struct folder *folder, int *code)
{
	*folder = (struct folder){ .data = command_value(line, "data") };
	*code = EXIT_WRONG;
	if (!folder->data && !(folder->config = config_or_say(line->config, CONFIG_ENGINE, false)))
		return false;
	if (folder->config)
		folder->data = folder->config->data;
	if (is_folder(folder->data))
		return true;
	*code = command_no(line, "there is no data folder %s; the daemon makes it when it first runs", folder->data);
	folder_close(folder);
	return false;
}

void folder_close(struct folder *folder)
{
	config_free(&folder->config);
	folder->data = NULL;
}
