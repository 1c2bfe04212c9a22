// SPDX-License-Identifier: GPL-2.0-only
/* Handles: closing, values, protection, and what the table keeps about them. */
#include "nt_test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static void second_close(void **state)
{
	struct fixture *f = *state;
	uint32_t handle = new_event(f, false, false);
	struct ntsync_nt_count before, after;

	close_handle(f, handle);
	ntsync_nt_count(f->nt, NTSYNC_NT_EVENT, &before);
	forget_records(f);
	assert_status(ntsync_nt_close(f->nt, handle), NTSYNC_STATUS_INVALID_HANDLE);
	assert_record(f, NTSYNC_NT_INVALID, handle);
	assert_int_equal(f->nr_records, 0);
	ntsync_nt_count(f->nt, NTSYNC_NT_EVENT, &after);
	assert_memory_equal(&before, &after, sizeof(before));
}

static void never_issued(void **state)
{
	static const uint32_t handles[] = { 0, 1, 3, 4, 8, 0x10000, 0x4000000, 0xf8000000,
					    0xfffffffc, 0xfffffffd, 0x80000000 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(handles); i++) {
		assert_invalid(f, handles[i]);
		assert_status(ntsync_nt_close(f->nt, handles[i]), NTSYNC_STATUS_INVALID_HANDLE);
		assert_status(ntsync_nt_protect(f->nt, handles[i], true),
			      NTSYNC_STATUS_INVALID_HANDLE);
		assert_status(ntsync_nt_retain(f->nt, handles[i]), NTSYNC_STATUS_INVALID_HANDLE);
		assert_status(ntsync_nt_set_event(f->nt, handles[i], NULL),
			      NTSYNC_STATUS_INVALID_HANDLE);
		assert_status(poll_handle(f, handles[i]), NTSYNC_STATUS_INVALID_HANDLE);
	}
}

static void values_as_on_nt(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(new_event(f, false, false), 4);
	assert_int_equal(new_event(f, false, false), 8);
	close_handle(f, 4);
	assert_int_equal(new_event(f, false, false), 4);
	assert_int_equal(new_event(f, false, false), 12);
}

static void values_as_on_the_console(void **state)
{
	struct fixture *f = *state;

	use_xbox360(f);
	assert_int_equal(new_event(f, false, false), 0xf8000000);
	assert_int_equal(new_event(f, false, false), 0xf8000004);
	close_handle(f, 0xf8000000);
	close_handle(f, 0xf8000004);
	assert_int_equal(new_event(f, false, false), 0xf8000004);
}

static void stride_and_base(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;

	ntsync_nt_config_init(&config);
	config.handle_base = 0x100;
	config.handle_stride = 16;
	use_config(f, &config);
	assert_int_equal(new_event(f, false, false), 0x100);
	assert_int_equal(new_event(f, false, false), 0x110);
	assert_invalid(f, 0x104);
	assert_ok(ntsync_nt_close(f->nt, 0x113));
	assert_invalid(f, 0x110);
}

static void low_bits_are_ignored(void **state)
{
	struct fixture *f = *state;
	uint32_t handle = new_event(f, false, false);

	for (uint32_t bits = 1; bits < 4; bits++)
		assert_int_equal(info_of(f, handle + bits).id, info_of(f, handle).id);
}

static void low_bits_are_rejected(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	uint32_t handle;

	ntsync_nt_config_init(&config);
	config.flags = NTSYNC_NT_REJECT_LOW_BITS;
	use_config(f, &config);
	handle = new_event(f, false, false);
	for (uint32_t bits = 1; bits < 4; bits++) {
		assert_invalid(f, handle + bits);
		assert_status(ntsync_nt_close(f->nt, handle + bits),
			      NTSYNC_STATUS_INVALID_HANDLE);
	}
	close_handle(f, handle);
}

/* LIFO: the value names another object at once, with another generation. */
static void reuse_on_the_console(void **state)
{
	struct fixture *f = *state;
	uint32_t handle = new_event(f, false, false);
	struct ntsync_nt_info before = info_of(f, handle), after;

	close_handle(f, handle);
	assert_int_equal(new_mutant(f, false), handle);
	after = info_of(f, handle);
	assert_int_not_equal(after.id, before.id);
	assert_int_equal(after.generation, before.generation + 1);
	assert_int_equal(after.type, NTSYNC_NT_MUTANT);
}

