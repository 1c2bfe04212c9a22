// SPDX-License-Identifier: GPL-2.0-only
/* Reading everything about a table, and making another one that is the same. */
#include "nt_test.h"

#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#define GUEST		500u
#define OTHER		504u
#define MAX_HANDLES	64
#define MAX_THREADS	16
#define MAX_APCS	8
#define MAX_PACKETS	4
#define NAME_SIZE	32

enum { FILE_KIND = 7 };

/**
 * struct saved_handle - a handle and its object, as far as its type has them
 * @entry: its value, the object's id and type
 * @info: whether it is protected, how often it is retained
 * @name: the object's name
 * @event_manual: event: whether it is manual
 * @event_signaled: event: whether it is signaled
 * @mutant: mutant
 * @count: semaphore: its count
 * @limit: semaphore: its limit
 * @timer: timer
 * @setting: timer: how it is set
 * @remaining: timer: nanoseconds until it expires
 * @thread: thread
 * @kind: object of the runtime's own: its kind
 * @event: object of the runtime's own: its event's id
 * @port: completion port
 * @packets: completion port: its packets
 * @association: wait completion packet
 */
struct saved_handle {
	struct ntsync_nt_entry entry;
	struct ntsync_nt_info info;
	char name[NAME_SIZE];
	bool event_manual, event_signaled;
	struct ntsync_nt_mutant_state mutant;
	int32_t count, limit;
	struct ntsync_nt_timer_state timer;
	struct ntsync_nt_timer_setting setting;
	struct ntsync_nt_thread_state thread;
	uint32_t kind;
	uint64_t event;
	struct ntsync_nt_io_completion_state port;
	struct ntsync_nt_io_packet packets[MAX_PACKETS];
	struct ntsync_nt_wait_completion_packet_state association;
};

struct saved_thread {
	uint32_t tid;
	struct ntsync_nt_pending pending;
	struct ntsync_nt_apc apcs[MAX_APCS];
};

struct state {
	struct fixture *f;
	size_t nr_handles, nr_threads;
	struct saved_handle handles[MAX_HANDLES];
	struct saved_thread threads[MAX_THREADS];
};

/* -- Save -------------------------------------------------------------------------------- */

static void save_handle(void *context, const struct ntsync_nt_entry *entry)
{
	struct state *s = context;
	struct saved_handle *h = &s->handles[s->nr_handles++];
	struct ntsync_nt *nt = s->f->nt;

	h->entry = *entry;
	assert_ok(ntsync_nt_query(nt, entry->handle, &h->info));
	assert_ok(ntsync_nt_query_name(nt, entry->handle, h->name, NAME_SIZE, NULL));
	switch (entry->type) {
	case NTSYNC_NT_EVENT:
		assert_ok(ntsync_nt_query_event(nt, entry->handle, &h->event_manual,
						&h->event_signaled));
		break;
	case NTSYNC_NT_MUTANT:
		assert_ok(ntsync_nt_query_mutant(nt, entry->handle, &h->mutant));
		break;
	case NTSYNC_NT_SEMAPHORE:
		assert_ok(ntsync_nt_query_semaphore(nt, entry->handle, &h->count, &h->limit));
		break;
	case NTSYNC_NT_TIMER:
		assert_ok(ntsync_nt_query_timer(nt, entry->handle, &h->timer));
		assert_ok(ntsync_nt_query_timer_setting(nt, entry->handle, &h->setting));
		break;
	case NTSYNC_NT_THREAD:
		assert_ok(ntsync_nt_query_thread(nt, entry->handle, &h->thread));
		break;
	case NTSYNC_NT_IO_COMPLETION:
		assert_ok(ntsync_nt_query_io_completion(nt, entry->handle, &h->port, h->packets,
							MAX_PACKETS));
		break;
	case NTSYNC_NT_WAIT_COMPLETION_PACKET:
		assert_ok(ntsync_nt_query_wait_completion_packet(nt, entry->handle,
								 &h->association));
		break;
	default:
		assert_ok(ntsync_nt_query_own(nt, entry->handle, &h->kind, &h->event));
	}
}

static int compare_threads(const void *a, const void *b)
{
	uint32_t first = ((const struct saved_thread *)a)->tid;
	uint32_t second = ((const struct saved_thread *)b)->tid;

	return first < second ? -1 : first > second;
}

