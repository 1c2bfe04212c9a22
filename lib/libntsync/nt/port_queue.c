// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Which thread gets a packet is decided under the lock, where the packet leaves the queue: a thread
 * that was given one returns it, and one that ends its sleep for another reason is in no list, so
 * nobody can give it one:
 *
 *	nt_port_queue()				the end of a sleep, for example by a stop
 *
 *	  gives the packet			  finds the packet: SUCCESS
 *	or
 *	  finds no sleeper: queues it		  leaves the list, and finds none
 */
#include "port.h"

#include <unistd.h>

/* Between nt_block() and nt_unblock(): it may read a file, which is a cancellation point. */
static uint32_t count_processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	return count > 0 ? (uint32_t)count : 1;
}

struct nt_port *nt_port_create(uint32_t concurrency)
{
	struct nt_port *port = nt_realloc(NULL, sizeof(*port));
	struct nt_saved saved;

	if (!port)
		return NULL;
	nt_block(&saved);
	*port = (struct nt_port){
		.limit = concurrency ? concurrency : count_processors(), .fd = -1,
	};
	nt_unblock(&saved);
	port->end = &port->first;
	return port;
}

/* -- Threads ----------------------------------------------------------------------------- */

static void count_locked(struct nt_port *port, struct nt_thread *thread)
{
	nt_assert(!thread->counts);
	thread->counts = true;
	port->running++;
}

static void uncount_locked(struct nt_port *port, struct nt_thread *thread)
{
	if (!thread->counts)
		return;
	thread->counts = false;
	port->running--;
}

static struct nt_port *port_of(const struct nt_thread *thread)
{
	return atomic_load_explicit(&thread->port, memory_order_relaxed);
}

static void associate_locked(struct nt_port *port, struct nt_thread *thread)
{
	thread->port_next = port->threads;
	port->threads = thread;
	atomic_store_explicit(&thread->port, port, memory_order_relaxed);
}

static void dissociate_locked(struct nt_port *port, struct nt_thread *thread)
{
	struct nt_thread **at = &port->threads;

	uncount_locked(port, thread);
	while (*at != thread)
		at = &(*at)->port_next;
	*at = thread->port_next;
	atomic_store_explicit(&thread->port, NULL, memory_order_relaxed);
}

/* -- Packets ----------------------------------------------------------------------------- */

static void count_queued_locked(struct nt_port *port)
{
	if (!port->depth++)
		ntsync_event_set(port->fd, NULL);
}

static void uncount_queued_locked(struct nt_port *port)
{
	if (!--port->depth)
		ntsync_event_reset(port->fd, NULL);
}

static struct nt_packet *take_first_locked(struct nt_port *port)
{
	struct nt_packet *packet = port->first;

	port->first = packet->next;
	if (!port->first)
		port->end = &port->first;
	packet->next = NULL;
	nt_packet_disown_locked(packet);
	uncount_queued_locked(port);
	return packet;
}

/* Up to @count more packets, linked from @at. */
static void take_locked(struct nt_port *port, uint32_t count, struct nt_packet **at)
{
	while (count-- && port->first) {
		*at = take_first_locked(port);
		at = &(*at)->next;
	}
}

static void put_last_locked(struct nt_port *port, struct nt_packet *packet)
{
	packet->next = NULL;
	*port->end = packet;
	port->end = &packet->next;
	count_queued_locked(port);
}

static void put_first_locked(struct nt_port *port, struct nt_packet *packet)
{
	packet->next = port->first;
	port->first = packet;
	if (!packet->next)
		port->end = &packet->next;
	count_queued_locked(port);
}

/* Where the thread is linked that gets the next packet: a suspended one gets none. */
static struct nt_removal **find_receiver(struct nt_port *port)
{
	struct nt_removal **at = &port->removals;

	while (*at && (*at)->thread->suspended)
		at = &(*at)->next;
	return at;
}

static bool can_give(struct nt_port *port)
{
	return port->running < port->limit && *find_receiver(port);
}

/* Wakes last: the thread may return, and its removal with it, when the lock is released. */
static void give_locked(struct nt_port *port, struct nt_packet *packet)
{
	struct nt_removal **at = find_receiver(port), *removal = *at;

	*at = removal->next;
	removal->packet = packet;
	nt_packet_disown_locked(packet);
	count_locked(port, removal->thread);
	ntsync_event_set(removal->event, NULL);
}

