// SPDX-License-Identifier: GPL-2.0-only
#include "channel.h"

#define DEPTH 16

int pi_channel_of(struct fixture *f, int dev)
{
	struct ntsync_channel_create_args args = { .max_depth = DEPTH };

	return own_fd(f, nt(dev, NTSYNC_IOC_CREATE_CHANNEL, &args));
}

int pi_channel(struct fixture *f)
{
	return pi_channel_of(f, f->dev);
}

/* ---- from within an actor ---- */

int send_here(int channel, uint32_t prio)
{
	struct ntsync_channel_send_args args = { .policy = SCHED_FIFO, .prio = prio };

	return nt(channel, SEND, &args);
}

int receive_here(int channel, struct ntsync_channel_recv2_args *got)
{
	return nt(channel, RECV2, got);
}

int reply_here(int channel, uint64_t id)
{
	return nt(channel, NTSYNC_IOC_CHANNEL_REPLY, &id);
}

static int handle_request(struct actor *server, const struct serve_job *s)
{
	int ret = 0;

	if (s->event)
		ret = wait_any_here(server, s->event, FOREVER);
	if (!ret && s->mutex)
		ret = lock_and_unlock_here(server, s->mutex);
	work_here();
	return ret;
}

static int reply_to_earlier(const struct serve_job *s)
{
	if (!s->before)
		return 0;
	work_here();
	return reply_here(s->channel, s->before->entry);
}

int serve_requests(struct actor *server, void *job)
{
	const struct serve_job *s = job;
	int ret = reply_to_earlier(s);

	for (unsigned int n = 0; !ret && n < s->count; n++) {
		ret = receive_here(s->channel, &server->got);
		if (!ret)
			ret = handle_request(server, s);
		if (!ret)
			ret = reply_here(s->channel, server->got.entry_id);
	}
	return ret;
}

/* ---- clients ---- */

static int do_send(struct actor *client, void *arg)
{
	(void)arg;
	return nt(client->channel, SEND, &client->send);
}

void actor_send_as(struct actor *client, int channel, uint32_t policy, uint32_t prio)
{
	client->channel = channel;
	client->request = SEND;
	client->send = (struct ntsync_channel_send_args){
		.policy = policy, .prio = prio,
		.payload_off = client->tid, .reply_off = ~(uint64_t)client->tid,
	};
	client->entry = 0;
	actor_tell(client, do_send, NULL);
}

void actor_send(struct actor *client, int channel, uint32_t prio)
{
	actor_send_as(client, channel, SCHED_FIFO, prio);
}

void actor_sends(struct actor *client, int channel, uint32_t prio)
{
	actor_send(client, channel, prio);
	actor_assert_asleep_in(client, SEND);
}

/* ---- servers ---- */

static int do_receive(struct actor *server, void *arg)
{
	(void)arg;
	return nt(server->channel, server->request, &server->got);
}

void actor_receive_by(struct actor *server, int channel, unsigned long request)
{
	server->channel = channel;
	server->request = request;
	memset(&server->got, 0, sizeof(server->got));
	actor_tell(server, do_receive, NULL);
}

void actor_receive(struct actor *server, int channel)
{
	actor_receive_by(server, channel, RECV2);
}

void actor_parks(struct actor *server, int channel)
{
	actor_receive(server, channel);
	actor_assert_asleep_in(server, RECV2);
}

void assert_has_request_of(struct actor *server, struct actor *client)
{
	const struct ntsync_channel_recv2_args *got = &server->got;

	assert_int_equal(got->sender_tid, client->tid);
	assert_int_equal(got->payload_off, client->send.payload_off);
	assert_int_equal(got->reply_off, client->send.reply_off);
	assert_int_equal(got->prio, client->send.prio);
	client->entry = got->entry_id;
}

void actor_assert_got(struct actor *server, struct actor *client)
{
	assert_ret(actor_finish(server), 0);
	assert_has_request_of(server, client);
}

void actor_receives(struct actor *server, int channel, struct actor *client)
{
	actor_receive(server, channel);
	actor_assert_got(server, client);
}

void actor_drains(struct actor *server, int channel, struct actor *client)
{
	actor_receive_by(server, channel, TRY_RECV2);
	actor_assert_got(server, client);
}

void actor_finds_nothing(struct actor *server, int channel)
{
	actor_receive_by(server, channel, TRY_RECV2);
	assert_ret(actor_finish(server), -EAGAIN);
}

static int do_reply(struct actor *replier, void *arg)
{
	const struct actor *client = arg;

	(void)replier;
	return reply_here(client->channel, client->entry);
}

void actor_answers(struct actor *replier, struct actor *client)
{
	assert_ret(actor_do(replier, do_reply, client), 0);
	assert_ret(actor_finish(client), 0);
}

void answer(struct actor *client)
{
	assert_ret(reply_here(client->channel, client->entry), 0);
	assert_ret(actor_finish(client), 0);
}
