// SPDX-License-Identifier: GPL-2.0-only
/* AGGREGATE_WAIT: how long it keeps a reference to a file, and files of other processes. */
#include "aggregate.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

static void closed_during_the_wait(void **state)
{
	struct fixture *f = *state;
	struct agg_wait *w;
	int ends[2], spare;

	need_aggregate(f);
	new_pipe(f, ends);
	spare = own_fd(f, dup(ends[0]));
	w = agg_start_on(f, FILE_IN(ends[0]));
	close_fd(f, ends[0]);
	assert_agg_asleep(w);
	/* The wait is for the file, not for its number, which another file has now. */
	assert_int_equal(dup2(spare, ends[0]), own_fd(f, ends[0]));
	close_fd(f, ends[0]);
	assert_int_equal(own_fd(f, eventfd(1, EFD_CLOEXEC)), ends[0]);
	assert_agg_asleep(w);
	put_byte(ends[1]);
	assert_agg_woken(w, 0, 0, POLLIN);
}

/* The wait has the pipe's reading end open, the only one: the writer must get no EPIPE. */
static void the_wait_keeps_the_file(void **state)
{
	struct fixture *f = *state;
	struct agg_wait *w;
	int ends[2];

	need_aggregate(f);
	new_pipe(f, ends);
	w = agg_start_on(f, FILE_IN(ends[0]));
	close_fd(f, ends[0]);
	put_byte(ends[1]);
	assert_agg_woken(w, 0, 0, POLLIN);
	/* After the wait the reading end is closed. */
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(write(ends[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	assert_int_equal(poll(&(struct pollfd){ .fd = ends[1] }, 1, 0), 1);
}

/* In whatever way a wait ends, it keeps no file open. */
static void nothing_is_held_afterwards(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1), ends[2], mutex = new_mutex(f, 0, 0);
	struct agg_wait *w;

	need_aggregate(f);
	signal(SIGPIPE, SIG_IGN);
	count_signals(SIGUSR1, 0);
	new_pipe(f, ends);
	assert_agg_ready(f, 1, 0, FILE_IN(ends[0]), OBJ(sem));
	assert_agg_nothing(f, FILE_IN(ends[0]), OBJ(sem));
	assert_agg_refused(f, -EBADF, SOURCES(FILE_IN(ends[0]), OBJ(-1)));
	assert_agg_refused(f, -EBADF, SOURCES(FILE_IN(ends[0]), OBJ(ends[0])));
	assert_agg_refused(f, -EINVAL, SOURCES(FILE_IN(ends[0]), OBJ(mutex)));
	assert_agg(f, AGG_ARGS(SOURCES(FILE_IN(ends[0])), .timeout = monotonic_ns() + NS_PER_MS),
		   -ETIMEDOUT, 0, 0);
	w = agg_start_on(f, FILE_IN(ends[0]), OBJ(sem));
	call_signal(agg_of(w), SIGUSR1);
	assert_agg_woken(w, -EINTR, 0, 0);
	w = agg_start_on(f, FILE_IN(ends[0]), OBJ(sem));
	release(sem, 1, 0);
	assert_agg_woken(w, 0, 1, 0);
	close_fd(f, ends[0]);
	assert_int_equal(write(ends[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
}

/* ---- another process's ---- */

static int new_pidfd(struct fixture *f, struct peer *p)
{
	return own_fd(f, syscall(SYS_pidfd_open, peer_pid(p), 0));
}

/* A copy of the descriptor whose number the process says. */
static int copy_fd(struct fixture *f, struct peer *p, int pidfd)
{
	return own_fd(f, syscall(SYS_pidfd_getfd, pidfd, (int)peer_hear(p), 0));
}

/* The process writes to its own eventfd when it is told to; the test gets a descriptor of it. */
static int write_own_eventfd(struct peer *p, void *arg)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	(void)arg;
	CHECK(fd >= 0);
	peer_say(p, fd);
	peer_wait(p);
	CHECK(!eventfd_write(fd, 1));
	peer_wait(p);
	return 0;
}

static void from_another_process(void **state)
{
	struct fixture *f = *state;
	struct peer *p;
	struct agg_wait *w;
	int pidfd, fd;

	need_aggregate(f);
	p = peer_start(f, write_own_eventfd, NULL);
	pidfd = new_pidfd(f, p);
	fd = copy_fd(f, p, pidfd);
	w = agg_start_on(f, FILE_IN(fd), FILE_IN(pidfd));
	peer_go(p);
	assert_agg_woken(w, 0, 0, POLLIN);
	drain_fd(fd);
	w = agg_start_on(f, FILE_IN(fd), FILE_IN(pidfd));
	/* Not reaped yet: a reaped process would report POLLHUP too. */
	assert_int_equal(kill(peer_pid(p), SIGKILL), 0);
	assert_agg_woken(w, 0, 1, POLLIN);
	assert_int_equal(peer_finish(p), 128 + SIGKILL);
}

/* An object that was created by another process, on an instance that both share. */
static int release_own_semaphore(struct peer *p, void *arg)
{
	struct fixture *f = arg;
	struct ntsync_sem_args args = { .count = 0, .max = 1 };
	uint32_t one = 1;
	int sem = nt(f->dev, NTSYNC_IOC_CREATE_SEM, &args);

	CHECK(sem >= 0);
	peer_say(p, sem);
	peer_wait(p);
	CHECK(!nt(sem, NTSYNC_IOC_SEM_RELEASE, &one));
	peer_wait(p);
	return 0;
}

static void object_from_another_process(void **state)
{
	struct fixture *f = *state;
	struct peer *p;
	struct agg_wait *w;
	int pidfd, sem;

	need_aggregate(f);
	p = peer_start(f, release_own_semaphore, f);
	pidfd = new_pidfd(f, p);
	sem = copy_fd(f, p, pidfd);
	w = agg_start_on(f, OBJ(sem), FILE_IN(pidfd));
	peer_go(p);
	assert_agg_woken(w, 0, 0, 0);
	assert_sem(sem, 0, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		AGG_TEST(closed_during_the_wait),
		AGG_TEST(the_wait_keeps_the_file),
		AGG_TEST(nothing_is_held_afterwards),
		AGG_TEST(from_another_process),
		AGG_TEST(object_from_another_process),
	};

	return RUN(tests);
}
