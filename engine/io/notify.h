/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h - tells systemd how we are (sd_notify's datagrams, sent by hand).
 *
 * Does nothing where no NOTIFY_SOCKET is set.
 */
#ifndef IO_NOTIFY_H
#define IO_NOTIFY_H

#include <stdint.h>

void notify_setup(void); /* reads the environment once, and takes the names out of it */
void notify_ready(void);
void notify_reloading(void); /* notify_ready ends it */
void notify_stopping(void);
void notify_watchdog(void); /* still alive */
void notify_status(const char *form, ...) __attribute__((format(printf, 1, 2)));
int64_t notify_watchdog_interval(void); /* ms within which systemd wants to hear us; 0: it does not */

#endif
