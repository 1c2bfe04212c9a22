// SPDX-License-Identifier: GPL-2.0-only
/* Finding one thread among thousands takes about as many steps as among a few. */
#include "../nt_test.h"

#include "../../../lib/libntsync/nt/thread.h"

#define MANY 5000
#define LONGEST 8

static size_t longest_chain(const struct ntsync_nt *nt)
{
	size_t longest = 0;

	for (size_t i = 0; i < nt->threads.nr_chains; i++) {
		size_t length = 0;

		for (const struct nt_hash_link *t = nt->threads.chains[i]; t; t = t->next)
			length++;
		longest = length > longest ? length : longest;
	}
	return longest;
}

static void many_ids(struct fixture *f, uint32_t first, uint32_t stride)
{
	for (uint32_t i = 0; i < MANY; i++)
		assert_ok(ntsync_nt_queue_apc(f->nt, first + i * stride));
	assert_in_range(longest_chain(f->nt), 1, LONGEST);
	for (uint32_t i = 0; i < MANY; i++)
		assert_ok(ntsync_nt_thread_abandon(f->nt, first + i * stride));
	assert_int_equal(longest_chain(f->nt), 0);
}

static void ids_as_guests_have_them(void **state)
{
	static const uint32_t strides[] = { 1, 4, 8, 64, 4096 };

	for (size_t i = 0; i < ARRAY_SIZE(strides); i++)
		many_ids(*state, 4, strides[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ids_as_guests_have_them),
	};

	return RUN(tests);
}
