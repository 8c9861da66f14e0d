/* SPDX-License-Identifier: Apache-2.0 */
/* lua_text_test.c - `text`, `html` and `find` as scripts see them, hostile texts included. */
#include "said.h"
#include "spent.h"

static void white_space_and_parts(void **state)
{
	static const struct said rows[] = {
		{ "text.trim(' \\t a b\\u{a0}\\u{3000}\\u{feff}')", "a b" },
		{ "text.trim('\\u{200b} \\n')", "" },
		{ "text.trim('\\xa0a\\xff')", "\xa0""a\xff" },
		{ "text.trim(json.null)", "nil" },
		{ "text.trim(7)", "7" },
		{ "text.trim(event.data.object)", "error: bad argument #1 to 'trim' (string expected, got JSON object)" },
		{ "text.squeeze('  a \\u{a0}\\n b  ')", "a b" },
		{ "text.lines('a\\nb\\r\\n\\nc')", "[\"a\",\"b\",\"\",\"c\"]" },
		{ "#text.lines('')", "0" },
		{ "text.split('a,b,,c', ',')", "[\"a\",\"b\",\"\",\"c\"]" },
		{ "text.split('a.b', '.')", "[\"a\",\"b\"]" },
		{ "text.split('', ',')", "[\"\"]" },
		{ "text.split('a, b, c', ', ', 2)", "[\"a\",\"b, c\"]" },
		{ "text.split('abc', ',', 1)", "[\"abc\"]" },
		{ "text.split('aaaa', 'aa')", "[\"\",\"\",\"\"]" },
		{ "text.split('a', '')", "error: bad argument #2 to 'split' (a separator has at least one byte)" },
		{ "text.split('a', ',', 0)", "error: bad argument #3 to 'split' (at least 1 part expected)" },
		{ "text.starts('card:7', 'card:')", "true" },
		{ "text.starts('card', 'card:')", "false" },
		{ "text.ends('a.pdf', '.pdf')", "true" },
		{ "text.ends('', '')", "true" },
		{ "text.starts(nil, 'a')", "nil" },
	};
	said(rows);
}

static void letters(void **state)
{
	static const struct said rows[] = {
		{ "text.lower('ÀB İ')", "àb i" },
		{ "text.lower('A\\0B') == 'a\\0b'", "true" },
		{ "text.upper('straße αβ')", "STRAẞE ΑΒ" },
		{ "text.lower('A\\xffB')", "a\uFFFD""b" },
		{ "text.fold('STRASSE') == text.fold('straße')", "true" },
		{ "text.fold('E\\u{301}') == text.fold('é')", "true" },
		{ "text.nfc('e\\u{301}')", "é" },
		{ "text.nfc('plain')", "plain" },
		{ "text.nfc('\\u{1112}\\u{1161}\\u{11ab}')", "한" },
		{ "text.nfc('a\\xc3')", "a\uFFFD" },
		{ "#text.nfc(('e\\u{301}'):rep(1000))", "2000" },
		{ "text.nfc(('ạ\\u{302}'):rep(200)) == ('ậ'):rep(200)", "true" },
		{ "text.plain('Crème Brûlée, Łódź')", "Creme Brulee, Łodz" },
		{ "text.length('e\\u{301}a')", "2" },
		{ "text.length('👨‍👩‍👧🇩🇪🇫🇷')", "3" },
		{ "text.length('')", "0" },
		{ "text.length('\\xff\\xfe')", "2" },
		{ "text.cut('Sign for the shop', 8)", "Sign for" },
		{ "text.cut('Sign for the shop', 9, '…')", "Sign for…" },
		{ "text.cut('short', 9, '…')", "short" },
		{ "text.cut('abc', 0, '…')", "" },
		{ "text.cut('abc', 2, '...')", "" },
		{ "text.cut('e\\u{301}e\\u{301}', 1)", "e\u0301" },
		{ "text.cut('a\\xffb', 2)", "a\uFFFD" },
		{ "text.cut('a', -1)", "error: bad argument #2 to 'cut' (0 or more characters expected)" },
	};
	said(rows);
}

