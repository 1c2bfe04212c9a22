// SPDX-License-Identifier: GPL-2.0-only
/* Calls that change who runs and who lives, and memory. */
#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned int bounded_us(const struct call_context *c)
{
	uint64_t us = arg(c, "us");

	return us < 20000 ? us : 20000;
}

long run_signal(struct call_context *c)
{
	uint64_t to = arg(c, "to");

	if (to >= NR_THREADS || !target_pid(to))
		return -ESRCH;
	return result_of(syscall(SYS_tgkill, target_pid(to), atomic_load(&shared->tid[to]),
				 arg(c, "restart") ? SIGUSR2 : SIGUSR1));
}

/* Not the first process: its first thread says who goes next. */
static pid_t target_of_kill(const struct call_context *c)
{
	uint64_t to = arg(c, "to");

	if (to >= NR_THREADS || !THREAD_PROCESS(to) || THREAD_PROCESS(to) == c->process)
		return 0;
	return target_pid(to);
}

long run_stop(struct call_context *c)
{
	pid_t pid = target_of_kill(c);

	if (!pid || kill(pid, SIGSTOP))
		return -ESRCH;
	sleep_us(bounded_us(c));
	return result_of(kill(pid, SIGCONT));
}

long run_kill(struct call_context *c)
{
	pid_t pid = target_of_kill(c);

	if (!pid)
		return -ESRCH;
	atomic_store(&shared->killed, true);
	atomic_store(&shared->dead[THREAD_PROCESS(arg(c, "to"))], true);
	return result_of(kill(pid, SIGKILL));
}

struct sched_attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t prio;
	uint64_t runtime, deadline, period;
};

#define RESET_ON_FORK	1

long run_sched(struct call_context *c)
{
	struct sched_attributes attr = {
		.size = sizeof(attr),
		.policy = arg(c, "policy"),
		.nice = (int32_t)arg(c, "nice"),
	};
	uint64_t who = arg(c, "who");

	if (who >= NR_THREADS || !atomic_load(&shared->tid[who]))
		return -ESRCH;
	if (attr.policy == SCHED_FIFO || attr.policy == SCHED_RR)
		attr.prio = prio_arg(c);
	if (attr.policy == 6) { /* SCHED_DEADLINE, which is above all real-time priorities */
		if (exec_options.highest_prio < 99)
			return -EPERM;
		attr.runtime = 1000000;
		attr.deadline = attr.period = 10000000;
	}
	if (arg(c, "reset"))
		attr.flags = RESET_ON_FORK;
	return result_of(syscall(SYS_sched_setattr, target_tid(c, who), &attr, 0));
}

/* The child gets something that its exec or exit has to end: a loan, and a request. */
static void use_in_child(const struct call_context *c, uint32_t lend_to)
{
	struct ntsync_lend_args lend = { .tid = lend_to };
	struct ntsync_channel_recv2_args recv;
	struct sched_param param = { .sched_priority = 30 };

	if (arg(c, "channel") != SLOT_NONE)
		ioctl(slot_fd(c, arg(c, "channel")), NTSYNC_IOC_CHANNEL_TRY_RECV2, &recv);
	if (arg(c, "dev") == SLOT_NONE)
		return;
	sched_setscheduler(0, SCHED_FIFO, &param);
	ioctl(slot_fd(c, arg(c, "dev")), NTSYNC_IOC_LEND, &lend);
}

/* Nobody waits for the child: the process ignores SIGCHLD. */
static long do_fork(struct call_context *c, bool exec)
{
	unsigned int us = bounded_us(c);
	bool close_all = !exec && arg(c, "close");
	uint32_t self = gettid();
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid)
		return 0;
	if (!exec_options.common)
		use_in_child(c, self);
	if (close_all)
		syscall(SYS_close_range, 3, ~0u, 0);
	sleep_us(us);
	if (exec)
		execl("/proc/self/exe", "device", "--nothing", (char *)NULL);
	_exit(0);
}

long run_fork(struct call_context *c)
{
	return do_fork(c, false);
}

long run_exec(struct call_context *c)
{
	return do_fork(c, true);
}

/*
 * The thread gets a table of descriptors of its own. Descriptors that its process makes later are not in it, and
 * other numbers may be.
 */
long run_unshare(struct call_context *c)
{
	(void)c;
	return result_of(unshare(CLONE_FILES));
}

/* The thread ends; another one makes the rest of its calls. */
long run_exit(struct call_context *c)
{
	worker_replace(c->worker);
	return 0;
}

long run_sleep(struct call_context *c)
{
	sleep_us(bounded_us(c));
	return 0;
}

/* By a system call, as the memory may not be there. */
static long write_word(void *to, uint32_t value)
{
	struct iovec from = { &value, sizeof(value) }, into = { to, sizeof(value) };

	return result_of(process_vm_writev(getpid(), &from, 1, &into, 1, 0)) < 0 ? -EFAULT : 0;
}

long run_poke(struct call_context *c)
{
	return write_word(address_of(arg(c, "addr")), arg(c, "value"));
}

/* 8: drops what the page has. */
long run_protect(struct call_context *c)
{
	uint64_t address = arg(c, "addr"), prot = arg(c, "prot");

	if (ADDRESS_AREA(address) == AREA_BAD)
		return -EINVAL;
	address = ADDRESS(ADDRESS_AREA(address), 0);
	if (prot & 8)
		return result_of(madvise(address_of(address), AREA_SIZE, MADV_DONTNEED));
	return result_of(mprotect(address_of(address), AREA_SIZE, prot & (PROT_READ | PROT_WRITE)));
}

/* A lock of the kernel's that boosts. At the end of a page, where no other address of a program is. */
static uint32_t *pi_word(const struct call_context *c)
{
	char *area = address_of(ADDRESS(AREA_SHARED, AREA_SIZE - 64));

	return (uint32_t *)area + ADDRESS_OFFSET(arg(c, "addr")) / 4 % 4;
}

long run_pi_lock(struct call_context *c)
{
	uint64_t us = arg(c, "timeout");
	struct timespec until;

	/* Long enough to sleep; and a lock that is never released must not hold up a program for long. */
	if (!us)
		us = 5000;
	if (us > 200000)
		us = 200000;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += us * 1000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	return result_of(syscall(SYS_futex, pi_word(c), FUTEX_LOCK_PI, 0, &until, NULL, 0));
}

long run_pi_unlock(struct call_context *c)
{
	return result_of(syscall(SYS_futex, pi_word(c), FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
}

/* The driver's tracepoints. */
long run_trace(struct call_context *c)
{
	int fd = open("/sys/kernel/tracing/events/ntsync/enable", O_WRONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : write(fd, arg(c, "on") ? "1" : "0", 1);

	if (fd >= 0)
		close(fd);
	return len < 0 ? -EACCES : 0;
}
