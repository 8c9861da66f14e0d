/* SPDX-License-Identifier: Apache-2.0 */
/* webhook_scope.c - of what whole a request's subject is a part: "board {body:/event/boardId}". */
#include <string.h>

#include "flow/webhook_parts.h"

bool scope_read(const char *text, struct arena *arena, struct scope *scope, struct why *why)
{
	const char *open = text ? strchr(text, '{') : NULL, *close = open ? strchr(open, '}') : NULL;
	if (!text)
		return true;
	if (!close || close == open + 1 || strpbrk(close + 1, "{}"))
		return why_say(why, "\"%s\" is not text around one selector, as board {body:/board}", text);
	scope->before = arena_copy(arena, text, (size_t)(open - text));
	scope->behind = arena_string(arena, close + 1);
	return selector_read(arena_copy(arena, open + 1, (size_t)(close - open - 1)), arena, &scope->selector, why);
}

const char *webhook_scope(const struct webhook *webhook, const struct log_record *record, const struct sl_json *json,
	struct arena *arena)
{
	const struct scope *scope = &webhook->scope;
	const struct sight sight = { record, json, arena };
	const char *found = scope->before ? selector_find(&scope->selector, &sight).at : NULL;
	return found ? arena_format(arena, "%s%s%s", scope->before, found, scope->behind) : NULL;
}

bool webhook_scopes(const struct webhook *webhook)
{
	return webhook->scope.before;
}
