/* SPDX-License-Identifier: Apache-2.0 */
/* watch.h - the files of a configuration: has somebody saved one?
 *
 * What is looked at are folders: that of the configuration, of its env file, and
 * of each plugin, script and schema it names, with what lies below them, as far as a
 * script may `require` it.  In them every YAML file, script, plugin, view and C
 * source counts, also one that is not used yet: a reload that failed over it
 * is tried again once it is mended.  What a daemon writes itself counts for nothing.
 */
#ifndef MAIN_WATCH_H
#define MAIN_WATCH_H

#include <uv.h>

#include "main/config.h"

struct watch;

/* From the loop, when the files have changed and then been left alone for 200 ms. */
typedef void watch_saved(void *data);

struct watch *watch_new(uv_loop_t *loop, const struct config *config, watch_saved *saved, void *data);
void watch_config(struct watch *watch, const struct config *config); /* it may name other folders by now */
void watch_free(struct watch **watch); /* handles close by themselves; the loop has to turn once more */

#endif
