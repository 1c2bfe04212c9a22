// SPDX-License-Identifier: GPL-2.0-only
/*
 * A forked child shares the objects with its parent. It must not use the parent's tables; what
 * happens in the child without a call, or at its exit, must not touch them either.
 */
#include "nt_test.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool child_ended_well(pid_t child)
{
	int status;

	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

/* The child must not outlive its parent, whose watchdog then ends a hanging child too. */
static void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

struct owner {
	struct fixture *f;
	uint32_t mutant;
	bool child_ended;
	struct ntsync_nt_mutant_state after;
};

/* The child has only the forking thread: when that exits, so does the process. */
static void *own_and_fork(void *arg)
{
	struct owner *owner = arg;
	struct ntsync_nt *nt = owner->f->nt;
	pid_t child;

	ntsync_nt_create_mutant(nt, &owner->mutant, NULL, true);
	ntsync_nt_delay(nt, true, POLL);
	child = fork();
	if (!child) {
		die_with_parent();
		return NULL;
	}
	owner->child_ended = child_ended_well(child);
	ntsync_nt_query_mutant(nt, owner->mutant, &owner->after);
	return NULL;
}

static void a_childs_thread_abandons_nothing(void **state)
{
	struct owner owner = { .f = *state };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, own_and_fork, &owner), 0);
	pthread_join(thread, NULL);
	assert_true(owner.child_ended);
	assert_true(owner.after.owned_by_caller);
	assert_false(owner.after.abandoned);
}

/* As the destructor of a C++ program may do in exit(). */
static void a_child_detaches(void **state)
{
	struct fixture *f = *state;
	uint32_t mutant = new_mutant(f, true), event = new_event(f, true, false);
	struct ntsync_nt_mutant_state after;
	pid_t child;

	assert_ok(ntsync_nt_bind_thread(f->nt, event));
	child = fork();
	if (!child) {
		die_with_parent();
		ntsync_nt_thread_end(f->nt);
		ntsync_nt_thread_detach(f->nt);
		_exit(0);
	}
	assert_true(child_ended_well(child));
	assert_ok(ntsync_nt_query_mutant(f->nt, mutant, &after));
	assert_true(after.owned_by_caller);
	assert_false(event_signaled(f, event));
	assert_ok(ntsync_nt_bind_thread(f->nt, 0));
}

/* The child has no timer thread, and shares with the parent what would stop it. */
static void a_child_destroys_its_table(void **state)
{
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, false), mutant = new_mutant(f, true);
	struct ntsync_nt_mutant_state after;
	pid_t child;

	assert_ok(ntsync_nt_set_timer(f->nt, timer, in_ms(100000), 0, NULL));
	child = fork();
	if (!child) {
		die_with_parent();
		ntsync_nt_destroy(f->nt);
		_exit(0);
	}
	assert_true(child_ended_well(child));
	assert_ok(ntsync_nt_query_mutant(f->nt, mutant, &after));
	assert_true(after.owned_by_caller);
	assert_ok(ntsync_nt_set_timer(f->nt, timer, in_ms(5), 0, NULL));
	assert_status(ntsync_nt_wait_single(f->nt, timer, false, FOREVER), NTSYNC_STATUS_WAIT_0);
}

/* What the child does with its copy leaves what the parent waits for. */
static void a_child_ends_with_wait_completion_packets(void **state)
{
	const struct ntsync_nt_io_packet io = { .key = 1 };
	struct fixture *f = *state;
	uint32_t port, packet, event = new_event(f, false, false), other = new_event(f, false, true);
	struct ntsync_nt_io_packet got;
	pid_t child;

	assert_ok(ntsync_nt_create_io_completion(f->nt, &port, NULL, 1));
	for (int i = 0; i < 2; i++) {
		assert_ok(ntsync_nt_create_wait_completion_packet(f->nt, &packet, NULL));
		assert_ok(ntsync_nt_associate_wait_completion_packet(f->nt, packet, port,
								     i ? event : other, &io, NULL));
	}
	assert_ok(ntsync_nt_bind_thread(f->nt, event));
	child = fork();
	if (!child) {
		die_with_parent();
		ntsync_nt_thread_end(f->nt);
		ntsync_nt_destroy(f->nt);
		_exit(0);
	}
	assert_true(child_ended_well(child));
	assert_ok(ntsync_nt_remove_io_completion(f->nt, port, &got, POLL));
	assert_status(ntsync_nt_remove_io_completion(f->nt, port, &got, POLL), NTSYNC_STATUS_TIMEOUT);
	assert_ok(ntsync_nt_set_event(f->nt, event, NULL));
	assert_false(event_signaled(f, event));
	assert_ok(ntsync_nt_remove_io_completion(f->nt, port, &got, POLL));
	assert_ok(ntsync_nt_bind_thread(f->nt, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_childs_thread_abandons_nothing),
		TEST(a_child_detaches),
		TEST(a_child_destroys_its_table),
		TEST(a_child_ends_with_wait_completion_packets),
	};

	return RUN(tests);
}
