// SPDX-License-Identifier: GPL-2.0-only
/* Tokens: what RECV2 says about the thread that has sent. */
#include "channel.h"

#define MAX_TOKENS 32768

/* The token of the next request, by RECV2 or TRY_RECV2. */
static uint64_t receive_token(int channel, unsigned long request)
{
	request_t got = { .thread_token = UNTOUCHED };

	assert_ret(receive(channel, request, &got), 0);
	assert_ret(reply(channel, got.entry_id), 0);
	return got.thread_token;
}

/* A thread that sends when it is told to, so that its tid stays the same. */
static struct client {
	int channel;
	atomic_int tid, wanted, done;
	pthread_t thread;
} client;

static void *client_main(void *arg)
{
	(void)arg;
	atomic_store(&client.tid, gettid());
	for (int sent = 0;; sent++) {
		int wanted;

		while ((wanted = atomic_load(&client.wanted)) == sent)
			sleep_ms(1);
		if (wanted < 0)
			return NULL;
		try_send(client.channel, 10, sent);
		atomic_fetch_add(&client.done, 1);
	}
}

static uint32_t client_start(int channel)
{
	memset(&client, 0, sizeof(client));
	client.channel = channel;
	assert_int_equal(pthread_create(&client.thread, NULL, client_main, NULL), 0);
	while (!atomic_load(&client.tid))
		sleep_ms(1);
	return client.tid;
}

/* Returns once its request is pending. */
static void client_sends(void)
{
	atomic_fetch_add(&client.wanted, 1);
	await_info(client.channel, "depth", 1);
}

static void client_end(void)
{
	while (atomic_load(&client.done) < atomic_load(&client.wanted))
		sleep_ms(1);
	atomic_store(&client.wanted, -1);
	pthread_join(client.thread, NULL);
}

static const unsigned long with_token[] = { RECV2, TRY_RECV2 };

static void none_is_0(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	uint32_t tid = client_start(channel);

	for (size_t i = 0; i < ARRAY_SIZE(with_token); i++) {
		client_sends();
		assert_true(receive_token(channel, with_token[i]) == 0);
	}
	/* A registration of another tid does not count. */
	assert_ret(register_thread(channel, tid + 1, 7), 0);
	assert_ret(register_thread(channel, tid - 1, 8), 0);
	client_sends();
	assert_true(receive_token(channel, RECV2) == 0);
	client_end();
}

static void all_64_bits(void **state)
{
	static const uint64_t tokens[] = { 1, 1ull << 32, 1ull << 63, ~0ull, 0 };
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	uint32_t tid = client_start(channel);

	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		assert_ret(register_thread(channel, tid, tokens[i]), 0);
		/* A token of 0 is valid. */
		assert_int_equal(channel_info(channel, "registrations"), 1);
		client_sends();
		assert_true(receive_token(channel, with_token[i % 2]) == tokens[i]);
	}
	client_end();
}

/* Not at the send: a change while the request is pending counts. */
static void looked_up_by_the_receive(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	uint32_t tid = client_start(channel);

	client_sends();
	assert_ret(register_thread(channel, tid, 5), 0);
	assert_true(receive_token(channel, RECV2) == 5);
	client_sends();
	assert_ret(register_thread(channel, tid, 6), 0);
	assert_true(receive_token(channel, TRY_RECV2) == 6);
	client_sends();
	assert_ret(deregister_thread(channel, tid), 0);
	assert_true(receive_token(channel, RECV2) == 0);
	client_end();
}

/* For a parked receiver the receive is the moment at which the request comes. */
static void looked_up_when_a_parked_receiver_gets_it(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	uint32_t tid = client_start(channel);
	struct call *receiver;

	assert_ret(register_thread(channel, tid, 5), 0);
	receiver = start_recv(f, channel, RECV2, NULL);
	assert_ret(register_thread(channel, tid, 6), 0);
	atomic_fetch_add(&client.wanted, 1);
	assert_ret(call_ret(receiver), 0);
	assert_true(call_request(receiver)->thread_token == 6);
	assert_int_equal(call_request(receiver)->sender_tid, tid);
	assert_ret(reply(channel, call_request(receiver)->entry_id), 0);
	client_end();
}

static void recv_does_not_tell(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	uint32_t tid = client_start(channel);

	assert_ret(register_thread(channel, tid, 5), 0);
	client_sends();
	assert_ret(reply(channel, take_by(channel, RECV, 10, 0)), 0);
	client_end();
}

