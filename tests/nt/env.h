/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between /dev/ntsync (env_device.c) and the fake (fake/env_fake.c). */
#ifndef TESTS_NT_ENV_H
#define TESTS_NT_ENV_H

#include <stdbool.h>
#include <sys/types.h>

/* Open descriptors of the process, or of the fake. */
int env_count_fds(void);
/* Does thread @tid of this process sleep in a wait of the driver? */
bool env_asleep(pid_t tid);
/* The next object gets descriptor 0; undone by the second. */
void env_free_fd_0(void);
void env_restore_fd_0(void);
bool env_fd_0_is_used(void);
/*
 * False if this is not possible here. Creating objects then fails with this errno, until it is 0.
 */
bool env_fail_creates(int error);
/* False if this is not possible here. Each wait fails with this errno, until it is 0. */
bool env_fail_waits(int error);
/* False if this is not possible here. That many waits that would sleep return EINTR instead. */
bool env_interrupt(int count);
/* False if only a signal can do it. The wait that thread @tid sleeps in returns EINTR. */
bool env_interrupt_asleep(pid_t tid);
/*
 * False if this is not possible here. Tables created from now on use a driver without extensions.
 */
bool env_old_driver(bool on);

#endif /* TESTS_NT_ENV_H */
