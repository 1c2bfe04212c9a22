// SPDX-License-Identifier: GPL-2.0-only
/*
 * No privilege comes with a boost: a task that may not have real-time priorities does not keep one,
 * passes none to its children, and passes none on with a signal or a request.
 */
#include "channel.h"
#include "child.h"
#include "tracefs.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int drop_all_but_sys_nice(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 } };

	data[0].effective = data[0].permitted = 1u << CAP_SYS_NICE;
	CHECK(!prctl(PR_SET_KEEPCAPS, 1));
	CHECK(!drop_privilege(0));
	CHECK(!syscall(SYS_capset, &header, data));
	return 0;
}

/* ---- a boosted task helps itself ---- */

/* What the kernel lets a boosted task of an ordinary user set, as it is FIFO 80. */
static const struct task_attr grabs[] = {
	{ .policy = SCHED_FIFO, .prio = HIGH, .flags = TASK_RESET_ON_FORK },
	{ .policy = SCHED_FIFO, .prio = 50, .flags = TASK_RESET_ON_FORK },
	{ .policy = SCHED_FIFO, .prio = 1, .flags = TASK_RESET_ON_FORK },
};

static int grab_and_unlock(struct pi_child *p)
{
	CHECK(!drop_privilege(0));
	for (size_t i = 0; i < ARRAY_SIZE(grabs); i++) {
		struct task_attr lasting = grabs[i];

		CHECK(!pi_child_lock(p, FOREVER));
		pi_child_stop(p);
		CHECK(!task_set_attr(0, grabs[i]));
		/* Without that flag its children would have the priority too. */
		lasting.flags = 0;
		CHECK(task_set_attr(0, lasting) == -EPERM);
		CHECK(!pi_child_unlock(p));
		CHECK(!check_not_boosted());
		pi_child_stop(p);
	}
	CHECK(task_set_attr(0, FIFO(1)) == -EPERM);
	return 0;
}

static void boosted_task_keeps_nothing(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);
	struct pi_child *p;

	only_ours(f, "no inheritance");
	p = pi_child_start(f, grab_and_unlock, mutex, 0);
	for (size_t i = 0; i < ARRAY_SIZE(grabs); i++) {
		pi_child_contend(p, waiter);
		pi_child_await(p);
		pi_child_assert_unboosted(p);
		assert_true(arbiter_idle());
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
		pi_child_go(p);
	}
	pi_child_assert_ok(p);
}

/* The same when the boost ends because the waiter leaves. */
static int grab_and_stay(struct pi_child *p)
{
	CHECK(!drop_privilege(0));
	CHECK(!pi_child_lock(p, FOREVER));
	pi_child_stop(p);
	CHECK(!task_set_attr(0, grabs[1]));
	pi_child_stop(p);
	CHECK(!check_not_boosted());
	CHECK(!pi_child_unlock(p));
	return 0;
}

static void waiter_leaves_after_a_grab(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);
	struct pi_child *p;

	only_ours(f, "no inheritance");
	p = pi_child_start(f, grab_and_stay, mutex, 0);
	pi_child_await(p);
	actor_block_on(waiter, mutex);
	pi_child_go(p);
	pi_child_await(p);
	actor_interrupt(waiter);
	pi_child_assert_unboosted(p);
	pi_child_go(p);
	pi_child_assert_ok(p);
}

/*
 * The task becomes privileged for a while, as a set-user-ID program does, after it has grabbed a
 * priority without privilege, and before the arbiter has seen that.
 */
static int grab_and_be_root(struct pi_child *p)
{
	const struct rlimit none = { 0, 0 };

	CHECK(!setrlimit(RLIMIT_RTPRIO, &none));
	CHECK(!setresuid(NOBODY, NOBODY, 0));
	CHECK(!prctl(PR_SET_DUMPABLE, 1));
	CHECK(!pi_child_lock(p, FOREVER));
	pi_child_stop(p);
	CHECK(!task_set_attr(0, grabs[1]));
	CHECK(!seteuid(0));
	pi_child_stop(p);
	CHECK(!setresuid(NOBODY, NOBODY, NOBODY));
	pi_child_stop(p);
	CHECK(!check_not_boosted());
	CHECK(!pi_child_unlock(p));
	return 0;
}

