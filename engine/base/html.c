/* SPDX-License-Identifier: Apache-2.0 */
/* html.c - HTML to text: tags become line breaks or nothing, entities characters. */
#include "base/html.h"

#include <string.h>
#include <strings.h>

#define DEEPEST 6 /* lists in lists are indented so far */

/* ------------------------------------------------------------------------- entities */

void html_unescape(struct sl_text text, html_take *take, void *data)
{
	const char *end = text.at + text.len;
	for (const char *at = text.at; at < end;) {
		char bytes[4];
		uint32_t point;
		const char *next = memchr(at, '&', (size_t)(end - at));
		next = next ? next : end;
		take(data, at, (size_t)(next - at));
		if (next == end)
			break;
		size_t len = html_entity((struct sl_text){ next, (size_t)(end - next) }, &point);
		if (len)
			take(data, bytes, html_utf8(point, bytes));
		else
			take(data, next, 1);
		at = next + (len ? len : 1);
	}
}

void html_escape(struct sl_text text, html_take *take, void *data)
{
	static const char signs[] = "&<>\"'";
	static const char *const written[] = { "&amp;", "&lt;", "&gt;", "&quot;", "&#39;" };
	size_t from = 0;
	for (size_t i = 0; i < text.len; i++) {
		const char *sign = text.at[i] ? strchr(signs, text.at[i]) : NULL;
		if (!sign)
			continue;
		take(data, text.at + from, i - from);
		take(data, written[sign - signs], strlen(written[sign - signs]));
		from = i + 1;
	}
	take(data, text.at + from, text.len - from);
}

/* ---------------------------------------------------------------------------- pages */

/* What comes between two words is only known once the second one comes. */
struct page {
	html_take *take;
	void *data;
	bool begun;         /* something was written */
	bool space, tab;    /* wanted before the next word */
	int breaks;         /* likewise: line breaks, 2 at most */
	int lists;          /* how deep */
	bool item;          /* a list item begins */
	int kept;           /* inside so many <pre> */
	bool links;
	struct sl_text href; /* of the link that is open */
	struct sl_text words; /* the first that stood in it */
};

static void put(struct page *page, const char *at, size_t len)
{
	page->take(page->data, at, len);
}

static void put_gap(struct page *page)
{
	for (; page->begun && page->breaks > 0; page->breaks--, page->space = page->tab = false)
		put(page, "\n", 1);
	if (page->begun && (page->space || page->tab))
		put(page, page->tab ? "\t" : " ", 1);
	page->space = page->tab = false;
	page->breaks = 0;
	for (int i = 1; page->item && i < page->lists && i < DEEPEST; i++)
		put(page, "  ", 2);
	if (page->item)
		put(page, "- ", 2);
	page->item = false;
	page->begun = true;
}

