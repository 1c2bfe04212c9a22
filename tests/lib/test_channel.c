// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "fake_kernel.h"

static struct ntsync_channel_request got;

static const struct ntsync_channel_recv2_args answer = {
	.entry_id = 1ull << 63 | 1,
	.payload_off = 1ull << 62 | 2,
	.reply_off = 1ull << 61 | 3,
	.sender_tid = 4,
	.prio = 80,
	.thread_token = 1ull << 60 | 5,
};

static int create(void)
{
	return ntsync_channel_create(3, 1024);
}

static int send_pi(void)
{
	return ntsync_channel_send_pi(4, 1, 80, 1ull << 40 | 7, 1ull << 50 | 8);
}

static int recv(void)
{
	return ntsync_channel_recv(4, &got);
}

static int recv2(void)
{
	return ntsync_channel_recv2(4, &got);
}

static int try_recv2(void)
{
	return ntsync_channel_try_recv2(4, &got);
}

static int reply(void)
{
	return ntsync_channel_reply(4, 1ull << 32 | 9);
}

static int register_thread(void)
{
	return ntsync_channel_register_thread(4, 10, 1ull << 48 | 11);
}

static int deregister_thread(void)
{
	return ntsync_channel_deregister_thread(4, 10);
}

static const struct {
	int (*call)(void);
	unsigned long request;
} object_calls[] = {
	{ send_pi, NTSYNC_IOC_CHANNEL_SEND_PI },
	{ recv, NTSYNC_IOC_CHANNEL_RECV },
	{ recv2, NTSYNC_IOC_CHANNEL_RECV2 },
	{ try_recv2, NTSYNC_IOC_CHANNEL_TRY_RECV2 },
	{ reply, NTSYNC_IOC_CHANNEL_REPLY },
	{ register_thread, NTSYNC_IOC_CHANNEL_REGISTER_THREAD },
	{ deregister_thread, NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD },
};

/* Fills the request with bytes that no call writes. */
static void fill_request(struct ntsync_channel_request *request)
{
	memset(request, 0xa5, sizeof(*request));
}

static void create_passes_the_depth(void **state)
{
	const struct ntsync_channel_create_args args = { .max_depth = 1024 };

	(void)state;
	fake_assert_creates(create, NTSYNC_IOC_CREATE_CHANNEL, &args, sizeof(args));
}

static void send_passes_everything(void **state)
{
	const struct ntsync_channel_send_args args = {
		.policy = 1, .prio = 80, .payload_off = 1ull << 40 | 7, .reply_off = 1ull << 50 | 8,
	};

	(void)state;
	fake_returns(0);
	assert_int_equal(send_pi(), 0);
	fake_assert_one_call(4, NTSYNC_IOC_CHANNEL_SEND_PI, &args, sizeof(args));
}

static void assert_request(uint64_t token)
{
	assert_true(got.id == (1ull << 63 | 1));
	assert_true(got.payload == (1ull << 62 | 2));
	assert_true(got.reply == (1ull << 61 | 3));
	assert_int_equal(got.sender_tid, 4);
	assert_int_equal(got.prio, 80);
	assert_true(got.token == token);
}

/* The driver's structure ends before the token. */
static void recv_has_no_token(void **state)
{
	(void)state;
	fill_request(&got);
	fake_writes(&answer, sizeof(struct ntsync_channel_recv_args));
	assert_int_equal(recv(), 0);
	assert_int_equal(fake_call(0)->fd, 4);
	assert_int_equal(fake_call(0)->request, NTSYNC_IOC_CHANNEL_RECV);
	assert_request(0);
}

static void recv2_has_one(void **state)
{
	(void)state;
	fill_request(&got);
	fake_writes(&answer, sizeof(answer));
	assert_int_equal(recv2(), 0);
	assert_int_equal(fake_call(0)->fd, 4);
	assert_int_equal(fake_call(0)->request, NTSYNC_IOC_CHANNEL_RECV2);
	assert_request(1ull << 60 | 5);
}

static void try_recv2_too(void **state)
{
	(void)state;
	fill_request(&got);
	fake_writes(&answer, sizeof(answer));
	assert_int_equal(try_recv2(), 0);
	assert_int_equal(fake_call(0)->fd, 4);
	assert_int_equal(fake_call(0)->request, NTSYNC_IOC_CHANNEL_TRY_RECV2);
	assert_request(1ull << 60 | 5);
}

