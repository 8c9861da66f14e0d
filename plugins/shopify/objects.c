/* SPDX-License-Identifier: Apache-2.0 */
/* objects.c - orders, customers, products: how the graph is asked for them, and how a webhook would write them.
 *
 * What is polled has the names and forms of a webhook's body, so that whoever reads
 * events need not know which way they came.
 */
#include <ctype.h>
#include <string.h>

#include "inside.h"
#include "text.h"

/* How a value of the graph is written. */
enum form {
	AS_IS,    /* as it stands */
	NUMBER,   /* "1042" becomes 1042 */
	GID,      /* "gid://shopify/Order/1042" becomes 1042 */
	LOWER,    /* "PARTIALLY_PAID" becomes "partially_paid" */
	FULFILLED, /* likewise, but for those words that webhooks have others for */
	TAGS,     /* ["a", "b"] becomes "a, b" */
	MONEY,    /* "45.0" becomes "45.00", as the currency has it */
	LINES,    /* nodes, each by fields of its own */
	NESTED,   /* an object, likewise; null stays */
};

struct field {
	const char *name, *pointer;
	enum form form;
	const struct field *fields; /* LINES, NESTED */
};

static const struct field customer_of_order[] = {
	{ "id", "/legacyResourceId", NUMBER, NULL },
	{ 0 },
};

static const struct field line_fields[] = {
	{ "id", "/id", GID, NULL },
	{ "admin_graphql_api_id", "/id", AS_IS, NULL },
	{ "title", "/title", AS_IS, NULL },
	{ "name", "/name", AS_IS, NULL },
	{ "sku", "/sku", AS_IS, NULL },
	{ "quantity", "/quantity", AS_IS, NULL },
	{ "product_id", "/product/legacyResourceId", NUMBER, NULL },
	{ "variant_id", "/variant/legacyResourceId", NUMBER, NULL },
	{ "price", "/originalUnitPriceSet/shopMoney/amount", MONEY, NULL },
	{ "total_discount", "/totalDiscountSet/shopMoney/amount", MONEY, NULL },
	{ 0 },
};

static const struct field order_fields[] = {
	{ "id", "/legacyResourceId", NUMBER, NULL },
	{ "admin_graphql_api_id", "/id", AS_IS, NULL },
	{ "name", "/name", AS_IS, NULL },
	{ "email", "/email", AS_IS, NULL },
	{ "phone", "/phone", AS_IS, NULL },
	{ "currency", "/currencyCode", AS_IS, NULL },
	{ "total_price", "/totalPriceSet/shopMoney/amount", MONEY, NULL },
	{ "subtotal_price", "/subtotalPriceSet/shopMoney/amount", MONEY, NULL },
	{ "total_tax", "/totalTaxSet/shopMoney/amount", MONEY, NULL },
	{ "total_discounts", "/totalDiscountsSet/shopMoney/amount", MONEY, NULL },
	{ "financial_status", "/displayFinancialStatus", LOWER, NULL },
	{ "fulfillment_status", "/displayFulfillmentStatus", FULFILLED, NULL },
	{ "customer", "/customer", NESTED, customer_of_order },
	{ "tags", "/tags", TAGS, NULL },
	{ "test", "/test", AS_IS, NULL },
	{ "processed_at", "/processedAt", AS_IS, NULL },
	{ "cancelled_at", "/cancelledAt", AS_IS, NULL },
	{ "closed_at", "/closedAt", AS_IS, NULL },
	{ "created_at", "/createdAt", AS_IS, NULL },
	{ "updated_at", "/updatedAt", AS_IS, NULL },
	{ "line_items", "/lineItems/nodes", LINES, line_fields },
	{ 0 },
};

static const struct field customer_fields[] = {
	{ "id", "/legacyResourceId", NUMBER, NULL },
	{ "admin_graphql_api_id", "/id", AS_IS, NULL },
	{ "email", "/defaultEmailAddress/emailAddress", AS_IS, NULL },
	{ "phone", "/defaultPhoneNumber/phoneNumber", AS_IS, NULL },
	{ "first_name", "/firstName", AS_IS, NULL },
	{ "last_name", "/lastName", AS_IS, NULL },
	{ "state", "/state", LOWER, NULL },
	{ "tags", "/tags", TAGS, NULL },
	{ "created_at", "/createdAt", AS_IS, NULL },
	{ "updated_at", "/updatedAt", AS_IS, NULL },
	{ 0 },
};

static const struct field product_fields[] = {
	{ "id", "/legacyResourceId", NUMBER, NULL },
	{ "admin_graphql_api_id", "/id", AS_IS, NULL },
	{ "title", "/title", AS_IS, NULL },
	{ "handle", "/handle", AS_IS, NULL },
	{ "vendor", "/vendor", AS_IS, NULL },
	{ "product_type", "/productType", AS_IS, NULL },
	{ "status", "/status", LOWER, NULL },
	{ "tags", "/tags", TAGS, NULL },
	{ "published_at", "/publishedAt", AS_IS, NULL },
	{ "created_at", "/createdAt", AS_IS, NULL },
	{ "updated_at", "/updatedAt", AS_IS, NULL },
	{ 0 },
};

