// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens while a call is copying its argument: a userfaultfd stops it there until the test
 * lets it go on, or makes it fail.
 */
#include "channel.h"

#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096

/* One page. The first thread that touches it stops. */
struct held_page {
	int uffd;
	char *page;
};

static int open_held_page(struct held_page *h)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	h->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	h->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (uintptr_t)h->page;
	reg.range.len = PAGE;
	if (h->uffd < 0 || ioctl(h->uffd, UFFDIO_API, &api))
		return -1;
	return ioctl(h->uffd, UFFDIO_REGISTER, &reg);
}

/* Returns once a thread has stopped. */
static int await_held(struct held_page *h)
{
	struct uffd_msg msg;

	return read(h->uffd, &msg, sizeof(msg)) == sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT ? 0 : -1;
}

static void start_held_page(struct fixture *f, struct held_page *h)
{
	int ret = open_held_page(h);

	if (ret && errno == ENOSYS)
		skip_because("no userfaultfd in this kernel");
	assert_int_equal(ret, 0);
	own_fd(f, h->uffd);
}

/* The page gets this content, and the thread goes on. */
static void release_held_page(struct held_page *h, const void *content, size_t size)
{
	char page[PAGE] = { 0 };
	struct uffdio_copy copy = { .dst = (uintptr_t)h->page, .src = (uintptr_t)page,
				    .len = PAGE };

	if (content)
		memcpy(page, content, size);
	assert_int_equal(ioctl(h->uffd, UFFDIO_COPY, &copy), 0);
}

/* Accesses to the page fail from now on. */
static void fail_held_page(struct held_page *h)
{
	struct uffdio_range range = { (uintptr_t)h->page, PAGE };

	assert_int_equal(mprotect(h->page, PAGE, PROT_NONE), 0);
	assert_int_equal(ioctl(h->uffd, UFFDIO_UNREGISTER, &range), 0);
}

/* A receiver to which request 1 is being handed over, and whose copy to user memory has stopped. */
static struct call *start_held_receiver(struct fixture *f, struct held_page *h, int channel)
{
	struct call *c;

	start_held_page(f, h);
	c = call_at(f, channel, RECV2, h->page, NULL);
	assert_int_equal(await_held(h), 0);
	assert_int_equal(channel_info(channel, "dispatched"), 1);
	return c;
}

static void nothing_happens(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct call *sender = start_send(f, channel, 10, 7), *receiver;
	struct held_page h;

	receiver = start_held_receiver(f, &h, channel);
	release_held_page(&h, NULL, 0);
	assert_call(receiver, 0);
	assert_int_equal(((request_t *)h.page)->payload_off, 7);
	assert_ret(reply(channel, 1), 0);
	assert_call(sender, 0);
}

/* The depth limits new requests, not one that returns to the queue. */
static void the_channel_fills_up(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct call *first = start_send(f, channel, 10, 1), *second, *receiver;
	struct held_page h;

	receiver = start_held_receiver(f, &h, channel);
	second = start_send(f, channel, 10, 2);
	assert_ret(try_send(channel, 10, 3), -EAGAIN);
	fail_held_page(&h);
	assert_call(receiver, -EFAULT);
	assert_depth(channel, 2);
	assert_ret(try_send(channel, 10, 3), -EAGAIN);
	assert_int_equal(take(channel, 10, 1), 1);
	assert_ret(try_send(channel, 10, 3), -EAGAIN);
	assert_int_equal(take(channel, 10, 2), 2);
	for (uint64_t id = 1; id <= 2; id++)
		assert_ret(reply(channel, id), 0);
	assert_call(first, 0);
	assert_call(second, 0);
}

static void end_held_receiver(struct held_page *h, struct call *receiver, bool fails)
{
	if (fails) {
		fail_held_page(h);
		assert_call(receiver, -EFAULT);
	} else {
		release_held_page(h, NULL, 0);
		assert_call(receiver, 0);
		assert_int_equal(((request_t *)h->page)->entry_id, 1);
	}
}

/* @end ends the send while the receiver is held: the request must not return to the queue. */
static void check_ended_while_held(struct fixture *f, void (*end)(struct call *sender, int channel))
{
	for (int fails = 0; fails < 2; fails++) {
		int channel = new_channel(f, 1);
		struct call *sender = start_send(f, channel, 10, 1), *receiver;
		struct held_page h;

		receiver = start_held_receiver(f, &h, channel);
		end(sender, channel);
		end_held_receiver(&h, receiver, fails);
		assert_ret(reply(channel, 1), -ENOENT);
		assert_empty(channel);
	}
}

