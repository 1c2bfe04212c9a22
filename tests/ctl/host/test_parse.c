// SPDX-License-Identifier: GPL-2.0-only
/* fdinfo and debugfs as they are now, as a newer driver may write them, and as hostile input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ctl.h"

static void a_mutex(void **state)
{
	struct object o;

	(void)state;
	assert_true(fdinfo_parse("pos:\t0\nflags:\t02000002\nntsync-type:\tmutex\nntsync-owner:\t7\n"
				 "ntsync-count:\t2\nntsync-abandoned:\t0\nntsync-waiters-any:\t2\n"
				 "ntsync-waiters-all:\t1\nntsync-instance:\t3\nntsync-id:\t9\n"
				 "ntsync-owner-tid:\t123\nntsync-waiter:\tany 5 80\n"
				 "ntsync-waiter:\tall 6 0\n", &o));
	assert_int_equal(o.type, TYPE_MUTEX);
	assert_int_equal(o.owner, 7);
	assert_int_equal(o.count, 2);
	assert_int_equal(o.id, 9);
	assert_int_equal(o.instance, 3);
	assert_int_equal(o.owner_tid, 123);
	assert_int_equal(object_waiters(&o), 3);
	assert_int_equal(object_top_prio(&o), 80);
	assert_int_equal(o.nr_waiter, 2);
	assert_true(!o.waiter[0].all && o.waiter[0].tid == 5 && o.waiter[1].all);
}

static void a_channel(void **state)
{
	struct object o;

	(void)state;
	assert_true(fdinfo_parse("ntsync-type:\tchannel\nntsync-max-depth:\t64\nntsync-depth:\t1\n"
				 "ntsync-dispatched:\t1\nntsync-receivers:\t1\n"
				 "ntsync-queueing-ns:\t3 300 200\nntsync-response-ns:\t2 500 400\n"
				 "ntsync-pending:\t7 11 20 1500 0\nntsync-dispatched-request:\t6 12 30 2500 13\n"
				 "ntsync-receiver:\t13 working\n", &o));
	assert_int_equal(object_waiters(&o), 2);
	assert_int_equal(object_top_prio(&o), 30);
	assert_int_equal(o.queueing.nr, 3);
	assert_int_equal(o.response.max_ns, 400);
	assert_int_equal(o.nr_request, 2);
	assert_true(o.request[0].sender == 11 && !o.request[0].receiver);
	assert_true(o.request[1].receiver == 13 && o.request[1].age_ns == 2500);
	assert_string_equal(o.receiver[0].state, "working");
}

static void loans_of_an_instance(void **state)
{
	static const char text[] = "ntsync-type:\tinstance\nntsync-instance:\t3\n"
				   "ntsync-loan:\t5 6 80\nntsync-loan:\t7 6\n"
				   "ntsync-loan:\tno 6 1\nntsync-loan:\t8 9 0\n";
	struct loan loan[2];
	struct object o;
	bool more;

	(void)state;
	assert_true(fdinfo_parse(text, &o));
	assert_int_equal(o.type, TYPE_INSTANCE);
	assert_int_equal(fdinfo_parse_loans(text, loan, 2, &more), 2);
	assert_false(more);
	assert_true(loan[0].lender == 5 && loan[0].borrower == 6 && loan[0].prio == 80);
	assert_true(loan[1].lender == 8 && loan[1].borrower == 9 && !loan[1].prio);
	assert_int_equal(fdinfo_parse_loans(text, loan, 1, &more), 1);
	assert_true(more);
	assert_int_equal(fdinfo_parse_loans("", loan, 2, &more), 0);
}

static void waits_on_addresses(void **state)
{
	static const char text[] = "ntsync-type:\tinstance\nntsync-instance:\t3\n"
				   "ntsync-addr-waiter:\t5 80 6 12 0x7f0010\n"
				   "ntsync-addr-waiter:\t5 80 6 12\nntsync-addr-waiter:\tx 1 1 1 1\n"
				   "ntsync-addr-waiter:\t5 80 6 0 0x7f0010\n"
				   "ntsync-loan:\t5 6 80\nntsync-addr-waiter:\t7 0 0 12 0x7f0010\n";
	const char *at = text;
	struct object o;

	(void)state;
	assert_true(fdinfo_next_address(&at, &o));
	assert_int_equal(o.type, TYPE_ADDRESS);
	assert_int_equal(o.id, 12);
	assert_int_equal(o.address, 0x7f0010);
	assert_int_equal(o.owner_tid, 6);
	assert_int_equal(object_waiters(&o), 1);
	assert_int_equal(object_top_prio(&o), 80);
	assert_int_equal(o.waiter[0].tid, 5);
	assert_true(fdinfo_next_address(&at, &o));
	assert_true(o.waiter[0].tid == 7 && !o.waiter[0].prio && !o.owner_tid);
	assert_false(fdinfo_next_address(&at, &o));
	/* No descriptor can claim to be one. */
	assert_true(fdinfo_parse("ntsync-type:\taddress\nntsync-id:\t4\n", &o));
	assert_int_equal(o.type, TYPE_UNKNOWN);
}

/* Its number is a tid, and may be that of an object. */
static void a_loan_has_no_object(void **state)
{
	const struct contrib loan = { .source = "loan", .object = 3 };
	const struct contrib mutex = { .source = "mutex", .object = 3 };

	(void)state;
	assert_int_equal(contrib_object(&loan), 0);
	assert_int_equal(contrib_object(&mutex), 3);
}

