// SPDX-License-Identifier: LGPL-2.1-or-later
#include "handle.h"

#include "name.h"
#include "thread.h"
#include "trace.h"

#define REFS_MAX	(NT_REF_MASK - NT_REF_ONE)

/* The pool has more slots than @live may count: some are closed and pinned, or quarantined. */
static bool inc_live(struct ntsync_nt *nt)
{
	uint32_t live = atomic_load_explicit(&nt->live, memory_order_relaxed);

	do {
		if (live >= nt->config.max_handles)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&nt->live, &live, live + 1,
							memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

static void dec_live(struct ntsync_nt *nt)
{
	atomic_fetch_sub_explicit(&nt->live, 1, memory_order_relaxed);
}

/* Only for a table with a trace hook. */
static void trace_slot(struct ntsync_nt *nt, enum ntsync_nt_operation operation,
		       const struct nt_slot *slot, uint32_t index)
{
	struct ntsync_nt_record record = {
		.operation = operation,
		.handle = nt_handle_at(nt, index),
		.generation = nt_generation(atomic_load(&slot->word)),
		.id = slot->object->id,
		.type = slot->object->type,
	};

	nt_trace(nt, &record);
}

void nt_handle_invalid(struct ntsync_nt *nt, uint32_t handle)
{
	struct ntsync_nt_record record = { .operation = NTSYNC_NT_INVALID, .handle = handle };

	if (nt->is_traced)
		nt_trace(nt, &record);
}

/* Begins the next generation of a slot that was free. */
static uint32_t begin_generation(struct ntsync_nt *nt, uint32_t index)
{
	struct nt_slot *slot;
	uint64_t word;

	if (index == NT_NO_INDEX) {
		dec_live(nt);
		return index;
	}
	slot = nt_slot_at(nt, index);
	word = atomic_load_explicit(&slot->word, memory_order_relaxed);
	nt_assert(!(word & NT_REF_MASK) && !slot->object);
	atomic_store_explicit(&slot->word, (word & ~(NT_GENERATION_ONE - 1)) + NT_GENERATION_ONE,
			      memory_order_relaxed);
	return index;
}

uint32_t nt_slot_reserve(struct ntsync_nt *nt)
{
	return inc_live(nt) ? begin_generation(nt, nt_pool_alloc(&nt->slots)) : NT_NO_INDEX;
}

static uint32_t claim_slot(struct ntsync_nt *nt, uint32_t index)
{
	struct nt_saved saved;
	bool claimed;

	nt_lock(&nt->lock, &saved);
	claimed = nt_pool_claim(&nt->slots, index);
	nt_unlock(&nt->lock, &saved);
	return claimed ? index : NT_NO_INDEX;
}

void nt_slot_cancel(struct ntsync_nt *nt, uint32_t index)
{
	struct nt_slot *slot = nt_slot_at(nt, index);
	uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);

	atomic_store_explicit(&slot->word, word - NT_GENERATION_ONE, memory_order_relaxed);
	nt_pool_return(&nt->slots, index);
	dec_live(nt);
}

uint32_t nt_slot_publish(struct ntsync_nt *nt, uint32_t index, struct nt_object *object,
			 uint64_t flags)
{
	struct nt_counts *counts = &nt->counts[object->type];
	struct nt_slot *slot = nt_slot_at(nt, index);
	uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);

	slot->object = object;
	nt_gauge_inc(&counts->handles);
	atomic_fetch_add_explicit(&counts->creates, 1, memory_order_relaxed);
	/* Before another thread can close the handle, so that its records are in order. */
	if (nt->is_traced)
		trace_slot(nt, NTSYNC_NT_CREATE, slot, index);
	atomic_store_explicit(&slot->word, word | NT_REF_ONE | flags, memory_order_release);
	return nt_handle_at(nt, index);
}