/* The request was dispatched, so the send is not restarted. */
static void interrupt_sender(struct call *sender, int channel)
{
	(void)channel;
	count_signals(SIGUSR1, SA_RESTART);
	call_signal(sender, SIGUSR1);
	assert_call(sender, -EINTR);
}

static void the_sender_leaves(void **state)
{
	check_ended_while_held(*state, interrupt_sender);
}

/* By a thread that can't know the id yet, but has guessed it. */
static void reply_to_sender(struct call *sender, int channel)
{
	assert_ret(reply(channel, 1), 0);
	assert_call(sender, 0);
}

static void another_thread_replies(void **state)
{
	check_ended_while_held(*state, reply_to_sender);
}

static void the_process_lets_go(void **state)
{
	struct fixture *f = *state;

	for (int fails = 0; fails < 2; fails++) {
		int channel = new_channel(f, 2);
		struct call *sender = start_send(f, channel, 10, 1), *pending, *receiver;
		struct held_page h;

		receiver = start_held_receiver(f, &h, channel);
		pending = start_send(f, channel, 10, 2);
		close_fd(f, channel);
		assert_call(sender, -ECONNRESET);
		assert_call(pending, -EPIPE);
		end_held_receiver(&h, receiver, fails);
	}
}

/*
 * The call has the channel's file open, but its request is not in the queue when the last
 * descriptor is closed.
 */
static void a_send_on_its_way_in(void **state)
{
	struct ntsync_channel_send_args args = MESSAGE(10, 1);
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct call *sender;
	struct held_page h;

	start_held_page(f, &h);
	sender = call_at(f, channel, SEND, h.page, NULL);
	assert_int_equal(await_held(&h), 0);
	close_fd(f, channel);
	release_held_page(&h, &args, sizeof(args));
	assert_call(sender, -EPIPE);
}

/* The same after the last receiver has exited. */
static void a_send_on_its_way_into_a_channel_without_receivers(void **state)
{
	struct ntsync_channel_send_args args = MESSAGE(10, 1);
	struct fixture *f = *state;
	int channel = new_channel(f, 1);
	struct call *sender;
	struct held_page h;

	start_held_page(f, &h);
	assert_empty(channel);
	sender = call_at(f, channel, SEND, h.page, NULL);
	assert_int_equal(await_held(&h), 0);
	close_fd(f, channel);
	release_held_page(&h, &args, sizeof(args));
	assert_call(sender, -EPIPE);
}

static struct held_page peers_hold;

static void *receive_held(void *arg)
{
	nt(*(int *)arg, RECV2, peers_hold.page);
	return NULL;
}

static int hold_receiver(struct peer *p, void *arg)
{
	pthread_t thread;

	CHECK(!open_held_page(&peers_hold));
	CHECK(!pthread_create(&thread, NULL, receive_held, arg));
	CHECK(!await_held(&peers_hold));
	peer_say(p, 1);
	peer_wait(p);
	return 0;
}

/* Another receiver gets the request, or its sender gets an error. */
static void the_receiver_is_killed(void **state)
{
	struct fixture *f = *state;
	int channel = new_channel(f, 1), ret;
	struct call *sender;
	struct peer *p, *other;
	struct held_page h;

	start_held_page(f, &h);
	sender = start_send(f, channel, 10, 1);
	p = peer_start(f, hold_receiver, &channel);
	peer_hear(p);
	other = receiver_start(f, channel);
	receiver_parks(other);
	peer_kill(p);
	while (channel_info(channel, "waiters-any") && !call_out(sender))
		sleep_ms(1);
	if (call_out(sender)) {
		assert_call(sender, -ECONNRESET);
		return;
	}
	assert_int_equal(peer_hear(other), 1);
	ret = reply(channel, 1);
	assert_ret(ret, 0);
	assert_call(sender, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(nothing_happens),
		CHANNEL_TEST(the_channel_fills_up),
		CHANNEL_TEST(the_sender_leaves),
		CHANNEL_TEST(another_thread_replies),
		CHANNEL_TEST(the_process_lets_go),
		CHANNEL_TEST(a_send_on_its_way_in),
		CHANNEL_TEST(a_send_on_its_way_into_a_channel_without_receivers),
		CHANNEL_TEST(the_receiver_is_killed),
	};

	return RUN(tests);
}
