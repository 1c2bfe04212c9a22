// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include "standin.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define CHECK STANDIN_CHECK
#define MAX_THREADS 16

/* What a message on a connection brings. */
enum { ROLE_REQUEST = 'q', ROLE_REPLY = 'p', ROLE_CONNECTION = 'c' };

struct request {
	uint32_t size;
	char rest[HEADER - sizeof(uint32_t)];
};

/* ---- messages with a descriptor ---- */

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(sizeof(int))];
};

static struct msghdr make_message(struct iovec *iov, union control *control, size_t len)
{
	return (struct msghdr){
		.msg_iov = iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = len,
	};
}

int standin_send(int socket, char role, int fd)
{
	struct iovec iov = { &role, 1 };
	union control control = { 0 };
	struct msghdr msg = make_message(&iov, &control, CMSG_SPACE(sizeof(fd)));
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : __LINE__;
}

/* The descriptor, or -1. */
static int receive(int socket, char *role)
{
	struct iovec iov = { role, 1 };
	union control control = { 0 };
	struct msghdr msg = make_message(&iov, &control, sizeof(control));
	int fd = -1;

	if (recvmsg(socket, &msg, MSG_CMSG_CLOEXEC) != 1)
		return -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	}
	return fd;
}

/* ---- the server ---- */

/**
 * struct served - a descriptor that the server polls: a connection, or a thread's request pipe
 * @reply: the thread's reply pipe
 * @connection: the thread's, or its own index
 * @newest: the newest thread of the connection's client
 */
struct served {
	int connection;
	int reply;
	int newest;
};

static struct pollfd polled[MAX_THREADS];
static struct served served[MAX_THREADS];
static int nr_served;

/* @connection -1: it is one. */
static int add_served(int fd, int connection)
{
	if (fd < 0 || nr_served == MAX_THREADS)
		return -1;
	polled[nr_served] = (struct pollfd){ .fd = fd, .events = POLLIN };
	served[nr_served] = (struct served){
		.connection = connection < 0 ? nr_served : connection, .reply = -1,
	};
	return nr_served++;
}

/* Its first thread's request pipe is the server's to make. */
static int add_connection(int fd)
{
	int request[2], connection = add_served(fd, -1);

	CHECK(connection >= 0 && !pipe2(request, O_CLOEXEC));
	CHECK(!standin_send(fd, ROLE_REQUEST, request[1]));
	close(request[1]);
	served[connection].newest = add_served(request[0], connection);
	return 0;
}

static int take_message(int connection)
{
	char role;
	int fd = receive(polled[connection].fd, &role);

	if (fd < 0) {
		/* The client has gone. */
		polled[connection].fd = -1;
	} else if (role == ROLE_REQUEST) {
		served[connection].newest = add_served(fd, connection);
	} else if (role == ROLE_REPLY) {
		served[served[connection].newest].reply = fd;
	} else if (role == ROLE_CONNECTION) {
		return add_connection(fd);
	}
	return 0;
}

static void pass_gate(struct standin *s, atomic_int *may)
{
	while (atomic_load(&s->gated) && atomic_load(may) <= 0)
		sched_yield();
	atomic_fetch_sub(may, 1);
}

/* It is never read. */
static int send_pipe(int connection)
{
	int fds[2];

	CHECK(!pipe2(fds, O_CLOEXEC));
	CHECK(!standin_send(polled[connection].fd, 'x', fds[1]));
	close(fds[1]);
	return 0;
}

static int answer(struct standin *s, int thread)
{
	char data[STANDIN_DATA];
	struct request request;
	ssize_t got;

	/* poll() has looked at the connection before the reply pipe came, and at this one after. */
	if (served[thread].reply < 0)
		return 0;
	pass_gate(s, &s->may_read);
	got = read(polled[thread].fd, &request, sizeof(request));
	if (got <= 0) {
		polled[thread].fd = -1;
		return 0;
	}
	CHECK(got == HEADER && request.size <= sizeof(data));
	CHECK(!request.size ||
	      read(polled[thread].fd, data, request.size) == (ssize_t)request.size);
	atomic_fetch_add(&s->read, 1);
	if (s->before_answer)
		s->before_answer();
	if (atomic_exchange(&s->sends_pipe, false))
		CHECK(!send_pipe(served[thread].connection));
	pass_gate(s, &s->may_answer);
	atomic_fetch_add(&s->answered, 1);
	CHECK(writev(served[thread].reply,
		     (struct iovec[]){ { &request, HEADER }, { data, request.size } }, 2) ==
	      (ssize_t)(HEADER + request.size));
	return 0;
}

static bool has_clients(void)
{
	for (int i = 1; i < nr_served; i++) {
		if (polled[i].fd >= 0)
			return true;
	}
	return nr_served == 1;
}

