// SPDX-License-Identifier: GPL-2.0-only
/* Objects of the runtime's own types, data of objects, and handles with chosen values. */
#include "nt_test.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { FILE_KIND = 1, KEY_KIND = 2 };

/**
 * struct file - what a runtime keeps with a file
 * @f: the test
 * @destroyed: how often it was destroyed
 * @other: a handle that its destruction closes, or 0
 */
struct file {
	struct fixture *f;
	atomic_int destroyed;
	uint32_t other;
};

static void destroy_file(void *data)
{
	struct file *file = data;

	atomic_fetch_add(&file->destroyed, 1);
	if (file->other)
		ntsync_nt_close(file->f->nt, file->other);
}

static uint32_t create_own(struct fixture *f, uint32_t *out, const char *name, uint32_t kind,
			   struct file *file, uint32_t event)
{
	const struct ntsync_nt_attributes attributes = { .name = name, .flags = NTSYNC_NT_OPEN_IF };
	const struct ntsync_nt_own own = {
		.kind = kind, .event = event, .data = file, .destroy = destroy_file,
	};

	return ntsync_nt_create_own(f->nt, out, &attributes, &own);
}

static uint32_t new_file(struct fixture *f, struct file *file, uint32_t event)
{
	uint32_t handle;

	assert_ok(create_own(f, &handle, NULL, FILE_KIND, file, event));
	return handle;
}

/* -- Lifetime ---------------------------------------------------------------------------- */

static void destroyed_with_the_last_handle(void **state)
{
	struct fixture *f = *state;
	struct file file = { .f = f };
	uint32_t handle = new_file(f, &file, 0), dup = duplicate(f, handle), kind = 0;

	assert_int_equal(info_of(f, handle).type, NTSYNC_NT_OWN);
	assert_ok(ntsync_nt_query_own(f->nt, dup, &kind, NULL));
	assert_int_equal(kind, FILE_KIND);
	assert_ok(ntsync_nt_compare(f->nt, handle, dup));
	close_handle(f, handle);
	assert_int_equal(file.destroyed, 0);
	close_handle(f, dup);
	assert_int_equal(file.destroyed, 1);
	assert_invalid(f, dup);
	check(f);
}

/* The destruction uses the table, and destroys another object. */
static void a_destruction_closes_a_handle(void **state)
{
	struct fixture *f = *state;
	struct file inner = { .f = f }, outer = { .f = f };

	outer.other = new_file(f, &inner, 0);
	close_handle(f, new_file(f, &outer, 0));
	assert_int_equal(outer.destroyed, 1);
	assert_int_equal(inner.destroyed, 1);
	check(f);
}

/* A wait keeps it, and the waiting thread destroys it. */
static void destroyed_after_a_wait(void **state)
{
	struct fixture *f = *state;
	struct file file = { .f = f };
	uint32_t event = new_event(f, false, false), handle = new_file(f, &file, event);
	uint32_t closed = handle;
	struct helper *waiter = start_asleep(f, wait_for_handle, &handle);

	close_handle(f, closed);
	assert_int_equal(file.destroyed, 0);
	assert_ok(ntsync_nt_set_event(f->nt, event, NULL));
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
	assert_int_equal(file.destroyed, 1);
	check(f);
}

static void destroyed_with_the_table(void **state)
{
	struct fixture *f = *state;
	struct file *files = calloc(5, sizeof(*files));
	struct ntsync_nt_config config;
	uint32_t event = new_event(f, true, true);

	assert_non_null(files);
	for (int i = 0; i < 5; i++)
		new_file(f, &files[i], i % 2 ? event : 0);
	/* Only its objects have the event. */
	close_handle(f, event);
	ntsync_nt_config_init(&config);
	use_config(f, &config);
	for (int i = 0; i < 5; i++)
		assert_int_equal(files[i].destroyed, 1);
	free(files);
}

/* -- Waits ------------------------------------------------------------------------------- */

