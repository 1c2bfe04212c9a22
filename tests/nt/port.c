// SPDX-License-Identifier: GPL-2.0-only
#include "port.h"

uint32_t new_port(struct fixture *f, uint32_t concurrency)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_io_completion(f->nt, &handle, NULL, concurrency));
	return handle;
}

struct ntsync_nt_io_completion_state port_state(struct fixture *f, uint32_t port)
{
	struct ntsync_nt_io_completion_state state;

	assert_ok(ntsync_nt_query_io_completion(f->nt, port, &state, NULL, 0));
	return state;
}

struct ntsync_nt_io_packet packet_of(uint64_t key)
{
	return (struct ntsync_nt_io_packet){
		.key = key, .context = 1ull << 60 | key, .information = 2ull << 60 | key,
		.status = 0xc0000000 | (uint32_t)key,
	};
}

void assert_packet(const struct ntsync_nt_io_packet *packet, uint64_t key)
{
	const struct ntsync_nt_io_packet want = packet_of(key);

	assert_int_equal(packet->key, want.key);
	assert_int_equal(packet->context, want.context);
	assert_int_equal(packet->information, want.information);
	assert_int_equal(packet->status, want.status);
}

void queue(struct fixture *f, uint32_t port, uint64_t key)
{
	const struct ntsync_nt_io_packet packet = packet_of(key);

	assert_ok(ntsync_nt_set_io_completion(f->nt, port, &packet));
}

void assert_removes_until(struct fixture *f, uint32_t port, uint64_t key,
			  struct ntsync_nt_deadline deadline)
{
	struct ntsync_nt_io_packet got = { .key = UNTOUCHED };

	assert_ok(ntsync_nt_remove_io_completion(f->nt, port, &got, deadline));
	assert_packet(&got, key);
}

void assert_removes(struct fixture *f, uint32_t port, uint64_t key)
{
	assert_removes_until(f, port, key, POLL);
}

void assert_empty(struct fixture *f, uint32_t port)
{
	struct ntsync_nt_io_packet got = { .key = UNTOUCHED };

	assert_status(ntsync_nt_remove_io_completion(f->nt, port, &got, POLL), NTSYNC_STATUS_TIMEOUT);
	assert_int_equal(got.key, UNTOUCHED);
}

void count_at(struct fixture *f, uint32_t port)
{
	queue(f, port, 1000);
	assert_removes(f, port, 1000);
}

uint32_t remove_as_worker(struct fixture *f, void *arg)
{
	struct worker *w = arg;

	if (w->tid)
		ntsync_nt_thread_attach(f->nt, w->tid);
	w->removed = UNTOUCHED;
	if (w->ex)
		return ntsync_nt_remove_io_completion_ex(f->nt, w->port, w->packets, 3, &w->removed,
							 w->alertable, FOREVER);
	return ntsync_nt_remove_io_completion(f->nt, w->port, w->packets, FOREVER);
}
