// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module has caches of its own for objects, waits and requests: their counts show a leak, and a
 * stray write through another driver's object can't hit a mutex.
 */
#include "channel.h"

#include <sys/stat.h>

static const char *const caches[] = { "ntsync_obj", "ntsync_wait_q",
				     "ntsync_request" };

static void need_slabs(struct fixture *f)
{
	only_ours(f, "it has no caches");
	if (access("/sys/kernel/slab", F_OK))
		skip_because("this kernel doesn't show its caches");
}

/* A merged cache is a symlink to the one that it was merged with. */
static void caches_are_not_merged(void **state)
{
	need_slabs(*state);
	for (size_t i = 0; i < ARRAY_SIZE(caches); i++) {
		char path[64];
		struct stat st;

		snprintf(path, sizeof(path), "/sys/kernel/slab/%s", caches[i]);
		assert_int_equal(lstat(path, &st), 0);
		assert_true(S_ISDIR(st.st_mode));
	}
}

static int read_number(const char *cache, const char *name)
{
	char path[96];
	FILE *file;
	int n = -1;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/%s", cache, name);
	file = fopen(path, "re");
	assert_non_null(file);
	if (fscanf(file, "%d", &n) != 1)
		n = -1;
	fclose(file);
	return n;
}

static void caches_are_aligned(void **state)
{
	need_slabs(*state);
	for (size_t i = 0; i < ARRAY_SIZE(caches); i++)
		assert_int_equal(read_number(caches[i], "hwcache_align"), 1);
}

static void objects_come_from_their_cache(void **state)
{
	struct fixture *f = *state;

	need_slabs(f);
	for (int i = 0; i < 100; i++)
		new_sem(f, 0, 1);
	assert_true(read_number("ntsync_obj", "objects") >= 100);
}

static void larger_waits_come_from_their_cache(void **state)
{
	struct fixture *f = *state;
	int sem = new_sem(f, 0, 1), objs[16];

	need_slabs(f);
	for (size_t i = 0; i < ARRAY_SIZE(objs); i++)
		objs[i] = sem;
	start(f, ANY, ARGS(.objs = (uintptr_t)objs, .count = 16, .owner = OWNER,
			   .timeout = FOREVER));
	assert_true(read_number("ntsync_wait_q", "objects") >= 1);
}

static void requests_come_from_their_cache(void **state)
{
	struct fixture *f = *state;
	int channel;

	need_slabs(f);
	channel = new_channel(f, 128);
	for (int i = 0; i < 100; i++)
		start_send(f, channel, 0, i);
	assert_true(read_number("ntsync_request", "objects") >= 100);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(caches_are_not_merged),
		TEST(caches_are_aligned),
		TEST(objects_come_from_their_cache),
		TEST(larger_waits_come_from_their_cache),
		CHANNEL_TEST(requests_come_from_their_cache),
	};

	return RUN(tests);
}
