// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/ntsync/pi shows the tasks that inherit a priority, and
 * /sys/kernel/debug/ntsync/stats counts what the arbiter does. Each record is copied under its
 * lock and printed without it.
 */
#include <linux/sched/rt.h>
#include <linux/seq_file.h>

#include "pi_internal.h"

#define MAX_CONTRIBS	8	/* per record */

struct shown_contrib {
	const char *name;
	u64 object;
	int policy;
	int prio;
};

struct shown_record {
	pid_t tid;
	char comm[TASK_COMM_LEN];
	struct ntsync_sched_params normal;
	int nice;
	u32 nr;
	u32 total;
	struct shown_contrib contribs[MAX_CONTRIBS];
};

static void copy_contribs(struct shown_record *out, const struct ntsync_task *t)
{
	struct rb_node *n;

	for (n = rb_first_cached(&t->contribs); n; n = rb_next(n)) {
		const struct ntsync_contrib *c = rb_entry(n, struct ntsync_contrib, rb);

		if (out->nr < MAX_CONTRIBS)
			out->contribs[out->nr++] = (struct shown_contrib){
				.name = ntsync_contrib_name(c),
				.object = c->object,
				.policy = c->policy,
				.prio = ntsync_prio_to_attr(ntsync_contrib_prio(c->rank)),
			};
		out->total++;
	}
}

static void copy_record_locked(struct shown_record *out, const struct ntsync_task *t)
{
	out->tid = t->task->pid;
	memcpy(out->comm, t->task->comm, sizeof(out->comm));
	out->comm[sizeof(out->comm) - 1] = '\0';
	out->nice = task_nice(t->task);
	if (t->normal_saved)
		out->normal = t->normal;
	else
		ntsync_sched_params_read(t->task, &out->normal);
	copy_contribs(out, t);
}

/* Returns false if the task inherits nothing, and is not about to be given what it did inherit. */
static bool copy_record(struct shown_record *out, struct ntsync_task *t)
{
	bool shown;

	guard(raw_spinlock)(&t->lock);
	shown = !t->dead && (t->boost_prio || t->applying || ntsync_pi_is_boosted_locked(t));
	if (shown)
		copy_record_locked(out, t);
	return shown;
}

static void print_record(struct seq_file *m, const struct shown_record *r)
{
	u32 i;

	seq_printf(m, "task %d ", r->tid);
	/* A task's name must not look like a line of this file. */
	seq_escape(m, r->comm, "\n\\");
	seq_printf(m, "\nnormal policy=%d prio=%d nice=%d reset_on_fork=%d\n", r->normal.policy,
		   r->normal.prio, r->nice, r->normal.reset_on_fork);
	for (i = 0; i < r->nr; i++)
		seq_printf(m, "  contribution %s policy=%d prio=%d object=%llu\n",
			   r->contribs[i].name, r->contribs[i].policy, r->contribs[i].prio,
			   r->contribs[i].object);
	if (r->total > r->nr)
		seq_printf(m, "  more %u\n", r->total - r->nr);
}

/* Each position of the file is one slot; most are empty. */
static int show_slot(struct seq_file *m, void *pos)
{
	unsigned int slot = *(loff_t *)pos;
	struct ntsync_task *t = NULL, *next;

	if (hlist_empty(&ntsync_tasks[slot]))
		return 0;
	while ((next = ntsync_task_next(slot, t))) {
		struct shown_record r = { };

		ntsync_task_put(t);
		t = next;
		if (copy_record(&r, t))
			print_record(m, &r);
	}
	ntsync_task_put(t);
	return 0;
}

static void *start_slots(struct seq_file *m, loff_t *pos)
{
	return *pos < ARRAY_SIZE(ntsync_tasks) ? pos : NULL;
}

static void *next_slot(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return start_slots(m, pos);
}

static void stop_slots(struct seq_file *m, void *v)
{
}

const struct seq_operations ntsync_pi_sops = {
	.start = start_slots,
	.next = next_slot,
	.stop = stop_slots,
	.show = show_slot,
};

static const char *const count_names[NTSYNC_NR_COUNTS] = {
	[NTSYNC_COUNT_WALKS] = "pi_walks",
	[NTSYNC_COUNT_RECORDS] = "pi_records",
	[NTSYNC_COUNT_SETS] = "pi_sets",
	[NTSYNC_COUNT_BOOSTS] = "pi_boosts",
	[NTSYNC_COUNT_VERIFIES] = "pi_verifies",
	[NTSYNC_COUNT_RECHECKS] = "pi_rechecks",
	[NTSYNC_COUNT_REVOKED] = "pi_revoked",
};

void ntsync_pi_show_stats(struct seq_file *m)
{
	unsigned int i, cpu;

	for (i = 0; i < NTSYNC_NR_COUNTS; i++) {
		u64 sum = 0;

		for_each_possible_cpu(cpu)
			sum += per_cpu(ntsync_pi_counts[i], cpu);
		seq_printf(m, "%s: %llu\n", count_names[i], sum);
	}
}
