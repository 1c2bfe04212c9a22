// SPDX-License-Identifier: GPL-2.0-only
/* All results, errors and bytes are those of libc, and descriptors mean what they mean without the library. */
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- results and errors ---- */

static int errno_is_kept(void)
{
	CHECK(!standin_connect(server, &first, -1));
	errno = ENOTBLK;
	CHECK(!standin_call(&first, DATA) && fake.unlends == 1);
	CHECK(errno == ENOTBLK);
	fake.lend_error = EPERM;
	CHECK(!standin_call(&first, 0) && errno == ENOTBLK);
	return 0;
}

static int a_full_pipe(void)
{
	static char bytes[1 << 20];
	ssize_t wrote;

	CHECK(!standin_connect(server, &first, -1));
	atomic_store(&server->gated, true);
	CHECK(!fcntl(first.request, F_SETFL, O_NONBLOCK));
	wrote = writev(first.request,
		       (struct iovec[]){ { bytes, HEADER }, { bytes, sizeof(bytes) } }, 2);
	CHECK(wrote > HEADER && wrote < (ssize_t)sizeof(bytes));
	CHECK(fake.lends == 1 && fake.unlends == 0);
	errno = 0;
	CHECK(write(first.request, bytes, HEADER) == -1 && errno == EAGAIN);
	CHECK(fake.lends == fake.unlends + 1 || fake.lends == fake.unlends);
	CHECK(fake.unlends >= 1);
	return 0;
}

static int noted_pipe[2];

static int bad_arguments(void)
{
	/* Unknown to the compiler. */
	void *volatile bad = (void *)1;
	volatile int minus = -1;
	int lends;
	char byte;

	CHECK(!standin_connect(server, &first, -1));
	errno = 0;
	CHECK(write(-1, "", 1) == -1 && errno == EBADF);
	CHECK(writev(-1, bad, 1) == -1 && errno == EBADF);
	errno = 0;
	CHECK(read(-1, &byte, 1) == -1 && errno == EBADF);
	errno = 0;
	CHECK(write(first.request, bad, HEADER) == -1 && errno == EFAULT);
	CHECK(fake.lends == 1 && fake.unlends == 1);
	errno = 0;
	CHECK(writev(first.request, bad, 1) == -1 && errno == EFAULT);
	errno = 0;
	CHECK(writev(first.request, bad, minus) == -1 && errno == EINVAL);
	errno = 0;
	CHECK(writev(first.request, bad, 0) == 0 && errno == 0);
	errno = 0;
	CHECK(dup2(-1, first.request) == -1 && errno == EBADF);
	errno = 0;
	CHECK(dup3(first.request, first.request, 0) == -1 && errno == EINVAL);
	CHECK(dup2(first.request, first.request) == first.request);
	errno = 0;
	CHECK(close(-1) == -1 && errno == EBADF);
	errno = 0;
	CHECK(pipe2(noted_pipe, -1) == -1 && errno == EINVAL);
	/* All of that has not made it another pipe. */
	lends = fake.lends;
	CHECK(!standin_call(&first, 0) && fake.lends == lends + 1 && fake.unlends == fake.lends);
	return 0;
}

static void write_a_byte(int signal)
{
	(void)signal;
	if (write(noted_pipe[1], "", 1) != 1)
		abort();
}

static void *interrupt_reader(void *tid)
{
	while (!sleeps_in_read(*(pid_t *)tid, first.reply))
		sched_yield();
	syscall(SYS_tgkill, getpid(), *(pid_t *)tid, SIGUSR1);
	return NULL;
}

static int signal_while_the_reply_is_read(void)
{
	struct sigaction action = { .sa_handler = write_a_byte };
	char reply[HEADER];
	pid_t tid = gettid();
	pthread_t thread;

	CHECK(!standin_connect(server, &first, -1) && !pipe(noted_pipe));
	CHECK(!sigaction(SIGUSR1, &action, NULL));
	atomic_store(&server->gated, true);
	atomic_store(&server->may_read, 1);
	CHECK(!standin_write_request(&first, 0));
	CHECK(!pthread_create(&thread, NULL, interrupt_reader, &tid));
	errno = 0;
	CHECK(read(first.reply, reply, HEADER) == -1 && errno == EINTR);
	pthread_join(thread, NULL);
	CHECK(fake.lends == 1 && !fake.unlends);
	CHECK(syscall(SYS_read, noted_pipe[0], reply, sizeof(reply)) == 1);
	atomic_store(&server->gated, false);
	CHECK(!standin_read_reply(&first, 0) && fake.unlends == 1);
	return 0;
}

static int reply_of_a_nonblocking_pipe(void)
{
	char reply[HEADER];

	CHECK(!standin_connect(server, &first, -1));
	CHECK(!fcntl(first.reply, F_SETFL, O_NONBLOCK));
	atomic_store(&server->gated, true);
	CHECK(!standin_write_request(&first, 0));
	errno = 0;
	CHECK(read(first.reply, reply, HEADER) == -1 && errno == EAGAIN && !fake.unlends);
	CHECK(!fcntl(first.reply, F_SETFL, 0));
	atomic_store(&server->gated, false);
	CHECK(!standin_read_reply(&first, 0) && fake.unlends == 1);
	return 0;
}

/* ---- descriptors that become others ---- */

