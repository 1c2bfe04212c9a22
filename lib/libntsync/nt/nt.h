/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handle table from inside. Who calls whom: the NT calls (nt_event.c, nt_mutant.c,
 * nt_semaphore.c, nt_timer.c, nt_wait.c, nt_signal.c), then nt_thread.c and nt_alert.c,
 * then nt_handle.c and nt_create.c, nt_name.c, nt_object.c, nt_trace.c, nt_pool.c.
 *
 * References:
 *
 *	slot       refs: one per create, duplicate and retain; at 0 the handle is gone
 *	           pins: one per call that is using it
 *	           free when both are 0, so a value is not issued again under a call
 *	object     refs: one per slot that is not free, one per call that holds it
 *	           without a slot
 *	           destroyed at 0
 */
#ifndef LIBNTSYNC_NT_H
#define LIBNTSYNC_NT_H

#include <assert.h>
#include <pthread.h>
#include <signal.h>

#include "../internal.h"
#include "pool.h"
#include "../ntsync_nt.h"

/* Costs too much for a released library: NTSYNC_NT_DEBUG is for tests. */
#ifdef NTSYNC_NT_DEBUG
#define nt_assert(condition) assert(condition)
#else
#define nt_assert(condition) ((void)sizeof(condition))
#endif

/* ------------------------------------------------------------------------------- Slots */

/*
 * A slot's word, taken by compare-and-swap. From the lowest bit:
 *
 *	28	pins; in a free slot the pool's link
 *	 1	protected from close
 *	 3	0
 *	12	refs; 0 = not live, so nobody can pin it any more
 *	20	generation: how often the slot was issued
 *
 * Pins can't overflow: Linux has less than 2^22 threads, and a call pins at most 64.
 */
#define NT_PIN_ONE		1ull
#define NT_PIN_MASK		NT_LINK_MASK
#define NT_PROTECTED		(1ull << 28)
#define NT_REF_ONE		(1ull << 32)
#define NT_REF_MASK		(0xfffull << 32)
#define NT_GENERATION_SHIFT	44
#define NT_GENERATION_ONE	(1ull << NT_GENERATION_SHIFT)

/**
 * struct nt_slot - what a handle value names
 * @word: see NT_PIN_ONE and the others.
 * @object: whose handle it is; constant while the slot is live or pinned.
 */
struct nt_slot {
	_Atomic uint64_t word;
	struct nt_object *object;
};

_Static_assert(sizeof(struct nt_slot) == 16, "four slots a cache line");

/* So many are a huge page. */
#define NT_SLOT_SHIFT	17

/**
 * struct nt_pin - a call's hold on an object
 * @slot: the slot that is pinned, or NULL: the object itself is held, for a pseudo-handle.
 * @object: the object.
 * @index: of the slot.
 */
struct nt_pin {
	struct nt_slot *slot;
	struct nt_object *object;
	uint32_t index;
};

/* ----------------------------------------------------------------------------- Objects */

/**
 * struct nt_object - one ntsync object
 * @link: the pool's.
 * @index: its own, in the pool.
 * @refs: what keeps it.
 * @handles: how many live slots name it, and those to come that were promised. With the last
 *	one its name goes.
 * @fd: its descriptor; not 0, so that any object can be an alert.
 * @type: its type.
 * @manual: event or timer: releases all.
 * @id: its number; 0 = none any more.
 * @owned_at: mutant: its place in the owner's list, which only the owner relies on.
 * @name: its name or NULL.
 * @timer: timer: the rest of it.
 *
 * Memory of objects is used for objects only, so one that has gone can still be asked
 * whether it has: nt_object_get_if_live().
 */
struct nt_object {
	_Atomic uint64_t link;
	uint32_t index;
	_Atomic uint32_t refs;
	_Atomic uint32_t handles;
	int fd;
	enum ntsync_nt_type type;
	bool manual;
	uint64_t id;
	_Atomic uint32_t owned_at;
	struct nt_name *_Atomic name;
	struct nt_timer *timer;
};

/* ----------------------------------------------------------------------------- Threads */

/**
 * struct nt_owned - a mutant that a thread owns
 * @object: the mutant, not counted: it can go away while it is owned.
 * @id: its id, which tells whether it has. 0: a free place.
 * @count: how often it was acquired; the next free place.
 */
struct nt_owned {
	struct nt_object *object;
	uint64_t id;
	uint32_t count;
};