static void later_rights_do_not_count(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);
	struct pi_child *p;

	only_ours(f, "no inheritance");
	p = pi_child_start(f, grab_and_be_root, mutex, 0);
	pi_child_contend(p, waiter);
	pi_child_await(p);
	until_looked_at(2);
	pi_child_go(p);
	pi_child_await(p);
	actor_interrupt(waiter);
	pi_child_go(p);
	pi_child_assert_ok(p);
}

/* The task sets the parameters of its boost, without the flag. */
static int set_same_for_good(struct pi_child *p)
{
	struct task_attr attr;

	CHECK(!drop_all_but_sys_nice());
	CHECK(!pi_child_lock(p, FOREVER));
	pi_child_stop(p);
	CHECK(!task_set_attr(0, FIFO(HIGH)));
	CHECK(!pi_child_unlock(p));
	CHECK(!task_get_attr(0, &attr));
	CHECK(attr.policy == SCHED_FIFO);
	CHECK(attr.prio == HIGH);
	CHECK(!(attr.flags & TASK_RESET_ON_FORK));
	return 0;
}

static void the_same_for_good(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);
	struct pi_child *p;

	only_ours(f, "no inheritance");
	p = pi_child_start(f, set_same_for_good, mutex, 0);
	pi_child_contend(p, waiter);
	pi_child_assert_ok(p);
	assert_ret(actor_finish(waiter), 0);
}

/**
 * struct own_right - a task keeps what it may have without the boost, and nothing else
 * @rtprio:  its RLIMIT_RTPRIO
 * @before:  its parameters before the boost
 * @sets:    what it sets while it is boosted
 * @becomes: what it must have afterwards
 */
struct own_right {
	rlim_t rtprio;
	struct task_attr before, sets, becomes;
};

static const struct own_right rights[] = {
	{ 0, { 0 }, { .policy = SCHED_BATCH, .nice = 5 }, { .policy = SCHED_BATCH, .nice = 5 } },
	{ 0, { 0 }, { .policy = SCHED_IDLE }, { .policy = SCHED_IDLE } },
	{ 20, { 0 }, { .policy = SCHED_FIFO, .prio = 15 }, { .policy = SCHED_FIFO, .prio = 15 } },
	{ 20, { 0 }, { .policy = SCHED_FIFO, .prio = 20 }, { .policy = SCHED_FIFO, .prio = 20 } },
	{ 20, { 0 }, { .policy = SCHED_RR, .prio = 20 }, { .policy = SCHED_RR, .prio = 20 } },
	{ 20, { 0 }, { .policy = SCHED_FIFO, .prio = 21 }, { .policy = SCHED_OTHER } },
	{ 20, { 0 }, { .policy = SCHED_RR, .prio = HIGH }, { .policy = SCHED_OTHER } },
	{ 0, { .policy = SCHED_FIFO, .prio = 30 }, { .policy = SCHED_FIFO, .prio = 25 },
	  { .policy = SCHED_FIFO, .prio = 25 } },
	{ 0, { .policy = SCHED_FIFO, .prio = 30 }, { .policy = SCHED_FIFO, .prio = 31 },
	  { .policy = SCHED_FIFO, .prio = 30 } },
	{ 0, { .policy = SCHED_FIFO, .prio = 30 }, { .policy = SCHED_OTHER },
	  { .policy = SCHED_OTHER } },
	/* Without RLIMIT_NICE a task can't leave SCHED_IDLE. */
	{ 0, { .policy = SCHED_IDLE }, { .policy = SCHED_OTHER }, { .policy = SCHED_IDLE } },
	{ 0, { .policy = SCHED_IDLE }, { .policy = SCHED_BATCH }, { .policy = SCHED_IDLE } },
};

static int use_own_right(struct pi_child *p)
{
	const struct own_right *r = &rights[p->value];
	struct task_attr sets = r->sets, is;

	CHECK(!task_set_attr(0, r->before));
	CHECK(!drop_privilege(r->rtprio));
	CHECK(!pi_child_lock(p, FOREVER));
	pi_child_stop(p);
	/* While the task is boosted the kernel does not let it drop the flag. */
	sets.flags = TASK_RESET_ON_FORK;
	CHECK(!task_set_attr(0, sets));
	CHECK(!pi_child_unlock(p));
	CHECK(!task_get_attr(0, &is));
	CHECK(is.policy == r->becomes.policy);
	CHECK(is.prio == r->becomes.prio);
	CHECK(is.nice == r->becomes.nice);
	return 0;
}

