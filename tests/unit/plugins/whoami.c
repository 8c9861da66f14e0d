/* SPDX-License-Identifier: Apache-2.0 */
/* whoami.c - a transform that says whose rights it was loaded with. */
#include <stdio.h>
#include <unistd.h>

#include "plugin.h"

__attribute__((constructor)) static void tell(void)
{
	fprintf(stderr, "loaded with the rights of %u, in %u\n", geteuid(), getegid());
}

static enum sl_outcome transform(struct sl_call *call)
{
	call->host->drop(call, "nothing");
	return SL_DONE;
}

SL_PLUGIN(
	.name = "whoami",
	.version = "1",
	.summary = "Says whose rights it has.",
	.transform = transform);
