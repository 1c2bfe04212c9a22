/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The minimum of an io_uring that a test needs, by system calls: a test must know when a completion
 * is there, and which thread consumes it.
 */
#ifndef NTSYNC_TESTS_UAPI_URING_H
#define NTSYNC_TESTS_UAPI_URING_H

#include "fixture.h"

#include <linux/io_uring.h>

struct ring {
	int fd;
	void *memory;
	size_t size;
	struct io_uring_sqe *sqes;
	_Atomic uint32_t *sq_tail, *cq_head, *cq_tail;
	uint32_t *sq_array;
	uint32_t sq_mask, cq_mask;
	struct io_uring_cqe *cqes;
};

/*
 * Skips the test where there is no io_uring. @flags: IORING_SETUP_*. The fixture owns the
 * descriptor; ring_free() frees the memory.
 */
void ring_init(struct fixture *f, struct ring *r, uint32_t flags);
void ring_free(struct ring *r);

/* Submits one operation; the test fails if the kernel refuses it. */
void ring_submit(struct ring *r, const struct io_uring_sqe *sqe);
void ring_nop(struct ring *r, uint64_t user_data);
/* Reads one byte as soon as there is one. */
void ring_read(struct ring *r, int fd, void *byte, uint64_t user_data);

/* Takes a completion if there is one. */
bool ring_reap(struct ring *r, uint64_t *user_data, int32_t *res);
#define assert_reaped(r, want_data, want_res)                                  \
	do {                                                                   \
		uint64_t data_ = ~0ull;                                        \
		int32_t res_ = -1;                                             \
									       \
		assert_true(ring_reap(r, &data_, &res_));                      \
		assert_int_equal(data_, want_data);                            \
		assert_int_equal(res_, want_res);                              \
	} while (0)

/* With IORING_SETUP_DEFER_TASKRUN: runs the deferred work. */
void ring_run_deferred(struct ring *r);

#endif
