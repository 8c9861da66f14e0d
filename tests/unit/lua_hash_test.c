/* SPDX-License-Identifier: Apache-2.0 */
/* lua_hash_test.c - `hash`, `base64`, `hex`, `uuid` and `url` as scripts see them. */
#include "said.h"

static void encodings(void **state)
{
	static const struct said rows[] = {
		{ "base64.encode('')", "" },
		{ "base64.encode('a\\xff\\xfe?')", "Yf/+Pw==" },
		{ "base64.encode_url('a\\xff\\xfe?')", "Yf_-Pw" },
		{ "base64.decode('Yf/+Pw==') == 'a\\xff\\xfe?'", "true" },
		{ "base64.decode_url('Yf_-Pw') == 'a\\xff\\xfe?'", "true" },
		{ "base64.decode('Yf_-Pw==')", "nil | this is no base64" },
		{ "base64.decode('Yf/+Pw')", "nil | this is no base64" },
		{ "base64.decode_url('Yf_-Pw==')", "nil | this is no base64 in the alphabet of URLs, without padding" },
		{ "base64.decode('')", "" },
		{ "hex.encode('\\0az')", "00617a" },
		{ "hex.decode('00617A') == '\\0az'", "true" },
		{ "hex.decode('0')", "nil | this is no hex" },
		{ "hex.encode(nil)", "nil" },
		{ "hex.encode(true)", "error: bad argument #1 to 'encode' (string expected, got boolean)" },
		{ "#base64.decode(base64.encode(('x'):rep(1000000)))", "1000000" },
	};
	said(rows);
}

