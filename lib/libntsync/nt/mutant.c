// SPDX-License-Identifier: LGPL-2.1-or-later
#include "create.h"
#include "handle.h"
#include "types.h"

static int create_fd(const struct ntsync_nt *nt, const struct nt_object_spec *spec)
{
	return ntsync_mutex_create(nt->config.dev, spec->value, spec->limit);
}

static uint32_t create_owned(struct ntsync_nt *nt, uint32_t *out,
			     const struct ntsync_nt_attributes *attributes,
			     struct nt_object_spec *spec)
{
	struct nt_thread *thread = nt_thread_self(nt);

	if (!thread || nt_owned_reserve(thread, 1)) {
		if (out)
			*out = nt->config.failure_value;
		return NTSYNC_STATUS_NO_MEMORY;
	}
	spec->value = thread->tid;
	spec->limit = 1;
	return nt_create(nt, out, attributes, spec, thread);
}

NTSYNC_API uint32_t ntsync_nt_create_mutant(struct ntsync_nt *nt, uint32_t *out,
					    const struct ntsync_nt_attributes *attributes,
					    bool owned)
{
	struct nt_object_spec spec = { .type = NTSYNC_NT_MUTANT, .create_fd = create_fd };

	if (owned)
		return create_owned(nt, out, attributes, &spec);
	return nt_create(nt, out, attributes, &spec, NULL);
}

/* The list of a thread that is not attached is under the table's lock. */
static uint32_t reserve_locked(struct nt_thread *thread)
{
	if (thread->attached)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	return nt_owned_reserve(thread, 1) ? NTSYNC_STATUS_NO_MEMORY : NTSYNC_STATUS_SUCCESS;
}

/* Gives @mutant to its owner; NULL: only finds out whether that is possible. */
static uint32_t add_to_owner(struct ntsync_nt *nt, const struct nt_object_spec *spec,
			     struct nt_object *mutant)
{
	struct nt_thread *thread;
	struct nt_saved saved;
	uint32_t status;

	nt_lock(&nt->lock, &saved);
	status = nt_thread_address_locked(nt, spec->value, &thread);
	if (!status)
		status = reserve_locked(thread);
	if (!status && mutant)
		nt_owned_restore(thread, mutant, spec->limit);
	else if (thread)
		nt_thread_forget_unused_locked(thread);
	nt_unlock(&nt->lock, &saved);
	return status;
}

/* The handle is closed again if the owner's record cannot have the mutant. */
static uint32_t restore_mutant(struct ntsync_nt *nt, uint32_t *out,
			       const struct ntsync_nt_attributes *attributes,
			       const struct nt_object_spec *spec)
{
	uint32_t status = add_to_owner(nt, spec, NULL);
	struct nt_pin pin;

	if (!status)
		status = nt_create(nt, out, attributes, spec, NULL);
	if (status)
		return status;
	status = nt_get(nt, *out, &pin);
	if (status)
		return status;
	status = add_to_owner(nt, spec, pin.object);
	nt_put(nt, &pin);
	if (status) {
		ntsync_nt_close(nt, *out);
		*out = nt->config.failure_value;
	}
	return status;
}

NTSYNC_API uint32_t ntsync_nt_restore_mutant(struct ntsync_nt *nt, uint32_t *out,
					     const struct ntsync_nt_attributes *attributes,
					     uint32_t owner, uint32_t count)
{
	const struct nt_object_spec spec = {
		.type = NTSYNC_NT_MUTANT, .create_fd = create_fd, .value = owner, .limit = count,
	};

	if (out)
		*out = nt->config.failure_value;
	if (!owner || owner >= NTSYNC_NT_OWN_TIDS || !count || count > nt->config.mutant_limit)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	return restore_mutant(nt, out, attributes, &spec);
}

NTSYNC_API uint32_t ntsync_nt_open_mutant(struct ntsync_nt *nt, uint32_t *out, const char *name)
{
	return nt_open(nt, out, name, NTSYNC_NT_MUTANT);
}

/* NT's count of a mutant: 1 if it is free, 0 if it was acquired once, -1 if twice. */
static int32_t mutant_count(uint32_t acquired)
{
	return (int32_t)(1 - acquired);
}

uint32_t nt_mutant_not_owned_status(const struct nt_object *mutant)
{
	int ret = ntsync_mutex_read(mutant->fd, NULL, NULL);

	return ret == -EOWNERDEAD ? NTSYNC_STATUS_ABANDONED_WAIT_0 :
				    NTSYNC_STATUS_MUTANT_NOT_OWNED;
}

/*
 * The driver would also release a mutant that was adopted and that another program's thread owns by
 * the same id.
 */
uint32_t nt_mutant_release(struct nt_thread *thread, struct nt_object *mutant, int32_t *previous)
{
	uint32_t index = nt_owned_begin_release(thread, mutant), prev;
	int ret = -EPERM;

	if (index != NT_NO_INDEX)
		ret = ntsync_mutex_unlock(mutant->fd, thread->tid, &prev);
	if (ret)
		nt_owned_not_released(thread, mutant, index);
	if (ret == -EPERM)
		return nt_mutant_not_owned_status(mutant);
	if (ret)
		return nt_status(ret);
	nt_owned_released(thread, index);
	if (previous)
		*previous = mutant_count(prev);
	return NTSYNC_STATUS_SUCCESS;
}

/* The calling thread and the pinned mutant. On an error nothing is pinned. */
static uint32_t get_mutant(struct ntsync_nt *nt, uint32_t handle, struct nt_thread **thread,
			   struct nt_pin *pin)
{
	uint32_t status = nt_get_type(nt, handle, NTSYNC_NT_MUTANT, pin);

	if (status)
		return status;
	*thread = nt_thread_self(nt);
	if (*thread)
		return NTSYNC_STATUS_SUCCESS;
	nt_put(nt, pin);
	return NTSYNC_STATUS_NO_MEMORY;
}

NTSYNC_API uint32_t ntsync_nt_release_mutant(struct ntsync_nt *nt, uint32_t handle,
					     int32_t *previous)
{
	struct nt_thread *thread;
	struct nt_pin pin;
	uint32_t status = get_mutant(nt, handle, &thread, &pin);

	if (status)
		return status;
	status = nt_mutant_release(thread, pin.object, previous);
	nt_put(nt, &pin);
	return status;
}

static uint32_t read_mutant(const struct nt_thread *thread, const struct nt_object *mutant,
			    struct ntsync_nt_mutant_state *state)
{
	uint32_t owner, count;
	int ret = ntsync_mutex_read(mutant->fd, &owner, &count);

	if (ret && ret != -EOWNERDEAD)
		return nt_status(ret);
	if (state)
		*state = (struct ntsync_nt_mutant_state){
			.count = mutant_count(count),
			.owner = owner,
			.owned_by_caller = owner == thread->tid,
			.abandoned = ret == -EOWNERDEAD,
		};
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API uint32_t ntsync_nt_query_mutant(struct ntsync_nt *nt, uint32_t handle,
					   struct ntsync_nt_mutant_state *state)
{
	struct nt_thread *thread;
	struct nt_pin pin;
	uint32_t status = get_mutant(nt, handle, &thread, &pin);

	if (status)
		return status;
	status = read_mutant(thread, pin.object, state);
	nt_put(nt, &pin);
	return status;
}