static void own_rights_count(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		struct pi_child *p = pi_child_start(f, use_own_right, mutex, i);

		pi_child_contend(p, waiter);
		if (child_finish(p->pid)) {
			p->reaped = true;
			fail_msg("case %zu", i);
		}
		p->reaped = true;
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
}

/* ---- its children ---- */

static int check_child(void)
{
	CHECK(!check_not_boosted());
	CHECK(task_set_attr(0, FIFO(1)) == -EPERM);
	return 0;
}

static int fork_while_boosted(struct pi_child *p)
{
	pid_t pid;

	CHECK(!drop_privilege(0));
	CHECK(!pi_child_lock(p, FOREVER));
	pi_child_stop(p);
	pid = fork();
	if (!pid)
		_exit(check_child());
	CHECK(pid > 0);
	CHECK(!child_finish(pid));
	CHECK(!pi_child_unlock(p));
	CHECK(!check_not_boosted());
	return 0;
}

/* Forked while boosted, and after the boost has gone. */
static int grab_and_fork(struct pi_child *p)
{
	pid_t pid;

	CHECK(!drop_privilege(0));
	CHECK(!pi_child_lock(p, FOREVER));
	pi_child_stop(p);
	CHECK(!task_set_attr(0, grabs[0]));
	for (int boosted = 1; boosted >= 0; boosted--) {
		pid = fork();
		if (!pid)
			_exit(check_child());
		CHECK(pid > 0);
		CHECK(!child_finish(pid));
		if (boosted)
			CHECK(!pi_child_unlock(p));
	}
	CHECK(!check_not_boosted());
	return 0;
}

static void children_get_nothing(void **state)
{
	static int (*const bodies[])(struct pi_child *p) = { fork_while_boosted, grab_and_fork };
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct pi_child *p = pi_child_start(f, bodies[i], mutex, 0);

		pi_child_contend(p, waiter);
		pi_child_assert_ok(p);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
}

/* ---- EVENT_SET_PI ---- */

/**
 * struct signaler - a task that signals an event
 * @rtprio:   its RLIMIT_RTPRIO
 * @own:      its own FIFO priority, set while it is root
 * @sys_nice: it keeps CAP_SYS_NICE
 * @wants:    the priority that it asks for
 * @gets:     the priority that the consumer must get, 0 = none
 */
struct signaler {
	rlim_t rtprio;
	uint32_t own;
	bool sys_nice;
	uint32_t wants, gets;
};

static const struct signaler signalers[] = {
	{ .wants = 99, .gets = 0 },
	{ .wants = 1, .gets = 0 },
	{ .rtprio = 20, .wants = 99, .gets = 20 },
	{ .rtprio = 20, .wants = 20, .gets = 20 },
	{ .rtprio = 20, .wants = 15, .gets = 15 },
	{ .own = 30, .wants = 80, .gets = 30 },
	{ .own = 30, .wants = 12, .gets = 12 },
	{ .rtprio = 40, .own = 30, .wants = 80, .gets = 40 },
	{ .rtprio = 20, .own = 30, .wants = 80, .gets = 30 },
	{ .rtprio = 99, .wants = 99, .gets = 99 },
	{ .sys_nice = true, .wants = 99, .gets = 99 },
};

static int become_signaler(const struct signaler *g)
{
	if (g->own)
		CHECK(!task_set_attr(0, FIFO(g->own)));
	if (g->sys_nice)
		return drop_all_but_sys_nice();
	return drop_privilege(g->rtprio);
}

static int signal_twice(struct pi_child *p)
{
	const struct signaler *g = &signalers[p->value];

	CHECK(!become_signaler(g));
	/* Once for a consumer that is waiting, once for one that comes later. */
	for (int i = 0; i < 2; i++) {
		CHECK(!set_event_pi(p->mutex, SCHED_FIFO, g->wants));
		pi_child_stop(p);
	}
	return 0;
}

