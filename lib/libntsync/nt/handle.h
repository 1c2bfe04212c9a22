/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a handle to its object. Each handle has a slot, which counts:
 *
 *	refs	one per create, duplicate and retain, dropped by a close; without refs the handle
 *		is closed
 *	pins	one per call that is using the handle
 *
 * The slot is free, and its handle value may be issued again, when both are 0.
 */
#ifndef LIBNTSYNC_NT_HANDLE_H
#define LIBNTSYNC_NT_HANDLE_H

#include "object.h"

/*
 * The word of a slot, changed by compare-and-swap. From the lowest bit:
 *
 *	28	pins; in a free slot the pool's link
 *	 1	protected from close
 *	 3	0
 *	12	refs; 0: the handle is closed, and cannot be pinned any more
 *	20	generation: how often the handle value was issued
 *
 * Pins cannot overflow: Linux has less than 2^22 threads, and a call pins at most 64.
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
 * @object: the object, constant while the slot has refs or pins.
 */
struct nt_slot {
	_Atomic uint64_t word;
	struct nt_object *object;
};

_Static_assert(sizeof(struct nt_slot) == 16, "four slots a cache line");

/* This many slots are a huge page. */
#define NT_SLOT_SHIFT	17

/**
 * struct nt_pin - an object that a call uses
 * @slot: the slot that is pinned. NULL for a pseudo-handle: the call has a reference to @object.
 * @object: the object.
 * @index: the index of @slot.
 */
struct nt_pin {
	struct nt_slot *slot;
	struct nt_object *object;
	uint32_t index;
};

static inline uint32_t nt_handle_at(const struct ntsync_nt *nt, uint32_t index)
{
	return nt->base + (index << nt->shift);
}

static inline bool nt_is_pseudo(uint32_t handle)
{
	return handle == NTSYNC_NT_CURRENT_PROCESS || handle == NTSYNC_NT_CURRENT_THREAD;
}

/*
 * The index of a handle's slot. What is not a multiple of the stride gets an index beyond all
 * slots: the rotation moves its low bits to the top.
 */
static inline uint32_t nt_index_of(const struct ntsync_nt *nt, uint32_t handle)
{
	uint32_t offset = (handle - nt->base) & nt->offset_mask;

	return offset >> nt->shift | offset << (32 - nt->shift);
}

/* The slot, in use or free; NULL if there has never been one with this index. */
static inline struct nt_slot *nt_slot_at(const struct ntsync_nt *nt, uint32_t index)
{
	char *segment = nt_pool_segment_at(&nt->slots, index, NT_SLOT_SHIFT);

	return segment ? (struct nt_slot *)segment + index % (1u << NT_SLOT_SHIFT) : NULL;
}

/*
 * Pins a slot that has refs. Races with the last close, which changes the same word:
 *
 *	nt_slot_pin()			close_slot()
 *
 *	  reads {refs 1, pins 0}
 *					  {1, 0} -> {0, 1}
 *	  {1, 0} -> {1, 1} fails
 *	  refs are 0: not pinned
 *
 * If the pin comes first, the close leaves {0, 2} in between, and the last nt_slot_unpin()
 * frees the slot.
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

/* Frees a slot that has neither refs nor pins. */
void nt_slot_free(struct ntsync_nt *nt, uint32_t index);

static inline void nt_slot_unpin(struct ntsync_nt *nt, struct nt_slot *slot, uint32_t index)
{
	uint64_t old = atomic_fetch_sub_explicit(&slot->word, NT_PIN_ONE, memory_order_acq_rel);

	nt_assert(old & NT_PIN_MASK);
	if ((old & (NT_REF_MASK | NT_PIN_MASK)) == NT_PIN_ONE)
		nt_slot_free(nt, index);
}

static inline uint32_t nt_generation(uint64_t word)
{
	return word >> NT_GENERATION_SHIFT;
}

/*
 * The object of a pseudo-handle with a reference, or an invalid handle, which is traced. Returns
 * the pin by value so that callers of nt_get() keep theirs in registers.
 */
struct nt_pin nt_get_pseudo(struct ntsync_nt *nt, uint32_t handle, uint32_t *status);

/* SUCCESS and the handle's object, pinned until nt_put(), or INVALID_HANDLE. */
static inline uint32_t nt_get(struct ntsync_nt *nt, uint32_t handle, struct nt_pin *pin)
{
	uint32_t index = nt_index_of(nt, handle), status;
	struct nt_slot *slot = nt_slot_at(nt, index);

	if (!slot || !nt_slot_pin(slot)) {
		*pin = nt_get_pseudo(nt, handle, &status);
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

/* As nt_get(), or OBJECT_TYPE_MISMATCH. */
uint32_t nt_get_type(struct ntsync_nt *nt, uint32_t handle, enum ntsync_nt_type type,
		     struct nt_pin *pin);
/* Traces the use of an invalid handle. */
void nt_handle_invalid(struct ntsync_nt *nt, uint32_t handle);

/* Allocates a slot for a new handle; NT_NO_INDEX if the table is full. */
uint32_t nt_slot_reserve(struct ntsync_nt *nt);
/* Undoes nt_slot_reserve(). */
void nt_slot_cancel(struct ntsync_nt *nt, uint32_t index);
/* Makes the slot a handle of @object. Takes over a reference and a handle from the caller. */
uint32_t nt_slot_publish(struct ntsync_nt *nt, uint32_t index, struct nt_object *object,
			 uint64_t flags);

#endif /* LIBNTSYNC_NT_HANDLE_H */
