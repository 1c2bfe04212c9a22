// SPDX-License-Identifier: GPL-2.0-only
/* Objects that several processes and descriptors share, and descriptors that are closed. */
#include "fixture.h"

#include <sys/socket.h>
#include <sys/wait.h>

struct shared {
	int sem, mutex, event, reply;
};

static int use_in_child(struct fixture *f, void *arg)
{
	struct shared *s = arg;
	struct ntsync_wait_args args = ARGS(FDS(s->reply), .owner = 8, .timeout = FOREVER);
	struct ntsync_mutex_args mutex = { .owner = 7 };
	uint32_t word = 2;

	CHECK(nt(s->sem, NTSYNC_IOC_SEM_RELEASE, &word) == 0 && word == 0);
	CHECK(nt(s->mutex, NTSYNC_IOC_MUTEX_UNLOCK, &mutex) == 0 && mutex.count == 1);
	CHECK(nt(s->event, NTSYNC_IOC_EVENT_SET, &word) == 0 && word == 0);
	CHECK(nt(f->dev, ANY, &args) == 0);
	return 0;
}

static void fork_shares(void **state)
{
	struct fixture *f = *state;
	struct shared s = { new_sem(f, 0, 2), new_mutex(f, 7, 1), new_auto(f, false),
			    new_auto(f, false) };
	struct waiter *event = start_on(f, ANY, s.event), *both;
	pid_t pid;

	both = start(f, ALL, ARGS(FDS(s.sem, s.mutex), .owner = 9, .timeout = FOREVER));
	pid = child_start(f, use_in_child, &s);
	assert_woken(event, 0, 0);
	assert_woken(both, 0, 0);
	assert_sem(s.sem, 1, 2);
	assert_mutex(s.mutex, 9, 1);
	while (!asleep_in(pid, pid, ANY))
		sleep_ms(1);
	set_event(s.reply, 0);
	assert_child_ok(pid);
	assert_event(s.reply, 0, 0);
}

static int acquire_and_leave(struct fixture *f, void *arg)
{
	CHECK(try_wait(f, *(int *)arg, 7) == 0);
	return 0;
}

/* To the driver an owner id is a number: only the runtime knows that the owner has exited. */
static void a_mutex_outlives_the_process(void **state)
{
	struct fixture *f = *state;
	int mutex = new_mutex(f, 0, 0);

	assert_child_ok(child_start(f, acquire_and_leave, &mutex));
	assert_mutex(mutex, 7, 1);
	assert_not_ready(f, mutex);
	kill_owner(mutex, 7);
	assert_wait(f, ANY, ARGS(FDS(mutex), .owner = 8), -EOWNERDEAD, 0);
}

struct message {
	struct msghdr header;
	struct iovec iov;
	char byte;
	union {
		char room[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
};

static void prepare_objects(struct message *m)
{
	memset(m, 0, sizeof(*m));
	m->iov.iov_base = &m->byte;
	m->iov.iov_len = 1;
	m->header.msg_iov = &m->iov;
	m->header.msg_iovlen = 1;
	m->header.msg_control = m->control.room;
	m->header.msg_controllen = sizeof(m->control.room);
}

static ssize_t send_fds(int sock, const int fds[2])
{
	struct message m;
	struct cmsghdr *cmsg;

	prepare_objects(&m);
	cmsg = CMSG_FIRSTHDR(&m.header);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(2 * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, 2 * sizeof(int));
	return sendmsg(sock, &m.header, 0);
}

static ssize_t receive_fds(int sock, int fds[2])
{
	struct message m;
	ssize_t ret;

	prepare_objects(&m);
	ret = recvmsg(sock, &m.header, MSG_CMSG_CLOEXEC);
	if (ret > 0 && CMSG_FIRSTHDR(&m.header))
		memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&m.header)), 2 * sizeof(int));
	return ret;
}