#define NT_ALERT	1u
#define NT_APC		2u

/**
 * struct nt_thread - a thread of a table
 * @nt: the table.
 * @next: in the chain of its id.
 * @tid: its id, and the owner id of its mutants.
 * @owned: the mutants that it owns. Only the thread looks at it.
 * @nr_owned: how many places of @owned have been used.
 * @max_owned: how many there are.
 * @free_owned: the first free place below @nr_owned, or NT_NO_INDEX.
 * @nr_free: how many of these there are.
 * @attached: it is. Before, the record has what was sent to it already. Under the table's
 *	lock.
 * @abandoned: by ntsync_nt_thread_abandon(). Under the table's lock.
 * @alerts: NT_ALERT and NT_APC, as long as they have not been taken.
 * @alert_fd: event that ends its alertable waits; -1 until it is attached. An alertable wait
 *	would be too late: it has no status for a process without descriptors.
 * @self: what %NTSYNC_NT_CURRENT_THREAD stands for, or NULL.
 */
struct nt_thread {
	struct ntsync_nt *nt;
	struct nt_thread *next;
	uint32_t tid;
	struct nt_owned *owned;
	uint32_t nr_owned;
	uint32_t max_owned;
	uint32_t free_owned;
	uint32_t nr_free;
	bool attached;
	bool abandoned;
	_Atomic uint32_t alerts;
	int alert_fd;
	struct nt_object *self;
};

/* ------------------------------------------------------------------------------- Table */

/**
 * struct nt_saved - what a thread had before nt_block()
 * @signals: its signal mask.
 * @cancel_state: whether it could be cancelled.
 */
struct nt_saved {
	sigset_t signals;
	int cancel_state;
};

/**
 * struct nt_lock - a lock for what is rare
 * @mutex: with priority inheritance.
 *
 * Taken with all signals and cancellation blocked, so that nobody is suspended or ends while
 * holding it.
 */
struct nt_lock {
	pthread_mutex_t mutex;
};

/**
 * struct nt_counts - how many there are
 * @handles: live handles.
 * @most_handles: the most at any time.
 * @objects: live objects.
 * @most_objects: the most at any time.
 * @creates: handles created so far.
 */
struct nt_counts {
	alignas(NT_CACHE_LINE) _Atomic uint32_t handles;
	_Atomic uint32_t most_handles;
	_Atomic uint32_t objects;
	_Atomic uint32_t most_objects;
	_Atomic uint64_t creates;
};

struct nt_timers;

/**
 * struct ntsync_nt - a table
 * @slots: the handles' slots; index i is the handle base + (i << shift).
 * @base: the lowest handle.
 * @shift: the stride's logarithm.
 * @offset_mask: bits of (handle - base) that count.
 * @config: as it was given; &ntsync_nt_config.dev is open.
 * @own_dev: the table opened it.
 * @features: the driver's.
 * @thread_key: the calling thread's struct nt_thread.
 * @hook_key: the calling thread is in the trace hook. Only if there is one.
 * @here: a page with a 1, which is a 0 in a child that was forked: see nt_is_parents().
 * @objects: where objects come from.
 * @process: what %NTSYNC_NT_CURRENT_PROCESS stands for.
 * @live: how many handles there are, of all types.
 * @fd_end: descriptors from here on are not for objects.
 * @next_id: the last object's id.
 * @sequence: the last trace record's.
 * @counts: by type.
 * @lock: protects what follows, and what says so.
 * @threads: hash table of the threads, by id: chains.
 * @nr_thread_chains: how many, a power of two.
 * @nr_threads: how many threads are in it.
 * @next_tid: the next id for a thread whose own one is taken.
 * @names: hash table of the named objects: chains.
 * @nr_chains: how many, a power of two; 0 at first.
 * @nr_names: how many names are in it.
 * @timers: the timer thread and what it knows; NULL before the first timer.
 *
 * The members up to @objects are immutable.
 */