static void waited_for_by_its_event(void **state)
{
	struct fixture *f = *state;
	struct file file = { .f = f };
	uint32_t event = new_event(f, false, false), handle = new_file(f, &file, event);
	uint32_t both[] = { handle, event }, tid = ntsync_nt_thread_id(f->nt);

	assert_status(poll_handle(f, handle), NTSYNC_STATUS_TIMEOUT);
	assert_ok(ntsync_nt_set_event(f->nt, event, NULL));
	assert_status(poll_handle(f, handle), NTSYNC_STATUS_WAIT_0);
	assert_false(event_signaled(f, event));
	assert_ok(ntsync_nt_set_event(f->nt, event, NULL));
	assert_status(ntsync_nt_wait_multiple(f->nt, both, 2, NTSYNC_NT_WAIT_ALL, false, POLL),
		      NTSYNC_STATUS_INVALID_PARAMETER_MIX);
	assert_status(ntsync_nt_wait_multiple(f->nt, both, 2, NTSYNC_NT_WAIT_ANY, false, POLL),
		      NTSYNC_STATUS_WAIT_0);
	assert_ok(ntsync_nt_alert_thread(f->nt, tid));
	assert_status(ntsync_nt_signal_and_wait(f->nt, event, handle, true, FOREVER),
		      NTSYNC_STATUS_WAIT_0);
	assert_status(ntsync_nt_wait_single(f->nt, handle, true, FOREVER), NTSYNC_STATUS_ALERTED);
	/* It is no event itself. */
	assert_status(ntsync_nt_set_event(f->nt, handle, NULL), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_signal_and_wait(f->nt, handle, event, false, POLL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_compare(f->nt, handle, event), NTSYNC_STATUS_NOT_SAME_OBJECT);
	/* The event lives on without its handle. */
	close_handle(f, event);
	check(f);
	assert_status(poll_handle(f, handle), NTSYNC_STATUS_TIMEOUT);
	close_handle(f, handle);
	check(f);
}

static void without_an_event(void **state)
{
	static struct file file;
	struct fixture *f = *state;
	uint32_t handle = new_file(f, &file, 0), handles[] = { new_event(f, true, true), handle };

	assert_status(poll_handle(f, handle), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_wait_multiple(f->nt, handles, 2, NTSYNC_NT_WAIT_ANY, false, POLL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_signal_and_wait(f->nt, handles[0], handle, false, POLL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	check(f);
}

/* -- Names and kinds --------------------------------------------------------------------- */

static void names(void **state)
{
	struct fixture *f = *state;
	struct file first = { .f = f }, second = { .f = f };
	uint32_t handle, again = UNTOUCHED, other = UNTOUCHED;
	void *data = NULL;

	assert_ok(create_own(f, &handle, "name", FILE_KIND, &first, 0));
	/* The second one's data is not used. */
	assert_status(create_own(f, &again, "name", FILE_KIND, &second, 0),
		      NTSYNC_STATUS_OBJECT_NAME_EXISTS);
	assert_ok(ntsync_nt_get_data(f->nt, again, &data));
	assert_ptr_equal(data, &first);
	assert_status(create_own(f, &other, "name", KEY_KIND, &second, 0),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(other, 0);
	assert_status(ntsync_nt_open_own(f->nt, &other, "name", KEY_KIND),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_open_event(f->nt, &other, "name"),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_ok(ntsync_nt_open_own(f->nt, &other, "name", FILE_KIND));
	assert_ok(ntsync_nt_compare(f->nt, handle, other));
	close_handle(f, other);
	assert_ok(ntsync_nt_open_own(f->nt, &other, "name", 0));
	close_handle(f, handle);
	close_handle(f, again);
	assert_int_equal(first.destroyed, 0);
	close_handle(f, other);
	assert_int_equal(first.destroyed, 1);
	assert_int_equal(second.destroyed, 0);
	assert_status(ntsync_nt_open_own(f->nt, &other, "name", 0),
		      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
	check(f);
}

static void wrong_arguments(void **state)
{
	struct fixture *f = *state;
	struct file file = { .f = f };
	struct ntsync_nt_own own = { .kind = 0, .data = &file, .destroy = destroy_file };
	uint32_t out = UNTOUCHED, semaphore = new_semaphore(f, 0, 1), event = new_event(f, 0, 0);

	assert_status(ntsync_nt_create_own(f->nt, &out, NULL, &own),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_int_equal(out, 0);
	assert_status(ntsync_nt_create_own(f->nt, &out, NULL, NULL),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	own.kind = FILE_KIND;
	own.event = semaphore;
	assert_status(ntsync_nt_create_own(f->nt, &out, NULL, &own),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	own.event = semaphore + 400;
	assert_status(ntsync_nt_create_own(f->nt, &out, NULL, &own),
		      NTSYNC_STATUS_INVALID_HANDLE);
	own.event = event;
	assert_status(ntsync_nt_create_own(f->nt, NULL, NULL, &own),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_query_own(f->nt, event, NULL, NULL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_int_equal(file.destroyed, 0);
	close_handle(f, event);
	check(f);
}

/* -- Data and references ----------------------------------------------------------------- */

static void data_of_each_type(void **state)
{
	static struct file file;
	struct fixture *f = *state;
	uint32_t thread, handles[6];
	int things[6];
	void *data;

	assert_ok(ntsync_nt_thread_create_object(f->nt, &thread, 0));
	handles[0] = new_event(f, true, true);
	handles[1] = new_mutant(f, true);
	handles[2] = new_semaphore(f, 1, 2);
	handles[3] = new_timer(f, true);
	handles[4] = NTSYNC_NT_CURRENT_THREAD;
	handles[5] = new_file(f, &file, 0);
	for (int i = 0; i < 6; i++) {
		data = &data;
		assert_ok(ntsync_nt_get_data(f->nt, handles[i], &data));
		assert_ptr_equal(data, i == 5 ? &file : NULL);
		assert_ok(ntsync_nt_set_data(f->nt, handles[i], &things[i]));
	}
	set_ms(f, handles[3], 0, 0);
	assert_ok(ntsync_nt_release_mutant(f->nt, handles[1], NULL));
	for (int i = 0; i < 6; i++) {
		uint32_t dup = duplicate(f, handles[i]);

		assert_ok(ntsync_nt_get_data(f->nt, dup, &data));
		assert_ptr_equal(data, &things[i]);
	}
	assert_ok(ntsync_nt_set_data(f->nt, handles[5], &file));
	/* A new object in the same memory has none. */
	close_handle(f, new_event(f, true, true));
	handles[0] = new_event(f, true, true);
	assert_ok(ntsync_nt_set_data(f->nt, handles[0], &file));
	close_handle(f, handles[0]);
	assert_ok(ntsync_nt_get_data(f->nt, new_event(f, true, true), &data));
	assert_null(data);
	assert_status(ntsync_nt_get_data(f->nt, NTSYNC_NT_CURRENT_PROCESS, &data),
		      NTSYNC_STATUS_INVALID_HANDLE);
}

static void references(void **state)
{
	struct fixture *f = *state;
	struct file file = { .f = f };
	uint32_t handle = new_file(f, &file, 0), event = new_event(f, true, true);
	struct ntsync_nt_object *first, *second, *none = (struct ntsync_nt_object *)&file;
	void *data = NULL;

	assert_ok(ntsync_nt_reference(f->nt, handle, FILE_KIND, &first, &data));
	assert_ptr_equal(data, &file);
	assert_ok(ntsync_nt_reference(f->nt, event, 0, &second, NULL));
	assert_status(ntsync_nt_reference(f->nt, handle, KEY_KIND, &none, &data),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_null(none);
	assert_status(ntsync_nt_reference(f->nt, event, FILE_KIND, &none, &data),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_reference(f->nt, handle + 400, 0, &none, &data),
		      NTSYNC_STATUS_INVALID_HANDLE);
	assert_status(ntsync_nt_reference(f->nt, handle, 0, NULL, &data),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	close_handle(f, handle);
	close_handle(f, event);
	check(f);
	assert_int_equal(file.destroyed, 0);
	ntsync_nt_dereference(f->nt, first);
	assert_int_equal(file.destroyed, 1);
	ntsync_nt_dereference(f->nt, second);
	ntsync_nt_dereference(f->nt, NULL);
	check(f);
}

/* -- Handles with chosen values ---------------------------------------------------------- */

static void move_to(struct fixture *f, uint32_t handle, uint32_t value)
{
	assert_ok(ntsync_nt_duplicate_at(f->nt, handle, value, NTSYNC_NT_DUPLICATE_CLOSE_SOURCE));
}

static void use_reuse(struct fixture *f, enum ntsync_nt_reuse reuse)
{
	struct ntsync_nt_config config;

	ntsync_nt_config_init(&config);
	config.reuse = reuse;
	config.quarantine = 5;
	config.max_handles = 100;
	use_config(f, &config);
}

/* All values of a table, in an order of its own, and each names its object. */
static void check_each_value(struct fixture *f, enum ntsync_nt_reuse reuse)
{
	uint64_t ids[100];

	use_reuse(f, reuse);
	for (uint32_t i = 0; i < 100; i++) {
		/* 37 and 100 are coprime. */
		uint32_t value = 400 + 4 * (i * 37 % 100), handle;

		if (i == 99)
			break;
		handle = new_event(f, true, i % 2);
		ids[i] = info_of(f, handle).id;
		if (handle != value)
			move_to(f, handle, value);
		check(f);
	}
	for (uint32_t i = 0; i < 99; i++)
		assert_true(info_of(f, 400 + 4 * (i * 37 % 100)).id == ids[i]);
}

static void each_value(void **state)
{
	check_each_value(*state, NTSYNC_NT_REUSE_LIFO);
	check_each_value(*state, NTSYNC_NT_REUSE_QUARANTINE);
}

static void a_value_that_was_closed(void **state)
{
	struct fixture *f = *state;
	uint32_t handles[20], event;

	for (int reuse = 0; reuse < 2; reuse++) {
		use_reuse(f, reuse);
		for (int i = 0; i < 20; i++)
			handles[i] = new_event(f, true, true);
		event = new_event(f, true, false);
		for (int i = 0; i < 20; i++)
			close_handle(f, handles[i]);
		for (int i = 0; i < 20; i += 3) {
			assert_ok(ntsync_nt_duplicate_at(f->nt, event, handles[i], 0));
			assert_ok(ntsync_nt_compare(f->nt, event, handles[i]));
			assert_int_equal(info_of(f, handles[i]).generation, 2);
		}
		/* The others are issued in the order of before. */
		if (reuse == NTSYNC_NT_REUSE_LIFO) {
			assert_int_equal(new_event(f, true, true), handles[19]);
			assert_int_equal(new_event(f, true, true), handles[17]);
			assert_int_equal(new_event(f, true, true), handles[16]);
		}
		check(f);
	}
}

static void values_below_are_issued_next(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, true, true);

	assert_ok(ntsync_nt_duplicate_at(f->nt, event, 0x10004, 0));
	assert_int_equal(new_event(f, true, true), event + 4);
	assert_int_equal(new_event(f, true, true), event + 8);
	assert_status(ntsync_nt_close(f->nt, 0x10000), NTSYNC_STATUS_INVALID_HANDLE);
	close_handle(f, 0x10004);
	assert_int_equal(new_event(f, true, true), 0x10004);
	check(f);
}

static void values_in_use(void **state)
{
	struct fixture *f = *state;
	uint32_t event = new_event(f, false, false), other = new_event(f, true, true);
	uint32_t dup = duplicate(f, event), closed = event;
	struct helper *waiter;

	assert_status(ntsync_nt_duplicate_at(f->nt, event, other, NTSYNC_NT_DUPLICATE_CLOSE_SOURCE),
		      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	assert_ok(ntsync_nt_compare(f->nt, event, dup));
	/* Closed, but a call uses it. */
	waiter = start_asleep(f, wait_for_handle, &event);
	close_handle(f, closed);
	assert_status(ntsync_nt_duplicate_at(f->nt, dup, closed, 0),
		      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	assert_ok(ntsync_nt_set_event(f->nt, dup, NULL));
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
	assert_ok(ntsync_nt_duplicate_at(f->nt, dup, closed, 0));
	check(f);
}

static void values_that_are_no_handles(void **state)
{
	static const uint32_t values[] = { 0, 1, 2, 5, 6, NTSYNC_NT_CURRENT_THREAD,
					   NTSYNC_NT_CURRENT_PROCESS, 0xfffffffc, 0x80000000 };
	struct fixture *f = *state;
	uint32_t event = new_event(f, true, true);

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		assert_status(ntsync_nt_duplicate_at(f->nt, event, values[i], 0),
			      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_duplicate_at(f->nt, event, 400, 8),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_duplicate_at(f->nt, event + 4, 400, 0),
		      NTSYNC_STATUS_INVALID_HANDLE);
	check(f);
}

static void as_many_as_there_may_be(void **state)
{
	struct fixture *f = *state;
	uint32_t event;

	use_reuse(f, NTSYNC_NT_REUSE_LIFO);
	event = new_event(f, true, true);
	for (uint32_t i = 1; i < 100; i++)
		assert_ok(ntsync_nt_duplicate_at(f->nt, event, 4000 - 4 * i, 0));
	assert_status(ntsync_nt_duplicate_at(f->nt, event, 4000, 0),
		      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	close_handle(f, 3996);
	assert_ok(ntsync_nt_duplicate_at(f->nt, event, 4000, 0));
	check(f);
}

/* -- Races ------------------------------------------------------------------------------- */

#define ROUNDS 500

struct race {
	struct file file;
	uint32_t handle;
};

static uint32_t use_it(struct fixture *f, void *arg)
{
	struct race *race = arg;
	struct ntsync_nt_object *object;
	void *data = NULL;
	uint32_t status = ntsync_nt_reference(f->nt, race->handle, FILE_KIND, &object, &data);

	if (status)
		return status;
	status = data == &race->file && !race->file.destroyed ? 0 : UNTOUCHED;
	ntsync_nt_dereference(f->nt, object);
	return status;
}

static void closed_while_used(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < ROUNDS; i++) {
		struct race race = { .file = { .f = f } };
		struct helper *a, *b;
		uint32_t statuses[2];

		race.handle = new_file(f, &race.file, 0);
		a = start(f, use_it, &race);
		b = start(f, use_it, &race);
		close_handle(f, race.handle);
		statuses[0] = finish(a);
		statuses[1] = finish(b);
		for (int j = 0; j < 2; j++)
			assert_true(!statuses[j] || statuses[j] == NTSYNC_STATUS_INVALID_HANDLE);
		assert_int_equal(race.file.destroyed, 1);
	}
	check(f);
}

static uint32_t create_and_close(struct fixture *f, void *arg)
{
	uint32_t event = *(uint32_t *)arg, dup;

	for (int i = 0; i < ROUNDS; i++) {
		uint32_t status = ntsync_nt_duplicate(f->nt, event, &dup, 0);

		if (status)
			return status;
		ntsync_nt_close(f->nt, dup);
	}
	return NTSYNC_STATUS_SUCCESS;
}

/* Values are chosen while other threads get the next ones. */
static void chosen_while_others_are_issued(void **state)
{
	struct fixture *f = *state;

	for (int reuse = 0; reuse < 2; reuse++) {
		struct helper *helpers[3];
		uint32_t event;

		use_reuse(f, reuse);
		event = new_event(f, true, true);
		for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
			helpers[i] = start(f, create_and_close, &event);
		for (uint32_t i = 0; i < ROUNDS; i++) {
			uint32_t value = 8 + 4 * (i % 12);
			uint32_t status = ntsync_nt_duplicate_at(f->nt, event, value, 0);

			if (status) {
				assert_status(status, NTSYNC_STATUS_OBJECT_NAME_COLLISION);
				continue;
			}
			assert_ok(ntsync_nt_compare(f->nt, event, value));
			close_handle(f, value);
		}
		for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
			assert_ok(finish(helpers[i]));
		check(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(destroyed_with_the_last_handle),
		TEST(a_destruction_closes_a_handle),
		TEST(destroyed_after_a_wait),
		TEST(destroyed_with_the_table),
		TEST(waited_for_by_its_event),
		TEST(without_an_event),
		TEST(names),
		TEST(wrong_arguments),
		TEST(data_of_each_type),
		TEST(references),
		TEST(each_value),
		TEST(a_value_that_was_closed),
		TEST(values_below_are_issued_next),
		TEST(values_in_use),
		TEST(values_that_are_no_handles),
		TEST(as_many_as_there_may_be),
		TEST(closed_while_used),
		TEST(chosen_while_others_are_issued),
	};

	return RUN(tests);
}
