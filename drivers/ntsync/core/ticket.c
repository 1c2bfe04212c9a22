// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tickets: a call that is interrupted and made again keeps its arrival number. Otherwise a task
 * with a profiler's signal every millisecond, or with completions of an io_uring, would go to the
 * end of its priority each time, and might never be served.
 *
 *   waits, arrival 7			others queue: 8, 9
 *   interrupted: leaves the queues,
 *   saves a ticket
 *   [handler]
 *   the same call: queues with arrival 7
 *
 * The ticket is in the task's record. The next call of the task that waits in the same instance
 * uses it if it has the same objects, deadline and owner id (a send: the same channel, payload,
 * reply and prio; an ADDR_WAIT: the same place, expected value and deadline), whether the kernel or
 * the program repeats the call. Any other waiting call in the instance drops the ticket. An
 * ADDR_WAIT that returns before it has begun its wait does not, except one whose deadline has passed
 * and that looks at its alert: a later call that is the same in all of this may still use the
 * ticket, once. If the word changes when the wait has begun (EAGAIN), the ticket is dropped.
 *
 * Arrivals at objects are counted per instance, so one number serves for all objects of a call.
 * Arrivals at addresses are counted per bucket (addr/key.h). Only calls that queue are counted.
 */
#include <linux/bitops.h>
#include <linux/hash.h>

#include "ticket.h"

/* Adds a word to the hash that identifies a call. */
u64 ntsync_ticket_hash(u64 call, u64 word)
{
	return rol64((call ^ word) * GOLDEN_RATIO_64, 29);
}

/* Identifies a wait. Ids of objects are never reused. */
static u64 hash_call(const struct ntsync_wait_req *req, enum ntsync_call_kind kind)
{
	u64 call = ntsync_ticket_hash(kind, req->deadline.expires);
	u32 i;

	call = ntsync_ticket_hash(call, (u64)req->owner << 32 | (u32)req->deadline.clock);
	for (i = 0; i < ntsync_req_entries(req); i++)
		call = ntsync_ticket_hash(call, req->objs[i]->id);
	return call;
}

/* The arrival number for @call in instance @dev, 0 = none. A ticket of that instance is dropped. */
u64 ntsync_ticket_find(struct ntsync_task *t, u64 dev, u64 call)
{
	u64 arrival = t->ticket.arrival;

	if (likely(!arrival) || t->ticket.dev != dev)
		return 0;
	t->ticket.arrival = 0;
	return t->ticket.call == call ? arrival : 0;
}

/* The slow path of ntsync_ticket_take(): current has a ticket. */
void ntsync_ticket_take_slow(struct ntsync_task *t, struct ntsync_wait_req *req,
			     enum ntsync_call_kind kind)
{
	if (ntsync_req_entries(req))
		req->arrival = ntsync_ticket_find(t, req->objs[0]->dev->id, hash_call(req, kind));
}

/* The slow path of ntsync_ticket_save(): the call was interrupted. */
void ntsync_ticket_save_slow(struct ntsync_task *t, const struct ntsync_wait *w,
			     const struct ntsync_wait_req *req, enum ntsync_call_kind kind)
{
	if (!ntsync_req_entries(req))
		return;
	t->ticket = (struct ntsync_ticket){
		.arrival = w->arrival,
		.dev = req->objs[0]->dev->id,
		.call = hash_call(req, kind),
	};
}
