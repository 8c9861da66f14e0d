/* SPDX-License-Identifier: Apache-2.0 */
/* child_death.c - how a process ended, in words. */
#include <signal.h>
#include <string.h>

#include "base/confine.h"
#include "host/host.h"
#include "main/child.h"

/* It asked the kernel for something that is not for it (base/confine.h).  What begins a
 * program blocks all signals first, and then the page does not learn of the call. */
static void describe_forbidden(const struct child *child, struct buf *out)
{
	char room[CONFINE_CALL];
	uint32_t forbidden = atomic_load(&child->page->forbidden);
	buf_format(out, "was ended by the kernel: it asked for %s, which nothing in such a process may",
		forbidden ? confine_call_name((int)forbidden - 1, room) : "another program");
}

static void describe_end(const struct child *child, struct buf *out)
{
	if (child->timed_out)
		buf_string(out, "was killed, it had stood still for too long");
	else if (child->exit_signal == SIGSYS)
		describe_forbidden(child, out);
	else if (child->exit_signal)
		buf_format(out, "was killed by signal %d (%s)", child->exit_signal, strsignal(child->exit_signal));
	else
		buf_format(out, "ended with exit code %d", child->exit_status);
}

/* What was on the CPU.  The page may hold anything: a wild plugin can write there. */
static void describe_call(const struct child *child, struct buf *out)
{
	const struct page *page = child->page;
	uint32_t step = atomic_load(&page->call_step);
	if (step == STEP_NONE || step >= STEP_COUNT)
		return;
	buf_format(out, " in %s of %.*s", step_name((enum step)step), (int)sizeof(page->call_name), page->call_name);
	if (atomic_load(&page->call_seq))
		buf_format(out, ", event %llu.%u", (unsigned long long)atomic_load(&page->call_seq),
			atomic_load(&page->call_part));
}

void child_death(const struct child *child, struct buf *out)
{
	describe_end(child, out);
	describe_call(child, out);
}
