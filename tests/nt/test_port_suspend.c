// SPDX-License-Identifier: GPL-2.0-only
/* I/O completion ports: a suspended thread gets no packet. */
#include "nt_test.h"
#include "port.h"

#define WORKER		500u
#define CANCELLED	NTSYNC_STATUS_CANCELLED

/**
 * struct team - three threads that sleep for a packet
 * @w: their removals
 * @thread: handles of them
 * @helper: they
 */
struct team {
	struct worker w[3];
	uint32_t thread[3];
	struct helper *helper[3];
};

static void start_team(struct fixture *f, struct team *team, uint32_t port)
{
	for (uint32_t i = 0; i < 3; i++) {
		team->w[i] = (struct worker){ .port = port, .tid = WORKER + i };
		assert_ok(ntsync_nt_thread_create_object(f->nt, &team->thread[i], WORKER + i));
		team->helper[i] = start_asleep(f, remove_as_worker, &team->w[i]);
	}
}

static void suspend(struct fixture *f, uint32_t thread)
{
	assert_ok(ntsync_nt_suspend_thread(f->nt, thread, NULL));
}

static void resume(struct fixture *f, uint32_t thread)
{
	assert_ok(ntsync_nt_resume_thread(f->nt, thread, NULL));
}

static void assert_got(struct team *team, int i, uint64_t key)
{
	assert_ok(finish(team->helper[i]));
	assert_int_equal(team->w[i].packets[0].key, key);
}

/* The last one would be the first. Resumed, it is the last that came. */
static void a_suspended_one_gets_nothing(void **state)
{
	static const int order[] = { 0, 2, 1 };
	struct fixture *f = *state;
	uint32_t port = new_port(f, 10);
	struct team team;

	start_team(f, &team, port);
	suspend(f, team.thread[2]);
	suspend(f, team.thread[2]);
	queue(f, port, 1);
	assert_got(&team, 1, 1);
	resume(f, team.thread[2]);
	queue(f, port, 2);
	assert_got(&team, 0, 2);
	/* Nobody is left that can have it. */
	queue(f, port, 3);
	assert_int_equal(port_state(f, port).depth, 1);
	assert_true(still_asleep(team.helper[2]));
	resume(f, team.thread[2]);
	assert_got(&team, 2, 3);
	assert_int_equal(port_state(f, port).depth, 0);
	start_team(f, &team, port);
	suspend(f, team.thread[0]);
	resume(f, team.thread[0]);
	for (uint64_t i = 0; i < 3; i++) {
		queue(f, port, i);
		assert_got(&team, order[i], i);
	}
}

/* It is suspended before it sleeps, as the others when they would run. */
static void one_that_was_suspended_before(void **state)
{
	struct fixture *f = *state;
	uint32_t port = new_port(f, 1), thread;
	struct worker w = { .port = port, .tid = WORKER };
	struct helper *helper;

	assert_ok(ntsync_nt_thread_create_object(f->nt, &thread, WORKER));
	suspend(f, thread);
	helper = start_asleep(f, remove_as_worker, &w);
	queue(f, port, 1);
	queue(f, port, 2);
	assert_int_equal(port_state(f, port).depth, 2);
	resume(f, thread);
	assert_ok(finish(helper));
	assert_int_equal(w.packets[0].key, 1);
	assert_removes(f, port, 2);
}

/* What ends the sleep of a thread ends that of a suspended one. */
static void ended_while_suspended(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		uint32_t port = new_port(f, 1);
		struct team team;

		start_team(f, &team, port);
		suspend(f, team.thread[1]);
		if (i == 1)
			assert_ok(ntsync_nt_thread_abandon(f->nt, WORKER + 1));
		if (i)
			assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
		else
			close_handle(f, port);
		for (int j = 0; j < 3; j++)
			assert_status(finish(team.helper[j]), !i || (i == 1 && j == 1) ?
				      NTSYNC_STATUS_ABANDONED_WAIT_0 : CANCELLED);
		ntsync_nt_resume(f->nt);
		for (int j = 0; j < 3; j++)
			close_handle(f, team.thread[j]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_suspended_one_gets_nothing),
		TEST(one_that_was_suspended_before),
		TEST(ended_while_suspended),
	};

	return RUN(tests);
}
