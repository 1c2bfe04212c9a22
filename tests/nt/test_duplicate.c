// SPDX-License-Identifier: GPL-2.0-only
/*
 * NtDuplicateObject. A duplicate is another handle of the same object: a copy would have a state of
 * its own, and a wait on the one would miss a signal on the other.
 *
 * Each test ends by closing its two handles, once in each order.
 */
#include "nt_test.h"

/* Closes both handles; the object lives as long as one of them is open. */
static void take_apart(struct fixture *f, uint32_t source, uint32_t dup)
{
	uint32_t first = f->source_first ? source : dup;
	uint32_t last = f->source_first ? dup : source;

	forget_records(f);
	close_handle(f, first);
	assert_record(f, NTSYNC_NT_DESTROY, first);
	assert_invalid(f, first);
	forget_records(f);
	assert_int_equal(info_of(f, last).handles, 1);
	assert_int_equal(count_objects(f, NTSYNC_NT_EVENT), 1);
	close_handle(f, last);
	assert_record(f, NTSYNC_NT_DESTROY, last);
	assert_invalid(f, last);
	assert_int_equal(count_objects(f, NTSYNC_NT_EVENT), 0);
	check(f);
}

static void nt_duplicate_object_allocates_fresh_handle_id(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, false, false);
	uint32_t dup = UNTOUCHED;

	assert_ok(ntsync_nt_duplicate(f->nt, source, &dup, NTSYNC_NT_DUPLICATE_SAME_ACCESS));
	assert_int_not_equal(dup, source);
	assert_int_not_equal(dup, UNTOUCHED);
	assert_int_not_equal(dup, 0);
	assert_int_equal(info_of(f, source).references, 1);
	assert_int_equal(info_of(f, dup).references, 1);
	take_apart(f, source, dup);
}

static void nt_duplicate_object_emits_handle_create_event(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, false, false);
	uint64_t id = assert_record(f, NTSYNC_NT_CREATE, source)->id;
	uint32_t dup = duplicate(f, source);
	const struct ntsync_nt_record *record = assert_record(f, NTSYNC_NT_CREATE, dup);

	assert_int_equal(record->id, id);
	assert_int_equal(record->type, NTSYNC_NT_EVENT);
	assert_int_equal(record->sequence, 2);
	assert_int_equal(f->nr_records, 0);
	take_apart(f, source, dup);
}

static void nt_duplicate_object_alias_resolves_to_canonical(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, true, false);
	uint32_t dup = duplicate(f, source), third;

	assert_ok(ntsync_nt_compare(f->nt, source, dup));
	assert_int_equal(info_of(f, source).id, info_of(f, dup).id);
	/* Not duplicated from the first duplicate, which may be closed. */
	third = duplicate(f, dup);
	assert_int_equal(info_of(f, third).id, info_of(f, source).id);
	assert_int_equal(info_of(f, third).handles, 3);
	close_handle(f, dup);
	assert_ok(ntsync_nt_set_event(f->nt, third, NULL));
	assert_true(event_signaled(f, source));
	take_apart(f, source, third);
}

static void check_wake(struct fixture *f, uint32_t source, uint32_t dup, uint32_t *wait_on,
		       uint32_t signal)
{
	struct helper *waiter = start_asleep(f, wait_for_handle, wait_on);
	int32_t previous = UNTOUCHED;

	assert_ok(ntsync_nt_set_event(f->nt, signal, &previous));
	assert_int_equal(previous, 0);
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
	assert_false(event_signaled(f, *wait_on));
	take_apart(f, source, dup);
}

static void nt_duplicate_object_signal_on_dup_wakes_wait_on_source(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, false, false);
	uint32_t dup = duplicate(f, source);

	check_wake(f, source, dup, &source, dup);
}

static void nt_duplicate_object_signal_on_source_wakes_wait_on_dup(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, false, false);
	uint32_t dup = duplicate(f, source);

	check_wake(f, source, dup, &dup, source);
}

