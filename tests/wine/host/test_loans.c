// SPDX-License-Identifier: GPL-2.0-only
/* When the library lends, and when it does not. */
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/ntsync.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- loans around calls ---- */

static bool went_wrong;

/* Before the request is written, and after the reply was read. */
static void look_at_pipes(bool lends)
{
	int unread = 0;

	ioctl(lends ? first.request : first.reply, FIONREAD, &unread);
	if (unread || atomic_load(&server->answered) != (lends ? 0 : 1))
		went_wrong = true;
	if (lends)
		atomic_fetch_add(&server->may_read, 1);
}

static int loan_is_around_the_call(void)
{
	CHECK(!standin_connect(server, &first, -1));
	atomic_store(&server->gated, true);
	atomic_store(&server->may_answer, 1);
	fake.before = look_at_pipes;
	CHECK(!standin_call(&first, 0));
	CHECK(fake.lends == 1 && fake.unlends == 1 && !went_wrong);
	CHECK(fake.tid == (uint32_t)server->pid);
	return 0;
}

static int every_thread_lends(void)
{
	struct standin_client second;

	CHECK(!standin_connect(server, &first, -1) && !standin_add_thread(&first, &second));
	for (int i = 1; i <= 3; i++) {
		CHECK(!standin_call(&second, 0) && !standin_call(&first, DATA));
		CHECK(fake.lends == 2 * i && fake.unlends == 2 * i);
	}
	CHECK(fake.opens == 1);
	return 0;
}

/* The kernel also knows who listens at the socket. */
static int the_sender_is_not_asked_for(void)
{
	server->has_no_sender = true;
	CHECK(!standin_connect(server, &first, -1) && !standin_call(&first, 0));
	CHECK(fake.lends == 1 && fake.tid == (uint32_t)server->pid);
	return 0;
}

static void set_number(const char *variable, int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	setenv(variable, text, 1);
}

