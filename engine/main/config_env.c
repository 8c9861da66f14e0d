/* SPDX-License-Identifier: Apache-2.0 */
/* config_env.c - ${NAME} and ${file:PATH}: what the configuration takes from elsewhere.
 *
 * Put in after YAML was read, into one value at a time, so that whatever a
 * variable holds, a quote, a line break, "key: value", stays part of that value.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "main/config_build.h"
#include "sdk/text.h"

#define MOST_FILE ((size_t)64 * 1024)
#define MOST_ENV ((size_t)1024 * 1024)
#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

/* A whole file with a NUL behind, at most so many bytes.  NULL: why says it. */
static char *slurp(const char *path, size_t most, struct arena *arena, size_t *len, struct why *why)
{
	char *text = arena_bytes(arena, most + 2);
	FILE *file = fopen(path, "re");
	if (!file) {
		why_errno(why, "%s cannot be opened", path);
		return NULL;
	}
	errno = 0;
	*len = fread(text, 1, most + 1, file);
	bool failed = ferror(file);
	if (failed)
		why_errno(why, "%s cannot be read", path);
	fclose(file);
	text[*len] = '\0';
	if (*len > most)
		failed = !why_say(why, "%s is larger than %zu KB", path, most / 1024);
	else if (!failed && memchr(text, '\0', *len))
		failed = !why_say(why, "%s holds a NUL; it is no text", path);
	return failed ? NULL : text;
}

/* ----------------------------------------------------------- the env file */

static const char *env_get(const struct build *build, const char *name)
{
	const char *value = getenv(name);
	for (size_t i = build->env.count; !value && i-- > 0;)
		if (strcmp(build->env.pairs[i].name, name) == 0)
			value = build->env.pairs[i].value;
	return value;
}

static void env_add(struct build *build, const char *name, const char *value)
{
	struct env *env = &build->env;
	if (env->count == env->room) {
		struct sl_pair *more = arena_alloc(build->arena, (env->room * 2 + 16) * sizeof(*more));
		if (env->count)
			memcpy(more, env->pairs, env->count * sizeof(*more));
		env->pairs = more;
		env->room = env->room * 2 + 16;
	}
	env->pairs[env->count++] = (struct sl_pair){ name, value };
}

static char *trimmed(char *line)
{
	char *end = line + strlen(line);
	while (end > line && strchr(" \t\r", end[-1]))
		*--end = '\0';
	return line + strspn(line, " \t");
}

/* A pair of quotes around the whole value is not part of it. */
static char *unquoted(char *value)
{
	size_t len = strlen(value);
	if (len < 2 || (*value != '"' && *value != '\'') || value[len - 1] != *value)
		return value;
	value[len - 1] = '\0';
	return value + 1;
}

static bool env_line(struct build *build, char *line)
{
	line = trimmed(line);
	if (!*line || *line == '#')
		return true;
	if (strncmp(line, "export ", 7) == 0)
		line = trimmed(line + 7);
	size_t len = strspn(line, NAME_CHARS);
	if (!len || line[len] != '=')
		return false;
	line[len] = '\0';
	env_add(build, line, unquoted(trimmed(line + len + 1)));
	return true;
}

static void env_lines(struct build *build, char *text)
{
	unsigned number = 1;
	for (char *line = text, *end; line; line = end, number++) {
		if ((end = strchr(line, '\n')))
			*end++ = '\0';
		if (!env_line(build, line))
			faults_say(build->errors, "%s:%u:1: a line here is NAME=value", build->env.path, number);
	}
}

static void env_mode(struct build *build, const struct yaml_node *node)
{
	struct stat stat_of;
	if (stat(build->env.path, &stat_of) == 0 && stat_of.st_mode & 077)
		warn(build, node, "%s can be read by others; chmod 600 %s", build->env.path, build->env.path);
}

