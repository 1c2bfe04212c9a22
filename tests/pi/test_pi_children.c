// SPDX-License-Identifier: GPL-2.0-only
/*
 * A child of a boosted task starts with the parameters that its parent has without the boost,
 * whatever policy that is: exactly as if the parent had not been boosted.
 */
#include "child.h"

#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* ---- ways to create a child, which first of all writes down its own parameters ---- */

struct create_args {
	struct task_state *seen;
	const struct task_state *want;
};

static int write_state(void *seen)
{
	return task_get_state(0, seen) ? 1 : 0;
}

/* 0, or -ECHILD if the child failed. */
static int child_status(pid_t pid)
{
	return child_finish(pid) ? -ECHILD : 0;
}

static int create_by_fork(const struct create_args *b)
{
	pid_t pid = fork();

	if (!pid)
		_exit(write_state(b->seen));
	return pid < 0 ? -errno : child_status(pid);
}

static int create_by_vfork(const struct create_args *b)
{
	static char stack[65536];
	pid_t pid = clone(write_state, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD,
			  b->seen);

	return pid < 0 ? -errno : child_status(pid);
}

static void *thread_main(void *arg)
{
	write_state(arg);
	return NULL;
}

static int create_by_thread(const struct create_args *b)
{
	pthread_t thread;
	int ret = pthread_create(&thread, NULL, thread_main, b->seen);

	return ret ? -ret : -pthread_join(thread, NULL);
}

/* This program again. It gets the expected parameters as arguments, and compares them itself. */
static int spawn_helper(const struct task_attr *want, pid_t *pid)
{
	char policy[16], prio[16], nice[16], flags[16];
	char *argv[] = { "/proc/self/exe", "spawned", policy, prio, nice, flags, NULL };

	snprintf(policy, sizeof(policy), "%u", want->policy);
	snprintf(prio, sizeof(prio), "%u", want->prio);
	snprintf(nice, sizeof(nice), "%d", want->nice);
	snprintf(flags, sizeof(flags), "%llu", (unsigned long long)want->flags);
	return -posix_spawn(pid, argv[0], NULL, NULL, argv, environ);
}

static int check_spawned(char **argv)
{
	struct task_attr is;

	CHECK(!task_get_attr(0, &is));
	CHECK(is.policy == (uint32_t)atoi(argv[2]));
	CHECK(is.prio == (uint32_t)atoi(argv[3]));
	CHECK(is.nice == atoi(argv[4]));
	CHECK(is.flags == (uint64_t)atoi(argv[5]));
	return 0;
}

static int create_by_spawn(const struct create_args *b)
{
	pid_t pid;
	int ret = spawn_helper(&b->want->attr, &pid);

	/* The program has compared them itself. */
	*b->seen = *b->want;
	return ret ? ret : child_status(pid);
}

static const struct {
	const char *name;
	int (*create)(const struct create_args *b);
} ways[] = {
	{ "fork()", create_by_fork },
	{ "vfork()", create_by_vfork },
	{ "pthread_create()", create_by_thread },
	{ "posix_spawn()", create_by_spawn },
};

/* ---- the parents ---- */

#define RESET TASK_RESET_ON_FORK

static const struct {
	const char *name;
	struct task_attr attr;
} parents[] = {
	{ "FIFO 30", { .policy = SCHED_FIFO, .prio = 30 } },
	{ "RR 30", { .policy = SCHED_RR, .prio = 30 } },
	{ "normal", { .policy = SCHED_OTHER } },
	{ "nice 19", { .policy = SCHED_OTHER, .nice = 19 } },
	{ "nice -5", { .policy = SCHED_OTHER, .nice = -5 } },
	{ "batch, nice 7", { .policy = SCHED_BATCH, .nice = 7 } },
	{ "idle", { .policy = SCHED_IDLE } },
	{ "FIFO 30, reset on fork", { .policy = SCHED_FIFO, .prio = 30, .flags = RESET } },
	{ "RR 30, reset on fork", { .policy = SCHED_RR, .prio = 30, .flags = RESET } },
	{ "nice -5, reset on fork", { .policy = SCHED_OTHER, .nice = -5, .flags = RESET } },
	{ "nice 19, reset on fork", { .policy = SCHED_OTHER, .nice = 19, .flags = RESET } },
	{ "idle, reset on fork", { .policy = SCHED_IDLE, .flags = RESET } },
};

/* In memory that the children share. */
struct child_states {
	struct task_state unboosted, boosted;
};

