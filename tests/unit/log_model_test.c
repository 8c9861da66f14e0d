/* SPDX-License-Identifier: Apache-2.0 */
/* log_model_test.c - random lives of a log, beside a model that says what has to be read.
 *
 * What happens is drawn from SLUICE_SEED, which is printed: the same seed is the
 * same life; 7 if none is named, another one each time with SLUICE_LONG=1.
 * 10 000 actions, or SLUICE_ACTIONS; a million with SLUICE_LONG=1.
 */
#include <poll.h>

#include "log_bed.h"

#include "log_model.h"

#define TRAIL 30

static uint64_t seed, drawn;
static struct log_reader *lasting; /* opened once, lives through all reopenings */
static struct log_batch *pending;  /* written, not published */
static char synced[LOG_PAGE];      /* the page as it was when the log was opened */
static const char *trail[TRAIL];
static unsigned long done;
static struct arena *arena;

/* ------------------------------------------------------------------- chance */

static uint64_t draw(uint64_t below)
{
	uint64_t z = (drawn += 0x9e3779b97f4a7c15u);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return below ? (z ^ z >> 31) % below : 0;
}

static bool chance(unsigned of)
{
	return draw(of) == 0;
}

/* ------------------------------------------------------------------ writing */

static size_t some_size(void)
{
	static const size_t most[] = { 200, 200, 200, 200, 1500, 1500, 1500, 4000, 20000 };
	return draw(chance(300) ? 3 * SEGMENT : most[draw(9)]);
}

static bool there_is_room(size_t bytes)
{
	struct why why = { "" };
	enum log_room room = log_room(writer, bytes);
	if (room == LOG_FULL && !log_retire(writer, model.acked + 1, &why))
		fail_msg("%s", why.text);
	assert_int_not_equal(room, LOG_FAILED);
	model_retired(writer, model.acked + 1);
	return room == LOG_ROOM;
}

static void append(void)
{
	for (uint64_t count = 1 + draw(4); count; count--) {
		struct log_record record;
		size_t len = some_size();
		if (!there_is_room(len + 100))
			return;
		model_append(&record, len);
		assert_int_equal(log_append(writer, &record), record.seq);
	}
}

/* All that log_begin began is waited for: what comes next then follows from the seed alone. */
static void land(void)
{
	struct why why = { "" };
	struct pollfd ready = { log_ahead_fd(writer), POLLIN, 0 };
	enum log_landed landed = LOG_LANDED;
	uint64_t end;
	while (log_ahead_count(writer) && landed != LOG_LAND_FAILED) {
		poll(&ready, 1, -1);
		while ((landed = log_land(writer, &end, &why)) == LOG_LANDED)
			model.acked = end;
	}
	if (landed == LOG_LAND_FAILED)
		fail_msg("%s", why.text);
}

static void publish(void)
{
	land();
	if (!pending)
		return;
	assert_int_equal(log_done(writer, &pending), model.written);
	model.acked = model.written;
}

static void write_batch(void)
{
	struct why why = { "" };
	bool begin = chance(2);
	if (!begin || !log_ahead_count(writer))
		publish();
	if (!log_gathered(writer))
		return;
	if (begin && log_begin(writer, chance(3))) {
		model.written = model.appended;
		return;
	}
	publish();
	pending = log_take(writer);
	if (!log_write(writer, pending, &why))
		fail_msg("%s", why.text);
	model.written = model.appended;
}

static void sync_batch(void)
{
	write_batch();
	publish();
}

static void prepare(void)
{
	struct why why = { "" };
	if (log_wants_segment(writer))
		log_prepare(writer, &why);
}

static void retire(void)
{
	struct why why = { "" };
	uint64_t floor = model.begin + draw(model.acked + 2 - model.begin);
	if (!log_retire(writer, floor, &why))
		fail_msg("%s", why.text);
	model_retired(writer, floor);
}

