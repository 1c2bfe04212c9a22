// SPDX-License-Identifier: GPL-2.0-only
#include "uring.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#define ENTRIES 8

static int enter_ring(struct ring *r, unsigned int submit, unsigned int flags)
{
	int ret = syscall(SYS_io_uring_enter, r->fd, submit, 0, flags, NULL, 0);

	return ret < 0 ? -errno : ret;
}

static void map_rings(struct ring *r, const struct io_uring_params *p)
{
	size_t sq = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
	size_t cq = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	char *rings;

	/* Both rings are in one mapping since Linux 5.4. */
	assert_true(p->features & IORING_FEAT_SINGLE_MMAP);
	r->size = sq > cq ? sq : cq;
	r->memory = rings = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
				 r->fd, IORING_OFF_SQ_RING);
	assert_true(rings != MAP_FAILED);
	r->sqes = mmap(NULL, ENTRIES * sizeof(*r->sqes), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQES);
	assert_true(r->sqes != MAP_FAILED);
	r->sq_tail = (void *)(rings + p->sq_off.tail);
	r->sq_array = (void *)(rings + p->sq_off.array);
	r->sq_mask = *(uint32_t *)(rings + p->sq_off.ring_mask);
	r->cq_head = (void *)(rings + p->cq_off.head);
	r->cq_tail = (void *)(rings + p->cq_off.tail);
	r->cq_mask = *(uint32_t *)(rings + p->cq_off.ring_mask);
	r->cqes = (void *)(rings + p->cq_off.cqes);
}

void ring_init(struct fixture *f, struct ring *r, uint32_t flags)
{
	struct io_uring_params params = { .flags = flags };
	int fd = syscall(SYS_io_uring_setup, ENTRIES, &params);

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		skip_because("no io_uring here");
	memset(r, 0, sizeof(*r));
	r->fd = own_fd(f, fd);
	map_rings(r, &params);
}

void ring_free(struct ring *r)
{
	munmap(r->sqes, ENTRIES * sizeof(*r->sqes));
	munmap(r->memory, r->size);
}

void ring_submit(struct ring *r, const struct io_uring_sqe *sqe)
{
	uint32_t tail = atomic_load(r->sq_tail);

	r->sqes[tail & r->sq_mask] = *sqe;
	r->sq_array[tail & r->sq_mask] = tail & r->sq_mask;
	atomic_store(r->sq_tail, tail + 1);
	assert_int_equal(enter_ring(r, 1, 0), 1);
}

void ring_nop(struct ring *r, uint64_t user_data)
{
	ring_submit(r, &(struct io_uring_sqe){ .opcode = IORING_OP_NOP, .user_data = user_data });
}

void ring_read(struct ring *r, int fd, void *byte, uint64_t user_data)
{
	ring_submit(r, &(struct io_uring_sqe){
		.opcode = IORING_OP_READ, .fd = fd, .addr = (uintptr_t)byte, .len = 1,
		.user_data = user_data,
	});
}

bool ring_reap(struct ring *r, uint64_t *user_data, int32_t *res)
{
	uint32_t head = atomic_load(r->cq_head);

	if (head == atomic_load(r->cq_tail))
		return false;
	*user_data = r->cqes[head & r->cq_mask].user_data;
	*res = r->cqes[head & r->cq_mask].res;
	atomic_store(r->cq_head, head + 1);
	return true;
}

void ring_run_deferred(struct ring *r)
{
	enter_ring(r, 0, IORING_ENTER_GETEVENTS);
}
