/* SPDX-License-Identifier: Apache-2.0 */
/* json.cc - where the tokens of a text begin, by simdjson's first stage: the only C++ file. */
#include <cstdlib>
#include <memory>
#include <simdjson.h>

#include "sdk/json_inside.h"

namespace {

constexpr size_t least_room = 1u << 14;
constexpr size_t kept_room = 1u << 20; /* a thread keeps an indexer for texts up to this */

struct freed {
	void operator()(struct sl_json *nodes) const { free(nodes); }
};

struct draft {
	std::unique_ptr<struct sl_json[], freed> nodes;
	size_t room = 0;
};

struct indexer {
	std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
	size_t room = 0;
};

thread_local indexer own;
thread_local draft kept;

void make_room(size_t len)
{
	size_t room = len < least_room ? least_room : len;
	bool fits = own.stage && len <= own.room;
	if (fits && (own.room <= kept_room || len > kept_room))
		return;
	own.room = 0;
	if (simdjson::get_active_implementation()->create_dom_parser_implementation(room, 1, own.stage))
		sl_no_memory();
	own.room = room;
}

const char *words_for(simdjson::error_code code)
{
	static const struct {
		simdjson::error_code code;
		const char *words;
	} table[] = {
		{ simdjson::EMPTY, "the text is empty" },
		{ simdjson::UTF8_ERROR, "the text is not UTF-8" },
		{ simdjson::UNCLOSED_STRING, "a string is not closed" },
		{ simdjson::UNESCAPED_CHARS, "a control character stands in a string" },
	};
	for (const auto &row : table)
		if (row.code == code)
			return row.words;
	return simdjson::error_message(code);
}

} /* namespace */

static_assert(JSON_PADDING >= simdjson::SIMDJSON_PADDING, "the padding is simdjson's at least");

struct sl_json *json_draft(size_t nodes)
{
	size_t room = nodes < least_room / 8 ? least_room / 8 : nodes;
	bool fits = kept.nodes && nodes <= kept.room;
	if (fits && (kept.room <= kept_room / 8 || nodes > kept_room / 8))
		return kept.nodes.get();
	kept.nodes.reset(static_cast<struct sl_json *>(malloc(room * sizeof(struct sl_json))));
	if (!kept.nodes)
		sl_no_memory();
	kept.room = room;
	return kept.nodes.get();
}

const char *json_marks(const char *text, size_t len, const uint32_t **marks, size_t *count)
{
	make_room(len);
	auto code = own.stage->stage1((const uint8_t *)text, len, simdjson::stage1_mode::regular);
	if (code)
		return words_for(code);
	uint32_t *all = own.stage->structural_indexes.get(); /* has room for more than one mark a byte */
	*marks = all;
	*count = own.stage->n_structural_indexes;
	all[*count] = all[*count + 1] = (uint32_t)len;
	return nullptr;
}