static struct child_states *new_states(void)
{
	struct child_states *states = mmap(NULL, sizeof(*states), PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(states != MAP_FAILED);
	return states;
}

static int create_unboosted(struct actor *a, void *arg)
{
	struct child_states *states = arg;

	(void)a;
	return create_by_fork(&(struct create_args){ .seen = &states->unboosted });
}

/**
 * struct create_job - creates a child of a boosted parent
 * @way: index in ways
 */
struct create_job {
	size_t way;
	struct child_states *states;
};

static int create_boosted(struct actor *a, void *arg)
{
	const struct create_job *d = arg;

	(void)a;
	return ways[d->way].create(&(struct create_args){ .seen = &d->states->boosted,
						  .want = &d->states->unboosted });
}

static void check_way(struct actor *parent, struct child_states *states, size_t way,
		      const char *name)
{
	struct create_job d = { .way = way, .states = states };
	char who[96];
	int ret = actor_do(parent, create_boosted, &d);

	snprintf(who, sizeof(who), "child of %s by %s", name, ways[way].name);
	fixture_assert_ret(ret, 0, who, __FILE__, __LINE__);
	assert_true(task_state_is_as(&states->boosted, &states->unboosted, who));
}

static void start_with_what_the_parent_is_without_boost(void **state)
{
	struct fixture *f = *state;
	struct child_states *states = new_states();
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
		struct actor *parent = actor_new(f, parents[i].name, parents[i].attr);
		struct actor *waiter = actor_high(f);

		assert_ret(actor_do(parent, create_unboosted, states), 0);
		contend(parent, waiter, mutex);
		for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
			check_way(parent, states, way, parents[i].name);
			assert_boosted(parent, HIGH);
		}
		end_contention(parent, waiter, mutex);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
	munmap(states, sizeof(*states));
}

/* A child gets the parameters that the parent has set for itself while it was boosted. */
static int set_and_create_child(struct actor *a, void *arg)
{
	struct child_states *states = arg;
	int ret = task_set_attr(0, ATTR(.policy = SCHED_RR, .prio = 25));

	(void)a;
	return ret ? ret : create_by_fork(&(struct create_args){ .seen = &states->boosted });
}

static void follow_a_changed_parent(void **state)
{
	struct fixture *f = *state;
	struct actor *parent = actor_new(f, "parent", FIFO(30)), *waiter = actor_high(f);
	struct child_states *states = new_states();
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	contend(parent, waiter, mutex);
	assert_ret(actor_do(parent, set_and_create_child, states), 0);
	assert_int_equal(states->boosted.attr.policy, SCHED_RR);
	assert_int_equal(states->boosted.attr.prio, 25);
	assert_ret(actor_unlocks(parent, mutex), 0);
	parent->unboosted.attr.policy = SCHED_RR;
	parent->unboosted.attr.prio = 25;
	assert_unboosted(parent);
	assert_ret(actor_finish(waiter), 0);
	munmap(states, sizeof(*states));
}

/* The same for a boost by EVENT_SET_PI. */
static int consume_and_create_child(struct actor *a, void *arg)
{
	struct child_states *states = arg;
	int ret = wait_any_here(a, a->objs[0], 0);

	return ret ? ret : create_by_fork(&(struct create_args){ .seen = &states->boosted });
}

static void of_a_consumer(void **state)
{
	struct fixture *f = *state;
	struct actor *parent = actor_new(f, "consumer", FIFO(30));
	struct child_states *states = new_states();
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(actor_do(parent, create_unboosted, states), 0);
	assert_ret(set_event_pi(event, SCHED_FIFO, HIGH), 0);
	parent->objs[0] = event;
	assert_ret(actor_do(parent, consume_and_create_child, states), 0);
	assert_boosted(parent, HIGH);
	assert_ret(actor_tries(parent, event), -ETIMEDOUT);
	assert_true(task_state_is_as(&states->boosted, &states->unboosted, "child"));
	munmap(states, sizeof(*states));
}

/* ---- the boosted parent is not preempted while it spawns ---- */

enum { BETWEEN = 20 };

/**
 * struct race - a parent that spawns, and a hog of lower priority
 * @spawned: the child has ended
 * @first:   the hog has used up its time before that. It burns less than one second, after which
 *           the kernel lets normal tasks run beside real-time ones
 */
struct race {
	atomic_bool spawned;
	bool first;
};

static int burn_until_spawned(struct actor *a, void *arg)
{
	struct race *race = arg;
	uint64_t end = now_ns(CLOCK_THREAD_CPUTIME_ID) + NS_PER_SEC / 2;

	(void)a;
	while (!atomic_load(&race->spawned) && now_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		;
	race->first = !atomic_load(&race->spawned);
	return 0;
}

static int spawn_and_wait(struct actor *a, void *arg)
{
	struct race *race = arg;
	pid_t pid;
	int ret = spawn_helper(&a->unboosted.attr, &pid);

	if (!ret)
		ret = child_status(pid);
	atomic_store(&race->spawned, true);
	return ret;
}

static void spawning_is_not_late(void **state)
{
	struct fixture *f = *state;
	struct actor *parent = actor_new(f, "parent", FIFO(30)), *waiter = actor_high(f);
	struct actor *hog = actor_new(f, "hog between", FIFO(BETWEEN));
	struct race race = { .first = false };
	int mutex = new_mutex(f, 0, 0), ret;

	only_ours(f, "no inheritance");
	contend(parent, waiter, mutex);
	actor_tell(parent, spawn_and_wait, &race);
	actor_tell(hog, burn_until_spawned, &race);
	assert_ret(actor_finish(hog), 0);
	ret = actor_finish(parent);
	assert_false(race.first);
	assert_ret(ret, 0);
	actor_pass_mutex(parent, waiter, mutex);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(start_with_what_the_parent_is_without_boost),
		PI_TEST(follow_a_changed_parent),
		PI_TEST(of_a_consumer),
		PI_TEST(spawning_is_not_late),
	};

	if (argc == 6 && !strcmp(argv[1], "spawned"))
		return check_spawned(argv);
	return RUN(tests);
}
