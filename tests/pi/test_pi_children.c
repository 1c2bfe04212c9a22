// SPDX-License-Identifier: GPL-2.0-only
/*
 * A child of a boosted task starts with what its parent is without the boost, whatever
 * policy that is: exactly as if the parent had it while nobody lent it anything.
 */
#include "child.h"

#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* ---- ways of having a child, which writes down what it is as the first thing it does ---- */

struct birth {
	struct task_state *seen;
	const struct task_state *want;
};

static int look(void *seen)
{
	return task_get_state(0, seen) ? 1 : 0;
}

/* Its status, as -errno: 0 if it did well. */
static int child_status(pid_t pid)
{
	return child_finish(pid) ? -ECHILD : 0;
}

static int by_fork(const struct birth *b)
{
	pid_t pid = fork();

	if (!pid)
		_exit(look(b->seen));
	return pid < 0 ? -errno : child_status(pid);
}

static int by_vfork(const struct birth *b)
{
	static char stack[65536];
	pid_t pid = clone(look, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, b->seen);

	return pid < 0 ? -errno : child_status(pid);
}

static void *thread_looks(void *arg)
{
	look(arg);
	return NULL;
}

static int by_thread(const struct birth *b)
{
	pthread_t thread;
	int ret = pthread_create(&thread, NULL, thread_looks, b->seen);

	return ret ? -ret : -pthread_join(thread, NULL);
}

/* This program again, with what it has to be; it has its own eyes. */
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

static int spawned(char **argv)
{
	struct task_attr is;

	CHECK(!task_get_attr(0, &is));
	CHECK(is.policy == (uint32_t)atoi(argv[2]));
	CHECK(is.prio == (uint32_t)atoi(argv[3]));
	CHECK(is.nice == atoi(argv[4]));
	CHECK(is.flags == (uint64_t)atoi(argv[5]));
	return 0;
}

static int by_spawn(const struct birth *b)
{
	pid_t pid;
	int ret = spawn_helper(&b->want->attr, &pid);

	/* It has looked at itself. */
	*b->seen = *b->want;
	return ret ? ret : child_status(pid);
}

static const struct {
	const char *name;
	int (*bear)(const struct birth *b);
} ways[] = {
	{ "fork()", by_fork },
	{ "vfork()", by_vfork },
	{ "pthread_create()", by_thread },
	{ "posix_spawn()", by_spawn },
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

/* In memory that children share. */
struct album {
	struct task_state unboosted, boosted;
};

static struct album *new_album(void)
{
	struct album *album = mmap(NULL, sizeof(*album), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(album != MAP_FAILED);
	return album;
}

static int have_unboosted(struct actor *a, void *arg)
{
	struct album *album = arg;

	(void)a;
	return by_fork(&(struct birth){ .seen = &album->unboosted });
}

/**
 * struct delivery - an order: a child of a boosted parent
 * @way: index in ways
 */
struct delivery {
	size_t way;
	struct album *album;
};

static int have_boosted(struct actor *a, void *arg)
{
	const struct delivery *d = arg;

	(void)a;
	return ways[d->way].bear(&(struct birth){ .seen = &d->album->boosted,
						  .want = &d->album->unboosted });
}

static void check_way(struct actor *parent, struct album *album, size_t way, const char *name)
{
	struct delivery d = { .way = way, .album = album };
	char who[96];
	int ret = actor_do(parent, have_boosted, &d);

	snprintf(who, sizeof(who), "child of %s by %s", name, ways[way].name);
	fixture_assert_ret(ret, 0, who, __FILE__, __LINE__);
	assert_true(task_state_is_as(&album->boosted, &album->unboosted, who));
}

static void start_with_their_parents_base(void **state)
{
	struct fixture *f = *state;
	struct album *album = new_album();
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
		struct actor *parent = actor_new(f, parents[i].name, parents[i].attr);
		struct actor *waiter = actor_high(f);

		assert_ret(actor_do(parent, have_unboosted, album), 0);
		contend(parent, waiter, mutex);
		for (size_t way = 0; way < ARRAY_SIZE(ways); way++) {
			check_way(parent, album, way, parents[i].name);
			assert_boosted(parent, HIGH);
		}
		assert_ret(actor_unlocks(parent, mutex), 0);
		assert_base(parent);
		assert_ret(actor_finish(waiter), 0);
		assert_ret(actor_unlocks(waiter, mutex), 0);
	}
	munmap(album, sizeof(*album));
}

/* What the parent has made of itself meanwhile is what its children get. */
static int set_and_have_children(struct actor *a, void *arg)
{
	struct album *album = arg;
	int ret = task_set_attr(0, ATTR(.policy = SCHED_RR, .prio = 25));

	(void)a;
	return ret ? ret : by_fork(&(struct birth){ .seen = &album->boosted });
}

static void follow_a_changed_base(void **state)
{
	struct fixture *f = *state;
	struct actor *parent = actor_new(f, "parent", FIFO(30)), *waiter = actor_high(f);
	struct album *album = new_album();
	int mutex = new_mutex(f, 0, 0);

	only_ours(f, "no inheritance");
	contend(parent, waiter, mutex);
	assert_ret(actor_do(parent, set_and_have_children, album), 0);
	assert_int_equal(album->boosted.attr.policy, SCHED_RR);
	assert_int_equal(album->boosted.attr.prio, 25);
	assert_ret(actor_unlocks(parent, mutex), 0);
	parent->base.attr.policy = SCHED_RR;
	parent->base.attr.prio = 25;
	assert_base(parent);
	assert_ret(actor_finish(waiter), 0);
	munmap(album, sizeof(*album));
}

/* The same for a boost that came with a signal. */
static int take_and_have_children(struct actor *a, void *arg)
{
	struct album *album = arg;
	int ret = wait_any_here(a, a->objs[0], 0);

	return ret ? ret : by_fork(&(struct birth){ .seen = &album->boosted });
}

static void of_a_consumer(void **state)
{
	struct fixture *f = *state;
	struct actor *parent = actor_new(f, "consumer", FIFO(30));
	struct ntsync_event_set_pi_args args = { .policy = SCHED_FIFO, .prio = HIGH };
	struct album *album = new_album();
	int event = new_auto(f, false);

	only_ours(f, "no EVENT_SET_PI");
	assert_ret(actor_do(parent, have_unboosted, album), 0);
	assert_ret(nt(event, NTSYNC_IOC_EVENT_SET_PI, &args), 0);
	parent->objs[0] = event;
	assert_ret(actor_do(parent, take_and_have_children, album), 0);
	assert_boosted(parent, HIGH);
	assert_ret(actor_tries(parent, event), -ETIMEDOUT);
	assert_true(task_state_is_as(&album->boosted, &album->unboosted, "child"));
	munmap(album, sizeof(*album));
}

/* ---- the parent is not late ---- */

enum { BETWEEN = 20 };

/**
 * struct race - a parent that spawns, and a hog below it
 * @spawned: the child has come to its end
 * @first:   the hog has burnt its time before that; less than the second in which the kernel
 *           lets normal tasks run beside real-time ones
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
	int ret = spawn_helper(&a->base.attr, &pid);

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
	assert_ret(actor_unlocks(parent, mutex), 0);
	assert_ret(actor_finish(waiter), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		PI_TEST(start_with_their_parents_base),
		PI_TEST(follow_a_changed_base),
		PI_TEST(of_a_consumer),
		PI_TEST(spawning_is_not_late),
	};

	if (argc == 6 && !strcmp(argv[1], "spawned"))
		return spawned(argv);
	return RUN(tests);
}