struct ntsync_nt {
	struct nt_pool slots;
	uint32_t base;
	uint32_t shift;
	uint32_t offset_mask;
	struct ntsync_nt_config config;
	bool own_dev;
	uint64_t features;
	pthread_key_t thread_key;
	pthread_key_t hook_key;
	const uint32_t *here;
	struct nt_pool objects;
	struct nt_object *_Atomic process;
	alignas(NT_CACHE_LINE) _Atomic uint32_t live;
	_Atomic uint32_t fd_end;
	_Atomic uint64_t next_id;
	_Atomic uint64_t sequence;
	struct nt_counts counts[NTSYNC_NT_TYPES];
	struct nt_lock lock;
	struct nt_thread **threads;
	size_t nr_thread_chains;
	size_t nr_threads;
	uint32_t next_tid;
	struct nt_name **names;
	size_t nr_chains;
	size_t nr_names;
	struct nt_timers *timers;
};

/* nt_lock.c */
int nt_lock_init(struct nt_lock *lock);
void nt_lock_exit(struct nt_lock *lock);
void nt_lock(struct nt_lock *lock, struct nt_saved *saved);
void nt_unlock(struct nt_lock *lock, const struct nt_saved *saved);
/* Until nt_unblock() the calling thread is neither suspended by a signal nor cancelled. */
void nt_block(struct nt_saved *saved);
void nt_unblock(const struct nt_saved *saved);
/* As realloc(), or free() for 0 bytes, but the caller is not suspended in it. */
void *nt_realloc(void *memory, size_t size);
/* Every close() of the table's; not a cancellation point. */
void nt_close_fd(int fd);

/* nt_status.c: the status for a negative errno that stands for no more than itself. */
uint32_t nt_status(int ret);

/* ----------------------------------------------------------------------------- Handles */

static inline uint32_t nt_handle_at(const struct ntsync_nt *nt, uint32_t index)
{
	return nt->base + (index << nt->shift);
}

static inline bool nt_is_pseudo(uint32_t handle)
{
	return handle == NTSYNC_NT_CURRENT_PROCESS || handle == NTSYNC_NT_CURRENT_THREAD;
}

/*
 * The index of a handle value's slot; beyond all slots if it is of none: what is not a
 * multiple of the stride comes out high when it is rotated.
 */
static inline uint32_t nt_index_of(const struct ntsync_nt *nt, uint32_t handle)
{
	uint32_t offset = (handle - nt->base) & nt->offset_mask;

	return offset >> nt->shift | offset << (32 - nt->shift);
}

/* The slot, live or not, or NULL if there was never such a slot. */
static inline struct nt_slot *nt_slot_at(const struct ntsync_nt *nt, uint32_t index)
{
	char *segment = nt_pool_segment_at(&nt->slots, index, NT_SLOT_SHIFT);

	return segment ? (struct nt_slot *)segment + index % (1u << NT_SLOT_SHIFT) : NULL;
}

/*
 * Races with the last close, which sets refs to 0 in the same word:
 *
 *	nt_slot_pin()			close
 *	  word = {refs 1, pins 0}
 *					  cas {1, 0} -> {0, 1}: the handle is gone
 *	  cas {1, 0} -> {1, 1} fails
 *	  refs 0: not live
 *
 * or the other way round, and then close leaves the slot to whoever unpins it last.
 */
static inline bool nt_slot_pin(struct nt_slot *slot)
{
	uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);

	do {
		if (!(word & NT_REF_MASK))
			return false;
		nt_race();
	} while (!atomic_compare_exchange_weak_explicit(&slot->word, &word, word + NT_PIN_ONE,
							memory_order_acquire,
							memory_order_relaxed));
	return true;
}

/* nt_handle.c: the last pin of a slot that is not live has gone. */
void nt_slot_free(struct ntsync_nt *nt, uint32_t index);

static inline void nt_slot_unpin(struct ntsync_nt *nt, struct nt_slot *slot, uint32_t index)
{
	uint64_t old = atomic_fetch_sub_explicit(&slot->word, NT_PIN_ONE, memory_order_acq_rel);

	nt_assert(old & NT_PIN_MASK);
	if ((old & (NT_REF_MASK | NT_PIN_MASK)) == NT_PIN_ONE)
		nt_slot_free(nt, index);
}

/*
 * nt_handle.c: what is not in the table: a pseudo-handle, or nothing, which is traced.
 * Returns the pin by value, or who calls nt_get() could not keep his in registers.
 */
struct nt_pin nt_get_other(struct ntsync_nt *nt, uint32_t handle, uint32_t *status);
/* nt_object.c */
void nt_object_put(struct ntsync_nt *nt, struct nt_object *object);