const struct object objects[KINDS] = {
	[ORDERS] = {
		.name = "orders", .count = "ordersCount", .subject = "ORDER", .changed = "orders/updated",
		.gone = "orders/delete", .scope = "read_orders", .fields = order_fields, .guess = 500,
		.selection = "id legacyResourceId name email phone currencyCode displayFinancialStatus "
			     "displayFulfillmentStatus tags test processedAt cancelledAt closedAt createdAt updatedAt "
			     "customer { legacyResourceId } "
			     "totalPriceSet { shopMoney { amount } } subtotalPriceSet { shopMoney { amount } } "
			     "totalTaxSet { shopMoney { amount } } totalDiscountsSet { shopMoney { amount } } "
			     "lineItems(first: 25) { " LINES_SELECTION " }",
	},
	[CUSTOMERS] = {
		.name = "customers", .count = "customersCount", .subject = "CUSTOMER", .changed = "customers/update",
		.gone = "customers/delete", .scope = "read_customers", .fields = customer_fields, .guess = 300,
		.selection = "id legacyResourceId defaultEmailAddress { emailAddress } defaultPhoneNumber { phoneNumber } "
			     "firstName lastName state tags createdAt updatedAt",
	},
	[PRODUCTS] = {
		.name = "products", .count = "productsCount", .subject = "PRODUCT", .changed = "products/update",
		.gone = "products/delete", .scope = "read_products", .fields = product_fields, .guess = 100,
		.selection = "id legacyResourceId title handle vendor productType status tags publishedAt createdAt updatedAt",
	},
};

bool wanted(const struct sl_call *call, enum kind kind)
{
	const struct shopify *shopify = call->options;
	if (!shopify->objects[0])
		return true;
	for (const char *const *name = shopify->objects; *name; name++)
		if (strcmp(*name, objects[kind].name) == 0)
			return true;
	return false;
}

/* ---------------------------------------------------------------------------- text */

void text_add(struct text *text, const char *at, size_t len)
{
	if (text->len + len + 1 > text->room) {
		text->room = (text->len + len + 1) * 2 + 500;
		char *more = text->call->host->alloc(text->call, text->room);
		if (text->len)
			memcpy(more, text->at, text->len);
		text->at = more;
	}
	if (len)
		memcpy(text->at + text->len, at, len);
	text->len += len;
	text->at[text->len] = '\0';
}

void text_string(struct text *text, const char *string)
{
	text_add(text, string, strlen(string));
}

static void add_quoted(struct text *out, struct sl_text value)
{
	struct sl_text quoted = out->call->host->quote(out->call, value);
	text_add(out, quoted.at, quoted.len);
}

/* --------------------------------------------------------------------------- values */

static void write_as_is(struct text *out, const struct sl_json *value)
{
	struct sl_text raw = out->call->host->raw(value);
	text_add(out, raw.at, raw.len);
}

static bool all_digits(struct sl_text text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!isdigit((unsigned char)text.at[i]))
			return false;
	return text.len > 0 && text.len < 20 && (text.at[0] != '0' || text.len == 1);
}

static void write_digits(struct text *out, struct sl_text digits, const struct sl_json *value)
{
	if (all_digits(digits))
		text_add(out, digits.at, digits.len);
	else
		write_as_is(out, value);
}

static void write_number(struct text *out, const struct sl_json *value)
{
	write_digits(out, out->call->host->string(value), value);
}

static void write_gid(struct text *out, const struct sl_json *value)
{
	write_digits(out, gid_number(out->call->host->string(value)), value);
}

static struct sl_text lower(struct sl_call *call, struct sl_text word)
{
	char *copy = call->host->alloc(call, word.len + 1);
	for (size_t i = 0; i < word.len; i++)
		copy[i] = (char)tolower((unsigned char)word.at[i]);
	return (struct sl_text){ copy, word.len };
}

static void write_lower(struct text *out, const struct sl_json *value)
{
	if (out->call->host->kind(value) == SL_KIND_STRING)
		add_quoted(out, lower(out->call, out->call->host->string(value)));
	else
		write_as_is(out, value);
}

static void write_fulfilled(struct text *out, const struct sl_json *value)
{
	struct sl_text word = out->call->host->string(value);
	if (sl_text_is(word, "UNFULFILLED"))
		text_string(out, "null");
	else if (sl_text_is(word, "PARTIALLY_FULFILLED"))
		text_string(out, "\"partial\"");
	else
		write_lower(out, value);
}

