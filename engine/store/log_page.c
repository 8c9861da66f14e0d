/* SPDX-License-Identifier: Apache-2.0 */
/* log_page.c - DATA/log/page: the durable end, mapped by the writer and by every reader. */
#include "store/log_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define MARK_SEED 0x6d61726bu
#define CLEAN_SEED 0x636c6561u

static uint64_t mark_check(uint64_t end)
{
	return XXH3_64bits_withSeed(&end, sizeof(end), MARK_SEED);
}

static uint64_t clean_check(const struct log_clean *clean)
{
	return XXH3_64bits_withSeed(clean, offsetof(struct log_clean, check), CLEAN_SEED);
}

/* 0: the kernel does not say. */
static uint64_t boot_now(void)
{
	char name[64];
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : read(fd, name, sizeof(name));
	if (fd >= 0)
		close(fd);
	return len > 0 ? XXH3_64bits(name, (size_t)len) : 0;
}

bool page_file_live(const struct log_page *page)
{
	return atomic_load(&page->boot) == boot_now();
}

void page_file_go_live(struct log_page *page)
{
	atomic_store(&page->boot, boot_now());
}

static bool mark_good(const struct log_mark *mark)
{
	return mark->end <= LOG_SEQ_MOST && mark->check == mark_check(mark->end);
}

uint64_t page_file_mark(const struct log_page *page)
{
	uint64_t end = 0;
	for (int i = 0; i < 2; i++)
		if (page->marks[i].end > end && mark_good(&page->marks[i]))
			end = page->marks[i].end;
	return end;
}

/* `end` runs after the marks, so a greater one is not the writer's.  Looked at
 * again because a reader may find both marks being written. */
static bool end_good(const struct log_page *page)
{
	for (int tries = 0; tries < 5; tries++)
		if (atomic_load(&page->end) <= page_file_mark(page))
			return true;
	return false;
}

static bool page_good(const struct log_page *page, const char *id)
{
	if (memcmp(page->magic, PAGE_MAGIC, sizeof(page->magic)) != 0 || !memchr(page->id, 0, LOG_ID_SIZE))
		return false;
	return (!id || strcmp(page->id, id) == 0) && end_good(page);
}

struct log_page *page_file_map(int fd, bool writable)
{
	struct stat file;
	if (fstat(fd, &file) < 0 || file.st_size != LOG_PAGE)
		return NULL;
	void *at = mmap(NULL, LOG_PAGE, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	struct log_page *page = at == MAP_FAILED ? NULL : at;
	if (page && !page_good(page, NULL))
		page_file_unmap(&page);
	return page;
}

void page_file_unmap(struct log_page **page)
{
	if (*page)
		munmap(*page, LOG_PAGE);
	*page = NULL;
}

static bool page_write(int fd, const char *id)
{
	char bytes[LOG_PAGE] = { 0 };
	struct log_page *page = (struct log_page *)bytes;
	memcpy(page->magic, PAGE_MAGIC, sizeof(page->magic));
	memcpy(page->id, id, strlen(id) + 1);
	return pwrite(fd, bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes) && fsync(fd) == 0;
}

static int page_make(int dir, const char *id, struct why *why)
{
	int fd = openat(dir, "page.tmp", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0 && page_write(fd, id) && renameat(dir, "page.tmp", dir, "page") == 0 && fsync(dir) == 0)
		return fd;
	why_errno(why, "cannot make the log's page file");
	if (fd >= 0)
		close(fd);
	return -1;
}

int page_file_open(int dir, const char *id, bool *made, struct why *why)
{
	int fd = openat(dir, "page", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	struct log_page *page = fd < 0 ? NULL : page_file_map(fd, false);
	bool good = page && page_good(page, id);
	page_file_unmap(&page);
	*made = !good;
	if (good)
		return fd;
	if (fd >= 0)
		close(fd);
	return page_make(dir, id, why);
}

void page_file_publish(struct log_page *page, int fd, uint64_t end)
{
	struct log_mark *mark = &page->marks[page->turn++ & 1];
	mark->end = end;
	mark->check = mark_check(end);
	atomic_store(&page->end, end);
	if (atomic_exchange(&page->sleeping, 0)) /* both times changed are IN_ATTRIB to whoever watches */
		futimens(fd, NULL);
}

bool page_file_was_clean(const struct log_page *page)
{
	const struct log_clean *clean = &page->clean;
	return clean->check && clean->check == clean_check(clean) && clean->end == page_file_mark(page);
}

bool page_file_set_clean(struct log_page *page, struct log_clean clean)
{
	clean.check = clean.end || clean.ordinal ? clean_check(&clean) : 0;
	page->clean = clean;
	return msync(page, LOG_PAGE, MS_SYNC) == 0;
}