void nt_slot_free(struct ntsync_nt *nt, uint32_t index)
{
	struct nt_slot *slot = nt_slot_at(nt, index);
	struct nt_object *object = slot->object;

	slot->object = NULL;
	nt_pool_free(&nt->slots, index);
	nt_object_put(nt, object);
}

/* The last ref was dropped; the caller has a pin, which this drops. */
static void finish_close(struct ntsync_nt *nt, struct nt_slot *slot, uint32_t index)
{
	nt_gauge_dec(&nt->counts[slot->object->type].handles);
	if (nt->is_traced)
		trace_slot(nt, NTSYNC_NT_DESTROY, slot, index);
	nt_name_put_handle(nt, slot->object);
	dec_live(nt);
	nt_slot_unpin(nt, slot, index);
}

static uint32_t close_slot(struct ntsync_nt *nt, struct nt_slot *slot, uint32_t index)
{
	uint64_t word = atomic_load_explicit(&slot->word, memory_order_relaxed);
	uint64_t next;

	do {
		if (!(word & NT_REF_MASK))
			return NTSYNC_STATUS_INVALID_HANDLE;
		if (word & NT_PROTECTED)
			return NTSYNC_STATUS_HANDLE_NOT_CLOSABLE;
		next = word - NT_REF_ONE;
		/* With a pin, so that the handle is not issued again before it is traced. */
		if (!(next & NT_REF_MASK))
			next += NT_PIN_ONE;
	} while (!atomic_compare_exchange_weak_explicit(&slot->word, &word, next,
							memory_order_acq_rel,
							memory_order_relaxed));
	if (!(next & NT_REF_MASK))
		finish_close(nt, slot, index);
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API uint32_t ntsync_nt_close(struct ntsync_nt *nt, uint32_t handle)
{
	uint32_t index = nt_index_of(nt, handle);
	struct nt_slot *slot = nt_slot_at(nt, index);
	uint32_t status = NTSYNC_STATUS_INVALID_HANDLE;

	if (nt_is_pseudo(handle))
		return NTSYNC_STATUS_SUCCESS;
	if (slot)
		status = close_slot(nt, slot, index);
	if (status == NTSYNC_STATUS_INVALID_HANDLE)
		nt_handle_invalid(nt, handle);
	return status;
}

static struct nt_object *pseudo_object(const struct ntsync_nt *nt, uint32_t handle)
{
	struct nt_thread *thread;

	if (handle == NTSYNC_NT_CURRENT_PROCESS)
		return atomic_load(&nt->process);
	thread = nt_thread_find_self(nt);
	return thread ? nt_thread_pseudo_object(thread) : NULL;
}

struct nt_pin nt_get_pseudo(struct ntsync_nt *nt, uint32_t handle, uint32_t *status)
{
	struct nt_object *object = nt_is_pseudo(handle) ? pseudo_object(nt, handle) : NULL;

	*status = object ? NTSYNC_STATUS_SUCCESS : NTSYNC_STATUS_INVALID_HANDLE;
	if (object)
		nt_object_get(object);
	else
		nt_handle_invalid(nt, handle);
	return (struct nt_pin){ .object = object };
}

uint32_t nt_get_type(struct ntsync_nt *nt, uint32_t handle, enum ntsync_nt_type type,
		     struct nt_pin *pin)
{
	uint32_t status = nt_get(nt, handle, pin);

	if (!status && pin->object->type != type) {
		nt_put(nt, pin);
		status = NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	}
	return status;
}

/* 0 for a pseudo-handle. */
static uint64_t pinned_word(const struct nt_pin *pin)
{
	return pin->slot ? atomic_load_explicit(&pin->slot->word, memory_order_relaxed) : 0;
}

/*
 * False: the source was closed meanwhile, and was the last handle. What goes with that is gone, such as the
 * name. The object of a pseudo-handle needs no handle.
 */
static bool add_handle(const struct nt_pin *pin)
{
	nt_race();
	if (pin->slot)
		return nt_object_get_handle_if_any(pin->object);
	atomic_fetch_add_explicit(&pin->object->handles, 1, memory_order_relaxed);
	return true;
}

static uint32_t publish_duplicate(struct ntsync_nt *nt, uint32_t index, const struct nt_pin *pin,
				  uint32_t *out, uint32_t options)
{
	uint64_t flags = 0;

	if (!add_handle(pin)) {
		nt_slot_cancel(nt, index);
		nt_handle_invalid(nt, nt_handle_at(nt, pin->index));
		return NTSYNC_STATUS_INVALID_HANDLE;
	}
	if (options & NTSYNC_NT_DUPLICATE_SAME_ATTRIBUTES)
		flags = pinned_word(pin) & NT_PROTECTED;
	nt_object_get(pin->object);
	*out = nt_slot_publish(nt, index, pin->object, flags);
	return NTSYNC_STATUS_SUCCESS;
}

static uint32_t create_duplicate(struct ntsync_nt *nt, const struct nt_pin *pin, uint32_t *out,
				 uint32_t options)
{
	uint32_t index = nt_slot_reserve(nt);

	if (index == NT_NO_INDEX)
		return NTSYNC_STATUS_INSUFFICIENT_RESOURCES;
	return publish_duplicate(nt, index, pin, out, options);
}

/*
 * Closes the slot, not the handle value: another thread may have closed the handle, and the value
 * may name another object by now.
 */
static uint32_t close_source(struct ntsync_nt *nt, const struct nt_pin *pin)
{
	return pin->slot ? close_slot(nt, pin->slot, pin->index) : NTSYNC_STATUS_SUCCESS;
}

static uint32_t duplicate_pinned(struct ntsync_nt *nt, const struct nt_pin *pin, uint32_t *out,
				 uint32_t options)
{
	bool closes = options & NTSYNC_NT_DUPLICATE_CLOSE_SOURCE;
	uint32_t unseen, status;

	if (!out && !(nt->config.flags & NTSYNC_NT_DUPLICATE_BLINDLY))
		return closes ? close_source(nt, pin) : NTSYNC_STATUS_SUCCESS;
	status = create_duplicate(nt, pin, out ? out : &unseen, options);
	/* As on NT, the source is closed whatever the error. */
	if (closes)
		close_source(nt, pin);
	return status;
}

#define ALL_OPTIONS (NTSYNC_NT_DUPLICATE_CLOSE_SOURCE | NTSYNC_NT_DUPLICATE_SAME_ACCESS | \
		     NTSYNC_NT_DUPLICATE_SAME_ATTRIBUTES)