static void protect(void **state)
{
	struct fixture *f = *state;
	uint32_t handle = new_event(f, false, false);

	assert_ok(ntsync_nt_protect(f->nt, handle, true));
	assert_status(ntsync_nt_close(f->nt, handle), NTSYNC_STATUS_HANDLE_NOT_CLOSABLE);
	assert_true(info_of(f, handle).is_protected);
	assert_ok(ntsync_nt_protect(f->nt, handle, false));
	assert_false(info_of(f, handle).is_protected);
	close_handle(f, handle);
	/* Protection does not pass to the next handle of that value. */
	assert_int_equal(new_event(f, false, false), handle);
	assert_false(info_of(f, handle).is_protected);
}

static void retain(void **state)
{
	struct fixture *f = *state;
	uint32_t handle = new_event(f, false, false);

	forget_records(f);
	assert_ok(ntsync_nt_retain(f->nt, handle));
	assert_int_equal(info_of(f, handle).references, 2);
	close_handle(f, handle);
	assert_int_equal(f->nr_records, 0);
	assert_int_equal(info_of(f, handle).references, 1);
	close_handle(f, handle);
	assert_record(f, NTSYNC_NT_DESTROY, handle);
	assert_invalid(f, handle);
}

static void wrong_type(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false), mutant = new_mutant(f, false);
	uint32_t semaphore = new_semaphore(f, 0, 1), timer = new_timer(f, false);
	const uint32_t mismatch = NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;

	assert_status(ntsync_nt_set_event(f->nt, semaphore, NULL), mismatch);
	assert_status(ntsync_nt_reset_event(f->nt, timer, NULL), mismatch);
	assert_status(ntsync_nt_pulse_event(f->nt, mutant, NULL), mismatch);
	assert_status(ntsync_nt_query_event(f->nt, timer, NULL, NULL), mismatch);
	assert_status(ntsync_nt_release_mutant(f->nt, event, NULL), mismatch);
	assert_status(ntsync_nt_query_mutant(f->nt, semaphore, NULL), mismatch);
	assert_status(ntsync_nt_release_semaphore(f->nt, mutant, 1, NULL), mismatch);
	assert_status(ntsync_nt_query_semaphore(f->nt, event, NULL, NULL), mismatch);
	assert_status(ntsync_nt_set_timer(f->nt, event, POLL, 0, NULL), mismatch);
	assert_status(ntsync_nt_cancel_timer(f->nt, mutant, NULL), mismatch);
	assert_status(ntsync_nt_query_timer(f->nt, semaphore, NULL), mismatch);
	assert_status(ntsync_nt_signal_and_wait(f->nt, timer, event, false, POLL), mismatch);
	assert_status(ntsync_nt_compare(f->nt, event, mutant), NTSYNC_STATUS_NOT_SAME_OBJECT);
}

static void a_result_has_to_have_a_place(void **state)
{
	struct fixture *f = *state;
	const uint32_t invalid = NTSYNC_STATUS_INVALID_PARAMETER;

	assert_status(ntsync_nt_create_event(f->nt, NULL, NULL, false, false), invalid);
	assert_status(ntsync_nt_create_mutant(f->nt, NULL, NULL, true), invalid);
	assert_status(ntsync_nt_create_semaphore(f->nt, NULL, NULL, 0, 1), invalid);
	assert_status(ntsync_nt_create_timer(f->nt, NULL, NULL, false), invalid);
	assert_status(ntsync_nt_open_event(f->nt, NULL, "x"), invalid);
}

/* Descriptor 0 would not be valid as an alert, and closing it could close a standard input. */
static void never_descriptor_0(void **state)
{
	struct fixture *f = *state;
	uint32_t handle, status;
	bool used;

	env_free_fd_0();
	status = ntsync_nt_create_event(f->nt, &handle, NULL, false, true);
	used = env_fd_0_is_used();
	env_restore_fd_0();
	assert_false(used);
	assert_ok(status);
	assert_status(poll_handle(f, handle), NTSYNC_STATUS_WAIT_0);
}

static void counts_and_high_water(void **state)
{
	struct fixture *f = *state;
	uint32_t a = new_event(f, false, false), b = new_event(f, true, false);
	uint32_t c = duplicate(f, b);
	struct ntsync_nt_count count;

	close_handle(f, a);
	close_handle(f, b);
	ntsync_nt_count(f->nt, NTSYNC_NT_EVENT, &count);
	assert_int_equal(count.handles, 1);
	assert_int_equal(count.most_handles, 3);
	assert_int_equal(count.objects, 1);
	assert_int_equal(count.most_objects, 2);
	assert_int_equal(count.creates, 3);
	close_handle(f, c);
	ntsync_nt_count(f->nt, NTSYNC_NT_MUTANT, &count);
	assert_int_equal(count.most_handles, 0);
}

