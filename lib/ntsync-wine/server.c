// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A process connects to the server's socket, or another process of Wine has made its connection by
 * socketpair() and started it with that. The first message has a descriptor, the write end of the first
 * thread's request pipe, and Wine has the kernel add who has sent it. All other pipes are made by the
 * process, which sends the server one end.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "shim.h"

/* Wine's own: the descriptor of a connection that another process has made. */
#define SOCKET_VARIABLE "WINESERVERSOCKET"

static _Atomic pid_t server;

pid_t server_pid(void)
{
	return atomic_load_explicit(&server, memory_order_relaxed);
}

/* Builds "/proc/PID/comm" without printf(), which no signal handler may call. */
static void write_number(char *end, pid_t number, int digits)
{
	for (; digits > 0; digits--, number /= 10)
		*--end = (char)('0' + number % 10);
}

static int count_digits(pid_t number)
{
	int digits = 1;

	while (number /= 10)
		digits++;
	return digits;
}

/* It is "wineserver64" in some packages. */
static bool is_wineserver(pid_t pid)
{
	static const char name[] = "wineserver";
	char path[32] = "/proc/", comm[sizeof(name) - 1];
	size_t len = strlen(path);
	ssize_t got;
	int fd;

	if (pid <= 0)
		return false;
	write_number(path + len + count_digits(pid), pid, count_digits(pid));
	memcpy(path + len + count_digits(pid), "/comm", sizeof("/comm"));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = next()->read(fd, comm, sizeof(comm));
	next()->close(fd);
	return got == sizeof(comm) && !memcmp(comm, name, sizeof(comm));
}

void server_inherit(void)
{
	const char *connection = getenv(SOCKET_VARIABLE);

	if (connection)
		table_set(atoi(connection), KIND_NEW_SOCKET);
}

/* Its name in the server's folder, which is the current one then. */
static bool is_named_socket(const struct sockaddr *addr, socklen_t len)
{
	const struct sockaddr_un *un = (const struct sockaddr_un *)addr;
	size_t room = len - offsetof(struct sockaddr_un, sun_path);
	char path[sizeof(un->sun_path) + 1];
	const char *base;

	if (len <= offsetof(struct sockaddr_un, sun_path) || len > sizeof(*un) ||
	    addr->sa_family != AF_UNIX)
		return false;
	memcpy(path, un->sun_path, room);
	path[room] = '\0';
	base = strrchr(path, '/');
	return !strcmp(base ? base + 1 : path, "socket");
}

void server_note_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	if (is_named_socket(addr, len))
		table_set(fd, KIND_NEW_SOCKET);
}

/**
 * struct message - what goes with a message
 * @fd: the descriptor, or -1; Wine sends one at a time
 * @sender: whom the kernel names, or 0
 */
struct message {
	int fd;
	pid_t sender;
};

static struct message parse_message(const struct msghdr *msg)
{
	struct message found = { .fd = -1 };
	struct msghdr copy = *msg;
	struct ucred sender;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&copy); c; c = CMSG_NXTHDR(&copy, c)) {
		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS && c->cmsg_len >= CMSG_LEN(sizeof(found.fd)))
			memcpy(&found.fd, CMSG_DATA(c), sizeof(found.fd));
		if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len >= CMSG_LEN(sizeof(sender))) {
			memcpy(&sender, CMSG_DATA(c), sizeof(sender));
			found.sender = sender.pid;
		}
	}
	return found;
}

void server_note_sendmsg(int fd, const struct msghdr *msg)
{
	int saved = errno;

	if (table_kind(fd) == KIND_SOCKET)
		table_note_sent(parse_message(msg).fd);
	errno = saved;
}

/* Who listens, or has made the socketpair(). */
static pid_t get_peer(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) ? 0 : peer.pid;
}

static bool is_pipe(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISFIFO(st.st_mode);
}

void server_note_recvmsg(int fd, const struct msghdr *msg)
{
	struct message first;
	int saved = errno;

	if (table_kind(fd) != KIND_NEW_SOCKET)
		return;
	first = parse_message(msg);
	if (first.fd < 0)
		return;
	if (!first.sender)
		first.sender = get_peer(fd);
	if (is_wineserver(first.sender) && is_pipe(first.fd)) {
		atomic_store(&server, first.sender);
		table_set(fd, KIND_SOCKET);
		table_set(first.fd, KIND_REQUEST);
	} else {
		table_forget(fd);
	}
	errno = saved;
}
