// SPDX-License-Identifier: GPL-2.0-only
/*
 * LEND and UNLEND. A loan contributes as a mutex does, but to one borrower, and its only waiter is
 * the lender. It has no queue: the priority comes from the lender's record. The caller of LEND
 * verifies as a task does that is about to sleep. After that a walk that changes what the lender
 * should have finds the loan behind the entries of the lender's wait:
 *
 *   LEND by L					a walk that raises L
 *
 *   lock(loan)					lock(lender)
 *   borrower = B				  adds a contribution
 *   lock(lender)				unlock(lender)
 *     rank = what L should have		...
 *   unlock(lender)				lock(lender)
 *   lock(borrower)				  looks at L's wait
 *     contribution = rank			unlock(lender)
 *   unlock(borrower)				is there a borrower? then as LEND,
 *   unlock(loan)				from lock(loan) on
 *
 * If LEND locks L after the contribution was added, it sees the contribution. Otherwise the walk
 * locks L after that, and sees the borrower.
 *
 * A loan ends by UNLEND, by another LEND, with its instance, or because the lender exits or
 * executes a program. The last two are reported where nothing may sleep. So there the loan is only
 * marked, and the exit worker ends it, unless the new program has made another one by then.
 */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched/rt.h>
#include <linux/sched/task.h>
#include <linux/seq_file.h>
#include <linux/user_namespace.h>
#include <trace/events/sched.h>

#include "core/show.h"
#include "core/trace.h"
#include "core/wait.h"
#include "hook.h"
#include "pi_internal.h"

static struct ntsync_hook exec_hook;

/* ---- the contribution ---- */

/* What @t contributes to its borrower: the priority that it should have, not the one it has. */
static u32 make_rank_locked(const struct ntsync_task *t)
{
	unsigned int hops;
	int prio;

	if (t->dead)
		return NTSYNC_NO_CONTRIB;
	prio = ntsync_pi_target_prio_locked(t, true, &hops);
	return ntsync_contrib_pass_on(prio, hops);
}

/* loan->lock is held. */
static void update_contrib_locked(struct ntsync_task *t, struct ntsync_todo *todo)
{
	u32 rank;

	lockdep_assert_held(&t->loan.lock);
	scoped_guard(raw_spinlock, &t->lock)
		rank = make_rank_locked(t);
	ntsync_contrib_set_locked(&t->loan.contrib, t->loan.borrower, rank, SCHED_FIFO, todo);
}

/* As a prio of task_struct; loan->lock is held. */
static int contrib_prio_locked(const struct ntsync_loan *loan)
{
	return loan->contrib.to ? ntsync_contrib_prio(loan->contrib.rank) : MAX_RT_PRIO;
}

/**
 * ntsync_loan_update() - a walk has come to a task that lends
 * @t: the lender's record
 * @changed: gets the borrower's record if its contribution changes so that a walk has something to
 *	do for it
 * @others: gets it otherwise
 *
 * Return: the priority that the loan contributes.
 */
int ntsync_loan_update(struct ntsync_task *t, struct ntsync_todo *changed,
		       struct ntsync_todo *others)
{
	struct ntsync_loan *loan = &t->loan;

	guard(raw_spinlock)(&loan->lock);
	if (!loan->borrower)
		return MAX_RT_PRIO;
	update_contrib_locked(t, changed);
	if (loan->contrib.to && !changed->nr)
		ntsync_todo_add(others, loan->contrib.to);
	return contrib_prio_locked(loan);
}

/* ---- the instance ---- */

/*
 * loan->lock is held; @dev is NULL if the loan ends. A new loan is first in the list, see
 * ntsync_loans_show().
 */
static void set_device_locked(struct ntsync_loan *loan, struct ntsync_device *dev)
{
	lockdep_assert_held(&loan->lock);
	if (loan->dev == dev)
		return;
	if (loan->dev) {
		guard(raw_spinlock)(&loan->dev->lock);
		list_del(&loan->link.node);
	}
	loan->dev = dev;
	if (dev) {
		guard(raw_spinlock)(&dev->lock);
		list_add(&loan->link.node, &dev->loans);
	}
}

static struct ntsync_task *link_to_lender(struct ntsync_loan_link *link)
{
	return container_of(link, struct ntsync_task, loan.link);
}

/* ---- the end ---- */

static void put_records_of_loan(struct ntsync_task *t, struct ntsync_task *borrower)
{
	if (!borrower)
		return;
	ntsync_task_put(borrower);
	ntsync_task_put(t);
}

