// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real-time threads that call a stand-in for Wine's server, with libntsync-wine.so: the server has their
 * priority during the call, and its own after it.
 */
#include "../pi/child.h"
#include "../pi/lend.h"
#include "preload.h"
#include "standin.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

static struct standin *server;
static struct pi_child *server_task;
static struct standin_client first;

/* ---- the server ---- */

static int serve(struct pi_child *p)
{
	/* The parent learns of @p later. */
	server_task = p;
	return standin_serve(server);
}

static void stop_server(void)
{
	pi_child_stop(server_task);
}

/* @before_answer: what it does in a call. */
static void start_server(struct fixture *f, void (*before_answer)(void))
{
	need_loans(f);
	server = standin_create();
	assert_non_null(server);
	server->before_answer = before_answer;
	server_task = pi_child_start(f, serve, 0, 0);
	for (unsigned int polls = 0; !atomic_load(&server->pid); polls++)
		let_others_run(polls);
	assert_int_equal(standin_connect(server, &first, -1), 0);
}

static void end_server(void)
{
	pi_child_assert_unboosted(server_task);
	pi_child_kill(server_task);
	standin_disconnect(&first);
	standin_remove(server);
}

static int call_server(struct actor *a, void *client)
{
	(void)a;
	return standin_call(client, 0);
}

/* ---- calls ---- */

static void a_call_is_not_held_up(void **state)
{
	struct fixture *f = *state;
	struct actor *client = actor_high(f);

	start_server(f, work_here);
	for (int i = 0; i < 3; i++) {
		actor_tell(client, call_server, &first);
		hog_release();
		assert_not_held_up(client, 0);
		pi_child_assert_unboosted(server_task);
	}
	end_server();
}

static void boosted_during_the_call(void **state)
{
	struct fixture *f = *state;
	struct actor *client = actor_high(f);

	start_server(f, stop_server);
	for (int i = 0; i < 3; i++) {
		actor_tell(client, call_server, &first);
		pi_child_await(server_task);
		pi_child_assert_boosted(server_task, HIGH);
		pi_child_go(server_task);
		assert_ret(actor_finish(client), 0);
		pi_child_assert_unboosted(server_task);
	}
	end_server();
}

static void normal_threads_lend_nothing(void **state)
{
	struct fixture *f = *state;
	struct actor *client = actor_normal(f);

	start_server(f, stop_server);
	actor_tell(client, call_server, &first);
	pi_child_await(server_task);
	pi_child_assert_unboosted(server_task);
	pi_child_go(server_task);
	assert_ret(actor_finish(client), 0);
	end_server();
}

static void the_higher_of_two_clients_counts(void **state)
{
	struct fixture *f = *state;
	struct actor *low = actor_low(f, "low"), *high = actor_high(f);
	struct standin_client second;

	start_server(f, stop_server);
	assert_int_equal(standin_add_thread(&first, &second), 0);
	actor_tell(low, call_server, &first);
	pi_child_await(server_task);
	pi_child_assert_boosted(server_task, LOW);
	actor_tell(high, call_server, &second);
	await_call(high);
	pi_child_assert_boosted(server_task, HIGH);
	pi_child_go(server_task);
	pi_child_await(server_task);
	assert_ret(actor_finish(low), 0);
	pi_child_assert_boosted(server_task, HIGH);
	pi_child_go(server_task);
	assert_ret(actor_finish(high), 0);
	close(second.request);
	close(second.reply);
	end_server();
}

/* The server has the priority of the thread, or has not yet. */
static bool calls_with(struct actor *client, int prio)
{
	struct task_attr attr;
	bool has;

	actor_tell(client, call_server, &first);
	pi_child_await(server_task);
	assert_ret(task_get_attr(server_task->tid, &attr), 0);
	has = (int)attr.prio == prio;
	pi_child_go(server_task);
	assert_ret(actor_finish(client), 0);
	return has;
}

static void a_policy_from_outside_counts(void **state)
{
	struct fixture *f = *state;
	struct actor *client = actor_normal(f);

	start_server(f, stop_server);
	assert_false(calls_with(client, HIGH));
	assert_ret(task_set_attr(client->tid, FIFO(HIGH)), 0);
	while (!calls_with(client, HIGH))
		;
	assert_ret(task_set_attr(client->tid, client->attr), 0);
	assert_false(calls_with(client, HIGH));
	end_server();
}

/* ---- the program ---- */

/*
 * The library keeps its descriptor of the device, and the fixture wants to find as many descriptors after
 * a test as before.
 */
static int let_library_open_device(void)
{
	const struct sched_param fifo = { .sched_priority = 1 }, normal = { 0 };
	pid_t pid;
	int ret;

	server = standin_create();
	if (!server || sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &fifo))
		return 0;
	pid = standin_fork_server(server);
	ret = standin_connect(server, &first, -1);
	if (!ret)
		ret = standin_call(&first, 0);
	standin_disconnect(&first);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	standin_remove(server);
	sched_setscheduler(0, SCHED_OTHER, &normal);
	return ret;
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(a_call_is_not_held_up),
		PI_TEST(boosted_during_the_call),
		PI_TEST(normal_threads_lend_nothing),
		PI_TEST(the_higher_of_two_clients_counts),
		PI_TEST(a_policy_from_outside_counts),
	};

	(void)argc;
	if (!is_preloaded())
		return preload(argv);
	if (let_library_open_device())
		return 1;
	return RUN(tests);
}