static void pages(void **state)
{
	static const struct said rows[] = {
		{ "html.text('<p>Hello&nbsp;<b>you</b>,</p><p>bye &amp; thanks</p>')", "Hello you,\n\nbye & thanks" },
		{ "html.text('a<br>b<br/><br>c<div>d</div>e')", "a\nb\n\nc\nd\ne" },
		{ "html.text('<ul><li>one<li>two<ul><li>in</li></ul></ul>after')", "- one\n- two\n  - in\n\nafter" },
		{ "html.text('<table><tr><td>a</td> <td>b</td></tr><tr><th>c<td>d</tr></table>')", "a\tb\ncd" },
		{ "html.text('<style>p { }</style>x<script>if (a</b) \"</p>\"</SCRIPT >y<!-- z --><title>t</title>')", "xy" },
		{ "html.text('1 < 2 &lt; 3 <3 a&b; &amp &#65;&#x42;&#0;&#128;&#xD800;&#99999999;')",
			"1 < 2 < 3 <3 a&b; &amp AB\uFFFD€\uFFFD\uFFFD" },
		{ "html.text('<a title=\">\" href=\"https://a.b/?x=1&amp;y\">shop</a> now', { links = true })",
			"shop (https://a.b/?x=1&y) now" },
		{ "html.text('<a href=https://a.b>https://a.b</a> <a href=\"mailto:x@y.z\">x@y.z</a>', { links = true })",
			"https://a.b x@y.z" },
		{ "html.text('<a href=\"javascript:x()\">shop</a>', { links = true })", "shop" },
		{ "html.text('<a href=\"https://a.b\">shop</a>')", "shop" },
		{ "html.text('<pre>a\\n  b</pre>')", "a\n  b" },
		{ "html.text('<p>unclosed <b attr=\"x')", "unclosed" },
		{ "html.text('x<!-- never closed <p>y')", "x" },
		{ "html.text('<!DOCTYPE html><?xml?><x-y>z</x-y></')", "z</" },
		{ "html.text('<IMG SRC=x onerror=y>a<')", "a<" },
		{ "html.text('')", "" },
		{ "html.text(nil)", "nil" },
		{ "html.text('a', 7)", "error: bad argument #2 to 'text' (table expected, got number)" },
		{ "html.unescape('&euro;5 &lt;b&gt; &nope; & &Eacute;&thetasym;')", "€5 <b> &nope; & Éϑ" },
		{ "html.escape([[<a href=\"x\">'&'</a>]])", "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;" },
		{ "html.unescape(html.escape('a\\0<')) == 'a\\0<'", "true" },
	};
	said(rows);
}

static void emails(void **state)
{
	static const struct said rows[] = {
		{ "find.emails('Write to Bob <bob.b@Example.COM>, or ann+x@shop.example.org.')",
			"[\"bob.b@example.com\",\"ann+x@shop.example.org\"]" },
		{ "find.emails('a@b.com a@B.com')", "[\"a@b.com\"]" },
		{ "find.emails('mailto:o.neil@x-y.co.uk?subject=z')", "[\"o.neil@x-y.co.uk\"]" },
		{ "find.emails('\\u{201e}a@b.de\\u{201c}')", "[\"a@b.de\"]" },
		{ "#find.emails('müller@x.de a@exämple a@b @c.de a@-b.de a@b-.de a@b.c a@1.2.3.4 a@@b.com a.@b.com a@b.com@c')", "0" },
		{ "find.emails('..a..b@c.com')", "[\"b@c.com\"]" },
		{ "find.emails('a@b.com.5')", "[\"a@b.com\"]" },
		{ "#find.emails(('x'):rep(64) .. '@a.de')[1]", "69" },
		{ "#find.emails('@')", "0" },
		{ "find.emails(nil)", "nil" },
	};
	said(rows);
}

static void urls(void **state)
{
	static const struct said rows[] = {
		{ "find.urls('See https://a.example/x?y=1, (http://b.example/z_(w)) or HTTPS://C.')",
			"[\"https://a.example/x?y=1\",\"http://b.example/z_(w)\",\"HTTPS://C\"]" },
		{ "find.urls('<https://a.b/c> \"https://d.e\" \\u{201c}https://f.g\\u{201d}')",
			"[\"https://a.b/c\",\"https://d.e\",\"https://f.g\"]" },
		{ "#find.urls('ftp://a.b xhttp://c http:// :// https://.')", "0" },
		{ "#find.urls('https://' .. ('a'):rep(5000))", "0" },
	};
	said(rows);
}

