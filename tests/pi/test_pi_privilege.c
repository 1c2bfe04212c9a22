// SPDX-License-Identifier: GPL-2.0-only
/*
 * No privilege comes with a boost: who has no right to real-time priorities keeps
 * none, passes none to its children, and hands none on with a signal.
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

static int set_pi(int event, uint32_t policy, uint32_t prio)
{
	struct ntsync_event_set_pi_args args = { .policy = policy, .prio = prio };

	return nt(event, NTSYNC_IOC_EVENT_SET_PI, &args);
}

static int keep_only_sys_nice(void)
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

/* What the kernel grants a boosted task of an ordinary user, as it is FIFO 80. */
static const struct task_attr grabs[] = {
	{ .policy = SCHED_FIFO, .prio = HIGH, .flags = TASK_RESET_ON_FORK },
	{ .policy = SCHED_FIFO, .prio = 50, .flags = TASK_RESET_ON_FORK },
	{ .policy = SCHED_FIFO, .prio = 1, .flags = TASK_RESET_ON_FORK },
};

static int grab_and_unlock(struct partner *p)
{
	CHECK(!drop_privilege(0));
	for (size_t i = 0; i < ARRAY_SIZE(grabs); i++) {
		struct task_attr lasting = grabs[i];

		CHECK(!partner_lock(p, FOREVER));
		partner_stop(p);
		CHECK(!task_set_attr(0, grabs[i]));
		/* Without that flag its children would have it as well. */
		lasting.flags = 0;
		CHECK(task_set_attr(0, lasting) == -EPERM);
		CHECK(!partner_unlock(p));
		CHECK(!no_boost_here());
		partner_stop(p);
	}
	CHECK(task_set_attr(0, FIFO(1)) == -EPERM);
	return 0;
}

static void boosted_task_keeps_nothing(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_new(f, "high", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0);
	struct partner *p;

	only_ours(f, "no inheritance");
	p = partner_start(f, grab_and_unlock, mutex, 0);
	for (size_t i = 0; i < ARRAY_SIZE(grabs); i++) {
		partner_contend(p, waiter);
		partner_await(p);
		partner_assert_base(p);
		assert_true(arbiter_idle());
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
		partner_go(p);
	}
	partner_assert_ok(p);
}

/* The same when the boost goes because the waiter does. */
static int grab_and_stay(struct partner *p)
{
	CHECK(!drop_privilege(0));
	CHECK(!partner_lock(p, FOREVER));
	partner_stop(p);
	CHECK(!task_set_attr(0, grabs[1]));
	partner_stop(p);
	CHECK(!no_boost_here());
	CHECK(!partner_unlock(p));
	return 0;
}

static void waiter_leaves_after_a_grab(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_new(f, "high", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0);
	struct partner *p;

	only_ours(f, "no inheritance");
	p = partner_start(f, grab_and_stay, mutex, 0);
	partner_await(p);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	partner_go(p);
	partner_await(p);
	pthread_kill(waiter->thread, SIGUSR2);
	assert_ret(actor_finish(waiter), -EINTR);
	partner_assert_base(p);
	partner_go(p);
	partner_assert_ok(p);
}

/*
 * It is privileged for a while, as a set-user-ID program is, and after what it has grabbed
 * without that: nobody has noticed that before.
 */
static int grab_and_be_root(struct partner *p)
{
	const struct rlimit none = { 0, 0 };

	CHECK(!setrlimit(RLIMIT_RTPRIO, &none));
	CHECK(!setresuid(NOBODY, NOBODY, 0));
	CHECK(!prctl(PR_SET_DUMPABLE, 1));
	CHECK(!partner_lock(p, FOREVER));
	partner_stop(p);
	CHECK(!task_set_attr(0, grabs[1]));
	CHECK(!seteuid(0));
	partner_stop(p);
	CHECK(!setresuid(NOBODY, NOBODY, NOBODY));
	partner_stop(p);
	CHECK(!no_boost_here());
	CHECK(!partner_unlock(p));
	return 0;
}

static void later_rights_do_not_count(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_new(f, "high", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0);
	struct partner *p;

	only_ours(f, "no inheritance");
	p = partner_start(f, grab_and_be_root, mutex, 0);
	partner_contend(p, waiter);
	partner_await(p);
	until_looked_at(2);
	partner_go(p);
	partner_await(p);
	actor_interrupt(waiter);
	partner_go(p);
	partner_assert_ok(p);
}

