/* SPDX-License-Identifier: Apache-2.0 */
/* refused.c - the last requests that were not taken, in a file of fixed size. */
#include "flow/refused.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/line.h"

#define SLOT_SIZE 512
#define SEED UINT64_C(0x736c7569636531)
#define LINE_PAUSE 10000 /* milliseconds between two lines about one address */
#define ADDRESSES 256

/* An entry on disk; slot n % REFUSED_COUNT holds number n, from 1. */
struct slot {
	uint64_t checksum; /* of all behind it */
	uint64_t number;
	struct refused_entry entry;
	char unused[SLOT_SIZE - 2 * sizeof(uint64_t) - sizeof(struct refused_entry)];
};
_Static_assert(sizeof(struct slot) == SLOT_SIZE, "a slot has its size on every machine");

/* When a line about an address may be written again.  Two addresses that meet in
 * one row share it: the table is small, and lines are only for people. */
struct hush {
	int64_t until;
	uint64_t untold;
};

struct refused {
	int fd;
	uint64_t last;
	struct hush hushes[ADDRESSES];
};

static uint64_t checksum(const struct slot *slot)
{
	return XXH3_64bits_withSeed(&slot->number, SLOT_SIZE - sizeof(slot->checksum), SEED);
}

static bool whole(const struct slot *slot, size_t place)
{
	return slot->number && slot->number % REFUSED_COUNT == place && slot->checksum == checksum(slot);
}

/* Reads what is there; a short file has fewer slots. */
static bool read_slots(int fd, struct slot slots[REFUSED_COUNT])
{
	memset(slots, 0, REFUSED_COUNT * sizeof(*slots));
	return pread(fd, slots, REFUSED_COUNT * sizeof(*slots), 0) >= 0;
}

/* ------------------------------------------------------------------ writing */

static uint64_t last_number(int fd)
{
	struct slot *slots = must_alloc(REFUSED_COUNT * sizeof(*slots));
	uint64_t last = 0;
	read_slots(fd, slots);
	for (size_t i = 0; i < REFUSED_COUNT; i++)
		if (whole(&slots[i], i) && slots[i].number > last)
			last = slots[i].number;
	free(slots);
	return last;
}

struct refused *refused_open(const char *path, struct why *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		why_errno(why, "cannot open %s", path);
		return NULL;
	}
	struct refused *refused = must_alloc(sizeof(*refused));
	refused->fd = fd;
	refused->last = last_number(fd);
	return refused;
}

void refused_close(struct refused **refused)
{
	if (!*refused)
		return;
	close((*refused)->fd);
	free(*refused);
	*refused = NULL;
}

/* Cut to size; control characters do not reach a terminal. */
static void put_text(char *out, size_t size, struct sl_text text)
{
	size_t len = text.len < size - 1 ? text.len : size - 1;
	for (size_t i = 0; i < len; i++)
		out[i] = (unsigned char)text.at[i] < ' ' || text.at[i] == 0x7f ? '?' : text.at[i];
	out[len] = '\0';
}

static void say(struct refused *refused, const struct refused_entry *entry)
{
	uint64_t row = XXH3_64bits(entry->peer, strlen(entry->peer)) % ADDRESSES;
	struct hush *hush = &refused->hushes[row];
	int64_t now = clock_ticks();
	if (now < hush->until) {
		hush->untold++;
		return;
	}
	char more[64] = "";
	if (hush->untold)
		snprintf(more, sizeof(more), " (and %llu more since the last line)", (unsigned long long)hush->untold);
	bool known = *entry->source && *entry->source != '/'; /* else a path, or not even that */
	struct about about = { .source = known ? entry->source : NULL };
	line_about(SL_WARNING, &about, "refused %s%s%s with %d: %s%s", entry->peer, *entry->source ? " for " : "",
		entry->source, entry->status, entry->reason, more);
	*hush = (struct hush){ now + LINE_PAUSE, 0 };
}

void refused_add(struct refused *refused, int status, struct sl_text source, struct sl_text peer, const char *reason)
{
	struct slot slot;
	memset(&slot, 0, sizeof(slot));
	slot.number = ++refused->last;
	slot.entry.time = clock_wall();
	slot.entry.status = status;
	put_text(slot.entry.source, sizeof(slot.entry.source), source);
	put_text(slot.entry.peer, sizeof(slot.entry.peer), peer);
	put_text(slot.entry.reason, sizeof(slot.entry.reason), (struct sl_text){ reason, strlen(reason) });
	slot.checksum = checksum(&slot);
	ssize_t wrote = pwrite(refused->fd, &slot, sizeof(slot), (off_t)(slot.number % REFUSED_COUNT * sizeof(slot)));
	(void)wrote; /* a full disk: the line below still tells it */
	say(refused, &slot.entry);
}

/* ------------------------------------------------------------------ reading */

static int by_number(const void *a, const void *b)
{
	uint64_t left = ((const struct slot *)a)->number, right = ((const struct slot *)b)->number;
	return left < right ? -1 : left > right;
}

static bool strings_end(const struct refused_entry *entry)
{
	return memchr(entry->source, '\0', sizeof(entry->source)) && memchr(entry->peer, '\0', sizeof(entry->peer)) &&
		memchr(entry->reason, '\0', sizeof(entry->reason));
}

static void tell_each(struct slot *slots, refused_found *found, void *data)
{
	size_t count = 0;
	for (size_t i = 0; i < REFUSED_COUNT; i++)
		if (whole(&slots[i], i) && strings_end(&slots[i].entry))
			slots[count++] = slots[i];
	qsort(slots, count, sizeof(*slots), by_number);
	for (size_t i = 0; i < count; i++)
		found(&slots[i].entry, data);
}

bool refused_each(const char *path, refused_found *found, void *data, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return true;
	if (fd < 0)
		return why_errno(why, "cannot open %s", path);
	struct slot *slots = must_alloc(REFUSED_COUNT * sizeof(*slots));
	bool read = read_slots(fd, slots) || why_errno(why, "cannot read %s", path);
	if (read)
		tell_each(slots, found, data);
	free(slots);
	close(fd);
	return read;
}
