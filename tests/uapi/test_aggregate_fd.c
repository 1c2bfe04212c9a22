// SPDX-License-Identifier: GPL-2.0-only
/* AGGREGATE_WAIT on files of every kind: the same results as from poll(2). */
#include "aggregate.h"
#include "uring.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

/*
 * @fd is not readable; @make makes it so. Checked on entry and in a sleep; and @fd stays readable
 * until it is read.
 */
static void check_readable(struct fixture *f, int fd, void (*make)(int), int arg, int events)
{
	int sem = new_sem(f, 0, 1);
	struct agg_wait *w;

	assert_agg_nothing(f, FILE_IN(fd), OBJ(sem));
	w = agg_start_on(f, OBJ(sem), FILE_IN(fd));
	make(arg);
	assert_agg_woken(w, 0, 1, events);
	assert_agg_ready(f, 0, events, FILE_IN(fd), OBJ(sem));
	assert_agg_ready(f, 0, events, FILE_IN(fd), OBJ(sem));
	/* The wait has read nothing. */
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0), 1);
}

/* ---- kinds ---- */

static void event_fds(void **state)
{
	struct fixture *f = *state;
	int fd = new_eventfd(f, 0);

	need_aggregate(f);
	check_readable(f, fd, add_one, fd, POLLIN);
	drain_fd(fd);
	assert_agg_nothing(f, FILE_IN(fd));
	assert_agg_ready(f, 0, POLLOUT, FILE_FOR(fd, POLLIN | POLLOUT));
}

static void arm_timer(int fd)
{
	const struct itimerspec soon = { .it_value.tv_nsec = 1000000 };

	assert_int_equal(timerfd_settime(fd, 0, &soon, NULL), 0);
}

static void timer_fds(void **state)
{
	struct fixture *f = *state;
	int fd = own_fd(f, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));

	need_aggregate(f);
	check_readable(f, fd, arm_timer, fd, POLLIN);
	drain_fd(fd);
	assert_agg_nothing(f, FILE_IN(fd));
}

static void send_to_self(int sig)
{
	assert_int_equal(kill(getpid(), sig), 0);
}

