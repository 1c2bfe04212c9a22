// SPDX-License-Identifier: GPL-2.0-only
/* The uring_fd of WAIT_ANY and WAIT_ALL: a descriptor that ends the wait. */
#include "channel.h"
#include "uring.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#define READY NTSYNC_INDEX_URING_READY

static const unsigned long requests[] = { ANY, ALL };

#define for_each_request(r)                                                    \
	for (const unsigned long *r = requests; r < requests + ARRAY_SIZE(requests); r++)

static int new_event_fd(struct fixture *f, unsigned int value)
{
	only_ours(f, "no uring_fd");
	return own_fd(f, eventfd(value, EFD_CLOEXEC | EFD_NONBLOCK));
}

static void drain_fd(int fd)
{
	eventfd_read(fd, &(eventfd_t){ 0 });
}

static void is_announced(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no uring_fd");
	assert_true(f->features & NTSYNC_FEATURE_URING_FD);
}

/* ---- what is refused, and that it changes nothing ---- */

static void assert_refused(struct fixture *f, uint32_t fd, int ret)
{
	int sem = new_sem(f, 1, 1), event = new_auto(f, true);

	for_each_request(r) {
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .uring_fd = fd), ret, 0);
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .alert = event, .uring_fd = fd,
					.timeout = FOREVER), ret, 0);
		assert_wait(f, *r, ARGS(.owner = OWNER, .uring_fd = fd), ret, 0);
	}
	assert_sem(sem, 1, 1);
	assert_event(event, 0, 1);
}

static void no_descriptor(void **state)
{
	struct fixture *f = *state;
	int path = own_fd(f, open("/dev/null", O_PATH | O_CLOEXEC)), closed = new_event_fd(f, 1);

	assert_refused(f, -1, -EBADF);
	assert_refused(f, INT32_MAX, -EBADF);
	assert_refused(f, path, -EBADF);
	close_fd(f, closed);
	for_each_request(r)
		assert_wait(f, *r, ARGS(.owner = OWNER, .uring_fd = closed), -EBADF, 0);
}

static void what_cannot_be_polled(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no uring_fd");
	assert_refused(f, own_fd(f, open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), -EPERM);
	assert_refused(f, f->dev, -EPERM);
}

/* The objects are read first, and whether one is named twice is checked last. */
static void order_of_the_checks(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1);

	only_ours(f, "no uring_fd");
	for_each_request(r) {
		assert_wait(f, *r, ARGS(FDS(-1), .owner = OWNER, .uring_fd = -1), -EINVAL, 0);
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .alert = -1, .uring_fd = -1),
			    -EINVAL, 0);
		assert_wait(f, *r, ARGS(FDS(sem), .uring_fd = -1), -EINVAL, 0);
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .flags = 2, .uring_fd = -1),
			    -EINVAL, 0);
	}
	assert_wait(f, ALL, ARGS(FDS(sem, sem), .owner = OWNER, .uring_fd = -1), -EBADF, 0);
	assert_wait(f, ALL, ARGS(FDS(sem, sem), .owner = OWNER, .uring_fd = new_event_fd(f, 1)),
		    -EINVAL, 0);
}

/* ---- on entry ---- */

static void ready_on_entry(void **state)
{
	static const uint64_t timeouts[] = { 0, FOREVER };
	struct fixture *f = *state;
	int fd = new_event_fd(f, 1), sem = new_sem(f, 0, 1);

	for_each_request(r) {
		for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++) {
			assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .uring_fd = fd,
						.timeout = timeouts[i]), 0, READY);
			assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .pad = fd,
						.timeout = timeouts[i]), 0, READY);
		}
	}
	/* The wait has read nothing. */
	assert_int_equal(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0), 1);
	drain_fd(fd);
	for_each_request(r)
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .uring_fd = fd), -ETIMEDOUT, 0);
}

static void objects_beat_the_alert_beats_the_fd(void **state)
{
	struct fixture *f = *state;
	int fd = new_event_fd(f, 1), sem = new_sem(f, 2, 2), alert = new_auto(f, true);

	for_each_request(r) {
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .alert = alert, .uring_fd = fd),
			    0, 0);
		assert_event(alert, 0, 1);
	}
	for_each_request(r) {
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .alert = alert, .uring_fd = fd),
			    0, 1);
		assert_event(alert, 0, 0);
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .alert = alert, .uring_fd = fd),
			    0, READY);
		set_event(alert, 0);
	}
}