static void save_threads(struct state *s)
{
	uint32_t tids[MAX_THREADS];
	size_t count = ntsync_nt_thread_ids(s->f->nt, tids, MAX_THREADS);

	assert_in_range(count, 0, MAX_THREADS);
	for (size_t i = 0; i < count; i++) {
		struct saved_thread *thread = &s->threads[s->nr_threads];

		/* The test's own thread. */
		if (tids[i] >= NTSYNC_NT_OWN_TIDS)
			continue;
		thread->tid = tids[i];
		assert_ok(ntsync_nt_query_pending(s->f->nt, tids[i], &thread->pending,
						  thread->apcs, MAX_APCS));
		assert_in_range(thread->pending.apcs, 0, MAX_APCS);
		s->nr_threads++;
	}
	qsort(s->threads, s->nr_threads, sizeof(s->threads[0]), compare_threads);
}

static struct state *save(struct fixture *f)
{
	struct state *s = calloc(1, sizeof(*s));
	struct ntsync_nt_snapshot *snapshot;

	assert_non_null(s);
	s->f = f;
	assert_int_equal(ntsync_nt_snapshot_take(f->nt, &snapshot), 0);
	ntsync_nt_snapshot_diff(NULL, snapshot, save_handle, s);
	ntsync_nt_snapshot_free(snapshot);
	save_threads(s);
	return s;
}

/* -- Restore ----------------------------------------------------------------------------- */

/* The handle of the object that has been restored already, or 0. */
static uint32_t find_restored(const struct state *s, const struct saved_handle *end, uint64_t id)
{
	for (const struct saved_handle *h = s->handles; h < end; h++) {
		if (h->entry.id == id)
			return h->entry.handle;
	}
	return 0;
}

static uint32_t restore_mutant(struct fixture *f, const struct saved_handle *h,
			       const struct ntsync_nt_attributes *attributes)
{
	uint32_t handle, owner = h->mutant.abandoned ? 1 : h->mutant.owner;
	uint32_t count = h->mutant.abandoned ? 1 : (uint32_t)(1 - h->mutant.count);

	if (!owner)
		assert_ok(ntsync_nt_create_mutant(f->nt, &handle, attributes, false));
	else
		assert_ok(ntsync_nt_restore_mutant(f->nt, &handle, attributes, owner, count));
	if (h->mutant.abandoned)
		assert_ok(ntsync_nt_thread_abandon(f->nt, owner));
	return handle;
}

static uint32_t restore_timer(struct fixture *f, const struct saved_handle *h,
			      const struct ntsync_nt_attributes *attributes)
{
	struct ntsync_nt_deadline due = h->setting.due;
	bool is_set = due.ns != NTSYNC_WAIT_FOREVER;
	uint32_t handle;

	assert_ok(ntsync_nt_create_timer(f->nt, &handle, attributes, h->timer.manual));
	/* Signaled and set: its last period has passed, and signals it again. */
	if (h->timer.signaled)
		due.ns = is_set ? due.ns - h->setting.period : 0;
	if (h->timer.signaled || is_set)
		assert_ok(ntsync_nt_set_timer(f->nt, handle, due, h->setting.period, NULL));
	return handle;
}

static uint32_t restore_thread(struct fixture *f, const struct saved_handle *h)
{
	uint32_t handle;

	assert_ok(ntsync_nt_thread_create_object(f->nt, &handle, h->thread.tid));
	for (uint32_t i = 0; i < h->thread.suspend_count; i++)
		assert_ok(ntsync_nt_suspend_thread(f->nt, handle, NULL));
	if (h->thread.ended) {
		assert_ok(ntsync_nt_thread_set_exit_status(f->nt, handle, h->thread.exit_status));
		assert_ok(ntsync_nt_thread_abandon(f->nt, h->thread.tid));
	}
	return handle;
}

static uint32_t restore_own(struct state *s, const struct saved_handle *h,
			    const struct ntsync_nt_attributes *attributes)
{
	const struct ntsync_nt_own own = {
		.kind = h->kind, .event = find_restored(s, h, h->event),
	};
	uint32_t handle;

	assert_ok(ntsync_nt_create_own(s->f->nt, &handle, attributes, &own));
	return handle;
}