/* @gone is closed; @left must still work. A third handle is made from it for take_apart(). */
static void check_left(struct fixture *f, uint32_t gone, uint32_t left)
{
	uint64_t id = info_of(f, left).id;
	uint32_t dup;

	close_handle(f, gone);
	assert_invalid(f, gone);
	assert_int_equal(info_of(f, left).id, id);
	assert_int_equal(info_of(f, left).handles, 1);
	assert_ok(ntsync_nt_set_event(f->nt, left, NULL));
	assert_status(poll_handle(f, left), NTSYNC_STATUS_WAIT_0);
	dup = duplicate(f, left);
	/* With LIFO the value that was closed is used again, and for the same object. */
	assert_int_equal(dup, gone);
	take_apart(f, left, dup);
}

static void nt_duplicate_object_then_close_dup_keeps_source_live(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, false, false);

	check_left(f, duplicate(f, source), source);
}

static void nt_duplicate_object_then_close_source_keeps_dup_live(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, false, false);

	check_left(f, source, duplicate(f, source));
}

static void nt_duplicate_object_close_source_then_close_dup_destroys_object(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, false, false);
	uint32_t dup = duplicate(f, source);
	uint64_t id = info_of(f, dup).id;
	int fds = env_count_fds();

	take_apart(f, source, dup);
	assert_int_equal(env_count_fds(), fds - 1);
	/* The same value, another object. */
	source = new_event(f, false, false);
	assert_int_not_equal(info_of(f, source).id, id);
	close_handle(f, source);
}

static void nt_duplicate_object_with_close_source_flag(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, false, true);
	uint32_t other = duplicate(f, source), dup;
	uint64_t id = info_of(f, source).id;

	forget_records(f);
	assert_ok(ntsync_nt_duplicate(f->nt, source, &dup, NTSYNC_NT_DUPLICATE_CLOSE_SOURCE));
	assert_record(f, NTSYNC_NT_CREATE, dup);
	assert_record(f, NTSYNC_NT_DESTROY, source);
	assert_int_equal(f->nr_records, 0);
	assert_invalid(f, source);
	assert_int_equal(info_of(f, dup).id, id);
	assert_true(event_signaled(f, dup));
	take_apart(f, other, dup);
}

static void nt_duplicate_object_invalid_handle_returns_status_invalid_handle(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, false, false);
	uint32_t dup = duplicate(f, source), never = dup + 4, out = UNTOUCHED;
	struct ntsync_nt_count before, after;

	ntsync_nt_count(f->nt, NTSYNC_NT_EVENT, &before);
	forget_records(f);
	assert_status(ntsync_nt_duplicate(f->nt, never, &out, 0), NTSYNC_STATUS_INVALID_HANDLE);
	assert_int_equal(out, 0);
	assert_record(f, NTSYNC_NT_INVALID, never);
	assert_int_equal(f->nr_records, 0);
	assert_status(ntsync_nt_duplicate(f->nt, never, NULL, NTSYNC_NT_DUPLICATE_CLOSE_SOURCE),
		      NTSYNC_STATUS_INVALID_HANDLE);
	ntsync_nt_count(f->nt, NTSYNC_NT_EVENT, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	take_apart(f, source, dup);
}

static void nt_duplicate_object_writes_handle_id_to_out_ptr(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, true, false);
	uint32_t around[3] = { UNTOUCHED, UNTOUCHED, UNTOUCHED };

	assert_ok(ntsync_nt_duplicate(f->nt, source, &around[1], 0));
	assert_int_equal(around[0], UNTOUCHED);
	assert_int_equal(around[2], UNTOUCHED);
	assert_ok(ntsync_nt_set_event(f->nt, around[1], NULL));
	assert_true(event_signaled(f, source));
	take_apart(f, source, around[1]);
}

/* -- What else handles.md says of it ------------------------------------------------------ */