static void want_breaks(struct page *page, int breaks)
{
	if (page->breaks < breaks)
		page->breaks = breaks;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void put_word(struct page *page, const char *at, size_t len)
{
	put_gap(page);
	put(page, at, len);
}

static void add_space(struct page *page, char c)
{
	if (page->kept && c == '\n')
		page->breaks++;
	else if (page->kept && c != '\r')
		put_word(page, &c, 1);
	else
		page->space = true;
}

static void add_point(struct page *page, uint32_t point)
{
	char bytes[4];
	if (point == 0xa0 || (point < 0x80 && is_space((char)point)))
		page->space = true;
	else if (point != 0xad) /* a place where a word might be broken */
		put_word(page, bytes, html_utf8(point, bytes));
}

/* Text between tags. */
static void add_text(struct page *page, struct sl_text text)
{
	for (size_t i = 0; i < text.len;) {
		size_t from = i;
		uint32_t point;
		while (i < text.len && !is_space(text.at[i]) && text.at[i] != '&')
			i++;
		if (i > from) {
			put_word(page, text.at + from, i - from);
			continue;
		}
		size_t len = text.at[i] == '&' ? html_entity((struct sl_text){ text.at + i, text.len - i }, &point) : 0;
		if (len)
			add_point(page, point);
		else if (text.at[i] == '&')
			put_word(page, "&", 1);
		else
			add_space(page, text.at[i]);
		i += len ? len : 1;
	}
}

/* ----------------------------------------------------------------------------- tags */

struct tag {
	char name[12]; /* in small letters; "" if longer */
	bool closes;
	struct sl_text href;
};

static void begin_list(struct page *page, const struct tag *tag)
{
	int before = page->lists;
	page->lists += tag->closes ? -(before > 0) : 1;
	bool inside = before > 0 && page->lists > 0;
	want_breaks(page, inside ? 1 : 2);
}

static void begin_item(struct page *page, const struct tag *tag)
{
	want_breaks(page, 1);
	page->item = !tag->closes;
}

static void begin_cell(struct page *page, const struct tag *tag)
{
	page->tab |= tag->closes;
}

static void begin_kept(struct page *page, const struct tag *tag)
{
	want_breaks(page, 2);
	page->kept += tag->closes ? -(page->kept > 0) : 1;
}

static void add_break(struct page *page, const struct tag *tag)
{
	page->breaks += page->breaks < 2;
}

static void begin_line(struct page *page, const struct tag *tag)
{
	want_breaks(page, 1);
}

static void begin_paragraph(struct page *page, const struct tag *tag)
{
	want_breaks(page, 2);
}

static bool can_be_followed(struct sl_text href)
{
	static const char *const schemes[] = { "http://", "https://", "mailto:" };
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (href.len > strlen(schemes[i]) && strncasecmp(href.at, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

static void put_data(void *page, const char *at, size_t len)
{
	put(page, at, len);
}

static bool is_its_text(const struct page *page)
{
	struct sl_text href = page->href;
	if (href.len > 7 && strncasecmp(href.at, "mailto:", 7) == 0)
		href.at += 7, href.len -= 7;
	return page->words.len == href.len && memcmp(page->words.at, href.at, href.len) == 0;
}

/* The address stands behind the words of its link, unless it is what they say. */
static void add_link(struct page *page, const struct tag *tag)
{
	if (page->links && can_be_followed(page->href) && !is_its_text(page)) {
		page->space = page->begun;
		put_word(page, "(", 1);
		html_unescape(page->href, put_data, page);
		put(page, ")", 1);
	}
	page->href = page->words = (struct sl_text){ 0 };
	if (!tag->closes)
		page->href = tag->href;
}

static const struct meaning {
	const char *name;
	void (*act)(struct page *page, const struct tag *tag);
} meanings[] = {
	{ "a", add_link }, { "br", add_break }, { "p", begin_paragraph }, { "div", begin_line }, { "li", begin_item },
	{ "ul", begin_list }, { "ol", begin_list }, { "tr", begin_line }, { "td", begin_cell }, { "th", begin_cell },
	{ "table", begin_paragraph }, { "h1", begin_paragraph }, { "h2", begin_paragraph }, { "h3", begin_paragraph },
	{ "h4", begin_paragraph }, { "h5", begin_paragraph }, { "h6", begin_paragraph }, { "hr", begin_paragraph },
	{ "blockquote", begin_paragraph }, { "pre", begin_kept }, { "dl", begin_paragraph }, { "dt", begin_line },
	{ "dd", begin_line }, { "section", begin_paragraph }, { "article", begin_paragraph }, { "header", begin_line },
	{ "footer", begin_line }, { "main", begin_line }, { "nav", begin_line }, { "aside", begin_line }, { "form", begin_line },
	{ "fieldset", begin_line }, { "figure", begin_line }, { "figcaption", begin_line }, { "address", begin_line },
	{ "option", begin_line }, { "caption", begin_line }, { "thead", begin_line }, { "tbody", begin_line },
};

/* Elements whose content is no text for readers. */
static const char *const unread[] = { "script", "style", "title", "template", "noembed", "noframes", "iframe", "xmp" };

static bool is_unread(const struct tag *tag)
{
	for (size_t i = 0; i < sizeof(unread) / sizeof(*unread); i++)
		if (!tag->closes && strcmp(tag->name, unread[i]) == 0)
			return true;
	return false;
}

static void act(struct page *page, const struct tag *tag)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(*meanings); i++)
		if (strcmp(meanings[i].name, tag->name) == 0)
			meanings[i].act(page, tag);
}

/* -------------------------------------------------------------------------- reading */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *find(const char *at, const char *end, char c)
{
	const char *found = at < end ? memchr(at, c, (size_t)(end - at)) : NULL;
	return found ? found : end;
}

static const char *past(const char *at, const char *end)
{
	return at < end ? at + 1 : end;
}

static const char *skip_spaces(const char *at, const char *end)
{
	while (at < end && is_space(*at))
		at++;
	return at;
}

/* A value in quotes, or up to a space or the tag's end. */
static const char *read_value(const char *at, const char *end, struct sl_text *value)
{
	if (at < end && (*at == '"' || *at == '\'')) {
		const char *stop = find(at + 1, end, *at);
		*value = (struct sl_text){ at + 1, (size_t)(stop - at - 1) };
		return past(stop, end);
	}
	const char *from = at;
	while (at < end && !is_space(*at) && *at != '>')
		at++;
	*value = (struct sl_text){ from, (size_t)(at - from) };
	return at;
}

/* One attribute; at least one byte goes by. */
static const char *read_attribute(const char *at, const char *end, struct tag *tag)
{
	const char *from = at++;
	struct sl_text value = { 0 };
	while (at < end && !is_space(*at) && *at != '=' && *at != '>' && *at != '/')
		at++;
	bool is_href = at - from == 4 && strncasecmp(from, "href", 4) == 0;
	const char *sign = skip_spaces(at, end);
	if (sign < end && *sign == '=') {
		at = read_value(skip_spaces(sign + 1, end), end, &value);
		if (is_href && !tag->href.at)
			tag->href = value;
	}
	return at;
}

/* From behind "<" or "</" to behind ">". */
static const char *read_tag(const char *at, const char *end, struct tag *tag)
{
	size_t len = 0;
	for (; at < end && !is_space(*at) && *at != '>' && *at != '/'; at++, len++)
		if (len + 1 < sizeof(tag->name))
			tag->name[len] = *at >= 'A' && *at <= 'Z' ? (char)(*at + 32) : *at;
	if (len + 1 >= sizeof(tag->name))
		tag->name[0] = '\0';
	while (at < end && *at != '>')
		at = is_space(*at) || *at == '/' ? at + 1 : read_attribute(at, end, tag);
	return past(at, end);
}

/* Behind "</NAME", or the end: there is no tag in it that means anything. */
static const char *skip_content(const char *at, const char *end, const char *name)
{
	size_t len = strlen(name);
	while ((at = find(at, end, '<')) < end) {
		at++;
		if ((size_t)(end - at) > len && *at == '/' && strncasecmp(at + 1, name, len) == 0 &&
			(at + 1 + len == end || !is_letter(at[1 + len])))
			return past(find(at, end, '>'), end);
	}
	return end;
}

static const char *skip_comment(const char *at, const char *end)
{
	const char *stop = at < end ? memmem(at, (size_t)(end - at), "-->", 3) : NULL;
	return stop ? stop + 3 : end;
}

/* What begins with "<": a tag, a comment, a declaration, or only that sign. */
static const char *read_markup(struct page *page, const char *at, const char *end)
{
	struct tag tag = { .closes = end - at > 1 && at[1] == '/' };
	const char *name = at + 1 + tag.closes;
	if (end - at >= 4 && memcmp(at, "<!--", 4) == 0)
		return skip_comment(at + 4, end);
	if (name < end && (*name == '!' || *name == '?'))
		return past(find(name, end, '>'), end);
	if (name == end || !is_letter(*name)) {
		add_text(page, (struct sl_text){ "<", 1 });
		return at + 1;
	}
	at = read_tag(name, end, &tag);
	if (is_unread(&tag))
		return skip_content(at, end, tag.name);
	act(page, &tag);
	return at;
}

void html_text(struct sl_text html, bool links, html_take *take, void *data)
{
	struct page page = { .take = take, .data = data, .links = links };
	const char *end = html.at + html.len;
	for (const char *at = html.at; at < end;) {
		const char *next = find(at, end, '<');
		struct sl_text text = { at, (size_t)(next - at) };
		if (page.href.len && !page.words.len)
			page.words = text;
		if (text.len)
			add_text(&page, text);
		at = next < end ? read_markup(&page, next, end) : end;
	}
}
