/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stands between libntsync and the kernel: the linker replaces open() and ioctl()
 * (--wrap), so that a test sees what the library asks for and decides what comes
 * back. No device is needed.
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

/* A result that no call was asked to write must still hold this. */
#define UNTOUCHED 0xdeadbeefu

/* One ioctl() of the library: the argument is as it was on entry. */
struct fake_call {
	int fd;
	unsigned long request;
	unsigned char arg[64];
};

/* The same for open(). */
struct fake_open {
	const char *path;
	int flags;
};

/* What the linker calls instead of ioctl() and open(). */
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_open(const char *path, int flags, ...);

/* cmocka setup function: forgets all calls and replies. */
int fake_setup(void **state);
/* cmocka teardown function: every reply must have been used. */
int fake_teardown(void **state);

/* The next ioctl() or open() returns @ret. */
void fake_returns(int ret);
/* The next ioctl() overwrites its argument and returns 0. */
void fake_writes(const void *out, size_t size);
/* The next ioctl() or open() fails. */
void fake_fails(int error);
/* The next ioctl() overwrites its argument, and fails. */
void fake_fails_and_writes(int error, const void *out, size_t size);

/* The @n-th ioctl() of this test, from 0; there must be at least that many. */
const struct fake_call *fake_call(unsigned int n);
/* There has been one ioctl() so far, with this number and this argument. */
void fake_assert_one_call(int fd, unsigned long request, const void *arg, size_t size);
const struct fake_open *fake_open(void);

/* Whatever error the kernel answers, @call returns it negated after one ioctl(). */
void fake_assert_errors_pass(int (*call)(void));

#define fake_test(function) \
	cmocka_unit_test_setup_teardown(function, fake_setup, fake_teardown)

#endif /* TESTS_LIB_FAKE_KERNEL_H */