/* Only the flag changes: the parameters are the same as what was lent. */
static int set_the_same(struct partner *p)
{
	struct task_attr attr;

	CHECK(!keep_only_sys_nice());
	CHECK(!partner_lock(p, FOREVER));
	partner_stop(p);
	CHECK(!task_set_attr(0, FIFO(HIGH)));
	CHECK(!partner_unlock(p));
	CHECK(!task_get_attr(0, &attr));
	CHECK(attr.policy == SCHED_FIFO);
	CHECK(attr.prio == HIGH);
	CHECK(!(attr.flags & TASK_RESET_ON_FORK));
	return 0;
}

static void the_same_for_good(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_new(f, "high", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0);
	struct partner *p;

	only_ours(f, "no inheritance");
	p = partner_start(f, set_the_same, mutex, 0);
	partner_contend(p, waiter);
	partner_assert_ok(p);
	assert_ret(actor_finish(waiter), 0);
}

/**
 * struct own_right - what it could have had anyway, it keeps; what not, not
 * @rtprio:  its RLIMIT_RTPRIO
 * @base:    what it was before
 * @sets:    what it makes of itself while it is boosted
 * @becomes: what it must be afterwards
 */
struct own_right {
	rlim_t rtprio;
	struct task_attr base, sets, becomes;
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
	/* From SCHED_IDLE there is no way up without RLIMIT_NICE. */
	{ 0, { .policy = SCHED_IDLE }, { .policy = SCHED_OTHER }, { .policy = SCHED_IDLE } },
	{ 0, { .policy = SCHED_IDLE }, { .policy = SCHED_BATCH }, { .policy = SCHED_IDLE } },
};

static int use_own_right(struct partner *p)
{
	const struct own_right *r = &rights[p->value];
	struct task_attr sets = r->sets, is;

	CHECK(!task_set_attr(0, r->base));
	CHECK(!drop_privilege(r->rtprio));
	CHECK(!partner_lock(p, FOREVER));
	partner_stop(p);
	/* As long as the boost is on, the kernel refuses to drop the flag. */
	sets.flags = TASK_RESET_ON_FORK;
	CHECK(!task_set_attr(0, sets));
	CHECK(!partner_unlock(p));
	CHECK(!task_get_attr(0, &is));
	CHECK(is.policy == r->becomes.policy);
	CHECK(is.prio == r->becomes.prio);
	CHECK(is.nice == r->becomes.nice);
	return 0;
}

