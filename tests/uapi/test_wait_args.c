// SPDX-License-Identifier: GPL-2.0-only
/* What WAIT_ANY and WAIT_ALL reject, in which order, and what they write. */
#include "fixture.h"

#include <limits.h>
#include <sys/eventfd.h>

static const unsigned long requests[] = { ANY, ALL };

#define for_each_request(request)                                              \
	for (const unsigned long *request = requests;                          \
	     request < requests + ARRAY_SIZE(requests); request++)

static void args_fault(void **state)
{
	struct fixture *f = *state;
	struct ntsync_wait_args args = ARGS(.owner = OWNER);

	for_each_request(r) {
		assert_ret(nt(f->dev, *r, NULL), -EFAULT);
		assert_ret(nt(f->dev, *r, unmapped(f)), -EFAULT);
		assert_ret(nt(f->dev, *r, past_page_end(f, &args, sizeof(args))), -EFAULT);
		/*
		 * The argument is read as a whole: the last word counts even if the first one is
		 * invalid.
		 */
		args.flags = ~0u;
		assert_ret(nt(f->dev, *r, past_page_end(f, &args, sizeof(args))), -EFAULT);
		args.flags = 0;
	}
}

/* Invalid for this check and for all later ones. */
static struct ntsync_wait_args new_bad_args(struct fixture *f, int first_bad)
{
	struct ntsync_wait_args args = ARGS(.owner = OWNER);

	if (first_bad <= 0)
		args.flags = NTSYNC_WAIT_REALTIME | 2;
	if (first_bad <= 1)
		args.owner = 0;
	args.count = first_bad <= 2 ? NTSYNC_MAX_WAIT_COUNT + 1 : 2;
	args.objs = (uintptr_t)unmapped(f);
	return args;
}

/* As the array is invalid too, EINVAL shows that each of these checks came before EFAULT. */
static void checks_before_the_array(void **state)
{
	struct fixture *f = *state;

	for_each_request(r) {
		for (int first_bad = 0; first_bad < 3; first_bad++)
			assert_wait(f, *r, new_bad_args(f, first_bad), -EINVAL, 0);
		assert_wait(f, *r, new_bad_args(f, 3), -EFAULT, 0);
		/* Each of them alone. */
		assert_wait(f, *r, ARGS(.objs = 1, .count = 1, .owner = OWNER, .flags = 2),
			    -EINVAL, 0);
		assert_wait(f, *r, ARGS(.objs = 1, .count = 1, .owner = 0), -EINVAL, 0);
		assert_wait(f, *r, ARGS(.objs = 1, .count = 65, .owner = OWNER), -EINVAL, 0);
		assert_wait(f, *r, ARGS(.objs = 1, .count = ~0u, .owner = OWNER), -EINVAL, 0);
		assert_wait(f, *r, ARGS(.objs = 1, .count = 1, .owner = OWNER), -EFAULT, 0);
	}
}

static void unknown_flags(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1);

	for_each_request(r) {
		for (int bit = 1; bit < 32; bit++) {
			if (1u << bit == NTSYNC_WAIT_BOOTTIME &&
			    f->features & NTSYNC_FEATURE_BOOTTIME)
				continue;
			assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .flags = 1u << bit),
				    -EINVAL, 0);
			assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER,
						.flags = NTSYNC_WAIT_BOOTTIME | 1u << bit),
				    -EINVAL, 0);
		}
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .flags = 3), -EINVAL, 0);
	}
	assert_sem(sem, 1, 1);
}

static void two_clocks(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1);

	for_each_request(r) {
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER,
					.flags = NTSYNC_WAIT_REALTIME | NTSYNC_WAIT_BOOTTIME),
			    -EINVAL, 0);
	}
	assert_sem(sem, 1, 1);
}

static void owner_zero_whatever_the_objects(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1), mutex = new_mutex(f, 0, 0), event = new_auto(f, true);

	for_each_request(r) {
		assert_wait(f, *r, ARGS(.owner = 0), -EINVAL, 0);
		assert_wait(f, *r, ARGS(FDS(sem), .owner = 0), -EINVAL, 0);
		assert_wait(f, *r, ARGS(FDS(event), .owner = 0), -EINVAL, 0);
		assert_wait(f, *r, ARGS(FDS(mutex), .owner = 0), -EINVAL, 0);
		assert_wait(f, *r, ARGS(.owner = 0, .alert = event), -EINVAL, 0);
	}
	assert_sem(sem, 1, 1);
	assert_mutex(mutex, 0, 0);
	assert_event(event, 0, 1);
}

/*
 * The in-tree driver calls the word pad and requires 0. test_uring_fd.c tests what it is in this
 * driver.
 */
