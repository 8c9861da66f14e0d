/* SPDX-License-Identifier: Apache-2.0 */
/* yaml_look.c - looking into a YAML tree, and saying what is wrong with it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/yaml.h"
#include "sdk/text.h"

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	size_t len = strlen(key);
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_node *node = map->first; node; node = node->next)
		if (node->key->text.len == len && memcmp(node->key->text.at, key, len) == 0)
			return node;
	return NULL;
}

bool yaml_is(const struct yaml_node *node, const char *text)
{
	return node && node->kind == YAML_SCALAR && sl_text_is(node->text, text);
}

static bool plain(const struct yaml_node *node)
{
	return node && node->kind == YAML_SCALAR && !node->quoted;
}

bool yaml_null(const struct yaml_node *node)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL", NULL };
	if (!node)
		return true;
	for (size_t i = 0; plain(node) && !node->written && words[i]; i++)
		if (sl_text_is(node->text, words[i]))
			return true;
	return false;
}

bool yaml_bool(const struct yaml_node *node, bool *value)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on", NULL };
	for (size_t i = 0; plain(node) && words[i]; i++)
		if (sl_text_is_nocase(node->text, words[i])) {
			*value = i % 2 == 1;
			return true;
		}
	return false;
}

bool yaml_int(const struct yaml_node *node, int64_t *number)
{
	char *end;
	const char *digits = node ? node->text.at : "";
	if (!plain(node))
		return false;
	digits += *digits == '-' || *digits == '+';
	if (*digits < '0' || *digits > '9')
		return false;
	errno = 0;
	long long value = strtoll(node->text.at, &end, 10);
	if (errno || *end)
		return false;
	*number = value;
	return true;
}

/* -------------------------------------------------------------- sentences */

static size_t whole_characters(struct sl_text text, size_t most)
{
	size_t len = text.len < most ? text.len : most;
	while (len < text.len && len && (text.at[len] & 0xc0) == 0x80)
		len--;
	return len;
}

const char *yaml_shown(const struct yaml_node *node, char room[YAML_SHOWN])
{
	if (!node || yaml_null(node))
		return "nothing";
	if (node->kind != YAML_SCALAR)
		return node->kind == YAML_LIST ? "a list" : "a map";
	struct sl_text text = node->written ? sl_text_of(node->written) : node->text;
	size_t len = whole_characters(text, 40);
	snprintf(room, YAML_SHOWN, "'%.*s'%s", (int)len, text.at, len < text.len ? "..." : "");
	return room;
}

bool yaml_why(const struct yaml_node *node, struct why *why, const char *form, ...)
{
	va_list values;
	va_start(values, form);
	why_vsay(why, form, values);
	va_end(values);
	return why_within(why, "%s:%u:%u", node->file, node->line, node->column);
}

bool yaml_want(const struct yaml_node *node, enum yaml_kind kind, const char *what, struct why *why)
{
	static const char *const kinds[] = { [YAML_SCALAR] = "one value", [YAML_LIST] = "a list", [YAML_MAP] = "a map" };
	char room[YAML_SHOWN];
	if (node->kind == kind)
		return true;
	return yaml_why(node, why, "%s must be %s, not %s", what, kinds[kind], yaml_shown(node, room));
}

const char *yaml_nearest(const char *word, const char *const *known)
{
	const char *nearest = NULL;
	size_t least = strlen(word) / 3 + 2;
	for (; *known; known++) {
		size_t distance = strncmp(word, *known, strlen(word)) == 0 && strlen(word) > 1 ? 1 : sl_distance(word, *known);
		if (distance < least) {
			least = distance;
			nearest = *known;
		}
	}
	return nearest;
}

static void list_of(const char *const *known, char *out, size_t room)
{
	size_t used = 0;
	out[0] = '\0';
	for (; *known && used < room; known++) {
		int len = snprintf(out + used, room - used, "%s%s", used ? ", " : "", *known);
		used += len > 0 ? (size_t)len : 0;
	}
}

bool yaml_unknown(const struct yaml_node *key, const char *const *known, const char *what, struct why *why)
{
	char all[300];
	const char *nearest = yaml_nearest(key->text.at, known);
	if (nearest)
		return yaml_why(key, why, "`%.64s` is no key of %s; did you mean `%s`?", key->text.at, what, nearest);
	list_of(known, all, sizeof(all));
	return yaml_why(key, why, "`%.64s` is no key of %s; its keys are: %s", key->text.at, what, all);
}

bool yaml_known(const struct yaml_node *map, const char *const *known, const char *what, struct why *why)
{
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		size_t i = 0;
		while (known[i] && !sl_text_is(node->key->text, known[i]))
			i++;
		if (!known[i])
			return yaml_unknown(node->key, known, what, why);
	}
	return true;
}