static void limit(void)
{
	options.keep = chance(2) ? 0 : INT64_MAX;
	options.size = (chance(3) ? 24 : chance(3) ? 64 : 200) * SEGMENT; /* of the last, DATA/log/table tells */
	log_limit(writer, &options);
}

/* ------------------------------------------------------------------ reading */

static enum log_read read_some(struct log_reader *reader, uint64_t *from, size_t most, size_t bytes)
{
	struct why why = { "" };
	struct log_slice slice;
	enum log_read got = log_read(reader, arena, *from, most, bytes, &slice, &why);
	if (got == LOG_BROKEN)
		fail_msg("%s", why.text);
	if (got == LOG_READ)
		model_slice(*from, &slice);
	else if (*from <= model.acked)
		fail_msg("nothing is read at %" PRIu64 " of %" PRIu64, *from, model.acked);
	*from = slice.next;
	arena_reset(arena);
	return got;
}

static uint64_t somewhere(void)
{
	uint64_t least = model.begin > 20 ? model.begin - 20 : 1;
	return chance(3) ? least : least + draw(model.acked + 2 - least);
}

static void read_on(void)
{
	static uint64_t from;
	if (chance(10) || from > model.acked + 1 || !from)
		from = somewhere();
	for (uint64_t turns = 1 + draw(4); turns; turns--)
		read_some(lasting, &from, 1 + draw(40), 1 + draw(100000));
}

/* Every seq is read, or named as damaged, or as gone. */
static void read_everything(void)
{
	struct log_reader *reader = chance(2) ? lasting : open_reader();
	uint64_t from = model.begin > 20 ? model.begin - 20 : 1;
	while (read_some(reader, &from, 1000, 300000) == LOG_READ)
		;
	assert_int_equal(from, model.acked + 1);
	if (reader != lasting)
		log_reader_close(&reader);
}

static void look(void)
{
	struct log_stat stat;
	sync_batch();
	run_fsck(&stat);
	assert_int_equal(stat.end, model.acked);
	model_damaged(stat.damaged);
}

/* ------------------------------------------------------------------- damage */

static void cut(int fd, uint64_t at)
{
	assert_int_equal(ftruncate(fd, (off_t)at), 0);
}

static void flip_bit(int fd, uint64_t at)
{
	unsigned char byte;
	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= (unsigned char)(1 << draw(8));
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
}

static void zero_page(int fd, uint64_t at)
{
	static const char zeros[LOG_PAGE];
	struct stat file;
	at -= at % LOG_PAGE;
	assert_int_equal(fstat(fd, &file), 0);
	size_t len = (uint64_t)file.st_size - at < LOG_PAGE ? (size_t)file.st_size - at : LOG_PAGE;
	assert_int_equal(pwrite(fd, zeros, len, (off_t)at), len);
}

/* One of the segments gets a wound; the model sees which records it hit. */
static void harm_segment(void)
{
	static void (*const ways[])(int, uint64_t) = { flip_bit, flip_bit, zero_page, zero_page, cut };
	struct layout layout;
	layout_read(&layout, dir);
	struct place *place = layout.count ? &layout.places[draw(layout.count)] : NULL;
	if (place && place->size) {
		place_read(&layout, place);
		uint64_t most = chance(6) ? LOG_BEGIN : place->used + LOG_PAGE;
		int fd = openat(layout.dir, place->name.text, O_RDWR);
		uint64_t at = draw(most < place->size ? most : place->size);
		ways[draw(5)](fd, at);
		model_wound(place, fd);
		close(fd);
	}
	layout_free(&layout);
}

static void page_bytes(char *bytes, bool put)
{
	char path[128];
	path_of(path, "page");
	int fd = open(path, O_RDWR);
	assert_int_equal(put ? pwrite(fd, bytes, LOG_PAGE, 0) : pread(fd, bytes, LOG_PAGE, 0), LOG_PAGE);
	close(fd);
}