static uint32_t restore_port(struct fixture *f, const struct saved_handle *h,
			     const struct ntsync_nt_attributes *attributes)
{
	uint32_t handle;

	assert_ok(ntsync_nt_create_io_completion(f->nt, &handle, attributes, h->port.concurrency));
	for (uint32_t i = 0; i < h->port.depth; i++)
		assert_ok(ntsync_nt_set_io_completion(f->nt, handle, &h->packets[i]));
	return handle;
}

/* What was queued is one of the port's packets: the wait completion packet is not in use then. */
static uint32_t restore_wait_packet(struct state *s, const struct saved_handle *h,
				    const struct ntsync_nt_attributes *attributes)
{
	const struct ntsync_nt_wait_completion_packet_state *a = &h->association;
	struct ntsync_nt *nt = s->f->nt;
	bool signaled = true;
	uint32_t handle;

	assert_ok(ntsync_nt_create_wait_completion_packet(nt, &handle, attributes));
	if (!a->associated || a->queued)
		return handle;
	assert_ok(ntsync_nt_associate_wait_completion_packet(nt, handle,
							     find_restored(s, h, a->port),
							     find_restored(s, h, a->target), &a->io,
							     &signaled));
	assert_false(signaled);
	return handle;
}

static uint32_t restore_object(struct state *s, const struct saved_handle *h)
{
	const struct ntsync_nt_attributes attributes = { .name = h->name };
	struct ntsync_nt *nt = s->f->nt;
	uint32_t handle;

	switch (h->entry.type) {
	case NTSYNC_NT_EVENT:
		assert_ok(ntsync_nt_create_event(nt, &handle, &attributes, h->event_manual,
						 h->event_signaled));
		return handle;
	case NTSYNC_NT_SEMAPHORE:
		assert_ok(ntsync_nt_create_semaphore(nt, &handle, &attributes, h->count, h->limit));
		return handle;
	case NTSYNC_NT_MUTANT:
		return restore_mutant(s->f, h, &attributes);
	case NTSYNC_NT_TIMER:
		return restore_timer(s->f, h, &attributes);
	case NTSYNC_NT_THREAD:
		return restore_thread(s->f, h);
	case NTSYNC_NT_IO_COMPLETION:
		return restore_port(s->f, h, &attributes);
	case NTSYNC_NT_WAIT_COMPLETION_PACKET:
		return restore_wait_packet(s, h, &attributes);
	default:
		return restore_own(s, h, &attributes);
	}
}

static void restore_handle(struct state *s, const struct saved_handle *h)
{
	struct ntsync_nt *nt = s->f->nt;
	uint32_t known = find_restored(s, h, h->entry.id), value = h->entry.handle, handle;

	if (known) {
		assert_ok(ntsync_nt_duplicate_at(nt, known, value, 0));
	} else {
		handle = restore_object(s, h);
		if (handle != value)
			assert_ok(ntsync_nt_duplicate_at(nt, handle, value,
							 NTSYNC_NT_DUPLICATE_CLOSE_SOURCE));
	}
	for (uint32_t i = 1; i < h->info.references; i++)
		assert_ok(ntsync_nt_retain(nt, value));
	if (h->info.is_protected)
		assert_ok(ntsync_nt_protect(nt, value, true));
}

static void restore_pending(struct fixture *f, const struct saved_thread *thread)
{
	for (size_t i = 0; i < thread->pending.apcs; i++)
		assert_ok(ntsync_nt_queue_user_apc(f->nt, thread->tid, &thread->apcs[i]));
	if (thread->pending.alerted)
		assert_ok(ntsync_nt_alert_thread(f->nt, thread->tid));
	if (thread->pending.apc_pending)
		assert_ok(ntsync_nt_queue_apc(f->nt, thread->tid));
	if (thread->pending.interruption)
		assert_ok(ntsync_nt_interrupt_thread(f->nt, thread->tid,
						     thread->pending.interruption));
}

static void restore(struct state *s)
{
	for (size_t i = 0; i < s->nr_handles; i++)
		restore_handle(s, &s->handles[i]);
	for (size_t i = 0; i < s->nr_threads; i++)
		restore_pending(s->f, &s->threads[i]);
}

/* -- The same ---------------------------------------------------------------------------- */

