// SPDX-License-Identifier: GPL-2.0-only
#include "nt_test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED(text) (&(struct ntsync_nt_attributes){ .name = text })
#define OPEN_IF(text) \
	(&(struct ntsync_nt_attributes){ .name = text, .flags = NTSYNC_NT_OPEN_IF })

/* As on a console: no call distinguishes upper and lower case. */
static void use_folded_names(struct fixture *f)
{
	struct ntsync_nt_config config;

	ntsync_nt_config_init(&config);
	config.flags = NTSYNC_NT_FOLD_NAMES;
	use_config(f, &config);
}

static uint32_t named_event(struct fixture *f, const char *name)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_event(f->nt, &handle, NAMED(name), false, true));
	return handle;
}

static void open_by_name(void **state)
{
	struct fixture *f = *state;
	uint32_t event, other;

	use_folded_names(f);
	event = named_event(f, "Global\\Ready");
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
	uint32_t event, other = UNTOUCHED;

	use_folded_names(f);
	event = named_event(f, "a");
	assert_status(ntsync_nt_create_event(f->nt, &other, NAMED("A"), true, false),
		      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	assert_int_equal(other, 0);
	assert_status(ntsync_nt_create_mutant(f->nt, &other, NAMED("A"), false),
		      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	assert_status(ntsync_nt_create_event(f->nt, &other, OPEN_IF("A"), true, false),
		      NTSYNC_STATUS_OBJECT_NAME_EXISTS);
	assert_ok(ntsync_nt_compare(f->nt, event, other));
	/* The existing object keeps its type and state. */
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

	use_folded_names(f);
	assert_ok(ntsync_nt_create_mutant(f->nt, &handle, NAMED("m"), true));
	assert_ok(ntsync_nt_open_mutant(f->nt, &other, "M"));
	assert_ok(ntsync_nt_compare(f->nt, handle, other));
	/* Opening does not make the caller an owner. */
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

#define OPEN(f, out, text, flag) \
	ntsync_nt_open((f)->nt, out, &(struct ntsync_nt_attributes){ text, flag }, \
		       NTSYNC_NT_EVENT)

/* Two different Win32 names, which are one name for some calls. */
static void case_matters_unless_a_call_says_otherwise(void **state)
{
	const uint32_t any_case = NTSYNC_NT_CASE_INSENSITIVE;
	struct fixture *f = *state;
	uint32_t upper = named_event(f, "READY"), lower = named_event(f, "ready"), other;

	assert_status(ntsync_nt_compare(f->nt, upper, lower), NTSYNC_STATUS_NOT_SAME_OBJECT);
	assert_ok(ntsync_nt_open_event(f->nt, &other, "READY"));
	assert_ok(ntsync_nt_compare(f->nt, upper, other));
	assert_status(ntsync_nt_open_event(f->nt, &other, "Ready"),
		      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
	assert_status(OPEN(f, &other, "Ready", 0), NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
	assert_ok(OPEN(f, &other, "Ready", any_case));
	/* An exact match has precedence. */
	assert_ok(OPEN(f, &other, "ready", any_case));
	assert_ok(ntsync_nt_compare(f->nt, lower, other));
	assert_ok(OPEN(f, &other, "READY", any_case));
	assert_ok(ntsync_nt_compare(f->nt, upper, other));
	assert_status(ntsync_nt_create_event(f->nt, &other,
					     &(struct ntsync_nt_attributes){ "rEADY", any_case },
					     false, false), NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	named_event(f, "rEADY");
}

static void a_consoles_names_are_folded(void **state)
{
	struct fixture *f = *state;
	uint32_t event, other;

	use_xbox360(f);
	event = named_event(f, "READY");
	assert_ok(ntsync_nt_open_event(f->nt, &other, "ready"));
	assert_ok(ntsync_nt_compare(f->nt, event, other));
}

static void flags_of_attributes(void **state)
{
	struct fixture *f = *state;
	uint32_t event, other = UNTOUCHED;

	assert_ok(ntsync_nt_create_event(f->nt, &event,
					 &(struct ntsync_nt_attributes){ "a", NTSYNC_NT_INHERIT },
					 false, false));
	assert_ok(OPEN(f, &other, "a", NTSYNC_NT_INHERIT | NTSYNC_NT_OPEN_IF));
	for (uint32_t flag = 1; flag; flag <<= 1) {
		if (flag & (NTSYNC_NT_INHERIT | NTSYNC_NT_CASE_INSENSITIVE | NTSYNC_NT_OPEN_IF))
			continue;
		assert_status(OPEN(f, &other, "a", flag), NTSYNC_STATUS_INVALID_PARAMETER);
		assert_int_equal(other, 0);
		assert_status(ntsync_nt_create_event(f->nt, &other,
						     &(struct ntsync_nt_attributes){ NULL, flag },
						     false, false),
			      NTSYNC_STATUS_INVALID_PARAMETER);
	}
	assert_status(ntsync_nt_open(f->nt, &other, NAMED("a"), NTSYNC_NT_NONE),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_open(f->nt, &other, NAMED("a"), NTSYNC_NT_MUTANT),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_open(f->nt, &other, NULL, NTSYNC_NT_EVENT),
		      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
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

/* A wait keeps the object but not its name, which another object may get meanwhile. */
static void goes_with_the_last_handle(void **state)
{
	struct fixture *f = *state;
	uint32_t event, other, closed, dup;
	struct helper *waiter;

	assert_ok(ntsync_nt_create_event(f->nt, &event, NAMED("a"), false, false));
	closed = event;
	waiter = start_asleep(f, wait_for_handle, &event);
	assert_ok(ntsync_nt_bind_process(f->nt, closed));
	close_handle(f, closed);
	assert_invalid(f, closed);
	assert_status(ntsync_nt_open_event(f->nt, &other, "a"),
		      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
	other = named_event(f, "a");
	assert_status(ntsync_nt_compare(f->nt, other, NTSYNC_NT_CURRENT_PROCESS),
		      NTSYNC_STATUS_NOT_SAME_OBJECT);
	/* A new handle does not bring the name back. */
	assert_ok(ntsync_nt_duplicate(f->nt, NTSYNC_NT_CURRENT_PROCESS, &dup, 0));
	assert_true(still_asleep(waiter));
	assert_ok(ntsync_nt_set_event(f->nt, dup, NULL));
	assert_status(finish(waiter), NTSYNC_STATUS_WAIT_0);
	close_handle(f, dup);
	assert_ok(ntsync_nt_open_event(f->nt, &dup, "a"));
	assert_ok(ntsync_nt_compare(f->nt, other, dup));
}

static uint32_t open_and_close(struct fixture *f, void *arg)
{
	uint32_t mine, other, status = NTSYNC_STATUS_SUCCESS;

	(void)arg;
	for (int i = 0; i < 2000 && !status; i++) {
		status = ntsync_nt_create_event(f->nt, &mine, OPEN_IF("a"), true, false);
		if (status == NTSYNC_STATUS_OBJECT_NAME_EXISTS)
			status = NTSYNC_STATUS_SUCCESS;
		/* While this handle is open its object has the name. */
		if (!status)
			status = ntsync_nt_open_event(f->nt, &other, "a");
		if (!status)
			status = ntsync_nt_compare(f->nt, mine, other);
		ntsync_nt_close(f->nt, other);
		ntsync_nt_close(f->nt, mine);
	}
	return status;
}

/* The last close in one thread against an open in another. */
static void opened_while_the_last_handle_is_closed(void **state)
{
	struct fixture *f = *state;
	struct helper *other = start(f, open_and_close, NULL);
	uint32_t handle;

	assert_ok(open_and_close(f, NULL));
	assert_ok(finish(other));
	assert_status(ntsync_nt_open_event(f->nt, &handle, "a"),
		      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
}

#define RACES	2000

/**
 * struct race - calls at the same time, one of which closes the last handle
 * @start: all threads are about to call.
 * @done: all have.
 * @handle: the handle.
 * @dup: a duplicate, or the handle of another object with the same name.
 * @status: of the call that makes @dup.
 */
struct race {
	pthread_barrier_t start;
	pthread_barrier_t done;
	uint32_t handle;
	uint32_t dup;
	uint32_t status;
};

static uint32_t duplicate_each(struct fixture *f, void *arg)
{
	struct race *r = arg;

	for (int i = 0; i < RACES; i++) {
		pthread_barrier_wait(&r->start);
		r->status = ntsync_nt_duplicate(f->nt, r->handle, &r->dup, 0);
		pthread_barrier_wait(&r->done);
	}
	return NTSYNC_STATUS_SUCCESS;
}

/* Either the duplicate was first, and the name stays; or the close was, and there is no handle. */
static void duplicated_while_the_last_handle_is_closed(void **state)
{
	struct fixture *f = *state;
	struct race r = { .status = NTSYNC_STATUS_SUCCESS };
	struct helper *other;

	pthread_barrier_init(&r.start, NULL, 2);
	pthread_barrier_init(&r.done, NULL, 2);
	other = start(f, duplicate_each, &r);
	for (int i = 0; i < RACES; i++) {
		uint32_t opened;

		r.handle = named_event(f, "a");
		pthread_barrier_wait(&r.start);
		close_handle(f, r.handle);
		pthread_barrier_wait(&r.done);
		if (r.status) {
			assert_status(r.status, NTSYNC_STATUS_INVALID_HANDLE);
			continue;
		}
		assert_ok(ntsync_nt_open_event(f->nt, &opened, "a"));
		assert_ok(ntsync_nt_compare(f->nt, opened, r.dup));
		close_handle(f, opened);
		close_handle(f, r.dup);
	}
	assert_ok(finish(other));
	pthread_barrier_destroy(&r.start);
	pthread_barrier_destroy(&r.done);
}

static uint32_t close_each(struct fixture *f, void *arg)
{
	struct race *r = arg;

	for (int i = 0; i < RACES; i++) {
		pthread_barrier_wait(&r->start);
		ntsync_nt_close(f->nt, r->handle);
		pthread_barrier_wait(&r->done);
	}
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t create_each(struct fixture *f, void *arg)
{
	struct race *r = arg;

	for (int i = 0; i < RACES; i++) {
		pthread_barrier_wait(&r->start);
		r->status = ntsync_nt_create_event(f->nt, &r->dup, NAMED("a"), false, false);
		pthread_barrier_wait(&r->done);
	}
	return NTSYNC_STATUS_SUCCESS;
}

/*
 * The last handle is closed, another object gets the name, and the first one gets a handle again. It has no name
 * then.
 */
static void two_never_have_one_name(void **state)
{
	struct fixture *f = *state;
	struct race r = { .status = NTSYNC_STATUS_SUCCESS };
	struct helper *closer, *creator;

	pthread_barrier_init(&r.start, NULL, 3);
	pthread_barrier_init(&r.done, NULL, 3);
	closer = start(f, close_each, &r);
	creator = start(f, create_each, &r);
	for (int i = 0; i < RACES; i++) {
		uint32_t first, other;
		char name[8];

		r.handle = named_event(f, "a");
		assert_ok(ntsync_nt_bind_thread(f->nt, r.handle));
		pthread_barrier_wait(&r.start);
		assert_ok(ntsync_nt_duplicate(f->nt, NTSYNC_NT_CURRENT_THREAD, &first, 0));
		pthread_barrier_wait(&r.done);
		assert_ok(ntsync_nt_query_name(f->nt, first, name, sizeof(name), NULL));
		if (!r.status) {
			assert_string_equal(name, "");
			close_handle(f, r.dup);
		}
		close_handle(f, first);
		assert_status(ntsync_nt_open_event(f->nt, &other, "a"),
			      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND);
	}
	assert_ok(finish(closer));
	assert_ok(finish(creator));
	pthread_barrier_destroy(&r.start);
	pthread_barrier_destroy(&r.done);
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

	use_folded_names(f);
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

	use_folded_names(f);
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
		TEST(case_matters_unless_a_call_says_otherwise),
		TEST(a_consoles_names_are_folded),
		TEST(flags_of_attributes),
		TEST(lives_as_long_as_the_object),
		TEST(goes_with_the_last_handle),
		TEST(opened_while_the_last_handle_is_closed),
		TEST(duplicated_while_the_last_handle_is_closed),
		TEST(two_never_have_one_name),
		TEST(no_name),
		TEST(names_that_are_refused),
		TEST(only_ascii_is_folded),
		TEST(many),
	};

	return RUN(tests);
}
