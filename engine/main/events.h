/* SPDX-License-Identifier: Apache-2.0 */
/* events.h - what the files of `sluice events` share. */
#ifndef MAIN_EVENTS_H
#define MAIN_EVENTS_H

#include "main/view.h"

/* The record's members in an open object: what `ls` shows; and the request as it
 * was received, without its body; and that. */
void event_members(const struct viewed *viewed, struct buf *out);
void event_request_members(const struct viewed *viewed, struct buf *out);
void event_body_members(const struct viewed *viewed, struct buf *out);

/* Which secret let it in: "first", "other", "none" (insecure); or "polled": we asked for it. */
const char *event_verified(const struct log_record *record);

int events_show(const struct command_line *line);

#endif
