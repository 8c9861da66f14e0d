/* SPDX-License-Identifier: Apache-2.0 */
/* lua_hash.c - `hash`, `base64`, `hex` and `uuid` for scripts. */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "host/lua_lib.h"
#include "sdk/sign.h"

/* ------------------------------------------------------------------------ encodings */

/* What an encoder or decoder makes goes into a buffer of the script's memory. */
static int encode(lua_State *lua, struct sl_text bytes, size_t room, size_t (*form)(const void *, size_t, char *))
{
	luaL_Buffer out;
	char *at = luaL_buffinitsize(lua, &out, room);
	luaL_pushresultsize(&out, form(bytes.at, bytes.len, at));
	return 1;
}

static int decode(lua_State *lua, const char *what, bool (*form)(struct sl_text, unsigned char *, size_t, size_t *))
{
	luaL_Buffer out;
	size_t len;
	struct sl_text text = lua_lib_text(lua, 1);
	unsigned char *at = (unsigned char *)luaL_buffinitsize(lua, &out, text.len + 1);
	if (!form(text, at, text.len, &len))
		return lua_lib_wrong(lua, "this is no %s", what);
	luaL_pushresultsize(&out, len);
	return 1;
}

/* Base64 in the alphabet of URLs, without padding. */
static size_t base64url(const void *at, size_t len, char *out)
{
	size_t used = sl_base64(at, len, out);
	while (used && out[used - 1] == '=')
		used--;
	for (size_t i = 0; i < used; i++)
		out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_'
		                                             : out[i];
	return used;
}

static size_t as_it_is(const void *at, size_t len, char *out)
{
	memcpy(out, at, len);
	return len;
}

static size_t room_for(size_t len)
{
	return 2 * len + 4; /* hex is the longest, but for a few bytes of base64 */
}

static int base64_encode(lua_State *lua)
{
	struct sl_text bytes = lua_lib_text(lua, 1);
	return encode(lua, bytes, room_for(bytes.len), sl_base64);
}

static int base64_encode_url(lua_State *lua)
{
	struct sl_text bytes = lua_lib_text(lua, 1);
	return encode(lua, bytes, room_for(bytes.len), base64url);
}

static int base64_decode(lua_State *lua)
{
	return decode(lua, "base64", sl_unbase64);
}

static int base64_decode_url(lua_State *lua)
{
	return decode(lua, "base64 in the alphabet of URLs, without padding", sl_unbase64url);
}

static int hex_encode(lua_State *lua)
{
	struct sl_text bytes = lua_lib_text(lua, 1);
	return encode(lua, bytes, room_for(bytes.len), sl_hex);
}

static int hex_decode(lua_State *lua)
{
	return decode(lua, "hex", sl_unhex);
}

/* -------------------------------------------------------------------------- digests */

static int push_digest(lua_State *lua, const unsigned char *digest, size_t len, int form)
{
	static const char *const names[] = { "hex", "base64", "base64url", "bytes", NULL };
	static size_t (*const forms[])(const void *, size_t, char *) = { sl_hex, sl_base64, base64url, as_it_is };
	int chosen = lua_is_none(lua, form) ? 0 : luaL_checkoption(lua, form, NULL, names);
	return encode(lua, (struct sl_text){ (const char *)digest, len }, room_for(len), forms[chosen]);
}

static int digest(lua_State *lua, enum sl_digest kind)
{
	unsigned char out[SL_DIGEST_MOST];
	struct sl_text bytes = lua_lib_text(lua, 1);
	return push_digest(lua, out, sl_hash(kind, &bytes, 1, out), 2);
}

static int sha1(lua_State *lua)
{
	return digest(lua, SL_SHA1);
}

static int sha256(lua_State *lua)
{
	return digest(lua, SL_SHA256);
}

static int sha512(lua_State *lua)
{
	return digest(lua, SL_SHA512);
}

/* An OpenSSL under FIPS rules has no MD5, and then only this script fails. */
static int md5(lua_State *lua)
{
	unsigned char out[EVP_MAX_MD_SIZE];
	size_t len;
	struct sl_text bytes = lua_lib_text(lua, 1);
	if (!EVP_Q_digest(NULL, "MD5", NULL, bytes.at, bytes.len, out, &len))
		return luaL_error(lua, "this machine's OpenSSL offers no MD5");
	return push_digest(lua, out, len, 2);
}

