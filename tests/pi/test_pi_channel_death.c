// SPDX-License-Identifier: GPL-2.0-only
/*
 * A receiving thread exits, and a worker thread of the driver ends its clients' calls. The worker
 * does that with the priority that the exited thread had, and then has its own again.
 */
#include "channel.h"
#include "child.h"
#include "exit_worker.h"

#include <signal.h>

struct scenario {
	int channel;
	pid_t exit_worker;
	struct actor *server, *caller;
};

/* A server of FIFO 10 works on a request of this priority. */
static void set_up(struct scenario *s, struct fixture *f, int prio)
{
	only_ours(f, "no channels");
	*s = (struct scenario){
		.channel = pi_channel(f),
		.exit_worker = exit_worker_begin(),
		.server = actor_low(f, "server"),
		.caller = actor_new(f, "caller", FIFO(HIGH)),
	};
	actor_sends(s->caller, s->channel, prio);
	actor_receives(s->server, s->channel, s->caller);
}

static void its_clients_are_not_held_up(void **state)
{
	struct fixture *f = *state;
	struct scenario s;

	set_up(&s, f, HIGH);
	hog_release();
	actor_exit(s.server);
	assert_not_held_up(s.caller, -ECONNRESET);
	exit_worker_end(s.exit_worker);
}

/* The worker has a client without a priority to tell already when the urgent one comes. */
static void the_more_urgent_first(void **state)
{
	struct fixture *f = *state;
	struct actor *minor, *other;
	struct scenario s;

	set_up(&s, f, HIGH);
	minor = actor_new(f, "minor", NORMAL(0));
	other = actor_new(f, "other server", FIFO(LOW));
	actor_sends(minor, s.channel, 0);
	actor_receives(other, s.channel, minor);
	actor_exit(other);
	hog_release();
	actor_exit(s.server);
	assert_not_held_up(s.caller, -ECONNRESET);
	assert_ret(actor_finish(minor), -ECONNRESET);
	exit_worker_end(s.exit_worker);
}

/* Becomes a receiver, finds no request, and does something else. */
static void *receive_once(void *child)
{
	struct ntsync_channel_recv2_args got = { 0 };
	struct pi_child *p = child;

	p->tid = gettid();
	if (nt(p->value, TRY_RECV2, &got) != -EAGAIN)
		_exit(1);
	pi_child_stop(p);
	for (;;)
		pause();
	return NULL;
}

/* The main thread stays on the test's CPU. It is no receiver, so nothing boosts it. */
static int receive_on_cpu(struct pi_child *p, int cpu)
{
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	CHECK(!pthread_attr_init(&attr));
	CHECK(!pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus));
	CHECK(!pthread_create(&thread, &attr, receive_once, p));
	pthread_join(thread, NULL);
	return 0;
}

static int receive_on_own_cpu(struct pi_child *p)
{
	return receive_on_cpu(p, 0);
}

static int receive_on_other_cpu(struct pi_child *p)
{
	return receive_on_cpu(p, 1);
}

/* A process whose only receiver is a thread, and a caller that has not sent yet. */
struct process_scenario {
	int channel;
	pid_t exit_worker;
	struct pi_child *server;
	struct actor *caller;
};

static void set_up_process(struct process_scenario *s, struct fixture *f,
			   int (*receive)(struct pi_child *p))
{
	s->exit_worker = exit_worker_begin();
	s->channel = pi_channel(f);
	s->caller = actor_new(f, "caller", FIFO(HIGH));
	s->server = pi_child_start(f, receive, 0, s->channel);
	pi_child_await(s->server);
}

/* The hog did not delay the caller's EPIPE. */
static void check_broken(struct process_scenario *s)
{
	assert_not_held_up(s->caller, -EPIPE);
	pi_child_kill(s->server);
	exit_worker_end(s->exit_worker);
}

/*
 * The hog keeps the CPU from the main thread of a process that is being killed. A client must not
 * wait for that thread to close the channel: the process has no receiver left.
 */
static void pending_requests_do_not_wait_for_the_last_thread(void **state)
{
	struct fixture *f = *state;
	struct process_scenario s;

	only_ours(f, "no channels");
	set_up_process(&s, f, receive_on_own_cpu);
	actor_sends(s.caller, s.channel, HIGH);
	pi_child_assert_boosted(s.server, HIGH);
	hog_release();
	kill(s.server->pid, SIGKILL);
	check_broken(&s);
}

static bool thread_exists(const struct pi_child *p)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", p->pid, p->tid);
	return !access(path, F_OK);
}

/*
 * The only receiver dies on another CPU, without a priority. Neither the exit worker nor the server's
 * main thread runs before the caller sends: the test has the CPU, or the hog, while the test sleeps
 * for a lock of /proc. The worker has to take on the priority of the request.
 */
static void a_request_after_the_death_is_not_held_up(void **state)
{
	struct fixture *f = *state;
	struct process_scenario s;

	only_ours(f, "no channels");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		skip_because("one CPU");
	set_up_process(&s, f, receive_on_other_cpu);
	hog_release();
	kill(s.server->pid, SIGKILL);
	while (thread_exists(s.server))
		;
	hog_begin_count();
	actor_send(s.caller, s.channel, HIGH);
	check_broken(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(its_clients_are_not_held_up),
		PI_TEST(the_more_urgent_first),
		PI_TEST(pending_requests_do_not_wait_for_the_last_thread),
		PI_TEST(a_request_after_the_death_is_not_held_up),
	};

	return RUN(tests);
}