static void uring_fd_or_pad(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 2, 2), ready = own_fd(f, eventfd(1, EFD_CLOEXEC));
	bool known = f->features & NTSYNC_FEATURE_URING_FD;
	int bad = known ? -EBADF : -EINVAL;

	assert_int_equal(known, f->ours);
	for_each_request(r) {
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .uring_fd = ready),
			    known ? 0 : -EINVAL, 0);
		assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .pad = ~0u), bad, 0);
		assert_wait(f, *r, ARGS(.owner = OWNER, .pad = ~0u), bad, 0);
	}
	assert_sem(sem, known ? 0 : 2, 2);
}

static void array_faults(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 2, 2), fds[2] = { sem, sem };

	for_each_request(r) {
		struct ntsync_wait_args args = ARGS(.owner = OWNER, .count = 2);

		args.objs = 0;
		assert_wait(f, *r, args, -EFAULT, 0);
		args.objs = UINT64_MAX;
		assert_wait(f, *r, args, -EFAULT, 0);
		args.objs = 1ull << 63 | (uintptr_t)fds;
		assert_wait(f, *r, args, -EFAULT, 0);
		args.objs = (uintptr_t)past_page_end(f, fds, sizeof(fds));
		assert_wait(f, *r, args, -EFAULT, 0);
		/* The array is read as a whole before the first descriptor is looked up. */
		fds[0] = -1;
		args.objs = (uintptr_t)past_page_end(f, fds, sizeof(fds));
		assert_wait(f, *r, args, -EFAULT, 0);
		fds[0] = sem;
		/* Input only, and no more than the array is read. */
		args.count = 1;
		args.objs = (uintptr_t)at_page_end(f, fds, sizeof(int));
		assert_wait(f, *r, args, 0, 0);
		args.objs = (uintptr_t)read_only(f, fds, sizeof(fds));
		release(sem, 1, 1);
		assert_wait(f, *r, args, 0, 0);
		release(sem, 1, 1);
	}
	assert_sem(sem, 2, 2);
}

/* Without objects the array is not read. */
static void array_of_none_is_not_read(void **state)
{
	struct fixture *f = *state;

	assert_wait(f, ALL, ARGS(.owner = OWNER, .objs = 1), 0, 0);
	assert_wait(f, ANY, ARGS(.owner = OWNER, .objs = 1), -ETIMEDOUT, 0);
}

/* The array may be unaligned. */
static void array_may_be_unaligned(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 2, 2);
	char bytes[sizeof(int) + 1];

	memcpy(bytes + 1, &sem, sizeof(sem));
	for_each_request(r)
		assert_wait(f, *r, ARGS(.objs = (uintptr_t)bytes + 1, .count = 1, .owner = OWNER),
			    0, 0);
	assert_sem(sem, 0, 2);
}

/* Descriptors of every kind that are no objects of this instance. */
static size_t new_bad_fds(struct fixture *f, int *bad)
{
	int sem = new_sem(f, 1, 1), other = open_device(f), pipes[2];
	struct ntsync_sem_args args = { 1, 1 };
	char path[64];
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", sem);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	bad[n++] = -1;
	bad[n++] = INT_MIN;
	bad[n++] = INT_MAX;
	bad[n++] = 1 << 20;
	bad[n++] = f->dev;
	bad[n++] = other;
	bad[n++] = own_fd(f, nt(other, NTSYNC_IOC_CREATE_SEM, &args));
	bad[n++] = own_fd(f, open(path, O_PATH | O_CLOEXEC));
	bad[n++] = own_fd(f, open("/dev/null", O_RDWR | O_CLOEXEC));
	bad[n++] = own_fd(f, open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	bad[n++] = own_fd(f, eventfd(1, EFD_CLOEXEC));
	bad[n++] = own_fd(f, pipes[0]);
	bad[n++] = own_fd(f, pipes[1]);
	bad[n] = own_fd(f, fcntl(sem, F_DUPFD_CLOEXEC, 900));
	close_fd(f, bad[n++]);
	return n;
}

static void bad_fd_in_any_position(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1), mutex = new_mutex(f, 0, 0), event = new_auto(f, true);
	const int good[] = { sem, mutex, event };
	int bad[32];
	size_t n = new_bad_fds(f, bad);

	for_each_request(r) {
		for (size_t i = 0; i < n; i++) {
			assert_wait(f, *r, ARGS(FDS(bad[i]), .owner = OWNER), -EINVAL, 0);
			for (int at = 0; at < 3; at++) {
				int objs[3] = { good[0], good[1], good[2] };

				objs[at] = bad[i];
				assert_wait(f, *r, ARGS(FDS(objs[0], objs[1], objs[2]),
							.owner = OWNER), -EINVAL, 0);
			}
		}
	}
	assert_sem(sem, 1, 1);
	assert_mutex(mutex, 0, 0);
	assert_event(event, 0, 1);
}

