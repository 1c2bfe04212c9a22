// SPDX-License-Identifier: GPL-2.0-only
/*
 * A channel's part of fdinfo: its state, latencies, requests and receivers. obj->lock is taken once
 * per kind of record, so the parts need not be consistent with each other.
 */
#include <linux/ktime.h>
#include <linux/seq_file.h>

#include "core/show.h"
#include "receiver.h"

struct shown_request {
	u64 id;
	u64 sent;
	pid_t sender;
	pid_t receiver;
	int prio;
};

struct shown_receiver {
	pid_t tid;
	const char *state;
};

static struct shown_request copy_request(const struct ntsync_request *req)
{
	return (struct shown_request){
		.id = req->id,
		.sent = req->sent,
		.sender = ntsync_shown_tid(req->wait->acquirer.task),
		.receiver = req->receiver ? ntsync_shown_tid_of(req->receiver->t) : 0,
		.prio = ntsync_shown_prio(ntsync_waitq_prio(&req->node)),
	};
}

/* At most NTSYNC_SHOW_MAX requests of a tree, beginning with @rb. */
static u32 copy_requests(struct rb_node *rb, struct shown_request *out)
{
	u32 nr;

	for (nr = 0; rb && nr < NTSYNC_SHOW_MAX; rb = rb_next(rb))
		out[nr++] = copy_request(rb_entry(rb, struct ntsync_request, node.rb));
	return nr;
}

static void print_requests(struct seq_file *m, const char *key, const struct shown_request *shown,
			   u32 nr)
{
	u64 now = ktime_get_ns();
	u32 i;

	for (i = 0; i < nr; i++)
		seq_printf(m, "ntsync-%s:\t%llu %d %d %llu %d\n", key, shown[i].id, shown[i].sender,
			   shown[i].prio, now - shown[i].sent, shown[i].receiver);
}

static void show_requests(struct seq_file *m, const struct ntsync_channel *c)
{
	struct shown_request requests[NTSYNC_SHOW_MAX];
	u32 nr;

	scoped_guard(raw_spinlock, &c->obj->lock)
		nr = copy_requests(rb_first_cached(&c->pending.tree), requests);
	print_requests(m, "pending", requests, nr);
	scoped_guard(raw_spinlock, &c->obj->lock)
		nr = copy_requests(rb_first(&c->dispatched), requests);
	print_requests(m, "dispatched-request", requests, nr);
}

static const char *receiver_state(const struct ntsync_receiver *r)
{
	if (r->parked)
		return "parked";
	return ntsync_receiver_first_request(r) ? "working" : "idle";
}

static u32 copy_receivers(const struct ntsync_channel *c, struct shown_receiver *out)
{
	struct rb_node *rb = rb_first(&c->receivers);
	u32 nr;

	for (nr = 0; rb && nr < NTSYNC_SHOW_MAX; rb = rb_next(rb)) {
		const struct ntsync_receiver *r = rb_entry(rb, struct ntsync_receiver, by_task);

		out[nr++] = (struct shown_receiver){ ntsync_shown_tid_of(r->t), receiver_state(r) };
	}
	return nr;
}

static void show_receivers(struct seq_file *m, const struct ntsync_channel *c)
{
	struct shown_receiver receivers[NTSYNC_SHOW_MAX];
	u32 i, nr;

	scoped_guard(raw_spinlock, &c->obj->lock)
		nr = copy_receivers(c, receivers);
	for (i = 0; i < nr; i++)
		seq_printf(m, "ntsync-receiver:\t%d %s\n", receivers[i].tid, receivers[i].state);
}

static void print_latency(struct seq_file *m, const char *key, const struct ntsync_latency *l)
{
	seq_printf(m, "ntsync-%s:\t%llu %llu %llu\n", key, l->nr, l->sum, l->max);
}

void ntsync_channel_show_tasks(struct seq_file *m, struct ntsync_obj *obj)
{
	const struct ntsync_channel *c = obj->channel;
	struct ntsync_latency queueing, response;

	scoped_guard(raw_spinlock, &obj->lock) {
		queueing = c->queueing;
		response = c->response;
	}
	print_latency(m, "queueing-ns", &queueing);
	print_latency(m, "response-ns", &response);
	show_requests(m, c);
	show_receivers(m, c);
}

void ntsync_channel_show(struct seq_file *m, const union ntsync_state *copy)
{
	const struct ntsync_channel *c = copy->channel;
	u32 depth, dispatched, receivers, tokens;

	scoped_guard(raw_spinlock, &c->obj->lock) {
		depth = c->pending.count;
		dispatched = c->nr_dispatched;
		receivers = c->nr_receivers;
		tokens = c->tokens.count;
	}
	seq_printf(m, "ntsync-max-depth:\t%u\n", c->max_depth);
	seq_printf(m, "ntsync-depth:\t%u\n", depth);
	seq_printf(m, "ntsync-dispatched:\t%u\n", dispatched);
	seq_printf(m, "ntsync-receivers:\t%u\n", receivers);
	seq_printf(m, "ntsync-registrations:\t%u\n", tokens);
}