/* @fd is a pipe's write end that has nothing to do with the server. */
static int check_no_request(int fd)
{
	char bytes[HEADER] = "";
	int before = fake.lends;

	CHECK(write(fd, bytes, HEADER) == HEADER);
	CHECK(fake.lends == before);
	return 0;
}

static int dup_over_a_request_pipe(void)
{
	int own[2];

	CHECK(!standin_connect(server, &first, -1) && !pipe(own));
	CHECK(dup2(own[1], first.request) == first.request && !check_no_request(first.request));
	return 0;
}

static int dup3_over_a_request_pipe(void)
{
	int own[2];

	CHECK(!standin_connect(server, &first, -1) && !pipe(own));
	CHECK(dup3(own[1], first.request, 0) == first.request && !check_no_request(first.request));
	return 0;
}

/* By a system call that the library does not see, as the only one. */
static int reopen(int fd)
{
	int own[2];

	CHECK(!syscall(SYS_pipe2, own, 0));
	/* The number may be the reader's. */
	CHECK(fcntl(own[0], F_DUPFD, fd + 1) >= 0);
	CHECK(own[1] == fd || syscall(SYS_dup3, own[1], fd, 0) == fd);
	return check_no_request(fd);
}

static int closed_request_pipes(void)
{
	struct standin_client c[3];

	CHECK(!standin_connect(server, &first, -1));
	for (int i = 0; i < 3; i++)
		CHECK(!standin_add_thread(&first, &c[i]) && !standin_call(&c[i], 0));
	CHECK(!close(c[0].request) && !reopen(c[0].request));
	CHECK(!close_range(c[1].request, c[1].request, 0) && !reopen(c[1].request));
	closefrom(c[2].request);
	CHECK(!reopen(c[2].request));
	return 0;
}

static int close_range_that_closes_nothing(void)
{
	CHECK(!standin_connect(server, &first, -1));
	errno = 0;
	CHECK(close_range(first.request, ~0u, ~0) == -1 && errno == EINVAL);
	CHECK(close_range(9, 3, 0) == -1 && errno == EINVAL);
	CHECK(!close_range(first.request, ~0u, 4 /* CLOEXEC */));
	CHECK(!standin_call(&first, DATA) && fake.lends == 1);
	return 0;
}

static int the_own_descriptor_is_out_of_the_way(void)
{
	int lowest, own;

	CHECK(!standin_connect(server, &first, -1));
	lowest = dup(0);
	close(lowest);
	CHECK(!standin_call(&first, 0));
	CHECK(dup(0) == lowest && !close(lowest));
	own = fake.dev;
	CHECK(own >= 500 && fcntl(own, F_GETFD) == FD_CLOEXEC);
	errno = 0;
	CHECK(close(own) == -1 && errno == EBADF);
	CHECK(!close_range(lowest, ~0u, 0) && !close_range(own, own, 0));
	closefrom(lowest);
	CHECK(fcntl(own, F_GETFD) == FD_CLOEXEC);
	CHECK(!standin_call(&first, 0) && fake.opens == 1);
	/* The program wants the number for itself. */
	CHECK(dup2(0, own) == own && !standin_call(&first, 0));
	CHECK(fake.opens == 2 && fake.dev != own && !close(own));
	return 0;
}

/* ---- other processes and threads ---- */

static int fork_and_exec(void)
{
	int status;
	pid_t pid;

	CHECK(!standin_connect(server, &first, -1) && !standin_call(&first, 0));
	pid = fork();
	if (!pid)
		_exit(standin_call(&first, DATA) || fake.lends != 2 || fake.unlends != 2);
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	CHECK(!standin_call(&first, DATA) && fake.lends == 2);
	pid = fork();
	if (!pid) {
		execl("/proc/self/exe", "/proc/self/exe", "count-descriptors", NULL);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	return 0;
}

/* All of the parent's are close-on-exec, the library's own one too. */
static int count_descriptors(void)
{
	for (int fd = 500; fd < 2000; fd++)
		CHECK(fcntl(fd, F_GETFD) == -1);
	return 0;
}

static void *read_for_ever(void *tid)
{
	char byte;

	*(atomic_int *)tid = gettid();
	standin_write_request(&first, 0);
	read(first.reply, &byte, 1);
	return NULL;
}

static int reading_thread_is_cancelled(void)
{
	atomic_int tid = 0;
	pthread_t thread;
	void *ret;

	CHECK(!standin_connect(server, &first, -1));
	atomic_store(&server->gated, true);
	CHECK(!pthread_create(&thread, NULL, read_for_ever, &tid));
	while (!tid || !sleeps_in_read(tid, first.reply))
		sched_yield();
	CHECK(!pthread_cancel(thread) && !pthread_join(thread, &ret) && ret == PTHREAD_CANCELED);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SHIM_TEST(errno_is_kept),
		SHIM_TEST(a_full_pipe),
		SHIM_TEST(bad_arguments),
		SHIM_TEST(signal_while_the_reply_is_read),
		SHIM_TEST(reply_of_a_nonblocking_pipe),
		SHIM_TEST(dup_over_a_request_pipe),
		SHIM_TEST(dup3_over_a_request_pipe),
		SHIM_TEST(closed_request_pipes),
		SHIM_TEST(close_range_that_closes_nothing),
		SHIM_TEST(the_own_descriptor_is_out_of_the_way),
		SHIM_TEST(fork_and_exec),
		SHIM_TEST(reading_thread_is_cancelled),
	};

	return RUN_SHIM_TESTS(argc, argv, tests, count_descriptors);
}
