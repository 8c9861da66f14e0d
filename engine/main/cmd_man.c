/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_man.c - sluice man: a page of the manual.
 *
 * The page of a command is made of its rows and, between them, of what
 * share/man/sluice-WORD.1.md says in more words (docs/man in the source).  Other
 * pages, such as sluice.yaml.5, are printed as they are, and so are the guides: lua.md.
 */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "main/command.h"
#include "main/roff.h"

/* Relative to the folder of the program: as it is built, as it is installed. */
static const char *const folders[] = { "share/sluice/man", "../share/sluice/man", NULL };
static const char *const guides[] = { "share/doc/sluice", "../share/doc/sluice", NULL };

static bool read_page(const char *folder, const char *name, struct buf *out)
{
	char program[PATH_MAX], path[2 * PATH_MAX], piece[4096];
	size_t n;
	ssize_t len = readlink("/proc/self/exe", program, sizeof(program) - 1);
	program[len > 0 ? len : 0] = '\0';
	char *slash = strrchr(program, '/');
	snprintf(path, sizeof(path), "%.*s/%s/%s.md", slash ? (int)(slash - program) : 0, program, folder, name);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	while ((n = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_add(out, piece, n);
	fclose(file);
	return true;
}

static bool find_in(const char *const *places, const char *name, struct buf *out)
{
	for (; *places; places++)
		if (read_page(*places, name, out))
			return true;
	return false;
}

static bool find_page(const char *name, struct buf *out)
{
	return find_in(folders, name, out);
}

/* ------------------------------------------------- the page of a command */

static bool of_word(const struct command *command, const char *word)
{
	size_t len = strlen(word);
	return strncmp(command->name, word, len) == 0 && (command->name[len] == ' ' || !command->name[len]);
}

static const struct command *next_of_word(struct command_place *place, const char *word)
{
	const struct command *command;
	while ((command = command_next(place)))
		if (of_word(command, word))
			return command;
	return NULL;
}

static void write_name(const char *word, struct buf *out)
{
	struct command_place place = { 0 };
	const struct command *command = next_of_word(&place, word);
	bool more = false;
	buf_format(out, "# Name\n\nsluice-%s - ", word);
	for (; command; command = next_of_word(&place, word), more = true)
		buf_format(out, "%s%s", more ? "; " : "", command->summary);
	buf_string(out, "\n\n");
}

static void write_synopsis(const char *word, struct buf *out)
{
	struct command_place place = { 0 };
	const struct command *command;
	buf_string(out, "# Synopsis\n\n");
	while ((command = next_of_word(&place, word)))
		buf_format(out, "    sluice %s [options]%s%s\n", command->name, command->arguments ? " " : "",
			command->arguments ? command->arguments : "");
	buf_char(out, '\n');
}

static void write_option(const struct command_option *row, struct buf *out)
{
	char letter[8] = "";
	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	buf_format(out, "- `%s--%s%s%s`: %s\n", letter, row->name, row->value ? " " : "", row->value ? row->value : "",
		row->help);
}

static void write_options(const char *word, struct buf *out)
{
	struct command_place place = { 0 };
	const struct command *command;
	while ((command = next_of_word(&place, word))) {
		if (!command->options)
			continue;
		buf_format(out, "# Options of %s\n\n", command->name);
		for (const struct command_option *row = command->options; row->name; row++)
			write_option(row, out);
		buf_char(out, '\n');
	}
	buf_string(out, "# Options of every command\n\n");
	for (const struct command_option *row = command_common; row->name; row++)
		write_option(row, out);
}

static bool write_command(const char *word, struct buf *out)
{
	struct command_place place = { 0 };
	char name[64];
	if (!next_of_word(&place, word))
		return false;
	write_name(word, out);
	write_synopsis(word, out);
	snprintf(name, sizeof(name), "sluice-%s.1", word);
	if (find_page(name, out))
		buf_char(out, '\n');
	write_options(word, out);
	buf_string(out, "\n# Exit status\n\n0: fine.  1: the answer is no.  2: used wrongly.\n");
	return true;
}

/* --------------------------------------------------------------- command */

/* "lua", or "plugins.md" where a command has the name too. */
static bool write_guide(const char *name, struct buf *out)
{
	size_t len = strlen(name);
	char stem[64];
	if (len > 3 && strcmp(name + len - 3, ".md") == 0)
		len -= 3;
	snprintf(stem, sizeof(stem), "%.*s", (int)len, name);
	return find_in(guides, stem, out);
}

/* "sluice.yaml.5" or "sluice.yaml": only names, never a way out of the folder. */
static bool write_other(const char *name, int *section, struct buf *out)
{
	char with_section[64];
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '-' && *c != '_' && (*c != '.' || c == name))
			return false;
	for (*section = 1; *section <= 8; ++*section) {
		snprintf(with_section, sizeof(with_section), "%s.%d", name, *section);
		if (find_page(with_section, out))
			return true;
	}
	*section = 7;
	return write_guide(name, out);
}

/* "events ls" stands on the page of "events". */
static bool second_fits(const struct command_line *line)
{
	char name[64];
	if (line->count < 2)
		return true;
	snprintf(name, sizeof(name), "%s %s", line->arguments[0], line->arguments[1]);
	return command_find(name);
}

static int man(const struct command_line *line)
{
	struct buf text = { 0 }, page = { 0 };
	const char *topic = line->arguments[0];
	char name[64];
	int section = 1;
	if (!second_fits(line))
		return command_no(line, "there is no command \"%s %s\" to have a page", topic, line->arguments[1]);
	bool command = write_command(topic, &text);
	if (!command && !write_other(topic, &section, &text))
		return command_no(line, "there is no page about \"%s\"; there are those of all commands (sluice help), "
					"sluice.yaml, sluice-schema, and the guides lua, plugins.md and design", topic);
	if (!command_flag(line, "roff"))
		return command_print(&text) ? EXIT_FINE : EXIT_NO;
	snprintf(name, sizeof(name), "%s%s", command ? "sluice-" : "", topic);
	roff_write(name, section, text.at, &page);
	buf_free(&text);
	return command_print(&page) ? EXIT_FINE : EXIT_NO;
}

static const struct command_option options[] = {
	{ "roff", 0, NULL, "as a man page: sluice man run --roff | man -l -" },
	{ 0 },
};

const struct command cmd_man[] = {
	{ "man", "COMMAND", 1, 2, "print a page of the manual", options, man },
	{ 0 },
};