/* The descriptor ends a wait for all that had some of its objects: none of them is acquired. */
static void nothing_is_taken(void **state)
{
	struct fixture *f = *state;
	int fd = new_event_fd(f, 1), there = new_sem(f, 1, 1), missing = new_sem(f, 0, 1);
	struct waiter *w;

	assert_wait(f, ALL, ARGS(FDS(there, missing), .owner = OWNER, .uring_fd = fd), 0, READY);
	assert_sem(there, 1, 1);
	drain_fd(fd);
	w = start(f, ALL, ARGS(FDS(there, missing), .owner = OWNER, .uring_fd = fd,
			       .timeout = FOREVER));
	eventfd_write(fd, 1);
	assert_woken(w, 0, READY);
	assert_sem(there, 1, 1);
	/* The wait has left the queues: later releases stay with the object. */
	release(missing, 1, 0);
	assert_sem(missing, 1, 1);
	assert_sem(there, 1, 1);
}

static void without_objects(void **state)
{
	struct fixture *f = *state;
	int fd = new_event_fd(f, 0), alert = new_auto(f, false);
	struct waiter *w;

	assert_wait(f, ANY, ARGS(.owner = OWNER, .uring_fd = fd), -ETIMEDOUT, 0);
	w = start(f, ANY, ARGS(.owner = OWNER, .uring_fd = fd, .alert = alert,
			       .timeout = FOREVER));
	eventfd_write(fd, 1);
	assert_woken(w, 0, READY);
	assert_wait(f, ANY, ARGS(.owner = OWNER, .uring_fd = fd), 0, READY);
	/* Without objects the call returns without checking the descriptor. */
	assert_wait(f, ALL, ARGS(.owner = OWNER, .uring_fd = fd), 0, 0);
}

/* An object of the driver's is polled like any other file, and not acquired. */
static void an_object_as_fd(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1), other = new_sem(f, 0, 1);

	only_ours(f, "no uring_fd");
	for_each_request(r)
		assert_wait(f, *r, ARGS(FDS(other), .owner = OWNER, .uring_fd = sem), 0, READY);
	assert_sem(sem, 1, 1);
	assert_wait(f, ANY, ARGS(FDS(sem), .owner = OWNER, .uring_fd = sem), 0, 0);
	assert_wait(f, ANY, ARGS(FDS(sem), .owner = OWNER, .uring_fd = sem), -ETIMEDOUT, 0);
}

/* ---- asleep ---- */

static void each_of_three_wakes(void **state)
{
	struct fixture *f = *state;
	int fd = new_event_fd(f, 0), sem = new_sem(f, 0, 1), alert = new_auto(f, false);
	struct waiter *w;

	for_each_request(r) {
		const struct ntsync_wait_args args = ARGS(
			FDS(sem), .owner = OWNER, .alert = alert, .uring_fd = fd,
			.timeout = FOREVER);

		w = start(f, *r, args);
		release(sem, 1, 0);
		assert_woken(w, 0, 0);
		w = start(f, *r, args);
		set_event(alert, 0);
		assert_woken(w, 0, 1);
		w = start(f, *r, args);
		eventfd_write(fd, 1);
		assert_woken(w, 0, READY);
		drain_fd(fd);
	}
	assert_sem(sem, 0, 1);
	assert_event(alert, 0, 0);
}

static void with_64_objects_and_an_alert(void **state)
{
	struct fixture *f = *state;
	int fd = new_event_fd(f, 0), fds[NTSYNC_MAX_WAIT_COUNT], alert = new_auto(f, false);
	struct waiter *w;

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = new_auto(f, false);
	for_each_request(r) {
		struct ntsync_wait_args args = ARGS(.owner = OWNER, .alert = alert, .uring_fd = fd,
						    .timeout = FOREVER);

		args.objs = (uintptr_t)fds;
		args.count = ARRAY_SIZE(fds);
		w = start(f, *r, args);
		eventfd_write(fd, 1);
		assert_woken(w, 0, READY);
		drain_fd(fd);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		assert_event(fds[i], 0, 0);
}

static void readable_is_what_counts(void **state)
{
	struct fixture *f = *state;
	int ends[2], sem = new_sem(f, 0, 1);

	only_ours(f, "no uring_fd");
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	own_fd(f, ends[0]);
	own_fd(f, ends[1]);
	for_each_request(r) {
		/* It is writable but not readable. */
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .uring_fd = ends[1]),
			    -ETIMEDOUT, 0);
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .uring_fd = ends[0]),
			    -ETIMEDOUT, 0);
	}
	/* A read would not block any more. */
	close_fd(f, ends[1]);
	for_each_request(r)
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .uring_fd = ends[0]), 0, READY);
}