static int listen_at(const struct standin *s)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (chdir(s->dir) || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 5))
		return -1;
	return fd;
}

static int serve_one(struct standin *s, int i)
{
	if (!i)
		return add_connection(accept(polled[i].fd, NULL, NULL));
	return served[i].connection == i ? take_message(i) : answer(s, i);
}

int standin_serve(struct standin *s)
{
	CHECK(!prctl(PR_SET_NAME, s->has_other_name ? "another" : "wineserver64"));
	/* The first one is where clients connect. */
	CHECK(add_served(listen_at(s), -1) == 0);
	atomic_store(&s->pid, getpid());
	while (has_clients()) {
		CHECK(poll(polled, nr_served, -1) > 0);
		for (int i = 0; i < nr_served; i++) {
			int failed = polled[i].fd >= 0 && polled[i].revents ? serve_one(s, i) : 0;

			if (failed)
				return failed;
		}
	}
	return 0;
}

struct standin *standin_create(void)
{
	struct standin *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED)
		return NULL;
	snprintf(s->dir, sizeof(s->dir), "/tmp/ntsync-standin-XXXXXX");
	return mkdtemp(s->dir) ? s : NULL;
}

void standin_remove(struct standin *s)
{
	char path[sizeof(s->dir) + sizeof("/socket")];

	snprintf(path, sizeof(path), "%s/socket", s->dir);
	unlink(path);
	rmdir(s->dir);
	munmap(s, sizeof(*s));
}

pid_t standin_fork_server(struct standin *s)
{
	pid_t pid = fork();

	if (!pid) {
		/* Also if the test is killed. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(standin_serve(s) ? 1 : 0);
	}
	while (pid > 0 && atomic_load(&s->pid) != pid)
		sched_yield();
	return pid;
}

/* ---- clients ---- */

static int ask_for_sender(int socket, int ask)
{
	return setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &ask, sizeof(ask));
}

/* The kernel has to be asked before the server sends. */
static int connect_to(const struct standin *s)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ask_for_sender(fd, !s->has_no_sender) || chdir(s->dir) || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return -1;
	return fd;
}

static int make_reply_pipe(struct standin_client *c)
{
	int reply[2];

	CHECK(!pipe2(reply, O_CLOEXEC) && !standin_send(c->socket, ROLE_REPLY, reply[1]));
	close(reply[1]);
	c->reply = reply[0];
	return 0;
}

int standin_connect(struct standin *s, struct standin_client *c, int socket)
{
	char role;

	c->socket = socket >= 0 ? socket : connect_to(s);
	CHECK(c->socket >= 0);
	c->request = receive(c->socket, &role);
	CHECK(!ask_for_sender(c->socket, 0));
	CHECK(c->request >= 0 && role == ROLE_REQUEST);
	return make_reply_pipe(c);
}

int standin_add_thread(const struct standin_client *first, struct standin_client *c)
{
	int request[2];

	c->socket = first->socket;
	CHECK(!pipe2(request, O_CLOEXEC) && !standin_send(c->socket, ROLE_REQUEST, request[0]));
	close(request[0]);
	c->request = request[1];
	return make_reply_pipe(c);
}

int standin_connection_for_child(const struct standin_client *c)
{
	int pair[2], failed;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -1;
	failed = ask_for_sender(pair[0], 1) || standin_send(c->socket, ROLE_CONNECTION, pair[1]);
	close(pair[1]);
	return failed ? -1 : pair[0];
}

int standin_receive(int socket)
{
	char role;

	return receive(socket, &role);
}

void standin_disconnect(struct standin_client *c)
{
	close(c->request);
	close(c->reply);
	close(c->socket);
}

static const char pattern[STANDIN_DATA] = "what the client sends";

int standin_write_request(const struct standin_client *c, size_t size)
{
	struct request request = { .size = (uint32_t)size, .rest = "a request" };

	if (!size)
		return write(c->request, &request, HEADER) == HEADER ? 0 : __LINE__;
	CHECK(writev(c->request,
		     (struct iovec[]){ { &request, HEADER }, { (void *)pattern, size } }, 2) ==
	      (ssize_t)(HEADER + size));
	return 0;
}

int standin_read_reply(const struct standin_client *c, size_t size)
{
	char data[STANDIN_DATA];
	struct request reply;

	CHECK(read(c->reply, &reply, HEADER) == HEADER);
	CHECK(reply.size == size && !strcmp(reply.rest, "a request"));
	CHECK(!size || read(c->reply, data, size) == (ssize_t)size);
	CHECK(!memcmp(data, pattern, size));
	return 0;
}

int standin_call(const struct standin_client *c, size_t size)
{
	int failed = standin_write_request(c, size);

	return failed ? failed : standin_read_reply(c, size);
}
