// SPDX-License-Identifier: GPL-2.0-only
#include "packet.h"

uint32_t new_packet(struct fixture *f)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_wait_completion_packet(f->nt, &handle, NULL));
	return handle;
}

uint32_t try_to_associate(struct fixture *f, uint32_t packet, uint32_t port, uint32_t target,
			  uint64_t key, bool *signaled)
{
	const struct ntsync_nt_io_packet io = packet_of(key);

	return ntsync_nt_associate_wait_completion_packet(f->nt, packet, port, target, &io, signaled);
}

void associate(struct fixture *f, uint32_t packet, uint32_t port, uint32_t target, uint64_t key)
{
	bool signaled = true;

	assert_ok(try_to_associate(f, packet, port, target, key, &signaled));
	assert_false(signaled);
}

void associate_signaled(struct fixture *f, uint32_t packet, uint32_t port, uint32_t target,
			uint64_t key)
{
	bool signaled = false;

	assert_ok(try_to_associate(f, packet, port, target, key, &signaled));
	assert_true(signaled);
}

uint32_t new_associated(struct fixture *f, uint32_t port, uint32_t target, uint64_t key)
{
	uint32_t packet = new_packet(f);

	associate(f, packet, port, target, key);
	return packet;
}

uint32_t cancel(struct fixture *f, uint32_t packet, bool remove)
{
	return ntsync_nt_cancel_wait_completion_packet(f->nt, packet, remove);
}

void set_event(struct fixture *f, uint32_t event)
{
	int32_t previous = 1;

	assert_ok(ntsync_nt_set_event(f->nt, event, &previous));
	assert_int_equal(previous, 0);
}