struct found {
	size_t count;
	struct ntsync_nt_entry entries[8];
};

static void store_handle(void *context, const struct ntsync_nt_entry *entry)
{
	struct found *found = context;

	assert_true(found->count < ARRAY_SIZE(found->entries));
	found->entries[found->count++] = *entry;
}

static void snapshot_and_difference(void **state)
{
	struct fixture *f = *state;
	uint32_t kept = new_event(f, false, false), reissued = new_event(f, false, false);
	struct ntsync_nt_snapshot *before, *after;
	uint32_t leaked;
	struct found found = { 0 };

	assert_int_equal(ntsync_nt_snapshot_take(f->nt, &before), 0);
	close_handle(f, reissued);
	assert_int_equal(new_mutant(f, false), reissued);
	leaked = duplicate(f, kept);
	close_handle(f, new_semaphore(f, 0, 1));
	assert_int_equal(ntsync_nt_snapshot_take(f->nt, &after), 0);
	assert_int_equal(ntsync_nt_snapshot_diff(before, after, store_handle, &found), 2);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.entries[0].handle, reissued);
	assert_int_equal(found.entries[0].type, NTSYNC_NT_MUTANT);
	assert_int_equal(found.entries[1].handle, leaked);
	assert_int_equal(found.entries[1].id, info_of(f, kept).id);
	assert_int_equal(ntsync_nt_snapshot_diff(NULL, after, NULL, NULL), 3);
	assert_int_equal(ntsync_nt_snapshot_diff(after, after, store_handle, NULL), 0);
	ntsync_nt_snapshot_free(before);
	ntsync_nt_snapshot_free(after);
}

static void trace(void **state)
{
	struct fixture *f = *state;
	const struct ntsync_nt_record *record;
	uint32_t handle;
	uint64_t id;

	assert_int_equal(ntsync_nt_thread_attach(f->nt, 77), 0);
	handle = new_semaphore(f, 0, 1);
	record = assert_record(f, NTSYNC_NT_CREATE, handle);
	assert_int_equal(record->sequence, 1);
	assert_int_equal(record->thread, 77);
	assert_int_equal(record->type, NTSYNC_NT_SEMAPHORE);
	assert_int_equal(record->generation, 1);
	id = record->id;
	assert_int_not_equal(id, 0);
	assert_invalid(f, handle + 4);
	record = assert_record(f, NTSYNC_NT_INVALID, handle + 4);
	assert_int_equal(record->type, NTSYNC_NT_NONE);
	assert_int_equal(record->id, 0);
	close_handle(f, handle);
	record = assert_record(f, NTSYNC_NT_DESTROY, handle);
	assert_int_equal(record->sequence, 3);
	assert_int_equal(record->id, id);
	assert_int_equal(f->nr_records, 0);
}

/* The struct of a program that was built with another version of the library. */
struct other_config {
	union {
		struct ntsync_nt_config config;
		unsigned char bytes[sizeof(struct ntsync_nt_config) + 64];
	};
};

/* Nothing is written behind the struct; fields that it does not have are as on NT. */
/* What a hook has found when it asked for the handle of its record. */
struct curious {
	struct fixture *f;
	int calls;
	uint32_t status, other_status, other;
};

static void query_handle(void *context, const struct ntsync_nt_record *record)
{
	struct curious *c = context;

	c->calls++;
	c->status = ntsync_nt_query(c->f->nt, record->handle, NULL);
	c->other_status = ntsync_nt_query(c->f->nt, c->other, NULL);
}

/* Its result INVALID_HANDLE would be a record, about which the hook would ask again. */
static void a_hook_that_asks_about_its_handle(void **state)
{
	struct fixture *f = *state;
	struct curious c = { .f = f };
	struct ntsync_nt_config config;
	uint32_t handle;

	check(f);
	ntsync_nt_destroy(f->nt);
	ntsync_nt_config_init(&config);
	config.trace = query_handle;
	config.trace_context = &c;
	assert_int_equal(ntsync_nt_create(&config, &f->nt), 0);
	c.other = new_event(f, false, false);
	handle = new_event(f, false, false);
	assert_int_equal(c.calls, 2);
	assert_status(c.status, NTSYNC_STATUS_INVALID_HANDLE);
	assert_ok(c.other_status);
	close_handle(f, handle);
	assert_int_equal(c.calls, 3);
	assert_status(c.status, NTSYNC_STATUS_INVALID_HANDLE);
	assert_invalid(f, handle);
	assert_int_equal(c.calls, 4);
}