static void other_files_are_not_ours(void **state)
{
	struct object o;

	(void)state;
	assert_false(fdinfo_parse("", &o));
	assert_false(fdinfo_parse("pos:\t0\nflags:\t02\neventfd-count:\t0\n", &o));
	assert_false(fdinfo_parse("xntsync-type:\tmutex\n", &o));
	assert_false(fdinfo_parse("ntsync-type: mutex", &o));
}

/* Lines of a newer driver. */
static void what_is_not_known_is_passed_over(void **state)
{
	struct object o;

	(void)state;
	assert_true(fdinfo_parse("ntsync-type:\tbarrier\nntsync-colour:\tred\nntsync-id:\t4", &o));
	assert_int_equal(o.type, TYPE_UNKNOWN);
	assert_int_equal(o.id, 4);
}

static void nonsense_does_no_harm(void **state)
{
	static const char *const lines[] = {
		"ntsync-:\t\n", "ntsync-type:\n", ":\t\n", "ntsync\n", "\n\n\n",
		"ntsync-count:\t-1\n", "ntsync-count:\t99999999999999999999999999\n",
		"ntsync-waiter:\tany\n", "ntsync-waiter:\t%n%n%s 1 2\n", "ntsync-waiter:\tanyanyany 1 2\n",
		"ntsync-receiver:\t1 WORKINGWORKINGWORKING\n", "ntsync-receiver:\t1 aaaaaaaaaaaaaaaaaaaa\n",
		"ntsync-pending:\t1 2 3\n", "ntsync-response-ns:\tx\n", "ntsync-owner-tid:\t-5\n",
	};
	struct object o;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char text[256];

		snprintf(text, sizeof(text), "ntsync-type:\tsem\n%sntsync-id:\t1\n", lines[i]);
		assert_true(fdinfo_parse(text, &o));
		assert_int_equal(o.id, 1);
	}
}

/* More lines than there is room for, and a line without an end. */
static void lists_have_an_end(void **state)
{
	size_t size = 1 << 20;
	char *text = malloc(size);
	struct object o;
	size_t at;

	(void)state;
	at = sprintf(text, "ntsync-type:\tsem\n");
	while (at < size - 200)
		at += sprintf(text + at, "ntsync-waiter:\tany 1 1\nntsync-pending:\t1 1 1 1 1\n"
					 "ntsync-receiver:\t1 idle\n");
	assert_true(fdinfo_parse(text, &o));
	assert_int_equal(o.nr_waiter, MAX_WAITERS);
	assert_int_equal(o.nr_request, MAX_REQUESTS);
	assert_int_equal(o.nr_receiver, MAX_RECEIVERS);
	at = sprintf(text, "ntsync-type:\tsem\nntsync-count:\t");
	memset(text + at, '9', size - at - 1);
	text[size - 1] = '\0';
	assert_true(fdinfo_parse(text, &o));
	free(text);
}

static void the_arbiters_records(void **state)
{
	struct boosted b[2];
	bool more;

	(void)state;
	assert_int_equal(arbiter_parse("task 12 a b\nnormal policy=0 prio=0 nice=5 reset_on_fork=0\n"
				       "  contribution mutex policy=1 prio=80 object=4\n"
				       "  contribution channel policy=2 prio=70 object=5\n"
				       "task 13 x\nnormal policy=1 prio=10 nice=0 reset_on_fork=1\n"
				       "  contribution event policy=1 prio=99 object=0\n", b, 2, &more), 2);
	assert_false(more);
	assert_true(b[0].tid == 12 && b[0].nr == 2 && b[0].normal_prio == 0);
	assert_string_equal(b[0].contrib[1].source, "channel");
	assert_int_equal(b[0].contrib[1].object, 5);
	assert_true(b[1].tid == 13 && b[1].normal_prio == 10 && b[1].nr == 1);
}

/*
 * A name that begins like a line of the kernel's must not be taken for one: the kernel escapes it.
 */
static void names_make_no_records(void **state)
{
	struct boosted b[4];
	bool more;

	(void)state;
	assert_int_equal(arbiter_parse("task 12 a\\012task 1 b\nnormal policy=0 prio=0\n", b, 4, &more), 1);
	assert_int_equal(arbiter_parse("  contribution mutex policy=1 prio=80 object=4\nnormal policy=1 prio=1\n"
				       "task x\nnonsense\n\n", b, 4, &more), 0);
}

static void records_have_an_end(void **state)
{
	char text[4096] = "";
	struct boosted b[3];
	bool more;

	(void)state;
	for (int i = 0; i < 5; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "task %d x\n", i + 1);
	assert_int_equal(arbiter_parse(text, b, 3, &more), 3);
	assert_true(more);
	snprintf(text, sizeof(text), "task 1 x\n");
	for (int i = 0; i < 20; i++)
		strcat(text, "  contribution mutex policy=1 prio=1 object=1\n");
	assert_int_equal(arbiter_parse(text, b, 3, &more), 1);
	assert_int_equal(b[0].nr, MAX_CONTRIBS);
	arbiter_parse("more 3\n", b, 3, &more);
	assert_true(more);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mutex),
		cmocka_unit_test(a_channel),
		cmocka_unit_test(loans_of_an_instance),
		cmocka_unit_test(waits_on_addresses),
		cmocka_unit_test(a_loan_has_no_object),
		cmocka_unit_test(other_files_are_not_ours),
		cmocka_unit_test(what_is_not_known_is_passed_over),
		cmocka_unit_test(nonsense_does_no_harm),
		cmocka_unit_test(lists_have_an_end),
		cmocka_unit_test(the_arbiters_records),
		cmocka_unit_test(names_make_no_records),
		cmocka_unit_test(records_have_an_end),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
