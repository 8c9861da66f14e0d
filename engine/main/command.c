/* SPDX-License-Identifier: Apache-2.0 */
/* command.c - what was typed: which command, which options, or what is wrong with it. */
#include "main/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "main/commands.h"
#include "sdk/text.h"

#define DEFAULT_CONFIG "./sluice.yaml"
#define NEAR 2 /* single edits that still count as a slip of the finger */

static const struct command *const tables[] = {
#define COMMAND_TABLE_ROW(name) cmd_##name,
	COMMAND_TABLES(COMMAND_TABLE_ROW)
#undef COMMAND_TABLE_ROW
};

const struct command_option command_common[] = {
	{ "config", 'c', "FILE", "the configuration (default: " DEFAULT_CONFIG ")" },
	{ "json", 0, NULL, "print JSON, one object a line" },
	{ "help", 'h', NULL, "say how the command is used" },
	{ 0 },
};

/* ------------------------------------------------------------- the table */

const struct command *command_next(struct command_place *place)
{
	while (place->table < sizeof(tables) / sizeof(*tables)) {
		const struct command *row = &tables[place->table][place->row];
		if (row->name) {
			place->row++;
			return row;
		}
		place->table++;
		place->row = 0;
	}
	return NULL;
}

const struct command *command_find(const char *name)
{
	struct command_place place = { 0 };
	const struct command *row;
	while ((row = command_next(&place)))
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

/* The nearest command, compared as a whole or by its first word. */
static const char *nearest_command(const char *typed)
{
	struct command_place place = { 0 };
	const struct command *row;
	const char *best = NULL;
	size_t best_distance = NEAR + 1;
	while ((row = command_next(&place))) {
		char first[32];
		snprintf(first, sizeof(first), "%.*s", (int)strcspn(row->name, " "), row->name);
		size_t distance = sl_distance(typed, strchr(typed, ' ') ? row->name : first);
		if (distance < best_distance) {
			best_distance = distance;
			best = row->name;
		}
	}
	return best;
}

/* ------------------------------------------------------------- sentences */

static void say(const struct command_line *line, const char *form, va_list values)
{
	struct why why = { 0 };
	why_vsay(&why, form, values);
	fprintf(stderr, "sluice %s: %s\n", line->command->name, why.text);
}

int command_no(const struct command_line *line, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	say(line, form, values);
	va_end(values);
	return EXIT_NO;
}

int command_wrong(const struct command_line *line, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	say(line, form, values);
	va_end(values);
	fprintf(stderr, "Try: sluice %s --help\n", line->command->name);
	return EXIT_WRONG;
}

bool command_print(struct buf *out)
{
	size_t done = out->len ? fwrite(out->at, 1, out->len, stdout) : 0;
	bool fine = done == out->len && fflush(stdout) == 0;
	buf_free(out);
	return fine;
}

/* --------------------------------------------------------------- options */

const char *command_value(const struct command_line *line, const char *option)
{
	for (size_t i = line->option_count; i-- > 0;)
		if (strcmp(line->options[i].name, option) == 0)
			return line->options[i].value;
	return NULL;
}

bool command_flag(const struct command_line *line, const char *option)
{
	return command_value(line, option) != NULL;
}

bool command_number(const struct command_line *line, const char *option, int64_t least, int64_t initial,
	int64_t *number, struct why *why)
{
	const char *text = command_value(line, option);
	char *end;
	*number = initial;
	if (!text)
		return true;
	errno = 0;
	*number = strtoll(text, &end, 10);
	if (errno || end == text || *end)
		return why_say(why, "--%s %s is not a whole number", option, text);
	if (*number < least)
		return why_say(why, "--%s %s is too small, the least is %lld", option, text, (long long)least);
	return true;
}

/* What is being read off argv. */
struct parse {
	struct command_line *line;
	struct arena *arena;
	char **next; /* the words not read yet; ends with NULL */
	struct sl_pair *options;
	const char **arguments;
	bool help;
};

/* By its name, or (len 0) by its letter: "--c" and "-c" are two. */
static const struct command_option *option_in(const struct command_option *rows, const char *name, size_t len)
{
	for (; rows && rows->name; rows++)
		if (len ? strlen(rows->name) == len && memcmp(rows->name, name, len) == 0 : rows->letter == *name)
			return rows;
	return NULL;
}

static const struct command_option *option_find(const struct command *command, const char *name, size_t len)
{
	const struct command_option *row = option_in(command->options, name, len);
	return row ? row : option_in(command_common, name, len);
}

static void nearest_in(const struct command_option *rows, const char *typed, const char **best, size_t *distance)
{
	for (; rows && rows->name; rows++) {
		size_t here = sl_distance(typed, rows->name);
		if (here >= *distance)
			continue;
		*distance = here;
		*best = rows->name;
	}
}

static int unknown_option(const struct parse *parse, const char *word, const char *name, size_t len)
{
	const char *best = NULL, *typed = arena_copy(parse->arena, name, len);
	size_t distance = NEAR + 1;
	nearest_in(parse->line->command->options, typed, &best, &distance);
	nearest_in(command_common, typed, &best, &distance);
	if (best && len > 1)
		return command_wrong(parse->line, "there is no option %s; did you mean --%s?", word, best);
	return command_wrong(parse->line, "there is no option %s", word);
}

static void note_option(struct parse *parse, const struct command_option *row, const char *value)
{
	struct command_line *line = parse->line;
	if (row == &command_common[0])
		line->config = value;
	else if (row == &command_common[1])
		line->json = true;
	else if (row == &command_common[2])
		parse->help = true;
	else
		parse->options[line->option_count++] = (struct sl_pair){ row->name, value };
}

/* "--name", "--name=value", "--name value", "-n", "-n value", "-nvalue". */
static int read_option(struct parse *parse, const char *word)
{
	bool is_long = word[1] == '-';
	const char *name = word + (is_long ? 2 : 1);
	size_t len = is_long ? strcspn(name, "=") : 1;
	const char *value = name[len] ? name + len + is_long : NULL;
	const struct command_option *row = option_find(parse->line->command, name, is_long ? len : 0);
	if (!row)
		return unknown_option(parse, word, name, len);
	if (!row->value && value)
		return command_wrong(parse->line, "the option --%s takes no value", row->name);
	if (row->value && !value && !(value = *parse->next))
		return command_wrong(parse->line, "the option --%s needs a value: %s", row->name, row->value);
	if (row->value && value == *parse->next)
		parse->next++;
	note_option(parse, row, value ? value : "");
	return EXIT_FINE;
}

static int read_words(struct parse *parse)
{
	bool only_arguments = false;
	while (*parse->next) {
		const char *word = *parse->next++;
		int code = EXIT_FINE;
		if (!only_arguments && strcmp(word, "--") == 0)
			only_arguments = true;
		else if (!only_arguments && word[0] == '-' && word[1])
			code = read_option(parse, word);
		else
			parse->arguments[parse->line->count++] = word;
		if (code != EXIT_FINE)
			return code;
	}
	return EXIT_FINE;
}

static int check_count(const struct command_line *line)
{
	const struct command *command = line->command;
	if ((int)line->count < command->least)
		return command_wrong(line, "something is missing: sluice %s %s", command->name,
			command->arguments ? command->arguments : "");
	if (command->most >= 0 && (int)line->count > command->most)
		return command_wrong(line, "\"%s\" is too much", line->arguments[command->most]);
	return EXIT_FINE;
}

/* ------------------------------------------------------------ dispatching */

static int print_help(const struct command *command)
{
	struct buf out = { 0 };
	help_command(command, &out);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

static int run_command(const struct command *command, int argc, char **words)
{
	struct arena *arena = arena_new();
	struct command_line line = { .command = command, .config = DEFAULT_CONFIG };
	struct parse parse = { .line = &line, .arena = arena, .next = words };
	parse.options = arena_alloc(arena, ((size_t)argc + 1) * sizeof(*parse.options));
	parse.arguments = arena_alloc(arena, ((size_t)argc + 1) * sizeof(*parse.arguments));
	line.options = parse.options;
	line.arguments = parse.arguments;
	int code = read_words(&parse);
	if (code == EXIT_FINE && parse.help)
		code = print_help(command);
	else if (code == EXIT_FINE && (code = check_count(&line)) == EXIT_FINE)
		code = command->run(&line);
	arena_free(&arena);
	return code;
}

static int unknown_command(const char *typed)
{
	const char *near = nearest_command(typed);
	fprintf(stderr, "sluice: there is no command \"%s\"", typed);
	if (near)
		fprintf(stderr, "; did you mean \"%s\"?", near);
	fprintf(stderr, "\nTry: sluice help\n");
	return EXIT_WRONG;
}

/* "sluice hooks frob": the second words that there are. */
static int unknown_verb(const char *word, const char *verb)
{
	struct command_place place = { 0 };
	const struct command *row;
	char both[128];
	snprintf(both, sizeof(both), "%s %s", word, verb);
	const char *near = nearest_command(both), *comma = "";
	fprintf(stderr, "sluice: there is no command \"%s\"", both);
	if (near)
		fprintf(stderr, "; did you mean \"%s\"?", near);
	fprintf(stderr, "\nsluice %s: ", word);
	while ((row = command_next(&place))) {
		const char *space = strchr(row->name, ' ');
		if (!space || strncmp(row->name, word, strlen(word)) != 0 || strlen(word) != (size_t)(space - row->name))
			continue;
		fprintf(stderr, "%s%s", comma, space + 1);
		comma = ", ";
	}
	fprintf(stderr, "\nTry: sluice %s --help\n", word);
	return EXIT_WRONG;
}

/* A group's word without a second one that is known: "sluice dead". */
static int only_group(const char *word, const char *second)
{
	struct buf out = { 0 };
	bool asked = second && (strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0);
	if (!help_group(word, &out))
		return unknown_command(word);
	if (second && *second != '-') {
		buf_free(&out);
		return unknown_verb(word, second);
	}
	fputs(out.at, asked ? stdout : stderr);
	buf_free(&out);
	return asked ? EXIT_FINE : EXIT_WRONG;
}

static int before_command(const char *word)
{
	struct buf out = { 0 };
	if (strcmp(word, "--version") == 0)
		buf_string(&out, "sluice " SLUICE_VERSION "\n");
	else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		help_all(&out);
	else {
		fprintf(stderr, "sluice: a command comes first, then options such as %s\nTry: sluice help\n", word);
		return EXIT_WRONG;
	}
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

static int no_command(void)
{
	struct buf out = { 0 };
	help_all(&out);
	fputs(out.at, stderr);
	buf_free(&out);
	return EXIT_WRONG;
}

int command_main(int argc, char **argv)
{
	char both[64];
	const struct command *command;
	if (argc < 2)
		return no_command();
	if (argv[1][0] == '-')
		return before_command(argv[1]);
	snprintf(both, sizeof(both), "%s %s", argv[1], argc > 2 ? argv[2] : "");
	if ((command = command_find(both)))
		return run_command(command, argc, argv + 3);
	if (!strchr(argv[1], ' ') && (command = command_find(argv[1])))
		return run_command(command, argc, argv + 2);
	return only_group(argv[1], argc > 2 ? argv[2] : NULL);
}
