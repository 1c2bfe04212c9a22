/* SPDX-License-Identifier: GPL-2.0-only */
/* In which system call a thread sleeps. */
#ifndef TESTS_NT_TASK_H
#define TESTS_NT_TASK_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * struct task_call - a system call
 * @nr: its number
 * @args: its first arguments
 */
struct task_call {
	unsigned long nr;
	unsigned long args[2];
};

/* Whether thread @tid of this process sleeps in a system call, and in which one. */
bool task_sleeps(pid_t tid, struct task_call *call);

#endif /* TESTS_NT_TASK_H */
