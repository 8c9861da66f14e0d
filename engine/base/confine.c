/* SPDX-License-Identifier: Apache-2.0 */
/* confine.c - what a process may ask of the kernel. */
#include "base/confine.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SET_VMA 0x53564d41 /* glibc names what it maps */
#define ROWS(table) (sizeof(table) / sizeof(*(table)))

/* ------------------------------------------------------------------ the lists */

/* Names, so that one which this machine or library does not know is passed over. */
static const char *const allowed[] = {
	/* memory */
	"brk", "madvise", "membarrier", "mincore", "mlock", "mmap", "mmap2", "mprotect", "mremap", "msync",
	"munlock", "munmap",
	/* files */
	"access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2",
	"dup3", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat",
	"fchmodat2", "fchown", "fchownat", "fcntl", "fcntl64", "fdatasync", "flock", "fstat", "fstat64",
	"fstatat64", "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd", "getdents", "getdents64",
	"inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "lchown", "link", "linkat",
	"_llseek", "lseek", "lstat", "mkdir", "mkdirat", "newfstatat", "open", "openat", "openat2", "pipe",
	"pipe2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead",
	"readlink", "readlinkat", "readv", "rename", "renameat", "renameat2", "rmdir", "sendfile", "splice",
	"stat", "statfs", "statx", "symlink", "symlinkat", "sync_file_range", "truncate", "umask", "unlink",
	"unlinkat", "utime", "utimensat", "utimes", "write", "writev",
	/* waiting */
	"epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd",
	"eventfd2", "poll", "ppoll", "pselect6", "select", "signalfd4", "timerfd_create", "timerfd_gettime",
	"timerfd_settime",
	/* sockets, but for those that are opened by number below */
	"bind", "connect", "getpeername", "getsockname", "getsockopt", "recvfrom", "recvmmsg", "recvmsg",
	"sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
	/* threads, signals, time */
	"alarm", "arch_prctl", "clock_getres", "clock_gettime", "clock_nanosleep", "exit", "exit_group",
	"futex", "futex_waitv", "get_robust_list", "getcpu", "getitimer", "gettid", "gettimeofday",
	"nanosleep", "pause", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
	"rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "sched_getaffinity", "sched_getparam",
	"sched_getscheduler", "sched_yield", "set_robust_list", "set_tid_address", "setitimer", "sigaltstack",
	"time", "timer_create", "timer_delete", "timer_gettime", "timer_settime", "times",
	/* what it may know of itself and the machine */
	"capget", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid",
	"getpriority", "getrandom", "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "getuid",
	"setrlimit", "sysinfo", "uname"
};

/* Nothing that belongs into such a process asks for these, not even to find out
 * whether they are there: they end it. */
static const char *const deadly[] = {
	"execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev",
	"process_madvise", "pidfd_getfd", "pidfd_send_signal", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "tkill",
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid",
	"setfsgid", "capset", "mount", "umount", "umount2", "mount_setattr", "move_mount", "open_tree",
	"fsopen", "fsmount", "pivot_root", "chroot", "unshare", "setns", "bpf", "init_module", "finit_module",
	"delete_module", "kexec_load", "kexec_file_load", "reboot", "swapon", "swapoff", "acct",
	"settimeofday", "clock_settime", "sethostname", "setdomainname", "iopl", "ioperm"
};

/* It writes the log, too. */
static const char *const serving[] = { "listen", "accept", "accept4", "io_setup", "io_submit", "io_getevents",
	"io_destroy" };

/* The sanitizers look for leaks from a process of their own. */
static const char *const sanitizing[] = {
#ifdef SLUICE_SANITIZE
	"clone",
	"fork",
	"kill",
	"personality",
	"prctl",
	"prlimit64",
	"process_vm_readv",
	"ptrace",
	"tgkill",
	"vfork",
	"wait4",
#endif
	NULL,
};

/* A call of which one argument is looked at. */
struct part {
	const char *name;
	uint32_t action;
	struct scmp_arg_cmp compare;
};

#define IS(at, value) \
	{ \
		at, SCMP_CMP_EQ, (scmp_datum_t)(value), 0 \
	}
#define IS_NOT(at, value) \
	{ \
		at, SCMP_CMP_NE, (scmp_datum_t)(value), 0 \
	}
#define BIT(at, bit, value) \
	{ \
		at, SCMP_CMP_MASKED_EQ, bit, value \
	}

