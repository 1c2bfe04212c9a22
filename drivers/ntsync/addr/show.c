// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waits on addresses in the fdinfo of an instance: those that have named an owner. They are in no
 * list, as a lock of the list would cost each wait. So a reader looks through all records, by RCU.
 * A record says through which instance its task has named an owner last. Only records of the
 * reader's own instance are locked, and their buckets, one at a time, as by a chain walk.
 */
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/seq_file.h>
#include <linux/user_namespace.h>

#include "core/show.h"
#include "key.h"

struct shown_wait {
	int prio;
	u64 space;
	u64 address;
	struct ntsync_task *owner;
};

/* The wait of @t, if it has named an owner through the instance; else NULL. t->lock is held. */
static struct ntsync_addr_waiter *find_wait_locked(const struct ntsync_task *t, u64 dev_id)
{
	struct ntsync_addr_waiter *aw;

	lockdep_assert_held(&t->lock);
	if (!t->wait || t->wait->addr_ops != &ntsync_addr_ops)
		return NULL;
	aw = container_of(t->wait, struct ntsync_addr_waiter, wait);
	return aw->user != NTSYNC_NO_USER && t->named_through == dev_id ? aw : NULL;
}

/* The space of that wait, counted, and its bucket; NULL if there is no such wait. */
static struct ntsync_space *get_space(struct ntsync_task *t, u64 dev_id, struct ntsync_bucket **b)
{
	struct ntsync_addr_waiter *aw;

	guard(raw_spinlock)(&t->lock);
	aw = find_wait_locked(t, dev_id);
	if (!aw)
		return NULL;
	*b = aw->bucket;
	return ntsync_space_get(aw->space);
}

/* The waiter, if it is queued in @b: it stays there until the lock of @b is released. */
static struct ntsync_addr_waiter *find_queued(struct ntsync_task *t, u64 dev_id,
					      struct ntsync_bucket *b)
{
	struct ntsync_addr_waiter *aw;

	lockdep_assert_held(&b->lock);
	guard(raw_spinlock)(&t->lock);
	aw = find_wait_locked(t, dev_id);
	return aw && aw->bucket == b && ntsync_waitq_queued(&aw->node) ? aw : NULL;
}

/* Returns false if @t is not in such a wait any more. */
static bool copy_wait(struct ntsync_task *t, u64 dev_id, struct shown_wait *out)
{
	struct ntsync_bucket *b;
	struct ntsync_space *space = get_space(t, dev_id, &b);
	const struct ntsync_addr_waiter *aw;

	if (!space)
		return false;
	scoped_guard(raw_spinlock, &b->lock) {
		aw = find_queued(t, dev_id, b);
		if (aw) {
			const struct ntsync_key *key = ntsync_key_find_locked(b, aw->address);

			out->prio = ntsync_shown_prio(ntsync_waitq_prio(&aw->node));
			out->space = space->number;
			out->address = aw->address;
			out->owner = ntsync_key_has_user(key) && key->owner ?
				     ntsync_task_get(key->owner) : NULL;
		}
	}
	ntsync_space_put(space);
	return aw;
}

/*
 * May the reader know addresses of @p? Processes of several users may share an instance, and an
 * address says where the memory of its process is. As for the files in /proc/PID the uids must
 * be the same, or CAP_SYS_PTRACE. Group ids and PR_SET_DUMPABLE do not count.
 */
static bool may_see_addresses(const struct seq_file *m, struct task_struct *p)
{
	const struct cred *cred = get_task_cred(p);
	kuid_t reader = m->file->f_cred->fsuid;
	bool ok = uid_eq(reader, cred->euid) && uid_eq(reader, cred->uid) &&
		  uid_eq(reader, cred->suid);

	ok = ok || file_ns_capable(m->file, cred->user_ns, CAP_SYS_PTRACE);
	put_cred(cred);
	return ok;
}

static void show_wait(struct seq_file *m, struct ntsync_task *t, u64 dev_id)
{
	struct task_struct *p = ntsync_task_get_task(t);
	struct shown_wait w;

	if (!p)
		return;
	if (may_see_addresses(m, p) && copy_wait(t, dev_id, &w)) {
		seq_printf(m, "ntsync-addr-waiter:\t%d %d %d %llu 0x%llx\n", ntsync_shown_tid(p),
			   w.prio, w.owner ? ntsync_shown_tid_of(w.owner) : 0, w.space, w.address);
		ntsync_task_put(w.owner);
	}
	put_task_struct(p);
}

/**
 * ntsync_addr_waits_show() - print the waits on addresses that have named an owner
 * @m: fdinfo of an instance
 * @dev: the instance
 *
 * Context: process; may sleep. A text that is too long for its buffer is printed once more, so
 * there is no use in going on then.
 */
void ntsync_addr_waits_show(struct seq_file *m, const struct ntsync_device *dev)
{
	struct ntsync_task *t, *next;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ntsync_tasks) && !seq_has_overflowed(m); i++) {
		t = NULL;
		while ((next = ntsync_task_next_namer(i, dev->id, t))) {
			ntsync_task_put(t);
			t = next;
			show_wait(m, t, dev->id);
			cond_resched();
		}
		ntsync_task_put(t);
	}
}