/* Ids, generations and the time that remains may differ. */
static void assert_same_handle(const struct saved_handle *x, const struct saved_handle *y)
{
	assert_int_equal(x->entry.handle, y->entry.handle);
	assert_int_equal(x->entry.type, y->entry.type);
	assert_int_equal(x->info.references, y->info.references);
	assert_int_equal(x->info.handles, y->info.handles);
	assert_int_equal(x->info.is_protected, y->info.is_protected);
	assert_string_equal(x->name, y->name);
	assert_int_equal(x->event_manual, y->event_manual);
	assert_int_equal(x->event_signaled, y->event_signaled);
	assert_int_equal(x->mutant.count, y->mutant.count);
	assert_int_equal(x->mutant.owner, y->mutant.owner);
	assert_int_equal(x->mutant.abandoned, y->mutant.abandoned);
	assert_int_equal(x->count, y->count);
	assert_int_equal(x->limit, y->limit);
	assert_int_equal(x->timer.manual, y->timer.manual);
	assert_int_equal(x->timer.signaled, y->timer.signaled);
	assert_true(x->setting.due.ns == y->setting.due.ns);
	assert_int_equal(x->setting.due.flags, y->setting.due.flags);
	assert_true(x->setting.period == y->setting.period);
	assert_int_equal(x->thread.tid, y->thread.tid);
	assert_int_equal(x->thread.exit_status, y->thread.exit_status);
	assert_int_equal(x->thread.suspend_count, y->thread.suspend_count);
	assert_int_equal(x->thread.ended, y->thread.ended);
	assert_int_equal(x->kind, y->kind);
	assert_int_equal(x->port.depth, y->port.depth);
	assert_int_equal(x->port.concurrency, y->port.concurrency);
	assert_int_equal(x->association.associated && !x->association.queued,
			 y->association.associated);
	assert_int_equal(x->association.io.key * y->association.associated, y->association.io.key);
	for (uint32_t i = 0; i < x->port.depth; i++) {
		assert_int_equal(x->packets[i].key, y->packets[i].key);
		assert_int_equal(x->packets[i].context, y->packets[i].context);
		assert_int_equal(x->packets[i].information, y->packets[i].information);
		assert_int_equal(x->packets[i].status, y->packets[i].status);
	}
}

static void assert_same_handles(const struct state *a, const struct state *b)
{
	assert_int_equal(a->nr_handles, b->nr_handles);
	for (size_t i = 0; i < a->nr_handles; i++) {
		const struct saved_handle *x = &a->handles[i], *y = &b->handles[i];

		assert_same_handle(x, y);
		/* The same ones are of the same object, and have the same event. */
		for (size_t j = 0; j < a->nr_handles; j++) {
			assert_int_equal(x->entry.id == a->handles[j].entry.id,
					 y->entry.id == b->handles[j].entry.id);
			assert_int_equal(x->event == a->handles[j].entry.id,
					 y->event == b->handles[j].entry.id);
			if (!y->association.associated)
				continue;
			assert_int_equal(x->association.port == a->handles[j].entry.id,
					 y->association.port == b->handles[j].entry.id);
			assert_int_equal(x->association.target == a->handles[j].entry.id,
					 y->association.target == b->handles[j].entry.id);
		}
	}
}

static void assert_same_threads(const struct state *a, const struct state *b)
{
	assert_int_equal(a->nr_threads, b->nr_threads);
	for (size_t i = 0; i < a->nr_threads; i++) {
		const struct saved_thread *x = &a->threads[i], *y = &b->threads[i];

		assert_int_equal(x->tid, y->tid);
		assert_int_equal(x->pending.apcs, y->pending.apcs);
		assert_int_equal(x->pending.interruption, y->pending.interruption);
		assert_int_equal(x->pending.alerted, y->pending.alerted);
		assert_int_equal(x->pending.apc_pending, y->pending.apc_pending);
		assert_memory_equal(x->apcs, y->apcs, sizeof(x->apcs));
	}
}

/* -- A guest in the middle of everything ------------------------------------------------- */

/**
 * struct guest - what a guest uses
 * @mutant: its thread owns it three times
 * @never: what its thread waits for
 * @abandoned: a mutant whose owner has ended
 * @port: a port
 * @saved: the thread may end
 */
struct guest {
	uint32_t mutant, never, abandoned, port;
	sem_t saved;
};

static uint32_t run_guest(struct fixture *f, void *arg)
{
	struct guest *g = arg;
	uint32_t status;

	if (ntsync_nt_thread_attach(f->nt, GUEST))
		return UNTOUCHED;
	for (int i = 0; i < 3; i++) {
		if (ntsync_nt_wait_single(f->nt, g->mutant, false, FOREVER))
			return UNTOUCHED;
	}
	status = ntsync_nt_wait_single(f->nt, g->never, false, FOREVER);
	sem_wait(&g->saved);
	return status;
}

