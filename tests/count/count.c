/* SPDX-License-Identifier: Apache-2.0 */
/* count.c - runs each workload once to warm it up, and once to be counted.
 *
 *     count          "NAME EVENTS" for each, once it has been run
 *     count --built  how it was compiled, in one word, so that figures are held against their like
 *
 * Under callgrind a dump is made before each call of count_mark: one when a workload is
 * warm, the next when it has been run once more.
 */
#include "count.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "sdk/text.h"

static const struct workload *const workloads[] = { &ingest_plain, &ingest_signed, &decode, &mapping, &rows };

void count_mark(void);

/* Its name is what callgrind looks for. */
__attribute__((noipa, used)) void count_mark(void)
{
	__asm__ volatile("");
}

void must(bool true_of, const char *what, const struct why *why)
{
	if (true_of)
		return;
	fprintf(stderr, "count: %s: %s\n", what, why ? why->text : "no");
	exit(2);
}

struct sl_document *read_json(const char *text)
{
	struct sl_document *document = sl_json_read(sl_text_of(text), NULL, 0);
	must(document != NULL, text, NULL);
	return document;
}

/* ------------------------------------------------------------------- bodies */

static const char body_form[] =
	"{\"model\":{\"id\":\"54c2f73c734b5b084777d1aa\",\"name\":\"Orders\",\"desc\":\"%s\",\"closed\":false,"
	"\"idOrganization\":null,\"prefs\":{\"permissionLevel\":\"private\",\"voting\":\"disabled\","
	"\"comments\":\"members\",\"invitations\":\"members\",\"selfJoin\":true,\"cardCovers\":true,"
	"\"background\":\"blue\"},"
	"\"labelNames\":{\"green\":\"ready\",\"yellow\":\"waiting\",\"orange\":\"\",\"red\":\"late\",\"blue\":\"\"}},"
	"\"action\":{\"id\":\"55900c950fbd8633%08x\",\"idMemberCreator\":\"50e853a3a98492ed05002257\",\"data\":{"
	"\"listAfter\":{\"name\":\"In work\",\"id\":\"5514564da07f76c2633f07f0\"},"
	"\"listBefore\":{\"name\":\"To do\",\"id\":\"550def1c239fb24e102559c0\"},"
	"\"board\":{\"shortLink\":\"7hs3uLZE\",\"name\":\"Orders\",\"id\":\"54c2f73c734b5b084777d1aa\"},"
	"\"card\":{\"shortLink\":\"aI4od6Yd\",\"idShort\":%u,\"name\":\"M\\u00fcller \\\"B\\\" \xe2\x80\x93 %u pieces\","
	"\"id\":\"550df104f244348f%08x\",\"idList\":\"5514564da07f76c2633f07f0\",\"pos\":%u.25},"
	"\"old\":{\"idList\":\"550def1c239fb24e102559c0\"}},\"type\":\"updateCard\","
	"\"date\":\"2015-06-28T15:02:%02u.235Z\","
	"\"memberCreator\":{\"id\":\"50e853a3a98492ed05002257\",\"avatarHash\":null,\"fullName\":\"A Person\","
	"\"initials\":\"AP\",\"username\":\"aperson\"}},\"webhook\":{\"id\":\"55900c950fbd86334d5c4072\",\"active\":true}}";

static struct buf write_body(unsigned number)
{
	struct buf body = { 0 };
	char filling[700];
	memset(filling, 'x', sizeof(filling));
	for (size_t i = 60; i < sizeof(filling); i += 61)
		filling[i] = ' ';
	filling[sizeof(filling) - 1 - number] = '\0';
	unsigned mixed = number * 2654435761u;
	buf_format(&body, body_form, filling, mixed, number + 1, mixed % 1000, mixed ^ 0x5bd1e995u, 65535 * (number + 1),
		number % 60);
	return body;
}

struct sl_text body_of(size_t number)
{
	static struct buf bodies[BODIES];
	struct buf *body = &bodies[number % BODIES];
	if (!body->at)
		*body = write_body((unsigned)(number % BODIES));
	return (struct sl_text){ body->at, body->len };
}

/* --------------------------------------------------------------------- runs */

static void count(const struct workload *workload, const char *folder)
{
	workload->begin(folder);
	workload->run();
	count_mark();
	workload->run();
	count_mark();
	workload->end();
	printf("%s %zu\n", workload->name, workload->events);
}

static void built(void)
{
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__)
	printf("gcc-%d-x86_64-optimized\n", __GNUC__);
#else
	printf("otherwise\n");
#endif
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/sluice-count-XXXXXX", command[64];
	if (argc > 1) {
		built();
		return 0;
	}
	must(mkdtemp(folder) != NULL, "a temporary folder", NULL);
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		count(workloads[i], folder);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) ? 2 : 0;
}
