// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID/fdinfo/FD of an object or an instance. Printing under a raw spinlock would take too
 * long, so at most NTSYNC_SHOW_MAX records at a time are copied under the lock, and printed after
 * the unlock.
 */
#include <linux/seq_file.h>

#include "core/lock.h"
#include "core/show.h"
#include "core/wait.h"
#include "observe.h"
#include "pi/loan.h"

struct shown_waiter {
	pid_t tid;
	int prio;
};

/* The first waiters of @q, whose lock is held. */
static u32 copy_waiters(const struct ntsync_waitq *q, struct shown_waiter *out)
{
	struct ntsync_waitq_node *n;
	u32 nr = 0;

	for (n = ntsync_waitq_first(q); n && nr < NTSYNC_SHOW_MAX; n = ntsync_waitq_next(n)) {
		const struct ntsync_wait_entry *e = container_of(n, struct ntsync_wait_entry, node);

		out[nr++] = (struct shown_waiter){
			.tid = ntsync_shown_tid(e->wait->acquirer.task),
			.prio = ntsync_shown_prio(ntsync_waitq_prio(n)),
		};
	}
	return nr;
}

static void print_waiters(struct seq_file *m, const char *kind, const struct shown_waiter *w, u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++)
		seq_printf(m, "ntsync-waiter:\t%s %d %d\n", kind, w[i].tid, w[i].prio);
}

static void show_any_waiters(struct seq_file *m, struct ntsync_obj *obj)
{
	struct shown_waiter waiters[NTSYNC_SHOW_MAX];
	u32 nr;

	scoped_guard(raw_spinlock, &obj->lock)
		nr = copy_waiters(&obj->any, waiters);
	print_waiters(m, "any", waiters, nr);
}

/* Takes all_lock, which delays wait-alls of the instance, only if there is a waiter to show. */
static void show_all_waiters(struct seq_file *m, struct ntsync_obj *obj)
{
	struct shown_waiter waiters[NTSYNC_SHOW_MAX];
	u32 nr;

	if (!READ_ONCE(obj->all.count))
		return;
	scoped_guard(ntsync_all_lock, obj->dev)
		nr = copy_waiters(&obj->all, waiters);
	print_waiters(m, "all", waiters, nr);
}

void ntsync_obj_show(struct seq_file *m, struct ntsync_obj *obj)
{
	union ntsync_state copy;
	u32 any;

	scoped_guard(raw_spinlock, &obj->lock) {
		copy = obj->state;
		any = obj->any.count;
	}
	seq_printf(m, "ntsync-type:\t%s\n", obj->ops->name);
	obj->ops->show(m, &copy);
	seq_printf(m, "ntsync-waiters-any:\t%u\n", any);
	seq_printf(m, "ntsync-waiters-all:\t%u\n", READ_ONCE(obj->all.count));
	seq_printf(m, "ntsync-instance:\t%llu\n", obj->dev->id);
	seq_printf(m, "ntsync-id:\t%llu\n", obj->id);
	if (obj->ops->show_tasks)
		obj->ops->show_tasks(m, obj);
	show_any_waiters(m, obj);
	show_all_waiters(m, obj);
}

void ntsync_device_show(struct seq_file *m, struct ntsync_device *dev)
{
	seq_puts(m, "ntsync-type:\tinstance\n");
	seq_printf(m, "ntsync-instance:\t%llu\n", dev->id);
	ntsync_loans_show(m, dev);
}