static uint32_t abandon(struct fixture *f, void *arg)
{
	const struct guest *g = arg;

	return poll_handle(f, g->abandoned);
}

static uint32_t new_named(struct fixture *f, const char *name)
{
	const struct ntsync_nt_attributes attributes = { .name = name };
	uint32_t handle;

	assert_ok(ntsync_nt_create_event(f->nt, &handle, &attributes, true, true));
	return handle;
}

static void make_wait_packet(struct fixture *f, uint32_t port, uint32_t target, uint64_t key)
{
	const struct ntsync_nt_io_packet io = { .key = key };
	uint32_t packet;

	assert_ok(ntsync_nt_create_wait_completion_packet(f->nt, &packet, NULL));
	assert_ok(ntsync_nt_associate_wait_completion_packet(f->nt, packet, port, target, &io, NULL));
}

static void make_port(struct fixture *f, struct guest *g)
{
	uint32_t port;

	assert_ok(ntsync_nt_create_io_completion(f->nt, &port, NULL, 5));
	g->port = port;
	for (uint32_t i = 0; i < 3; i++) {
		const struct ntsync_nt_io_packet packet = { i, i + 10, i + 20, i + 30 };

		assert_ok(ntsync_nt_set_io_completion(f->nt, port, &packet));
	}
	make_wait_packet(f, port, new_event(f, true, true), 50);
	make_wait_packet(f, port, new_event(f, false, false), 51);
	make_wait_packet(f, port, g->never, 52);
}

static void make_objects(struct fixture *f, struct guest *g)
{
	const struct ntsync_nt_deadline date = { realtime_ns() + 900000 * NS_PER_MS,
						 NTSYNC_WAIT_REALTIME };
	struct ntsync_nt_own own = { .kind = FILE_KIND };
	uint32_t timer, handle;

	g->mutant = new_mutant(f, false);
	g->never = new_event(f, false, false);
	g->abandoned = new_mutant(f, false);
	assert_ok(finish(start(f, abandon, g)));
	new_named(f, "Name");
	assert_ok(ntsync_nt_retain(f->nt, duplicate(f, new_named(f, "name"))));
	assert_ok(ntsync_nt_protect(f->nt, new_semaphore(f, 3, 7), true));
	timer = new_timer(f, false);
	set_ms(f, timer, 1000000, 16);
	timer = new_timer(f, true);
	assert_ok(ntsync_nt_set_timer(f->nt, timer, date, 0, NULL));
	set_ms(f, new_timer(f, true), 0, 0);
	set_ms(f, new_timer(f, true), 0, 1000000);
	own.event = g->never;
	assert_ok(ntsync_nt_create_own(f->nt, &handle, NULL, &own));
	own.event = 0;
	assert_ok(ntsync_nt_create_own(f->nt, &handle,
				       &(struct ntsync_nt_attributes){ .name = "file" }, &own));
	assert_ok(ntsync_nt_duplicate_at(f->nt, g->mutant, 0x8000, 0));
	make_port(f, g);
}

static void make_threads(struct fixture *f)
{
	const struct ntsync_nt_apc apcs[] = { { 1, { 2, 3, 4 } }, { 5, { 6, 7, 8 } } };
	uint32_t thread;

	assert_ok(ntsync_nt_thread_create_object(f->nt, &thread, 8));
	assert_ok(ntsync_nt_thread_set_exit_status(f->nt, thread, 77));
	assert_ok(ntsync_nt_thread_abandon(f->nt, 8));
	assert_ok(ntsync_nt_thread_create_object(f->nt, &thread, GUEST));
	assert_ok(ntsync_nt_suspend_thread(f->nt, thread, NULL));
	assert_ok(ntsync_nt_suspend_thread(f->nt, thread, NULL));
	for (size_t i = 0; i < ARRAY_SIZE(apcs); i++)
		assert_ok(ntsync_nt_queue_user_apc(f->nt, GUEST, &apcs[i]));
	assert_ok(ntsync_nt_queue_apc(f->nt, GUEST));
	assert_ok(ntsync_nt_alert_thread(f->nt, OTHER));
	assert_ok(ntsync_nt_interrupt_thread(f->nt, OTHER, 0xc000010a));
}

