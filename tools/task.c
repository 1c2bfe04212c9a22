// SPDX-License-Identifier: GPL-2.0-only
/* Looks at one task, which may end at any moment. */
#include <sched.h>
#include <string.h>

#include "ctl.h"

/* TASK_COMM_LEN of the kernel. */
#define TASK_COMM_LEN 16

const char *policy_name(int policy)
{
	switch (policy & ~SCHED_RESET_ON_FORK) {
	case SCHED_OTHER:
		return "normal";
	case SCHED_FIFO:
		return "FIFO";
	case SCHED_RR:
		return "RR";
	case SCHED_BATCH:
		return "batch";
	case SCHED_IDLE:
		return "idle";
	case 6:
		return "deadline";
	default:
		return "?";
	}
}

void task_look(pid_t tid, struct task *t)
{
	struct sched_param param;
	char path[64], comm[64];

	*t = (struct task){ .tid = tid, .comm = "?" };
	if (tid <= 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/comm", tid);
	if (file_read(path, comm, sizeof(comm)) > 0) {
		/* The last newline ends the line; others are part of the name. */
		comm[strlen(comm) - (comm[strlen(comm) - 1] == '\n')] = '\0';
		if (strlen(comm) == TASK_COMM_LEN - 1)
			text_drop_partial(comm);
		text_clean(comm, t->comm, sizeof(t->comm), text_utf8());
		t->exists = true;
	}
	t->policy = sched_getscheduler(tid);
	if (t->policy < 0 || sched_getparam(tid, &param) < 0)
		t->policy = 0;
	else
		t->prio = param.sched_priority;
	t->policy &= ~SCHED_RESET_ON_FORK;
}