static void configurations_of_older_programs(void **state)
{
	const size_t size = offsetof(struct ntsync_nt_config, max_handles);
	struct fixture *f = *state;
	struct other_config old;

	memset(&old, 0x5a, sizeof(old));
	ntsync_nt_config_init_xbox360_size(&old.config, size);
	assert_int_equal(old.config.size, size);
	for (size_t i = size; i < sizeof(old); i++)
		assert_int_equal(old.bytes[i], 0x5a);
	check(f);
	ntsync_nt_destroy(f->nt);
	assert_int_equal(ntsync_nt_create(&old.config, &f->nt), 0);
	/* The base is the console's; the failure value is not in the struct. */
	assert_int_equal(new_event(f, false, false), 0xf8000000u);
	old.config.size = 0;
	assert_int_equal(ntsync_nt_create(&old.config, &f->nt), -EINVAL);
	old.config.size = sizeof(size_t) - 1;
	assert_int_equal(ntsync_nt_create(&old.config, &f->nt), -EINVAL);
}

static void configurations_of_newer_programs(void **state)
{
	struct other_config new;
	struct ntsync_nt *nt;

	(void)state;
	memset(&new, 0x5a, sizeof(new));
	ntsync_nt_config_init_size(&new.config, sizeof(new));
	assert_int_equal(new.config.size, sizeof(new));
	for (size_t i = sizeof(new.config); i < sizeof(new); i++)
		assert_int_equal(new.bytes[i], 0);
	assert_int_equal(ntsync_nt_create(&new.config, &nt), 0);
	ntsync_nt_destroy(nt);
	new.bytes[sizeof(new) - 1] = 1;
	assert_int_equal(ntsync_nt_create(&new.config, &nt), -E2BIG);
}

static void configurations_that_contradict_themselves(void **state)
{
	struct ntsync_nt *nt = NULL;
	static const struct {
		size_t offset;
		uint32_t value;
	} wrong[] = {
#define WRONG(member, value) { offsetof(struct ntsync_nt_config, member), value }
		WRONG(size, 3), WRONG(handle_base, 5), WRONG(handle_base, 0),
		WRONG(handle_base, 0xfffffff0), WRONG(handle_stride, 0), WRONG(handle_stride, 2),
		WRONG(handle_stride, 12), WRONG(max_handles, 0), WRONG(max_handles, 0x40000000),
		WRONG(failure_value, 8), WRONG(style, 2), WRONG(reuse, 2),
		WRONG(mutant_limit, 0), WRONG(mutant_limit, 0x80000001), WRONG(flags, 0x100),
		WRONG(timer_priority, 100),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct ntsync_nt_config config;

		ntsync_nt_config_init(&config);
		memcpy((char *)&config + wrong[i].offset, &wrong[i].value, sizeof(uint32_t));
		if (ntsync_nt_create(&config, &nt) != -EINVAL)
			fail_msg("configuration %zu was accepted", i);
		assert_null(nt);
	}
}

static void a_device_of_the_callers(void **state)
{
	struct ntsync_nt_config config;
	struct ntsync_nt *nt;
	int dev = ntsync_open();

	(void)state;
	ntsync_nt_config_init(&config);
	config.dev = dev;
	assert_int_equal(ntsync_nt_create(&config, &nt), 0);
	ntsync_nt_destroy(nt);
	assert_int_equal(ntsync_features(dev, NULL), 0);
	config.dev = ntsync_event_create(dev, false, false);
	assert_int_equal(ntsync_nt_create(&config, &nt), -ENOTTY);
	close(config.dev);
	close(dev);
	ntsync_nt_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(second_close),
		TEST(never_issued),
		TEST(values_as_on_nt),
		TEST(values_as_on_the_console),
		TEST(stride_and_base),
		TEST(low_bits_are_ignored),
		TEST(low_bits_are_rejected),
		TEST(reuse_on_the_console),
		TEST(protect),
		TEST(retain),
		TEST(wrong_type),
		TEST(a_result_has_to_have_a_place),
		TEST(never_descriptor_0),
		TEST(counts_and_high_water),
		TEST(snapshot_and_difference),
		TEST(trace),
		TEST(a_hook_that_asks_about_its_handle),
		TEST(configurations_of_older_programs),
		TEST(configurations_of_newer_programs),
		TEST(configurations_that_contradict_themselves),
		TEST(a_device_of_the_callers),
	};

	return RUN(tests);
}
