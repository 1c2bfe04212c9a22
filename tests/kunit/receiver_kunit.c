// SPDX-License-Identifier: GPL-2.0-only
/*
 * Races between a receive and a close that user space can hardly hit.
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

static void close_test_fd(void *fd)
{
	close_fd((long)fd);
}

/* A file with a descriptor in current's table, which is closed after the test. */
static struct file *open_test_file(struct kunit *test)
{
	struct file *file = anon_inode_getfile("ntsync_kunit", &nothing_fops, NULL, O_RDWR);
	long fd;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		fput(file);
	KUNIT_ASSERT_GE(test, fd, 0);
	fd_install(fd, file);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, close_test_fd, (void *)fd), 0);
	return file;
}

static struct ntsync_receiver *begin_receive(struct ntsync_obj *channel, struct file *file)
{
	return ntsync_receiver_enter(channel->channel, file, ntsync_task_find_or_create());
}

/* Another thread has closed the last descriptor after the aggregate wait began. */
static void closed_process_gets_no_notification(struct kunit *test)
{
	struct ntsync_obj *obj = kt_channel(test);
	struct ntsync_wait sender = { .claim = ATOMIC_INIT(NTSYNC_UNCLAIMED) };
	struct ntsync_request e = { .channel = obj->channel, .wait = &sender };
	struct ntsync_wait_req req = { .objs = &obj, .count = 1, .notify_only = true };
	struct file *unknown = (struct file *)test;

	KUNIT_ASSERT_EQ(test, PTR_ERR(begin_receive(obj, unknown)), -EBADF);
	scoped_guard(raw_spinlock, &obj->lock)
		ntsync_request_queue_locked(&e, MAX_RT_PRIO);
	KUNIT_EXPECT_EQ(test, ntsync_wait_any(&req), 0);
	KUNIT_EXPECT_EQ(test, obj->channel->nr_notified, 0);
	scoped_guard(raw_spinlock, &obj->lock)
		ntsync_request_remove_locked(&e);
}

/* The receiver's old process is being closed, while it receives by another descriptor table. */
static void receiver_of_a_closed_process_receives_again(struct kunit *test)
{
	struct ntsync_obj *obj = kt_channel(test);
	struct file *file = open_test_file(test);
	struct ntsync_process old = { .files = test, .closed = true };
	struct ntsync_receiver *r = begin_receive(obj, file);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r);
	INIT_LIST_HEAD(&old.members);
	INIT_LIST_HEAD(&old.leaving);
	scoped_guard(raw_spinlock, &obj->lock) {
		list_move(&r->process_node, &old.leaving);
		r->process = &old;
	}
	KUNIT_EXPECT_PTR_EQ(test, begin_receive(obj, file), r);
	scoped_guard(raw_spinlock, &obj->lock) {
		KUNIT_EXPECT_TRUE(test, list_empty(&old.leaving));
		KUNIT_EXPECT_FALSE(test, ntsync_receiver_closed_locked(r));
		/* In case of a failure: nothing may point to the stack after the test. */
		list_del_init(&old.leaving);
		if (r->process == &old)
			r->process = NULL;
	}
	ntsync_receivers_flush(obj->channel, NULL, current->files);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&obj->channel->processes));
}

/* The close of a file that is in no table closes no receiving process. */
static void close_outside_a_table(struct kunit *test)
{
	struct ntsync_obj *obj = kt_channel(test);
	struct file *file = open_test_file(test);
	struct ntsync_receiver *r = begin_receive(obj, file);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r);
	ntsync_receivers_flush(obj->channel, file, NULL);
	scoped_guard(raw_spinlock, &obj->lock)
		KUNIT_EXPECT_FALSE(test, ntsync_receiver_closed_locked(r));
	ntsync_receivers_flush(obj->channel, NULL, current->files);
}

/* The last descriptor is closed while the exit worker frees a receiver. */
static void no_work_for_a_channel_that_ends(struct kunit *test)
{
	struct ntsync_obj *obj = kt_channel(test);

	KUNIT_ASSERT_EQ(test, refcount_read(&obj->refs), 1);
	refcount_set(&obj->refs, 0);
	ntsync_channel_update_receivers_later(obj->channel);
	KUNIT_EXPECT_EQ(test, refcount_read(&obj->refs), 0);
	KUNIT_EXPECT_FALSE(test, cancel_work_sync(&obj->channel->update_work));
	refcount_set(&obj->refs, 1);
}

/* ---- the end of a receiver whose task has exited; current plays that task ---- */

/* A channel, current's receiver, and a pending request whose sender is current, too. */
struct exit_fixture {
	struct ntsync_channel *c;
	struct ntsync_receiver *r;
	struct ntsync_wait sender;
	struct ntsync_request e;
};

