/* SPDX-License-Identifier: Apache-2.0 */
/* master_sockets.c - the sockets that the master opens and the ingress is handed. */
#include <sys/random.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "io/socket.h"
#include "main/master.h"
#include "sdk/sign.h"

#define PUBLIC_MODE 0666      /* of a unix socket: like a TCP port, anybody may knock */
#define EVENTS_MODE 0600      /* events of polls come from our own processes only */
#define PREDECESSOR_TIME 2000 /* ms for the children of a killed daemon to let go of its sockets */

/* The children of a daemon that was killed just now may hold its address for a
 * moment longer than it held the lock. */
static bool listen_patiently(const struct master *master, const char *address, int mode, int *fd, struct why *why)
{
	int64_t until = clock_ticks() + (master->lock.unclean ? PREDECESSOR_TIME : 0);
	while (!socket_listen(address, mode, fd, why)) {
		if (clock_ticks() >= until)
			return false;
		usleep(20000);
	}
	return true;
}

bool master_open_sockets(struct master *master, struct why *why)
{
	const char *const *listen = master->config->listen;
	while (listen[master->listen_count])
		master->listen_count++;
	master->fds = must_alloc((master->listen_count + 2) * sizeof(*master->fds));
	for (size_t i = 0; i <= master->listen_count + 1; i++)
		master->fds[i] = -1;
	for (size_t i = 0; listen[i]; i++)
		if (!listen_patiently(master, listen[i], PUBLIC_MODE, &master->fds[i], why))
			return false;
	return true;
}

/* The last of what the ingress is handed, opened here so that it outlives an ingress.
 * Too long a path for a socket is a fault of the configuration only if something polls. */
bool master_open_events(struct master *master, struct why *why)
{
	unsigned char bytes[MASTER_KEY];
	struct buf address = { 0 };
	struct why unheard;
	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return why_errno(why, "no random bytes");
	sl_hex(bytes, sizeof(bytes), master->events_key);
	buf_format(&address, "unix:%s/" CONFIG_EVENTS, master->config->data);
	master->events = address.at;
	return !socket_address_valid(master->events, &unheard) ||
		listen_patiently(master, master->events, EVENTS_MODE, &master->fds[master->listen_count], why);
}

/* From here on the addresses refuse connections, once the ingress lets go of them too. */
void master_close_sockets(struct master *master)
{
	for (size_t i = 0; master->fds && i <= master->listen_count; i++) {
		if (master->fds[i] < 0)
			continue;
		close(master->fds[i]);
		socket_remove(i < master->listen_count ? master->config->listen[i] : master->events);
		master->fds[i] = -1;
	}
}
