/* SPDX-License-Identifier: Apache-2.0 */
/* json_test.c - what is a document, and what its values say. */
#include "sdk/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sdk/text.h"

#define TEXT(literal) ((struct sl_text){ literal, sizeof(literal) - 1 })
#define ROWS(table) (sizeof(table) / sizeof(*(table)))

/* Without a byte behind the text, so that the sanitizer sees who looks further. */
static struct sl_document *read_exactly(struct sl_text text, char *why, size_t room)
{
	char *copy = malloc(text.len ? text.len : 1);
	if (text.len)
		memcpy(copy, text.at, text.len);
	struct sl_document *document = sl_json_read((struct sl_text){ copy, text.len }, why, room);
	free(copy);
	return document;
}

static struct sl_document *must_read(struct sl_text text)
{
	char why[200] = "";
	struct sl_document *document = read_exactly(text, why, sizeof(why));
	if (!document)
		fail_msg("%.*s: %s", (int)text.len, text.at, why);
	return document;
}

static void must_say(struct sl_text text, const char *what)
{
	if (!sl_text_is(text, what))
		fail_msg("\"%.*s\" instead of \"%s\"", (int)text.len, text.at ? text.at : "", what);
}

static void what_is_not_json_is_refused_with_its_place(void **state)
{
	static const struct {
		struct sl_text text;
		const char *why;
	} table[] = {
		{ TEXT(""), "not JSON: the text is empty" },
		{ TEXT(" \n"), "not JSON: the text is empty" },
		{ TEXT("[1 2]"), "not JSON: a comma is missing at byte 3" },
		{ TEXT("[1,]"), "not JSON: a value is missing at byte 3" },
		{ TEXT("[1,"), "not JSON: it ends too early at byte 3" },
		{ TEXT("[1"), "not JSON: it ends too early at byte 2" },
		{ TEXT("{\"a\":"), "not JSON: it ends too early at byte 5" },
		{ TEXT("{\"a\""), "not JSON: a colon is missing at byte 4" },
		{ TEXT("{"), "not JSON: it ends too early at byte 1" },
		{ TEXT("{\"a\":1,}"), "not JSON: the name of a member is missing at byte 7" },
		{ TEXT("{\"a\" 1}"), "not JSON: a colon is missing at byte 5" },
		{ TEXT("{a:1}"), "not JSON: the name of a member is missing at byte 1" },
		{ TEXT("{\"a\":1]"), "not JSON: a comma is missing at byte 6" },
		{ TEXT("]"), "not JSON: a value is missing at byte 0" },
		{ TEXT("[\"a\":1]"), "not JSON: a comma is missing at byte 4" },
		{ TEXT("\"a\":1"), "not JSON: something follows the document at byte 3" },
		{ TEXT("{} {}"), "not JSON: something follows the document at byte 3" },
		{ TEXT("1\0"), "not JSON: a number is written wrongly at byte 0" },
		{ TEXT("\xef\xbb\xbf[}"), "not JSON: a value is missing at byte 4" },
		{ TEXT("nul"), "not JSON: an unknown word at byte 0" },
		{ TEXT("[truefalse]"), "not JSON: an unknown word at byte 1" },
		{ TEXT("True"), "not JSON: a value is missing at byte 0" },
		{ TEXT("\"\\x\""), "not JSON: a wrong escape at byte 1" },
		{ TEXT("\"\\ud83d\\u00\""), "not JSON: a wrong escape at byte 7" },
		{ TEXT("\"abc"), "not JSON: a string is not closed" },
		{ TEXT("\"\\\""), "not JSON: a string is not closed" },
		{ TEXT("\"a\nb\""), "not JSON: a control character stands in a string" },
		{ TEXT("\"\xc0\xaf\""), "not JSON: the text is not UTF-8" },
		{ TEXT("\"\xed\xa0\x80\""), "not JSON: the text is not UTF-8" },
	};
	for (size_t i = 0; i < ROWS(table); i++) {
		char why[200] = "";
		struct sl_document *document = read_exactly(table[i].text, why, sizeof(why));
		assert_null(document);
		assert_string_equal(why, table[i].why);
	}
}

