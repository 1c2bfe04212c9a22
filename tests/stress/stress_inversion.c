// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inversions, again and again, by threads and then by processes that got the objects by fork.
 *
 * A group has a CPU of its own. In each round
 *
 *	low (FIFO 10)		hog (FIFO 30)		high (FIFO 50)
 *
 *	takes the mutexes
 *	starts the hog
 *				starts high
 *							waits for a mutex, or for all
 *	[inherits 50]
 *	releases them
 *							has them: the round is over
 *				notices it
 *
 * The hog spins until the round is over. So without inheritance the group makes no progress, ever.
 * The first thread, at FIFO 90, looks once a second how many rounds there were.
 */
#include "stress.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libntsync.h"

#define MUTEXES		3
#define MAX_GROUPS	4
#define ROLES		3
#define PATIENCE	15	/* looks without progress */

/**
 * struct group - in memory that processes share
 * @rounds: that are over
 */
struct group {
	unsigned int number;
	int mutex[MUTEXES];
	int next, start_hog, start_high;
	atomic_uint rounds;
};

struct shared {
	atomic_bool over;
	atomic_uint errors;
	struct group group[MAX_GROUPS];
};

typedef void (*role_fn)(struct group *g);

struct actor {
	struct group *group;
	unsigned int role;
	pthread_t thread;
	pid_t pid;
};

static struct stress stress;
static struct shared *shared;
static int dev;

static void expect(int ret, int line)
{
	if (!ret || atomic_load(&shared->over))
		return;
	atomic_fetch_add(&shared->errors, 1);
	printf("# line %d: %d\n", line, ret);
}

#define EXPECT(call) expect(call, __LINE__)

static int wait_one(int obj, uint32_t owner)
{
	const struct ntsync_wait_opts opts = {
		.owner = owner, .deadline = NTSYNC_WAIT_FOREVER,
	};
	uint32_t index;

	return ntsync_wait_any(dev, &obj, 1, &opts, &index);
}

static void release_mutexes(struct group *g, uint32_t owner)
{
	for (int i = 0; i < MUTEXES; i++)
		EXPECT(ntsync_mutex_unlock(g->mutex[i], owner, NULL));
}

static void be_low(struct group *g)
{
	const uint32_t owner = g->number * ROLES + 1;

	while (!atomic_load(&shared->over)) {
		EXPECT(wait_one(g->next, owner));
		for (int i = 0; i < MUTEXES; i++)
			EXPECT(wait_one(g->mutex[i], owner));
		EXPECT(ntsync_event_set(g->start_hog, NULL));
		release_mutexes(g, owner);
	}
}

static void be_hog(struct group *g)
{
	while (!atomic_load(&shared->over)) {
		unsigned int round = atomic_load(&g->rounds);

		EXPECT(wait_one(g->start_hog, g->number * ROLES + 2));
		EXPECT(ntsync_event_set(g->start_high, NULL));
		while (atomic_load(&g->rounds) == round && !atomic_load(&shared->over))
			;
	}
}

static void take_mutexes(struct group *g, uint32_t owner)
{
	const struct ntsync_wait_opts opts = {
		.owner = owner, .deadline = NTSYNC_WAIT_FOREVER,
	};
	uint32_t index;

	if (atomic_load(&g->rounds) % 2) {
		EXPECT(ntsync_wait_all(dev, g->mutex, MUTEXES, &opts, &index));
		return;
	}
	for (int i = MUTEXES - 1; i >= 0; i--)
		EXPECT(wait_one(g->mutex[i], owner));
}

static void be_high(struct group *g)
{
	const uint32_t owner = g->number * ROLES + 3;

	while (!atomic_load(&shared->over)) {
		EXPECT(wait_one(g->start_high, owner));
		take_mutexes(g, owner);
		release_mutexes(g, owner);
		EXPECT(ntsync_event_set(g->next, NULL));
		atomic_fetch_add(&g->rounds, 1);
	}
}

static const struct {
	role_fn run;
	int prio;
} roles[ROLES] = { { be_low, 10 }, { be_hog, 30 }, { be_high, 50 } };

static bool set_fifo(int prio)
{
	const struct sched_param param = { .sched_priority = prio };

	return !sched_setscheduler(0, SCHED_FIFO, &param);
}