/* SUCCESS and a hold on the handle's object, or INVALID_HANDLE. */
static inline uint32_t nt_get(struct ntsync_nt *nt, uint32_t handle, struct nt_pin *pin)
{
	uint32_t index = nt_index_of(nt, handle), status;
	struct nt_slot *slot = nt_slot_at(nt, index);

	if (!slot || !nt_slot_pin(slot)) {
		*pin = nt_get_other(nt, handle, &status);
		return status;
	}
	pin->slot = slot;
	pin->object = slot->object;
	pin->index = index;
	return NTSYNC_STATUS_SUCCESS;
}

static inline void nt_put(struct ntsync_nt *nt, const struct nt_pin *pin)
{
	if (pin->slot)
		nt_slot_unpin(nt, pin->slot, pin->index);
	else
		nt_object_put(nt, pin->object);
}

/* nt_handle.c: as nt_get(), or OBJECT_TYPE_MISMATCH. */
uint32_t nt_get_type(struct ntsync_nt *nt, uint32_t handle, enum ntsync_nt_type type,
		     struct nt_pin *pin);
static inline uint32_t nt_generation(uint64_t word)
{
	return word >> NT_GENERATION_SHIFT;
}

/* nt_handle.c: a slot that is neither live nor free; NT_NO_INDEX if the table is full. */
uint32_t nt_slot_reserve(struct ntsync_nt *nt);
void nt_slot_cancel(struct ntsync_nt *nt, uint32_t index);
/* Makes it a handle of @object, of which it takes over the caller's reference and one handle. */
uint32_t nt_slot_publish(struct ntsync_nt *nt, uint32_t index, struct nt_object *object,
			 uint64_t flags);

/* ------------------------------------------------------- Creating objects and finding them */

/**
 * struct nt_recipe - an object to be made
 * @type: its type.
 * @manual: &nt_object.manual
 * @make: creates the ntsync object: a descriptor or a negative errno.
 * @a: for @make: initial count, or whether it is signaled, or the owner.
 * @b: for @make: the limit.
 * @timer: &nt_object.timer, which is used up only if an object was made.
 */
struct nt_recipe {
	enum ntsync_nt_type type;
	bool manual;
	int (*make)(const struct ntsync_nt *nt, const struct nt_recipe *recipe);
	uint32_t a;
	uint32_t b;
	struct nt_timer *timer;
};

/* nt_object.c: an object with one reference, and one handle to come. */
uint32_t nt_object_create(struct ntsync_nt *nt, const struct nt_recipe *recipe,
			  struct nt_object **out);
/* A further reference; the caller knows that there is one. */
void nt_object_get(struct nt_object *object);
/* A reference to what may have gone. Whether it is still the same object, its id tells. */
bool nt_object_get_if_live(struct nt_object *object);
/* One handle more is to come, if there are any: after the last one nobody finds it by name. */
bool nt_object_claim_handle(struct nt_object *object);
/* One handle less; the caller has a reference. */
void nt_object_handle_gone(struct ntsync_nt *nt, struct nt_object *object);
/* Moves @fd away from 0. */
int nt_not_zero(int fd);

/*
 * nt_create.c: a handle of a new object, or of one with that name. @made: the object if it
 * is new, held by the handle alone; else NULL.
 */
uint32_t nt_create(struct ntsync_nt *nt, uint32_t *out,
		   const struct ntsync_nt_attributes *attributes, const struct nt_recipe *recipe,
		   void (*made)(struct nt_object *object, void *context), void *context);
uint32_t nt_open(struct ntsync_nt *nt, uint32_t *out, const char *name, enum ntsync_nt_type type);

/*
 * nt_name.c: an object with a reference, and with one handle to come: a new one, or (NAME_EXISTS)
 * what has the name.
 */
uint32_t nt_name_create(struct ntsync_nt *nt, const struct ntsync_nt_attributes *attributes,
			const struct nt_recipe *recipe, struct nt_object **out);
uint32_t nt_name_open(struct ntsync_nt *nt, const struct ntsync_nt_attributes *attributes,
		      enum ntsync_nt_type type, struct nt_object **out);
/* Takes the name from an object, if it has no handle. */
void nt_name_remove(struct ntsync_nt *nt, struct nt_object *object);
void nt_names_exit(struct ntsync_nt *nt);

/* --------------------------------------------------------------------------- The rest */