static void deadline(void **state)
{
	struct fixture *f = *state;
	int fd = new_event_fd(f, 0), sem = new_sem(f, 0, 1);

	for_each_request(r) {
		uint64_t timeout = monotonic_ns() + 20 * NS_PER_MS;

		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .uring_fd = fd,
					.timeout = timeout), -ETIMEDOUT, 0);
		assert_true(monotonic_ns() >= timeout);
		timeout = now_ns(CLOCK_REALTIME) + 20 * NS_PER_MS;
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .uring_fd = fd,
					.flags = NTSYNC_WAIT_REALTIME, .timeout = timeout),
			    -ETIMEDOUT, 0);
		assert_true(now_ns(CLOCK_REALTIME) >= timeout);
	}
}

static void signals(void **state)
{
	struct fixture *f = *state;
	int fd = new_event_fd(f, 0), sem = new_sem(f, 0, 1);
	struct waiter *w;

	for_each_request(r) {
		const struct ntsync_wait_args args = ARGS(FDS(sem), .owner = OWNER,
							  .uring_fd = fd, .timeout = FOREVER);

		count_signals(SIGUSR1, 0);
		w = start(f, *r, args);
		waiter_signal(w, SIGUSR1);
		assert_woken(w, -EINTR, 0);
		count_signals(SIGUSR1, SA_RESTART);
		w = start(f, *r, args);
		waiter_signal(w, SIGUSR1);
		await_signals(1);
		assert_asleep(w);
		eventfd_write(fd, 1);
		assert_woken(w, 0, READY);
		drain_fd(fd);
	}
}

static void closed_during_the_wait(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);
	struct waiter *w;

	for_each_request(r) {
		int fd = new_event_fd(f, 0), other = own_fd(f, dup(fd));

		w = start(f, *r, ARGS(FDS(sem), .owner = OWNER, .uring_fd = fd,
				      .timeout = FOREVER));
		close_fd(f, fd);
		assert_asleep(w);
		eventfd_write(other, 1);
		assert_woken(w, 0, READY);
	}
}

static void every_waiter_is_told(void **state)
{
	struct fixture *f = *state;
	int fd = new_event_fd(f, 0), sem = new_sem(f, 0, 1);
	struct waiter *waits[6];

	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		waits[i] = start(f, requests[i % 2], ARGS(FDS(sem), .owner = OWNER,
							  .uring_fd = fd, .timeout = FOREVER));
	eventfd_write(fd, 1);
	for (size_t i = 0; i < ARRAY_SIZE(waits); i++)
		assert_woken(waits[i], 0, READY);
}

/* ---- with an io_uring ---- */

static void completion_on_entry(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);
	struct ring ring;

	only_ours(f, "no uring_fd");
	ring_init(f, &ring, 0);
	for_each_request(r) {
		const struct ntsync_wait_args args = ARGS(FDS(sem), .owner = OWNER,
							  .uring_fd = ring.fd);

		assert_wait(f, *r, args, -ETIMEDOUT, 0);
		ring_nop(&ring, 5);
		assert_wait(f, *r, args, 0, READY);
		assert_wait(f, *r, args, 0, READY);
		assert_reaped(&ring, 5, 0);
		assert_wait(f, *r, args, -ETIMEDOUT, 0);
	}
	ring_free(&ring);
}

/* Writes once the test's own thread sleeps. */
static void *write_late(void *end)
{
	while (!asleep_in(getpid(), getpid(), ANY) && !asleep_in(getpid(), getpid(), ALL))
		sleep_ms(1);
	if (write(*(int *)end, "x", 1) != 1)
		abort();
	return NULL;
}

/* The waiter has submitted the operation, so its completion is task work of the waiter. */
static void completion_of_its_own(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), ends[2];
	struct ring ring;

	only_ours(f, "no uring_fd");
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	own_fd(f, ends[0]);
	own_fd(f, ends[1]);
	ring_init(f, &ring, 0);
	for_each_request(r) {
		pthread_t writer;
		char byte = 0;

		ring_read(&ring, ends[0], &byte, 6);
		assert_int_equal(pthread_create(&writer, NULL, write_late, &ends[1]), 0);
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .uring_fd = ring.fd,
					.timeout = FOREVER), 0, READY);
		pthread_join(writer, NULL);
		assert_reaped(&ring, 6, 1);
		assert_int_equal(byte, 'x');
	}
	ring_free(&ring);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(is_announced),
		TEST(no_descriptor),
		TEST(what_cannot_be_polled),
		TEST(order_of_the_checks),
		TEST(ready_on_entry),
		TEST(objects_beat_the_alert_beats_the_fd),
		TEST(nothing_is_taken),
		TEST(without_objects),
		TEST(an_object_as_fd),
		TEST(each_of_three_wakes),
		TEST(with_64_objects_and_an_alert),
		TEST(readable_is_what_counts),
		TEST(deadline),
		TEST(signals),
		TEST(closed_during_the_wait),
		TEST(every_waiter_is_told),
		TEST(completion_on_entry),
		TEST(completion_of_its_own),
	};

	return RUN(tests);
}
