// SPDX-License-Identifier: GPL-2.0-only
#include "env.h"
#include "../stress/stress.h"
#include "../uapi/asleep.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/ntsync.h>

static int saved_0 = -1;

int env_count_fds(void)
{
	return stress_count_fds();
}

/* The driver's, and what the library has in place of waits on addresses. */
static bool is_wait(const struct sleeping_call *call)
{
	switch (call->args[1]) {
	case NTSYNC_IOC_WAIT_ANY:
	case NTSYNC_IOC_WAIT_ALL:
	case NTSYNC_IOC_SIGNAL_AND_WAIT:
	case NTSYNC_IOC_AGGREGATE_WAIT:
	case NTSYNC_IOC_CHANNEL_SEND_PI:
	case NTSYNC_IOC_ADDR_WAIT:
		return call->nr == SYS_ioctl;
	}
	return call->nr == SYS_futex_waitv;
}

bool env_asleep(pid_t tid)
{
	struct sleeping_call call;

	return asleep_in_call(getpid(), tid, &call) && is_wait(&call);
}

void env_free_fd_0(void)
{
	saved_0 = fcntl(0, F_DUPFD_CLOEXEC, 3);
	close(0);
}

bool env_fd_0_is_used(void)
{
	return fcntl(0, F_GETFD) >= 0;
}

void env_restore_fd_0(void)
{
	if (saved_0 < 0)
		return;
	dup2(saved_0, 0);
	close(saved_0);
	saved_0 = -1;
}

/* Of all errors a real device can only be made to return "no descriptors left". */
bool env_fail_creates(int error)
{
	static struct rlimit saved;
	struct rlimit none;

	if (error && error != EMFILE)
		return false;
	if (!error)
		return saved.rlim_max && !setrlimit(RLIMIT_NOFILE, &saved);
	getrlimit(RLIMIT_NOFILE, &saved);
	none = saved;
	none.rlim_cur = 0;
	return !setrlimit(RLIMIT_NOFILE, &none);
}

bool env_fail_waits(int error)
{
	(void)error;
	return false;
}

bool env_interrupt(int count)
{
	(void)count;
	return false;
}

bool env_interrupt_asleep(pid_t tid)
{
	(void)tid;
	return false;
}

bool env_old_driver(bool on)
{
	(void)on;
	return false;
}