/* The child opens the device and creates the object; the parent gets both descriptors. */
static int make_and_send(struct fixture *f, void *arg)
{
	struct ntsync_sem_args args = { .count = 0, .max = 3 };
	uint32_t one = 1;
	int fds[2];

	(void)f;
	fds[0] = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
	CHECK(fds[0] >= 0);
	fds[1] = nt(fds[0], NTSYNC_IOC_CREATE_SEM, &args);
	CHECK(fds[1] >= 0);
	CHECK(nt(fds[1], NTSYNC_IOC_SEM_RELEASE, &one) == 0);
	CHECK(send_fds(*(int *)arg, fds) == 1);
	return 0;
}

static void scm_rights_shares(void **state)
{
	struct fixture *f = *state;
	int pair[2], fds[2] = { -1, -1 };

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	own_fd(f, pair[0]);
	own_fd(f, pair[1]);
	assert_child_ok(child_start(f, make_and_send, &pair[1]));
	assert_int_equal(receive_fds(pair[0], fds), 1);
	own_fd(f, fds[0]);
	own_fd(f, fds[1]);
	/* The creator has exited: device and object still exist and belong together. */
	assert_sem(fds[1], 1, 3);
	fixture_assert_wait(fds[0], ANY, ARGS(FDS(fds[1]), .owner = OWNER), 0, 0, __FILE__,
			    __LINE__);
	assert_sem(fds[1], 0, 3);
	assert_wait(f, ANY, ARGS(FDS(fds[1]), .owner = OWNER), -EINVAL, 0);
}

static void dup_shares(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), twin = own_fd(f, fcntl(sem, F_DUPFD_CLOEXEC, 0));
	int dev = own_fd(f, fcntl(f->dev, F_DUPFD_CLOEXEC, 0));
	struct waiter *w = start_on(f, ANY, sem);

	release(twin, 1, 0);
	assert_woken(w, 0, 0);
	release(sem, 1, 0);
	fixture_assert_wait(dev, ANY, ARGS(FDS(twin), .owner = OWNER), 0, 0, __FILE__, __LINE__);
	close_fd(f, sem);
	assert_sem(twin, 0, 1);
}

static void closing_one_fd_does_not_end_the_wait(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		int event = new_auto(f, false), other = new_auto(f, true);
		int twin = own_fd(f, fcntl(event, F_DUPFD_CLOEXEC, 0));
		struct waiter *w = start_on(f, requests[i], event);

		close_fd(f, event);
		assert_asleep(w);
		/* The wait is for the object, not for its number, which another one has now. */
		assert_int_equal(new_auto(f, false), event);
		set_event(event, 0);
		assert_asleep(w);
		assert_event(event, 0, 1);
		set_event(twin, 0);
		assert_woken(w, 0, 0);
		assert_event(other, 0, 1);
	}
}

/* With no descriptor left only the deadline ends the wait. */
static void closing_every_fd_does_not_end_the_wait(void **state)
{
	static const unsigned long requests[] = { ANY, ALL };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		int sem = new_sem(f, 0, 1), mutex = new_mutex(f, 9, 1), alert = new_auto(f, false);
		uint64_t deadline = monotonic_ns() + NS_PER_SEC;
		struct waiter *w = start_running(f, requests[i],
						 ARGS(FDS(sem, mutex), .owner = OWNER,
						      .alert = alert, .timeout = deadline), NULL);

		waiter_asleep(w);
		close_fd(f, sem);
		close_fd(f, mutex);
		close_fd(f, alert);
		assert_woken(w, -ETIMEDOUT, 0);
		assert_true(monotonic_ns() >= deadline);
	}
}

static void objects_outlive_the_device(void **state)
{
	struct fixture *f = *state;
	int dev = open_device(f);
	struct ntsync_sem_args args = { .count = 1, .max = 2 };
	struct ntsync_event_args no = { .manual = 0 };
	int sem = own_fd(f, nt(dev, NTSYNC_IOC_CREATE_SEM, &args));
	int event = own_fd(f, nt(dev, NTSYNC_IOC_CREATE_EVENT, &no));

	close_fd(f, dev);
	release(sem, 1, 1);
	assert_sem(sem, 2, 2);
	set_event(event, 0);
	assert_event(event, 0, 1);
	/* The new instance has the number of the old one, but is another one. */
	assert_int_equal(open_device(f), dev);
	fixture_assert_wait(dev, ANY, ARGS(FDS(sem), .owner = OWNER), -EINVAL, 0, __FILE__,
			    __LINE__);
}

