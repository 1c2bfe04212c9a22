/* SPDX-License-Identifier: GPL-2.0-only */
/* Waits of actors on addresses. */
#ifndef NTSYNC_TESTS_PI_ADDR_H
#define NTSYNC_TESTS_PI_ADDR_H

#include "inversion.h"

#define ADDR_WAIT NTSYNC_IOC_ADDR_WAIT
#define ADDR_WAKE NTSYNC_IOC_ADDR_WAKE
#define SHARED NTSYNC_ADDR_SHARED
#define TAKE_OVER NTSYNC_ADDR_TAKE_OVER

/* Skips without waits on addresses, or without inheritance. */
void need_addresses(struct fixture *f);

/*
 * The actor sleeps on @word, whose value is not changed, and names the task with that tid; 0: none.
 * actor_sleeps(): and an actor.
 */
void actor_sleeps_on(struct actor *a, const int *word, pid_t owner, uint32_t flags);
#define actor_sleeps(a, word, owner) actor_sleeps_on(a, word, (owner)->tid, 0)
/* The test wakes @count at most, and so many there were. */
void wake_some(struct fixture *f, const int *word, uint32_t count, int woken);
/* The same calls, for jobs and children: the result or -errno. */
int addr_wait_here(int dev, const int *word, int expected, pid_t owner, uint32_t flags);
int addr_wake_here(int dev, const int *word, uint32_t count, uint32_t flags);

#endif
