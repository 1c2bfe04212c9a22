/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * I/O completion ports: their queues of packets, and their threads. All of it is under
 * &ntsync_nt.port_lock, which nests inside the table's lock.
 *
 * A thread is associated with one port at most. It counts there (&nt_port.running) while it runs,
 * so not while it sleeps for a packet, nor between nt_port_pause() and nt_port_go_on().
 */
#ifndef LIBNTSYNC_NT_PORT_H
#define LIBNTSYNC_NT_PORT_H

#include "thread.h"

/**
 * struct nt_packet - a packet
 * @next: the one that was queued after it.
 * @io: what the guest sees of it.
 * @owner: where the wait completion packet refers to it that it is the packet of; NULL: it has left the
 *	queue, or is no such packet.
 * @target: what that waits or has waited for, with a reference; or NULL.
 */
struct nt_packet {
	struct nt_packet *next;
	struct ntsync_nt_io_packet io;
	struct nt_packet **owner;
	struct nt_object *target;
};

/**
 * struct nt_removal - a thread that sleeps for a packet
 * @next: the one that came before it.
 * @thread: the thread, which does not count meanwhile.
 * @event: sets it awake.
 * @packet: what it was given; it counts again, and is in no list.
 * @abandoned: it is in no list any more, and gets no packet.
 */
struct nt_removal {
	struct nt_removal *next;
	struct nt_thread *thread;
	int event;
	struct nt_packet *packet;
	bool abandoned;
};

/**
 * struct nt_port - the part of a port that is not its object
 * @handles: &nt_object.handles
 * @fd: its manual event: signaled while there are packets.
 * @limit: its concurrency.
 * @running: how many threads count.
 * @depth: how many packets there are.
 * @first: the first packet.
 * @end: where to link the next one.
 * @removals: threads that sleep for a packet, the one that came last first.
 * @threads: threads that are associated with it, linked by &nt_thread.port_next.
 * @awaits_timers: there was a wait completion packet for a timer.
 * @data: of ntsync_nt_set_data().
 *
 * There are not at the same time packets, removals of threads that are not suspended, and less running
 * threads than @limit.
 */
struct nt_port {
	const _Atomic uint32_t *handles;
	int fd;
	uint32_t limit;
	uint32_t running;
	uint32_t depth;
	struct nt_packet *first;
	struct nt_packet **end;
	struct nt_removal *removals;
	struct nt_thread *threads;
	_Atomic bool awaits_timers;
	struct nt_data data;
};

/* A port without an object; NULL without memory. */
struct nt_port *nt_port_create(uint32_t concurrency);
/* No call uses it. Also frees one that had no object. Returns its packets. */
struct nt_packet *nt_port_destroy(struct ntsync_nt *nt, struct nt_port *port);
/* Its last handle was closed: ends what sleeps for a packet, and no thread counts there any more. */
void nt_port_close(struct ntsync_nt *nt, struct nt_port *port);
/* The number of broken invariants.*/
size_t nt_port_check(struct ntsync_nt *nt, struct nt_port *port);

/* Whether its last handle was closed. A duplicate that a call makes of it may come after that. */
static inline bool nt_port_is_closed(const struct nt_port *port)
{
	return !atomic_load(port->handles);
}

/* Takes over the packet. */
void nt_port_queue(struct ntsync_nt *nt, struct nt_port *port, struct nt_packet *packet);
void nt_port_queue_locked(struct nt_port *port, struct nt_packet *packet);
/* Takes a packet out of the queue that it is in. */
void nt_port_take_back_locked(struct nt_port *port, struct nt_packet *packet);

/* The packet is no longer that of a wait completion packet, which can be associated again. */
static inline void nt_packet_disown_locked(struct nt_packet *packet)
{
	if (packet->owner)
		*packet->owner = NULL;
	packet->owner = NULL;
}

/*
 * The thread removes up to @count packets, and is associated with the port. SUCCESS: it has got
 * some; TIMEOUT: it was only to try; ABANDONED_WAIT_0; PENDING: it is to sleep.
 */
uint32_t nt_port_begin_removal(struct nt_port *port, struct nt_removal *removal, bool sleeps,
			       uint32_t count, struct nt_packet **packets);
/* Under the lock after a sleep: whether it has ended with SUCCESS or ABANDONED_WAIT_0. */
bool nt_port_has_ended_locked(struct nt_port *port, struct nt_removal *removal, uint32_t count,
			      struct nt_packet **packets, uint32_t *status);
/* Ends the removal for another reason: nothing was removed, and the thread counts. */
void nt_port_leave_locked(struct nt_port *port, struct nt_removal *removal);

/* The thread ends. A packet that it was given goes back to the queue. */
void nt_port_forget_thread(struct nt_thread *thread);
/* Whether the thread counted at a port until now: then nt_port_go_on() must follow. */
bool nt_port_pause(struct nt_thread *thread);
void nt_port_go_on(struct nt_thread *thread);
/*
 * The thread's suspend count is not 0, or is 0 again. While it is not, a sleep for a packet gets none;
 * after that, it is the one that came last.
 */
void nt_port_set_suspended(struct nt_thread *thread, bool suspended);

/* Whether the thread may count at a port. Only for the thread itself. */
static inline bool nt_port_has_thread(const struct nt_thread *thread)
{
	return atomic_load_explicit(&thread->port, memory_order_relaxed);
}

#endif /* LIBNTSYNC_NT_PORT_H */