static void without_out_it_only_validates(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, false, false);

	forget_records(f);
	assert_ok(ntsync_nt_duplicate(f->nt, source, NULL, 0));
	assert_int_equal(f->nr_records, 0);
	assert_int_equal(info_of(f, source).handles, 1);
	assert_ok(ntsync_nt_duplicate(f->nt, source, NULL, NTSYNC_NT_DUPLICATE_CLOSE_SOURCE));
	assert_record(f, NTSYNC_NT_DESTROY, source);
	assert_int_equal(f->nr_records, 0);
}

static void without_out_it_allocates_blindly(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	uint32_t source;

	ntsync_nt_config_init(&config);
	config.flags = NTSYNC_NT_DUPLICATE_BLINDLY;
	use_config(f, &config);
	source = new_event(f, false, false);
	assert_ok(ntsync_nt_duplicate(f->nt, source, NULL, 0));
	assert_int_equal(info_of(f, source).handles, 2);
	assert_ok(ntsync_nt_duplicate(f->nt, source, NULL, NTSYNC_NT_DUPLICATE_CLOSE_SOURCE));
	assert_invalid(f, source);
	assert_int_equal(count_objects(f, NTSYNC_NT_EVENT), 1);
}

static void failure_value_of_the_console(void **state)
{
	struct fixture *f = *state;
	uint32_t out = UNTOUCHED;

	use_xbox360(f);
	assert_status(ntsync_nt_duplicate(f->nt, 0xf8000000, &out, 0),
		      NTSYNC_STATUS_INVALID_HANDLE);
	assert_int_equal(out, 0xffffffff);
}

static void options_that_do_not_exist(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, false, false), out = UNTOUCHED;

	assert_status(ntsync_nt_duplicate(f->nt, source, &out, 8),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_int_equal(out, 0);
	assert_int_equal(info_of(f, source).handles, 1);
	assert_status(ntsync_nt_duplicate(f->nt, source, &out,
					  8 | NTSYNC_NT_DUPLICATE_CLOSE_SOURCE),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_invalid(f, source);
}

static void protection_is_an_attribute(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, false, false), plain, same;

	assert_ok(ntsync_nt_protect(f->nt, source, true));
	plain = duplicate(f, source);
	assert_ok(ntsync_nt_duplicate(f->nt, source, &same, NTSYNC_NT_DUPLICATE_SAME_ATTRIBUTES));
	assert_false(info_of(f, plain).is_protected);
	assert_true(info_of(f, same).is_protected);
}

static void a_protected_source_stays(void **state)
{
	struct fixture *f = *state;
	uint32_t source = new_event(f, false, false), dup;

	assert_ok(ntsync_nt_protect(f->nt, source, true));
	assert_ok(ntsync_nt_duplicate(f->nt, source, &dup, NTSYNC_NT_DUPLICATE_CLOSE_SOURCE));
	assert_int_equal(info_of(f, source).handles, 2);
	assert_status(ntsync_nt_duplicate(f->nt, source, NULL, NTSYNC_NT_DUPLICATE_CLOSE_SOURCE),
		      NTSYNC_STATUS_HANDLE_NOT_CLOSABLE);
	assert_int_equal(info_of(f, source).handles, 2);
}

