// SPDX-License-Identifier: GPL-2.0-only
/* Handles as such: closing, values and their reuse, limits, what is kept about them. */
#include "nt_test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

/* LIFO: the value names another object at once, with a generation that tells. */
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

static void use_quarantine(struct fixture *f, uint32_t quarantine, uint32_t max_handles)
{
	struct ntsync_nt_config config;

	ntsync_nt_config_init(&config);
	config.reuse = NTSYNC_NT_REUSE_QUARANTINE;
	config.quarantine = quarantine;
	config.max_handles = max_handles;
	use_config(f, &config);
}

static void stale_handle_after_reuse(void **state)
{
	struct fixture *f = *state;
	uint32_t stale, value = 0;

	use_quarantine(f, 10, 100);
	stale = new_event(f, false, false);
	close_handle(f, stale);
	/* Ten others have to go before it comes back. */
	for (int i = 0; i < 10; i++) {
		value = new_event(f, false, false);
		assert_int_not_equal(value, stale);
		assert_status(ntsync_nt_close(f->nt, stale), NTSYNC_STATUS_INVALID_HANDLE);
		close_handle(f, value);
	}
	for (int i = 0; i < 3 && value != stale; i++) {
		value = new_event(f, false, false);
		close_handle(f, value);
	}
	assert_int_equal(value, stale);
	check(f);
}

static void quarantine_does_not_lower_the_limit(void **state)
{
	struct fixture *f = *state;
	uint32_t handles[20], out;

	use_quarantine(f, 7, 20);
	for (int round = 0; round < 5; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(handles); i++)
			handles[i] = new_event(f, false, false);
		assert_status(ntsync_nt_create_event(f->nt, &out, NULL, false, false),
			      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
		assert_int_equal(out, 0);
		for (size_t i = 0; i < ARRAY_SIZE(handles); i++)
			close_handle(f, handles[i]);
		check(f);
	}
}