static void numbers_have_one_grammar(void **state)
{
	static const char *const wrong[] = {
		"-", "+1", "01", "-01", ".5", "1.", "1.e1", "1e", "1e+", "1eE2", "0x1", "1_000", "--1", "1a", "NaN",
		"Infinity", "1.2.3", "- 1",
	};
	static const char *const right[] = { "0", "-0", "0e1", "1E+2", "0.10", "-1.5e-300", "1e400",
		"123456789012345678901234567890" };
	for (size_t i = 0; i < ROWS(wrong); i++)
		assert_null(read_exactly(sl_text_of(wrong[i]), NULL, 0));
	for (size_t i = 0; i < ROWS(right); i++) {
		struct sl_document *document = must_read(sl_text_of(right[i]));
		assert_int_equal(sl_json_kind(sl_json_root(document)), SL_KIND_NUMBER);
		must_say(sl_json_raw(sl_json_root(document)), right[i]);
		sl_json_free(&document);
	}
}

static void whole_numbers_are_exact(void **state)
{
	static const struct {
		const char *text;
		int fits;
		int64_t number;
	} table[] = {
		{ "0", 1, 0 }, { "-0", 1, 0 }, { "-0.0e99999999999999999999", 1, 0 },
		{ "9223372036854775807", 1, INT64_MAX }, { "9223372036854775808", 0, 0 },
		{ "-9223372036854775808", 1, INT64_MIN }, { "-9223372036854775809", 0, 0 },
		{ "9007199254740993", 1, 9007199254740993 }, { "1e3", 1, 1000 }, { "5.0", 1, 5 }, { "1.50e1", 1, 15 },
		{ "1.25e1", 0, 0 }, { "0.5", 0, 0 }, { "1200e-2", 1, 12 }, { "9223372036854775807.000", 1, INT64_MAX },
		{ "9223372036854775807000e-3", 1, INT64_MAX }, { "1e19", 0, 0 }, { "1e400", 0, 0 },
		{ "1e99999999999999999999", 0, 0 }, { "1e-99999999999999999999", 0, 0 }, { "\"5\"", 0, 0 }, { "true", 0, 0 },
	};
	for (size_t i = 0; i < ROWS(table); i++) {
		struct sl_document *document = must_read(sl_text_of(table[i].text));
		int64_t number = 77;
		assert_int_equal(sl_json_integer(sl_json_root(document), &number), table[i].fits);
		assert_int_equal(number, table[i].fits ? table[i].number : 77);
		sl_json_free(&document);
	}
}

/* Each in several spellings: what is read is what strtod() reads, to the bit. */
static void doubles_are_the_nearest(void **state)
{
	static const char *const forms[] = { "%.1f", "%.2f", "%.4f", "-%.3f", "%.17g", "%.9e", "%.22f" };
	uint64_t drawn = 20261122;
	for (int i = 0; i < 20000; i++) {
		char text[400];
		drawn = drawn * UINT64_C(6364136223846793005) + 1442695040888963407;
		double size = (double)(drawn >> (11 + drawn % 40)) / (double)(1 + (drawn >> 33) % 100000);
		snprintf(text, sizeof(text), forms[i % 7], size);
		struct sl_document *document = sl_json_read((struct sl_text){ text, strlen(text) }, NULL, 0);
		double number = 0, nearest = strtod(text, NULL);
		assert_true(sl_json_double(sl_json_root(document), &number));
		assert_memory_equal(&number, &nearest, sizeof(number));
		sl_json_free(&document);
	}
}

static void doubles_are_finite(void **state)
{
	static const struct {
		const char *text;
		int fits;
		double number;
	} table[] = {
		{ "0.1", 1, 0.1 }, { "-1.5e3", 1, -1500 }, { "1e400", 0, 0 }, { "-1e400", 0, 0 }, { "1e-400", 1, 0 },
		{ "12345678901234567890", 1, 12345678901234567890.0 }, { "null", 0, 0 },
	};
	for (size_t i = 0; i < ROWS(table); i++) {
		struct sl_document *document = must_read(sl_text_of(table[i].text));
		double number = 0;
		assert_int_equal(sl_json_double(sl_json_root(document), &number), table[i].fits);
		assert_true(fabs(number - table[i].number) <= fabs(table[i].number) * 1e-16);
		sl_json_free(&document);
	}
}

