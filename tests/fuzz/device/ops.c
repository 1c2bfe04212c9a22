// SPDX-License-Identifier: GPL-2.0-only
/* The calls that a program may have. */
#include "call.h"

#define OWNERS		"1 2 3 4 0 4294967295"
#define FLAGS		"0 1 2147483648 2147483649 2"
#define PRIOS		"1 10 50 60 90 99 0 100"
#define POLICIES	"1 2 0 3"
#define COUNTS		"1 0 2 3 64 1024 2147483647 4294967295"
#define BOOLEANS	"0 1"
/* Right ones on any descriptor, and wrong ones. */
#define RAW_NUMBERS	"0x40084e80 0xc0284e82 0xc0304e97 0x80044e88 0xc0184e91 0x4e9b 0x4e8f 0x4eff 0x40204e9c"

#define PTR		{ .name = "ptr", .kind = ARG_POINTER }
#define NUMBER(_name, _otherwise, _values) \
	{ .name = (_name), .kind = ARG_NUMBER, .otherwise = (_otherwise), .values = (_values) }
#define SLOT(_name, _wants)	{ .name = (_name), .kind = ARG_SLOT, .otherwise = SLOT_NONE, .wants = (_wants) }
#define TIMEOUT		{ .name = "timeout", .kind = ARG_TIMEOUT }
#define TARGET(_name, _otherwise)	{ .name = (_name), .kind = ARG_THREAD, .otherwise = (_otherwise) }
#define ADDR		{ .name = "addr", .kind = ARG_ADDRESS }

/* As the kernel has them in 32 bits: 5 and -5. */
#define NICES		"0 5 4294967291"
#define CREATE		"EMFILE ENFILE"
#define WAIT		"ETIMEDOUT EOWNERDEAD EINTR"
#define TASK		"ESRCH EPERM"

