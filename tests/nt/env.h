/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between /dev/ntsync (env_device.c) and the fake (fake/env_fake.c). */
#ifndef TESTS_NT_ENV_H
#define TESTS_NT_ENV_H

#include <stdbool.h>
#include <sys/types.h>

/* Descriptors that the process, or the fake, has open. */
int env_count_fds(void);
/* Thread @tid of this process sleeps in a wait of the driver. */
bool env_asleep(pid_t tid);
/* The next object gets descriptor 0; undone by the second. */
void env_free_fd_0(void);
void env_restore_fd_0(void);
bool env_fd_0_is_used(void);
/* False if it can't be done here. Until 0, objects can't be created for this errno. */
bool env_fail_creates(int error);
/* False likewise. So many waits that would sleep return EINTR instead. */
bool env_interrupt(int count);
/* False likewise. Tables made from now on have a driver without extensions. */
bool env_old_driver(bool on);

#endif /* TESTS_NT_ENV_H */