/* In a file of its own: whoever has the old one mapped does not see what a disk does to it. */
static void harm_page(void)
{
	char page[LOG_PAGE], path[128];
	uint64_t way = draw(4);
	path_of(path, "page");
	page_bytes(page, false);
	delete("page");
	model.mark_least = 0;
	if (way == 0)
		return;
	if (way == 1)
		memset(page, 0, LOG_PAGE);
	for (uint64_t count = way > 1 ? draw(6) + 1 : 0; count; count--)
		page[draw(chance(3) ? LOG_PAGE : 140)] ^= (char)(1 << draw(8));
	close(open(path, O_CREAT | O_WRONLY, 0600));
	page_bytes(page, true);
}

static void harm_id(void)
{
	if (chance(2))
		delete("id");
	else
		flip("id", draw(33));
	model.mark_least = 0; /* with no segment left nobody knows whose the page is */
}

/* It is believed of a file that nothing was done to since, and may be an old one. */
static void harm_table(void)
{
	static char old[1 << 16];
	static size_t kept;
	char path[128];
	struct stat file;
	path_of(path, "table");
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &file) < 0 || (size_t)file.st_size > sizeof(old)) {
		close(fd);
		return;
	}
	switch (draw(4)) {
	case 0:
		delete("table");
		break;
	case 1:
		assert_int_equal(ftruncate(fd, (off_t)draw((uint64_t)file.st_size)), 0);
		break;
	case 2:
		flip_bit(fd, draw((uint64_t)file.st_size));
		break;
	default:
		if (kept)
			assert_int_equal(pwrite(fd, old, kept, 0) == (ssize_t)kept && !ftruncate(fd, (off_t)kept), true);
		else
			kept = (size_t)pread(fd, old, (size_t)file.st_size, 0);
	}
	close(fd);
}

static void harm(void)
{
	if (chance(4))
		harm_table();
	if (chance(4))
		harm_page();
	if (chance(12))
		harm_id();
	for (uint64_t count = draw(3); count; count--)
		harm_segment();
}

/* The page that the next batch begins in is written again from memory, whatever has become of it. */
static bool is_written_again(const struct place *place, uint64_t at)
{
	return place->salt == writer->writing.salt && at >= writer->offset - writer->offset % LOG_PAGE;
}

/* While it is written to: only records that have been published. */
static void rot(void)
{
	struct layout layout;
	sync_batch();
	layout_read(&layout, dir);
	struct place *place = layout.count ? &layout.places[draw(layout.count)] : NULL;
	if (place)
		place_read(&layout, place);
	if (place && place->used > LOG_BEGIN) {
		uint64_t at = LOG_BEGIN + draw(place->used - LOG_BEGIN);
		int fd = openat(layout.dir, place->name.text, O_RDWR);
		if (!is_written_again(place, at))
			flip_bit(fd, at);
		model_wound(place, fd);
		close(fd);
	}
	layout_free(&layout);
}

static struct place *place_of_scar(const struct layout *layout, const struct scar *scar)
{
	for (size_t i = 0; i < layout->count; i++)
		if (layout->places[i].salt == scar->salt && layout->places[i].size >= scar->offset + scar->span)
			return &layout->places[i];
	return NULL;
}

/* What could not be read right can be again: a harmed record is what it was. */
static void heal(void)
{
	struct layout layout;
	sync_batch();
	layout_read(&layout, dir);
	const struct scar *scar = model.scar_count ? &model.scars[draw(model.scar_count)] : NULL;
	struct place *place = scar ? place_of_scar(&layout, scar) : NULL;
	if (place && !is_written_again(place, scar->offset + scar->span - 1)) {
		place_read(&layout, place);
		int fd = openat(layout.dir, place->name.text, O_RDWR);
		assert_int_equal(pwrite(fd, scar->bytes, scar->span, (off_t)scar->offset), scar->span);
		model_wound(place, fd);
		close(fd);
	}
	layout_free(&layout);
}

/* ------------------------------------------------------------ end and start */

