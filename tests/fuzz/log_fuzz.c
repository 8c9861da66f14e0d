/* SPDX-License-Identifier: Apache-2.0 */
/* log_fuzz.c - any change to a log's files: a start gets over it, readers name what is lost, and it is written on.
 *
 * The input is a list of changes: file, way, offset / 64 (16 bits), length, bytes.
 * Way 1 sets the checksum of a header right again, way 2 that of a record's head,
 * so that what lies behind the checksums is reached too.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <xxhash.h>

#include "fuzz.h"
#include "store/log_inside.h"

#define FILES 3
#define SEGMENT 16384
#define RECORDS 40

static const char *const names[FILES] = { "000000000001.seg", "000000000002.seg", "page" };
static struct image {
	char *at;
	size_t size;
	uint64_t salt;
} images[FILES];
static char dir[80];
static const struct log_options options = { .size = 1 << 20, .keep = 1000000, .segment = SEGMENT };

/* Nobody is woken here, and the kernel takes 10 ms to let go of what watches a folder. */
int inotify_init1(int flags)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int inotify_add_watch(int fd, const char *path, uint32_t mask)
{
	return 1;
}

/* Salts and the log's id: the same input is the same life. */
static uint64_t drawn;

ssize_t getrandom(void *at, size_t len, unsigned flags)
{
	for (size_t i = 0; i < len; i++) {
		drawn = drawn * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		((unsigned char *)at)[i] = (unsigned char)(drawn >> 56);
	}
	return (ssize_t)len;
}

/* ------------------------------------------------------------------ the files */

static struct log *open_log(void)
{
	struct why why = { "" };
	struct log *log = log_open(dir, &options, 0, &why);
	must_why(log != NULL, "a log can be opened", &why);
	return log;
}

static void add(struct log *log, int count)
{
	static char body[400];
	struct why why = { "" };
	if (log->next_seq + (uint64_t)count > LOG_SEQ_MOST)
		return; /* a forged header said so: there are no more */
	memset(body, 'b', sizeof(body));
	for (int i = 0; i < count; i++) {
		struct log_record record = { .received = 1000 + i, .source = sl_text_of("boards") };
		record.method = sl_text_of("POST");
		record.body = (struct sl_text){ body, (size_t)((i + 1) * 577 % 400) };
		must(log_room(log, record.body.len) == LOG_ROOM, "there is room");
		log_append(log, &record);
	}
	struct log_batch *batch = log_take(log);
	must_why(log_write(log, batch, &why), "it can be written", &why);
	log_done(log, &batch);
}

static void path_of(char path[128], const char *name)
{
	snprintf(path, 128, "%s/%s", dir, name);
}

static void read_image(int i)
{
	char path[128];
	path_of(path, names[i]);
	int fd = open(path, O_RDONLY);
	struct stat file;
	must(fd >= 0 && fstat(fd, &file) == 0, "the file is there");
	images[i].size = (size_t)file.st_size;
	images[i].at = malloc(images[i].size);
	must(read(fd, images[i].at, images[i].size) == file.st_size, "it can be read");
	images[i].salt = ((struct segment_head *)images[i].at)->salt;
	close(fd);
}

/* An unclean end, so that the next start has to read. */
static void make_images(void)
{
	struct log *log = open_log();
	for (int i = 0; i < RECORDS / 10; i++)
		add(log, 10);
	must(log->writing.ordinal == FILES - 1, "they fill one segment and begin another");
	for (int i = 0; i < FILES; i++)
		read_image(i);
	log_close(&log);
}

static void clear(void)
{
	char path[512];
	struct dirent *entry;
	snprintf(path, sizeof(path), "%s/damaged", dir);
	DIR *damaged = opendir(path);
	while (damaged && (entry = readdir(damaged)))
		unlinkat(dirfd(damaged), entry->d_name, 0);
	if (damaged)
		closedir(damaged);
	for (uint64_t ordinal = 1; ordinal < 12; ordinal++) {
		path_of(path, segment_name(ordinal).text);
		unlink(path);
	}
	path_of(path, "spare");
	unlink(path);
}

