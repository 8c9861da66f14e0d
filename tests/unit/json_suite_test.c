/* SPDX-License-Identifier: Apache-2.0 */
/* json_suite_test.c - JSONTestSuite, all 318 files of it (vectors/README.md). */
#include "vectors.h"

#include "sdk/json.h"

/* Where the suite leaves a choice: these are not UTF-8 and refused, the others accepted, as sdk/json.h says. */
static const char *const refused[] = {
	"i_string_UTF-16LE_with_BOM",
	"i_string_UTF-8_invalid_sequence",
	"i_string_UTF8_surrogate_U+D800",
	"i_string_invalid_utf-8",
	"i_string_iso_latin_1",
	"i_string_lone_utf8_continuation_byte",
	"i_string_not_in_unicode_range",
	"i_string_overlong_sequence_2_bytes",
	"i_string_overlong_sequence_6_bytes",
	"i_string_overlong_sequence_6_bytes_null",
	"i_string_truncated-utf-8",
	"i_string_utf16BE_no_BOM",
	"i_string_utf16LE_no_BOM",
	NULL,
};

static bool wanted(const char *name)
{
	for (const char *const *at = refused; *at; at++)
		if (strcmp(*at, name) == 0)
			return false;
	return name[0] != 'n';
}

/* Parts: name, how often, the bytes, what follows them.  Nothing behind the text, so that
 * the sanitizer sees who looks further. */
static bool accepted(const struct vector *vector)
{
	struct buf unit = { 0 }, end = { 0 };
	size_t times = strtoul(vector_part(vector, 1), NULL, 10), len = 0;
	vector_bytes(vector_part(vector, 2), &unit);
	vector_bytes(vector_part(vector, 3), &end);
	char *text = malloc(unit.len * times + end.len + 1);
	for (size_t i = 0; i < times && unit.len; i++, len += unit.len)
		memcpy(text + len, unit.at, unit.len);
	if (end.len)
		memcpy(text + len, end.at, end.len);
	len += end.len;
	char *exact = realloc(text, len ? len : 1);
	struct sl_document *document = sl_json_read((struct sl_text){ exact, len }, NULL, 0);
	bool good = document != NULL;
	sl_json_free(&document);
	free(exact);
	buf_free(&unit);
	buf_free(&end);
	return good;
}

static int judge(const struct vector *vector)
{
	const char *name = vector->parts[0];
	bool good = accepted(vector);
	if (good == wanted(name))
		return 0;
	print_error("%s is %s\n", name, good ? "accepted" : "refused");
	return 1;
}

static void each_file_is_accepted_or_refused_as_it_should_be(void **state)
{
	int bad = 0;
	assert_int_equal(vectors_each("jsontestsuite.txt", judge, &bad), 318);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_file_is_accepted_or_refused_as_it_should_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
