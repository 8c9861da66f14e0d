/* SPDX-License-Identifier: Apache-2.0 */
/* backup_copy.c - bytes from one file to another, hashed on the way. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

#include "main/backup.h"
#include "sdk/sign.h"

#define CHUNK ((size_t)1 << 20)
#define TOLD_EVERY 8 /* chunks */

struct copying {
	struct backup_copy *copy;
	EVP_MD_CTX *digest;
	char *chunk;
};

static bool write_chunk(struct copying *it, size_t len, struct why *why)
{
	for (size_t done = 0; done < len;) {
		ssize_t wrote = write(it->copy->to, it->chunk + done, len - done);
		if (wrote < 0 && errno != EINTR)
			return why_errno(why, "%s: cannot be written", it->copy->to_name);
		done += wrote > 0 ? (size_t)wrote : 0;
	}
	return true;
}

static size_t chunk_size(const struct backup_copy *copy)
{
	int64_t left = copy->most < 0 ? (int64_t)CHUNK : copy->most - copy->bytes;
	return left < (int64_t)CHUNK ? (size_t)left : CHUNK;
}

/* *more: there was something. */
static bool take_chunk(struct copying *it, bool *more, struct why *why)
{
	struct backup_copy *copy = it->copy;
	ssize_t got = read(it->copy->from, it->chunk, chunk_size(copy));
	if (got < 0)
		return why_errno(why, "%s: cannot be read", copy->from_name);
	*more = got > 0;
	if (copy->to >= 0 && !write_chunk(it, (size_t)got, why))
		return false;
	EVP_DigestUpdate(it->digest, it->chunk, (size_t)got);
	copy->bytes += got;
	copy->work->bytes += got;
	if (copy->bytes / (int64_t)CHUNK % TOLD_EVERY == 0)
		copy->work->told(copy->work);
	return true;
}

bool backup_copy(struct backup_copy *copy, struct why *why)
{
	struct copying it = { copy, EVP_MD_CTX_new(), must_alloc(CHUNK) };
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	bool more = true, fine = it.digest && EVP_DigestInit_ex(it.digest, EVP_sha256(), NULL);
	if (!fine)
		why_say(why, "SHA-256 cannot be had");
	copy->bytes = 0;
	while (fine && more)
		fine = take_chunk(&it, &more, why);
	if (fine && copy->most >= 0 && copy->bytes < copy->most)
		fine = why_say(why, "%s became shorter while it was read", copy->from_name);
	if (fine) {
		EVP_DigestFinal_ex(it.digest, bytes, &len);
		sl_hex(bytes, len, copy->hash);
	}
	EVP_MD_CTX_free(it.digest);
	free(it.chunk);
	return fine;
}