static void empty(const char *name)
{
	char command[160];
	snprintf(command, sizeof(command), "rm -rf %s/%s", dir, name);
	if (files_in(name) > 20)
		assert_int_equal(system(command), 0);
}

static void start(void)
{
	struct expected expected = model_expect(dir);
	open_writer();
	model_started(writer, &expected);
	if (model.rolled && lasting) {
		log_reader_close(&lasting);
		lasting = open_reader();
	}
	page_bytes(synced, false);
	empty("damaged");
}

static void leave(void)
{
	sync_batch();
	log_close(&writer);
	model_closed();
}

static void forget_pending(void)
{
	if (pending)
		free(pending->memory);
	free(pending);
	pending = NULL;
}

/* As a kill leaves it: nothing more is published, and the page has no clean mark. */
static void kill_it(void)
{
	forget_pending();
	writer->failed = true;
	log_close(&writer);
	model_closed();
}

static void crash(void)
{
	kill_it();
	start();
	if (chance(5))
		read_everything();
}

/* Of the page only that is left which was synced. */
static void lose_power(void)
{
	kill_it();
	page_bytes(synced, true);
	model.mark_least = model.mark_most = model.opened;
	start();
}

static void reopen(void)
{
	leave();
	start();
}

static void corrupt(void)
{
	if (chance(2))
		kill_it();
	else
		leave();
	harm();
	start();
	read_everything();
}

/* -------------------------------------------------------------------- a life */

static const struct action {
	unsigned weight;
	const char *name;
	void (*act)(void);
} actions[] = {
	{ 376, "append", append },
	{ 180, "sync", sync_batch },
	{ 40, "write", write_batch },
	{ 60, "prepare", prepare },
	{ 220, "read", read_on },
	{ 30, "retire", retire },
	{ 5, "limit", limit },
	{ 10, "read everything", read_everything },
	{ 6, "look", look },
	{ 8, "rot", rot },
	{ 4, "heal", heal },
	{ 15, "reopen", reopen },
	{ 15, "crash", crash },
	{ 6, "lose power", lose_power },
	{ 25, "corrupt", corrupt },
};

static const struct action *some_action(void)
{
	uint64_t at = draw(1000);
	const struct action *action = actions;
	while (at >= action->weight)
		at -= (action++)->weight;
	return action;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);
	return value && *value ? strtoull(value, NULL, 10) : otherwise;
}

static void what_is_whole_is_read_and_what_is_not_is_named(void **unused)
{
	unsigned long most = number_of("SLUICE_ACTIONS", number_of("SLUICE_LONG", 0) ? 1000000 : 10000);
	start();
	lasting = open_reader();
	for (; done < most; done++) {
		const struct action *action = some_action();
		trail[done % TRAIL] = action->name;
		action->act();
	}
	reopen();
	read_everything();
	done = 0;
}

static void move_folder(const char *template)
{
	rmdir(folder);
	strcpy(folder, template);
	assert_non_null(mkdtemp(folder));
	snprintf(dir, sizeof(dir), "%s/log", folder);
}

static int begin(void **state)
{
	seed = number_of("SLUICE_SEED", getenv("SLUICE_LONG") ? (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid() : 7);
	drawn = seed;
	fprintf(stderr, "SLUICE_SEED=%" PRIu64 "\n", seed);
	arena = arena_new();
	bed_make(state);
	if (access("/dev/shm", W_OK) == 0) /* thousands of syncs a second */
		move_folder("/dev/shm/log-test-XXXXXX");
	return 0;
}

static int finish(void **state)
{
	if (done)
		fprintf(stderr, "SLUICE_SEED=%" PRIu64 " failed at action %lu, after:\n", seed, done);
	for (unsigned long i = done > TRAIL ? done - TRAIL : 0; done && i <= done; i++)
		fprintf(stderr, "  %lu %s\n", i, trail[i % TRAIL]);
	forget_pending();
	log_reader_close(&lasting);
	arena_free(&arena);
	model_end();
	return bed_remove(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_whole_is_read_and_what_is_not_is_named, begin, finish),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