/* What was never issued was never closed: it shortens nobody's quarantine. */
static void failed_creates_do_not_shorten_the_quarantine(void **state)
{
	const struct ntsync_nt_attributes taken = { .name = "taken" };
	struct fixture *f = *state;
	uint32_t stale, out;

	use_quarantine(f, 2, 100);
	assert_ok(ntsync_nt_create_event(f->nt, &out, &taken, false, false));
	stale = new_event(f, false, false);
	close_handle(f, stale);
	for (int i = 0; i < 10; i++) {
		for (int j = 0; j < i; j++)
			assert_status(ntsync_nt_create_event(f->nt, &out, &taken, false, false),
				      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
		assert_int_not_equal(new_event(f, false, false), stale);
	}
}

/* Nor does it count as issued. */
static void failed_creates_are_no_generation(void **state)
{
	const struct ntsync_nt_attributes taken = { .name = "taken" };
	struct fixture *f = *state;
	uint32_t out, handle;

	for (int reuse = 0; reuse < 2; reuse++) {
		assert_ok(ntsync_nt_create_event(f->nt, &out, &taken, false, false));
		for (int i = 0; i < 5; i++)
			assert_status(ntsync_nt_create_event(f->nt, &out, &taken, false, false),
				      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
		handle = new_event(f, false, false);
		assert_int_equal(info_of(f, handle).generation, 1);
		use_quarantine(f, 1, 100);
	}
}

static void limit(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	uint32_t handles[3], out = UNTOUCHED;

	ntsync_nt_config_init(&config);
	config.max_handles = 3;
	use_config(f, &config);
	for (size_t i = 0; i < 3; i++)
		handles[i] = new_event(f, false, false);
	assert_status(ntsync_nt_create_event(f->nt, &out, NULL, false, false),
		      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	assert_int_equal(out, 0);
	close_handle(f, handles[1]);
	assert_int_equal(new_semaphore(f, 0, 1), handles[1]);
	assert_status(ntsync_nt_duplicate(f->nt, handles[0], &out, 0),
		      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	check(f);
}

/* What is closed but waited on does not count, though its value can't be issued. */
static void limit_while_closed_ones_are_in_use(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	uint32_t event, keep, closed, out = UNTOUCHED;
	struct helper *waiter;

	for (int reuse = 0; reuse < 2; reuse++) {
		ntsync_nt_config_init(&config);
		config.max_handles = 2;
		config.reuse = reuse;
		config.quarantine = 3;
		use_config(f, &config);
		event = new_event(f, false, false);
		keep = duplicate(f, event);
		closed = event;
		waiter = start_asleep(f, wait_for_handle, &event);
		close_handle(f, closed);
		assert_int_not_equal(new_event(f, false, false), closed);
		assert_status(ntsync_nt_create_event(f->nt, &out, NULL, false, false),
			      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
		assert_ok(ntsync_nt_set_event(f->nt, keep, NULL));
		assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
	}
}

/* As many handles as there are values for, and no slot beyond them. */
static void check_seven(struct fixture *f, struct ntsync_nt_config *config)
{
	uint32_t out = UNTOUCHED;

	config->max_handles = 7;
	use_config(f, config);
	for (uint32_t i = 0; i < 7; i++)
		assert_int_equal(new_event(f, false, false), config->handle_base + 4 * i);
	assert_status(ntsync_nt_create_event(f->nt, &out, NULL, false, false),
		      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	assert_invalid(f, config->handle_base + 28);
}

static void up_to_the_last_value(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;

	ntsync_nt_config_init(&config);
	config.handle_base = 0xffffffe0;
	check_seven(f, &config);
	config.handle_base = 4;
	config.failure_value = 32;
	check_seven(f, &config);
}

/* What would come next is a pseudo-handle, or no handle at all. */
static void no_value_beyond_the_last(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	uint32_t event, keep, out = UNTOUCHED;
	struct helper *waiter;

	ntsync_nt_config_init(&config);
	config.handle_base = 0xfffffff4;
	config.max_handles = 2;
	use_config(f, &config);
	event = new_event(f, false, false);
	keep = duplicate(f, event);
	waiter = start_asleep(f, wait_for_handle, &event);
	close_handle(f, 0xfffffff4);
	assert_status(ntsync_nt_duplicate(f->nt, keep, &out, 0),
		      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	assert_ok(ntsync_nt_set_event(f->nt, keep, NULL));
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
	assert_int_equal(duplicate(f, keep), 0xfffffff4);
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
	/* It does not rub off on the next one. */
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

static void retain_too_often(void **state)
{
	struct fixture *f = *state;
	uint32_t handle = new_event(f, false, false);

	for (int i = 0; i < 4093; i++)
		assert_ok(ntsync_nt_retain(f->nt, handle));
	assert_status(ntsync_nt_retain(f->nt, handle), NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	for (int i = 0; i < 4093; i++)
		close_handle(f, handle);
	assert_int_equal(info_of(f, handle).references, 1);
	close_handle(f, handle);
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

/* Descriptor 0 would be no alert, and closing it would close another's standard input. */
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

static void no_descriptors(void **state)
{
	struct fixture *f = *state;
	uint32_t event, dup, out = UNTOUCHED;

	event = new_event(f, false, false);
	assert_true(env_fail_creates(EMFILE));
	assert_status(ntsync_nt_create_event(f->nt, &out, NULL, false, false),
		      NTSYNC_STATUS_TOO_MANY_OPENED_FILES);
	assert_int_equal(out, 0);
	assert_status(ntsync_nt_create_event(f->nt, &out,
					     &(struct ntsync_nt_attributes){ .name = "x" },
					     false, false),
		      NTSYNC_STATUS_TOO_MANY_OPENED_FILES);
	assert_status(ntsync_nt_create_timer(f->nt, &out, NULL, false),
		      NTSYNC_STATUS_TOO_MANY_OPENED_FILES);
	/* The first alertable wait of a thread needs one, too. */
	assert_status(ntsync_nt_delay(f->nt, true, POLL), NTSYNC_STATUS_TOO_MANY_OPENED_FILES);
	/* One descriptor per object, not per handle. */
	assert_ok(ntsync_nt_duplicate(f->nt, event, &dup, 0));
	assert_true(env_fail_creates(0));
	if (env_fail_creates(ENOMEM)) {
		assert_status(ntsync_nt_create_mutant(f->nt, &out, NULL, true),
			      NTSYNC_STATUS_NO_MEMORY);
		env_fail_creates(0);
	}
	check(f);
}

static struct rlimit fd_limit(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	return limit;
}

/* For an object is a descriptor, and the soft limit was made for programs with few. */
static void the_limit_of_descriptors_is_raised(void **state)
{
	struct fixture *f = *state;
	const struct rlimit before = fd_limit();
	const struct rlimit low = { .rlim_cur = before.rlim_max - 1, .rlim_max = before.rlim_max };
	struct ntsync_nt_config config;

	ntsync_nt_config_init(&config);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	config.flags = NTSYNC_NT_KEEP_FD_LIMIT;
	use_config(f, &config);
	assert_true(fd_limit().rlim_cur == low.rlim_cur);
	config.flags = 0;
	use_config(f, &config);
	assert_true(fd_limit().rlim_cur == before.rlim_max);
	setrlimit(RLIMIT_NOFILE, &before);
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

static void note(void *context, const struct ntsync_nt_entry *entry)
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
	assert_int_equal(ntsync_nt_snapshot_diff(before, after, note, &found), 2);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.entries[0].handle, reissued);
	assert_int_equal(found.entries[0].type, NTSYNC_NT_MUTANT);
	assert_int_equal(found.entries[1].handle, leaked);
	assert_int_equal(found.entries[1].id, info_of(f, kept).id);
	assert_int_equal(ntsync_nt_snapshot_diff(NULL, after, NULL, NULL), 3);
	assert_int_equal(ntsync_nt_snapshot_diff(after, after, note, NULL), 0);
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

/* Handles are duplicates here: descriptors are what there are less of. */
static void a_million_handles(void **state)
{
	enum { MILLION = 1000000 };
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false);
	uint32_t *handles = malloc(MILLION * sizeof(*handles));

	assert_non_null(handles);
	for (int i = 0; i < MILLION; i++)
		assert_ok(ntsync_nt_duplicate(f->nt, event, &handles[i], 0));
	assert_int_equal(info_of(f, event).handles, MILLION + 1);
	assert_ok(ntsync_nt_set_event(f->nt, handles[MILLION - 1], NULL));
	assert_status(poll_handle(f, handles[MILLION / 2]), NTSYNC_STATUS_WAIT_0);
	check(f);
	for (int i = 0; i < MILLION; i++)
		close_handle(f, handles[i]);
	assert_int_equal(info_of(f, event).handles, 1);
	free(handles);
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
		TEST(stale_handle_after_reuse),
		TEST(quarantine_does_not_lower_the_limit),
		TEST(failed_creates_do_not_shorten_the_quarantine),
		TEST(failed_creates_are_no_generation),
		TEST(limit),
		TEST(limit_while_closed_ones_are_in_use),
		TEST(up_to_the_last_value),
		TEST(no_value_beyond_the_last),
		TEST(protect),
		TEST(retain),
		TEST(retain_too_often),
		TEST(wrong_type),
		TEST(a_result_has_to_have_a_place),
		TEST(never_descriptor_0),
		TEST(no_descriptors),
		TEST(the_limit_of_descriptors_is_raised),
		TEST(counts_and_high_water),
		TEST(snapshot_and_difference),
		TEST(trace),
		TEST(configurations_that_contradict_themselves),
		TEST(a_device_of_the_callers),
		TEST(a_million_handles),
	};

	return RUN(tests);
}