static uint32_t take_over(struct fixture *f, void *arg)
{
	const struct guest *g = arg;
	struct ntsync_nt_apc apc = { 0 };

	if (ntsync_nt_thread_attach(f->nt, GUEST) || ntsync_nt_take_apc(f->nt, &apc) ||
	    apc.function != 1)
		return UNTOUCHED;
	/* It owns the mutant three times; then the runtime begins its wait again. */
	for (int i = 0; i < 3; i++) {
		if (ntsync_nt_release_mutant(f->nt, g->mutant, NULL))
			return UNTOUCHED;
	}
	if (ntsync_nt_release_mutant(f->nt, g->mutant, NULL) != NTSYNC_STATUS_MUTANT_NOT_OWNED)
		return UNTOUCHED;
	return ntsync_nt_wait_single(f->nt, g->never, false, FOREVER);
}

static uint32_t packets_in(struct fixture *f, uint32_t port)
{
	struct ntsync_nt_io_completion_state state;

	assert_ok(ntsync_nt_query_io_completion(f->nt, port, &state, NULL, 0));
	return state.depth;
}

static void a_table_is_saved_and_restored(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	struct state *before, *after;
	struct helper *guest;
	struct guest g;

	sem_init(&g.saved, 0, 0);
	make_objects(f, &g);
	make_threads(f);
	guest = start_asleep(f, run_guest, &g);
	assert_ok(ntsync_nt_stop(f->nt, NTSYNC_STATUS_CANCELLED));
	before = save(f);
	sem_post(&g.saved);
	/* As in another process: the thread and the table are gone. */
	ntsync_nt_config_init(&config);
	assert_status(finish(guest), NTSYNC_STATUS_CANCELLED);
	use_config(f, &config);
	restore(before);
	check(f);
	after = save(f);
	assert_same_handles(before, after);
	assert_same_threads(before, after);
	guest = start_asleep(f, take_over, &g);
	assert_ok(ntsync_nt_set_event(f->nt, g.never, NULL));
	assert_status(finish(guest), NTSYNC_STATUS_WAIT_0);
	/* The second one is for the wait completion packet. */
	assert_int_equal(packets_in(f, g.port), 4);
	assert_ok(ntsync_nt_set_event(f->nt, g.never, NULL));
	assert_int_equal(packets_in(f, g.port), 5);
	assert_status(poll_handle(f, g.mutant), NTSYNC_STATUS_WAIT_0);
	assert_status(poll_handle(f, g.abandoned), NTSYNC_STATUS_ABANDONED_WAIT_0);
	free(before);
	free(after);
}

/* -- The single calls -------------------------------------------------------------------- */

static void names_are_read(void **state)
{
	struct fixture *f = *state;
	uint32_t named = new_named(f, "Some Name"), unnamed = new_event(f, true, true);
	char name[16] = "x";
	size_t length = 99;

	assert_ok(ntsync_nt_query_name(f->nt, named, name, sizeof(name), &length));
	assert_string_equal(name, "Some Name");
	assert_int_equal(length, 9);
	assert_ok(ntsync_nt_query_name(f->nt, duplicate(f, named), name, 10, NULL));
	assert_status(ntsync_nt_query_name(f->nt, named, name, 9, &length),
		      NTSYNC_STATUS_BUFFER_TOO_SMALL);
	assert_string_equal(name, "Some Nam");
	assert_int_equal(length, 9);
	length = 99;
	assert_status(ntsync_nt_query_name(f->nt, named, NULL, 0, &length),
		      NTSYNC_STATUS_BUFFER_TOO_SMALL);
	assert_int_equal(length, 9);
	assert_ok(ntsync_nt_query_name(f->nt, unnamed, name, 1, &length));
	assert_string_equal(name, "");
	assert_int_equal(length, 0);
	assert_status(ntsync_nt_query_name(f->nt, unnamed + 400, name, 1, &length),
		      NTSYNC_STATUS_INVALID_HANDLE);
}