static void deregistering_is_idempotent(void **state)
{
	static const uint32_t tids[] = { 0, 1, 12345, 1u << 31, ~0u };
	struct fixture *f = *state;
	int channel = new_channel(f, 4);

	for (size_t i = 0; i < ARRAY_SIZE(tids); i++) {
		assert_ret(deregister_thread(channel, tids[i]), 0);
		if (tids[i]) {
			assert_ret(register_thread(channel, tids[i], i), 0);
			assert_int_equal(channel_info(channel, "registrations"), 1);
		}
		assert_ret(deregister_thread(channel, tids[i]), 0);
		assert_ret(deregister_thread(channel, tids[i]), 0);
		assert_int_equal(channel_info(channel, "registrations"), 0);
	}
}

static void of_one_channel(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4), other = new_channel(f, 4);
	uint32_t tid = client_start(channel);

	assert_ret(register_thread(channel, tid, 5), 0);
	assert_ret(register_thread(other, tid, 6), 0);
	client_sends();
	assert_true(receive_token(channel, RECV2) == 5);
	assert_ret(deregister_thread(other, tid), 0);
	client_sends();
	assert_true(receive_token(channel, RECV2) == 5);
	client_end();
}

static int register_and_leave(struct fixture *f, void *arg)
{
	uint32_t *args = arg;

	(void)f;
	CHECK(!register_thread(args[0], args[1], 5));
	return 0;
}

/* The registering thread is another one, and may exit. */
static void by_another_process(void **state)
{
	struct fixture *f = *state;
	uint32_t args[2] = { new_channel(f, 4) };

	args[1] = client_start(args[0]);
	assert_child_ok(child_start(f, register_and_leave, args));
	client_sends();
	assert_true(receive_token(args[0], RECV2) == 5);
	client_end();
}

/* A registration stays when its thread exits; removing it is the registering thread's job. */
static void it_outlives_its_thread(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct call *sender = start_send(f, channel, 0, 1);

	assert_ret(register_thread(channel, call_tid(sender), 5), 0);
	assert_true(receive_token(channel, RECV2) == 5);
	call_end(sender);
	assert_int_equal(channel_info(channel, "registrations"), 1);
}

static void as_many_as_there_may_be(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	uint32_t tid = client_start(channel);

	for (uint32_t i = 1; i < MAX_TOKENS; i++)
		assert_ret(register_thread(channel, tid + 7 * i, i), 0);
	assert_ret(register_thread(channel, tid, 5), 0);
	assert_int_equal(channel_info(channel, "registrations"), MAX_TOKENS);
	assert_ret(register_thread(channel, tid + 1, 6), -ENOSPC);
	assert_int_equal(channel_info(channel, "registrations"), MAX_TOKENS);
	/* Replacing a registration takes no further memory. */
	assert_ret(register_thread(channel, tid, 7), 0);
	client_sends();
	assert_true(receive_token(channel, RECV2) == 7);
	assert_ret(deregister_thread(channel, tid + 7), 0);
	assert_ret(register_thread(channel, tid + 1, 6), 0);
	assert_ret(register_thread(channel, tid + 2, 6), -ENOSPC);
	assert_ret(register_thread(channel, 0, 6), -EINVAL);
	client_end();
}

/* ---- pid namespaces ---- */

/* A client whose thread has tid 1 in its own namespace. */
static int client_in_namespace(struct peer *p, void *arg)
{
	int channel = *(int *)arg, ret;
	char what;

	while ((what = peer_wait(p))) {
		switch (what) {
		case 'r':
			ret = register_thread(channel, gettid(), 5);
			break;
		case 'd':
			ret = deregister_thread(channel, gettid());
			break;
		default:
			ret = try_send(channel, 10, 0);
		}
		peer_say(p, ret);
	}
	return 0;
}

static void tell_client(struct peer *p, char what)
{
	peer_tell(p, what);
	assert_int_equal(peer_hear(p), 0);
}

static uint64_t receive_token_of(struct peer *p, int channel)
{
	request_t got = { .thread_token = UNTOUCHED };

	peer_tell(p, 's');
	await_info(channel, "depth", 1);
	assert_ret(receive(channel, TRY_RECV2, &got), 0);
	assert_int_equal(got.sender_tid, 1);
	assert_ret(reply(channel, got.entry_id), 0);
	assert_int_equal(peer_hear(p), 0);
	return got.thread_token;
}

