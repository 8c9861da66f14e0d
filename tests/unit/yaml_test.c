/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_test.c - YAML with places: what is read, what is refused, and how that is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/yaml.h"
#include "sdk/text.h"

static struct arena *arena;
static struct why why;

static int begin(void **state)
{
	arena = arena_new();
	why = (struct why){ 0 };
	return 0;
}

static int end(void **state)
{
	arena_free(&arena);
	return 0;
}

static struct yaml_node *read_it(const char *text)
{
	return yaml_read_text("f.yaml", sl_text_of(text), arena, &why);
}

static void refused(const char *text, const char *sentence)
{
	assert_null(read_it(text));
	if (strncmp(why.text, sentence, strlen(sentence)) != 0)
		fail_msg("expected \"%s...\"\n     got \"%s\"", sentence, why.text);
}

static void values_know_their_place(void **state)
{
	struct yaml_node *root = read_it("a: 1\nb:\n  - x\n  - { c: d }\n");
	const struct yaml_node *list = yaml_get(root, "b"), *c;
	assert_non_null(root);
	assert_int_equal(root->kind, YAML_MAP);
	assert_int_equal(root->count, 2);
	assert_int_equal(list->count, 2);
	assert_int_equal(list->first->line, 3);
	assert_int_equal(list->first->column, 5);
	c = yaml_get(list->first->next, "c");
	assert_true(yaml_is(c, "d"));
	assert_int_equal(c->key->column, 7);
	assert_int_equal(c->column, 10);
	assert_string_equal(c->file, "f.yaml");
	assert_null(yaml_get(root, "z"));
	assert_null(yaml_get(c, "z"));
	assert_null(yaml_get(NULL, "z"));
}

static void scalars_are_text_until_asked(void **state)
{
	const struct yaml_node *root = read_it(
		"v: 1.10\nn: -12\nq: '12'\nyes: on\nt: \"true\"\nempty:\ntilde: ~\nbig: 9223372036854775808\nhex: 0x10\n");
	int64_t number;
	bool truth;
	assert_true(yaml_is(yaml_get(root, "v"), "1.10"));
	assert_true(yaml_int(yaml_get(root, "n"), &number));
	assert_int_equal(number, -12);
	assert_false(yaml_int(yaml_get(root, "q"), &number));
	assert_false(yaml_int(yaml_get(root, "v"), &number));
	assert_false(yaml_int(yaml_get(root, "big"), &number));
	assert_false(yaml_int(yaml_get(root, "hex"), &number));
	assert_false(yaml_int(yaml_get(root, "empty"), &number));
	assert_true(yaml_bool(yaml_get(root, "yes"), &truth) && truth);
	assert_false(yaml_bool(yaml_get(root, "t"), &truth));
	assert_true(yaml_null(yaml_get(root, "empty")));
	assert_true(yaml_null(yaml_get(root, "tilde")));
	assert_true(yaml_null(yaml_get(root, "missing")));
	assert_false(yaml_null(yaml_get(root, "t")));
}

static void variables_need_no_quotes_in_flow(void **state)
{
	const struct yaml_node *root = read_it(
		"s: { key: ${KEY}, secret: [${A}, \"${B}\", ${file:/run/x y}], w: a${C}b${D} }\np: ${E}\nq: '$${F}' # ${G}\n");
	const struct yaml_node *s = yaml_get(root, "s"), *secrets = yaml_get(s, "secret");
	assert_non_null(root);
	assert_true(yaml_is(yaml_get(s, "key"), "${KEY}"));
	assert_true(yaml_is(secrets->first, "${A}"));
	assert_true(yaml_is(secrets->first->next, "${B}"));
	assert_true(yaml_is(secrets->first->next->next, "${file:/run/x y}"));
	assert_int_equal(secrets->first->next->column, 34);
	assert_true(yaml_is(yaml_get(s, "w"), "a${C}b${D}"));
	assert_true(yaml_is(yaml_get(root, "p"), "${E}"));
	assert_true(yaml_is(yaml_get(root, "q"), "$${F}"));
}

