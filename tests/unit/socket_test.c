/* SPDX-License-Identifier: Apache-2.0 */
/* socket_test.c - addresses as people write them, sockets that dead daemons left, and systemd's. */
#include "io/socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/notify.h"

static void addresses_are_read(void **state)
{
	static const char *const good[] = { "127.0.0.1:8080", "[::1]:80", "*:1", ":65535", "localhost:0", "unix:a" };
	static const char *const bad[] = { "", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "::1:80",
		"[::1]", "[::1:80", "a:-1", "a:1x", "unix:", "8080" };
	struct why why;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(socket_address_valid(good[i], &why));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (socket_address_valid(bad[i], &why))
			fail_msg("\"%s\" was taken for an address", bad[i]);
	char deep[300] = "unix:/";
	memset(deep + 6, 'a', 200);
	assert_false(socket_address_valid(deep, &why));
}

static void bound_address(int fd, char *out, size_t size)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);
	getsockname(fd, (struct sockaddr *)&at, &len);
	const unsigned char *port = (const unsigned char *)&at + 2;
	snprintf(out, size, "127.0.0.1:%d", port[0] << 8 | port[1]);
}

static void an_address_in_use_is_said_so(void **state)
{
	struct why why = { "" };
	char address[64], expected[160];
	int first, second = 7;
	assert_true(socket_listen("127.0.0.1:0", 0, &first, &why));
	assert_true(fcntl(first, F_GETFD) & FD_CLOEXEC);
	bound_address(first, address, sizeof(address));
	assert_false(socket_listen(address, 0, &second, &why));
	assert_int_equal(second, -1);
	snprintf(expected, sizeof(expected),
		"%s: the address is in use by another process; stop it, or choose another address", address);
	assert_string_equal(why.text, expected);
	int fd = socket_connect(address, 1000, &why);
	assert_true(fd >= 0);
	close(fd);
	close(first);
	assert_false(socket_listen("192.0.2.1:80", 0, &second, &why));
	assert_non_null(strstr(why.text, "no such address"));
	assert_false(socket_listen("nowhere.invalid:80", 0, &second, &why));
	assert_non_null(strstr(why.text, "cannot be found"));
}

static void a_dead_daemons_socket_is_replaced_and_a_live_one_is_not(void **state)
{
	struct why why = { "" };
	struct stat stat;
	char address[108];
	int first, second;
	snprintf(address, sizeof(address), "unix:/tmp/socket-test-%d.sock", (int)getpid());
	assert_true(socket_listen(address, 0600, &first, &why));
	assert_int_equal(lstat(address + 5, &stat), 0);
	assert_int_equal(stat.st_mode & 0777, 0600);
	assert_false(socket_listen(address, 0600, &second, &why));
	assert_non_null(strstr(why.text, "another process listens there already"));
	close(first);
	assert_true(socket_connect(address, 100, &why) < 0);
	assert_true(socket_listen(address, 0666, &second, &why));
	close(second);
	socket_remove(address);
	assert_int_not_equal(access(address + 5, F_OK), 0);
	close(open(address + 5, O_CREAT | O_WRONLY, 0600));
	assert_false(socket_listen(address, 0600, &second, &why));
	assert_non_null(strstr(why.text, "it is no socket"));
	assert_int_equal(unlink(address + 5), 0);
	assert_false(socket_listen("unix:/tmp/no-such-folder/a.sock", 0600, &second, &why));
	assert_non_null(strstr(why.text, "folder of the socket does not exist"));
}

static void heard(int fd, const char *expected)
{
	char bytes[600];
	ssize_t n = recv(fd, bytes, sizeof(bytes) - 1, MSG_DONTWAIT);
	assert_true(n >= 0);
	bytes[n] = '\0';
	if (strncmp(bytes, expected, strlen(expected)) != 0)
		fail_msg("heard \"%s\", not \"%s\"", bytes, expected);
}

static void systemd_hears_how_we_are(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char name[64];
	notify_ready(); /* nobody wants to know */
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	int len = snprintf(name, sizeof(name), "@notify-test-%d", (int)getpid());
	memcpy(at.sun_path + 1, name + 1, (size_t)len - 1);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "30000000", 1);
	notify_setup();
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_int_equal(notify_watchdog_interval(), 30000);
	notify_ready();
	heard(fd, "READY=1");
	notify_reloading();
	heard(fd, "RELOADING=1\nMONOTONIC_USEC=");
	notify_status("%d routes\nREADY=1", 3);
	heard(fd, "STATUS=3 routes");
	notify_watchdog();
	heard(fd, "WATCHDOG=1");
	notify_stopping();
	heard(fd, "STOPPING=1");
	close(fd);
	notify_watchdog();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read),
		cmocka_unit_test(an_address_in_use_is_said_so),
		cmocka_unit_test(a_dead_daemons_socket_is_replaced_and_a_live_one_is_not),
		cmocka_unit_test(systemd_hears_how_we_are),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
