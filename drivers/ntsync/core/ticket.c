// SPDX-License-Identifier: GPL-2.0-only
/*
 * A call that is interrupted and made again keeps its turn. Otherwise who has a profiler's
 * signal every millisecond, or completions of an io_uring, would be the last of its level again
 * and again, and served never.
 *
 *   waits, arrival 7		others: 8, 9
 *   interrupted: out of the
 *   queues, leaves a ticket
 *   [handler]
 *   the same call: takes it,
 *   arrival 7 again
 *
 * The ticket lies in the task's record. It is good for the next call of its task that waits for
 * something of the instance, if it is the same one: objects, deadline, owner. So it does not
 * matter whether the kernel or the program repeats the call. Any other call spends the ticket.
 *
 * So that one number serves for all objects of a call, arrivals are counted per instance. Only
 * who is about to sleep is counted.
 */
#include <linux/bitops.h>
#include <linux/hash.h>

#include "ticket.h"

/* One more word of what makes a call the same. Different ones give one number by accident only. */
u64 ntsync_ticket_mix(u64 call, u64 word)
{
	return rol64((call ^ word) * GOLDEN_RATIO_64, 29);
}

/* Which wait it is. The ids of objects are unique for ever. */
static u64 call_of(const struct ntsync_wait_req *req, enum ntsync_call_kind kind)
{
	u64 call = ntsync_ticket_mix(kind, req->deadline.expires);
	u32 i;

	call = ntsync_ticket_mix(call, (u64)req->owner << 32 | (u32)req->deadline.clock);
	for (i = 0; i < ntsync_req_entries(req); i++)
		call = ntsync_ticket_mix(call, req->objs[i]->id);
	return call;
}

/* The turn of current's @call in instance @dev, 0 = none; whatever it is, the ticket is spent. */
u64 ntsync_ticket_find(struct ntsync_task *t, u64 dev, u64 call)
{
	u64 arrival = t->ticket.arrival;

	if (likely(!arrival) || t->ticket.dev != dev)
		return 0;
	t->ticket.arrival = 0;
	return t->ticket.call == call ? arrival : 0;
}

/* What ntsync_ticket_take() leaves to do: current has a ticket. */
void ntsync_ticket_take_own(struct ntsync_task *t, struct ntsync_wait_req *req,
			    enum ntsync_call_kind kind)
{
	/* Who waits for no object has no turn. */
	if (ntsync_req_entries(req))
		req->arrival = ntsync_ticket_find(t, req->objs[0]->dev->id, call_of(req, kind));
}

/* What ntsync_ticket_keep() leaves to do: the call was interrupted. */
void ntsync_ticket_leave_own(struct ntsync_task *t, const struct ntsync_wait *w,
			     const struct ntsync_wait_req *req, enum ntsync_call_kind kind)
{
	if (!ntsync_req_entries(req))
		return;
	t->ticket = (struct ntsync_ticket){
		.arrival = w->arrival,
		.dev = req->objs[0]->dev->id,
		.call = call_of(req, kind),
	};
}
