/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_help.c - what the tables of commands say of themselves: help, completion. */
#include <stdio.h>
#include <string.h>

#include "main/command.h"

static void option_line(const struct command_option *row, struct buf *out)
{
	char left[64];
	snprintf(left, sizeof(left), "%c%c%s--%s%s%s", row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
		row->letter ? ", " : "  ", row->name, row->value ? " " : "", row->value ? row->value : "");
	buf_format(out, "  %-24s %s\n", left, row->help);
}

static void command_line_of(const struct command *command, struct buf *out)
{
	char left[64];
	snprintf(left, sizeof(left), "%s %s", command->name, command->arguments ? command->arguments : "");
	buf_format(out, "  %-34s %s\n", left, command->summary);
}

void help_all(struct buf *out)
{
	struct command_place place = { 0 };
	const struct command *command;
	buf_string(out, "sluice " SLUICE_VERSION ": takes in what SaaS tools post, keeps it, reshapes it, delivers it\n\n"
		"Usage: sluice COMMAND [options] [arguments]\n\n");
	while ((command = command_next(&place)))
		command_line_of(command, out);
	buf_string(out, "\nMore: sluice COMMAND --help, sluice man COMMAND\n"
		"Exit codes: 0 fine, 1 the answer is no, 2 used wrongly\n");
}

void help_command(const struct command *command, struct buf *out)
{
	buf_format(out, "sluice %s: %s\n\nUsage: sluice %s [options]%s%s\n\n", command->name, command->summary,
		command->name, command->arguments ? " " : "", command->arguments ? command->arguments : "");
	for (const struct command_option *row = command->options; row && row->name; row++)
		option_line(row, out);
	for (const struct command_option *row = command_common; row->name; row++)
		option_line(row, out);
}

static bool in_group(const struct command *command, const char *word)
{
	size_t len = strlen(word);
	return strncmp(command->name, word, len) == 0 && command->name[len] == ' ';
}

bool help_group(const char *word, struct buf *out)
{
	struct command_place place = { 0 };
	const struct command *command;
	bool found = false;
	while ((command = command_next(&place))) {
		if (!in_group(command, word))
			continue;
		if (!found)
			buf_format(out, "Usage: sluice %s COMMAND [options] [arguments]\n\n", word);
		found = true;
		command_line_of(command, out);
	}
	return found;
}

static int run_help(const struct command_line *line)
{
	struct buf out = { 0 };
	char name[64] = "";
	if (line->count)
		snprintf(name, sizeof(name), "%s%s%s", line->arguments[0], line->count > 1 ? " " : "",
			line->count > 1 ? line->arguments[1] : "");
	const struct command *command = command_find(name);
	if (command)
		help_command(command, &out);
	else if (!line->count)
		help_all(&out);
	else if (!help_group(name, &out))
		return command_wrong(line, "there is no command \"%s\"", name);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

/* ------------------------------------------------------------- completion */

static void option_words(const struct command_option *row, struct buf *out)
{
	for (; row && row->name; row++)
		buf_format(out, " --%s", row->name);
}

/* One line a command: its words, then its options. */
static void completion_rows(struct buf *out)
{
	struct command_place place = { 0 };
	const struct command *command;
	while ((command = command_next(&place))) {
		buf_format(out, strchr(command->name, ' ') ? "\t\t'%s')\twords='" : "\t\t'%s '*)\twords='", command->name);
		option_words(command->options, out);
		option_words(command_common, out);
		buf_string(out, "' ;;\n");
	}
}

static void second_words(const char *word, struct buf *out)
{
	struct command_place place = { 0 };
	const struct command *command;
	while ((command = command_next(&place)))
		if (in_group(command, word))
			buf_format(out, " %s", command->name + strlen(word) + 1);
}

/* Each first word once: rows of one group stand one after the other. */
static void completion_firsts(struct buf *out, bool with_seconds)
{
	struct command_place place = { 0 };
	const struct command *command;
	char last[64] = "", word[64];
	while ((command = command_next(&place))) {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(command->name, " "), command->name);
		if (strcmp(word, last) == 0)
			continue;
		memcpy(last, word, sizeof(last));
		if (!with_seconds)
			buf_format(out, " %s", word);
		else if (strchr(command->name, ' ')) {
			buf_format(out, "\t\t%s)\twords='", word);
			second_words(word, out);
			buf_string(out, "' ;;\n");
		}
	}
}

static int run_completion(const struct command_line *line)
{
	struct buf out = { 0 };
	if (strcmp(line->arguments[0], "bash") != 0)
		return command_wrong(line, "only bash is known, not \"%s\"", line->arguments[0]);
	buf_string(&out, "# sluice: completion for bash; eval \"$(sluice completion bash)\"\n"
		"_sluice()\n{\n"
		"\tlocal words='' here=\"${COMP_WORDS[COMP_CWORD]}\"\n"
		"\tif [ \"${COMP_WORDS[COMP_CWORD-1]}\" = -c ] || [ \"${COMP_WORDS[COMP_CWORD-1]}\" = --config ]; then\n"
		"\t\tCOMPREPLY=($(compgen -f -- \"$here\"))\n\t\treturn\n\tfi\n"
		"\tif [ \"$COMP_CWORD\" = 1 ]; then words='");
	completion_firsts(&out, false);
	buf_string(&out, "'\n\telif [ \"$COMP_CWORD\" = 2 ] && [ \"${here#-}\" = \"$here\" ]; then\n"
		"\t\tcase \"${COMP_WORDS[1]}\" in\n");
	completion_firsts(&out, true);
	buf_string(&out, "\t\tesac\n\tfi\n\tif [ -z \"$words\" ]; then\n"
		"\t\tcase \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
	completion_rows(&out);
	buf_string(&out, "\t\tesac\n\tfi\n"
		"\tCOMPREPLY=($(compgen -W \"$words\" -- \"$here\"))\n"
		"\t[ \"${here#-}\" = \"$here\" ] && [ \"$COMP_CWORD\" -gt 1 ] && COMPREPLY+=($(compgen -f -- \"$here\"))\n"
		"}\ncomplete -F _sluice sluice\n");
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

const struct command cmd_help[] = {
	{ "help", "[COMMAND]", 0, 2, "say what the commands are, or how one is used", NULL, run_help },
	{ "completion", "bash", 1, 1, "print a script that completes sluice's commands in a shell", NULL, run_completion },
	{ 0 },
};