static void phones(void **state)
{
	static const struct said rows[] = {
		{ "find.phones('+44 (0)20 7946 0018, 0049 30 1234567 and (+1) 212-555-0123')",
			"[\"+442079460018\",\"+49301234567\",\"+12125550123\"]" },
		{ "find.phones('Tel. 030/123 45 67', '+49')", "[\"+49301234567\"]" },
		{ "find.phones('Tel. 030/123 45 67')", "{}" },
		{ "find.phones('06 1234 5678', '39')", "[\"+390612345678\"]" },
		{ "find.phones('(212) 555-0123 or 212.555.0199 or 1-212-555-0123', '+1')", "[\"+12125550123\",\"+12125550199\"]" },
		{ "find.phones('+44\\u{a0}20\\u{2013}7946\\u{202f}0018')", "[\"+442079460018\"]" },
		{ "#find.phones('2026-11-21 10:15, 01.12.2026, 01/12/26, 0.1234567, 10000000, DE89 3704 0044 0532 0130 00', '+49')", "0" },
		{ "#find.phones('https://x.y/0301234567 #0301234567 a0301234567 0301234567b 0301234567@c.d 0301234,50', '+49')", "0" },
		{ "#find.phones('+0123456789 +123 +1234567890123456 ++4930123456 +', '+49')", "0" },
		{ "#find.phones('030  1234567 030----1234567', '+49')", "0" },
		{ "find.phones('0', '+x')", "error: bad argument #2 to 'phones' (a prefix like \"+44\" expected)" },
	};
	said(rows);
}

/* Each of these takes the square of its length when it is done in the obvious way. */
static void hostile_texts(void **state)
{
	static const struct said rows[] = {
		{ "#text.nfc(('\\u{301}\\u{316}'):rep(250000)) > 0", "true" },
		{ "#text.fold('a' .. ('\\u{301}\\u{316}'):rep(250000)) > 0", "true" },
		{ "text.length('a' .. ('\\u{301}'):rep(250000))", "1" },
		{ "text.length(('🇩'):rep(100001))", "50001" },
		{ "#text.cut(('\\xff'):rep(1000000), 10)", "30" },
		{ "#html.text(('<'):rep(1000000))", "1000000" },
		{ "#html.text(('<a'):rep(500000))", "0" },
		{ "#html.text(('<a href=https://x.yz>'):rep(50000), { links = true }) < 2000000", "true" },
		{ "#html.text(('<a b=\"'):rep(200000))", "0" },
		{ "#html.text(('<!--'):rep(250000))", "0" },
		{ "#html.text(('<script>'):rep(125000))", "0" },
		{ "#html.text(('<ul><li>'):rep(100000) .. 'x') < 100", "true" },
		{ "#html.text(('<ul><li>x'):rep(50000)) < 1000000", "true" },
		{ "#html.text(('&'):rep(1000000))", "1000000" },
		{ "#html.text(('&#'):rep(500000))", "1000000" },
		{ "#html.text('<pre>' .. ('\\n'):rep(1000000)) < 3", "true" },
		{ "#find.emails(('@'):rep(1000000))", "0" },
		{ "#find.emails(('a@'):rep(500000))", "0" },
		{ "#find.emails(('a.'):rep(500000))", "0" },
		{ "#find.emails('a@' .. ('a.'):rep(500000))", "0" },
		{ "#find.urls(('http://'):rep(140000)) < 2", "true" },
		{ "#find.urls(('://'):rep(300000))", "0" },
		{ "#find.phones(('0'):rep(1000000), '+49')", "0" },
		{ "#find.phones(('+'):rep(1000000), '+49')", "0" },
		{ "#find.phones(('0 '):rep(500000), '+49')", "0" },
		{ "#find.phones(('('):rep(1000000), '+49')", "0" },
		{ "(number.parse(('1,'):rep(500000)))", "nil" },
		{ "#text.split(('a'):rep(100000), 'a')", "100001" },
		{ "#text.trim((' '):rep(1000000))", "0" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t begin = spent();
		said_check(&rows[i], 1, "{}");
		if (spent() - begin > 4000) /* it takes 0.1 s with sanitizers, 1000 s in the obvious way */
			fail_msg("%s took %lld ms", rows[i].expression, (long long)(spent() - begin));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(white_space_and_parts),
		cmocka_unit_test(letters),
		cmocka_unit_test(pages),
		cmocka_unit_test(emails),
		cmocka_unit_test(urls),
		cmocka_unit_test(phones),
		cmocka_unit_test(hostile_texts),
	};
	return cmocka_run_group_tests(tests, script_setup, script_teardown);
}