/* Returns the borrower, or NULL if there is no loan, for put_records_of_loan(). */
static struct ntsync_task *detach_loan_locked(struct ntsync_task *t, struct ntsync_todo *todo)
{
	struct ntsync_loan *loan = &t->loan;
	struct ntsync_task *borrower = loan->borrower;

	lockdep_assert_held(&loan->lock);
	if (!borrower)
		return NULL;
	ntsync_contrib_set_locked(&loan->contrib, NULL, NTSYNC_NO_CONTRIB, 0, todo);
	set_device_locked(loan, NULL);
	loan->ended = false;
	WRITE_ONCE(loan->borrower, NULL);
	trace_ntsync_unlend(loan->lender_tid, loan->borrower_tid, 0);
	return borrower;
}

/* @dev: ends it only if it is of that instance; NULL: in any case. */
static void end_loan(struct ntsync_task *t, const struct ntsync_device *dev)
{
	struct ntsync_task *borrower = NULL;
	struct ntsync_todo todo;

	todo.nr = 0;
	scoped_guard(raw_spinlock, &t->loan.lock) {
		if (!dev || t->loan.dev == dev)
			borrower = detach_loan_locked(t, &todo);
	}
	ntsync_pi_walk(&todo);
	put_records_of_loan(t, borrower);
}

/* UNLEND */
void ntsync_unlend(void)
{
	struct ntsync_task *t = ntsync_task_current();

	if (t && READ_ONCE(t->loan.borrower))
		end_loan(t, NULL);
}

static struct ntsync_task *get_first_lender(struct ntsync_device *dev)
{
	struct ntsync_loan_link *link;

	guard(raw_spinlock)(&dev->lock);
	link = list_first_entry_or_null(&dev->loans, struct ntsync_loan_link, node);
	return link ? ntsync_task_get(link_to_lender(link)) : NULL;
}

/* @dev is being freed: nobody makes a loan through it any more, or reads its fdinfo. */
void ntsync_device_end_loans(struct ntsync_device *dev)
{
	struct ntsync_task *t;

	while ((t = get_first_lender(dev))) {
		end_loan(t, dev);
		ntsync_task_put(t);
	}
}

/* ---- the lender exits or executes a program ---- */

/*
 * The exit worker lowers the borrower. It leaves what depends on the borrower to a kworker: a chain
 * can have thousands of tasks, and somebody else's loan or request may be next in the queue. The
 * delay is harmless, as priorities only drop.
 */
static void lower_borrower(struct ntsync_task *borrower)
{
	bool goes_on;

	ntsync_pi_apply(borrower);
	scoped_guard(raw_spinlock, &borrower->lock)
		goes_on = !borrower->dead && (borrower->wait || READ_ONCE(borrower->loan.borrower));
	if (goes_on)
		ntsync_pi_recheck_soon(borrower);
}

/* ntsync_exit_item::step */
static bool end_marked_loan(struct ntsync_exit_item *item)
{
	struct ntsync_task *t = container_of(item, struct ntsync_task, loan.exit);
	struct ntsync_task *borrower = NULL;
	struct ntsync_todo todo;

	todo.nr = 0;
	scoped_guard(raw_spinlock, &t->loan.lock) {
		if (t->loan.ended)
			borrower = detach_loan_locked(t, &todo);
	}
	if (todo.nr)
		lower_borrower(borrower);
	ntsync_todo_put_all(&todo);
	put_records_of_loan(t, borrower);
	return true;
}

/* ntsync_exit_item::release */
static void put_lender(struct ntsync_exit_item *item)
{
	ntsync_task_put(container_of(item, struct ntsync_task, loan.exit));
}

/* Marks the loan, or ends it if it contributes nothing. Returns true if it is marked. */
static bool mark_loan(struct ntsync_task *t)
{
	struct ntsync_task *borrower = NULL;
	struct ntsync_todo todo;
	bool marked;

	todo.nr = 0;
	scoped_guard(raw_spinlock, &t->loan.lock) {
		marked = t->loan.contrib.to;
		t->loan.ended = marked;
		if (!marked)
			borrower = detach_loan_locked(t, &todo);
	}
	put_records_of_loan(t, borrower);
	return marked;
}

/*
 * The task of @t exits, or executes a program. Has the exit worker end its loan, if there is one,
 * at the priority that the task has. A loan that contributes nothing is ended here. So normal tasks
 * do not queue work for the exit worker, for which senders wait.
 *
 * Context: preemption may be off. The caller has a reference to @t.
 */
