/* SPDX-License-Identifier: Apache-2.0 */
/* sign.c - digests and HMACs by OpenSSL, and the encodings they travel in. */
#include "sdk/sign.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	size_t size;
} digests[] = {
	[SL_SHA1] = { "SHA1", 20 },
	[SL_SHA256] = { "SHA256", 32 },
	[SL_SHA512] = { "SHA512", 64 },
};

/* No digest means that OpenSSL is broken or out of memory: a caller that went
 * on would compare with bytes that mean nothing. */
static void must(bool fine)
{
	if (fine)
		return;
	fputs("sluice: OpenSSL can make no digest: there is no memory, or its default provider is switched off\n", stderr);
	_Exit(71);
}

size_t sl_digest_size(enum sl_digest digest)
{
	return digests[digest].size;
}

size_t sl_hash(enum sl_digest digest, const struct sl_text *parts, size_t count, unsigned char out[SL_DIGEST_MOST])
{
	EVP_MD *kind = EVP_MD_fetch(NULL, digests[digest].name, NULL);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	must(kind && context && EVP_DigestInit_ex(context, kind, NULL));
	for (size_t i = 0; i < count; i++)
		must(EVP_DigestUpdate(context, parts[i].at, parts[i].len));
	must(EVP_DigestFinal_ex(context, out, NULL));
	EVP_MD_CTX_free(context);
	EVP_MD_free(kind);
	return digests[digest].size;
}

struct sl_signer {
	EVP_MAC_CTX *context;
};

struct sl_signer *sl_signer_new(enum sl_digest digest, struct sl_text key)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digests[digest].name, 0),
		OSSL_PARAM_construct_end(),
	};
	const void *bytes = key.len ? key.at : ""; /* NULL would mean: no key given */
	struct sl_signer *signer = malloc(sizeof(*signer));
	EVP_MAC *kind = EVP_MAC_fetch(NULL, "HMAC", NULL);
	must(signer && kind);
	signer->context = EVP_MAC_CTX_new(kind);
	must(signer->context && EVP_MAC_init(signer->context, bytes, key.len, params));
	EVP_MAC_free(kind); /* the context holds it */
	return signer;
}

void sl_signer_free(struct sl_signer **signer)
{
	if (!*signer)
		return;
	EVP_MAC_CTX_free((*signer)->context);
	free(*signer);
	*signer = NULL;
}

size_t sl_signer_sign(struct sl_signer *signer, const struct sl_text *parts, size_t count,
	unsigned char out[SL_DIGEST_MOST])
{
	size_t len;
	must(EVP_MAC_init(signer->context, NULL, 0, NULL)); /* begins anew with the same key */
	for (size_t i = 0; i < count; i++)
		must(EVP_MAC_update(signer->context, (const unsigned char *)parts[i].at, parts[i].len));
	must(EVP_MAC_final(signer->context, out, &len, SL_DIGEST_MOST));
	return len;
}

size_t sl_hmac(enum sl_digest digest, struct sl_text key, const struct sl_text *parts, size_t count,
	unsigned char out[SL_DIGEST_MOST])
{
	struct sl_signer *signer = sl_signer_new(digest, key);
	size_t len = sl_signer_sign(signer, parts, count, out);
	sl_signer_free(&signer);
	return len;
}

bool sl_same(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && (a_len == 0 || CRYPTO_memcmp(a, b, a_len) == 0);
}

size_t sl_hex(const void *at, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = at;
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * len] = 0;
	return 2 * len;
}

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t sl_base64(const void *at, size_t len, char *out)
{
	const unsigned char *bytes = at;
	char *end = out;
	for (size_t i = 0; i < len; i += 3) {
		size_t have = len - i < 3 ? len - i : 3;
		unsigned group = (unsigned)bytes[i] << 16;
		group |= have > 1 ? (unsigned)bytes[i + 1] << 8 : 0;
		group |= have > 2 ? bytes[i + 2] : 0;
		*end++ = letters[group >> 18];
		*end++ = letters[group >> 12 & 63];
		*end++ = have > 1 ? letters[group >> 6 & 63] : '=';
		*end++ = have > 2 ? letters[group & 63] : '=';
	}
	*end = 0;
	return (size_t)(end - out);
}

/* Digits are as good as random, so of branches every other one would be guessed wrong: tables, of the value and 1. */
static int hex_value(char c)
{
	static const unsigned char values[256] = {
		['0'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
		['A'] = 11, 12, 13, 14, 15, 16,
		['a'] = 11, 12, 13, 14, 15, 16,
	};
	return values[(unsigned char)c] - 1;
}

bool sl_unhex(struct sl_text text, unsigned char *out, size_t room, size_t *len)
{
	if (text.len % 2 || text.len / 2 > room)
		return false;
	int all = 0; /* negative once one of them is no digit */
	for (size_t i = 0; i < text.len / 2; i++) {
		int high = hex_value(text.at[2 * i]), low = hex_value(text.at[2 * i + 1]);
		all |= high | low;
		out[i] = (unsigned char)((unsigned)high << 4 | (unsigned)low);
	}
	*len = text.len / 2;
	return all >= 0;
}

static int letter_value(char c, bool url)
{
	static const unsigned char values[256] = {
		['A'] = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
		['a'] = 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52,
		['0'] = 53, 54, 55, 56, 57, 58, 59, 60, 61, 62,
	};
	if (values[(unsigned char)c])
		return values[(unsigned char)c] - 1;
	if (c == (url ? '-' : '+'))
		return 62;
	return c == (url ? '_' : '/') ? 63 : -1;
}

/* Letters without padding.  Bits left over at the end must be zero, or one
 * proof could be written in several ways. */
static bool unletters(struct sl_text text, bool url, unsigned char *out, size_t room, size_t *len)
{
	size_t bytes = text.len / 4 * 3 + (text.len % 4 ? text.len % 4 - 1 : 0);
	unsigned bits = 0, held = 0;
	if (text.len % 4 == 1 || bytes > room)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		int value = letter_value(text.at[i], url);
		if (value < 0)
			return false;
		bits = bits << 6 | (unsigned)value;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		*out++ = (unsigned char)(bits >> held);
		bits &= (1u << held) - 1;
	}
	*len = bytes;
	return bits == 0;
}

bool sl_unbase64(struct sl_text text, unsigned char *out, size_t room, size_t *len)
{
	if (text.len % 4)
		return false;
	for (int i = 0; i < 2; i++)
		if (text.len && text.at[text.len - 1] == '=')
			text.len--;
	return unletters(text, false, out, room, len);
}

bool sl_unbase64url(struct sl_text text, unsigned char *out, size_t room, size_t *len)
{
	return unletters(text, true, out, room, len);
}
