/* SPDX-License-Identifier: GPL-2.0-only */
/* One call while it is executed. */
#ifndef NTSYNC_FUZZ_CALL_H
#define NTSYNC_FUZZ_CALL_H

#include <linux/ntsync.h>

#include "exec.h"

/**
 * struct scratch - a thread's memory for arguments of ioctls
 * @page: can be read and written; what follows it is not mapped
 * @readonly: the same memory, read only
 */
struct scratch {
	char *page;
	char *readonly;
};

/**
 * struct call_context - a call and what it needs
 * @call: the call
 * @op: its kind
 * @process: of the caller
 * @scratch: of the caller
 * @worker: of the caller, for calls that end the thread
 */
struct call_context {
	const struct call *call;
	const struct op *op;
	unsigned int process;
	struct scratch *scratch;
	void *worker;
};

/* The value of an argument. The op has it. */
uint64_t arg(const struct call_context *c, const char *name);
/* The argument `prio`. One that the kernel accepts is not above exec_options.highest_prio. */
uint32_t prio_arg(const struct call_context *c);

/* The descriptor in a slot of the caller's process: 0 for none, -1 for a bad one. */
int slot_fd(const struct call_context *c, unsigned int slot);
int call_fd(const struct call_context *c);
/* Puts a descriptor into a slot of the caller, or closes it if there is none; @fd may be an error. */
long store_fd(const struct call_context *c, unsigned int slot, long fd);

/* Where a struct of this size is as the call wants it. */
void *place(const struct call_context *c, const void *data, size_t size);
/* Where that can be read back, whatever the call wanted. */
const void *placed(const struct call_context *c);

/* The call's number for another thread, in the caller's pid namespace. */
uint32_t target_tid(const struct call_context *c, uint64_t target);
/* Of the process of a thread; 0 if there is none. */
pid_t target_pid(uint64_t target);

void *address_of(uint64_t address);

/* The absolute deadline, of the clock that @flags say. */
uint64_t deadline_of(uint64_t timeout, uint32_t flags);

/* -errno, or the result. */
long result_of(long ret);

/* What the threads have. */
int scratch_init(struct scratch *scratch);
/* Runs the call, with its fault if it has one. */
long call_run(struct call_context *c);
/* Must an error of this call not happen? */
bool call_is_wrong(const struct call *call, long ret);

/* Ends the calling thread after it has made another one for the rest of its calls. */
void worker_replace(void *worker);

/* call_ioctl.c */
long run_open(struct call_context *c);
long run_query(struct call_context *c);
long run_create_sem(struct call_context *c);
long run_create_mutex(struct call_context *c);
long run_create_event(struct call_context *c);
long run_create_channel(struct call_context *c);
long run_sem_release(struct call_context *c);
long run_sem_read(struct call_context *c);
long run_mutex_unlock(struct call_context *c);
long run_mutex_kill(struct call_context *c);
long run_mutex_read(struct call_context *c);
long run_event_set(struct call_context *c);
long run_event_reset(struct call_context *c);
long run_event_pulse(struct call_context *c);
long run_event_read(struct call_context *c);
long run_event_set_pi(struct call_context *c);
long run_wait_any(struct call_context *c);
long run_wait_all(struct call_context *c);
long run_signal_and_wait(struct call_context *c);
long run_aggregate(struct call_context *c);
long run_aggregate_timespec(struct call_context *c);
long run_send(struct call_context *c);
long run_recv(struct call_context *c);
long run_recv2(struct call_context *c);
long run_try_recv2(struct call_context *c);
long run_reply(struct call_context *c);
long run_register(struct call_context *c);
long run_deregister(struct call_context *c);
long run_lend(struct call_context *c);
long run_unlend(struct call_context *c);
long run_addr_wait(struct call_context *c);
long run_addr_wake(struct call_context *c);
long run_raw(struct call_context *c);

/* call_file.c */
long run_close(struct call_context *c);
long run_dup(struct call_context *c);
long run_take(struct call_context *c);
long run_eventfd(struct call_context *c);
long run_pipe(struct call_context *c);
long run_epoll(struct call_context *c);
long run_file(struct call_context *c);
long run_poll(struct call_context *c);
long run_read(struct call_context *c);
long run_write(struct call_context *c);
long run_seek(struct call_context *c);
long run_mmap(struct call_context *c);
long run_fdinfo(struct call_context *c);
long run_debugfs(struct call_context *c);
long run_nofile(struct call_context *c);

/* call_task.c */
long run_signal(struct call_context *c);
long run_stop(struct call_context *c);
long run_kill(struct call_context *c);
long run_sched(struct call_context *c);
long run_fork(struct call_context *c);
long run_exec(struct call_context *c);
long run_unshare(struct call_context *c);
long run_exit(struct call_context *c);
long run_sleep(struct call_context *c);
long run_poke(struct call_context *c);
long run_protect(struct call_context *c);
long run_pi_lock(struct call_context *c);
long run_pi_unlock(struct call_context *c);
long run_trace(struct call_context *c);

#endif