static void give_all_locked(struct nt_port *port)
{
	while (port->first && can_give(port))
		give_locked(port, take_first_locked(port));
}

/* Packets and a thread that could get one are not there at the same time. */
void nt_port_queue_locked(struct nt_port *port, struct nt_packet *packet)
{
	if (can_give(port))
		give_locked(port, packet);
	else
		put_last_locked(port, packet);
}

void nt_port_queue(struct ntsync_nt *nt, struct nt_port *port, struct nt_packet *packet)
{
	struct nt_saved saved;

	nt_lock(&nt->port_lock, &saved);
	nt_port_queue_locked(port, packet);
	nt_unlock(&nt->port_lock, &saved);
}

void nt_port_take_back_locked(struct nt_port *port, struct nt_packet *packet)
{
	struct nt_packet **at = &port->first;

	while (*at != packet)
		at = &(*at)->next;
	*at = packet->next;
	if (!*at)
		port->end = at;
	packet->next = NULL;
	nt_packet_disown_locked(packet);
	uncount_queued_locked(port);
}

/* -- Removals ---------------------------------------------------------------------------- */

static void join_locked(struct nt_port *port, struct nt_thread *thread)
{
	struct nt_port *before = port_of(thread);

	if (before == port)
		return;
	if (before) {
		dissociate_locked(before, thread);
		give_all_locked(before);
	}
	associate_locked(port, thread);
}

static void link_removal_locked(struct nt_port *port, struct nt_removal *removal)
{
	removal->next = port->removals;
	port->removals = removal;
	removal->thread->removal = removal;
}

static uint32_t begin_locked(struct nt_port *port, struct nt_removal *removal, bool sleeps,
			     uint32_t count, struct nt_packet **packets)
{
	struct nt_thread *thread = removal->thread;

	if (nt_port_is_closed(port))
		return NTSYNC_STATUS_ABANDONED_WAIT_0;
	join_locked(port, thread);
	uncount_locked(port, thread);
	if (port->first && port->running < port->limit) {
		take_locked(port, count, packets);
		count_locked(port, thread);
		return NTSYNC_STATUS_SUCCESS;
	}
	if (!sleeps) {
		count_locked(port, thread);
		return NTSYNC_STATUS_TIMEOUT;
	}
	link_removal_locked(port, removal);
	return NTSYNC_STATUS_PENDING;
}

uint32_t nt_port_begin_removal(struct nt_port *port, struct nt_removal *removal, bool sleeps,
			       uint32_t count, struct nt_packet **packets)
{
	struct ntsync_nt *nt = removal->thread->nt;
	struct nt_saved saved;
	uint32_t status;

	nt_lock(&nt->port_lock, &saved);
	status = begin_locked(port, removal, sleeps, count, packets);
	nt_unlock(&nt->port_lock, &saved);
	return status;
}

bool nt_port_has_ended_locked(struct nt_port *port, struct nt_removal *removal, uint32_t count,
			      struct nt_packet **packets, uint32_t *status)
{
	if (!removal->packet && !removal->abandoned)
		return false;
	removal->thread->removal = NULL;
	*status = NTSYNC_STATUS_ABANDONED_WAIT_0;
	if (!removal->packet)
		return true;
	*packets = removal->packet;
	take_locked(port, count - 1, &removal->packet->next);
	*status = NTSYNC_STATUS_SUCCESS;
	return true;
}

static void remove_removal_locked(struct nt_port *port, struct nt_removal *removal)
{
	struct nt_removal **at = &port->removals;

	while (*at != removal)
		at = &(*at)->next;
	*at = removal->next;
	removal->thread->removal = NULL;
}

void nt_port_leave_locked(struct nt_port *port, struct nt_removal *removal)
{
	remove_removal_locked(port, removal);
	count_locked(port, removal->thread);
}

/* -- Ends -------------------------------------------------------------------------------- */

static void abandon_removals_locked(struct nt_port *port)
{
	struct nt_removal *removal;

	while ((removal = port->removals)) {
		port->removals = removal->next;
		removal->abandoned = true;
		ntsync_event_set(removal->event, NULL);
	}
}

static void close_locked(struct nt_port *port)
{
	abandon_removals_locked(port);
	while (port->threads)
		dissociate_locked(port, port->threads);
}