static void waits_outlive_the_device(void **state)
{
	struct fixture *f = *state;
	int kept = f->dev, dev = open_device(f);
	struct ntsync_event_args no = { .manual = 0 };
	int a = own_fd(f, nt(dev, NTSYNC_IOC_CREATE_EVENT, &no));
	int b = own_fd(f, nt(dev, NTSYNC_IOC_CREATE_EVENT, &no));
	struct waiter *any, *all;

	f->dev = dev;
	any = start_on(f, ANY, a);
	all = start(f, ALL, ARGS(FDS(a, b), .owner = OWNER, .timeout = FOREVER));
	f->dev = kept;
	close_fd(f, dev);
	assert_asleep(any);
	assert_asleep(all);
	set_event(a, 0);
	assert_woken(any, 0, 0);
	set_event(a, 0);
	assert_asleep(all);
	set_event(b, 0);
	assert_woken(all, 0, 0);
}

static void foreign_objects_are_einval(void **state)
{
	struct fixture *f = *state;
	int kept = f->dev, foreign, mine = new_sem(f, 1, 1);

	f->dev = open_device(f);
	foreign = new_auto(f, true);
	fixture_assert_wait(kept, ANY, ARGS(FDS(mine, foreign), .owner = OWNER), -EINVAL, 0,
			    __FILE__, __LINE__);
	fixture_assert_wait(kept, ALL, ARGS(FDS(mine, foreign), .owner = OWNER), -EINVAL, 0,
			    __FILE__, __LINE__);
	fixture_assert_wait(kept, ANY, ARGS(FDS(mine), .alert = foreign, .owner = OWNER), -EINVAL,
			    0, __FILE__, __LINE__);
	f->dev = kept;
	assert_sem(mine, 1, 1);
	assert_event(foreign, 0, 1);
	/* A call that is no wait needs no instance. */
	reset_event(foreign, 1);
}

/* The program that the next test executes: exits with 0 if none of the descriptors is open. */
static int check_closed(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		if (fcntl(atoi(argv[i]), F_GETFD) >= 0 || errno != EBADF)
			return 1;
	}
	return argc > 2 ? 0 : 2;
}

static int exec_check_closed(struct fixture *f, void *arg)
{
	struct shared *s = arg;
	char numbers[4][16];

	snprintf(numbers[0], 16, "%d", f->dev);
	snprintf(numbers[1], 16, "%d", s->sem);
	snprintf(numbers[2], 16, "%d", s->mutex);
	snprintf(numbers[3], 16, "%d", s->event);
	execl("/proc/self/exe", "test_share", "--check-closed", numbers[0], numbers[1],
	      numbers[2], numbers[3], NULL);
	CHECK(!"exec");
	return 1;
}

static void exec_closes(void **state)
{
	struct fixture *f = *state;
	struct shared s = { .sem = new_sem(f, 0, 1), .mutex = new_mutex(f, 0, 0),
			    .event = new_auto(f, false) };

	assert_child_ok(child_start(f, exec_check_closed, &s));
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		TEST(fork_shares),
		TEST(a_mutex_outlives_the_process),
		TEST(scm_rights_shares),
		TEST(dup_shares),
		TEST(closing_one_fd_does_not_end_the_wait),
		TEST(closing_every_fd_does_not_end_the_wait),
		TEST(objects_outlive_the_device),
		TEST(waits_outlive_the_device),
		TEST(foreign_objects_are_einval),
		TEST(exec_closes),
	};

	if (argc > 1 && !strcmp(argv[1], "--check-closed"))
		return check_closed(argc, argv);
	return RUN(tests);
}