void ntsync_loan_end_later(struct ntsync_task *t)
{
	if (likely(!READ_ONCE(t->loan.borrower)) || !mark_loan(t))
		return;
	ntsync_task_get(t);
	if (!ntsync_exit_queue_item(&t->loan.exit, ntsync_task_queue_prio(t->task)))
		ntsync_task_put(t);
}

/* Runs in every execve(), when it can't fail any more. */
static void probe_exec(void *unused, struct task_struct *p, pid_t old_pid,
		       struct linux_binprm *bprm)
{
	struct ntsync_task *t = ntsync_task_current();

	if (t)
		ntsync_loan_end_later(t);
}

/* ---- who may be given a priority, by LEND or ADDR_WAIT ---- */

/* The task with this tid in current's pid namespace, counted, or NULL. */
static struct task_struct *find_task(u32 tid)
{
	struct task_struct *p;

	guard(rcu)();
	p = pid_task(find_vpid(tid), PIDTYPE_PID);
	return p ? get_task_struct(p) : NULL;
}

/* May current give @p a priority? As sched_setscheduler() decides it. */
static int check_permission(const struct task_struct *p, bool *by_cap)
{
	const struct cred *cred;

	/* @p changes other flags of it meanwhile. */
	if (READ_ONCE(p->flags) & (PF_KTHREAD | PF_USER_WORKER))
		return -EPERM;
	guard(rcu)();
	cred = __task_cred(p);
	*by_cap = !uid_eq(current_euid(), cred->euid) && !uid_eq(current_euid(), cred->uid);
	if (!*by_cap)
		return 0;
	return ns_capable_noaudit(cred->user_ns, CAP_SYS_NICE) ? 0 : -EPERM;
}

/**
 * ntsync_boost_target_get() - find a task that is to inherit from current
 * @target: gets the task
 * @tid: the task, in current's pid namespace
 *
 * Context: process; may sleep.
 *
 * Return: 0, -ESRCH, -EPERM or -ENOMEM.
 */
int ntsync_boost_target_get(struct ntsync_boost_target *target, u32 tid)
{
	struct task_struct *p = find_task(tid);
	int ret;

	if (!p)
		return -ESRCH;
	target->pid = p->pid;
	ret = check_permission(p, &target->by_cap);
	target->t = ret ? ERR_PTR(ret) : ntsync_task_get_record_of(p);
	put_task_struct(p);
	return PTR_ERR_OR_ZERO(target->t);
}

/* ---- LEND ---- */

/* Consumes the reference to @borrower. Returns the former borrower's record, or NULL. */
static struct ntsync_task *set_borrower(struct ntsync_task *t, struct ntsync_device *dev,
					struct ntsync_task *borrower, pid_t borrower_tid)
{
	struct ntsync_loan *loan = &t->loan;
	struct ntsync_task *old;
	struct ntsync_todo todo;

	todo.nr = 0;
	scoped_guard(raw_spinlock, &loan->lock) {
		old = loan->borrower;
		if (!old) {
			ntsync_task_get(t);
			loan->lender_tid = current->pid;
			loan->contrib.object = current->pid;
		}
		loan->borrower_tid = borrower_tid;
		loan->ended = false;
		WRITE_ONCE(loan->borrower, borrower);
		set_device_locked(loan, dev);
		update_contrib_locked(t, &todo);
		trace_ntsync_lend(loan->lender_tid, borrower_tid,
			     ntsync_shown_prio(contrib_prio_locked(loan)));
	}
	/*
	 * The caller walks from the lender, which reaches the new borrower, and from the old
	 * borrower.
	 */
	ntsync_todo_put_all(&todo);
	return old;
}

/*
 * Does current have a priority to lend? A contribution that has not been applied yet counts: the
 * walk that applies it would find no loan to pass it on.
 */
static bool has_rt_priority(const struct ntsync_task *t)
{
	return ntsync_task_queue_prio(current) < MAX_RT_PRIO ||
	       (t && READ_ONCE(t->contribs.rb_root.rb_node));
}

/**
 * ntsync_lend() - lend current's priority to another task
 * @dev: the instance; the loan ends with it
 * @tid: the task, in current's pid namespace; not current's own
 * @later: also if current has no real-time priority now
 *
 * When this returns, the task and all that it depends on have current's priority, unless their
 * parameters can't be set.
 *
 * Context: process; sleeps.
 *
 * Return: 0, also if current has nothing to lend; -ESRCH, -EPERM or -ENOMEM. An error changes
 * nothing.
 */
