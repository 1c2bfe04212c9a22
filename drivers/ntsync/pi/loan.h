/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Loans: from LEND to UNLEND the priority of one task, the lender, is a contribution to another,
 * the borrower, wherever the lender blocks. docs/lending.md explains them.
 */
#ifndef NTSYNC_PI_LOAN_H
#define NTSYNC_PI_LOAN_H

#include <linux/list.h>
#include <linux/spinlock.h>

#include "contrib.h"
#include "exit_worker.h"

struct ntsync_device;
struct seq_file;

/**
 * struct ntsync_loan_link - a place in the list of an instance's loans
 * @node: in dev->loans
 * @is_reader: not a loan, but how far a reader of fdinfo has come
 *
 * Protected by dev->lock.
 */
struct ntsync_loan_link {
	struct list_head node;
	bool is_reader;
};

/**
 * struct ntsync_loan - the loan of a task as a lender; embedded in its record
 * @lock: takes the place of an obj->lock: outside the locks of records, and never held together
 *	with another one of its kind or with an obj->lock
 * @borrower: the borrower's record, counted; NULL: there is no loan. While there is one, the
 *	lender's record is counted for it, too. Only the lender itself sets it to a
 *	borrower; others may clear it
 * @contrib: to the borrower, while the lender has a real-time priority
 * @dev: the instance that the loan was made through, or NULL
 * @link: in the list of @dev
 * @ended: the lender has exited or executed a program, and the exit worker ends the loan
 * @exit: for the exit worker; while it is queued the lender's record is counted for it
 * @lender_tid: in the initial pid namespace; for tracepoints
 * @borrower_tid: as @lender_tid
 *
 * @lock protects all that has no other rule.
 */
struct ntsync_loan {
	raw_spinlock_t lock;
	struct ntsync_task *borrower;
	struct ntsync_contrib contrib;
	struct ntsync_device *dev;
	struct ntsync_loan_link link;
	bool ended;
	struct ntsync_exit_item exit;
	pid_t lender_tid;
	pid_t borrower_tid;
};

/**
 * struct ntsync_boost_target - a task that current may give a priority to
 * @t: its record, counted, or NULL
 * @pid: in the initial pid namespace
 * @by_cap: current is permitted this by CAP_SYS_NICE only
 */
struct ntsync_boost_target {
	struct ntsync_task *t;
	pid_t pid;
	bool by_cap;
};

int ntsync_boost_target_get(struct ntsync_boost_target *target, u32 tid);
int ntsync_lend(struct ntsync_device *dev, u32 tid, bool later);
void ntsync_unlend(void);
void ntsync_loans_show(struct seq_file *m, struct ntsync_device *dev);

#endif
