// SPDX-License-Identifier: GPL-2.0-only
/* Names of statuses. */
#include "nt_test.h"

#include <stdio.h>
#include <string.h>

struct named {
	uint32_t status;
	const char *name;
};

static void assert_name(uint32_t status, const char *want)
{
	const char *name = ntsync_nt_status_name(status);

	if (!name || strcmp(name, want))
		fail_msg("%#x: got %s, want %s", status, name ? name : "none", want);
}

/* All of ntsync_nt.h. The name is that of the constant. */
static void statuses_of_the_table(void **state)
{
	static const struct named statuses[] = {
		{ NTSYNC_STATUS_SUCCESS, "STATUS_SUCCESS" },
		{ NTSYNC_STATUS_ABANDONED_WAIT_0, "STATUS_ABANDONED_WAIT_0" },
		{ NTSYNC_STATUS_USER_APC, "STATUS_USER_APC" },
		{ NTSYNC_STATUS_ALERTED, "STATUS_ALERTED" },
		{ NTSYNC_STATUS_TIMEOUT, "STATUS_TIMEOUT" },
		{ NTSYNC_STATUS_PENDING, "STATUS_PENDING" },
		{ NTSYNC_STATUS_OBJECT_NAME_EXISTS, "STATUS_OBJECT_NAME_EXISTS" },
		{ NTSYNC_STATUS_NO_MORE_ENTRIES, "STATUS_NO_MORE_ENTRIES" },
		{ NTSYNC_STATUS_INVALID_HANDLE, "STATUS_INVALID_HANDLE" },
		{ NTSYNC_STATUS_INVALID_CID, "STATUS_INVALID_CID" },
		{ NTSYNC_STATUS_INVALID_PARAMETER, "STATUS_INVALID_PARAMETER" },
		{ NTSYNC_STATUS_NO_MEMORY, "STATUS_NO_MEMORY" },
		{ NTSYNC_STATUS_BUFFER_TOO_SMALL, "STATUS_BUFFER_TOO_SMALL" },
		{ NTSYNC_STATUS_OBJECT_TYPE_MISMATCH, "STATUS_OBJECT_TYPE_MISMATCH" },
		{ NTSYNC_STATUS_INVALID_PARAMETER_MIX, "STATUS_INVALID_PARAMETER_MIX" },
		{ NTSYNC_STATUS_OBJECT_NAME_INVALID, "STATUS_OBJECT_NAME_INVALID" },
		{ NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND, "STATUS_OBJECT_NAME_NOT_FOUND" },
		{ NTSYNC_STATUS_OBJECT_NAME_COLLISION, "STATUS_OBJECT_NAME_COLLISION" },
		{ NTSYNC_STATUS_MUTANT_NOT_OWNED, "STATUS_MUTANT_NOT_OWNED" },
		{ NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED, "STATUS_SEMAPHORE_LIMIT_EXCEEDED" },
		{ NTSYNC_STATUS_SUSPEND_COUNT_EXCEEDED, "STATUS_SUSPEND_COUNT_EXCEEDED" },
		{ NTSYNC_STATUS_THREAD_IS_TERMINATING, "STATUS_THREAD_IS_TERMINATING" },
		{ NTSYNC_STATUS_INSUFFICIENT_RESOURCES, "STATUS_INSUFFICIENT_RESOURCES" },
		{ NTSYNC_STATUS_INTERNAL_ERROR, "STATUS_INTERNAL_ERROR" },
		{ NTSYNC_STATUS_INVALID_PARAMETER_1, "STATUS_INVALID_PARAMETER_1" },
		{ NTSYNC_STATUS_INVALID_PARAMETER_3, "STATUS_INVALID_PARAMETER_3" },
		{ NTSYNC_STATUS_TOO_MANY_OPENED_FILES, "STATUS_TOO_MANY_OPENED_FILES" },
		{ NTSYNC_STATUS_CANCELLED, "STATUS_CANCELLED" },
		{ NTSYNC_STATUS_MUTANT_LIMIT_EXCEEDED, "STATUS_MUTANT_LIMIT_EXCEEDED" },
		{ NTSYNC_STATUS_NOT_SAME_OBJECT, "STATUS_NOT_SAME_OBJECT" },
		{ NTSYNC_STATUS_HANDLE_NOT_CLOSABLE, "STATUS_HANDLE_NOT_CLOSABLE" },
		{ NTSYNC_STATUS_PORT_DISCONNECTED, "STATUS_PORT_DISCONNECTED" },
		{ NTSYNC_STATUS_NOT_SUPPORTED, "STATUS_NOT_SUPPORTED" },
		{ NTSYNC_STATUS_REPLY_MESSAGE_MISMATCH, "STATUS_REPLY_MESSAGE_MISMATCH" },
		{ NTSYNC_STATUS_REQUEST_ABORTED, "STATUS_REQUEST_ABORTED" },
		{ NTSYNC_STATUS_LPC_REPLY_LOST, "STATUS_LPC_REPLY_LOST" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		assert_name(statuses[i].status, statuses[i].name);
}

static void waits_for_several(void **state)
{
	char name[32];

	(void)state;
	for (uint32_t i = 1; i < 64; i++) {
		snprintf(name, sizeof(name), "STATUS_WAIT_%u", i);
		assert_name(NTSYNC_STATUS_WAIT_0 + i, name);
		snprintf(name, sizeof(name), "STATUS_ABANDONED_WAIT_%u", i);
		assert_name(NTSYNC_STATUS_ABANDONED_WAIT_0 + i, name);
	}
	assert_name(NTSYNC_STATUS_WAIT_0, "STATUS_SUCCESS");
}

static void others_that_guests_meet(void **state)
{
	(void)state;
	assert_name(0x80000003, "STATUS_BREAKPOINT");
	assert_name(0xc0000005, "STATUS_ACCESS_VIOLATION");
	assert_name(0xc000010a, "STATUS_PROCESS_IS_TERMINATING");
	assert_name(0xc0000409, "STATUS_STACK_BUFFER_OVERRUN");
}

static void unknown_ones(void **state)
{
	static const uint32_t unknown[] = { 0x40, 0x7f, 0x200, 0xc0000400, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		assert_null(ntsync_nt_status_name(unknown[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(statuses_of_the_table),
		TEST(waits_for_several),
		TEST(others_that_guests_meet),
		TEST(unknown_ones),
	};

	return RUN(tests);
}