int ntsync_lend(struct ntsync_device *dev, u32 tid, bool later)
{
	struct ntsync_task *t = ntsync_task_current(), *old;
	struct ntsync_boost_target target;
	int ret;

	if (!ntsync_pi_enabled)
		return 0;
	if (!later && !has_rt_priority(t)) {
		ntsync_unlend();
		return 0;
	}
	ret = ntsync_boost_target_get(&target, tid);
	if (ret)
		return ret;
	t = t ?: ntsync_task_create();
	if (!t) {
		ntsync_task_put(target.t);
		return -ENOMEM;
	}
	old = set_borrower(t, dev, target.t, target.pid);
	ntsync_pi_walk_verify(t);
	/*
	 * Also if the borrower has not changed: current may lend less than before, and
	 * ntsync_pi_walk_verify() ensures that tasks are raised, not that they are lowered.
	 */
	if (old)
		ntsync_pi_walk_from(old);
	ntsync_task_put(old);
	return 0;
}

/* ---- fdinfo ---- */

struct shown_loan {
	pid_t lender;
	pid_t borrower;
	int prio;
};

/* Returns false if there is no loan any more. */
static bool copy_loan(struct ntsync_task *t, struct shown_loan *out)
{
	struct ntsync_task *borrower;

	scoped_guard(raw_spinlock, &t->loan.lock) {
		borrower = t->loan.borrower;
		if (borrower)
			ntsync_task_get(borrower);
		out->prio = ntsync_shown_prio(contrib_prio_locked(&t->loan));
	}
	if (!borrower)
		return false;
	out->lender = ntsync_shown_tid_of(t);
	out->borrower = ntsync_shown_tid_of(borrower);
	ntsync_task_put(borrower);
	return true;
}

/* Moves @reader over at most NTSYNC_SHOW_MAX places. Returns false at the end of the list. */
static bool get_next_lenders(struct ntsync_device *dev, struct ntsync_loan_link *reader,
			     struct ntsync_task **lenders, u32 *nr)
{
	struct ntsync_loan_link *next;
	u32 i;

	*nr = 0;
	guard(raw_spinlock)(&dev->lock);
	for (i = 0; i < NTSYNC_SHOW_MAX; i++) {
		if (list_is_last(&reader->node, &dev->loans))
			return false;
		next = list_next_entry(reader, node);
		list_move(&reader->node, &next->node);
		if (!next->is_reader)
			lenders[(*nr)++] = ntsync_task_get(link_to_lender(next));
	}
	return true;
}

static void show_lender(struct seq_file *m, struct ntsync_task *t)
{
	struct shown_loan loan;

	/* One that has ended since has no line. */
	if (copy_loan(t, &loan))
		seq_printf(m, "ntsync-loan:\t%d %d %d\n", loan.lender, loan.borrower, loan.prio);
	ntsync_task_put(t);
}

/*
 * The loans that were made through @dev. New ones enter at the head of the list, which the reader
 * has passed, so it comes to the end.
 */
void ntsync_loans_show(struct seq_file *m, struct ntsync_device *dev)
{
	struct ntsync_loan_link reader = { .is_reader = true };
	struct ntsync_task *lenders[NTSYNC_SHOW_MAX];
	bool more;
	u32 i, nr;

	scoped_guard(raw_spinlock, &dev->lock)
		list_add(&reader.node, &dev->loans);
	do {
		more = get_next_lenders(dev, &reader, lenders, &nr);
		for (i = 0; i < nr; i++)
			show_lender(m, lenders[i]);
	} while (more);
	scoped_guard(raw_spinlock, &dev->lock)
		list_del(&reader.node);
}

/* ---- init, exit ---- */

void ntsync_loan_task_init(struct ntsync_task *t)
{
	raw_spin_lock_init(&t->loan.lock);
	t->loan.contrib.kind = NTSYNC_CONTRIB_LOAN;
	ntsync_exit_item_init(&t->loan.exit, end_marked_loan, put_lender);
}

int ntsync_loan_init(void)
{
	check_trace_callback_type_sched_process_exec(probe_exec);
	return ntsync_hook_init(&exec_hook, "sched_process_exec", probe_exec);
}

void ntsync_loan_exit(void)
{
	ntsync_hook_exit(&exec_hook);
}
