/* SPDX-License-Identifier: Apache-2.0 */
/* files.h - the files a process runs with, as one number that changes when they do.
 *
 * A print is made of inode, size and time of change: good enough to see that
 * somebody saved a file, and cheap enough to be asked every second.
 */
#ifndef MAIN_FILES_H
#define MAIN_FILES_H

#include <stdint.h>

#include "main/config.h"

/* One file; one that is not there has a print too. */
uint64_t files_print(uint64_t print, const char *path);
/* Of a script also what it may `require`: all scripts in its folder and below. */
uint64_t files_print_plugin(uint64_t print, const char *path);

/* Plugins, scripts and tables of a route; the plugin of a source. */
uint64_t files_print_route(const struct config_route *route);
uint64_t files_print_source(const struct config_source *source);

#endif
