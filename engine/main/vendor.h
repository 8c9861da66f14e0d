/* SPDX-License-Identifier: Apache-2.0 */
/* vendor.h - a source's vendor, as our own commands play it: what it signs, what it posts. */
#ifndef MAIN_VENDOR_H
#define MAIN_VENDOR_H

#include "base/buf.h"
#include "flow/webhook.h"
#include "main/command.h"
#include "main/config.h"

struct vendor {
	struct arena *arena; /* for what is made here; ends with the vendor */
	struct config *config;
	const struct config_source *source;
	struct webhook *webhook;
	struct buf headers; /* -H of the command line, as a record holds headers */
	bool shown;         /* its proof may be printed: it is not the secret itself */
};

/* Reads the configuration and finds the source.  `forged`: with another secret
 * than the source's.  False: what is wrong has been printed, *code is the exit code. */
bool vendor_open(const struct command_line *line, const char *name, bool forged, struct vendor *vendor, int *code);
void vendor_close(struct vendor *vendor);

/* Where the source takes requests: --to, or its path at the first address of the
 * configuration.  In the vendor's arena. */
const char *vendor_address(const struct vendor *vendor, const char *to);
/* "/in/boards?x=1" of that address. */
const char *vendor_path(const struct vendor *vendor, const char *address);

/* A request as the vendor would send it, with its proof. */
struct vendor_request {
	const char *path;   /* with its query, the proof in it if that is where it stands */
	struct buf headers; /* "name: value\r\n" each */
	struct webhook_proof proof;
};
/* `path` may hold a query; `secret` from 0.  All but the headers lies in `arena`. */
bool vendor_sign(const struct vendor *vendor, const char *path, struct sl_text body, size_t secret,
	struct arena *arena, struct vendor_request *request, struct why *why);

/* A whole file; "-" is stdin. */
bool vendor_read(const char *path, struct buf *text, struct why *why);

#endif
