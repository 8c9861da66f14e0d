/* SPDX-License-Identifier: Apache-2.0 */
/* ingest_test.c - the ingress as a process, its master and its clients played by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/line.h"
#include "base/page.h"
#include "flow/ingest.h"
#include "flow/refused.h"
#include "sdk/json.h"
#include "sdk/text.h"
#include "spent.h"
#include "store/log.h"

#define PATIENCE 10000 /* ms for anything to happen */
#define SOURCES \
	"{\"name\":\"open\",\"webhook\":{\"auth\":\"none\",\"id\":\"body:/id\"},\"secrets\":[],\"insecure\":false}," \
	"{\"name\":\"boards\",\"webhook\":{\"auth\":\"hmac-sha1\",\"proof\":\"header:X-Trello-Webhook\"," \
	"\"encoding\":\"base64\",\"covers\":\"{body}{callback}\",\"head\":true}," \
	"\"secrets\":[\"old\",\"secret\"],\"callback\":\"https://example.com/webhooks\",\"insecure\":false}," \
	"{\"name\":\"token\",\"webhook\":{\"auth\":\"bearer\",\"challenge\":\"challenge\",\"status\":202}," \
	"\"secrets\":[\"s3cret\"],\"insecure\":false}"
#define SIGNED "X-Trello-Webhook: FwPAcuGe9EP/+SbXFWjnEVTa0zw=\r\n"

struct daemon {
	char folder[64];
	int listener, channel, port;
	struct page *page;
	pid_t pid;
	struct buf heard; /* text of the last message */
};

/* ---------------------------------------------------------------- its master */

static void send_message(struct daemon *daemon, const char *text)
{
	uint32_t len = (uint32_t)strlen(text);
	assert_int_equal(write(daemon->channel, &len, 4), 4);
	assert_int_equal(write(daemon->channel, text, len), len);
}

static bool readable(int fd, int wait)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };
	return poll(&look, 1, wait) > 0;
}

