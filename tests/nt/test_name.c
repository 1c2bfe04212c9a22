// SPDX-License-Identifier: GPL-2.0-only
#include "nt_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED(text) (&(struct ntsync_nt_attributes){ .name = text })
#define OPEN_IF(text) \
	(&(struct ntsync_nt_attributes){ .name = text, .flags = NTSYNC_NT_OPEN_IF })

static uint32_t named_event(struct fixture *f, const char *name)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_event(f->nt, &handle, NAMED(name), false, true));
	return handle;
}

static void open_by_name(void **state)
{
	struct fixture *f = *state;
	uint32_t event = named_event(f, "Global\\Ready"), other;

	assert_ok(ntsync_nt_open_event(f->nt, &other, "gLOBAL\\rEADY"));
	assert_int_not_equal(other, event);
	assert_ok(ntsync_nt_compare(f->nt, event, other));
	assert_status(ntsync_nt_open_event(f->nt, &other, "Global\\Read"),
		      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
	assert_int_equal(other, 0);
	assert_status(ntsync_nt_open_event(f->nt, &other, ""),
		      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
	assert_status(ntsync_nt_open_event(f->nt, &other, NULL),
		      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
}

static void the_name_is_taken(void **state)
{
	struct fixture *f = *state;
	uint32_t event = named_event(f, "a"), other = UNTOUCHED;

	assert_status(ntsync_nt_create_event(f->nt, &other, NAMED("A"), true, false),
		      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	assert_int_equal(other, 0);
	assert_status(ntsync_nt_create_mutant(f->nt, &other, NAMED("A"), false),
		      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	assert_status(ntsync_nt_create_event(f->nt, &other, OPEN_IF("A"), true, false),
		      NTSYNC_STATUS_OBJECT_NAME_EXISTS);
	assert_ok(ntsync_nt_compare(f->nt, event, other));
	/* It is as it was made, not as it was asked for. */
	assert_true(event_signaled(f, other));
	assert_int_equal(info_of(f, event).handles, 2);
}

static void the_name_is_of_another_type(void **state)
{
	struct fixture *f = *state;
	uint32_t event = named_event(f, "a"), other = UNTOUCHED;
	const uint32_t mismatch = NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;

	assert_status(ntsync_nt_open_mutant(f->nt, &other, "a"), mismatch);
	assert_int_equal(other, 0);
	assert_status(ntsync_nt_open_semaphore(f->nt, &other, "a"), mismatch);
	assert_status(ntsync_nt_open_timer(f->nt, &other, "a"), mismatch);
	assert_status(ntsync_nt_create_semaphore(f->nt, &other, OPEN_IF("a"), 0, 1), mismatch);
	assert_int_equal(info_of(f, event).handles, 1);
	check(f);
}

static void each_type_has_names(void **state)
{
	struct fixture *f = *state;
	uint32_t handle, other;

	assert_ok(ntsync_nt_create_mutant(f->nt, &handle, NAMED("m"), true));
	assert_ok(ntsync_nt_open_mutant(f->nt, &other, "M"));
	assert_ok(ntsync_nt_compare(f->nt, handle, other));
	/* An open does not make the caller an owner. */
	assert_status(ntsync_nt_create_mutant(f->nt, &other, OPEN_IF("m"), true),
		      NTSYNC_STATUS_OBJECT_NAME_EXISTS);
	assert_ok(ntsync_nt_release_mutant(f->nt, other, NULL));
	assert_status(ntsync_nt_release_mutant(f->nt, other, NULL),
		      NTSYNC_STATUS_MUTANT_NOT_OWNED);
	assert_ok(ntsync_nt_create_semaphore(f->nt, &handle, NAMED("s"), 0, 1));
	assert_ok(ntsync_nt_open_semaphore(f->nt, &other, "S"));
	assert_ok(ntsync_nt_compare(f->nt, handle, other));
	assert_ok(ntsync_nt_create_timer(f->nt, &handle, NAMED("t"), false));
	assert_ok(ntsync_nt_open_timer(f->nt, &other, "T"));
	assert_ok(ntsync_nt_compare(f->nt, handle, other));
	assert_status(ntsync_nt_create_timer(f->nt, &other, OPEN_IF("t"), false),
		      NTSYNC_STATUS_OBJECT_NAME_EXISTS);
}

static void lives_as_long_as_the_object(void **state)
{
	struct fixture *f = *state;
	uint32_t event = named_event(f, "a"), dup = duplicate(f, event), other;

	close_handle(f, event);
	assert_ok(ntsync_nt_open_event(f->nt, &other, "a"));
	assert_ok(ntsync_nt_compare(f->nt, dup, other));
	close_handle(f, dup);
	close_handle(f, other);
	assert_status(ntsync_nt_open_event(f->nt, &other, "a"),
		      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
	named_event(f, "a");
}

/* Through the wait alone, which has no handle any more. */
static void lives_as_long_as_a_wait(void **state)
{
	struct fixture *f = *state;
	uint32_t event, other, closed;
	struct helper *waiter;

	assert_ok(ntsync_nt_create_event(f->nt, &event, NAMED("a"), false, false));
	closed = event;
	waiter = start_asleep(f, wait_for_handle, &event);
	close_handle(f, closed);
	assert_invalid(f, closed);
	assert_ok(ntsync_nt_open_event(f->nt, &other, "a"));
	assert_int_not_equal(other, closed);
	assert_ok(ntsync_nt_set_event(f->nt, other, NULL));
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
}

static void no_name(void **state)
{
	struct fixture *f = *state;
	uint32_t a = named_event(f, ""), b = named_event(f, NULL);

	assert_status(ntsync_nt_compare(f->nt, a, b), NTSYNC_STATUS_NOT_SAME_OBJECT);
}

static void names_that_are_refused(void **state)
{
	struct fixture *f = *state;
	char *name = malloc(NTSYNC_NT_MAX_NAME + 2);
	uint32_t handle;

	assert_non_null(name);
	memset(name, 'x', NTSYNC_NT_MAX_NAME + 1);
	name[NTSYNC_NT_MAX_NAME + 1] = '\0';
	assert_status(ntsync_nt_create_event(f->nt, &handle, NAMED(name), false, false),
		      NTSYNC_STATUS_OBJECT_NAME_INVALID);
	assert_status(ntsync_nt_open_event(f->nt, &handle, name),
		      NTSYNC_STATUS_OBJECT_NAME_INVALID);
	name[NTSYNC_NT_MAX_NAME] = '\0';
	named_event(f, name);
	assert_ok(ntsync_nt_open_event(f->nt, &handle, name));
	assert_status(ntsync_nt_create_event(f->nt, &handle,
					     &(struct ntsync_nt_attributes){ "b", 1 }, false,
					     false), NTSYNC_STATUS_INVALID_PARAMETER);
	free(name);
}

static void only_ascii_is_folded(void **state)
{
	struct fixture *f = *state;
	uint32_t handle;

	named_event(f, "caf\xc3\xa9[`{");
	assert_ok(ntsync_nt_open_event(f->nt, &handle, "CAF\xc3\xa9[`{"));
	assert_status(ntsync_nt_open_event(f->nt, &handle, "caf\xc3\x89[`{"),
		      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
	assert_status(ntsync_nt_open_event(f->nt, &handle, "caf\xc3\xa9{`["),
		      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
}

static void many(void **state)
{
	struct fixture *f = *state;
	uint32_t handles[500], other;
	char name[16];

	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "name %d", i);
		handles[i] = named_event(f, name);
	}
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "NAME %d", i);
		assert_ok(ntsync_nt_open_event(f->nt, &other, name));
		assert_ok(ntsync_nt_compare(f->nt, other, handles[i]));
		close_handle(f, other);
		close_handle(f, handles[i]);
		assert_status(ntsync_nt_open_event(f->nt, &other, name),
			      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(open_by_name),
		TEST(the_name_is_taken),
		TEST(the_name_is_of_another_type),
		TEST(each_type_has_names),
		TEST(lives_as_long_as_the_object),
		TEST(lives_as_long_as_a_wait),
		TEST(no_name),
		TEST(names_that_are_refused),
		TEST(only_ascii_is_folded),
		TEST(many),
	};

	return RUN(tests);
}