/* The signal is blocked in every thread, so that it stays pending until it is read. */
static void signal_fds(void **state)
{
	struct fixture *f = *state;
	sigset_t set;
	int fd;

	need_aggregate(f);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	fd = own_fd(f, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
	check_readable(f, fd, send_to_self, SIGHUP, POLLIN);
	drain_fd(fd);
	assert_agg_nothing(f, FILE_IN(fd));
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void pipes(void **state)
{
	struct fixture *f = *state;
	int ends[2];

	need_aggregate(f);
	new_pipe(f, ends);
	check_readable(f, ends[0], put_byte, ends[1], POLLIN);
	drain_fd(ends[0]);
	assert_agg_nothing(f, FILE_IN(ends[0]));
}

static void pipe_with_room(void **state)
{
	struct fixture *f = *state;
	struct agg_wait *w;
	int ends[2];

	need_aggregate(f);
	new_pipe(f, ends);
	assert_agg_ready(f, 0, POLLOUT, FILE_FOR(ends[1], POLLOUT));
	fill_fd(ends[1]);
	assert_agg_nothing(f, FILE_FOR(ends[1], POLLOUT));
	w = agg_start_on(f, FILE_FOR(ends[1], POLLOUT));
	drain_fd(ends[0]);
	assert_agg_woken(w, 0, 0, POLLOUT);
}

static void sockets(void **state)
{
	struct fixture *f = *state;
	int ends[2];

	need_aggregate(f);
	new_socketpair(f, SOCK_STREAM, ends);
	check_readable(f, ends[0], put_byte, ends[1], POLLIN);
	drain_fd(ends[0]);
	assert_agg_ready(f, 0, POLLOUT, FILE_FOR(ends[0], POLLIN | POLLOUT));
	/* Both directions at the same time. */
	put_byte(ends[1]);
	assert_agg_ready(f, 0, POLLIN | POLLOUT, FILE_FOR(ends[0], POLLIN | POLLOUT));
}

static int await_asleep(struct fixture *f, void *arg)
{
	(void)f;
	(void)arg;
	return pause();
}

static void end_process(int pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
}

static void pid_fds(void **state)
{
	struct fixture *f = *state;
	pid_t pid;
	int fd;

	need_aggregate(f);
	pid = child_start(f, await_asleep, NULL);
	fd = own_fd(f, syscall(SYS_pidfd_open, pid, 0));
	check_readable(f, fd, end_process, pid, POLLIN);
	child_finish(pid);
}

static int new_epoll(struct fixture *f, int watched)
{
	struct epoll_event event = { .events = EPOLLIN };
	int fd = own_fd(f, epoll_create1(EPOLL_CLOEXEC));

	assert_int_equal(epoll_ctl(fd, EPOLL_CTL_ADD, watched, &event), 0);
	return fd;
}

/*
 * epoll's poll function takes a mutex that may sleep. A debugging kernel finds a call of it in
 * atomic context.
 */
static void epoll_fds(void **state)
{
	struct fixture *f = *state;
	int watched = new_eventfd(f, 0), fd;

	need_aggregate(f);
	fd = new_epoll(f, new_epoll(f, watched));
	check_readable(f, fd, add_one, watched, POLLIN);
	drain_fd(watched);
	assert_agg_nothing(f, FILE_IN(fd));
}

static void terminals(void **state)
{
	struct fixture *f = *state;
	char name[64];
	int master, slave, number, unlock = 0;

	need_aggregate(f);
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0)
		skip_because("no terminals here");
	own_fd(f, master);
	ioctl(master, TIOCSPTLCK, &unlock);
	ioctl(master, TIOCGPTN, &number);
	snprintf(name, sizeof(name), "/dev/pts/%d", number);
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (slave < 0)
		skip_because("no /dev/pts here");
	own_fd(f, slave);
	check_readable(f, master, put_byte, slave, POLLIN);
}

/* ---- io_uring ---- */

static struct ring ring;

static void complete_nop(int unused)
{
	(void)unused;
	ring_nop(&ring, 7);
}

static void uring_fds(void **state)
{
	struct fixture *f = *state;

	need_aggregate(f);
	ring_init(f, &ring, 0);
	check_readable(f, ring.fd, complete_nop, 0, POLLIN);
	assert_reaped(&ring, 7, 0);
	assert_agg_nothing(f, FILE_IN(ring.fd));
	ring_free(&ring);
}

/* Once the test's own thread sleeps in its wait. */
static void *write_late(void *end)
{
	while (!asleep_in(getpid(), getpid(), agg_request()))
		sleep_ms(1);
	if (write(*(int *)end, "x", 1) != 1)
		abort();
	return NULL;
}

/*
 * The completion of an operation that the waiting thread has submitted itself is task work of that
 * thread, which interrupts its sleep as a signal does.
 */
static void check_completion_in_waiter(void **state, uint32_t flags)
{
	struct fixture *f = *state;
	int ends[2], sem = new_sem(f, 0, 1);
	pthread_t writer;
	char byte = 0;

	need_aggregate(f);
	/* Before 6.4 io_uring has a worker read from a pipe, which interrupts nobody. */
	new_socketpair(f, SOCK_STREAM, ends);
	/* For io_uring O_NONBLOCK means that the operation returns EAGAIN. */
	fcntl(ends[0], F_SETFL, 0);
	ring_init(f, &ring, flags);
	ring_read(&ring, ends[0], &byte, 8);
	assert_agg_nothing(f, OBJ(sem), FILE_IN(ring.fd));
	assert_int_equal(pthread_create(&writer, NULL, write_late, &ends[1]), 0);
	assert_agg(f, AGG_FOREVER(OBJ(sem), FILE_IN(ring.fd)), 0, 1, POLLIN);
	pthread_join(writer, NULL);
	if (flags & IORING_SETUP_DEFER_TASKRUN)
		ring_run_deferred(&ring);
	assert_reaped(&ring, 8, 1);
	assert_int_equal(byte, 'x');
	ring_free(&ring);
}

static void uring_read_completes(void **state)
{
	check_completion_in_waiter(state, 0);
}

static void uring_with_deferred_work(void **state)
{
	check_completion_in_waiter(state, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
}

/* The other direction: io_uring polls an object of the driver's. */
static void uring_polls_a_channel(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 2);
	struct call *sender;

	ring_init(f, &ring, 0);
	ring_submit(&ring, &(struct io_uring_sqe){
		.opcode = IORING_OP_POLL_ADD, .fd = channel, .poll32_events = POLLIN,
		.user_data = 9,
	});
	assert_agg_nothing(f, FILE_IN(ring.fd));
	sender = start_send(f, channel, 0, 1);
	assert_agg(f, AGG_FOREVER(FILE_IN(ring.fd)), 0, 0, POLLIN);
	/* POLLRDNORM is reported only if it was asked for. */
	assert_reaped(&ring, 9, POLLIN);
	serve(channel, 0, 1);
	assert_call(sender, 0);
	ring_free(&ring);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		AGG_TEST(event_fds),
		AGG_TEST(timer_fds),
		AGG_TEST(signal_fds),
		AGG_TEST(pipes),
		AGG_TEST(pipe_with_room),
		AGG_TEST(sockets),
		AGG_TEST(pid_fds),
		AGG_TEST(epoll_fds),
		AGG_TEST(terminals),
		AGG_TEST(uring_fds),
		AGG_TEST(uring_read_completes),
		AGG_TEST(uring_with_deferred_work),
		AGG_TEST(uring_polls_a_channel),
	};

	return RUN(tests);
}