NTSYNC_API uint32_t ntsync_nt_duplicate(struct ntsync_nt *nt, uint32_t handle, uint32_t *out,
					uint32_t options)
{
	struct nt_pin pin;
	uint32_t status;

	if (out)
		*out = nt->config.failure_value;
	if (options & ~ALL_OPTIONS) {
		if (options & NTSYNC_NT_DUPLICATE_CLOSE_SOURCE)
			ntsync_nt_close(nt, handle);
		return NTSYNC_STATUS_INVALID_PARAMETER;
	}
	status = nt_get(nt, handle, &pin);
	if (status)
		return status;
	status = duplicate_pinned(nt, &pin, out, options);
	nt_put(nt, &pin);
	return status;
}

static bool can_be_handle(const struct ntsync_nt *nt, uint32_t value)
{
	uint32_t index = nt_index_of(nt, value);

	return index < nt->slots.capacity && nt_handle_at(nt, index) == value &&
	       !nt_is_pseudo(value);
}

static uint32_t duplicate_pinned_at(struct ntsync_nt *nt, const struct nt_pin *pin,
				    uint32_t value, uint32_t options)
{
	uint32_t index, status;

	if (!inc_live(nt))
		return NTSYNC_STATUS_INSUFFICIENT_RESOURCES;
	index = begin_generation(nt, claim_slot(nt, nt_index_of(nt, value)));
	if (index == NT_NO_INDEX)
		return NTSYNC_STATUS_OBJECT_NAME_COLLISION;
	status = publish_duplicate(nt, index, pin, &value, options);
	if (!status && options & NTSYNC_NT_DUPLICATE_CLOSE_SOURCE)
		close_source(nt, pin);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_duplicate_at(struct ntsync_nt *nt, uint32_t handle, uint32_t value,
					   uint32_t options)
{
	struct nt_pin pin;
	uint32_t status;

	if (options & ~ALL_OPTIONS || !can_be_handle(nt, value))
		return NTSYNC_STATUS_INVALID_PARAMETER;
	status = nt_get(nt, handle, &pin);
	if (status)
		return status;
	status = duplicate_pinned_at(nt, &pin, value, options);
	nt_put(nt, &pin);
	return status;
}

/* Applies @update to the word of a handle's slot; if that returns false, nothing changes. */
static uint32_t update_slot(struct ntsync_nt *nt, uint32_t handle, bool (*update)(uint64_t *word))
{
	struct nt_slot *slot = nt_slot_at(nt, nt_index_of(nt, handle));
	uint64_t word = slot ? atomic_load_explicit(&slot->word, memory_order_relaxed) : 0;
	uint64_t next;

	do {
		if (!(word & NT_REF_MASK)) {
			nt_handle_invalid(nt, handle);
			return NTSYNC_STATUS_INVALID_HANDLE;
		}
		next = word;
		if (!update(&next))
			return NTSYNC_STATUS_INSUFFICIENT_RESOURCES;
	} while (!atomic_compare_exchange_weak_explicit(&slot->word, &word, next,
							memory_order_relaxed,
							memory_order_relaxed));
	return NTSYNC_STATUS_SUCCESS;
}

static bool add_ref(uint64_t *word)
{
	*word += NT_REF_ONE;
	return (*word & NT_REF_MASK) <= REFS_MAX;
}

static bool set_protected(uint64_t *word)
{
	*word |= NT_PROTECTED;
	return true;
}

static bool clear_protected(uint64_t *word)
{
	*word &= ~NT_PROTECTED;
	return true;
}

NTSYNC_API uint32_t ntsync_nt_retain(struct ntsync_nt *nt, uint32_t handle)
{
	return update_slot(nt, handle, add_ref);
}

NTSYNC_API uint32_t ntsync_nt_protect(struct ntsync_nt *nt, uint32_t handle, bool on)
{
	return update_slot(nt, handle, on ? set_protected : clear_protected);
}

NTSYNC_API uint32_t ntsync_nt_compare(struct ntsync_nt *nt, uint32_t first, uint32_t second)
{
	struct nt_pin a, b;
	uint32_t status = nt_get(nt, first, &a);

	if (status)
		return status;
	status = nt_get(nt, second, &b);
	if (!status) {
		if (a.object != b.object)
			status = NTSYNC_STATUS_NOT_SAME_OBJECT;
		nt_put(nt, &b);
	}
	nt_put(nt, &a);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_query(struct ntsync_nt *nt, uint32_t handle,
				    struct ntsync_nt_info *info)
{
	struct nt_pin pin;
	uint32_t status = nt_get(nt, handle, &pin);
	uint64_t word;

	if (status)
		return status;
	word = pinned_word(&pin);
	if (info)
		*info = (struct ntsync_nt_info){
			.id = pin.object->id,
			.type = pin.object->type,
			.generation = nt_generation(word),
			.references = (word & NT_REF_MASK) / NT_REF_ONE,
			.handles = atomic_load(&pin.object->handles),
			.is_protected = word & NT_PROTECTED,
		};
	nt_put(nt, &pin);
	return NTSYNC_STATUS_SUCCESS;
}