static void strings_are_unescaped(void **state)
{
	static const struct {
		struct sl_text json, string;
	} table[] = {
		{ TEXT("\"\""), TEXT("") },
		{ TEXT("\"plain\""), TEXT("plain") },
		{ TEXT("  \"blanks  \"  "), TEXT("blanks  ") },
		{ TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), TEXT("\"\\/\b\f\n\r\t") },
		{ TEXT("\"\\u0041\\u00e9\\u20AC\""), TEXT("A\xc3\xa9\xe2\x82\xac") },
		{ TEXT("\"a\\u0000b\""), TEXT("a\0b") },
		{ TEXT("\"\\ud83d\\ude00\""), TEXT("\xf0\x9f\x98\x80") },
		{ TEXT("\"\\ud83d\""), TEXT("\xef\xbf\xbd") },
		{ TEXT("\"\\ud83dx\""), TEXT("\xef\xbf\xbdx") },
		{ TEXT("\"\\ude00\\ud83d\""), TEXT("\xef\xbf\xbd\xef\xbf\xbd") },
		{ TEXT("\"\\ud83d\\ud83d\\ude00\""), TEXT("\xef\xbf\xbd\xf0\x9f\x98\x80") },
		{ TEXT("\"\\ud83d\\n\""), TEXT("\xef\xbf\xbd\n") },
		{ TEXT("\"a string that is longer than one block of sixteen bytes\""),
			TEXT("a string that is longer than one block of sixteen bytes") },
	};
	for (size_t i = 0; i < ROWS(table); i++) {
		struct sl_document *document = must_read(table[i].json);
		struct sl_text string = sl_json_string(sl_json_root(document));
		assert_int_equal(string.len, table[i].string.len);
		assert_memory_equal(string.at, table[i].string.at, string.len + 1);
		sl_json_free(&document);
	}
}

static void halves_of_pairs_are_counted(void **state)
{
	static const struct {
		struct sl_text json;
		size_t halves;
	} table[] = {
		{ TEXT("\"plain\""), 0 },
		{ TEXT("[\"\\ud83d\\ude00\", \"\\u0000\", \"\\\\ud83d\"]"), 0 },
		{ TEXT("[\"\\ud83d\", \"\\ud83dx\", \"\\ude00\\ud83d\"]"), 4 },
		{ TEXT("\"\\ud83d\\ud83d\\ude00\""), 1 },
		{ TEXT("\"\\ud83d\\"), 1 },
	};
	for (size_t i = 0; i < ROWS(table); i++)
		assert_int_equal(sl_json_halves(table[i].json), table[i].halves);
}

static void that_something_is_escaped_is_known(void **state)
{
	static const char *const plain[] = { "1", "\"\"", "{\"a\":[\"b/c\"]}" };
	static const char *const escaped[] = { "\"\\n\"", "{\"a\\\\\":1}", "[\"a\",\"b\",\"\\ud83d\"]",
		"{\"a\":\"\\t\",\"b\":1}" };
	struct sl_document *document;
	for (size_t i = 0; i < ROWS(plain); i++) {
		document = must_read(sl_text_of(plain[i]));
		assert_false(sl_json_escaped(document));
		sl_json_free(&document);
	}
	for (size_t i = 0; i < ROWS(escaped); i++) {
		document = must_read(sl_text_of(escaped[i]));
		assert_true(sl_json_escaped(document));
		sl_json_free(&document);
	}
	assert_false(sl_json_escaped(NULL));
}

static void neighbours_of_an_escape_stay_whole(void **state)
{
	struct sl_text text = TEXT("{\"a\":\"1\",\"b\\n\":\"2\\t\",\"c\":[\"3\",\"\\\\\"],\"d\":\"4\"}");
	struct sl_document *document = must_read(text);
	const struct sl_json *root = sl_json_root(document);
	must_say(sl_json_string(sl_json_get(root, "a")), "1");
	must_say(sl_json_string(sl_json_get(root, "b\n")), "2\t");
	must_say(sl_json_string(sl_json_at(root, "/c/0")), "3");
	must_say(sl_json_string(sl_json_at(root, "/c/1")), "\\");
	must_say(sl_json_string(sl_json_get(root, "d")), "4");
	sl_json_free(&document);
}