static void check_consumer(struct actor *consumer, const struct signaler *g, int event)
{
	assert_event(event, 0, 0);
	if (g->gets)
		assert_boosted(consumer, g->gets);
	else
		assert_unboosted(consumer);
	assert_ret(actor_tries(consumer, event), -ETIMEDOUT);
	pi_assert_exact(consumer->f);
}

static void set_pi_is_clamped(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = actor_new(f, "consumer", NORMAL(0));
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(signalers); i++) {
		struct pi_child *p;

		actor_block_on(consumer, event);
		p = pi_child_start(f, signal_twice, event, i);
		assert_ret(actor_finish(consumer), 0);
		pi_child_await(p);
		check_consumer(consumer, &signalers[i], event);
		pi_child_go(p);
		pi_child_await(p);
		assert_event(event, 0, 1);
		assert_ret(actor_tries(consumer, event), 0);
		check_consumer(consumer, &signalers[i], event);
		pi_child_go(p);
		pi_child_assert_ok(p);
	}
}

/* As the kernel has it in include/linux/security.h. */
#define CAP_OPT_NOAUDIT 2

static int signal_when_told(struct pi_child *p)
{
	CHECK(!drop_privilege(0));
	pi_child_stop(p);
	CHECK(!set_event_pi(p->mutex, SCHED_FIFO, 99));
	return 0;
}

/*
 * The driver asks whether the task has CAP_SYS_NICE, but a "no" is no violation and must not appear
 * in the audit log of a confined program: the capability check must be made with CAP_OPT_NOAUDIT.
 */
static void the_check_is_not_audited(void **state)
{
	struct fixture *f = *state;
	struct pi_child *p;
	const char *at;
	char *text;
	int asked = 0;

	only_ours(f, "no EVENT_SET_PI");
	p = pi_child_start(f, signal_when_told, new_auto(f, false), 0);
	pi_child_await(p);
	trace_probe("cap_capable", "cap=$arg3:s32 options=$arg4:u32", "cap == 23", p->pid);
	pi_child_go(p);
	pi_child_assert_ok(p);
	text = trace_probe_end();
	for (at = text; (at = strstr(at, " cap=23 options=")); asked++) {
		at += strlen(" cap=23 options=");
		assert_true(atoi(at) & CAP_OPT_NOAUDIT);
	}
	assert_true(asked > 0);
	free(text);
}

static void root_passes_on_anything(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = actor_new(f, "consumer", NORMAL(0));
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_event_pi(event, SCHED_FIFO, 99), 0);
	assert_ret(actor_tries(consumer, event), 0);
	assert_boosted(consumer, 99);
	assert_ret(actor_tries(consumer, event), -ETIMEDOUT);
}

/* The task signals an event and consumes the signal itself. */
static int signal_itself(struct pi_child *p)
{
	struct ntsync_wait_args args = ARGS(FDS(p->mutex), .owner = p->owner);

	CHECK(!drop_privilege(0));
	CHECK(!set_event_pi(p->mutex, SCHED_FIFO, 99));
	CHECK(!nt(p->f->dev, ANY, &args));
	CHECK(!check_not_boosted());
	return 0;
}

static void no_task_boosts_itself(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no EVENT_SET_PI");
	pi_child_assert_ok(pi_child_start(f, signal_itself, new_auto(f, false), 0));
}

/* A boost is no privilege to pass on. The event is in @value, the task's own priority in @owner. */
static int signal_while_boosted(struct pi_child *p)
{
	int event = p->value, own = p->owner % 100;

	if (own)
		CHECK(!task_set_attr(0, FIFO(own)));
	CHECK(!drop_privilege(0));
	CHECK(!pi_child_lock(p, FOREVER));
	pi_child_stop(p);
	CHECK(!set_event_pi(event, SCHED_FIFO, HIGH));
	CHECK(!pi_child_unlock(p));
	return 0;
}

static int signal_while_boosted_as_fifo(struct pi_child *p)
{
	p->owner += 25;
	return signal_while_boosted(p);
}

