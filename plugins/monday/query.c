/* SPDX-License-Identifier: Apache-2.0 */
/* query.c - what is asked, as text.
 *
 * Values read differently by their column's type, and `text` is empty for half of them: mirrors, formulas and
 * what is connected only say display_value, labels and people their typed fields.
 */
#include <string.h>

#include "monday.h"

#define COMPLEXITY "complexity{before query after reset_in_x_seconds}"

/* Everything a value says; %s: what connected items say. */
#define VALUE \
	"id type text value " \
	"...on StatusValue{index label} ...on DropdownValue{values{id label}} ...on NumbersValue{number} " \
	"...on DateValue{date time} ...on PeopleValue{persons_and_teams{id kind}} ...on CheckboxValue{checked} " \
	"...on MirrorValue{display_value} ...on FormulaValue{display_value} " \
	"...on DependencyValue{display_value linked_item_ids} ...on SubtasksValue{display_value subitems_ids} " \
	"...on BoardRelationValue{display_value linked_item_ids%s}"

#define ITEM "id name state created_at updated_at board{id} group{id title} parent_item{id board{id}} "

struct sl_text quoted(struct sl_call *call, const char *text)
{
	const struct sl_text null = { "null", 4 };
	return text ? call->host->quote(call, (struct sl_text){ text, strlen(text) }) : null;
}

struct sl_text list_json(struct sl_call *call, const char *const *list)
{
	struct sl_text out = { "null", 4 };
	for (size_t i = 0; list && list[i]; i++)
		out = call->host->format(call, "%s%s%s", i ? out.at : "[", i ? "," : "", quoted(call, list[i]).at);
	return list && list[0] ? call->host->format(call, "%s]", out.at) : out;
}

static struct sl_text values(struct sl_call *call, const char *const *columns, const char *linked)
{
	const char *ids = columns && columns[0] ? call->host->format(call, "(ids:%s)", list_json(call, columns).at).at : "";
	return call->host->format(call, "column_values%s{" VALUE "}", ids, linked);
}

/* With their updated_at: what a mirror shows may change, and change back, without a change of its own item's. */
static const char *linked_items(struct sl_call *call)
{
	const struct monday *opt = options_of(call);
	const char *more = opt->linked && opt->linked[0] ? values(call, opt->linked, "").at : "";
	return call->host->format(call, " linked_items{id name updated_at %s}", more).at;
}

static struct sl_text item(struct sl_call *call)
{
	const struct monday *opt = options_of(call);
	const char *linked = linked_items(call), *subitems = "";
	if (opt->subitems && opt->subitems[0])
		subitems = call->host->format(call, " subitems{id name updated_at %s}",
					     values(call, opt->subitems, linked).at)
				   .at;
	return call->host->format(call, "{" ITEM "%s%s}", values(call, opt->columns, linked).at, subitems);
}

/* It took the place of `settings_str` in 2025-10; until then there is no such field. */
static const char *settings(const struct sl_call *call)
{
	return strcmp(options_of(call)->version, "2025-10") >= 0 ? "settings" : "settings_str";
}

#define BOARD "boards(ids:$board){id name type items_count columns{id title type %s}}"

struct sl_text query_board(struct sl_call *call)
{
	static const char form[] = "query SluiceBoard($board:[ID!]){" COMPLEXITY " " BOARD "}";
	return call->host->format(call, form, settings(call));
}

struct sl_text query_first(struct sl_call *call)
{
	static const char form[] =
		"query SluicePage($board:[ID!],$limit:Int!,$params:ItemsQuery){" COMPLEXITY
		" boards(ids:$board){id items_page(limit:$limit,query_params:$params){cursor items%s}}}";
	return call->host->format(call, form, item(call).at);
}

struct sl_text query_next(struct sl_call *call)
{
	static const char form[] =
		"query SluiceNext($cursor:String!,$limit:Int!){" COMPLEXITY
		" next_items_page(cursor:$cursor,limit:$limit){cursor items%s}}";
	return call->host->format(call, form, item(call).at);
}

struct sl_text query_items(struct sl_call *call)
{
	static const char form[] =
		"query SluiceItems($ids:[ID!],$limit:Int!){" COMPLEXITY " items(ids:$ids,limit:$limit)%s}";
	return call->host->format(call, form, item(call).at);
}

struct sl_text query_hooks(struct sl_call *call)
{
	static const char form[] =
		"query SluiceHooks($board:[ID!],$one:ID!){" COMPLEXITY " " BOARD
		" webhooks(board_id:$one){id event board_id config}}";
	return call->host->format(call, form, settings(call));
}