static void write_tags(struct text *out, const struct sl_json *value)
{
	const struct sl_host *host = out->call->host;
	struct text tags = { .call = out->call };
	if (host->kind(value) != SL_KIND_ARRAY) {
		write_as_is(out, value);
		return;
	}
	text_string(&tags, "");
	for (const struct sl_json *tag = host->first(value); tag; tag = host->next(tag)) {
		struct sl_text word = host->string(tag);
		text_string(&tags, tags.len ? ", " : "");
		text_add(&tags, word.at, word.len);
	}
	add_quoted(out, (struct sl_text){ tags.at, tags.len });
}

/* Digits behind the point, where a currency has other than two. */
static int decimals_of(struct sl_text currency)
{
	static const char none[] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF ";
	static const char three[] = "BHD IQD JOD KWD LYD OMR TND ";
	char word[5] = "";
	if (currency.len != 3)
		return 2;
	memcpy(word, currency.at, 3);
	word[3] = ' ';
	return strstr(none, word) ? 0 : strstr(three, word) ? 3 : 2;
}

/* No digit but zeros is lost, and at least `decimals` stand behind the point. */
static void write_money(struct text *out, const struct sl_json *value, int decimals)
{
	char digits[100];
	size_t len;
	if (!sl_decimal(out->call->host->string(value), digits, sizeof(digits) - 8, &len)) {
		write_as_is(out, value);
		return;
	}
	char *point = strchr(digits, '.');
	size_t whole = point ? (size_t)(point - digits) : len;
	if (!point)
		digits[len++] = '.';
	while (len > whole + 1 + (size_t)decimals && digits[len - 1] == '0')
		len--;
	while (len < whole + 1 + (size_t)decimals)
		digits[len++] = '0';
	if (digits[len - 1] == '.')
		len--;
	add_quoted(out, (struct sl_text){ digits, len });
}

/* -------------------------------------------------------------------------- objects */

struct writing {
	struct text *out;
	int decimals;
	const struct sl_json *const *more;
	size_t count;
};

static void write_members(struct writing *writing, const struct field *fields, const struct sl_json *node);

static void write_lines(struct writing *writing, const struct field *fields, const struct sl_json *nodes)
{
	const struct sl_host *host = writing->out->call->host;
	const char *between = "[{";
	for (size_t i = 0; i <= writing->count; i++) {
		const struct sl_json *list = i ? writing->more[i - 1] : nodes;
		for (const struct sl_json *line = host->first(list); line; line = host->next(line)) {
			text_string(writing->out, between);
			write_members(writing, fields, line);
			text_string(writing->out, "}");
			between = ",{";
		}
	}
	text_string(writing->out, *between == '[' ? "[]" : "]");
}

static void write_nested(struct writing *writing, const struct field *fields, const struct sl_json *node)
{
	text_string(writing->out, "{");
	write_members(writing, fields, node);
	text_string(writing->out, "}");
}

static void write_value(struct writing *writing, const struct field *field, const struct sl_json *value)
{
	static void (*const plain[])(struct text *, const struct sl_json *) = {
		[AS_IS] = write_as_is,
		[NUMBER] = write_number,
		[GID] = write_gid,
		[LOWER] = write_lower,
		[FULFILLED] = write_fulfilled,
		[TAGS] = write_tags,
	};
	enum sl_kind kind = writing->out->call->host->kind(value);
	if (!value)
		text_string(writing->out, "null");
	else if (field->form == MONEY)
		write_money(writing->out, value, writing->decimals);
	else if (field->form == LINES && kind == SL_KIND_ARRAY)
		write_lines(writing, field->fields, value);
	else if (field->form == NESTED && kind == SL_KIND_OBJECT)
		write_nested(writing, field->fields, value);
	else
		(field->form < MONEY ? plain[field->form] : write_as_is)(writing->out, value);
}

static void write_members(struct writing *writing, const struct field *fields, const struct sl_json *node)
{
	for (const struct field *field = fields; field->name; field++) {
		text_string(writing->out, field == fields ? "\"" : ",\"");
		text_string(writing->out, field->name);
		text_string(writing->out, "\":");
		write_value(writing, field, writing->out->call->host->at(node, field->pointer));
	}
}

void write_object(struct text *out, const struct object *object, const struct sl_json *node,
	const struct sl_json *const *more, size_t count)
{
	const struct sl_host *host = out->call->host;
	struct writing writing = {
		.out = out,
		.decimals = decimals_of(host->string(host->at(node, "/currencyCode"))),
		.more = more,
		.count = count,
	};
	text_string(out, "{");
	write_members(&writing, object->fields, node);
}

struct sl_text node_id(const struct sl_call *call, const struct sl_json *node)
{
	struct sl_text number = call->host->string(call->host->at(node, "/legacyResourceId"));
	if (!all_digits(number))
		number = gid_number(call->host->string(call->host->at(node, "/id")));
	return all_digits(number) ? number : (struct sl_text){ "", 0 };
}
