/* SPDX-License-Identifier: Apache-2.0 */
/* sign_test.c - digests and HMACs against the vectors of their RFCs, strict decoders. */
#include "sdk/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sdk/text.h"

#define ROWS(table) (sizeof(table) / sizeof(*(table)))

static void must_be(const unsigned char *bytes, size_t len, const char *hex)
{
	char text[2 * SL_DIGEST_MOST + 1];
	assert_int_equal(sl_hex(bytes, len, text), 2 * len);
	assert_string_equal(text, hex);
}

static void digests_of_several_parts(void **state)
{
	static const struct {
		enum sl_digest digest;
		const char *hex;
	} table[] = {
		{ SL_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ SL_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ SL_SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	};
	const struct sl_text parts[] = { { "a", 1 }, { NULL, 0 }, { "bc", 2 } };
	unsigned char out[SL_DIGEST_MOST];
	for (size_t i = 0; i < ROWS(table); i++)
		must_be(out, sl_hash(table[i].digest, parts, 3, out), table[i].hex);
	must_be(out, sl_hash(SL_SHA1, NULL, 0, out), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

/* RFC 2202 (SHA-1) and RFC 4231 (SHA-256, SHA-512). */
static void hmacs_of_the_rfcs(void **state)
{
	char aa[131];
	memset(aa, 0xaa, sizeof(aa));
	const struct {
		enum sl_digest digest;
		struct sl_text key;
		const char *data, *hex;
	} table[] = {
		{ SL_SHA1, { "Jefe", 4 }, "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
		{ SL_SHA1, { aa, 80 }, "Test Using Larger Than Block-Size Key - Hash Key First",
			"aa4ae5e15272d00e95705637ce8a3b55ed402112" },
		{ SL_SHA256, { "Jefe", 4 }, "what do ya want for nothing?",
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
		{ SL_SHA256, { aa, 131 }, "Test Using Larger Than Block-Size Key - Hash Key First",
			"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
		{ SL_SHA512, { "Jefe", 4 }, "what do ya want for nothing?",
			"164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
			"9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
		{ SL_SHA512, { aa, 131 }, "Test Using Larger Than Block-Size Key - Hash Key First",
			"80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
			"6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598" },
		{ SL_SHA1, { NULL, 0 }, "", "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d" },
	};
	unsigned char out[SL_DIGEST_MOST];
	for (size_t i = 0; i < ROWS(table); i++) {
		struct sl_text data = sl_text_of(table[i].data);
		size_t half = data.len / 2;
		const struct sl_text parts[] = { { data.at, half }, { data.at + half, data.len - half } };
		must_be(out, sl_hmac(table[i].digest, table[i].key, parts, 2, out), table[i].hex);
		must_be(out, sl_digest_size(table[i].digest), table[i].hex);
	}
}

static void sameness(void **state)
{
	assert_true(sl_same("abc", 3, "abc", 3));
	assert_false(sl_same("abc", 3, "abd", 3));
	assert_false(sl_same("abc", 3, "abcd", 4));
	assert_true(sl_same(NULL, 0, "", 0));
	assert_false(sl_same("", 0, "a", 1));
}

/* RFC 4648, section 10. */
static void base64_of_the_rfc(void **state)
{
	static const char *const table[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xbf", "+/+/" } };
	for (size_t i = 0; i < ROWS(table); i++) {
		char text[16];
		unsigned char bytes[16];
		size_t len, want = strlen(table[i][0]);
		assert_int_equal(sl_base64(table[i][0], want, text), strlen(table[i][1]));
		assert_string_equal(text, table[i][1]);
		assert_true(sl_unbase64(sl_text_of(table[i][1]), bytes, want, &len));
		assert_int_equal(len, want);
		assert_memory_equal(bytes, table[i][0], len);
		assert_false(want && sl_unbase64(sl_text_of(table[i][1]), bytes, want - 1, &len));
	}
}

static void decoders_are_strict(void **state)
{
	static const char *const hex[] = { "0", "0g", " 00", "0x00", "00\n" };
	static const char *const base64[] = { "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm8=\n", " Zm8=", "Zm-_", "Zg===",
		"====", "=", "Z===", "Zg==Zg==", "Zm 8" };
	static const char *const url[] = { "Z", "Zg==", "Zh", "Zm9", "+/+/", "Zm8=" };
	unsigned char out[64];
	size_t len;
	for (size_t i = 0; i < ROWS(hex); i++)
		assert_false(sl_unhex(sl_text_of(hex[i]), out, sizeof(out), &len));
	for (size_t i = 0; i < ROWS(base64); i++)
		assert_false(sl_unbase64(sl_text_of(base64[i]), out, sizeof(out), &len));
	for (size_t i = 0; i < ROWS(url); i++)
		assert_false(sl_unbase64url(sl_text_of(url[i]), out, sizeof(out), &len));
}

static void decoders_take_what_is_right(void **state)
{
	unsigned char out[4];
	size_t len;
	assert_true(sl_unhex(sl_text_of("00fFAb"), out, 3, &len));
	assert_int_equal(len, 3);
	assert_memory_equal(out, "\x00\xff\xab", 3);
	assert_false(sl_unhex(sl_text_of("00ffab"), out, 2, &len));
	assert_true(sl_unbase64url(sl_text_of("-_-_"), out, 3, &len));
	assert_memory_equal(out, "\xfb\xff\xbf", 3);
	assert_true(sl_unbase64url(sl_text_of("Zm8"), out, 2, &len));
	assert_int_equal(len, 2);
	assert_true(sl_unbase64url(sl_text_of(""), out, 0, &len));
	assert_int_equal(len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digests_of_several_parts),
		cmocka_unit_test(hmacs_of_the_rfcs),
		cmocka_unit_test(sameness),
		cmocka_unit_test(base64_of_the_rfc),
		cmocka_unit_test(decoders_are_strict),
		cmocka_unit_test(decoders_take_what_is_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
