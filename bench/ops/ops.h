/* SPDX-License-Identifier: GPL-2.0-only */
/* The measured operations: tables, one per file, that main.c goes through. */
#ifndef OPS_H
#define OPS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define OWNER 7	/* main thread's owner id */
#define MOST_OBJECTS 64

/**
 * struct operation - one line of the result
 * @name: its name in bench/goals
 * @begin: creates what it needs; not 0: @end is not called; -ENOTSUP: the driver does not have it
 * @run: runs it, and returns the number of operations; negative: it failed. May store in @ns how
 *       long it took, if not all of the call counts
 * @end: removes everything
 * @n: a number of objects, threads, or bytes
 * @with: a variant
 */
struct operation {
	const char *name;
	int (*begin)(const struct operation *op);
	int (*run)(const struct operation *op, uint64_t *ns);
	void (*end)(const struct operation *op);
	uint32_t n;
	const void *with;
};

extern const struct operation floor_ops[], object_ops[], single_ops[], any_ops[], all_ops[];
extern const struct operation pingpong_ops[], lock_ops[], broadcast_ops[], chain_ops[],
	channel_ops[], lend_ops[], addr_ops[];

/* ---- instance.c: the device, and objects that several operations use ---- */

extern _Thread_local uint32_t own_id; /* the thread's owner id; those of the other threads follow the main one's */
extern int dev;
extern int objs[MOST_OBJECTS];

uint64_t now(void);
int wait_any(const int *wanted, uint32_t count, uint64_t deadline);
int wait_all(const int *wanted, uint32_t count);
void close_objects(uint32_t count);

/* ---- threads.c: the other threads ---- */

extern atomic_bool threads_stop;

int start_threads(uint32_t count, void *(*work)(void *number), int priority);
void join_threads(void);

/* ---- await_asleep.c: when do all of them sleep? ---- */

int await_asleep_begin(void);
int await_asleep(void);
void await_asleep_end(void);

/* ---- link.c: ways to wake a thread, with or without a message ---- */

#define LINK_BYTES 16

struct link;

struct link_kind {
	int (*open)(struct link *l);
	int (*ring)(struct link *l, const void *data, uint32_t size);
	int (*await)(struct link *l, void *data, uint32_t size);
	void (*close)(struct link *l);
};

extern const struct link_kind by_event, by_eventfd, by_futex, by_addr, by_sem_t, by_pipe, by_socket;

struct link *link_open(const struct link_kind *kind);
int link_ring(struct link *l, const void *data, uint32_t size);
int link_await(struct link *l, void *data, uint32_t size);
void link_close(struct link *l);

#endif
