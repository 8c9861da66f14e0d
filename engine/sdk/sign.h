/* SPDX-License-Identifier: Apache-2.0 */
/* sign.h - digests, signatures, and the encodings they travel in. */
#ifndef SLUICE_SIGN_H
#define SLUICE_SIGN_H

#include <stdbool.h>

#include "plugin.h"

enum sl_digest { SL_SHA1, SL_SHA256, SL_SHA512 };
#define SL_DIGEST_MOST 64 /* bytes of the longest */

size_t sl_digest_size(enum sl_digest digest);

/* Over several parts one after the other, so that nothing needs to be joined. */
size_t sl_hash(enum sl_digest digest, const struct sl_text *parts, size_t count, unsigned char out[SL_DIGEST_MOST]);
size_t sl_hmac(enum sl_digest digest, struct sl_text key, const struct sl_text *parts, size_t count,
	unsigned char out[SL_DIGEST_MOST]);

/* A key made ready once, for many messages: most of what sl_hmac costs for a short
 * one is the making.  One thread at a time. */
struct sl_signer;
struct sl_signer *sl_signer_new(enum sl_digest digest, struct sl_text key);
void sl_signer_free(struct sl_signer **signer);
size_t sl_signer_sign(struct sl_signer *signer, const struct sl_text *parts, size_t count,
	unsigned char out[SL_DIGEST_MOST]);

/* True if both have the same bytes; how long it takes depends on the lengths
 * alone. */
bool sl_same(const void *a, size_t a_len, const void *b, size_t b_len);

/* Encoders write a NUL and return the length without it; `out` has room for
 * 2 * len + 1 (hex) or (len + 2) / 3 * 4 + 1 (base64). */
size_t sl_hex(const void *at, size_t len, char *out);
size_t sl_base64(const void *at, size_t len, char *out);

/* Decoders are strict: right alphabet, right length, right padding (base64url:
 * none), no white space.  Hex takes both cases.  They return false otherwise, or
 * if `room` does not suffice. */
bool sl_unhex(struct sl_text text, unsigned char *out, size_t room, size_t *len);
bool sl_unbase64(struct sl_text text, unsigned char *out, size_t room, size_t *len);
bool sl_unbase64url(struct sl_text text, unsigned char *out, size_t room, size_t *len);

#endif
