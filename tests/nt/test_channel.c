// SPDX-License-Identifier: GPL-2.0-only
/* Channels by handles. */
#include "nt_test.h"

#include <sched.h>

#define CANCELLED NTSYNC_STATUS_CANCELLED
#define CLIENT 60u

static uint32_t new_channel(struct fixture *f, uint32_t depth)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_channel(f->nt, &handle, NULL, depth));
	return handle;
}

/* *arg is the channel. */
static uint32_t send_one(struct fixture *f, void *arg)
{
	ntsync_nt_thread_attach(f->nt, CLIENT);
	return ntsync_nt_channel_send(f->nt, *(uint32_t *)arg, 0, 0, 11, 22);
}

static uint32_t receive(struct fixture *f, void *arg)
{
	struct ntsync_channel_request request;

	ntsync_nt_thread_attach(f->nt, CLIENT);
	return ntsync_nt_channel_receive(f->nt, *(uint32_t *)arg, false, FOREVER, &request);
}

static uint32_t receive_alertably(struct fixture *f, void *arg)
{
	struct ntsync_channel_request request;

	ntsync_nt_thread_attach(f->nt, CLIENT);
	return ntsync_nt_channel_receive(f->nt, *(uint32_t *)arg, true, FOREVER, &request);
}

static void a_request_and_its_reply(void **state)
{
	struct fixture *f = *state;
	uint32_t channel = new_channel(f, 4), alias = duplicate(f, channel);
	struct helper *client = start_asleep(f, send_one, &alias);
	struct ntsync_channel_request request;

	assert_int_equal(info_of(f, channel).type, NTSYNC_NT_CHANNEL);
	assert_ok(ntsync_nt_channel_receive(f->nt, channel, false, FOREVER, &request));
	assert_int_equal(request.payload, 11);
	assert_int_equal(request.reply, 22);
	assert_status(ntsync_nt_channel_reply(f->nt, channel, request.id + 1),
		      NTSYNC_STATUS_REPLY_MESSAGE_MISMATCH);
	assert_true(still_asleep(client));
	assert_ok(ntsync_nt_channel_reply(f->nt, channel, request.id));
	assert_ok(finish(client));
	assert_status(ntsync_nt_channel_reply(f->nt, channel, request.id),
		      NTSYNC_STATUS_REPLY_MESSAGE_MISMATCH);
}

static void a_receive_waits(void **state)
{
	struct fixture *f = *state;
	uint32_t channel = new_channel(f, 4);
	struct ntsync_channel_request request;
	struct helper *client;

	assert_status(ntsync_nt_channel_receive(f->nt, channel, false, POLL, &request),
		      NTSYNC_STATUS_TIMEOUT);
	assert_status(ntsync_nt_channel_receive(f->nt, channel, true, in_ms(20), &request),
		      NTSYNC_STATUS_TIMEOUT);
	client = start(f, send_one, &channel);
	assert_ok(ntsync_nt_channel_receive(f->nt, channel, true, FOREVER, &request));
	assert_ok(ntsync_nt_channel_reply(f->nt, channel, request.id));
	assert_ok(finish(client));
}

/* It tells that a request is pending, and takes nothing. */
static void an_aggregate_wait(void **state)
{
	struct fixture *f = *state;
	uint32_t channel = new_channel(f, 4);
	struct ntsync_nt_source sources[] = {
		{ .type = NTSYNC_AGG_OBJECT, .handle = new_event(f, false, false) },
		{ .type = NTSYNC_AGG_OBJECT, .handle = channel },
	};
	struct ntsync_channel_request request;
	struct helper *client = start(f, send_one, &channel);

	for (int i = 0; i < 2; i++)
		assert_status(ntsync_nt_wait_aggregate(f->nt, sources, 2, false, FOREVER, NULL),
			      NTSYNC_STATUS_WAIT_0 + 1);
	assert_ok(ntsync_nt_channel_receive(f->nt, channel, false, POLL, &request));
	assert_status(ntsync_nt_wait_aggregate(f->nt, sources, 2, false, POLL, NULL),
		      NTSYNC_STATUS_TIMEOUT);
	assert_ok(ntsync_nt_channel_reply(f->nt, channel, request.id));
	assert_ok(finish(client));
}

static void a_receive_ends_early(void **state)
{
	struct fixture *f = *state;
	uint32_t channel = new_channel(f, 4);
	struct ntsync_channel_request request;
	struct helper *server = start_asleep(f, receive_alertably, &channel);

	assert_ok(ntsync_nt_alert_thread(f->nt, CLIENT));
	assert_status(finish(server), NTSYNC_STATUS_ALERTED);
	server = start_asleep(f, receive, &channel);
	assert_ok(ntsync_nt_interrupt_thread(f->nt, CLIENT, CANCELLED));
	assert_status(finish(server), CANCELLED);
	server = start_asleep(f, receive, &channel);
	assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
	assert_status(finish(server), CANCELLED);
	assert_status(ntsync_nt_channel_receive(f->nt, channel, false, POLL, &request), CANCELLED);
	ntsync_nt_resume(f->nt);
	assert_status(ntsync_nt_channel_receive(f->nt, channel, false, POLL, &request),
		      NTSYNC_STATUS_TIMEOUT);
}

