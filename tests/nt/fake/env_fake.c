// SPDX-License-Identifier: GPL-2.0-only
#include "../env.h"
#include "fake_device.h"

int env_count_fds(void)
{
	return fake_count_fds();
}

bool env_asleep(pid_t tid)
{
	return fake_asleep(tid);
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

bool env_interrupt(int count)
{
	fake_interrupt(count);
	return true;
}

bool env_old_driver(bool on)
{
	fake_old_driver(on);
	return true;
}