static int hmac(lua_State *lua)
{
	static const char *const names[] = { "sha1", "sha256", "sha512", NULL };
	unsigned char out[SL_DIGEST_MOST];
	enum sl_digest kind = (enum sl_digest)luaL_checkoption(lua, 1, NULL, names);
	struct sl_text key = lua_lib_text(lua, 2);
	if (lua_is_none(lua, 3))
		return lua_lib_nil(lua);
	struct sl_text bytes = lua_lib_text(lua, 3);
	return push_digest(lua, out, sl_hmac(kind, key, &bytes, 1, out), 4);
}

static int xxh3(lua_State *lua)
{
	struct sl_text bytes = lua_lib_text(lua, 1);
	char out[17];
	snprintf(out, sizeof(out), "%016llx", (unsigned long long)XXH3_64bits(bytes.at, bytes.len));
	lua_pushstring(lua, out);
	return 1;
}

static int same(lua_State *lua)
{
	if (lua_is_none(lua, 2))
		return lua_lib_nil(lua);
	struct sl_text left = lua_lib_text(lua, 1), right = lua_lib_text(lua, 2);
	lua_pushboolean(lua, sl_same(left.at, left.len, right.at, right.len));
	return 1;
}

/* ---------------------------------------------------------------------------- UUIDs */

#define UUID 16 /* bytes */

/* The namespaces of RFC 4122 differ in one byte. */
static bool named_space(const char *name, unsigned char out[UUID])
{
	static const struct {
		const char *name;
		unsigned char byte;
	} spaces[] = { { "dns", 0x10 }, { "url", 0x11 }, { "oid", 0x12 }, { "x500", 0x14 } };
	static const unsigned char space[UUID] = { 0x6b, 0xa7, 0xb8, 0, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0, 0xc0, 0x4f,
		0xd4, 0x30, 0xc8 };
	for (size_t i = 0; i < sizeof(spaces) / sizeof(*spaces); i++) {
		if (strcmp(name, spaces[i].name) != 0)
			continue;
		memcpy(out, space, UUID);
		out[3] = spaces[i].byte;
		return true;
	}
	return false;
}

/* 8-4-4-4-12 hex digits, or the name of a namespace. */
static bool read_space(const char *text, unsigned char out[UUID])
{
	char digits[2 * UUID];
	size_t count = 0, len = strlen(text);
	if (named_space(text, out))
		return true;
	for (size_t i = 0; i < len && len == 36; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
		if (hyphen != (text[i] == '-'))
			return false;
		if (!hyphen)
			digits[count++] = text[i];
	}
	return sl_unhex((struct sl_text){ digits, count }, out, UUID, &len) && len == UUID;
}

static int uuid_v5(lua_State *lua)
{
	unsigned char space[UUID], hash[SL_DIGEST_MOST];
	char hex[2 * SL_DIGEST_MOST + 1];
	luaL_argcheck(lua, read_space(luaL_checkstring(lua, 1), space), 1,
		"a UUID, or \"dns\", \"url\", \"oid\" or \"x500\" expected");
	if (lua_is_none(lua, 2))
		return lua_lib_nil(lua);
	struct sl_text parts[] = { { (const char *)space, UUID }, lua_lib_text(lua, 2) };
	sl_hash(SL_SHA1, parts, 2, hash);
	hash[6] = (unsigned char)((hash[6] & 0x0f) | 0x50);
	hash[8] = (unsigned char)((hash[8] & 0x3f) | 0x80);
	sl_hex(hash, UUID, hex);
	char out[40];
	snprintf(out, sizeof(out), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
	lua_pushstring(lua, out);
	return 1;
}

void lua_hash_open(lua_State *lua)
{
	static const luaL_Reg hashes[] = {
		{ "sha1", sha1 },
		{ "sha256", sha256 },
		{ "sha512", sha512 },
		{ "md5", md5 },
		{ "hmac", hmac },
		{ "xxh3", xxh3 },
		{ "same", same },
		{ NULL, NULL },
	};
	static const luaL_Reg base64[] = {
		{ "encode", base64_encode },
		{ "decode", base64_decode },
		{ "encode_url", base64_encode_url },
		{ "decode_url", base64_decode_url },
		{ NULL, NULL },
	};
	static const luaL_Reg hex[] = { { "encode", hex_encode }, { "decode", hex_decode }, { NULL, NULL } };
	static const luaL_Reg uuid[] = { { "v5", uuid_v5 }, { NULL, NULL } };
	lua_lib_add(lua, "hash", hashes);
	lua_lib_add(lua, "base64", base64);
	lua_lib_add(lua, "hex", hex);
	lua_lib_add(lua, "uuid", uuid);
}
