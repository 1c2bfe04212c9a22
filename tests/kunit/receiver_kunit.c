// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receivers at moments that are hard to meet from outside: a process is about to let go
 * of a channel while one of its threads comes in.
 */
#include <kunit/test.h>
#include <linux/anon_inodes.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>

#include "channel/receiver.h"
#include "fixture.h"

static const struct file_operations nothing_fops = { .owner = THIS_MODULE };

static void close_it(void *fd)
{
	close_fd((long)fd);
}

/* A file that is in our table of descriptors, until the test ends. */
static struct file *new_file(struct kunit *test)
{
	struct file *file = anon_inode_getfile("ntsync_kunit", &nothing_fops, NULL, O_RDWR);
	long fd;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		fput(file);
	KUNIT_ASSERT_GE(test, fd, 0);
	fd_install(fd, file);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, close_it, (void *)fd), 0);
	return file;
}

/* Another thread has closed the last descriptor after we came in: we will not receive. */
static void who_has_left_keeps_no_notice(struct kunit *test)
{
	struct ntsync_obj *obj = kt_channel(test);
	struct ntsync_wait sender = { .claim = ATOMIC_INIT(NTSYNC_UNCLAIMED) };
	struct ntsync_channel_entry e = { .channel = obj->channel, .wait = &sender };
	struct ntsync_wait_req req = { .objs = &obj, .count = 1, .notice = true };
	struct file *unknown = (struct file *)test;

	KUNIT_ASSERT_EQ(test, PTR_ERR(ntsync_receiver_enter(obj->channel, unknown, ntsync_task_get_own())), -EBADF);
	scoped_guard(raw_spinlock, &obj->lock)
		ntsync_entry_queue_locked(&e, MAX_RT_PRIO);
	KUNIT_EXPECT_EQ(test, ntsync_wait_any(&req), 0);
	KUNIT_EXPECT_EQ(test, obj->channel->notices, 0);
	scoped_guard(raw_spinlock, &obj->lock)
		ntsync_entry_remove_locked(&e);
}

/* The process that it was of lets go; it has another table with a descriptor by now. */
static void who_has_moved_comes_in(struct kunit *test)
{
	struct ntsync_obj *obj = kt_channel(test);
	struct file *file = new_file(test);
	struct ntsync_party old = { .files = test, .left = true };
	struct ntsync_receiver *r = ntsync_receiver_enter(obj->channel, file, ntsync_task_get_own());

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r);
	INIT_LIST_HEAD(&old.members);
	INIT_LIST_HEAD(&old.leaving);
	scoped_guard(raw_spinlock, &obj->lock) {
		list_move(&r->member, &old.leaving);
		r->party = &old;
	}
	KUNIT_EXPECT_PTR_EQ(test, ntsync_receiver_enter(obj->channel, file, ntsync_task_get_own()), r);
	scoped_guard(raw_spinlock, &obj->lock) {
		KUNIT_EXPECT_TRUE(test, list_empty(&old.leaving));
		KUNIT_EXPECT_FALSE(test, ntsync_receiver_left_locked(r));
		/* If it has not come in, nobody may look at what is on our stack. */
		list_del_init(&old.leaving);
		if (r->party == &old)
			r->party = NULL;
	}
	ntsync_receivers_flush(obj->channel, NULL, current->files);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&obj->channel->parties));
}

/* A file that is in nobody's table is nobody's end. */
static void closed_without_a_table(struct kunit *test)
{
	struct ntsync_obj *obj = kt_channel(test);
	struct file *file = new_file(test);
	struct ntsync_receiver *r = ntsync_receiver_enter(obj->channel, file, ntsync_task_get_own());

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r);
	ntsync_receivers_flush(obj->channel, file, NULL);
	scoped_guard(raw_spinlock, &obj->lock)
		KUNIT_EXPECT_FALSE(test, ntsync_receiver_left_locked(r));
	ntsync_receivers_flush(obj->channel, NULL, current->files);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(who_has_left_keeps_no_notice),
	KUNIT_CASE(who_has_moved_comes_in),
	KUNIT_CASE(closed_without_a_table),
	{}
};

static struct kunit_suite suite = {
	.name = "ntsync_receiver",
	.init = ntsync_kunit_init,
	.test_cases = cases,
};
kunit_test_suite(suite);
