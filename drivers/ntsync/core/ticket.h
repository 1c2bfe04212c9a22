/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The arrival number of an interrupted call; ticket.c says what it is for.
 */
#ifndef NTSYNC_CORE_TICKET_H
#define NTSYNC_CORE_TICKET_H

#include "wait.h"

/* Part of the hash that identifies a call. */
enum ntsync_call_kind {
	NTSYNC_CALL_ANY,
	NTSYNC_CALL_ALL,
	NTSYNC_CALL_SIGNAL_AND_WAIT,
	NTSYNC_CALL_AGGREGATE,
	NTSYNC_CALL_RECEIVE,
	NTSYNC_CALL_ADDR,
};

u64 ntsync_ticket_hash(u64 call, u64 word);
u64 ntsync_ticket_find(struct ntsync_task *t, u64 dev, u64 call);
void ntsync_ticket_take_slow(struct ntsync_task *t, struct ntsync_wait_req *req,
			     enum ntsync_call_kind kind);
void ntsync_ticket_save_slow(struct ntsync_task *t, const struct ntsync_wait *w,
			     const struct ntsync_wait_req *req, enum ntsync_call_kind kind);

/* Called at the beginning of a call: sets req->arrival to the saved number, or 0. */
static __always_inline void ntsync_ticket_take(struct ntsync_task *t, struct ntsync_wait_req *req,
					       enum ntsync_call_kind kind)
{
	req->arrival = 0;
	if (unlikely(t->ticket.arrival))
		ntsync_ticket_take_slow(t, req, kind);
}

/* Called when @w has left all queues; @ret is the result of the call. */
static inline void ntsync_ticket_save(const struct ntsync_wait *w,
				      const struct ntsync_wait_req *req,
				      enum ntsync_call_kind kind, int ret)
{
	if (unlikely(ret == -ERESTARTSYS))
		ntsync_ticket_save_slow(w->acquirer.t, w, req, kind);
}

#endif