/* nt_thread.c: the calling thread, attached if need be; NULL without memory or descriptor. */
struct nt_thread *nt_thread_self(struct ntsync_nt *nt);
/* The same without attaching it. */
struct nt_thread *nt_thread_find_self(const struct ntsync_nt *nt);
/* The id that the table chooses for the calling thread. */
uint32_t nt_thread_own_tid(void);
/* The record of the thread with this id, made if it has none yet; NULL without memory. */
struct nt_thread *nt_thread_expect_locked(struct ntsync_nt *nt, uint32_t tid);
int nt_threads_init(struct ntsync_nt *nt);
void nt_threads_exit(struct ntsync_nt *nt);

/* nt_tids.c: threads by their ids. */
struct nt_thread *nt_thread_find_locked(struct ntsync_nt *nt, uint32_t tid);
void nt_thread_enlist_locked(struct ntsync_nt *nt, struct nt_thread *thread);
void nt_thread_unlist_locked(struct ntsync_nt *nt, struct nt_thread *thread);
/* The one after @thread, in no order; the first one for NULL. */
struct nt_thread *nt_thread_next_locked(const struct ntsync_nt *nt, const struct nt_thread *thread);
int nt_tids_init(struct ntsync_nt *nt);
void nt_tids_exit(struct ntsync_nt *nt);

/*
 * nt_fork.c: this is a child that was forked, and the table is its parent's. It shares the
 * objects with the parent, so what happens in it by itself must not act on them.
 */
bool nt_is_parents(const struct ntsync_nt *nt);
int nt_fork_init(struct ntsync_nt *nt);
void nt_fork_exit(struct ntsync_nt *nt);

/* nt_fd_limit.c */
/* The soft limit of descriptors becomes the hard one, but not in children. */
void nt_fd_limit_raise(void);
/* An object may have this descriptor: enough others are left for the rest of the process. */
bool nt_fd_is_for_objects(struct ntsync_nt *nt, int fd);

/* nt_owned.c: the list of mutants that a thread owns. */
/* Room for so many more: 0 or -ENOMEM. */
int nt_owned_reserve(struct nt_thread *thread, uint32_t count);
/* @object was acquired once more. */
void nt_owned_acquired(struct nt_thread *thread, struct nt_object *object);
/* How often @thread has acquired it, 0 if it doesn't own it. */
uint32_t nt_owned_count(const struct nt_thread *thread, const struct nt_object *object);
/* Its place in the list, or NT_NO_INDEX. For nt_owned_released(), asked before the release. */
uint32_t nt_owned_find(const struct nt_thread *thread, const struct nt_object *object);
void nt_owned_released(struct nt_thread *thread, uint32_t place);
/* Abandons all of them. */
void nt_owned_kill(struct nt_thread *thread);

/* nt_alert.c */
/* Makes the event for alertable waits: 0 or a negative errno. */
int nt_alert_init_locked(struct nt_thread *thread);
/* USER_APC or ALERTED, or SUCCESS: there is nothing. */
uint32_t nt_alert_take(struct nt_thread *thread);
/* It ended a wait, which ends by something else after all. */
void nt_alert_put_back(struct nt_thread *thread);

/* nt_mutant.c */
uint32_t nt_mutant_release(struct nt_thread *thread, struct nt_object *object,
			   int32_t *previous);
/* The status for a release by somebody who does not own it. */
uint32_t nt_mutant_why_not_owned(const struct nt_object *object);

/* nt_semaphore.c */
uint32_t nt_semaphore_release(struct nt_object *object, uint32_t count, uint32_t *previous);

/* nt_signal.c: whether signal-and-wait is one step on this driver. */
bool nt_can_signal_and_wait(const struct ntsync_nt *nt);

/* nt_trace.c */
int nt_trace_init(struct ntsync_nt *nt);
void nt_trace_exit(struct ntsync_nt *nt);
void nt_count_object(struct ntsync_nt *nt, enum ntsync_nt_type type, int change);
void nt_handle_created(struct ntsync_nt *nt, uint32_t index);
void nt_handle_destroyed(struct ntsync_nt *nt, uint32_t index);
void nt_handle_invalid(struct ntsync_nt *nt, uint32_t handle);

/* nt_timer.c */
void nt_timer_destroy(struct ntsync_nt *nt, struct nt_timer *timer);
/* nt_timer_thread.c */
void nt_timers_exit(struct ntsync_nt *nt);
/* Signals what is due. Only where there are timers. */
void nt_timers_catch_up(struct ntsync_nt *nt);

#endif /* LIBNTSYNC_NT_H */