static void what_stands_in_the_text_stays_as_it_is(void **state)
{
	struct sl_document *document = must_read(TEXT(" { \"a\" : [ 1.50 , {} ] , \"b\" : \"x\\u0041\" } "));
	const struct sl_json *root = sl_json_root(document);
	must_say(sl_json_raw(root), "{ \"a\" : [ 1.50 , {} ] , \"b\" : \"x\\u0041\" }");
	must_say(sl_json_raw(sl_json_get(root, "a")), "[ 1.50 , {} ]");
	must_say(sl_json_raw(sl_json_at(root, "/a/0")), "1.50");
	must_say(sl_json_raw(sl_json_at(root, "/b")), "\"x\\u0041\"");
	sl_json_free(&document);
}

static void pointers_follow_rfc_6901(void **state)
{
	struct sl_text text = TEXT("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
		"\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8,\"~1\":9}");
	struct sl_document *document = must_read(text);
	const struct sl_json *root = sl_json_root(document);
	static const struct {
		const char *pointer, *raw;
	} table[] = {
		{ "/foo", "[\"bar\",\"baz\"]" }, { "/foo/0", "\"bar\"" }, { "/", "0" }, { "/a~1b", "1" },
		{ "/c%d", "2" }, { "/e^f", "3" }, { "/g|h", "4" }, { "/i\\j", "5" }, { "/k\"l", "6" }, { "/ ", "7" }, { "/m~0n", "8" },
		{ "/~01", "9" },
	};
	static const char *const nowhere[] = { "/fo", "/fooo", "/foo/2", "/foo/-", "/foo/00", "/foo/01", "/foo/",
		"/foo/0/x", "/foo/99999999999999999999", "foo", "/a/b", "//", "/ /" };
	assert_ptr_equal(sl_json_at(root, ""), root);
	for (size_t i = 0; i < ROWS(table); i++)
		must_say(sl_json_raw(sl_json_at(root, table[i].pointer)), table[i].raw);
	for (size_t i = 0; i < ROWS(nowhere); i++)
		assert_null(sl_json_at(root, nowhere[i]));
	sl_json_free(&document);
}

static void the_last_of_two_members_counts(void **state)
{
	struct sl_document *document = must_read(TEXT("{\"a\":1,\"a\":{\"b\":2},\"b\":3,\"\\u0061\":4}"));
	const struct sl_json *root = sl_json_root(document);
	must_say(sl_json_raw(sl_json_get(root, "a")), "4");
	must_say(sl_json_raw(sl_json_at(root, "/a")), "4");
	must_say(sl_json_raw(sl_json_get_text(root, TEXT("b"))), "3");
	assert_int_equal(sl_json_count(root), 4);
	sl_json_free(&document);
}

static void children_are_walked_in_order(void **state)
{
	struct sl_document *document = must_read(TEXT("{\"a\":[],\"b\":[[1],{\"x\":{}},2],\"c\":null}"));
	const struct sl_json *root = sl_json_root(document);
	const char *const names[] = { "a", "b", "c" };
	size_t count = 0;
	for (const struct sl_json *member = sl_json_first(root); member; member = sl_json_next(member))
		must_say(sl_json_name(member), names[count++]);
	assert_int_equal(count, 3);
	assert_null(sl_json_first(sl_json_get(root, "a")));
	assert_null(sl_json_next(root));
	const struct sl_json *inner = sl_json_first(sl_json_get(root, "b"));
	assert_null(sl_json_name(inner).at);
	must_say(sl_json_raw(sl_json_next(inner)), "{\"x\":{}}");
	must_say(sl_json_raw(sl_json_next(sl_json_next(inner))), "2");
	assert_null(sl_json_next(sl_json_next(sl_json_next(inner))));
	sl_json_free(&document);
}

