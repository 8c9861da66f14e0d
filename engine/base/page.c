/* SPDX-License-Identifier: Apache-2.0 */
/* page.c - the page of memory a child shares with its master. */
#include "base/page.h"

#include <sys/mman.h>
#include <unistd.h>

const char *const counter_names[COUNTER_COUNT] = {
#define COUNTER_NAME(name, help) #name,
	COUNTERS(COUNTER_NAME)
#undef COUNTER_NAME
};
const char *const counter_helps[COUNTER_COUNT] = {
#define COUNTER_HELP(name, help) help,
	COUNTERS(COUNTER_HELP)
#undef COUNTER_HELP
};

struct page *page_new(int *fd, struct why *why)
{
	*fd = memfd_create("sluice", MFD_CLOEXEC);
	if (*fd < 0 || ftruncate(*fd, sizeof(struct page)) < 0) {
		why_errno(why, "cannot make the page shared with a child");
		return NULL;
	}
	return page_map(*fd, why);
}

struct page *page_map(int fd, struct why *why)
{
	void *at = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at != MAP_FAILED)
		return at;
	why_errno(why, "cannot map the page shared with a child");
	return NULL;
}

void page_free(struct page **page)
{
	if (*page)
		munmap(*page, sizeof(struct page));
	*page = NULL;
}
