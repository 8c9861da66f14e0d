/* SPDX-License-Identifier: Apache-2.0 */
/* buf_indent.c - JSON with a line for each value, so that people can read it and its changes. */
#include <string.h>

#include "base/buf.h"

static void break_line(struct buf *out, int depth)
{
	buf_char(out, '\n');
	while (depth-- > 0)
		buf_char(out, '\t');
}

void json_indented(const struct buf *json, struct buf *out)
{
	bool quoted = false;
	int depth = 0;
	for (const char *at = json->at; *at; at++) {
		bool opens = !quoted && strchr("{[", *at), closes = !quoted && strchr("}]", *at);
		bool empty = (opens && strchr("}]", at[1])) || (closes && strchr("{[", at[-1]));
		if (*at == '"')
			quoted = !quoted;
		else if (*at == '\\')
			buf_char(out, *at++);
		if (closes && !empty)
			break_line(out, --depth);
		if (quoted || *at != ' ')
			buf_char(out, *at);
		if (!quoted && *at == ':')
			buf_char(out, ' ');
		if (opens && !empty)
			break_line(out, ++depth);
		else if (!quoted && *at == ',')
			break_line(out, depth);
	}
}
