// SPDX-License-Identifier: GPL-2.0-only
/* Signals and keys on a pseudo-terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl.h"
#include "terminal.h"

#define LONG 300

static void give_up(int sig)
{
	(void)sig;
	_exit(99);
}

/* The parent may have had them ignored, as nohup does, and a shell for background jobs. */
static void default_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_DFL);
}

/* Runs @fn in a child and returns its exit status; 99 if it took too long or was killed. */
static int run_in_child(int (*fn)(int arg), int arg)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		default_signals();
		signal(SIGALRM, give_up);
		alarm(20);
		_exit(fn(arg));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/* The signal comes while a screen is being made, just before the pause. */
static int signaled_before_the_pause(int sig)
{
	struct terminal t;

	terminal_begin(&t, true);
	raise(sig);
	if (terminal_pause(&t, LONG) >= 0)
		return 1;
	terminal_end(&t);
	return 0;
}

static void no_signal_is_lost(void **state)
{
	(void)state;
	assert_int_equal(run_in_child(signaled_before_the_pause, SIGINT), 0);
	assert_int_equal(run_in_child(signaled_before_the_pause, SIGTERM), 0);
	assert_int_equal(run_in_child(signaled_before_the_pause, SIGHUP), 0);
	assert_int_equal(run_in_child(signaled_before_the_pause, SIGQUIT), 0);
}

static bool check_echo(void)
{
	struct termios now;

	return !tcgetattr(STDIN_FILENO, &now) && now.c_lflag & ECHO;
}

/* Writes a byte at the beginning of each pause. */
static int run_program(int out)
{
	struct terminal t;
	int key;

	terminal_begin(&t, false);
	do {
		if (write(out, "p", 1) != 1)
			return 1;
		key = terminal_pause(&t, LONG);
	} while (key >= 0);
	terminal_end(&t);
	return 0;
}

static void require(bool right, int line)
{
	if (right)
		return;
	fprintf(stderr, "# line %d\n", line);
	_exit(1);
}

#define CHECK(what) require(what, __LINE__)

/* What a shell does with its job, and the results that it must get. */
static int run_shell(int to_terminal)
{
	int out[2], status;
	char byte;
	pid_t job;

	signal(SIGTTOU, SIG_IGN);
	CHECK(!pipe(out) && check_echo());
	job = fork();
	if (!job) {
		setpgid(0, 0);
		tcsetpgrp(STDIN_FILENO, getpid());
		signal(SIGTTOU, SIG_DFL);
		_exit(run_program(out[1]));
	}
	CHECK(read(out[0], &byte, 1) == 1 && !check_echo());
	CHECK(!kill(job, SIGTSTP) && waitpid(job, &status, WUNTRACED) == job);
	CHECK(WIFSTOPPED(status) && check_echo());
	CHECK(!kill(job, SIGCONT));
	CHECK(read(out[0], &byte, 1) == 1 && !check_echo());
	/* Any key ends a pause. */
	CHECK(write(to_terminal, "x", 1) == 1 && read(out[0], &byte, 1) == 1);
	CHECK(write(to_terminal, "q", 1) == 1 && waitpid(job, &status, WUNTRACED) == job);
	CHECK(WIFEXITED(status) && !WEXITSTATUS(status) && check_echo());
	return 0;
}

/* As in `top | head`: the reader may close the pipe at any moment. */
static int run_shell_with_pipe(void)
{
	struct terminal t;

	terminal_begin(&t, false);
	CHECK(check_echo());
	terminal_end(&t);
	return 0;
}

/* @piped: a descriptor for the output. */
static int run_with_terminal(int piped)
{
	int master, slave;

	CHECK(!openpty(&master, &slave, NULL, NULL, NULL));
	CHECK(setsid() >= 0 && dup2(slave, STDIN_FILENO) >= 0);
	CHECK(dup2(piped ? piped : slave, STDOUT_FILENO) >= 0);
	CHECK(!ioctl(STDIN_FILENO, TIOCSCTTY, 0));
	return piped ? run_shell_with_pipe() : run_shell(master);
}

static void stopped_by_the_user(void **state)
{
	(void)state;
	assert_int_equal(run_in_child(run_with_terminal, 0), 0);
}

static void output_into_a_pipe(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(run_in_child(run_with_terminal, ends[1]), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_signal_is_lost),
		cmocka_unit_test(stopped_by_the_user),
		cmocka_unit_test(output_into_a_pipe),
	};

	return cmocka_run_group_tests_name("terminal", tests, NULL, NULL);
}