static void reply_passes_the_id(void **state)
{
	const uint64_t id = 1ull << 32 | 9;

	(void)state;
	fake_returns(0);
	assert_int_equal(reply(), 0);
	fake_assert_one_call(4, NTSYNC_IOC_CHANNEL_REPLY, &id, sizeof(id));
}

static void register_passes_tid_and_token(void **state)
{
	const struct ntsync_channel_register_thread_args args = {
		.tid = 10, .token = 1ull << 48 | 11,
	};

	(void)state;
	fake_returns(0);
	assert_int_equal(register_thread(), 0);
	fake_assert_one_call(4, NTSYNC_IOC_CHANNEL_REGISTER_THREAD, &args, sizeof(args));
}

static void deregister_passes_the_tid(void **state)
{
	const uint32_t tid = 10;

	(void)state;
	fake_returns(0);
	assert_int_equal(deregister_thread(), 0);
	fake_assert_one_call(4, NTSYNC_IOC_CHANNEL_DEREGISTER_THREAD, &tid, sizeof(tid));
}

/* On the in-tree driver the feature query fails, and a wait with owner 0 is refused. */
static void create_on_the_in_tree_driver(void **state)
{
	(void)state;
	fake_fails(ENOTTY);
	fake_fails(ENOTTY);
	fake_fails(EINVAL);
	assert_int_equal(create(), -ENOTSUP);
	assert_int_equal(fake_call(1)->request, NTSYNC_IOC_QUERY_FEATURES);
	assert_int_equal(fake_call(1)->fd, 3);
}

static void create_on_an_older_driver(void **state)
{
	const struct ntsync_features_args args = { .version = 1 };

	(void)state;
	fake_fails(ENOTTY);
	fake_writes(&args, sizeof(args));
	assert_int_equal(create(), -ENOTSUP);
}

static void create_on_something_else(void **state)
{
	(void)state;
	fake_fails(ENOTTY);
	fake_fails(ENOTTY);
	fake_fails(ENOTTY);
	assert_int_equal(create(), -ENOTTY);
}

static void check_unknown_ioctl(int error, int want)
{
	for (size_t i = 0; i < ARRAY_SIZE(object_calls); i++) {
		fake_setup(NULL);
		fake_fails(ENOTTY);
		if (error)
			fake_fails(error);
		else
			fake_returns(0);
		assert_int_equal(object_calls[i].call(), want);
		assert_int_equal(fake_call(0)->request, object_calls[i].request);
		assert_int_equal(fake_call(1)->request, NTSYNC_IOC_EVENT_READ);
		assert_int_equal(fake_call(1)->fd, 4);
	}
}

/* An event, and an object of another type: the first can be read as an event, the second can't. */
static void objects_of_a_driver_without_channels(void **state)
{
	(void)state;
	check_unknown_ioctl(0, -ENOTSUP);
	check_unknown_ioctl(EINVAL, -ENOTSUP);
}

static void something_else(void **state)
{
	(void)state;
	check_unknown_ioctl(ENOTTY, -ENOTTY);
	check_unknown_ioctl(EBADF, -ENOTTY);
}

static void other_errors_pass(void **state)
{
	static const int errors[] = {
		EBADF, EFAULT, EINVAL, ENOMEM, EAGAIN, EPIPE, ECONNRESET, EINTR, ENOENT, ENOSPC,
		4095,
	};
	struct ntsync_channel_request before;

	(void)state;
	fill_request(&got);
	before = got;
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		fake_setup(NULL);
		fake_fails(errors[i]);
		assert_int_equal(create(), -errors[i]);
		for (size_t j = 0; j < ARRAY_SIZE(object_calls); j++) {
			fake_setup(NULL);
			fake_fails(errors[i]);
			assert_int_equal(object_calls[j].call(), -errors[i]);
		}
	}
	assert_memory_equal(&got, &before, sizeof(got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fake_test(create_passes_the_depth),
		fake_test(send_passes_everything),
		fake_test(recv_has_no_token),
		fake_test(recv2_has_one),
		fake_test(try_recv2_too),
		fake_test(reply_passes_the_id),
		fake_test(register_passes_tid_and_token),
		fake_test(deregister_passes_the_tid),
		fake_test(create_on_the_in_tree_driver),
		fake_test(create_on_an_older_driver),
		fake_test(create_on_something_else),
		fake_test(objects_of_a_driver_without_channels),
		fake_test(something_else),
		fake_test(other_errors_pass),
	};

	return cmocka_run_group_tests_name("libntsync: channel", tests, NULL, NULL);
}
