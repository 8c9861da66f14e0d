/* SPDX-License-Identifier: Apache-2.0 */
/* destination.h - what a sink must be able to do for a schema. */
#ifndef FLOW_DESTINATION_H
#define FLOW_DESTINATION_H

#include "flow/schema.h"

/* A table may ask for more than a sink that was built for an earlier interface has ever
 * heard of, or than one without transactions can do.  The sentence names both. */
bool destination_takes(const struct sl_plugin *face, const struct schema *schema, struct why *why);

#endif