static void elements_are_found_in_any_order(void **state)
{
	static const size_t order[] = { 3, 0, 2, 2, 1, 4, 0, 4 };
	struct sl_document *documents[] = { must_read(TEXT("[0,1,2,3,4]")), must_read(TEXT("[[0],[1,1],[2,[2]],[],[4]]")) };
	static const char *const nested[] = { "[0]", "[1,1]", "[2,[2]]", "[]", "[4]" };
	for (size_t i = 0; i < ROWS(order); i++) {
		int64_t number;
		assert_true(sl_json_integer(sl_json_element(sl_json_root(documents[0]), order[i]), &number));
		assert_int_equal(number, order[i]);
		must_say(sl_json_raw(sl_json_element(sl_json_root(documents[1]), order[i])), nested[order[i]]);
	}
	for (int i = 0; i < 2; i++) {
		assert_null(sl_json_element(sl_json_root(documents[i]), 5));
		sl_json_free(&documents[i]);
	}
}

static void what_is_not_there_answers_nothing(void **state)
{
	struct sl_document *document = must_read(TEXT("[true,false,null,0,\"\"]"));
	const struct sl_json *root = sl_json_root(document);
	int64_t integer;
	double number;
	assert_true(sl_json_true(sl_json_element(root, 0)));
	for (size_t i = 1; i < 5; i++)
		assert_false(sl_json_true(sl_json_element(root, i)));
	assert_non_null(sl_json_string(sl_json_element(root, 4)).at);
	assert_null(sl_json_string(sl_json_element(root, 3)).at);
	assert_null(sl_json_get(root, "x"));
	assert_null(sl_json_root(NULL));
	assert_int_equal(sl_json_size(NULL), 0);
	assert_int_equal(sl_json_kind(NULL), SL_KIND_NULL);
	assert_null(sl_json_at(NULL, "/a"));
	assert_null(sl_json_get(NULL, "a"));
	assert_null(sl_json_element(NULL, 0));
	assert_null(sl_json_string(NULL).at);
	assert_null(sl_json_raw(NULL).at);
	assert_null(sl_json_name(NULL).at);
	assert_null(sl_json_first(NULL));
	assert_null(sl_json_next(NULL));
	assert_int_equal(sl_json_count(NULL), 0);
	assert_false(sl_json_true(NULL));
	assert_false(sl_json_integer(NULL, &integer));
	assert_false(sl_json_double(NULL, &number));
	sl_json_free(&document);
	assert_null(document);
	sl_json_free(&document);
}

static void depth_has_a_limit(void **state)
{
	char text[2 * 513];
	for (size_t levels = 512; levels <= 513; levels++) {
		memset(text, '[', levels);
		memset(text + levels, ']', levels);
		struct sl_document *document = read_exactly((struct sl_text){ text, 2 * levels }, NULL, 0);
		assert_int_equal(document != NULL, levels == 512);
		sl_json_free(&document);
	}
}

static void long_documents_are_read(void **state)
{
	size_t count = 300000, len = 0;
	char *text = malloc(count * 20);
	for (size_t i = 0; i < count; i++)
		len += (size_t)sprintf(text + len, "%c{\"n\":%zu}", i ? ',' : '[', i);
	text[len++] = ']';
	struct sl_document *document = must_read((struct sl_text){ text, len });
	const struct sl_json *root = sl_json_root(document);
	assert_int_equal(sl_json_count(root), count);
	for (size_t i = 0; i < count; i++) { /* would never end if each began at the first */
		int64_t number;
		assert_true(sl_json_integer(sl_json_get(sl_json_element(root, i), "n"), &number));
		assert_int_equal(number, i);
	}
	sl_json_free(&document);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
		cmocka_unit_test(numbers_have_one_grammar),
		cmocka_unit_test(whole_numbers_are_exact),
		cmocka_unit_test(doubles_are_finite),
		cmocka_unit_test(doubles_are_the_nearest),
		cmocka_unit_test(strings_are_unescaped),
		cmocka_unit_test(halves_of_pairs_are_counted),
		cmocka_unit_test(that_something_is_escaped_is_known),
		cmocka_unit_test(neighbours_of_an_escape_stay_whole),
		cmocka_unit_test(what_stands_in_the_text_stays_as_it_is),
		cmocka_unit_test(pointers_follow_rfc_6901),
		cmocka_unit_test(the_last_of_two_members_counts),
		cmocka_unit_test(children_are_walked_in_order),
		cmocka_unit_test(elements_are_found_in_any_order),
		cmocka_unit_test(what_is_not_there_answers_nothing),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(long_documents_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
