/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A /dev/ntsync inside the process, for the handle table under ThreadSanitizer: the linker replaces
 * open(), ioctl(), close(), fcntl() and poll() (--wrap). It has semaphores, mutexes, events,
 * waits, waits on addresses, and channels (fake_channel.h), one lock around everything, and no priorities.
 * A wait that was interrupted and is made again keeps its place in the queue.
 *
 * As in the kernel a new descriptor is the lowest free one, so that a use of a closed descriptor
 * meets another object.
 */
#ifndef TESTS_NT_FAKE_DEVICE_H
#define TESTS_NT_FAKE_DEVICE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Called by the linker's replacement. */
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
int __real_fcntl(int fd, int command, ...);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __real_ioctl(int fd, unsigned long request, ...);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *memory);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);

/* The next object gets descriptor 0. */
void fake_next_fd_is_0(void);
bool fake_fd_0_is_used(void);
/* Descriptors of this device that are open. */
int fake_count_fds(void);
/* Creating an object fails with this errno, until it is 0. */
void fake_fail_creates(int error);
/* Each wait fails with this errno and does nothing, until it is 0. */
void fake_fail_waits(int error);
/* That many waits that would sleep return EINTR instead. */
void fake_interrupt(int count);
/* poll.c: poll() does not return. */
void fake_hold_polls(bool on);
/* The device has no extensions: no features, no SIGNAL_AND_WAIT. */
void fake_old_driver(bool on);
/*
 * alloc.c: counts the caller's allocations between the two calls, and those with signals not
 * blocked.
 */
void fake_watch_allocations(void);
int fake_end_of_watch(int *with_signals);
/* The wait that thread @tid sleeps in returns EINTR. False: it sleeps in none. */
bool fake_interrupt_asleep(pid_t tid);
/* Thread @tid sleeps in a wait. */
bool fake_asleep(pid_t tid);

#endif /* TESTS_NT_FAKE_DEVICE_H */