static bool receive(int fd, void *at, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = readable(fd, PATIENCE) ? read(fd, (char *)at + done, len - done) : 0;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool next_message(struct daemon *daemon)
{
	uint32_t len;
	if (!receive(daemon->channel, &len, 4))
		return false;
	buf_clear(&daemon->heard);
	buf_reserve(&daemon->heard, len);
	daemon->heard.len = len;
	return receive(daemon->channel, daemon->heard.at, len);
}

/* Waits for a message that holds these words. */
static void expect_message(struct daemon *daemon, const char *words)
{
	do {
		if (!next_message(daemon))
			fail_msg("no message with %s", words);
		daemon->heard.at[daemon->heard.len] = '\0';
	} while (!strstr(daemon->heard.at, words));
}

static int listening(int *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

/* As the master leaves descriptors for it. */
static _Noreturn void become(int channel, int page, int listener)
{
	const int from[] = { channel, page, listener };
	int kept[3];
	for (int i = 0; i < 3; i++)
		kept[i] = fcntl(from[i], F_DUPFD, 20);
	for (int i = 0; i < 3; i++)
		dup2(kept[i], 3 + i);
	for (int fd = 6; fd < 40; fd++)
		close(fd);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	exit(ingest_main(0, NULL));
}

static void start_part(struct daemon *daemon, const char *what, const char *log, const char *sources)
{
	char text[4000];
	snprintf(text, sizeof(text),
		"{\"do\":\"%s\",\"master\":%d,\"data\":\"%s\",\"log_level\":\"error\",\"log\":{%s},\"proxies\":[\"127.0.0.1\"],"
		"\"limits\":{\"body\":100000},\"listen\":[{\"fd\":5,\"name\":\"here\"}],\"sources\":[%s]}",
		what, getpid(), daemon->folder, log, sources);
	send_message(daemon, text);
}

static void spawn(struct daemon *daemon)
{
	int pair[2], page;
	struct why why = { "" };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	daemon->page = page_new(&page, &why);
	assert_non_null(daemon->page);
	daemon->pid = fork();
	if (!daemon->pid)
		become(pair[1], page, daemon->listener);
	close(pair[1]);
	close(page);
	daemon->channel = pair[0];
}

static const char roomy[] = "\"size\":1000000000,\"keep\":1000,\"reserve\":0";

static void begin_with(struct daemon *daemon, const char *log)
{
	spawn(daemon);
	start_part(daemon, "start", log, SOURCES);
	expect_message(daemon, "\"ready\"");
}

static int wait_exit(struct daemon *daemon)
{
	int status;
	assert_int_equal(waitpid(daemon->pid, &status, 0), daemon->pid);
	daemon->pid = 0;
	close(daemon->channel);
	page_free(&daemon->page);
	return status;
}

static int stop(struct daemon *daemon)
{
	send_message(daemon, "{\"do\":\"stop\"}");
	return wait_exit(daemon);
}

static int fresh(void **state)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	line_setup("test", NULL, SL_ERROR);
	strcpy(daemon->folder, "/tmp/ingest_test.XXXXXX");
	assert_non_null(mkdtemp(daemon->folder));
	daemon->listener = listening(&daemon->port);
	*state = daemon;
	return 0;
}

static int gone(void **state)
{
	struct daemon *daemon = *state;
	char command[128];
	if (daemon->pid) {
		kill(daemon->pid, SIGKILL);
		wait_exit(daemon);
	}
	snprintf(command, sizeof(command), "rm -rf %s", daemon->folder);
	assert_int_equal(system(command), 0);
	close(daemon->listener);
	buf_free(&daemon->heard);
	free(daemon);
	return 0;
}

/* --------------------------------------------------------------- its clients */

static int dial(const struct daemon *daemon)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)daemon->port) };
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* Reads until the far side closes or `until` was seen; the text is the caller's. */
static char *hear(int fd, const char *until)
{
	struct buf in = { 0 };
	char piece[4096];
	buf_string(&in, "");
	while (readable(fd, PATIENCE)) {
		ssize_t n = read(fd, piece, sizeof(piece));
		if (n <= 0)
			break;
		buf_add(&in, piece, (size_t)n);
		if (until && strstr(in.at, until))
			break;
	}
	return in.at;
}

