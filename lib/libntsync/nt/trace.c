// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nt.h"

/* @most is raised to @value. */
static void raise_most(_Atomic uint32_t *most, uint32_t value)
{
	uint32_t old = atomic_load_explicit(most, memory_order_relaxed);

	while (old < value &&
	       !atomic_compare_exchange_weak_explicit(most, &old, value, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

static void count(_Atomic uint32_t *now, _Atomic uint32_t *most, int change)
{
	uint32_t old = atomic_fetch_add_explicit(now, (uint32_t)change, memory_order_relaxed);

	nt_assert(change > 0 || old > 0);
	if (change > 0)
		raise_most(most, old + 1);
}

void nt_count_object(struct ntsync_nt *nt, enum ntsync_nt_type type, int change)
{
	count(&nt->counts[type].objects, &nt->counts[type].most_objects, change);
}

static void count_handle(struct ntsync_nt *nt, enum ntsync_nt_type type, int change)
{
	count(&nt->counts[type].handles, &nt->counts[type].most_handles, change);
}

static uint32_t calling_thread(const struct ntsync_nt *nt)
{
	const struct nt_thread *thread = nt_thread_find_self(nt);

	return thread ? thread->tid : nt_thread_own_tid();
}

/* What the key of a thread has that has been in the hook, and is not now. */
static const char outside;

/* A thread's first value takes memory, and nobody is to be suspended in the allocator. */
static bool enter_hook(struct ntsync_nt *nt, const void *inside)
{
	struct nt_saved saved;
	int ret;

	if (pthread_getspecific(nt->hook_key))
		return !pthread_setspecific(nt->hook_key, inside);
	nt_block(&saved);
	ret = pthread_setspecific(nt->hook_key, inside);
	nt_unblock(&saved);
	return !ret;
}

static bool is_in_hook(const struct ntsync_nt *nt)
{
	const void *value = pthread_getspecific(nt->hook_key);

	return value && value != &outside;
}

/*
 * A hook may ask about handles, also about its own, which is none yet, or none any more: that
 * this is an invalid handle would be traced, and so on without end. And one that prints has
 * cancellation points, but its caller is in the middle of a step.
 */
static void trace(struct ntsync_nt *nt, struct ntsync_nt_record *record)
{
	int state;

	if (is_in_hook(nt))
		return;
	record->sequence = atomic_fetch_add(&nt->sequence, 1) + 1;
	record->thread = calling_thread(nt);
	if (!enter_hook(nt, record))
		return;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	nt->config.trace(nt->config.trace_context, record);
	pthread_setcancelstate(state, NULL);
	pthread_setspecific(nt->hook_key, &outside);
}

static void trace_slot(struct ntsync_nt *nt, enum ntsync_nt_operation operation, uint32_t index)
{
	const struct nt_slot *slot = nt_slot_at(nt, index);
	struct ntsync_nt_record record = {
		.operation = operation,
		.handle = nt_handle_at(nt, index),
		.generation = nt_generation(atomic_load(&slot->word)),
		.id = slot->object->id,
		.type = slot->object->type,
	};

	trace(nt, &record);
}

void nt_handle_created(struct ntsync_nt *nt, uint32_t index)
{
	enum ntsync_nt_type type = nt_slot_at(nt, index)->object->type;

	count_handle(nt, type, 1);
	atomic_fetch_add_explicit(&nt->counts[type].creates, 1, memory_order_relaxed);
	if (nt->config.trace)
		trace_slot(nt, NTSYNC_NT_CREATE, index);
}

void nt_handle_destroyed(struct ntsync_nt *nt, uint32_t index)
{
	count_handle(nt, nt_slot_at(nt, index)->object->type, -1);
	if (nt->config.trace)
		trace_slot(nt, NTSYNC_NT_DESTROY, index);
}

void nt_handle_invalid(struct ntsync_nt *nt, uint32_t handle)
{
	struct ntsync_nt_record record = { .operation = NTSYNC_NT_INVALID, .handle = handle };

	if (nt->config.trace)
		trace(nt, &record);
}

int nt_trace_init(struct ntsync_nt *nt)
{
	return nt->config.trace ? -pthread_key_create(&nt->hook_key, NULL) : 0;
}

void nt_trace_exit(struct ntsync_nt *nt)
{
	if (nt->config.trace)
		pthread_key_delete(nt->hook_key);
}
