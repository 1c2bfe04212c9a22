/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Replaces the kernel under libntsync: the linker replaces open(), ioctl() and syscall(), of which
 * the library has calls of futex(2) only (--wrap), so that a test sees the library's calls and chooses their results. Needs no device.
 */
#ifndef TESTS_LIB_FAKE_KERNEL_H
#define TESTS_LIB_FAKE_KERNEL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <libntsync.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Results that a call must not write keep this value. */
#define UNTOUCHED 0xdeadbeefu

/* One ioctl() of the library, with its argument on entry. */
struct fake_call {
	int fd;
	unsigned long request;
	unsigned char arg[64];
};

/* One open() of the library. */
struct fake_open {
	const char *path;
	int flags;
};

/* One futex() of the library. Without a timeout the deadline is -1. */
struct fake_futex {
	const void *word;
	int op;
	uint32_t value;
	int64_t sec;
	int64_t nsec;
	uint32_t bits;
};

/* Called by the linker's replacement. */
long __wrap_syscall(long nr, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_open(const char *path, int flags, ...);

/* cmocka setup function: forgets all calls and replies. */
int fake_setup(void **state);
/* cmocka teardown function: every reply must have been used. */
int fake_teardown(void **state);

/* The next ioctl(), open() or futex() returns @ret. */
void fake_returns(int ret);
/* The next ioctl() overwrites its argument and returns 0. */
void fake_writes(const void *out, size_t size);
/* The next ioctl(), open() or futex() fails. */
void fake_fails(int error);
/* The next ioctl() overwrites its argument, and fails. */
void fake_fails_and_writes(int error, const void *out, size_t size);

/* The @n-th ioctl() of this test, from 0; there must be at least that many. */
const struct fake_call *fake_call(unsigned int n);
/* There has been one ioctl() so far, with this number and this argument. */
void fake_assert_one_call(int fd, unsigned long request, const void *arg, size_t size);
const struct fake_open *fake_open(void);
/* The same for the calls of futex(), and how many there were. */
const struct fake_futex *fake_futex(unsigned int n);
unsigned int fake_nr_futexes(void);
/* Called in each futex(), as another thread that changes the word. */
extern void (*fake_in_futex)(void);
/* The same in each ioctl(), which is the @n-th. */
extern void (*fake_in_ioctl)(unsigned int n);
unsigned int fake_nr_calls(void);

/* For any error of the kernel @call returns the negated errno, after one ioctl(). */
void fake_assert_errors_pass(int (*call)(void));

/* The same for several calls, none of which writes its results, @out. */
#define fake_assert_errors_write_nothing(out, ...)                             \
	fake_assert_errors_of(out, (int (*const[])(void)){ __VA_ARGS__, NULL })
void fake_assert_errors_of(uint32_t out[2], int (*const *calls)(void));

/* @call makes this ioctl() on descriptor 3, and returns the descriptor that the kernel returns. */
void fake_assert_creates(int (*call)(void), unsigned long request, const void *arg, size_t size);

#define fake_test(function) \
	cmocka_unit_test_setup_teardown(function, fake_setup, fake_teardown)

#endif /* TESTS_LIB_FAKE_KERNEL_H */
