// SPDX-License-Identifier: GPL-2.0-only
#include "../env.h"
#include "../../uapi/asleep.h"
#include "fake_device.h"

#include <sys/syscall.h>
#include <unistd.h>

int env_count_fds(void)
{
	return fake_count_fds();
}

bool env_asleep(pid_t tid)
{
	struct sleeping_call call;

	/* What the library has in place of waits on addresses. */
	return fake_asleep(tid) ||
	       (asleep_in_call(getpid(), tid, &call) && call.nr == SYS_futex_waitv);
}

void env_free_fd_0(void)
{
	fake_next_fd_is_0();
}

bool env_fd_0_is_used(void)
{
	return fake_fd_0_is_used();
}

void env_restore_fd_0(void)
{
}

bool env_fail_creates(int error)
{
	fake_fail_creates(error);
	return true;
}

bool env_fail_waits(int error)
{
	fake_fail_waits(error);
	return true;
}

bool env_interrupt(int count)
{
	fake_interrupt(count);
	return true;
}

bool env_interrupt_asleep(pid_t tid)
{
	return fake_interrupt_asleep(tid);
}

bool env_old_driver(bool on)
{
	fake_old_driver(on);
	return true;
}