/* The source is closed even if the duplicate fails, if the call says so. */
static void no_room_for_a_duplicate(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	uint32_t source, out = UNTOUCHED;

	ntsync_nt_config_init(&config);
	config.max_handles = 1;
	use_config(f, &config);
	source = new_event(f, false, false);
	assert_status(ntsync_nt_duplicate(f->nt, source, &out, 0),
		      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(info_of(f, source).handles, 1);
	assert_status(ntsync_nt_duplicate(f->nt, source, &out, NTSYNC_NT_DUPLICATE_CLOSE_SOURCE),
		      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(out, 0);
	assert_invalid(f, source);
	assert_int_equal(count_objects(f, NTSYNC_NT_EVENT), 0);
}

/* As on NT, a mutant is acquired by a wait for one object only. */
static void check_wait_for_several(struct fixture *f, uint32_t event, uint32_t pseudo)
{
	uint32_t handles[] = { event, pseudo };

	assert_status(ntsync_nt_wait_multiple(f->nt, handles, 2, NTSYNC_NT_WAIT_ANY, false, POLL),
		      NTSYNC_STATUS_INVALID_HANDLE);
	assert_status(ntsync_nt_wait_multiple(f->nt, &pseudo, 1, NTSYNC_NT_WAIT_ALL, false, POLL),
		      NTSYNC_STATUS_INVALID_HANDLE);
}

static void pseudo_handles(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, true, false), dup = UNTOUCHED;

	assert_status(ntsync_nt_duplicate(f->nt, NTSYNC_NT_CURRENT_THREAD, &dup, 0),
		      NTSYNC_STATUS_INVALID_HANDLE);
	assert_ok(ntsync_nt_bind_thread(f->nt, event));
	assert_ok(ntsync_nt_bind_process(f->nt, event));
	assert_status(ntsync_nt_bind_process(f->nt, event), NTSYNC_STATUS_INVALID_PARAMETER);
	assert_ok(ntsync_nt_duplicate(f->nt, NTSYNC_NT_CURRENT_THREAD, &dup,
				      NTSYNC_NT_DUPLICATE_CLOSE_SOURCE));
	assert_int_equal(info_of(f, dup).id, info_of(f, event).id);
	assert_ok(ntsync_nt_duplicate(f->nt, NTSYNC_NT_CURRENT_PROCESS, &dup, 0));
	assert_int_equal(info_of(f, dup).handles, 3);
	assert_status(poll_handle(f, NTSYNC_NT_CURRENT_THREAD), NTSYNC_STATUS_TIMEOUT);
	assert_ok(ntsync_nt_close(f->nt, NTSYNC_NT_CURRENT_THREAD));
	assert_ok(ntsync_nt_close(f->nt, NTSYNC_NT_CURRENT_PROCESS));
	check(f);
	check_wait_for_several(f, event, NTSYNC_NT_CURRENT_THREAD);
	check_wait_for_several(f, event, NTSYNC_NT_CURRENT_PROCESS);
	assert_ok(ntsync_nt_bind_thread(f->nt, 0));
	assert_invalid(f, NTSYNC_NT_CURRENT_THREAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BOTH_ORDERS(nt_duplicate_object_allocates_fresh_handle_id),
		IN_BOTH_ORDERS(nt_duplicate_object_emits_handle_create_event),
		IN_BOTH_ORDERS(nt_duplicate_object_alias_resolves_to_canonical),
		IN_BOTH_ORDERS(nt_duplicate_object_signal_on_dup_wakes_wait_on_source),
		IN_BOTH_ORDERS(nt_duplicate_object_signal_on_source_wakes_wait_on_dup),
		IN_BOTH_ORDERS(nt_duplicate_object_then_close_dup_keeps_source_live),
		IN_BOTH_ORDERS(nt_duplicate_object_then_close_source_keeps_dup_live),
		IN_BOTH_ORDERS(nt_duplicate_object_close_source_then_close_dup_destroys_object),
		IN_BOTH_ORDERS(nt_duplicate_object_with_close_source_flag),
		IN_BOTH_ORDERS(nt_duplicate_object_invalid_handle_returns_status_invalid_handle),
		IN_BOTH_ORDERS(nt_duplicate_object_writes_handle_id_to_out_ptr),
		TEST(without_out_it_only_validates),
		TEST(without_out_it_allocates_blindly),
		TEST(failure_value_of_the_console),
		TEST(options_that_do_not_exist),
		TEST(protection_is_an_attribute),
		TEST(a_protected_source_stays),
		TEST(no_room_for_a_duplicate),
		TEST(pseudo_handles),
	};

	return RUN(tests);
}