static void bad_fd_as_alert(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 1, 1), bad[32];
	size_t n = new_bad_fds(f, bad);

	for_each_request(r) {
		for (size_t i = 0; i < n; i++) {
			assert_wait(f, *r, ARGS(FDS(sem), .owner = OWNER, .alert = bad[i]),
				    -EINVAL, 0);
			assert_wait(f, ANY, ARGS(.owner = OWNER, .alert = bad[i]), -EINVAL, 0);
		}
	}
	assert_sem(sem, 1, 1);
}

static void wait_all_rejects_the_same_object_twice(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 2, 2), mutex = new_mutex(f, 0, 0);
	int dup_sem = own_fd(f, fcntl(sem, F_DUPFD_CLOEXEC, 0));
	int objs[NTSYNC_MAX_WAIT_COUNT];
	struct ntsync_wait_args args = ARGS(.objs = (uintptr_t)objs, .owner = OWNER,
					    .count = NTSYNC_MAX_WAIT_COUNT);

	assert_wait(f, ALL, ARGS(FDS(sem, sem), .owner = OWNER), -EINVAL, 0);
	assert_wait(f, ALL, ARGS(FDS(sem, dup_sem), .owner = OWNER), -EINVAL, 0);
	assert_wait(f, ALL, ARGS(FDS(sem, mutex, dup_sem), .owner = OWNER), -EINVAL, 0);
	assert_wait(f, ALL, ARGS(FDS(mutex, sem, mutex), .owner = OWNER), -EINVAL, 0);
	assert_wait(f, ALL, ARGS(FDS(sem), .owner = OWNER, .alert = sem), -EINVAL, 0);
	assert_wait(f, ALL, ARGS(FDS(mutex, sem), .owner = OWNER, .alert = dup_sem), -EINVAL, 0);
	for (int i = 0; i < NTSYNC_MAX_WAIT_COUNT; i++)
		objs[i] = new_sem(f, 1, 1);
	objs[63] = objs[0];
	assert_wait(f, ALL, args, -EINVAL, 0);
	assert_sem(objs[0], 1, 1);
	assert_sem(sem, 2, 2);
	assert_mutex(mutex, 0, 0);
}

/* Arguments are checked whether or not the objects are ready. */
static void wait_all_rejects_before_it_waits(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);

	assert_wait(f, ALL, ARGS(FDS(sem, sem), .owner = OWNER, .timeout = FOREVER), -EINVAL, 0);
	assert_wait(f, ALL, ARGS(FDS(sem), .owner = OWNER, .alert = sem, .timeout = FOREVER),
		    -EINVAL, 0);
}

static void wait_any_takes_the_same_object_twice(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 2, 2), dup_sem = own_fd(f, fcntl(sem, F_DUPFD_CLOEXEC, 0));
	struct waiter *w;

	assert_wait(f, ANY, ARGS(FDS(sem, dup_sem, sem), .owner = OWNER, .alert = sem), 0, 0);
	assert_sem(sem, 1, 2);
	assert_wait(f, ANY, ARGS(FDS(dup_sem, sem), .owner = OWNER), 0, 0);
	assert_sem(sem, 0, 2);
	w = start(f, ANY, ARGS(FDS(sem, dup_sem, sem), .owner = OWNER, .alert = dup_sem,
			       .timeout = FOREVER));
	release(sem, 2, 0);
	assert_woken(w, 0, 0);
	assert_sem(sem, 1, 2);
}

static void move_to_descriptor_zero(struct fixture *f, int fd, int *saved)
{
	(void)f;
	*saved = fcntl(0, F_DUPFD_CLOEXEC, 3);
	assert_int_equal(dup2(fd, 0), 0);
}

static void restore_descriptor_zero(int saved)
{
	if (saved >= 0)
		dup2(saved, 0);
	else
		close(0);
	close(saved);
}

static void descriptor_zero_is_an_object(void **state)
{
	struct fixture *f = *state;
	int event = new_manual(f, true), saved, ret[2];
	const int zero = 0;

	move_to_descriptor_zero(f, event, &saved);
	for (int i = 0; i < 2; i++) {
		struct ntsync_wait_args args = ARGS(.objs = (uintptr_t)&zero, .count = 1,
						    .owner = OWNER);

		ret[i] = nt(f->dev, requests[i], &args);
	}
	restore_descriptor_zero(saved);
	assert_ret(ret[0], 0);
	assert_ret(ret[1], 0);
}