/* One that has begun goes on: see ntsync_nt_channel_send(). */
static void a_stop_refuses_a_send(void **state)
{
	struct fixture *f = *state;
	uint32_t channel = new_channel(f, 4);
	struct ntsync_channel_request request;
	struct helper *client = start_asleep(f, send_one, &channel);

	assert_ok(ntsync_nt_channel_receive(f->nt, channel, false, FOREVER, &request));
	assert_ok(ntsync_nt_stop(f->nt, CANCELLED));
	assert_status(ntsync_nt_channel_send(f->nt, channel, 0, 0, 0, 0), CANCELLED);
	assert_true(still_asleep(client));
	assert_ok(ntsync_nt_channel_reply(f->nt, channel, request.id));
	assert_ok(finish(client));
	ntsync_nt_resume(f->nt);
	assert_ok(ntsync_nt_interrupt_thread(f->nt, ntsync_nt_thread_id(f->nt), CANCELLED));
	assert_status(ntsync_nt_channel_send(f->nt, channel, 0, 0, 0, 0), CANCELLED);
	assert_status(ntsync_nt_channel_receive(f->nt, channel, false, POLL, &request),
		      NTSYNC_STATUS_TIMEOUT);
}

static void a_signal_ends_a_send(void **state)
{
	struct fixture *f = *state;
	uint32_t channel = new_channel(f, 4);

	if (!env_interrupt(1))
		return;
	assert_status(ntsync_nt_channel_send(f->nt, channel, 0, 0, 0, 0),
		      NTSYNC_STATUS_REQUEST_ABORTED);
}

static void as_many_as_may_be_pending(void **state)
{
	struct fixture *f = *state;
	uint32_t channel = new_channel(f, 1);
	struct helper *client = start_asleep(f, send_one, &channel);
	struct ntsync_channel_request request;

	assert_status(ntsync_nt_channel_send(f->nt, channel, 0, 0, 0, 0),
		      NTSYNC_STATUS_INSUFFICIENT_RESOURCES);
	assert_ok(ntsync_nt_channel_receive(f->nt, channel, false, FOREVER, &request));
	assert_ok(ntsync_nt_channel_reply(f->nt, channel, request.id));
	assert_ok(finish(client));
}

static void closed_while_a_client_waits(void **state)
{
	struct fixture *f = *state;
	uint32_t channel = new_channel(f, 4), alias = duplicate(f, channel);
	struct helper *client = start_asleep(f, send_one, &channel);
	struct ntsync_channel_request request;

	close_handle(f, channel);
	assert_ok(ntsync_nt_channel_receive(f->nt, alias, false, FOREVER, &request));
	assert_ok(ntsync_nt_channel_reply(f->nt, alias, request.id));
	assert_ok(finish(client));
}

static void names(void **state)
{
	const struct ntsync_nt_attributes name = { .name = "port" };
	struct fixture *f = *state;
	uint32_t channel, opened;

	assert_ok(ntsync_nt_create_channel(f->nt, &channel, &name, 8));
	assert_ok(ntsync_nt_open_channel(f->nt, &opened, "port"));
	assert_ok(ntsync_nt_compare(f->nt, channel, opened));
	assert_status(ntsync_nt_create_channel(f->nt, &opened, &name, 8),
		      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	assert_status(ntsync_nt_open_event(f->nt, &opened, "port"),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
}

static void bad_arguments(void **state)
{
	struct fixture *f = *state;
	uint32_t channel = new_channel(f, 4), event = new_event(f, true, true), out = UNTOUCHED;
	struct ntsync_channel_request request;

	assert_status(ntsync_nt_create_channel(f->nt, &out, NULL, 0),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_int_equal(out, 0);
	assert_status(ntsync_nt_create_channel(f->nt, &out, NULL, NTSYNC_CHANNEL_MAX_DEPTH + 1),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_channel_send(f->nt, channel, SCHED_FIFO, 100, 0, 0),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_channel_send(f->nt, channel, SCHED_OTHER, 1, 0, 0),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_channel_receive(f->nt, channel, false, POLL, NULL),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_channel_send(f->nt, event, 0, 0, 0, 0),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_channel_receive(f->nt, event, false, POLL, &request),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_channel_reply(f->nt, event, 1), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(poll_handle(f, channel), NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_signal_and_wait(f->nt, channel, event, false, POLL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	assert_status(ntsync_nt_signal_and_wait(f->nt, event, channel, false, POLL),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
	close_handle(f, channel);
	assert_status(ntsync_nt_channel_send(f->nt, channel, 0, 0, 0, 0),
		      NTSYNC_STATUS_INVALID_HANDLE);
}

static void not_supported(void **state)
{
	struct fixture *f = *state;
	uint32_t out = UNTOUCHED;

	assert_status(ntsync_nt_create_channel(f->nt, &out, NULL, 4), NTSYNC_STATUS_NOT_SUPPORTED);
	assert_int_equal(out, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_and_its_reply),
		TEST(a_receive_waits),
		TEST(an_aggregate_wait),
		TEST(a_receive_ends_early),
		TEST(a_stop_refuses_a_send),
		TEST(a_signal_ends_a_send),
		TEST(as_many_as_may_be_pending),
		TEST(closed_while_a_client_waits),
		TEST(names),
		TEST(bad_arguments),
	};
	const struct CMUnitTest without[] = {
		{ "not_supported", not_supported, setup_old_driver, teardown_old_driver, NULL },
	};

	return RUN_BY_CHANNELS(tests, without);
}
