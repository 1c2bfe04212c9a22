// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arbiter's records in /sys/kernel/debug/ntsync/pi. A reader takes pi_lock for one
 * bucket of the table at a time, copies what there is room for, and prints it without
 * the lock: whoever wants to be boosted does not wait for a console.
 */
#include <linux/sched/rt.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "pi.h"

#define MAX_RECORDS	16	/* of a bucket */
#define MAX_CONTRIBS	8	/* of a record */

struct shown_contrib {
	const char *name;
	u64 object;
	int policy;
	int prio;
};

struct shown_record {
	pid_t tid;
	char comm[TASK_COMM_LEN];
	int policy;
	int prio;
	int nice;
	bool reset_on_fork;
	u32 nr;
	u32 total;
	struct shown_contrib contribs[MAX_CONTRIBS];
};

struct shown_bucket {
	u32 nr;
	u32 total;
	struct shown_record records[MAX_RECORDS];
};

static void copy_record(struct shown_record *out, const struct ntsync_pi_task *r)
{
	struct ntsync_waitq_node *n;

	out->tid = r->task->pid;
	memcpy(out->comm, r->task->comm, sizeof(out->comm));
	out->comm[sizeof(out->comm) - 1] = '\0';
	out->policy = r->base.policy;
	out->prio = r->base.prio;
	out->nice = task_nice(r->task);
	out->reset_on_fork = r->base.reset_on_fork;
	out->total = r->contribs.count;
	out->nr = 0;
	for (n = ntsync_waitq_first(&r->contribs); n && out->nr < MAX_CONTRIBS;
	     n = ntsync_waitq_next(n)) {
		const struct ntsync_contrib *c = container_of(n, struct ntsync_contrib, node);

		out->contribs[out->nr++] = (struct shown_contrib){
			.name = c->name,
			.object = c->object,
			.policy = c->policy,
			.prio = ntsync_prio_of_level(ntsync_waitq_level(n)),
		};
	}
}

static void copy_bucket(struct shown_bucket *b, unsigned int bucket)
{
	struct ntsync_pi_task *r;

	b->nr = 0;
	b->total = 0;
	ntsync_pi_lock_again();
	hlist_for_each_entry(r, &ntsync_pi_records[bucket], hash) {
		if (b->nr < MAX_RECORDS)
			copy_record(&b->records[b->nr++], r);
		b->total++;
	}
	ntsync_pi_unlock();
}

static void print_record(struct seq_file *m, const struct shown_record *r)
{
	u32 i;

	seq_printf(m, "task %d ", r->tid);
	/* A name can't be mistaken for a line of ours. */
	seq_escape(m, r->comm, "\n\\");
	seq_printf(m, "\nbase policy=%d prio=%d nice=%d reset_on_fork=%d\n", r->policy, r->prio,
		   r->nice, r->reset_on_fork);
	for (i = 0; i < r->nr; i++)
		seq_printf(m, "  contribution %s policy=%d prio=%d object=%llu\n",
			   r->contribs[i].name, r->contribs[i].policy, r->contribs[i].prio,
			   r->contribs[i].object);
	if (r->total > r->nr)
		seq_printf(m, "  more %u\n", r->total - r->nr);
}

/* One position of the file is one bucket. Most are empty, and need no lock to say so. */
static int show_bucket(struct seq_file *m, void *pos)
{
	unsigned int bucket = *(loff_t *)pos;
	struct shown_bucket *b;
	u32 i;

	if (hlist_empty(&ntsync_pi_records[bucket]))
		return 0;
	b = kmalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	copy_bucket(b, bucket);
	for (i = 0; i < b->nr; i++)
		print_record(m, &b->records[i]);
	if (b->total > b->nr)
		seq_printf(m, "more %u\n", b->total - b->nr);
	kfree(b);
	return 0;
}

static void *start(struct seq_file *m, loff_t *pos)
{
	return *pos < HASH_SIZE(ntsync_pi_records) ? pos : NULL;
}

static void *next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return start(m, pos);
}

static void stop(struct seq_file *m, void *v)
{
}

const struct seq_operations ntsync_pi_sops = {
	.start = start,
	.next = next,
	.stop = stop,
	.show = show_bucket,
};