static void descriptor_zero_is_no_alert(void **state)
{
	struct fixture *f = *state;
	int event = new_manual(f, true), sem = new_sem(f, 0, 1), saved, ret[3];
	struct ntsync_wait_args args = ARGS(FDS(sem), .owner = OWNER);
	struct ntsync_wait_args none = ARGS(.owner = OWNER);

	move_to_descriptor_zero(f, event, &saved);
	ret[0] = nt(f->dev, ANY, &args);
	ret[1] = nt(f->dev, ALL, &args);
	ret[2] = nt(f->dev, ANY, &none);
	restore_descriptor_zero(saved);
	for (int i = 0; i < 3; i++)
		assert_ret(ret[i], -ETIMEDOUT);
}

/* A failed call writes nothing, so a read-only argument gets no EFAULT. */
static void index_is_not_written_on_failure(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);
	const struct ntsync_wait_args timeout = ARGS(FDS(sem), .owner = OWNER);
	const struct ntsync_wait_args later = ARGS(FDS(sem), .owner = OWNER,
						   .timeout = monotonic_ns() + NS_PER_MS);
	const struct ntsync_wait_args bad = ARGS(FDS(-1), .owner = OWNER);

	for_each_request(r) {
		assert_ret(nt(f->dev, *r, read_only(f, &timeout, sizeof(timeout))), -ETIMEDOUT);
		assert_ret(nt(f->dev, *r, read_only(f, &later, sizeof(later))), -ETIMEDOUT);
		assert_ret(nt(f->dev, *r, read_only(f, &bad, sizeof(bad))), -EINVAL);
	}
}

/* The acquisition can't be undone: other threads may have seen it. */
static void acquisition_stands_when_the_index_faults(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 5, 5), event = new_auto(f, true), mutex = new_mutex(f, 9, 1);
	const struct ntsync_wait_args one = ARGS(FDS(sem), .owner = OWNER);
	const struct ntsync_wait_args three = ARGS(FDS(sem, event, mutex), .owner = OWNER);

	for_each_request(r)
		assert_ret(nt(f->dev, *r, read_only(f, &one, sizeof(one))), -EFAULT);
	assert_sem(sem, 3, 5);
	kill_owner(mutex, 9);
	assert_ret(nt(f->dev, ALL, read_only(f, &three, sizeof(three))), -EFAULT);
	assert_sem(sem, 2, 5);
	assert_event(event, 0, 0);
	assert_mutex(mutex, OWNER, 1);
}

/* The same for a wait that slept, whose page became read-only meanwhile. */
struct late_fault {
	struct fixture *f;
	struct ntsync_wait_args *args;
	atomic_int tid;
	int ret;
};

static void *wait_with_args(void *arg)
{
	struct late_fault *late = arg;

	atomic_store(&late->tid, gettid());
	late->ret = nt(late->f->dev, ANY, late->args);
	return NULL;
}

static void acquisition_stands_when_the_index_faults_later(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1);
	struct ntsync_wait_args args = ARGS(FDS(sem), .owner = OWNER, .timeout = long_from_now());
	struct late_fault late = { .f = f };
	pthread_t thread;

	late.args = read_only(f, &args, sizeof(args));
	assert_int_equal(pthread_create(&thread, NULL, wait_with_args, &late), 0);
	while (!atomic_load(&late.tid) || !asleep_in(getpid(), late.tid, ANY))
		sleep_ms(1);
	release(sem, 1, 0);
	pthread_join(thread, NULL);
	assert_ret(late.ret, -EFAULT);
	assert_sem(sem, 0, 1);
}

static void args_at_page_end(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 2, 2);
	const struct ntsync_wait_args args = ARGS(FDS(sem), .owner = OWNER);

	for_each_request(r) {
		struct ntsync_wait_args *at_end = at_page_end(f, &args, sizeof(args));

		assert_ret(nt(f->dev, *r, at_end), 0);
		assert_int_equal(at_end->index, 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(args_fault),
		TEST(checks_before_the_array),
		TEST(unknown_flags),
		TEST(two_clocks),
		TEST(owner_zero_whatever_the_objects),
		TEST(uring_fd_or_pad),
		TEST(array_faults),
		TEST(array_of_none_is_not_read),
		TEST(array_may_be_unaligned),
		TEST(bad_fd_in_any_position),
		TEST(bad_fd_as_alert),
		TEST(wait_all_rejects_the_same_object_twice),
		TEST(wait_all_rejects_before_it_waits),
		TEST(wait_any_takes_the_same_object_twice),
		TEST(descriptor_zero_is_an_object),
		TEST(descriptor_zero_is_no_alert),
		TEST(index_is_not_written_on_failure),
		TEST(acquisition_stands_when_the_index_faults),
		TEST(acquisition_stands_when_the_index_faults_later),
		TEST(args_at_page_end),
	};

	return RUN(tests);
}