const struct op ops[] = {
	{ "open", FD_NONE, FD_DEVICE, .common = true, .weight = 2, .run = run_open },
	{ "query", FD_DEVICE, .weight = 1, .errors = "", .run = run_query, .args = { PTR } },
	{ "create_sem", FD_DEVICE, FD_SEM, .common = true, .weight = 4, .errors = CREATE,
	  .run = run_create_sem, .args = { NUMBER("count", 0, COUNTS), NUMBER("max", 1, COUNTS), PTR } },
	{ "create_mutex", FD_DEVICE, FD_MUTEX, .common = true, .weight = 6, .errors = CREATE,
	  .run = run_create_mutex, .args = { NUMBER("owner", 0, OWNERS), NUMBER("count", 0, COUNTS), PTR } },
	{ "create_event", FD_DEVICE, FD_EVENT, .common = true, .weight = 5, .errors = CREATE,
	  .run = run_create_event, .args = { NUMBER("manual", 0, BOOLEANS), NUMBER("signaled", 0, BOOLEANS), PTR } },
	{ "create_channel", FD_DEVICE, FD_CHANNEL, .weight = 5, .errors = CREATE,
	  .run = run_create_channel, .args = { NUMBER("depth", 4, "1 2 4 1024 0 1025"), PTR } },
	{ "sem_release", FD_SEM, .common = true, .weight = 8, .errors = "EOVERFLOW",
	  .run = run_sem_release, .args = { NUMBER("count", 1, COUNTS), PTR } },
	{ "sem_read", FD_SEM, .common = true, .weight = 1, .errors = "",
	  .run = run_sem_read, .args = { PTR } },
	{ "mutex_unlock", FD_MUTEX, .common = true, .weight = 14, .errors = "EPERM",
	  .run = run_mutex_unlock, .args = { NUMBER("owner", 1, OWNERS), PTR } },
	{ "mutex_kill", FD_MUTEX, .common = true, .weight = 4, .errors = "EPERM",
	  .run = run_mutex_kill, .args = { NUMBER("owner", 1, OWNERS), PTR } },
	{ "mutex_read", FD_MUTEX, .common = true, .weight = 1, .errors = "EOWNERDEAD",
	  .run = run_mutex_read, .args = { PTR } },
	{ "event_set", FD_EVENT, .common = true, .weight = 8, .errors = "",
	  .run = run_event_set, .args = { PTR } },
	{ "event_reset", FD_EVENT, .common = true, .weight = 3, .errors = "",
	  .run = run_event_reset, .args = { PTR } },
	{ "event_pulse", FD_EVENT, .common = true, .weight = 4, .errors = "",
	  .run = run_event_pulse, .args = { PTR } },
	{ "event_read", FD_EVENT, .common = true, .weight = 1, .errors = "",
	  .run = run_event_read, .args = { PTR } },
	{ "event_set_pi", FD_EVENT, .weight = 6, .errors = "", .run = run_event_set_pi,
	  .args = { NUMBER("flags", 0, BOOLEANS), NUMBER("policy", 1, POLICIES), NUMBER("prio", 50, PRIOS), PTR } },

	{ "wait_any", FD_DEVICE, .list = true, .common = true, .weight = 24, .errors = WAIT " EPERM",
	  .run = run_wait_any, .args = { NUMBER("owner", 1, OWNERS), TIMEOUT, NUMBER("flags", 0, FLAGS),
		SLOT("alert", FD_OBJECT), SLOT("uring", FD_ANY), NUMBER("count", 0, "0 65 4294967295"),
		NUMBER("badobjs", 0, BOOLEANS), PTR } },
	{ "wait_all", FD_DEVICE, .list = true, .common = true, .weight = 20, .errors = WAIT " EPERM",
	  .run = run_wait_all, .args = { NUMBER("owner", 1, OWNERS), TIMEOUT, NUMBER("flags", 0, FLAGS),
		SLOT("alert", FD_OBJECT), SLOT("uring", FD_ANY), NUMBER("count", 0, "0 65 4294967295"),
		NUMBER("badobjs", 0, BOOLEANS), PTR } },
	{ "signal_and_wait", FD_DEVICE, .weight = 8, .errors = WAIT " EOVERFLOW EPERM",
	  .run = run_signal_and_wait, .args = { SLOT("signal", FD_OBJECT), SLOT("wait", FD_OBJECT),
		NUMBER("owner", 1, OWNERS), TIMEOUT, NUMBER("flags", 0, FLAGS), SLOT("alert", FD_OBJECT), PTR } },
	{ "aggregate", FD_DEVICE, .list = true, .sources = true, .weight = 14, .errors = WAIT " EPERM",
	  .run = run_aggregate, .args = { NUMBER("owner", 1, OWNERS), TIMEOUT, NUMBER("flags", 0, FLAGS),
		NUMBER("pad", 0, BOOLEANS), NUMBER("srcpad", 0, BOOLEANS), NUMBER("badobjs", 0, BOOLEANS), PTR } },
	{ "aggregate_timespec", FD_DEVICE, .list = true, .sources = true, .weight = 3, .errors = WAIT " EPERM",
	  .run = run_aggregate_timespec, .args = { NUMBER("owner", 1, OWNERS), TIMEOUT,
		NUMBER("flags", 0, FLAGS), NUMBER("pad", 0, BOOLEANS), NUMBER("nsec", 0, "0 1000000000"),
		NUMBER("badobjs", 0, BOOLEANS), PTR } },

	{ "send", FD_CHANNEL, .weight = 16, .errors = "EPIPE EAGAIN ECONNRESET EINTR",
	  .run = run_send, .args = { NUMBER("policy", 1, POLICIES), NUMBER("prio", 0, PRIOS), PTR } },
	{ "recv", FD_CHANNEL, .weight = 5, .errors = "EINTR", .run = run_recv, .args = { PTR } },
	{ "recv2", FD_CHANNEL, .weight = 10, .errors = "EINTR", .run = run_recv2, .args = { PTR } },
	{ "try_recv2", FD_CHANNEL, .weight = 8, .errors = "EAGAIN", .run = run_try_recv2, .args = { PTR } },
	{ "reply", FD_CHANNEL, .weight = 12, .errors = "ENOENT", .run = run_reply,
	  .args = { NUMBER("id", 0, "0 1 2 3 18446744073709551615"), PTR } },
	{ "register", FD_CHANNEL, .weight = 3, .errors = "ENOSPC", .run = run_register,
	  .args = { TARGET("tid", 0), NUMBER("token", 7, "7 8 0 18446744073709551615"), PTR } },
	{ "deregister", FD_CHANNEL, .weight = 2, .errors = "", .run = run_deregister,
	  .args = { TARGET("tid", 0), PTR } },

	{ "lend", FD_DEVICE, .weight = 8, .errors = TASK, .run = run_lend,
	  .args = { TARGET("tid", 1), NUMBER("flags", 0, "0 1 2"), PTR } },
	{ "unlend", FD_DEVICE, .weight = 3, .errors = "", .run = run_unlend },
	{ "addr_wait", FD_DEVICE, .weight = 14, .errors = WAIT " EAGAIN EACCES " TASK, .run = run_addr_wait,
	  .args = { ADDR, NUMBER("expected", 0, "0 1 255"), NUMBER("size", 4, "4 1 2 8 0 3"), TIMEOUT,
		NUMBER("flags", 0, "0 16 32 48 1 2147483648 2147483649 2"), TARGET("owner", TARGET_NONE),
		SLOT("alert", FD_OBJECT), NUMBER("pad", 0, BOOLEANS), PTR } },
	{ "addr_wake", FD_DEVICE, .weight = 12, .errors = "EACCES", .run = run_addr_wake,
	  .args = { ADDR, NUMBER("count", 1, COUNTS), NUMBER("flags", 0, "0 16 1"), PTR } },
	{ "ioctl", FD_ANY, .weight = 2, .run = run_raw,
	  .args = { NUMBER("nr", 0x4e8f, RAW_NUMBERS), PTR } },

	{ "close", FD_ANY, .common = true, .weight = 6, .run = run_close },
	{ "dup", FD_ANY, FD_ANY, .common = true, .weight = 2, .run = run_dup },
	{ "take", FD_NONE, FD_ANY, .common = true, .weight = 3, .run = run_take,
	  .args = { TARGET("from", 0), SLOT("slot", FD_ANY) } },
	{ "eventfd", FD_NONE, FD_FILE, .common = true, .weight = 2, .run = run_eventfd,
	  .args = { NUMBER("value", 0, BOOLEANS) } },
	{ "pipe", FD_NONE, FD_FILE, .common = true, .weight = 1, .run = run_pipe },
	{ "epoll", FD_NONE, FD_FILE, .list = true, .common = true, .weight = 2, .run = run_epoll },
	{ "file", FD_NONE, FD_FILE, .common = true, .weight = 1, .run = run_file,
	  .args = { NUMBER("which", 0, "0 1 2") } },
	{ "poll", FD_NONE, .list = true, .common = true, .weight = 3, .run = run_poll,
	  .args = { NUMBER("us", 0, "0 1000 10000"), NUMBER("events", 1, "1 4 5 8") } },
	{ "read", FD_ANY, .common = true, .weight = 1, .run = run_read },
	{ "write", FD_ANY, .common = true, .weight = 2, .run = run_write },
	{ "seek", FD_ANY, .common = true, .weight = 1, .run = run_seek },
	{ "mmap", FD_ANY, .common = true, .weight = 1, .run = run_mmap },
	{ "fdinfo", FD_ANY, .common = true, .weight = 4, .run = run_fdinfo },
	{ "debugfs", FD_NONE, .common = true, .weight = 2, .run = run_debugfs,
	  .args = { NUMBER("which", 0, BOOLEANS) } },
	{ "nofile", FD_NONE, .common = true, .weight = 1, .run = run_nofile,
	  .args = { NUMBER("most", 4, "4 8 64") } },

	{ "signal", FD_NONE, .common = true, .weight = 8, .run = run_signal,
	  .args = { TARGET("to", 1), NUMBER("restart", 0, BOOLEANS) } },
	{ "stop", FD_NONE, .common = true, .weight = 2, .run = run_stop,
	  .args = { TARGET("to", 4), NUMBER("us", 100, "100 1000") } },
	{ "kill", FD_NONE, .common = true, .weight = 2, .run = run_kill, .args = { TARGET("to", 4) } },
	{ "sched", FD_NONE, .common = true, .weight = 20, .run = run_sched,
	  .args = { TARGET("who", 0), NUMBER("policy", 1, "1 2 0 3 5 6"), NUMBER("prio", 50, "1 20 50 70 99"),
		NUMBER("reset", 0, BOOLEANS), NUMBER("nice", 0, NICES) } },
	{ "fork", FD_NONE, .common = true, .weight = 3, .run = run_fork,
	  .args = { NUMBER("us", 100, "0 100 2000"), NUMBER("close", 0, BOOLEANS),
		SLOT("dev", FD_DEVICE), SLOT("channel", FD_CHANNEL) } },
	{ "exec", FD_NONE, .common = true, .weight = 1, .run = run_exec,
	  .args = { NUMBER("us", 100, "0 100 2000"), SLOT("dev", FD_DEVICE), SLOT("channel", FD_CHANNEL) } },
	{ "unshare", FD_NONE, .common = true, .weight = 1, .run = run_unshare },
	{ "exit", FD_NONE, .common = true, .weight = 3, .run = run_exit },
	{ "sleep", FD_NONE, .common = true, .weight = 2, .run = run_sleep,
	  .args = { NUMBER("us", 100, "0 100 1000 5000") } },
	{ "poke", FD_NONE, .common = true, .weight = 3, .run = run_poke,
	  .args = { ADDR, NUMBER("value", 1, "0 1 255") } },
	{ "protect", FD_NONE, .common = true, .weight = 1, .run = run_protect,
	  .args = { ADDR, NUMBER("prot", 1, "0 1 3 8") } },
	{ "pi_lock", FD_NONE, .common = true, .weight = 3, .run = run_pi_lock, .args = { ADDR, TIMEOUT } },
	{ "pi_unlock", FD_NONE, .common = true, .weight = 3, .run = run_pi_unlock, .args = { ADDR } },
	{ "trace", FD_NONE, .common = true, .weight = 1, .run = run_trace,
	  .args = { NUMBER("on", 1, BOOLEANS) } },
};

const unsigned int nr_ops = ARRAY_SIZE(ops);
