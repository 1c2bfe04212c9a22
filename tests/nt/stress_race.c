// SPDX-License-Identifier: GPL-2.0-only
/*
 * Four threads duplicate, close, wait for and signal a handle at the same moment, again and again.
 * A duplicate must be a handle of a live object, or an error; after each round nothing may be left.
 */
#include <pthread.h>
#include <stdio.h>

#include <ntsync_nt.h>

#include "../stress/stress.h"
#include "env.h"

#define THREADS 4

struct race {
	struct stress stress;
	struct ntsync_nt *nt;
	pthread_barrier_t barrier;
	bool over;
	uint32_t handle;
	uint64_t id;
	uint64_t rounds, show_at;
	_Atomic uint64_t duplicated, wrong, answered;
};

/* Either the duplicate is good or there is none. Sometimes the source is closed by the call. */
static void run_duplicator(struct race *r)
{
	struct ntsync_nt_info info = { 0 };
	uint32_t dup, status;

	status = ntsync_nt_duplicate(r->nt, r->handle, &dup, r->rounds % 2);
	if (status) {
		r->wrong += status != NTSYNC_STATUS_INVALID_HANDLE || dup;
		return;
	}
	r->duplicated++;
	if (ntsync_nt_query(r->nt, dup, &info) || !info.handles)
		r->wrong++;
	ntsync_nt_close(r->nt, dup);
}

/* Closes, and creates at once: with LIFO the new object gets the same value. */
static void run_closer(struct race *r)
{
	uint32_t new;

	ntsync_nt_close(r->nt, r->handle);
	if (ntsync_nt_create_semaphore(r->nt, &new, NULL, 0, 1)) {
		r->wrong++;
		return;
	}
	ntsync_nt_close(r->nt, new);
}

/* No thread signals the event, nor the semaphore that may have its value now. */
static void run_waiter(struct race *r)
{
	const struct ntsync_nt_deadline soon = { stress_now() + 20 * NS_PER_US, 0 };
	uint32_t handles[] = { r->handle, r->handle }, status;

	status = ntsync_nt_wait_multiple(r->nt, handles, 2, NTSYNC_NT_WAIT_ANY, false, soon);
	r->answered += status != NTSYNC_STATUS_TIMEOUT && status != NTSYNC_STATUS_INVALID_HANDLE;
}

/* Uses the value, which may be closed or belong to a newer object by now. */
static void run_user(struct race *r)
{
	struct ntsync_nt_info info;

	ntsync_nt_reset_event(r->nt, r->handle, NULL);
	if (!ntsync_nt_query(r->nt, r->handle, &info) && info.id < r->id)
		r->answered++;
}

/**
 * struct player - one of the four threads
 * @race: the race that it takes part in
 * @play: its part of a round
 */
struct player {
	struct race *race;
	void (*play)(struct race *r);
	pthread_t thread;
};

static void *run_player(void *arg)
{
	struct player *player = arg;

	for (;;) {
		pthread_barrier_wait(&player->race->barrier);
		if (player->race->over)
			return NULL;
		player->play(player->race);
		pthread_barrier_wait(&player->race->barrier);
	}
}

static bool prepare_round(struct race *r)
{
	struct ntsync_nt_info info;

	if (ntsync_nt_create_event(r->nt, &r->handle, NULL, false, false) ||
	    ntsync_nt_query(r->nt, r->handle, &info))
		return false;
	r->id = info.id;
	return true;
}

/* Between the rounds everything is closed. */
static bool check_clean(struct race *r)
{
	struct ntsync_nt_count events, semaphores;

	ntsync_nt_count(r->nt, NTSYNC_NT_EVENT, &events);
	ntsync_nt_count(r->nt, NTSYNC_NT_SEMAPHORE, &semaphores);
	return !events.handles && !events.objects && !semaphores.handles &&
	       !semaphores.objects && !ntsync_nt_check(r->nt);
}

/* Every second, or every ten in a long run. */
static void show_progress(struct race *r)
{
	struct ntsync_nt_count events;

	if (stress_now() < r->show_at)
		return;
	r->show_at = stress_now() + (r->stress.seconds > 60 ? 10 : 1) * NS_PER_SEC;
	ntsync_nt_count(r->nt, NTSYNC_NT_EVENT, &events);
	printf("# %llu rounds, %llu duplicates, %u handles now, %u at most\n",
	       (unsigned long long)r->rounds, (unsigned long long)r->duplicated,
	       events.handles, events.most_handles);
}

static void run_rounds(struct race *r)
{
	bool good = true;

	for (; good && !stress_over(&r->stress); r->rounds++) {
		good = prepare_round(r);
		pthread_barrier_wait(&r->barrier);
		pthread_barrier_wait(&r->barrier);
		good = good && check_clean(r);
		show_progress(r);
	}
	r->over = true;
	pthread_barrier_wait(&r->barrier);
	stress_check(&r->stress, good, "nothing is left over after a round");
}

int main(int argc, char **argv)
{
	static struct race r;
	struct player players[THREADS] = {
		{ &r, run_duplicator, 0 }, { &r, run_closer, 0 }, { &r, run_waiter, 0 }, { &r, run_user, 0 },
	};
	int ret, fds = env_count_fds();

	stress_init(&r.stress, argc, argv);
	ret = ntsync_nt_create(NULL, &r.nt);
	if (ret)
		return stress_bail_out("table", ret);
	pthread_barrier_init(&r.barrier, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&players[i].thread, NULL, run_player, &players[i]);
	run_rounds(&r);
	for (int i = 0; i < THREADS; i++)
		pthread_join(players[i].thread, NULL);
	ntsync_nt_destroy(r.nt);
	stress_check(&r.stress, r.rounds > 100, "there were rounds");
	stress_check(&r.stress, !r.wrong, "a duplicate is alive, or was not made");
	stress_check(&r.stress, !r.answered, "nothing ended a wait, and no value went back to an older object");
	stress_check(&r.stress, env_count_fds() == fds, "no descriptor is left over");
	return stress_end(&r.stress);
}
