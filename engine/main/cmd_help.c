/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_help.c - what the tables of commands say of themselves: help, completion. */
#include <stdio.h>
#include <string.h>

#include "main/command.h"
#include "main/names.h"
#include "main/share.h"

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

/* ------------------------------------------------------------------- names */

/* What an argument names, by the word that the manual has for it. */
static const struct named {
	const char *word, *section, *option;
} named[] = {
	{ "ROUTE", "routes", "route" },
	{ "SOURCE", "sources", "source" },
	{ "SINK", "sinks", "sink" },
	{ "TRANSFORM", "transforms", "transform" },
	{ "NAME", "plugins", NULL },
};

static const char *section_of(const char *arguments)
{
	for (size_t i = 0; arguments && i < sizeof(named) / sizeof(*named); i++)
		if (strstr(arguments, named[i].word))
			return named[i].section;
	return NULL;
}

static const char *section_of_command(const struct command *command)
{
	const char *section = section_of(command->arguments);
	bool makes = strncmp(command->name, "new ", 4) == 0; /* a name that is not there yet */
	return makes ? NULL : section;
}

static const char *const *plugins_of(const char *file, struct arena *arena)
{
	struct faults unheard = { .arena = arena };
	struct config *config = config_read(file, CONFIG_PATHS, &unheard, NULL);
	const struct share share = { config ? config->folder : NULL, config ? config->plugin_path : NULL, arena };
	const char *const *names = share_plugins(&share, NULL);
	config_free(&config);
	return names;
}

/* One a line; nothing is said of a configuration that cannot be read. */
static int print_names(const struct command_line *line, const char *section)
{
	struct arena *arena = arena_new();
	struct buf out = { 0 };
	const char *const *names = strcmp(section, "plugins") == 0 ? plugins_of(line->config, arena)
								  : names_written(line->config, section, arena);
	for (; *names; names++)
		buf_format(&out, "%s\n", *names);
	arena_free(&arena);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

static bool names_section(const char *word)
{
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
		if (strcmp(named[i].section, word) == 0)
			return true;
	return false;
}

/* ------------------------------------------------------------- completion */

static void option_words(const struct command_option *row, struct buf *out)
{
	for (; row && row->name; row++)
		buf_format(out, " --%s", row->name);
}

/* One line a command: its words, then its options, then what its arguments name. */
static void completion_rows(struct buf *out)
{
	struct command_place place = { 0 };
	const struct command *command;
	while ((command = command_next(&place))) {
		buf_format(out, strchr(command->name, ' ') ? "\t\t'%s')\twords='" : "\t\t'%s '*)\twords='", command->name);
		option_words(command->options, out);
		option_words(command_common, out);
		buf_format(out, "' names=%s ;;\n", section_of_command(command) ? section_of_command(command) : "");
	}
}

/* What stands behind --route and its like, whichever command has them. */
static void completion_values(struct buf *out)
{
	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
		if (named[i].option)
			buf_format(out, "\t\t--%s) names=%s words=' ' ;;\n", named[i].option, named[i].section);
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

static void completion_script(struct buf *out)
{
	buf_string(out, "# sluice: completion for bash; eval \"$(sluice completion bash)\"\n"
		"_sluice()\n{\n"
		"\tlocal words='' names='' config='' i\n"
		"\tlocal here=\"${COMP_WORDS[COMP_CWORD]}\" last=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
		"\tif [ \"$last\" = -c ] || [ \"$last\" = --config ]; then\n"
		"\t\tCOMPREPLY=($(compgen -f -- \"$here\"))\n\t\treturn\n\tfi\n"
		"\tfor ((i = 1; i < COMP_CWORD - 1; i++)); do\n"
		"\t\tcase \"${COMP_WORDS[i]}\" in -c|--config) config=\"${COMP_WORDS[i+1]}\" ;; esac\n\tdone\n"
		"\tcase \"$last\" in\n");
	completion_values(out);
	buf_string(out, "\tesac\n\tif [ \"$COMP_CWORD\" = 1 ]; then words='");
	completion_firsts(out, false);
	buf_string(out, "'\n\telif [ \"$COMP_CWORD\" = 2 ] && [ \"${here#-}\" = \"$here\" ]; then\n"
		"\t\tcase \"${COMP_WORDS[1]}\" in\n");
	completion_firsts(out, true);
	buf_string(out, "\t\tesac\n\tfi\n\tif [ -z \"$words\" ]; then\n"
		"\t\tcase \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
	completion_rows(out);
	buf_string(out, "\t\tesac\n\tfi\n"
		"\tif [ -n \"$names\" ] && [ \"${here#-}\" = \"$here\" ]; then\n"
		"\t\twords+=\" $(\"${COMP_WORDS[0]}\" completion \"$names\" ${config:+-c \"$config\"} 2>/dev/null)\"\n\tfi\n"
		"\tCOMPREPLY=($(compgen -W \"$words\" -- \"$here\"))\n"
		"\t[ \"${here#-}\" = \"$here\" ] && [ \"$COMP_CWORD\" -gt 1 ] && COMPREPLY+=($(compgen -f -- \"$here\"))\n"
		"}\ncomplete -F _sluice sluice\n");
}

static int run_completion(const struct command_line *line)
{
	struct buf out = { 0 };
	if (names_section(line->arguments[0]))
		return print_names(line, line->arguments[0]);
	if (strcmp(line->arguments[0], "bash") != 0)
		return command_wrong(line, "only bash is known, not \"%s\"", line->arguments[0]);
	completion_script(&out);
	return command_print(&out) ? EXIT_FINE : EXIT_NO;
}

const struct command cmd_help[] = {
	{ "help", "[COMMAND]", 0, 2, "say what the commands are, or how one is used", NULL, run_help },
	{ "completion", "bash", 1, 1, "print a script that completes sluice's commands, and the configuration's names, in a shell", NULL, run_completion },
	{ 0 },
};