static void a_boosted_signaler_passes_on_its_own(void **state)
{
	static int (*const bodies[])(struct pi_child *p) = { signal_while_boosted,
							    signal_while_boosted_as_fifo };
	struct fixture *f = *state;
	struct actor *waiter = actor_high(f);
	struct actor *consumer = actor_new(f, "consumer", NORMAL(0));
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct pi_child *p = pi_child_start(f, bodies[i], mutex, event);

		pi_child_contend(p, waiter);
		pi_child_assert_ok(p);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
		assert_ret(actor_tries(consumer, event), 0);
		if (i)
			assert_boosted(consumer, 25);
		else
			assert_unboosted(consumer);
		assert_ret(actor_tries(consumer, event), -ETIMEDOUT);
	}
}

/* ---- requests on a channel ---- */

static int send_twice(struct pi_child *p)
{
	const struct signaler *g = &signalers[p->value];

	CHECK(!become_signaler(g));
	CHECK(!send_here(p->mutex, g->wants));
	pi_child_stop(p);
	CHECK(!send_here(p->mutex, g->wants));
	return 0;
}

/* The receiver is told the permitted priority, and boosted by it. */
static void check_request(struct actor *server, const struct signaler *g)
{
	assert_ret(actor_finish(server), 0);
	assert_int_equal(server->got.prio, g->gets);
	if (g->gets)
		assert_boosted(server, g->gets);
	else
		assert_unboosted(server);
	assert_true(g->gets || arbiter_idle());
	assert_ret(reply_here(server->channel, server->got.entry_id), 0);
	assert_unboosted(server);
}

static void send_is_clamped(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_new(f, "server", NORMAL(0));
	int channel = pi_channel(f);

	only_ours(f, "no channels");
	for (size_t i = 0; i < ARRAY_SIZE(signalers); i++) {
		struct pi_child *p;

		actor_parks(server, channel);
		p = pi_child_start(f, send_twice, channel, i);
		check_request(server, &signalers[i]);
		pi_child_await(p);
		pi_child_go(p);
		/* The second request is pending before the server receives. */
		while (!asleep_in(p->pid, p->tid, SEND))
			sleep_ms(1);
		actor_receive(server, channel);
		check_request(server, &signalers[i]);
		pi_child_assert_ok(p);
		pi_assert_exact(f);
	}
}

static int send_while_boosted(struct pi_child *p)
{
	CHECK(!drop_privilege(0));
	CHECK(!pi_child_lock(p, FOREVER));
	pi_child_stop(p);
	CHECK(!send_here(p->value, HIGH));
	CHECK(!pi_child_unlock(p));
	return 0;
}

/* A boosted client passes its boost on while that lasts, but may not ask for more. */
static void a_boosted_client_asks_for_its_own(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_new(f, "waiter", FIFO(HOG));
	struct actor *server = actor_new(f, "server", NORMAL(0));
	int mutex = new_mutex(f, 0, 0), channel = pi_channel(f);
	struct pi_child *p;

	only_ours(f, "no channels");
	p = pi_child_start(f, send_while_boosted, mutex, channel);
	pi_child_await(p);
	actor_block_on(waiter, mutex);
	pi_child_assert_boosted(p, HOG);
	actor_parks(server, channel);
	pi_child_go(p);
	assert_ret(actor_finish(server), 0);
	assert_int_equal(server->got.prio, 0);
	assert_boosted(server, HOG);
	actor_interrupt(waiter);
	assert_unboosted(server);
	assert_ret(reply_here(channel, server->got.entry_id), 0);
	pi_child_assert_ok(p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(boosted_task_keeps_nothing),
		PI_TEST(waiter_leaves_after_a_grab),
		PI_TEST(later_rights_do_not_count),
		PI_TEST(the_same_for_good),
		PI_TEST(own_rights_count),
		PI_TEST(children_get_nothing),
		PI_TEST(set_pi_is_clamped),
		PI_TEST(root_passes_on_anything),
		PI_TEST(no_task_boosts_itself),
		PI_TEST(a_boosted_signaler_passes_on_its_own),
		PI_TEST(send_is_clamped),
		PI_TEST(a_boosted_client_asks_for_its_own),
		/* Last: main() leaves it out without kprobe events. */
		PI_TEST(the_check_is_not_audited),
	};

	return fixture_run(__FILE__, tests, ARRAY_SIZE(tests) - !has_trace_probes());
}