static void own_rights_count(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_new(f, "high", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(rights); i++) {
		struct partner *p = partner_start(f, use_own_right, mutex, i);

		partner_contend(p, waiter);
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

static int child_of_boosted(void)
{
	CHECK(!no_boost_here());
	CHECK(task_set_attr(0, FIFO(1)) == -EPERM);
	return 0;
}

static int fork_while_boosted(struct partner *p)
{
	pid_t pid;

	CHECK(!drop_privilege(0));
	CHECK(!partner_lock(p, FOREVER));
	partner_stop(p);
	pid = fork();
	if (!pid)
		_exit(child_of_boosted());
	CHECK(pid > 0);
	CHECK(!child_finish(pid));
	CHECK(!partner_unlock(p));
	CHECK(!no_boost_here());
	return 0;
}

/* Forked while boosted, and after the boost has gone. */
static int grab_and_fork(struct partner *p)
{
	pid_t pid;

	CHECK(!drop_privilege(0));
	CHECK(!partner_lock(p, FOREVER));
	partner_stop(p);
	CHECK(!task_set_attr(0, grabs[0]));
	for (int boosted = 1; boosted >= 0; boosted--) {
		pid = fork();
		if (!pid)
			_exit(child_of_boosted());
		CHECK(pid > 0);
		CHECK(!child_finish(pid));
		if (boosted)
			CHECK(!partner_unlock(p));
	}
	CHECK(!no_boost_here());
	return 0;
}

static void children_get_nothing(void **state)
{
	static int (*const bodies[])(struct partner *p) = { fork_while_boosted, grab_and_fork };
	struct fixture *f = *state;
	struct actor *waiter = actor_new(f, "high", FIFO(HIGH));
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct partner *p = partner_start(f, bodies[i], mutex, 0);

		partner_contend(p, waiter);
		partner_assert_ok(p);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
}

/* ---- EVENT_SET_PI ---- */

/**
 * struct giver - who signals
 * @rtprio:   its RLIMIT_RTPRIO
 * @own:      its own FIFO priority, got as root
 * @sys_nice: it keeps CAP_SYS_NICE
 * @wants:    what it asks for
 * @gives:    what the consumer must get, 0 = nothing
 */
struct giver {
	rlim_t rtprio;
	uint32_t own;
	bool sys_nice;
	uint32_t wants, gives;
};

static const struct giver givers[] = {
	{ .wants = 99, .gives = 0 },
	{ .wants = 1, .gives = 0 },
	{ .rtprio = 20, .wants = 99, .gives = 20 },
	{ .rtprio = 20, .wants = 20, .gives = 20 },
	{ .rtprio = 20, .wants = 15, .gives = 15 },
	{ .own = 30, .wants = 80, .gives = 30 },
	{ .own = 30, .wants = 12, .gives = 12 },
	{ .rtprio = 40, .own = 30, .wants = 80, .gives = 40 },
	{ .rtprio = 20, .own = 30, .wants = 80, .gives = 30 },
	{ .rtprio = 99, .wants = 99, .gives = 99 },
	{ .sys_nice = true, .wants = 99, .gives = 99 },
};

static int become_giver(const struct giver *g)
{
	if (g->own)
		CHECK(!task_set_attr(0, FIFO(g->own)));
	if (g->sys_nice)
		return keep_only_sys_nice();
	return drop_privilege(g->rtprio);
}

static int give(struct partner *p)
{
	const struct giver *g = &givers[p->value];

	CHECK(!become_giver(g));
	/* Once for somebody who is waiting, once for somebody who comes later. */
	for (int i = 0; i < 2; i++) {
		CHECK(!set_pi(p->mutex, SCHED_FIFO, g->wants));
		partner_stop(p);
	}
	return 0;
}

static void check_given(struct actor *consumer, const struct giver *g, int event)
{
	assert_event(event, 0, 0);
	if (g->gives)
		assert_boosted(consumer, g->gives);
	else
		assert_base(consumer);
	assert_ret(actor_tries(consumer, event), -ETIMEDOUT);
	stage_assert_exact(consumer->f);
}

static void set_pi_is_clamped(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = actor_new(f, "consumer", NORMAL(0));
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(givers); i++) {
		struct partner *p;

		actor_lock(consumer, event);
		actor_assert_asleep(consumer);
		p = partner_start(f, give, event, i);
		assert_ret(actor_finish(consumer), 0);
		partner_await(p);
		check_given(consumer, &givers[i], event);
		partner_go(p);
		partner_await(p);
		assert_event(event, 0, 1);
		assert_ret(actor_tries(consumer, event), 0);
		check_given(consumer, &givers[i], event);
		partner_go(p);
		partner_assert_ok(p);
	}
}

/* As the kernel has it in include/linux/security.h. */
#define CAP_OPT_NOAUDIT 2

static int give_when_told(struct partner *p)
{
	CHECK(!drop_privilege(0));
	partner_stop(p);
	CHECK(!set_pi(p->mutex, SCHED_FIFO, 99));
	return 0;
}

/*
 * What it may hand on is a question, and not a try: for a confined program a "no" is not to be
 * in the audit log. The function that every module for security goes through is told so.
 */
static void the_question_is_not_audited(void **state)
{
	struct fixture *f = *state;
	struct partner *p;
	const char *at;
	char *text;
	int asked = 0;

	only_ours(f, "no EVENT_SET_PI");
	p = partner_start(f, give_when_told, new_auto(f, false), 0);
	partner_await(p);
	trace_probe("cap_capable", "cap=$arg3:s32 options=$arg4:u32", "cap == 23", p->pid);
	partner_go(p);
	partner_assert_ok(p);
	text = trace_probe_end();
	for (at = text; (at = strstr(at, " cap=23 options=")); asked++) {
		at += strlen(" cap=23 options=");
		assert_true(atoi(at) & CAP_OPT_NOAUDIT);
	}
	assert_true(asked > 0);
	free(text);
}

static void root_hands_on_anything(void **state)
{
	struct fixture *f = *state;
	struct actor *consumer = actor_new(f, "consumer", NORMAL(0));
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(set_pi(event, SCHED_FIFO, 99), 0);
	assert_ret(actor_tries(consumer, event), 0);
	assert_boosted(consumer, 99);
	assert_ret(actor_tries(consumer, event), -ETIMEDOUT);
}

/* An event of its own, signaled and consumed by itself. */
static int give_to_myself(struct partner *p)
{
	struct ntsync_wait_args args = ARGS(FDS(p->mutex), .owner = p->owner);

	CHECK(!drop_privilege(0));
	CHECK(!set_pi(p->mutex, SCHED_FIFO, 99));
	CHECK(!nt(p->f->dev, ANY, &args));
	CHECK(!no_boost_here());
	return 0;
}

static void nobody_boosts_himself(void **state)
{
	struct fixture *f = *state;

	only_ours(f, "no EVENT_SET_PI");
	partner_assert_ok(partner_start(f, give_to_myself, new_auto(f, false), 0));
}

/* What is lent to it is not its own: with @value, it has that by itself. */
static int give_while_boosted(struct partner *p)
{
	int event = p->value, own = p->owner % 100;

	if (own)
		CHECK(!task_set_attr(0, FIFO(own)));
	CHECK(!drop_privilege(0));
	CHECK(!partner_lock(p, FOREVER));
	partner_stop(p);
	CHECK(!set_pi(event, SCHED_FIFO, HIGH));
	CHECK(!partner_unlock(p));
	return 0;
}

static int give_while_boosted_as_fifo(struct partner *p)
{
	p->owner += 25;
	return give_while_boosted(p);
}

static void a_boosted_giver_gives_its_own(void **state)
{
	static int (*const bodies[])(struct partner *p) = { give_while_boosted,
							    give_while_boosted_as_fifo };
	struct fixture *f = *state;
	struct actor *waiter = actor_new(f, "high", FIFO(HIGH));
	struct actor *consumer = actor_new(f, "consumer", NORMAL(0));
	int mutex = new_mutex(f, 0, 0), event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		struct partner *p = partner_start(f, bodies[i], mutex, event);

		partner_contend(p, waiter);
		partner_assert_ok(p);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
		assert_ret(actor_tries(consumer, event), 0);
		if (i)
			assert_boosted(consumer, 25);
		else
			assert_base(consumer);
		assert_ret(actor_tries(consumer, event), -ETIMEDOUT);
	}
}