static void an_empty_text_is_an_empty_map(void **state)
{
	assert_int_equal(read_it("")->kind, YAML_MAP);
	assert_int_equal(read_it("# only words\n")->count, 0);
	assert_int_equal(read_it("\xef\xbb\xbf"
				 "a: 1")
				 ->count,
		1);
}

static void refuses_what_configuration_never_needs(void **state)
{
	refused("a: &x 1\nb: *x\n", "f.yaml:1:4: anchors (&) and tags (!) are not understood");
	refused("b: *x\n", "f.yaml:1:4: aliases (*) are not understood");
	refused("a: !!str 1\n", "f.yaml:1:4: anchors (&) and tags (!)");
	refused("a: &x [1]\n", "f.yaml:1:4: anchors (&) and tags (!)");
	refused("a: 1\n---\nb: 2\n", "f.yaml:3:1: a second document begins here");
	refused("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: `a` was given before, in line 1");
	refused("? [a]\n: b\n", "f.yaml:1:3: a key must be a word");
	refused("a: \"\\0\"\n", "f.yaml:1:4: a value cannot hold a NUL");
}

static void says_where_the_form_is_broken(void **state)
{
	refused("a:\n\tb: 1\n", "f.yaml:2:1: a tab cannot stand here; indent with spaces");
	refused("a: [1, 2\nb: 3\n",
		"f.yaml:2:2: did not find expected ',' or ']', while parsing a flow sequence that began in line 1");
	refused("a: 'open\n", "f.yaml:2:1: found unexpected end of stream");
	refused("a: 1\nb: \xff\n", "f.yaml:2:4: this is not text in UTF-8");
	refused("a: \x01\n", "f.yaml:1:4: this is not text in UTF-8");
	refused("\xc3\xa4: \xf4\x8f\xbf\xbe\n", "f.yaml:1:4: this is a code point that no text holds");
	refused("a: b: c\n", "f.yaml:1:5: mapping values are not allowed in this context");
	assert_null(yaml_read_text("f.yaml", (struct sl_text){ "a: \0b", 5 }, arena, &why));
	assert_non_null(strstr(why.text, "f.yaml:1:4: "));
}

static void nothing_large_gets_far(void **state)
{
	struct buf text = { 0 };
	for (int i = 0; i < 100000; i++)
		buf_char(&text, '[');
	refused(text.at, "f.yaml:1:33: lists and maps may not lie more than 32 deep");
	buf_clear(&text);
	for (int i = 0; i < 100000; i++)
		buf_string(&text, "- ");
	refused(text.at, "f.yaml:1:65: lists and maps may not lie more than 32 deep");
	buf_clear(&text);
	for (int i = 0; i < 30000; i++)
		buf_string(&text, "- a\n");
	refused(text.at, "f.yaml:20000:3: there are more than 20000 values");
	buf_clear(&text);
	for (int i = 0; i < 9000; i++)
		buf_format(&text, "k%d: v\n", i);
	assert_int_equal(read_it(text.at)->count, 9000);
	buf_clear(&text);
	buf_string(&text, "a: ");
	for (int i = 0; i < 1024 * 1024; i++)
		buf_char(&text, 'x');
	refused(text.at, "f.yaml:1:1: the file is larger than 1 MB");
	text.at[1024 * 1024 - 10] = '\0';
	assert_int_equal(yaml_get(read_it(text.at), "a")->text.len, 1024 * 1024 - 13);
	buf_free(&text);
}

/* The bomb of nine lines that grows to a billion words ends at its first anchor. */
static void a_bomb_of_aliases_ends_at_once(void **state)
{
	refused("a: &a [x,x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\n", "f.yaml:1:4: anchors");
}

static void sentences_show_values_but_no_secrets(void **state)
{
	struct yaml_node *root = read_it("a: text\nb: [1]\nc:\nd: 0123456789012345678901234567890123456789xyz\n");
	struct yaml_node *a = root->first;
	char room[YAML_SHOWN];
	assert_string_equal(yaml_shown(a, room), "'text'");
	assert_string_equal(yaml_shown(yaml_get(root, "b"), room), "a list");
	assert_string_equal(yaml_shown(yaml_get(root, "c"), room), "nothing");
	assert_string_equal(yaml_shown(yaml_get(root, "d"), room), "'0123456789012345678901234567890123456789'...");
	a->written = "${SECRET}";
	assert_string_equal(yaml_shown(a, room), "'${SECRET}'");
	assert_false(yaml_want(yaml_get(root, "b"), YAML_MAP, "`tables`", &why));
	assert_string_equal(why.text, "f.yaml:2:4: `tables` must be a map, not a list");
}