void nt_port_close(struct ntsync_nt *nt, struct nt_port *port)
{
	struct nt_saved saved;

	nt_lock(&nt->port_lock, &saved);
	if (nt_port_is_closed(port))
		close_locked(port);
	nt_unlock(&nt->port_lock, &saved);
}

struct nt_packet *nt_port_destroy(struct ntsync_nt *nt, struct nt_port *port)
{
	struct nt_packet *packets;
	struct nt_saved saved;

	nt_lock(&nt->port_lock, &saved);
	close_locked(port);
	packets = port->first;
	for (struct nt_packet *packet = packets; packet; packet = packet->next)
		nt_packet_disown_locked(packet);
	nt_unlock(&nt->port_lock, &saved);
	nt_realloc(port, 0);
	return packets;
}

/* Only a thread that ntsync_nt_thread_abandon() was called for has a removal. */
static void forget_removal_locked(struct nt_port *port, struct nt_removal *removal)
{
	if (removal->packet)
		put_first_locked(port, removal->packet);
	else
		remove_removal_locked(port, removal);
	removal->packet = NULL;
	removal->abandoned = true;
}

void nt_port_forget_thread(struct nt_thread *thread)
{
	struct nt_port *port;
	struct nt_saved saved;

	nt_lock(&thread->nt->port_lock, &saved);
	port = port_of(thread);
	if (port) {
		if (thread->removal && !thread->removal->abandoned)
			forget_removal_locked(port, thread->removal);
		dissociate_locked(port, thread);
		give_all_locked(port);
	}
	nt_unlock(&thread->nt->port_lock, &saved);
}

/* -- Other sleeps ------------------------------------------------------------------------- */

bool nt_port_pause(struct nt_thread *thread)
{
	struct nt_port *port;
	struct nt_saved saved;
	bool counted;

	if (!nt_port_has_thread(thread))
		return false;
	nt_lock(&thread->nt->port_lock, &saved);
	port = port_of(thread);
	counted = port && thread->counts;
	if (counted) {
		uncount_locked(port, thread);
		give_all_locked(port);
	}
	nt_unlock(&thread->nt->port_lock, &saved);
	return counted;
}

void nt_port_go_on(struct nt_thread *thread)
{
	struct nt_port *port;
	struct nt_saved saved;

	nt_lock(&thread->nt->port_lock, &saved);
	port = port_of(thread);
	if (port)
		count_locked(port, thread);
	nt_unlock(&thread->nt->port_lock, &saved);
}

static void return_locked(struct nt_port *port, struct nt_removal *removal)
{
	remove_removal_locked(port, removal);
	link_removal_locked(port, removal);
	give_all_locked(port);
}

void nt_port_set_suspended(struct nt_thread *thread, bool suspended)
{
	struct nt_removal *removal;
	struct nt_saved saved;

	nt_lock(&thread->nt->port_lock, &saved);
	thread->suspended = suspended;
	removal = thread->removal;
	if (!suspended && removal && !removal->packet && !removal->abandoned)
		return_locked(port_of(thread), removal);
	nt_unlock(&thread->nt->port_lock, &saved);
}

/* -- Check ------------------------------------------------------------------------------- */

static uint32_t count_packets(const struct nt_port *port)
{
	uint32_t count = 0;

	for (const struct nt_packet *packet = port->first; packet; packet = packet->next)
		count++;
	return count;
}

static uint32_t count_running(const struct nt_port *port)
{
	uint32_t count = 0;

	for (const struct nt_thread *thread = port->threads; thread; thread = thread->port_next)
		count += thread->counts;
	return count;
}

static size_t check_removals(const struct nt_port *port)
{
	size_t broken = 0;

	for (const struct nt_removal *r = port->removals; r; r = r->next)
		broken += r->packet || r->abandoned || r->thread->counts ||
			  r->thread->removal != r || port_of(r->thread) != port;
	return broken;
}

size_t nt_port_check(struct ntsync_nt *nt, struct nt_port *port)
{
	struct nt_saved saved;
	uint32_t signaled = 0;
	size_t broken;

	nt_lock(&nt->port_lock, &saved);
	ntsync_event_read(port->fd, NULL, &signaled);
	broken = check_removals(port);
	broken += port->depth != count_packets(port);
	broken += port->running != count_running(port);
	broken += !signaled != !port->depth;
	broken += port->first && can_give(port);
	nt_unlock(&nt->port_lock, &saved);
	return broken;
}
