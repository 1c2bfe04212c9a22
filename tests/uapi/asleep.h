/* SPDX-License-Identifier: GPL-2.0-only */
/* In which system call another thread sleeps. Uses nothing else of this folder. */
#ifndef TESTS_UAPI_ASLEEP_H
#define TESTS_UAPI_ASLEEP_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct sleeping_call - a system call
 * @nr: its number
 * @args: its first arguments
 */
struct sleeping_call {
	unsigned long nr;
	unsigned long args[2];
};

/* Whether thread @tid of process @pid sleeps in a system call, and in which one. */
bool asleep_in_call(pid_t pid, pid_t tid, struct sleeping_call *call);

#endif /* TESTS_UAPI_ASLEEP_H */