/* ---- requests on a channel ---- */

static int call(struct partner *p)
{
	const struct giver *g = &givers[p->value];

	CHECK(!become_giver(g));
	CHECK(!send_here(p->mutex, g->wants));
	partner_stop(p);
	CHECK(!send_here(p->mutex, g->wants));
	return 0;
}

/* Reported is what is left of it, and that is lent. */
static void check_request(struct actor *server, const struct giver *g)
{
	assert_ret(actor_finish(server), 0);
	assert_int_equal(server->got.prio, g->gives);
	if (g->gives)
		assert_boosted(server, g->gives);
	else
		assert_base(server);
	assert_true(g->gives || arbiter_idle());
	assert_ret(reply_here(server->channel, server->got.entry_id), 0);
	assert_base(server);
}

static void send_is_clamped(void **state)
{
	struct fixture *f = *state;
	struct actor *server = actor_new(f, "server", NORMAL(0));
	int channel = stage_channel(f);

	only_ours(f, "no channels");
	for (size_t i = 0; i < ARRAY_SIZE(givers); i++) {
		struct partner *p;

		actor_parks(server, channel);
		p = partner_start(f, call, channel, i);
		check_request(server, &givers[i]);
		partner_await(p);
		partner_go(p);
		/* This time it has been pending. */
		while (!asleep_in(p->pid, p->tid, SEND))
			sleep_ms(1);
		actor_receive(server, channel);
		check_request(server, &givers[i]);
		partner_assert_ok(p);
		stage_assert_exact(f);
	}
}

static int call_while_boosted(struct partner *p)
{
	CHECK(!drop_privilege(0));
	CHECK(!partner_lock(p, FOREVER));
	partner_stop(p);
	CHECK(!send_here(p->value, HIGH));
	CHECK(!partner_unlock(p));
	return 0;
}

/* What is lent to it is passed on as long as that lasts, and is no right to ask for more. */
static void a_boosted_client_asks_for_its_own(void **state)
{
	struct fixture *f = *state;
	struct actor *waiter = actor_new(f, "waiter", FIFO(HOG));
	struct actor *server = actor_new(f, "server", NORMAL(0));
	int mutex = new_mutex(f, 0, 0), channel = stage_channel(f);
	struct partner *p;

	only_ours(f, "no channels");
	p = partner_start(f, call_while_boosted, mutex, channel);
	partner_await(p);
	actor_lock(waiter, mutex);
	actor_assert_asleep(waiter);
	partner_assert_boosted(p, HOG);
	actor_parks(server, channel);
	partner_go(p);
	assert_ret(actor_finish(server), 0);
	assert_int_equal(server->got.prio, 0);
	assert_boosted(server, HOG);
	actor_interrupt(waiter);
	assert_base(server);
	assert_ret(reply_here(channel, server->got.entry_id), 0);
	partner_assert_ok(p);
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
		PI_TEST(root_hands_on_anything),
		PI_TEST(nobody_boosts_himself),
		PI_TEST(a_boosted_giver_gives_its_own),
		PI_TEST(send_is_clamped),
		PI_TEST(a_boosted_client_asks_for_its_own),
		PI_TEST(the_question_is_not_audited), /* the last: it needs the kernel's probes */
	};

	return fixture_run(__FILE__, tests, ARRAY_SIZE(tests) - !has_trace_probes());
}