/* ---------------------------------------------------------------- the changes */

static void seal_header(char *at)
{
	struct segment_head *head = (struct segment_head *)at;
	head->check = XXH3_64bits((const char *)head + sizeof(head->check), sizeof(*head) - sizeof(head->check));
}

static void seal_record(const struct image *image, char *files, size_t offset)
{
	struct record_head *head = (struct record_head *)(files + offset);
	head->check = XXH3_64bits_withSeed((const char *)head + sizeof(head->check), sizeof(*head) - sizeof(head->check),
		image->salt + offset);
}

static void change(char *copies[FILES], size_t sizes[FILES], struct feed *feed)
{
	size_t kind = feed_number(feed, 1) % (2 * FILES), file = kind % FILES, way = feed_number(feed, 1) % 3;
	size_t offset = feed_number(feed, 2) * (way == 2 ? LOG_ALIGN : 8) % images[file].size;
	struct sl_text bytes = feed_take(feed, feed_number(feed, 1));
	if (kind >= FILES) {
		sizes[file] = offset;
		return;
	}
	if (bytes.len > images[file].size - offset)
		bytes.len = images[file].size - offset;
	memcpy(copies[file] + offset, bytes.at, bytes.len);
	if (file == 2)
		return;
	if (way == 1 && offset < LOG_BEGIN)
		seal_header(copies[file] + offset / LOG_PAGE * LOG_PAGE);
	if (way == 2 && offset >= LOG_BEGIN)
		seal_record(&images[file], copies[file], offset);
}

static void lay_out(struct feed *feed)
{
	static char *copies[FILES];
	size_t sizes[FILES];
	char path[128];
	for (int i = 0; i < FILES; i++) {
		copies[i] = copies[i] ? copies[i] : malloc(images[i].size);
		memcpy(copies[i], images[i].at, images[i].size);
		sizes[i] = images[i].size;
	}
	for (int count = 0; feed->left && count < 20; count++)
		change(copies, sizes, feed);
	for (int i = 0; i < FILES; i++) {
		path_of(path, names[i]);
		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		must(fd >= 0 && write(fd, copies[i], sizes[i]) == (ssize_t)sizes[i], "a file is laid out");
		close(fd);
	}
}

/* ------------------------------------------------------------------ what then */

static void read_on(void)
{
	struct why why = { "" };
	struct log_reader *reader = log_reader_open(dir, &why);
	must_why(reader != NULL, "a reader can be opened", &why);
	struct arena *arena = arena_new();
	struct log_slice slice;
	uint64_t from = 1;
	enum log_read got;
	while ((got = log_read(reader, arena, from, 50, 100000, &slice, &why)) == LOG_READ) {
		for (size_t i = 0; i < slice.count; i++)
			must(slice.records[i].seq == from + i, "records come in order");
		must(slice.next > from, "a slice goes on");
		from = slice.next;
		arena_reset(arena);
	}
	must_why(got == LOG_AT_END, "nothing of it cannot be read", &why);
	must(from == log_reader_end(reader) + 1, "every seq was told of");
	log_reader_close(&reader);
	arena_free(&arena);
}

static void ignore(const struct log_fault *fault, void *data)
{
	must(fault->what && *fault->what, "a fault says what it is");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed feed = feed_of(data, size);
	struct log_stat stat;
	drawn = 7;
	struct why why = { "" };
	lay_out(&feed);
	must_why(log_fsck(dir, ignore, NULL, &stat, &why), "a stopped log can be looked at", &why);
	struct log *log = open_log();
	read_on();
	add(log, 3);
	read_on();
	log_close(&log);
	clear();
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_begin();
	snprintf(dir, sizeof(dir), "%s/log", fuzz_folder);
	make_images();
	clear();
	return 0;
}