static void digests(void **state)
{
	static const struct said rows[] = {
		{ "hash.sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "hash.sha1('abc', 'base64')", "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=" },
		{ "hash.sha1('abc', 'base64url')", "qZk-NkcGgWq6PiVxeFDCbJzQ2J0" },
		{ "hash.md5('bob@example.com')", "4b9bb80620f03eb3719e0a061c14283d" },
		{ "#hash.sha512('abc', 'bytes')", "64" },
		{ "hash.sha512('abc') == hex.encode(hash.sha512('abc', 'bytes'))", "true" },
		{ "hash.hmac('sha256', 'key', 'The quick brown fox jumps over the lazy dog')",
			"f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8" },
		{ "hash.hmac('sha1', '', '')", "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d" },
		{ "hash.hmac('sha256', 'key', nil)", "nil" },
		{ "hash.hmac('sha3', 'key', 'x')", "error: bad argument #1 to 'hmac' (invalid option 'sha3')" },
		{ "hash.sha256('abc', 'binary')", "error: bad argument #2 to 'sha256' (invalid option 'binary')" },
		{ "hash.xxh3('')", "2d06800538d394c2" },
		{ "hash.xxh3('abc')", "78af5f94892f3950" },
		{ "hash.same('abc', 'abc')", "true" },
		{ "hash.same('abc', 'abd')", "false" },
		{ "hash.same('abc', nil)", "nil" },
		{ "uuid.v5('dns', 'www.example.com')", "2ed6657d-e927-568b-95e1-2665a8aea6a2" },
		{ "uuid.v5('6ba7b810-9dad-11d1-80b4-00c04fd430c8', 'www.example.com')", "2ed6657d-e927-568b-95e1-2665a8aea6a2" },
		{ "uuid.v5('url', json.null)", "nil" },
		{ "uuid.v5('6ba7b810-9dad-11d1-80b4-00c04fd430cX', 'x')",
			"error: bad argument #1 to 'v5' (a UUID, or \"dns\", \"url\", \"oid\" or \"x500\" expected)" },
	};
	said(rows);
}

static void building(void **state)
{
	static const struct said rows[] = {
		{ "url.build('https://a.example/v1/', { 'cards', 'a/b c?#', 7 }, { fields = 'all', page = 2, done = true })",
			"https://a.example/v1/cards/a%2Fb%20c%3F%23/7?done=true&fields=all&page=2" },
		{ "url.build('https://a.example', nil, { tag = { 'a', 'b&c' }, none = json.null })",
			"https://a.example?tag=a&tag=b%26c" },
		{ "url.build('https://a.example', nil, { list = event.data.list })", "https://a.example?list=1&list=2" },
		{ "url.build('https://a.example/x?y=1', { 'z' }, { q = 'ü' })", "https://a.example/x/z?y=1&q=%C3%BC" },
		{ "url.build('https://a.example/')", "https://a.example/" },
		{ "url.build('https://a.example', {}, {})", "https://a.example" },
		{ "url.build('https://a.example', { '..' })", "error: part 1 of the path is '..', which would lead elsewhere" },
		{ "url.build('https://a.example', { 'x', '' })", "error: part 2 of the path is '', which would lead elsewhere" },
		{ "url.build('https://a.example', { {} })", "error: a part of a path has to be a text or a number, not a table" },
		{ "url.build('https://a.example', nil, { 'x' })", "error: fields have names, not numbers: { fields = \"all\" }" },
		{ "url.build('https://a.example', nil, { a = print })", "error: a field has to be a text or a number, not a function" },
		{ "url.build('https://a.example/#x', { 'y' })",
			"error: bad argument #1 to 'build' (a base without a #fragment expected)" },
		{ "url.build('https://a.example', 'x')", "error: bad argument #2 to 'build' (table expected, got string)" },
		{ "url.form { grant_type = 'code', scope = 'a b', ['x&y'] = '=' }", "grant_type=code&scope=a%20b&x%26y=%3D" },
		{ "url.form {}", "" },
		{ "url.encode('a b/ü~')", "a%20b%2F%C3%BC~" },
		{ "url.decode('a%20b%2f+%C3%BC')", "a b/+ü" },
		{ "url.decode('100%')", "nil | a % without two hex digits behind it" },
		{ "url.decode('%zz')", "nil | a % without two hex digits behind it" },
	};
	said(rows);
}

static void taking_apart(void **state)
{
	static const struct said rows[] = {
		{ "url.parse('HTTPS://me:pw@Shop.Example:8443/a/b?x=1&y#top')",
			"{\"fragment\":\"top\",\"host\":\"shop.example\",\"path\":\"/a/b\",\"port\":8443,\"query\":\"x=1&y\","
			"\"scheme\":\"https\",\"user\":\"me:pw\"}" },
		{ "url.parse('http://[::1]:80')", "{\"host\":\"[::1]\",\"path\":\"\",\"port\":80,\"scheme\":\"http\"}" },
		{ "url.parse('https://a@b@c/')", "{\"host\":\"c\",\"path\":\"/\",\"scheme\":\"https\",\"user\":\"a@b\"}" },
		{ "url.parse('https://a:/')", "{\"host\":\"a\",\"path\":\"/\",\"scheme\":\"https\"}" },
		{ "url.parse('/cards/7')", "nil | '/cards/7' is no absolute URL" },
		{ "(url.parse('https://'))", "nil" },
		{ "(url.parse('https://a:99999/'))", "nil" },
		{ "(url.parse('https://a:8x/'))", "nil" },
		{ "(url.parse('https://[::1'))", "nil" },
		{ "(url.parse('https://[::1]x/'))", "nil" },
		{ "(url.parse('https://a b/'))", "nil" },
		{ "(url.parse('https://a\\0b/'))", "nil" },
		{ "(url.parse('1http://a/'))", "nil" },
		{ "(url.parse('mailto:a@b.c'))", "nil" },
		{ "url.query('https://a.example/?x=1&x=2&y=a+b%26&z#x=3')",
			"{\"x\":\"1\",\"y\":\"a b&\",\"z\":\"\"} | [[\"x\",\"1\"],[\"x\",\"2\"],[\"y\",\"a b&\"],[\"z\",\"\"]]" },
		{ "url.query('x=%')", "{\"x\":\"%\"} | [[\"x\",\"%\"]]" },
		{ "url.query('&&=&')", "{\"\":\"\"} | [[\"\",\"\"]]" },
		{ "#select(2, url.query(('a=b&'):rep(100000)))", "100000" },
		{ "#url.encode(('ü'):rep(100000))", "600000" },
	};
	said(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodings),
		cmocka_unit_test(digests),
		cmocka_unit_test(building),
		cmocka_unit_test(taking_apart),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