bool env_read(struct build *build)
{
	const struct yaml_node *node = yaml_get(build->root, "env");
	struct why why;
	size_t len;
	if (!node)
		return true;
	if (node->kind != YAML_SCALAR || yaml_null(node))
		return fault(build, node, "`env` must be the path of a file of NAME=value lines");
	if (strstr(node->text.at, "${"))
		return fault(build, node, "`env` is read before variables are, it cannot hold one");
	build->env.path = option_path(node->file, node->text.at, build->arena);
	build->config->env = build->env.path;
	char *text = slurp(build->env.path, MOST_ENV, build->arena, &len, &why);
	if (!text)
		return fault(build, node, "the env file %s", why.text);
	env_mode(build, node);
	env_lines(build, text);
	return true;
}

/* --------------------------------------------------------------- ${...} */

static bool missing_variable(struct build *build, const struct yaml_node *node, const char *name)
{
	if (build->env.path)
		return fault(build, node, "${%s} is not set; add a line %s=... to %s", name, name, build->env.path);
	return fault(build, node,
		"${%s} is not set; set it in the environment, or name a file of NAME=value lines with `env:`",
		name);
}

/* A file's last line break is the editor's. */
static bool put_file(struct build *build, const struct yaml_node *node, const char *name, struct buf *out)
{
	struct why why;
	size_t len;
	char *text = slurp(option_path(node->file, name, build->arena), MOST_FILE, build->arena, &len, &why);
	if (!text)
		return fault(build, node, "${file:%s}: %s", name, why.text);
	if (len && text[len - 1] == '\n')
		len--;
	if (len && text[len - 1] == '\r')
		len--;
	if (!sl_utf8((struct sl_text){ text, len }))
		return fault(build, node, "${file:%s} is not text in UTF-8", name);
	buf_add(out, text, len);
	return true;
}

static bool put_variable(struct build *build, const struct yaml_node *node, const char *name, struct buf *out)
{
	const char *value;
	if (strncmp(name, "file:", 5) == 0 && name[5])
		return put_file(build, node, name + 5, out);
	if (!*name || strspn(name, NAME_CHARS) != strlen(name))
		return fault(build, node, "${%.64s} is no variable; write ${NAME}, ${file:PATH}, or $${ for the text itself",
			name);
	if (!(value = env_get(build, name)))
		return missing_variable(build, node, name);
	if (!sl_utf8(sl_text_of(value)))
		return fault(build, node, "what ${%s} holds is not text in UTF-8", name);
	buf_string(out, value);
	return true;
}

/* One piece of a value, up to and with the next variable. */
static bool put_piece(struct build *build, const struct yaml_node *node, const char **at, struct buf *out)
{
	const char *dollar = strstr(*at, "${"), *end;
	if (!dollar) {
		buf_string(out, *at);
		*at += strlen(*at);
		return true;
	}
	if (dollar > *at && dollar[-1] == '$') {
		buf_add(out, *at, (size_t)(dollar - 1 - *at));
		buf_string(out, "${");
		*at = dollar + 2;
		return true;
	}
	buf_add(out, *at, (size_t)(dollar - *at));
	if (!(end = strchr(dollar, '}')))
		return fault(build, node, "`${` has no `}`; write $${ for the text itself");
	*at = end + 1;
	return put_variable(build, node, arena_copy(build->arena, dollar + 2, (size_t)(end - dollar - 2)), out);
}

static void put_in_scalar(struct build *build, struct yaml_node *node)
{
	struct buf out = { 0 };
	const char *at = node->text.at;
	bool fine = true;
	if (!strstr(at, "${"))
		return;
	buf_string(&out, "");
	while (fine && *at)
		fine = put_piece(build, node, &at, &out);
	node->written = node->text.at;
	if (fine)
		node->text = arena_text(build->arena, (struct sl_text){ out.at, out.len });
	buf_free(&out);
}

void env_put_in(struct build *build, struct yaml_node *node)
{
	if (node->kind == YAML_SCALAR)
		put_in_scalar(build, node);
	for (struct yaml_node *below = node->first; below; below = below->next)
		env_put_in(build, below);
}