static const struct part parts[] = {
	/* a thread is fine, a process is not; clone3 hides its flags, and libraries do without */
	{ "clone", SCMP_ACT_ALLOW, BIT(0, CLONE_THREAD, CLONE_THREAD) },
	{ "clone", SCMP_ACT_TRAP, BIT(0, CLONE_THREAD, 0) },
	/* names are looked up with NETLINK; the rest is for those who are root */
	{ "socket", SCMP_ACT_ALLOW, IS(0, AF_UNIX) },
	{ "socket", SCMP_ACT_ALLOW, IS(0, AF_INET) },
	{ "socket", SCMP_ACT_ALLOW, IS(0, AF_INET6) },
	{ "socket", SCMP_ACT_ALLOW, IS(0, AF_NETLINK) },
	{ "socketpair", SCMP_ACT_ALLOW, IS(0, AF_UNIX) },
	{ "ioctl", SCMP_ACT_ALLOW, IS(1, FIONBIO) },
	{ "ioctl", SCMP_ACT_ALLOW, IS(1, FIONREAD) },
	{ "ioctl", SCMP_ACT_ALLOW, IS(1, FIOCLEX) },
	{ "ioctl", SCMP_ACT_ALLOW, IS(1, FIONCLEX) },
	{ "ioctl", SCMP_ACT_ALLOW, IS(1, TCGETS) },
	{ "ioctl", SCMP_ACT_ALLOW, IS(1, TIOCGWINSZ) },
	/* whoever may not be looked into stays so */
	{ "prctl", SCMP_ACT_ALLOW, IS(0, PR_SET_NAME) },
	{ "prctl", SCMP_ACT_ALLOW, IS(0, PR_GET_NAME) },
	{ "prctl", SCMP_ACT_ALLOW, IS(0, PR_GET_DUMPABLE) },
	{ "prctl", SCMP_ACT_ALLOW, IS(0, PR_CAPBSET_READ) },
	{ "prctl", SCMP_ACT_ALLOW, IS(0, SET_VMA) },
	{ "prlimit64", SCMP_ACT_ALLOW, IS(0, 0) },
};

/* ------------------------------------------------------------------- a filter */

static bool is_sanitizing(const char *name)
{
	for (const char *const *at = sanitizing; *at; at++)
		if (strcmp(*at, name) == 0)
			return true;
	return false;
}

/* A rule without a condition, unless the sanitizers need the call anyway. */
static bool add(scmp_filter_ctx filter, uint32_t action, const char *name)
{
	int number = seccomp_syscall_resolve_name(name);
	return number < 0 || is_sanitizing(name) || seccomp_rule_add(filter, action, number, 0) == 0;
}

static bool add_part(scmp_filter_ctx filter, const struct part *part)
{
	int number = seccomp_syscall_resolve_name(part->name);
	return number < 0 || is_sanitizing(part->name) ||
		seccomp_rule_add_array(filter, part->action, number, 1, &part->compare) == 0;
}

static bool add_list(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!add(filter, action, names[i]))
			return false;
	return true;
}

static bool add_sanitizing(scmp_filter_ctx filter)
{
	for (const char *const *at = sanitizing; *at; at++)
		if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, seccomp_syscall_resolve_name(*at), 0) < 0)
			return false;
	return true;
}

static bool add_parts(scmp_filter_ctx filter)
{
	for (size_t i = 0; i < ROWS(parts); i++)
		if (!add_part(filter, &parts[i]))
			return false;
	return true;
}

/* Signals go to itself alone. */
static bool add_signals(scmp_filter_ctx filter)
{
	const struct part rules[] = {
		{ "kill", SCMP_ACT_ALLOW, IS(0, getpid()) },
		{ "kill", SCMP_ACT_TRAP, IS_NOT(0, getpid()) },
		{ "tgkill", SCMP_ACT_ALLOW, IS(0, getpid()) },
		{ "tgkill", SCMP_ACT_TRAP, IS_NOT(0, getpid()) },
	};
	for (size_t i = 0; i < ROWS(rules); i++)
		if (!add_part(filter, &rules[i]))
			return false;
	return true;
}

/* Looked up as in a tree and not as in a list; a missing feature is no failure. */
static void tune(scmp_filter_ctx filter)
{
	seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
}

static bool fill(scmp_filter_ctx filter, enum confine_kind kind)
{
	uint32_t serves = kind == CONFINE_INGRESS ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP;
	tune(filter);
	return add_sanitizing(filter) && add_list(filter, SCMP_ACT_ALLOW, allowed, ROWS(allowed)) &&
		add_list(filter, SCMP_ACT_TRAP, deadly, ROWS(deadly)) && add_list(filter, serves, serving, ROWS(serving)) &&
		add_parts(filter) && add_signals(filter);
}

/* ------------------------------------------------------------------ in force */

static struct page *told;

/* The master reads the number off the page, and says its name. */
static void on_forbidden(int signal_number, siginfo_t *info, void *context)
{
	if (told)
		atomic_store(&told->forbidden, (uint32_t)info->si_syscall + 1);
	signal(SIGSYS, SIG_DFL);
	raise(SIGSYS);
}

static void watch_forbidden(struct page *page)
{
	struct sigaction action = { .sa_sigaction = on_forbidden, .sa_flags = SA_SIGINFO };
	told = page;
	sigaction(SIGSYS, &action, NULL);
}

bool confine_possible(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 && errno == EFAULT; /* it looked for the filter */
}

bool confine(enum confine_kind kind, struct page *page)
{
	scmp_filter_ctx filter = kind == CONFINE_NOBODY ? NULL : seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (!filter)
		return false;
	watch_forbidden(page);
	bool fine = fill(filter, kind) && seccomp_load(filter) == 0;
	seccomp_release(filter);
	if (page)
		atomic_store(&page->confined, fine);
	return fine;
}

const char *confine_call_name(int number, char room[CONFINE_CALL])
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
	snprintf(room, CONFINE_CALL, "%s", name ? name : "a call without a name");
	free(name);
	return room;
}