static void an_unknown_key_names_the_nearest(void **state)
{
	static const char *const known[] = { "boards", "key", "token", NULL };
	assert_true(yaml_known(read_it("key: 1\nboards: 2\n"), known, "source b", &why));
	assert_false(yaml_known(read_it("key: 1\nboard: 2\n"), known, "source b", &why));
	assert_string_equal(why.text, "f.yaml:2:1: `board` is no key of source b; did you mean `boards`?");
	assert_false(yaml_known(read_it("zebra: 2\n"), known, "source b", &why));
	assert_string_equal(why.text, "f.yaml:1:1: `zebra` is no key of source b; its keys are: boards, key, token");
	assert_string_equal(yaml_nearest("tokne", known), "token");
	assert_null(yaml_nearest("listen", known));
}

static void a_file_that_is_not_there(void **state)
{
	assert_null(yaml_read_file("/nowhere/f.yaml", arena, &why));
	assert_string_equal(why.text, "/nowhere/f.yaml cannot be opened: No such file or directory");
	assert_null(yaml_read_file("/tmp", arena, &why));
	assert_non_null(strstr(why.text, "/tmp cannot be read: Is a directory"));
}

/* "a: 'xxx...'", so many bytes in all. */
static struct yaml_node *read_file_of(size_t size)
{
	char path[] = "/tmp/yaml-test-XXXXXX", *text = malloc(size);
	int fd = mkstemp(path);
	memset(text, 'x', size);
	memcpy(text, "a: '", 4);
	text[size - 1] = '\'';
	assert_int_equal(write(fd, text, size), size);
	close(fd);
	struct yaml_node *root = yaml_read_file(path, arena, &why);
	unlink(path);
	free(text);
	return root;
}

static void a_file_is_read_whole_up_to_a_megabyte(void **state)
{
	static const size_t sizes[] = { 6, 8191, 8192, 8193, 70000, 1 << 20 };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct yaml_node *root = read_file_of(sizes[i]);
		if (!root)
			fail_msg("%s", why.text);
		assert_int_equal(yaml_get(root, "a")->text.len, sizes[i] - 5);
	}
	assert_null(read_file_of((1 << 20) + 1));
	assert_non_null(strstr(why.text, "larger than 1 MB"));
}

/* Every cut and every flipped byte of a real file either reads or is refused. */
static void no_damage_does_harm(void **state)
{
	static const char whole[] = "a: { b: ${C}, d: [e, \"f\\n\"] }\ng: |\n  text\n  more\nh: 'x'\n";
	char text[sizeof(whole)];
	for (size_t i = 0; i < sizeof(whole); i++)
		for (int bit = 0; bit < 8; bit++) {
			memcpy(text, whole, sizeof(whole));
			text[i] ^= (char)(1 << bit);
			why.text[0] = '\0';
			if (!yaml_read_text("f.yaml", (struct sl_text){ text, sizeof(whole) - 1 }, arena, &why))
				assert_memory_equal(why.text, "f.yaml:", 7);
			yaml_read_text("f.yaml", (struct sl_text){ whole, i }, arena, &why);
		}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(values_know_their_place),
		CASE(scalars_are_text_until_asked),
		CASE(variables_need_no_quotes_in_flow),
		CASE(an_empty_text_is_an_empty_map),
		CASE(refuses_what_configuration_never_needs),
		CASE(says_where_the_form_is_broken),
		CASE(nothing_large_gets_far),
		CASE(a_bomb_of_aliases_ends_at_once),
		CASE(sentences_show_values_but_no_secrets),
		CASE(an_unknown_key_names_the_nearest),
		CASE(a_file_that_is_not_there),
		CASE(a_file_is_read_whole_up_to_a_megabyte),
		CASE(no_damage_does_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
