// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <sys/syscall.h>

#include "fake_kernel.h"

#define MAX_CALLS 16

struct fake_reply {
	int ret;
	int error;
	unsigned char out[64];
	size_t size;
};

static struct fake_call calls[MAX_CALLS];
static struct fake_reply replies[MAX_CALLS];
static struct fake_open opened;
static struct fake_futex futexes[MAX_CALLS];
static unsigned int nr_calls, nr_taken, nr_replies, nr_futexes;
void (*fake_in_futex)(void);
void (*fake_in_ioctl)(unsigned int n);

int fake_setup(void **state)
{
	(void)state;
	nr_calls = 0;
	nr_futexes = 0;
	fake_in_futex = NULL;
	fake_in_ioctl = NULL;
	nr_taken = 0;
	nr_replies = 0;
	memset(&opened, 0, sizeof(opened));
	return 0;
}

int fake_teardown(void **state)
{
	(void)state;
	return nr_taken != nr_replies;
}

static void add_reply(int ret, int error, const void *out, size_t size)
{
	struct fake_reply *reply = &replies[nr_replies++];

	assert_true(nr_replies <= MAX_CALLS && size <= sizeof(reply->out));
	*reply = (struct fake_reply){ .ret = ret, .error = error, .size = size };
	if (size)
		memcpy(reply->out, out, size);
}

void fake_returns(int ret)
{
	add_reply(ret, 0, NULL, 0);
}

void fake_writes(const void *out, size_t size)
{
	add_reply(0, 0, out, size);
}

void fake_fails(int error)
{
	add_reply(-1, error, NULL, 0);
}

void fake_fails_and_writes(int error, const void *out, size_t size)
{
	add_reply(-1, error, out, size);
}

static const struct fake_reply *take_reply(void)
{
	/* A stale errno must not be taken for this call's error. */
	errno = EDOM;
	if (nr_taken == nr_replies)
		fail_msg("a system call that the test does not expect");
	if (replies[nr_taken].error)
		errno = replies[nr_taken].error;
	return &replies[nr_taken++];
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	const struct fake_reply *reply = take_reply();
	struct fake_call *call = &calls[nr_calls++];
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);

	*call = (struct fake_call){ .fd = fd, .request = request };
	/* The ioctl number contains the size of what the kernel reads or writes. */
	if (arg) {
		memcpy(call->arg, arg, _IOC_SIZE(request));
		memcpy(arg, reply->out, reply->size);
	}
	if (fake_in_ioctl)
		fake_in_ioctl(nr_calls - 1);
	/* The hook may have changed it. */
	errno = reply->error ? reply->error : EDOM;
	return reply->ret;
}

int __wrap_open(const char *path, int flags, ...)
{
	opened = (struct fake_open){ .path = path, .flags = flags };
	return take_reply()->ret;
}

long __wrap_syscall(long nr, ...)
{
	struct fake_futex *f = &futexes[nr_futexes++];
	const struct __kernel_timespec *deadline;
	va_list args;

	assert_true(nr == SYS_futex && nr_futexes <= MAX_CALLS);
	va_start(args, nr);
	f->word = va_arg(args, const void *);
	f->op = va_arg(args, int);
	f->value = va_arg(args, uint32_t);
	deadline = va_arg(args, const void *);
	va_arg(args, const void *);
	f->bits = va_arg(args, uint32_t);
	va_end(args);
	f->sec = deadline ? deadline->tv_sec : -1;
	f->nsec = deadline ? deadline->tv_nsec : -1;
	if (fake_in_futex)
		fake_in_futex();
	return take_reply()->ret;
}

const struct fake_futex *fake_futex(unsigned int n)
{
	assert_true(n < nr_futexes);
	return &futexes[n];
}

unsigned int fake_nr_calls(void)
{
	return nr_calls;
}

unsigned int fake_nr_futexes(void)
{
	return nr_futexes;
}

const struct fake_call *fake_call(unsigned int n)
{
	assert_true(n < nr_calls);
	return &calls[n];
}

void fake_assert_one_call(int fd, unsigned long request, const void *arg, size_t size)
{
	assert_int_equal(nr_calls, 1);
	assert_int_equal(calls[0].fd, fd);
	assert_int_equal(calls[0].request, request);
	assert_int_equal(_IOC_SIZE(request), size);
	/* The content of an argument that the driver only writes is undefined. */
	if (_IOC_DIR(request) & _IOC_WRITE)
		assert_memory_equal(calls[0].arg, arg, size);
}

const struct fake_open *fake_open(void)
{
	assert_non_null(opened.path);
	return &opened;
}

void fake_assert_errors_pass(int (*call)(void))
{
	static const int errors[] = {
		EBADF, ENOTTY, EFAULT, EINVAL, EPERM, ENOMEM, EMFILE, ENFILE, EOVERFLOW,
		EOWNERDEAD, ETIMEDOUT, EINTR, 4095,
	};

	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		fake_setup(NULL);
		fake_fails(errors[i]);
		assert_int_equal(call(), -errors[i]);
		assert_int_equal(nr_calls, 1);
	}
}

void fake_assert_errors_of(uint32_t out[2], int (*const *calls)(void))
{
	out[0] = UNTOUCHED;
	out[1] = UNTOUCHED;
	while (*calls)
		fake_assert_errors_pass(*calls++);
	assert_int_equal(out[0], UNTOUCHED);
	assert_int_equal(out[1], UNTOUCHED);
}

void fake_assert_creates(int (*call)(void), unsigned long request, const void *arg, size_t size)
{
	fake_returns(9);
	assert_int_equal(call(), 9);
	fake_assert_one_call(3, request, arg, size);
}