/* One request on a connection of its own; the whole answer. */
static char *ask(const struct daemon *daemon, const char *method, const char *target, const char *headers,
	const char *body)
{
	struct buf out = { 0 };
	int fd = dial(daemon);
	buf_format(&out, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", method, target, headers);
	if (body)
		buf_format(&out, "Content-Length: %zu\r\n", strlen(body));
	buf_format(&out, "\r\n%s", body ? body : "");
	assert_int_equal(write(fd, out.at, out.len), out.len);
	char *answer = hear(fd, NULL);
	buf_free(&out);
	close(fd);
	return answer;
}

static void expect(const struct daemon *daemon, const char *method, const char *target, const char *headers,
	const char *body, const char *status, const char *words)
{
	char *answer = ask(daemon, method, target, headers, body);
	if (strncmp(answer + 9, status, 3) != 0 || !strstr(answer, words))
		fail_msg("%s %s: not %s with \"%s\" but \"%s\"", method, target, status, words, answer);
	free(answer);
}

/* ------------------------------------------------------------- what it kept */

#define STORED_MOST 1000

struct stored {
	struct arena *arena;
	struct log_reader *reader;
	struct log_record records[STORED_MOST];
	size_t count;
};

static struct stored stored(const struct daemon *daemon)
{
	struct why why = { "" };
	char path[128];
	struct log_slice slice = { .next = 1 };
	struct stored it = { .arena = arena_new() };
	snprintf(path, sizeof(path), "%s/log", daemon->folder);
	it.reader = log_reader_open(path, &why);
	assert_non_null(it.reader);
	while (log_read(it.reader, it.arena, slice.next, 100, 10000000, &slice, &why) == LOG_READ)
		for (size_t i = 0; i < slice.count && it.count < STORED_MOST; i++)
			it.records[it.count++] = slice.records[i];
	return it;
}

static void stored_free(struct stored *it)
{
	log_reader_close(&it->reader);
	arena_free(&it->arena);
}

static size_t stored_count(const struct daemon *daemon)
{
	struct stored it = stored(daemon);
	size_t count = it.count;
	stored_free(&it);
	return count;
}

static void count_one(const struct refused_entry *entry, void *data)
{
	++*(int *)data;
}

static int refused_count(const struct daemon *daemon)
{
	int count = 0;
	char path[128];
	snprintf(path, sizeof(path), "%s/refused", daemon->folder);
	assert_true(refused_each(path, count_one, &count, NULL));
	return count;
}

/* -------------------------------------------------------------------- tests */

static void what_is_genuine_is_stored_and_what_is_not_is_refused(void **state)
{
	struct daemon *daemon = *state;
	static const char hello[] = "{\"hello\":\"world\"}";
	begin_with(daemon, roomy);
	expect(daemon, "POST", "/in/open?a=1", "Cookie: c\r\n", "one", "200", "{\"ok\":true}");
	expect(daemon, "POST", "/in/boards", SIGNED, hello, "200", "ok");
	expect(daemon, "PUT", "/in/token", "Authorization: Bearer s3cret\r\n", "", "202", "ok");
	expect(daemon, "HEAD", "/in/boards", "", NULL, "200", "");
	expect(daemon, "POST", "/in/token", "", "{\"challenge\":\"abc\"}", "200", "{\"challenge\":\"abc\"}");
	expect(daemon, "POST", "/in/boards", "", hello, "401", "missing");
	expect(daemon, "POST", "/in/boards", SIGNED SIGNED, hello, "401", "more than once");
	expect(daemon, "POST", "/in/boards", SIGNED, "{\"hello\":\"World\"}", "401", "does not match");
	expect(daemon, "GET", "/in/boards", "", NULL, "405", "Allow: HEAD, POST, PUT");
	expect(daemon, "HEAD", "/in/open", "", NULL, "405", "Allow: POST, PUT");
	expect(daemon, "POST", "/in/nobody", "", "", "404", "no such source");
	expect(daemon, "POST", "/in/open/", "", "", "404", "no such source");
	expect(daemon, "POST", "/in/", "", "", "404", "no such source");
	expect(daemon, "GET", "/", "", NULL, "404", "no such source");
	expect(daemon, "POST", "/in/open", "Content-Length: 100001\r\n", NULL, "413", "error");
	assert_int_equal(page_get(daemon->page, COUNTER_accepted), 3);
	assert_int_equal(page_get(daemon->page, COUNTER_handshakes), 2);
	assert_int_equal(page_get(daemon->page, COUNTER_refused), 9 + 1);
	assert_int_equal(page_get(daemon->page, COUNTER_requests), 15);
	assert_int_equal(page_get(daemon->page, COUNTER_log_end), 3);
	assert_int_equal(page_get(daemon->page, COUNTER_bytes_in), 3 + sizeof(hello) - 1);
	assert_int_equal(refused_count(daemon), 10);
	assert_int_equal(stop(daemon), 0);
	struct stored it = stored(daemon);
	assert_int_equal(it.count, 3);
	assert_true(sl_text_is(it.records[0].query, "a=1"));
	assert_null(strstr(it.records[0].headers.at, "cookie"));
	assert_int_equal(it.records[0].flags, LOG_INSECURE);
	assert_int_equal(it.records[1].flags, LOG_SECOND);
	assert_true(sl_text_is(it.records[1].body, hello));
	assert_true(sl_text_is(it.records[1].source, "boards"));
	assert_true(sl_text_is(it.records[2].method, "PUT"));
	assert_null(strstr(it.records[2].headers.at, "s3cret"));
	stored_free(&it);
}

static void only_sixty_challenges_a_minute_are_answered(void **state)
{
	struct daemon *daemon = *state;
	begin_with(daemon, roomy);
	for (int i = 0; i < 60; i++)
		expect(daemon, "POST", "/in/token", "", "{\"challenge\":\"abc\"}", "200", "abc");
	expect(daemon, "POST", "/in/token", "", "{\"challenge\":\"abc\"}", "429", "Retry-After");
	expect(daemon, "POST", "/in/token", "Authorization: Bearer s3cret\r\n", "{}", "202", "ok");
	assert_int_equal(stop(daemon), 0);
	assert_int_equal(stored_count(daemon), 1);
}

static void a_reload_changes_the_table_and_keeps_connections(void **state)
{
	struct daemon *daemon = *state;
	begin_with(daemon, roomy);
	int fd = dial(daemon);
	dprintf(fd, "POST /in/open HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
	char *answer = hear(fd, "true}\n");
	assert_non_null(strstr(answer, "HTTP/1.1 200"));
	free(answer);
	start_part(daemon, "part", roomy, "{\"name\":\"bad\",\"webhook\":{\"auth\":\"bearer\"}}");
	expect_message(daemon, "needs a secret");
	expect(daemon, "POST", "/in/open", "", "{}", "200", "ok");
	start_part(daemon, "part", roomy, "{\"name\":\"new\",\"webhook\":{\"auth\":\"none\"}}");
	send_message(daemon, "{\"do\":\"ask\",\"id\":7,\"what\":\"stat\"}");
	expect_message(daemon, "\"say\":\"answer\",\"id\":7,\"begin\":1,\"end\":2");
	dprintf(fd, "POST /in/new HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
	answer = hear(fd, "true}\n");
	assert_non_null(strstr(answer, "HTTP/1.1 200"));
	free(answer);
	close(fd);
	expect(daemon, "POST", "/in/open", "", "{}", "404", "no such source");
	expect_message(daemon, "\"name\":\"new\",\"accepted\":1");
	send_message(daemon, "{\"do\":\"ask\",\"id\":8,\"what\":\"more\"}");
	expect_message(daemon, "\"id\":8,\"error\"");
	assert_int_equal(stop(daemon), 0);
}

static void a_new_part_waits_until_the_log_is_open(void **state)
{
	struct daemon *daemon = *state;
	spawn(daemon);
	start_part(daemon, "start", roomy, SOURCES);
	start_part(daemon, "part", roomy, "{\"name\":\"new\",\"webhook\":{\"auth\":\"none\"}}");
	expect_message(daemon, "\"ready\"");
	expect(daemon, "POST", "/in/new", "", "{}", "200", "ok");
	expect(daemon, "POST", "/in/open", "", "{}", "404", "no such source");
	assert_int_equal(stop(daemon), 0);
}

static void a_stop_answers_what_has_begun(void **state)
{
	struct daemon *daemon = *state;
	begin_with(daemon, roomy);
	int fd = dial(daemon);
	char begun[64] = "";
	dprintf(fd, "POST /in/open HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
	assert_true(recv(fd, begun, sizeof(begun) - 1, 0) > 0);
	assert_non_null(strstr(begun, "100 Continue"));
	dprintf(fd, "01234");
	send_message(daemon, "{\"do\":\"stop\"}");
	usleep(100000);
	dprintf(fd, "56789");
	char *answer = hear(fd, NULL);
	assert_non_null(strstr(answer, "HTTP/1.1 200"));
	free(answer);
	close(fd);
	assert_int_equal(wait_exit(daemon), 0);
	assert_int_equal(stored_count(daemon), 1);
}

static void it_ends_when_its_master_is_gone(void **state)
{
	struct daemon *daemon = *state;
	begin_with(daemon, roomy);
	int64_t from = ours();
	shutdown(daemon->channel, SHUT_RDWR);
	assert_int_equal(wait_exit(daemon), 0);
	assert_true(ours() - from < 2000);
}

static void a_successor_waits_for_the_log(void **state)
{
	struct daemon *daemon = *state, other = *daemon;
	begin_with(daemon, roomy);
	expect(daemon, "POST", "/in/open", "", "one", "200", "ok");
	other.heard = (struct buf){ 0 };
	spawn(&other);
	start_part(&other, "start", roomy, SOURCES);
	assert_false(readable(other.channel, 500));
	kill(daemon->pid, SIGKILL);
	wait_exit(daemon);
	expect_message(&other, "\"ready\"");
	expect(&other, "POST", "/in/open", "", "two", "200", "ok");
	assert_int_equal(stop(&other), 0);
	buf_free(&other.heard);
	assert_int_equal(stored_count(daemon), 2);
}

/* The status of a post to the open source. */
static const char *answered(const struct daemon *daemon, const char *body)
{
	static char status[4];
	char *answer = ask(daemon, "POST", "/in/open", "", body);
	snprintf(status, sizeof(status), "%.3s", answer + 9);
	free(answer);
	return status;
}

static void a_full_log_is_503_until_there_is_room(void **state)
{
	struct daemon *daemon = *state;
	char *body = malloc(50001);
	memset(body, 'x', 50000);
	body[50000] = '\0';
	begin_with(daemon, "\"size\":3000000,\"keep\":1,\"reserve\":0,\"segment\":1048576");
	int taken = 0;
	while (strcmp(answered(daemon, body), "200") == 0)
		taken++;
	assert_in_range(taken, 20, 60);
	for (int i = 0; i < 20; i++)
		expect(daemon, "POST", "/in/open", "", body, "503", "Retry-After: 30\r\n");
	expect_message(daemon, "\"state\":\"refusing\",\"error\":\"the log is full");
	assert_int_equal(page_get(daemon->page, COUNTER_log_end), taken);
	atomic_store(&daemon->page->floor, (uint64_t)taken + 1);
	expect_message(daemon, "\"state\":\"running\",\"sources\"");
	expect(daemon, "POST", "/in/open", "", body, "200", "ok");
	start_part(daemon, "part", "\"size\":1000,\"keep\":1,\"reserve\":0,\"segment\":1048576", SOURCES);
	while (strcmp(answered(daemon, body), "503") != 0)
		assert_true(++taken < 200);
	start_part(daemon, "part", roomy, SOURCES);
	expect_message(daemon, "\"state\":\"running\",\"sources\"");
	expect(daemon, "POST", "/in/open", "", body, "200", "ok");
	assert_int_equal(stop(daemon), 0);
	free(body);
}

/* A limit on file sizes stands for a disk that fails in the middle of a write. */
static void after_a_failed_write_nothing_is_acknowledged(void **state)
{
	struct daemon *daemon = *state;
	begin_with(daemon, roomy);
	expect(daemon, "POST", "/in/open", "", "one", "200", "ok");
	struct rlimit limit = { 4096, RLIM_INFINITY };
	assert_int_equal(prlimit(daemon->pid, RLIMIT_FSIZE, &limit, NULL), 0);
	char *body = calloc(1, 50001);
	memset(body, 'x', 50000);
	char *answer = ask(daemon, "POST", "/in/open", "", body);
	assert_string_equal(answer, "");
	expect_message(daemon, "\"say\":\"fatal\"");
	assert_non_null(strstr(daemon->heard.at, "\"final\":false"));
	assert_int_equal(WEXITSTATUS(wait_exit(daemon)), 1);
	free(answer);
	free(body);
	begin_with(daemon, roomy);
	expect(daemon, "POST", "/in/open", "", "two", "200", "ok");
	assert_int_equal(stop(daemon), 0);
	struct stored it = stored(daemon);
	assert_true(it.count >= 2);
	assert_true(sl_text_is(it.records[0].body, "one"));
	assert_true(sl_text_is(it.records[it.count - 1].body, "two"));
	stored_free(&it);
}

static void a_log_that_was_taken_away_ends_it(void **state)
{
	struct daemon *daemon = *state;
	char command[128];
	begin_with(daemon, roomy);
	expect(daemon, "POST", "/in/open", "", "one", "200", "ok");
	/* A segment may just be made in it. */
	snprintf(command, sizeof(command), "until rm -rf %s/log; do :; done 2>&1", daemon->folder);
	assert_int_equal(system(command), 0);
	expect_message(daemon, "\"say\":\"fatal\"");
	assert_int_equal(WEXITSTATUS(wait_exit(daemon)), 1);
}

static void a_source_without_its_secret_does_not_start(void **state)
{
	struct daemon *daemon = *state;
	spawn(daemon);
	start_part(daemon, "start", roomy, "{\"name\":\"a\",\"webhook\":{\"auth\":\"bearer\"},\"secrets\":[]}");
	expect_message(daemon, "source a: webhook: auth bearer needs a secret");
	assert_non_null(strstr(daemon->heard.at, "\"final\":true"));
	assert_int_equal(WEXITSTATUS(wait_exit(daemon)), 1);
	spawn(daemon);
	start_part(daemon, "start", roomy,
		"{\"name\":\"a\",\"webhook\":{\"auth\":\"bearer\"},\"secrets\":[],\"insecure\":true}");
	expect_message(daemon, "\"ready\"");
	expect(daemon, "POST", "/in/a", "", "{}", "200", "ok");
	assert_int_equal(stop(daemon), 0);
}

/* Acknowledged is stored: killed at once after the answer, again and again. */
static void nothing_acknowledged_is_lost_by_a_kill(void **state)
{
	struct daemon *daemon = *state;
	static const char post[] = "POST /in/open HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n";
	size_t acknowledged = 0;
	for (int round = 0; round < 5; round++) {
		begin_with(daemon, roomy);
		int fd = dial(daemon);
		for (int i = 0; i < 20; i++) {
			dprintf(fd, "%s%06zu", post, acknowledged);
			char *answer = hear(fd, "true}\n");
			acknowledged += strstr(answer, "200 OK") != NULL;
			free(answer);
		}
		kill(daemon->pid, SIGKILL);
		wait_exit(daemon);
		close(fd);
	}
	assert_int_equal(acknowledged, 100);
	struct stored it = stored(daemon);
	assert_int_equal(it.count, acknowledged);
	for (size_t i = 0; i < it.count; i++)
		assert_int_equal(strtoul(it.records[i].body.at, NULL, 10), i);
	stored_free(&it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_genuine_is_stored_and_what_is_not_is_refused, fresh, gone),
		cmocka_unit_test_setup_teardown(only_sixty_challenges_a_minute_are_answered, fresh, gone),
		cmocka_unit_test_setup_teardown(a_reload_changes_the_table_and_keeps_connections, fresh, gone),
		cmocka_unit_test_setup_teardown(a_new_part_waits_until_the_log_is_open, fresh, gone),
		cmocka_unit_test_setup_teardown(a_stop_answers_what_has_begun, fresh, gone),
		cmocka_unit_test_setup_teardown(it_ends_when_its_master_is_gone, fresh, gone),
		cmocka_unit_test_setup_teardown(a_successor_waits_for_the_log, fresh, gone),
		cmocka_unit_test_setup_teardown(a_full_log_is_503_until_there_is_room, fresh, gone),
		cmocka_unit_test_setup_teardown(after_a_failed_write_nothing_is_acknowledged, fresh, gone),
		cmocka_unit_test_setup_teardown(a_log_that_was_taken_away_ends_it, fresh, gone),
		cmocka_unit_test_setup_teardown(a_source_without_its_secret_does_not_start, fresh, gone),
		cmocka_unit_test_setup_teardown(nothing_acknowledged_is_lost_by_a_kill, fresh, gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