/* Equal numbers in different namespaces stand for different threads. */
static void the_same_tid_in_several_namespaces(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct peer *a = peer_start_in_namespace(f, client_in_namespace, &channel);
	struct peer *b = peer_start_in_namespace(f, client_in_namespace, &channel);

	/* The first thread of the test's own namespace. */
	assert_ret(register_thread(channel, 1, 6), 0);
	assert_true(receive_token_of(a, channel) == 0);
	tell_client(a, 'r');
	assert_int_equal(channel_info(channel, "registrations"), 2);
	assert_true(receive_token_of(a, channel) == 5);
	assert_true(receive_token_of(b, channel) == 0);
	tell_client(b, 'd');
	assert_ret(deregister_thread(channel, 1), 0);
	assert_int_equal(channel_info(channel, "registrations"), 1);
	assert_true(receive_token_of(a, channel) == 5);
	tell_client(a, 'd');
	assert_true(receive_token_of(a, channel) == 0);
}

/* A tid is the number in the namespace of the registering thread. */
static void registered_from_outside(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);
	struct peer *p = peer_start_in_namespace(f, client_in_namespace, &channel);

	assert_ret(register_thread(channel, peer_pid(p), 7), 0);
	assert_true(receive_token_of(p, channel) == 7);
	/* A registration by the thread's own namespace has precedence. */
	tell_client(p, 'r');
	assert_true(receive_token_of(p, channel) == 5);
	tell_client(p, 'd');
	assert_true(receive_token_of(p, channel) == 7);
	assert_ret(deregister_thread(channel, peer_pid(p)), 0);
	assert_true(receive_token_of(p, channel) == 0);
}

/* The registrations of a namespace stay, and never match another one. */
static void a_namespace_that_is_gone(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 4);

	for (int i = 0; i < 20; i++) {
		struct peer *p = peer_start_in_namespace(f, client_in_namespace, &channel);

		assert_true(receive_token_of(p, channel) == 0);
		tell_client(p, 'r');
		peer_go(p);
		assert_peer_ok(p);
		assert_int_equal(channel_info(channel, "registrations"), i + 1);
	}
}

/* ---- churn ---- */

static struct churn {
	int channel;
	uint32_t tid;
	atomic_bool over;
	atomic_int changes;
} churn;

/* A token identifies its thread, while registrations of other threads come and go. */
static void *change_tokens(void *arg)
{
	uint32_t step = (intptr_t)arg;

	for (uint32_t i = 1; !atomic_load(&churn.over); i++) {
		uint64_t token = (uint64_t)churn.tid << 32 | i;
		uint32_t neighbour = churn.tid + step + i % 64 * 3;

		register_thread(churn.channel, churn.tid, token);
		register_thread(churn.channel, neighbour, (uint64_t)neighbour << 32);
		deregister_thread(churn.channel, i % 2 ? churn.tid : neighbour);
		atomic_fetch_add(&churn.changes, 1);
	}
	return NULL;
}

#define CHANGES 3000

static void under_churn(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[2];
	int with = 0, without = 0;

	memset(&churn, 0, sizeof(churn));
	churn.channel = new_channel(f, 4);
	churn.tid = client_start(churn.channel);
	for (intptr_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, change_tokens, (void *)(i + 1));
	while (atomic_load(&churn.changes) < CHANGES || !with || !without) {
		uint64_t token;

		client_sends();
		token = receive_token(churn.channel, with_token[with % 2]);
		if (token)
			assert_int_equal(token >> 32, churn.tid);
		*(token ? &with : &without) += 1;
	}
	atomic_store(&churn.over, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	client_end();
	print_message("# %d with, %d without a token\n", with, without);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(none_is_0),
		CHANNEL_TEST(all_64_bits),
		CHANNEL_TEST(looked_up_by_the_receive),
		CHANNEL_TEST(looked_up_when_a_parked_receiver_gets_it),
		CHANNEL_TEST(recv_does_not_tell),
		CHANNEL_TEST(deregistering_is_idempotent),
		CHANNEL_TEST(of_one_channel),
		CHANNEL_TEST(by_another_process),
		CHANNEL_TEST(it_outlives_its_thread),
		CHANNEL_TEST(as_many_as_there_may_be),
		CHANNEL_TEST(the_same_tid_in_several_namespaces),
		CHANNEL_TEST(registered_from_outside),
		CHANNEL_TEST(a_namespace_that_is_gone),
		CHANNEL_TEST(under_churn),
	};

	return RUN(tests);
}
