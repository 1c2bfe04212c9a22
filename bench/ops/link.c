// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways to wake a thread, each with a message of up to LINK_BYTES: a pipe and a socket carry it;
 * with the others it is in memory that both threads share. One side rings, the other awaits.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <errno.h>
#include <fcntl.h>
#include <libntsync.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct link {
	const struct link_kind *kind;
	int fd[2];
	sem_t sem;
	atomic_uint word;
	char message[LINK_BYTES];
};

struct link *link_open(const struct link_kind *kind)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->kind = kind;
	if (!kind->open(l))
		return l;
	free(l);
	return NULL;
}

int link_ring(struct link *l, const void *data, uint32_t size)
{
	return l->kind->ring(l, data, size);
}

int link_await(struct link *l, void *data, uint32_t size)
{
	return l->kind->await(l, data, size);
}

void link_close(struct link *l)
{
	l->kind->close(l);
	free(l);
}

static void close_fd(struct link *l)
{
	close(l->fd[0]);
}

static void close_both(struct link *l)
{
	close(l->fd[0]);
	close(l->fd[1]);
}

static int event_open(struct link *l)
{
	l->fd[0] = ntsync_event_create(dev, false, false);
	return l->fd[0] < 0;
}

static int event_ring(struct link *l, const void *data, uint32_t size)
{
	memcpy(l->message, data, size);
	return ntsync_event_set(l->fd[0], NULL);
}

static int event_await(struct link *l, void *data, uint32_t size)
{
	int ret = wait_any(l->fd, 1, NTSYNC_WAIT_FOREVER);

	memcpy(data, l->message, size);
	return ret;
}

const struct link_kind by_event = { event_open, event_ring, event_await, close_fd };

static int eventfd_open(struct link *l)
{
	l->fd[0] = eventfd(0, EFD_CLOEXEC);
	return l->fd[0] < 0;
}

static int eventfd_ring(struct link *l, const void *data, uint32_t size)
{
	const uint64_t one = 1;

	memcpy(l->message, data, size);
	return write(l->fd[0], &one, sizeof(one)) != sizeof(one);
}

static int eventfd_await(struct link *l, void *data, uint32_t size)
{
	uint64_t value;
	int ret = read(l->fd[0], &value, sizeof(value)) != sizeof(value);

	memcpy(data, l->message, size);
	return ret;
}

const struct link_kind by_eventfd = { eventfd_open, eventfd_ring, eventfd_await, close_fd };

static int futex_open(struct link *l)
{
	atomic_store(&l->word, 0);
	return 0;
}

static int futex_ring(struct link *l, const void *data, uint32_t size)
{
	memcpy(l->message, data, size);
	atomic_store(&l->word, 1);
	return syscall(SYS_futex, &l->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) < 0;
}

static int futex_await(struct link *l, void *data, uint32_t size)
{
	while (!atomic_exchange(&l->word, 0))
		syscall(SYS_futex, &l->word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	memcpy(data, l->message, size);
	return 0;
}

static void futex_close(struct link *l)
{
}

const struct link_kind by_futex = { futex_open, futex_ring, futex_await, futex_close };

static int addr_open(struct link *l)
{
	struct ntsync_features found;

	atomic_store(&l->word, 0);
	if (ntsync_features(dev, &found) || !(found.features & NTSYNC_FEATURE_ADDRESS))
		return -ENOTSUP;
	return 0;
}

static int addr_ring(struct link *l, const void *data, uint32_t size)
{
	memcpy(l->message, data, size);
	atomic_store(&l->word, 1);
	return ntsync_addr_wake(dev, &l->word, 1, 0) < 0;
}

static int addr_await(struct link *l, void *data, uint32_t size)
{
	static const struct ntsync_addr_opts opts = { .deadline = NTSYNC_WAIT_FOREVER };

	while (!atomic_exchange(&l->word, 0))
		ntsync_addr_wait(dev, &l->word, sizeof(l->word), 0, &opts, NULL);
	memcpy(data, l->message, size);
	return 0;
}

const struct link_kind by_addr = { addr_open, addr_ring, addr_await, futex_close };

static int sem_t_open(struct link *l)
{
	return sem_init(&l->sem, 0, 0);
}

static int sem_t_ring(struct link *l, const void *data, uint32_t size)
{
	memcpy(l->message, data, size);
	return sem_post(&l->sem);
}

static int sem_t_await(struct link *l, void *data, uint32_t size)
{
	int ret = sem_wait(&l->sem);

	memcpy(data, l->message, size);
	return ret;
}

static void sem_t_close(struct link *l)
{
	sem_destroy(&l->sem);
}

const struct link_kind by_sem_t = { sem_t_open, sem_t_ring, sem_t_await, sem_t_close };

static int pipe_open(struct link *l)
{
	return pipe2(l->fd, O_CLOEXEC);
}

static int socket_open(struct link *l)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, l->fd);
}

static int fd_ring(struct link *l, const void *data, uint32_t size)
{
	return write(l->fd[1], data, size) != size;
}

static int fd_await(struct link *l, void *data, uint32_t size)
{
	return read(l->fd[0], data, size) != size;
}

const struct link_kind by_pipe = { pipe_open, fd_ring, fd_await, close_both };
const struct link_kind by_socket = { socket_open, fd_ring, fd_await, close_both };
