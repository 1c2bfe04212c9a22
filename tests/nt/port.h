/* SPDX-License-Identifier: GPL-2.0-only */
/* I/O completion ports, for the tests of ports and of wait completion packets. */
#ifndef TESTS_NT_PORT_H
#define TESTS_NT_PORT_H

#include "nt_test.h"

uint32_t new_port(struct fixture *f, uint32_t concurrency);
struct ntsync_nt_io_completion_state port_state(struct fixture *f, uint32_t port);

/* A packet each field of which differs from the others, and tells @key. */
struct ntsync_nt_io_packet packet_of(uint64_t key);
void assert_packet(const struct ntsync_nt_io_packet *packet, uint64_t key);
/* Queues packet_of(@key). */
void queue(struct fixture *f, uint32_t port, uint64_t key);
/* packet_of(@key) is removed. */
void assert_removes_until(struct fixture *f, uint32_t port, uint64_t key,
			  struct ntsync_nt_deadline deadline);
void assert_removes(struct fixture *f, uint32_t port, uint64_t key);
void assert_empty(struct fixture *f, uint32_t port);
/* The calling thread counts at the port from now on. */
void count_at(struct fixture *f, uint32_t port);

/**
 * struct worker - a thread that removes a packet
 * @port: where from
 * @tid: its id, or 0
 * @ex: by the call for several, with room for three
 * @alertable: whether that is alertable
 * @packets: what it has got
 * @removed: how many
 */
struct worker {
	uint32_t port;
	uint32_t tid;
	bool ex;
	bool alertable;
	struct ntsync_nt_io_packet packets[3];
	uint32_t removed;
};

/* The call of a helper thread: *arg is a struct worker. */
uint32_t remove_as_worker(struct fixture *f, void *arg);

#endif /* TESTS_NT_PORT_H */
