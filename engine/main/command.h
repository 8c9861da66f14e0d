/* SPDX-License-Identifier: Apache-2.0 */
/* command.h - what can be typed after `sluice`, as tables.
 *
 * A cmd_NAME.c file ends with its table, `const struct command cmd_NAME[]`: one
 * row a command, the last one empty.  One line in commands.h makes it known.  A
 * command of two words ("dead ls") is a row like any other.  Parsing, --help, the
 * manual, completion and suggestions are read off the rows.
 *
 * Exit codes: 0 fine, 1 the answer is no, 2 used wrongly.
 */
#ifndef MAIN_COMMAND_H
#define MAIN_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/why.h"

enum { EXIT_FINE = 0, EXIT_NO = 1, EXIT_WRONG = 2 };

struct command_option {
	const char *name;  /* "last", typed as --last */
	char letter;       /* 'n', typed as -n; 0: none */
	const char *value; /* what it takes, for the manual: "N"; NULL: it is a flag */
	const char *help;
};

struct command_line;

struct command {
	const char *name;      /* "run", "dead ls" */
	const char *arguments; /* for the manual: "ROUTE [PART]"; NULL: none */
	int least, most;       /* how many arguments; most -1: any number */
	const char *summary;   /* starts with a verb, no full stop */
	const struct command_option *options; /* ends with a NULL name; NULL: only those every command has */
	int (*run)(const struct command_line *line);
};

/* A command as it was typed. */
struct command_line {
	const struct command *command;
	const char *config;      /* -c FILE, "./sluice.yaml" unless given */
	bool json;               /* --json */
	const char *const *arguments; /* ends with NULL */
	size_t count;
	const struct sl_pair *options; /* the row's own, in order; a flag's value is "" */
	size_t option_count;
};

/* The last one given; NULL: not given. */
const char *command_value(const struct command_line *line, const char *option);
bool command_flag(const struct command_line *line, const char *option);
/* A whole number of at least `least`; `initial` when the option is not given.
 * False: why names the option. */
bool command_number(const struct command_line *line, const char *option, int64_t least, int64_t initial,
	int64_t *number, struct why *why);

/* Sentences on stderr, "sluice dead ls: ...": the exit code to return. */
int command_no(const struct command_line *line, const char *form, ...) __attribute__((format(printf, 2, 3)));
int command_wrong(const struct command_line *line, const char *form, ...) __attribute__((format(printf, 2, 3)));

/* Writes a buffer to stdout and frees it; false if stdout does not take it. */
bool command_print(struct buf *out);

/* ------------------------------------------------------- the table itself */

/* The options of every command. */
extern const struct command_option command_common[];
/* Row after row, NULL behind the last; begin with *place = {0}. */
struct command_place {
	size_t table, row;
};
const struct command *command_next(struct command_place *place);
const struct command *command_find(const char *name); /* "dead ls"; NULL: there is none */

/* Runs what argv says; returns the exit code. */
int command_main(int argc, char **argv);

/* What `sluice help`, `sluice CMD --help` and `sluice GROUP` print. */
void help_all(struct buf *out);
void help_command(const struct command *command, struct buf *out);
bool help_group(const char *word, struct buf *out); /* false: no command begins with that word */

#endif
