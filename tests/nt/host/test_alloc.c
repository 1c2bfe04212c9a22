// SPDX-License-Identifier: GPL-2.0-only
/*
 * A signal may suspend a thread at any point of a call, and the others must go on. So no call may
 * allocate or free memory with signals not blocked: the allocator has locks.
 */
#include "../nt_test.h"

#include "../fake/fake_device.h"

static void assert_signals_were_blocked(void)
{
	int with_signals, calls = fake_end_of_watch(&with_signals);

	assert_int_not_equal(calls, 0);
	assert_int_equal(with_signals, 0);
}

static void snapshots(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_snapshot *snapshot;

	new_event(f, false, false);
	fake_watch_allocations();
	ntsync_nt_snapshot_take(f->nt, &snapshot);
	ntsync_nt_snapshot_free(snapshot);
	ntsync_nt_check(f->nt);
	assert_signals_were_blocked();
}

static void tables(void **state)
{
	struct ntsync_nt *nt;

	(void)state;
	fake_watch_allocations();
	if (!ntsync_nt_create(NULL, &nt))
		ntsync_nt_destroy(nt);
	assert_signals_were_blocked();
}

static void names_timers_and_threads(void **state)
{
	const struct ntsync_nt_attributes named = { .name = "a" };
	struct fixture *f = *state;
	const struct ntsync_nt_apc apc = { .function = 1 };
	struct ntsync_nt_apc taken;
	uint32_t mutant, timer, thread;

	fake_watch_allocations();
	ntsync_nt_create_mutant(f->nt, &mutant, &named, true);
	ntsync_nt_close(f->nt, mutant);
	ntsync_nt_create_timer(f->nt, &timer, NULL, true);
	ntsync_nt_close(f->nt, timer);
	for (uint32_t tid = 1; tid < 200; tid++)
		ntsync_nt_queue_user_apc(f->nt, tid, &apc);
	if (!ntsync_nt_thread_create_object(f->nt, &thread, 0))
		ntsync_nt_close(f->nt, thread);
	ntsync_nt_queue_user_apc(f->nt, ntsync_nt_thread_id(f->nt), &apc);
	ntsync_nt_take_apc(f->nt, &taken);
	ntsync_nt_thread_detach(f->nt);
	assert_signals_were_blocked();
}

static void ports(void **state)
{
	const struct ntsync_nt_attributes named = { .name = "a" };
	struct ntsync_nt_io_packet packet = { .key = 1 };
	struct fixture *f = *state;
	uint32_t port;

	fake_watch_allocations();
	assert_ok(ntsync_nt_create_io_completion(f->nt, &port, &named, 0));
	for (int i = 0; i < 3; i++)
		assert_ok(ntsync_nt_set_io_completion(f->nt, port, &packet));
	assert_ok(ntsync_nt_remove_io_completion(f->nt, port, &packet, POLL));
	ntsync_nt_close(f->nt, port);
	assert_signals_were_blocked();
}

static void wait_completion_packets(void **state)
{
	const struct ntsync_nt_attributes named = { .name = "a" };
	const struct ntsync_nt_io_packet io = { .key = 1 };
	struct fixture *f = *state;
	uint32_t port, packet, event = new_event(f, true, false);

	assert_ok(ntsync_nt_create_io_completion(f->nt, &port, NULL, 1));
	fake_watch_allocations();
	for (int i = 0; i < 4; i++) {
		assert_ok(ntsync_nt_create_wait_completion_packet(f->nt, &packet, i ? NULL : &named));
		assert_ok(ntsync_nt_associate_wait_completion_packet(f->nt, packet, port, event, &io,
								     NULL));
		if (i > 1)
			ntsync_nt_set_event(f->nt, event, NULL);
		ntsync_nt_cancel_wait_completion_packet(f->nt, packet, true);
		ntsync_nt_close(f->nt, packet);
	}
	ntsync_nt_close(f->nt, port);
	assert_signals_were_blocked();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(snapshots),
		TEST(tables),
		TEST(names_timers_and_threads),
		TEST(ports),
		TEST(wait_completion_packets),
	};

	return RUN(tests);
}
