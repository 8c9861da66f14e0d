/* SPDX-License-Identifier: Apache-2.0 */
/* schema_contract.c - what to do with what the schema does not have: words for tables, columns and types. */
#include <string.h>

#include "flow/schema_inner.h"
#include "sdk/text.h"

static const char *const words[] = { "freeze", "evolve", "discard_row", "discard_value", NULL };
#define LISTED "freeze, evolve, discard_row, discard_value"

static enum word word_of(const char *text)
{
	for (size_t i = 0; text && words[i]; i++)
		if (strcmp(words[i], text) == 0)
			return (enum word)(i + WORD_FREEZE);
	return WORD_NONE;
}

bool contract_read_word(const struct yaml_node *node, enum word *word, struct why *why)
{
	char shown[YAML_SHOWN], room[MEANT_SIZE];
	const char *text = node->kind == YAML_SCALAR ? node->text.at : NULL;
	return (*word = word_of(text)) != WORD_NONE || yaml_why(node, why, "%s is no word of a contract (" LISTED ")%s",
		yaml_shown(node, shown), meant(text, words, room));
}

static enum word *place_of(struct contract *contract, const char *name)
{
	if (strcmp(name, "tables") == 0)
		return &contract->tables;
	return strcmp(name, "columns") == 0 ? &contract->columns : &contract->types;
}

bool contract_read(const struct yaml_node *node, bool tables, struct contract *contract, struct why *why)
{
	static const char *const all[] = { "tables", "columns", "types", NULL };
	if (!node)
		return true;
	if (!yaml_want(node, YAML_MAP, "contract", why) || !yaml_known(node, tables ? all : all + 1, "a contract", why))
		return false;
	for (const struct yaml_node *at = node->first; at; at = at->next)
		if (!contract_read_word(at, place_of(contract, at->key->text.at), why))
			return false;
	return true;
}

bool contract_take(const struct sl_json *values, struct contract *contract, struct why *why)
{
	static const char *const all[] = { "tables", "columns", "types" };
	for (size_t i = 0; i < 3; i++) {
		const struct sl_json *value = sl_json_get(values, all[i]);
		enum word word = word_of(sl_json_string(value).at);
		if (!value || (sl_json_kind(value) == SL_KIND_STRING && !sl_json_string(value).len))
			continue;
		if (!word)
			return why_say(why, "the contract for %s is one of " LISTED, all[i]);
		*place_of(contract, all[i]) = word;
	}
	return true;
}