static void settings_are_read(void **state)
{
	const struct ntsync_nt_apc apc = { 7, { 8, 9, 10 } };
	struct fixture *f = *state;
	uint32_t timer = new_timer(f, true), tid = ntsync_nt_thread_id(f->nt);
	struct ntsync_nt_deadline due = in_ms(1000000);
	struct ntsync_nt_timer_setting setting;

	assert_ok(ntsync_nt_query_timer_setting(f->nt, timer, &setting));
	assert_true(setting.due.ns == NTSYNC_WAIT_FOREVER && !setting.period && !setting.tid);
	assert_ok(ntsync_nt_set_timer_apc(f->nt, timer, due, 5, &apc, NULL));
	assert_ok(ntsync_nt_query_timer_setting(f->nt, timer, &setting));
	assert_true(setting.due.ns == due.ns && !setting.due.flags && setting.period == 5);
	assert_true(setting.apc.function == 7 && setting.apc.arguments[0] == 8);
	assert_int_equal(setting.tid, tid);
	due = (struct ntsync_nt_deadline){ INT64_MAX, NTSYNC_WAIT_REALTIME };
	assert_ok(ntsync_nt_set_timer(f->nt, timer, due, 0, NULL));
	assert_ok(ntsync_nt_query_timer_setting(f->nt, timer, &setting));
	assert_true(setting.due.ns == due.ns && setting.due.flags == due.flags && !setting.tid);
	assert_status(ntsync_nt_query_timer_setting(f->nt, new_event(f, true, true), &setting),
		      NTSYNC_STATUS_OBJECT_TYPE_MISMATCH);
}

static void restored_mutants(void **state)
{
	const struct ntsync_nt_attributes named = { .name = "mutant" };
	struct fixture *f = *state;
	struct ntsync_nt_mutant_state mutant;
	uint32_t handle, out = UNTOUCHED;

	assert_ok(ntsync_nt_restore_mutant(f->nt, &handle, &named, GUEST, 1u << 31));
	assert_ok(ntsync_nt_query_mutant(f->nt, handle, &mutant));
	assert_int_equal(mutant.owner, GUEST);
	assert_int_equal(mutant.count, (int32_t)(1 - (1u << 31)));
	assert_status(poll_handle(f, handle), NTSYNC_STATUS_TIMEOUT);
	assert_status(ntsync_nt_restore_mutant(f->nt, &out, &named, OTHER, 1),
		      NTSYNC_STATUS_OBJECT_NAME_COLLISION);
	assert_int_equal(out, 0);
	/* The failed call has left no thread. */
	assert_int_equal(ntsync_nt_thread_ids(f->nt, NULL, 0), 2);
	assert_ok(ntsync_nt_thread_abandon(f->nt, GUEST));
	assert_status(poll_handle(f, handle), NTSYNC_STATUS_ABANDONED_WAIT_0);
	assert_int_equal(ntsync_nt_thread_ids(f->nt, &out, 1), 1);
	assert_int_equal(out, ntsync_nt_thread_id(f->nt));
	assert_status(ntsync_nt_restore_mutant(f->nt, &out, NULL, 0, 1),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_restore_mutant(f->nt, &out, NULL, ntsync_nt_thread_id(f->nt), 1),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_restore_mutant(f->nt, &out, NULL, GUEST, 0),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	assert_status(ntsync_nt_restore_mutant(f->nt, &out, NULL, GUEST, (1u << 31) + 1),
		      NTSYNC_STATUS_INVALID_PARAMETER);
	check(f);
}

static uint32_t attach_and_restore(struct fixture *f, void *arg)
{
	if (ntsync_nt_thread_attach(f->nt, GUEST))
		return UNTOUCHED;
	return ntsync_nt_restore_mutant(f->nt, arg, NULL, GUEST, 1);
}

static void an_owner_that_is_attached(void **state)
{
	struct fixture *f = *state;
	uint32_t out;

	assert_status(finish(start(f, attach_and_restore, &out)), NTSYNC_STATUS_INVALID_PARAMETER);
	assert_int_equal(out, 0);
	check(f);
}

static void nobody_there(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_pending pending;

	assert_status(ntsync_nt_query_pending(f->nt, 0, &pending, NULL, 0),
		      NTSYNC_STATUS_INVALID_CID);
	assert_status(ntsync_nt_query_pending(f->nt, GUEST, &pending, NULL, 0),
		      NTSYNC_STATUS_INVALID_CID);
	assert_int_equal(ntsync_nt_thread_ids(f->nt, NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_table_is_saved_and_restored),
		TEST(names_are_read),
		TEST(settings_are_read),
		TEST(restored_mutants),
		TEST(an_owner_that_is_attached),
		TEST(nobody_there),
	};

	return RUN(tests);
}
