/* SPDX-License-Identifier: Apache-2.0 */
/* roff.c - Markdown as the manual uses it, turned into a man page. */
#include "main/roff.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

struct page {
	struct buf *out;
	bool code;   /* within .nf */
	bool fenced; /* a ``` opened it */
	bool fresh;  /* at the beginning of a line of output */
};

/* What troff would read as its own: a backslash anywhere, a dot or a quote at
 * the beginning of a line. */
static void put(struct page *page, const char *at, size_t len, bool code)
{
	for (size_t i = 0; i < len; i++) {
		if (page->fresh && (at[i] == '.' || at[i] == '\''))
			buf_string(page->out, "\\&");
		page->fresh = false;
		if (at[i] == '\\')
			buf_string(page->out, "\\e");
		else if (at[i] == '-')
			buf_string(page->out, "\\-");
		else if (at[i] == '`' && !code)
			continue;
		else
			buf_char(page->out, at[i]);
	}
}

static void put_text(struct page *page, const char *at, size_t len)
{
	bool bold = false;
	for (size_t from = 0; from < len;) {
		const char *tick = memchr(at + from, '`', len - from);
		size_t to = tick ? (size_t)(tick - at) : len;
		put(page, at + from, to - from, false);
		if (tick) {
			buf_string(page->out, bold ? "\\fR" : "\\fB");
			bold = !bold;
		}
		from = to + 1;
	}
	if (bold)
		buf_string(page->out, "\\fR");
}

static void newline(struct page *page)
{
	buf_char(page->out, '\n');
	page->fresh = true;
}

static void request(struct page *page, const char *text)
{
	buf_string(page->out, text);
	newline(page);
}

static void set_code(struct page *page, bool code)
{
	if (page->code != code)
		request(page, code ? ".PP\n.nf\n.RS 4" : ".RE\n.fi");
	page->code = code;
}

static void heading(struct page *page, const char *at, size_t len)
{
	buf_string(page->out, ".SH ");
	page->fresh = false;
	for (size_t i = 0; i < len; i++) {
		char upper = (char)toupper((unsigned char)at[i]);
		put(page, &upper, 1, false);
	}
	newline(page);
}

static void text_line(struct page *page, const char *at, size_t len)
{
	if (len == 0)
		request(page, ".PP");
	else if (at[0] == '#')
		heading(page, at + strspn(at, "# "), len - strspn(at, "# "));
	else if (len > 2 && memcmp(at, "- ", 2) == 0) {
		request(page, ".IP \\(bu 2");
		put_text(page, at + 2, len - 2);
		newline(page);
	} else {
		size_t skip = strspn(at, " ");
		put_text(page, at + skip, len - skip);
		newline(page);
	}
}

static void code_line(struct page *page, const char *at, size_t len)
{
	size_t skip = !page->fenced && len >= 4 ? 4 : 0;
	put(page, at + skip, len - skip, true);
	newline(page);
}

static void one_line(struct page *page, const char *at, size_t len)
{
	bool fence = len >= 3 && memcmp(at, "```", 3) == 0;
	bool indented = len > 4 && memcmp(at, "    ", 4) == 0;
	if (fence) {
		page->fenced = !page->fenced;
		set_code(page, page->fenced);
	} else if (page->fenced || indented || (page->code && len == 0)) {
		set_code(page, true);
		code_line(page, at, len);
	} else {
		set_code(page, false);
		text_line(page, at, len);
	}
}

void roff_write(const char *name, int section, const char *markdown, struct buf *out)
{
	struct page page = { .out = out, .fresh = true };
	buf_format(out, ".TH \"%s\" %d \"\" \"sluice " SLUICE_VERSION "\"\n", name, section);
	while (*markdown) {
		size_t len = strcspn(markdown, "\n");
		one_line(&page, markdown, len);
		markdown += len + (markdown[len] == '\n');
	}
	set_code(&page, false);
}