static void init_exit(struct kunit *test, struct exit_fixture *f)
{
	struct ntsync_obj *obj = kt_channel(test);

	*f = (struct exit_fixture){
		.c = obj->channel,
		.r = begin_receive(obj, open_test_file(test)),
		.sender = { .claim = ATOMIC_INIT(NTSYNC_UNCLAIMED), .acquirer.task = current },
		.e = { .channel = obj->channel, .wait = &f->sender },
	};
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, f->r);
	scoped_guard(raw_spinlock, &obj->lock)
		ntsync_request_queue_locked(&f->e, MAX_RT_PRIO);
}

/* As the exit worker does it; returns true when the receiver has gone. */
static bool end_batch(struct exit_fixture *f, const void *dying_files)
{
	struct ntsync_receiver_task *task = NULL;

	guard(ntsync_receiver_free)();
	if (!ntsync_receiver_end_batch(f->r, dying_files))
		return false;
	task = ntsync_receiver_unwatch_exit(f->r);
	ntsync_receiver_free(f->r);
	ntsync_receiver_task_free(task);
	return true;
}

static void withdraw_request(struct exit_fixture *f)
{
	guard(raw_spinlock)(&f->c->obj->lock);
	if (ntsync_wait_claim(&f->sender, NTSYNC_SEND_WITHDRAWN))
		ntsync_request_remove_locked(&f->e);
}

static int result_of(const struct exit_fixture *f)
{
	return atomic_read(&f->sender.claim);
}

/* Another receiving process, with an empty descriptor table. The channel has one already. */
static struct files_struct *add_process(struct kunit *test, struct ntsync_channel *c)
{
	struct files_struct *files = kunit_kzalloc(test, sizeof(*files), GFP_KERNEL);
	struct ntsync_process *p = kzalloc(sizeof(*p), GFP_KERNEL);
	struct rb_node *root = c->processes.rb_node;

	KUNIT_ASSERT_NOT_NULL(test, files);
	KUNIT_ASSERT_NOT_NULL(test, p);
	p->files = files;
	p->last_receive = 1;
	INIT_LIST_HEAD(&p->members);
	INIT_LIST_HEAD(&p->leaving);
	scoped_guard(raw_spinlock, &c->obj->lock) {
		rb_link_node(&p->by_files, root, p->files < (const void *)current->files ?
			     &root->rb_left : &root->rb_right);
		rb_insert_color(&p->by_files, &c->processes);
	}
	return files;
}

static void pending_request_of_a_dead_process_ends(struct kunit *test)
{
	struct exit_fixture f;

	init_exit(test, &f);
	KUNIT_EXPECT_TRUE(test, end_batch(&f, current->files));
	KUNIT_EXPECT_EQ(test, result_of(&f), NTSYNC_SEND_BROKEN);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&f.c->processes));
	withdraw_request(&f);
}

/* The last thread of one of two servers closes the channel right after the other server died. */
static void two_processes_end(struct kunit *test)
{
	struct files_struct *other;
	struct exit_fixture f;

	init_exit(test, &f);
	other = add_process(test, f.c);
	KUNIT_EXPECT_TRUE(test, end_batch(&f, current->files));
	KUNIT_EXPECT_EQ(test, result_of(&f), NTSYNC_UNCLAIMED);
	ntsync_receivers_flush(f.c, NULL, other);
	KUNIT_EXPECT_EQ(test, result_of(&f), NTSYNC_SEND_BROKEN);
	withdraw_request(&f);
}

/* A process that has the channel is not the one that the exited task belonged to at its end. */
static void other_table_does_not_die(struct kunit *test)
{
	struct exit_fixture f;

	init_exit(test, &f);
	KUNIT_EXPECT_TRUE(test, end_batch(&f, test));
	KUNIT_EXPECT_EQ(test, result_of(&f), NTSYNC_UNCLAIMED);
	KUNIT_EXPECT_FALSE(test, RB_EMPTY_ROOT(&f.c->processes));
	withdraw_request(&f);
	ntsync_receivers_flush(f.c, NULL, current->files);
}

/* Hand-offs that are pending are done first, one batch of them. */
static void hand_offs_are_a_batch(struct kunit *test)
{
	struct exit_fixture f;

	init_exit(test, &f);
	f.c->obj->handoff_pending = true;
	while (!end_batch(&f, current->files))
		;
	KUNIT_EXPECT_FALSE(test, f.c->obj->handoff_pending);
	KUNIT_EXPECT_EQ(test, result_of(&f), NTSYNC_SEND_BROKEN);
	withdraw_request(&f);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(closed_process_gets_no_notification),
	KUNIT_CASE(receiver_of_a_closed_process_receives_again),
	KUNIT_CASE(close_outside_a_table),
	KUNIT_CASE(no_work_for_a_channel_that_ends),
	KUNIT_CASE(pending_request_of_a_dead_process_ends),
	KUNIT_CASE(two_processes_end),
	KUNIT_CASE(other_table_does_not_die),
	KUNIT_CASE(hand_offs_are_a_batch),
	{}
};

static struct kunit_suite suite = {
	.name = "ntsync_receiver",
	.init = ntsync_kunit_init,
	.test_cases = cases,
};
kunit_test_suite(suite);
