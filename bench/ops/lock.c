// SPDX-License-Identifier: GPL-2.0-only
/*
 * A lock that several threads contend for. "handover": a mutex goes round among the main thread and
 * @n waiters, so that each unlock wakes one and each wait sleeps. "lock": eight threads, of which
 * the holder lets the others run into the lock, which is contention; beside it, other things that
 * can serve as a lock.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <libntsync.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>

#define CONTENDERS 8
#define ACQUISITIONS 50

struct lock_kind {
	int (*open)(const struct operation *op);
	int (*lock)(void);
	int (*unlock)(void);
	void (*close)(void);
	const void *with;
};

static const struct lock_kind *kind;
static struct link *token;
static pthread_mutex_t pmutex;
static int mutex;
static sem_t start, done;
static uint64_t acquired; /* under the lock */

static int mutex_open(const struct operation *op)
{
	mutex = ntsync_mutex_create(dev, 0, 0);
	return mutex < 0;
}

static int mutex_lock(void)
{
	const struct ntsync_wait_opts opts = { .deadline = NTSYNC_WAIT_FOREVER, .owner = own_id };

	return ntsync_wait_any(dev, &mutex, 1, &opts, NULL);
}

static int mutex_unlock(void)
{
	return ntsync_mutex_unlock(mutex, own_id, NULL);
}

static void mutex_close(void)
{
	close(mutex);
}

static int pthread_open(const struct operation *op)
{
	pthread_mutexattr_t attr;
	int ret;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, (int)op->n);
	ret = pthread_mutex_init(&pmutex, &attr);
	pthread_mutexattr_destroy(&attr);
	return ret;
}

static int pthread_lock(void)
{
	return pthread_mutex_lock(&pmutex);
}

static int pthread_unlock(void)
{
	return pthread_mutex_unlock(&pmutex);
}

static void pthread_close(void)
{
	pthread_mutex_destroy(&pmutex);
}

/* The thread that has received the message holds the lock. */
static int token_open(const struct operation *op)
{
	token = link_open(kind->with);
	return !token || link_ring(token, "", 1);
}

static int token_take(void)
{
	char byte;

	return link_await(token, &byte, 1);
}

static int token_give(void)
{
	return link_ring(token, "", 1);
}

static void token_close(void)
{
	link_close(token);
}

/* @yield: lets the others run while the lock is held. */
static int lock_once(bool yield)
{
	if (kind->lock())
		return -1;
	acquired++;
	if (yield)
		sched_yield();
	return kind->unlock();
}

/*
 * A round is the same number of acquisitions by each thread: without rounds some threads could
 * starve.
 */
static void *contend_in_rounds(void *number)
{
	while (!sem_wait(&start) && !atomic_load(&threads_stop)) {
		for (int i = 0; i < ACQUISITIONS; i++)
			if (lock_once(true))
				break;
		sem_post(&done);
	}
	return NULL;
}

static int contend_begin(const struct operation *op)
{
	kind = op->with;
	sem_init(&start, 0, 0);
	sem_init(&done, 0, 0);
	return kind->open(op) || start_threads(CONTENDERS, contend_in_rounds, 0);
}

static int contend_run(const struct operation *op, uint64_t *ns)
{
	uint64_t before = acquired;

	for (int i = 0; i < CONTENDERS; i++)
		sem_post(&start);
	for (int i = 0; i < CONTENDERS; i++)
		sem_wait(&done);
	before = acquired - before;
	return before == CONTENDERS * ACQUISITIONS ? (int)before : -1;
}

static void contend_end(const struct operation *op)
{
	atomic_store(&threads_stop, true);
	for (int i = 0; i < CONTENDERS; i++)
		sem_post(&start);
	join_threads();
	kind->close();
}

static void *wait_in_turn(void *number)
{
	while (!atomic_load(&threads_stop))
		if (lock_once(false))
			break;
	return NULL;
}

/* Between two calls the main thread holds the mutex, and all others wait for it. */
static int handover_begin(const struct operation *op)
{
	kind = op->with;
	if (kind->open(op) || kind->lock())
		return -1;
	return start_threads(op->n, wait_in_turn, 0);
}

static int handover_run(const struct operation *op, uint64_t *ns)
{
	uint64_t before = acquired;

	if (kind->unlock() || kind->lock())
		return -1;
	return (int)(++acquired - before);
}

static void handover_end(const struct operation *op)
{
	atomic_store(&threads_stop, true);
	kind->unlock();
	join_threads();
	kind->close();
}

static const struct lock_kind ntsync_mutex = {
	mutex_open, mutex_lock, mutex_unlock, mutex_close, NULL
};

static const struct lock_kind pthread = {
	pthread_open, pthread_lock, pthread_unlock, pthread_close, NULL
};

#define TOKEN(link) { token_open, token_take, token_give, token_close, link }
static const struct lock_kind eventfd_token = TOKEN(&by_eventfd), futex_token = TOKEN(&by_futex),
			      sem_t_token = TOKEN(&by_sem_t), pipe_token = TOKEN(&by_pipe),
			      socket_token = TOKEN(&by_socket);

#define HANDOVER handover_begin, handover_run, handover_end
#define CONTEND contend_begin, contend_run, contend_end
const struct operation lock_ops[] = {
	{ "handover/2", HANDOVER, 2, &ntsync_mutex },
	{ "handover/8", HANDOVER, 8, &ntsync_mutex },
	{ "handover/64", HANDOVER, 64, &ntsync_mutex },
	{ "handover/1000", HANDOVER, 1000, &ntsync_mutex },
	{ "lock/ntsync", CONTEND, 0, &ntsync_mutex },
	{ "lock/pthread", CONTEND, PTHREAD_PRIO_NONE, &pthread },
	{ "lock/pthread-pi", CONTEND, PTHREAD_PRIO_INHERIT, &pthread },
	{ "lock/sem_t", CONTEND, 0, &sem_t_token },
	{ "lock/futex", CONTEND, 0, &futex_token },
	{ "lock/eventfd", CONTEND, 0, &eventfd_token },
	{ "lock/pipe", CONTEND, 0, &pipe_token },
	{ "lock/socket", CONTEND, 0, &socket_token },
	{ 0 },
};