static int exec_client(void)
{
	int connection = standin_connection_for_child(&first), status;
	pid_t pid = fork();

	if (!pid) {
		set_number("WINESERVERSOCKET", connection);
		set_number("EXPECTED_SERVER", server->pid);
		execl("/proc/self/exe", "/proc/self/exe", "client", NULL);
		_exit(1);
	}
	close(connection);
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

static int started_process_lends(void)
{
	CHECK(!standin_connect(server, &first, -1));
	return exec_client();
}

/* What a process does that another one has started. */
static int be_started_client(void)
{
	struct standin_client c;

	have_driver();
	CHECK(!standin_connect(NULL, &c, atoi(getenv("WINESERVERSOCKET"))));
	CHECK(!standin_call(&c, DATA));
	CHECK(fake.lends == 1 && fake.unlends == 1);
	CHECK((int)fake.tid == atoi(getenv("EXPECTED_SERVER")));
	return 0;
}

/* ---- no loans ---- */

static int install_filter(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_writev, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	CHECK(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	return 0;
}

static int make_filtered_calls(void)
{
	CHECK(!install_filter());
	for (int i = 0; i < 100; i++)
		CHECK(!standin_call(&first, i % 2 ? DATA : 0));
	CHECK(!fake.opens && !fake.lends && fake.looks < 100);
	return 0;
}

/* Besides the look at the policy, which the test answers. */
static int normal_thread_makes_no_other_system_call(void)
{
	int status;
	pid_t pid;

	fake.policy = SCHED_OTHER;
	CHECK(!standin_connect(server, &first, -1));
	pid = fork();
	if (!pid)
		_exit(make_filtered_calls() ? 1 : 0);
	CHECK(waitpid(pid, &status, 0) == pid && !status);
	return 0;
}

static int policy_from_outside_is_seen(void)
{
	fake.policy = SCHED_OTHER;
	CHECK(!standin_connect(server, &first, -1) && !standin_call(&first, 0));
	CHECK(!fake.lends);
	fake.policy = SCHED_RR | SCHED_RESET_ON_FORK;
	while (!fake.lends)
		CHECK(!standin_call(&first, 0));
	fake.policy = SCHED_BATCH;
	for (int before = -1; before != fake.lends;) {
		int looks = fake.looks;

		before = fake.lends;
		while (fake.looks == looks)
			CHECK(!standin_call(&first, 0));
	}
	CHECK(fake.lends == fake.unlends);
	return 0;
}

static int without_a_driver_nothing_is_lent(void)
{
	fake.exists = false;
	CHECK(!standin_connect(server, &first, -1));
	for (int i = 0; i < 3; i++)
		CHECK(!standin_call(&first, 0));
	CHECK(fake.opens == 1 && !fake.lends && !fake.unlends);
	return 0;
}

static int without_the_feature_nothing_is_lent(void)
{
	int lowest;

	fake.features &= ~NTSYNC_FEATURE_LEND;
	CHECK(!standin_connect(server, &first, -1));
	lowest = dup(0);
	close(lowest);
	for (int i = 0; i < 3; i++)
		CHECK(!standin_call(&first, 0));
	CHECK(fake.opens == 1 && !fake.lends && !fake.unlends);
	CHECK(dup(0) == lowest);
	return 0;
}

static int errors_of_the_driver_stay_inside(void)
{
	CHECK(!standin_connect(server, &first, -1));
	fake.lend_error = ENOMEM;
	CHECK(!standin_call(&first, 0) && !standin_call(&first, 0));
	CHECK(fake.lends == 2 && !fake.unlends);
	fake.lend_error = EPERM;
	CHECK(!standin_call(&first, 0) && !standin_call(&first, 0));
	CHECK(fake.lends == 3 && !fake.unlends);
	return 0;
}

/* Neither the size nor the kind of the file alone makes a request. */
static int other_pipes_are_left_alone(void)
{
	char bytes[HEADER] = "";
	int own[2], elsewhere[2], sent[2], pair[2];

	CHECK(!standin_connect(server, &first, -1));
	CHECK(!pipe(own) && !pipe2(elsewhere, O_CLOEXEC) && !pipe(sent));
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	CHECK(!standin_send(pair[0], 'x', elsewhere[0]));
	CHECK(write(own[1], bytes, HEADER) == HEADER);
	CHECK(write(elsewhere[1], bytes, HEADER) == HEADER);
	/* A request has this size. */
	CHECK(!standin_send(first.socket, 'x', sent[0]));
	CHECK(write(sent[1], bytes, HEADER - 1) == HEADER - 1);
	CHECK(!fake.lends);
	return 0;
}

/* libc closes some descriptors itself, in fclose() for example. */
static int a_pipe_whose_number_is_anothers(void)
{
	char bytes[HEADER] = "";
	int own[2], other[2];

	CHECK(!standin_connect(server, &first, -1) && !pipe(own) && !pipe(other));
	CHECK(fcntl(own[0], F_DUPFD, 100) == 100);
	CHECK(syscall(SYS_dup3, other[0], own[0], 0) == own[0]);
	CHECK(!standin_send(first.socket, 'x', own[0]));
	CHECK(write(own[1], bytes, HEADER) == HEADER && !fake.lends);
	return 0;
}

/* Only the first descriptor that the server sends is a request pipe. */
static int pipes_that_come_later_are_left_alone(void)
{
	char bytes[HEADER] = "";
	int fd;

	CHECK(!standin_connect(server, &first, -1) && !standin_call(&first, 0));
	atomic_store(&server->sends_pipe, true);
	CHECK(!standin_call(&first, 0));
	fd = standin_receive(first.socket);
	CHECK(fd >= 0 && write(fd, bytes, HEADER) == HEADER);
	CHECK(fake.lends == 2);
	return 0;
}

/* Somebody else's socket of that name. */
static int other_servers_are_left_alone(void)
{
	CHECK(!standin_connect(server, &first, -1) && !standin_call(&first, 0));
	CHECK(!fake.lends);
	return 0;
}

/* ---- loans end ---- */

static int failed_request_ends_the_loan(void)
{
	signal(SIGPIPE, SIG_IGN);
	CHECK(!standin_connect(server, &first, -1) && !standin_call(&first, 0));
	kill(server->pid, SIGKILL);
	CHECK(waitpid(-1, NULL, 0) > 0);
	errno = 0;
	CHECK(standin_write_request(&first, 0) && errno == EPIPE);
	CHECK(fake.lends == 2 && fake.unlends == 2);
	return 0;
}

static int end_of_the_reply_pipe_ends_the_loan(void)
{
	char byte;

	CHECK(!standin_connect(server, &first, -1) && !standin_call(&first, 0));
	atomic_store(&server->gated, true);
	CHECK(!standin_write_request(&first, 0));
	kill(server->pid, SIGKILL);
	CHECK(waitpid(-1, NULL, 0) > 0);
	errno = EINTR;
	CHECK(read(first.reply, &byte, 1) == 0);
	CHECK(fake.lends == 2 && fake.unlends == 2);
	return 0;
}

static int other_use_ends_a_stray_loan(void)
{
	char bytes[HEADER] = "";
	int sent[2], own[2];

	CHECK(!standin_connect(server, &first, -1) && !pipe(sent) && !pipe(own));
	CHECK(!standin_send(first.socket, 'x', sent[0]));
	CHECK(write(sent[1], bytes, HEADER) == HEADER && fake.lends == 1 && !fake.unlends);
	CHECK(write(own[1], bytes, 1) == 1 && fake.unlends == 1);
	CHECK(write(sent[1], bytes, HEADER) == HEADER && fake.unlends == 1);
	CHECK(read(own[0], bytes, 1) == 1 && fake.unlends == 2);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		SHIM_TEST(loan_is_around_the_call),
		SHIM_TEST(every_thread_lends),
		SHIM_TEST(the_sender_is_not_asked_for),
		SHIM_TEST(started_process_lends),
		SHIM_TEST(normal_thread_makes_no_other_system_call),
		SHIM_TEST(policy_from_outside_is_seen),
		SHIM_TEST(without_a_driver_nothing_is_lent),
		SHIM_TEST(without_the_feature_nothing_is_lent),
		SHIM_TEST(errors_of_the_driver_stay_inside),
		SHIM_TEST(other_pipes_are_left_alone),
		SHIM_TEST(a_pipe_whose_number_is_anothers),
		SHIM_TEST(pipes_that_come_later_are_left_alone),
		OTHER_SERVER_TEST(other_servers_are_left_alone),
		SHIM_TEST(failed_request_ends_the_loan),
		SHIM_TEST(end_of_the_reply_pipe_ends_the_loan),
		SHIM_TEST(other_use_ends_a_stray_loan),
	};

	return RUN_SHIM_TESTS(argc, argv, tests, be_started_client);
}