static void *play(void *arg)
{
	struct actor *a = arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(a->group->number, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) || !set_fifo(roles[a->role].prio))
		atomic_fetch_add(&shared->errors, 1);
	roles[a->role].run(a->group);
	return NULL;
}

static int start(struct actor *a, bool processes)
{
	if (!processes)
		return pthread_create(&a->thread, NULL, play, a);
	a->pid = fork();
	if (!a->pid) {
		play(a);
		_exit(0);
	}
	return a->pid < 0 ? errno : 0;
}

static void join(struct actor *a, bool processes)
{
	if (processes)
		waitpid(a->pid, NULL, 0);
	else
		pthread_join(a->thread, NULL);
}

static void make_group(struct group *g, unsigned int number)
{
	g->number = number;
	for (int i = 0; i < MUTEXES; i++)
		g->mutex[i] = ntsync_mutex_create(dev, 0, 0);
	g->next = ntsync_event_create(dev, false, true);
	g->start_hog = ntsync_event_create(dev, false, false);
	g->start_high = ntsync_event_create(dev, false, false);
}

/* Lets everybody leave, whatever it waits for. */
static void release_all(struct group *g)
{
	ntsync_event_set(g->next, NULL);
	ntsync_event_set(g->start_hog, NULL);
	ntsync_event_set(g->start_high, NULL);
	for (uint32_t role = 1; role <= ROLES; role++) {
		for (int i = 0; i < MUTEXES; i++)
			ntsync_mutex_kill(g->mutex[i], g->number * ROLES + role);
	}
}

/* True unless a group has made no progress for PATIENCE looks. */
static bool watch(unsigned int groups, uint64_t end)
{
	unsigned int seen[MAX_GROUPS] = { 0 }, idle[MAX_GROUPS] = { 0 };
	bool all_move;

	do {
		stress_sleep(NS_PER_SEC);
		all_move = true;
		for (unsigned int i = 0; i < groups; i++) {
			unsigned int rounds = atomic_load(&shared->group[i].rounds);

			idle[i] = rounds == seen[i] ? idle[i] + 1 : 0;
			seen[i] = rounds;
			all_move &= !idle[i];
			if (idle[i] == PATIENCE)
				return false;
		}
	} while (stress_now() < end || !all_move);
	return true;
}

static void run(unsigned int groups, bool processes, uint64_t end)
{
	struct actor actors[MAX_GROUPS * ROLES] = { 0 };
	unsigned int nr = groups * ROLES;
	bool progress, started = true;

	atomic_store(&shared->over, false);
	for (unsigned int i = 0; i < groups; i++) {
		shared->group[i].rounds = 0;
		make_group(&shared->group[i], i);
	}
	for (unsigned int i = 0; i < nr; i++) {
		actors[i].group = &shared->group[i / ROLES];
		actors[i].role = i % ROLES;
		started &= !start(&actors[i], processes);
	}
	progress = started && watch(groups, end);
	for (unsigned int i = 0; i < groups; i++)
		printf("# group %u: %u rounds\n", i, atomic_load(&shared->group[i].rounds));
	atomic_store(&shared->over, true);
	for (unsigned int round = 0; round < 2 * MUTEXES; round++) {
		for (unsigned int i = 0; i < groups; i++)
			release_all(&shared->group[i]);
		stress_sleep(20 * NS_PER_MS);
	}
	for (unsigned int i = 0; i < nr; i++)
		join(&actors[i], processes);
	stress_check(&stress, progress, processes ? "processes: each group makes progress" :
						    "threads: each group makes progress");
}

int main(int argc, char **argv)
{
	struct ntsync_features features;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int groups = cpus < MAX_GROUPS ? cpus : MAX_GROUPS;
	uint64_t begin;

	stress_init(&stress, argc, argv);
	dev = ntsync_open();
	if (dev < 0)
		return stress_bail_out("/dev/ntsync", dev);
	if (ntsync_features(dev, &features) || !(features.features & NTSYNC_FEATURE_MUTEX_PI))
		return stress_skip("this driver has no priority inheritance");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		return stress_bail_out("mmap", -errno);
	if (!set_fifo(90))
		return stress_skip("no right to a real-time priority");
	begin = stress_now();
	run(groups, false, begin + (stress.end - begin) / 2);
	run(groups, true, stress.end);
	stress_check(&stress, !atomic_load(&shared->errors), "every call succeeds");
	return stress_end(&stress);
}
