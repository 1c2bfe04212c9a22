// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nt.h"

static int make(const struct ntsync_nt *nt, const struct nt_recipe *recipe)
{
	return ntsync_mutex_create(nt->config.dev, recipe->a, recipe->a ? 1 : 0);
}

static void owned_from_the_start(struct nt_object *object, void *thread)
{
	nt_owned_acquired(thread, object);
}

static uint32_t create_owned(struct ntsync_nt *nt, uint32_t *out,
			     const struct ntsync_nt_attributes *attributes,
			     struct nt_recipe *recipe)
{
	struct nt_thread *thread = nt_thread_self(nt);

	if (!thread || nt_owned_reserve(thread, 1)) {
		if (out)
			*out = nt->config.failure_value;
		return NTSYNC_STATUS_NO_MEMORY;
	}
	recipe->a = thread->tid;
	return nt_create(nt, out, attributes, recipe, owned_from_the_start, thread);
}

NTSYNC_API uint32_t ntsync_nt_create_mutant(struct ntsync_nt *nt, uint32_t *out,
					    const struct ntsync_nt_attributes *attributes,
					    bool owned)
{
	struct nt_recipe recipe = { .type = NTSYNC_NT_MUTANT, .make = make };

	if (owned)
		return create_owned(nt, out, attributes, &recipe);
	return nt_create(nt, out, attributes, &recipe, NULL, NULL);
}

NTSYNC_API uint32_t ntsync_nt_open_mutant(struct ntsync_nt *nt, uint32_t *out, const char *name)
{
	return nt_open(nt, out, name, NTSYNC_NT_MUTANT);
}

/* NT starts from 1 and counts down. */
static int32_t nt_count(uint32_t acquired)
{
	return (int32_t)(1 - acquired);
}

uint32_t nt_mutant_why_not_owned(const struct nt_object *object)
{
	int ret = ntsync_mutex_read(object->fd, NULL, NULL);

	return ret == -EOWNERDEAD ? NTSYNC_STATUS_ABANDONED_WAIT_0 :
				    NTSYNC_STATUS_MUTANT_NOT_OWNED;
}

/*
 * The place in the list is looked up before the release: after it, the next owner writes
 * its own into the object.
 */
uint32_t nt_mutant_release(struct nt_thread *thread, struct nt_object *object,
			   int32_t *previous)
{
	uint32_t place = nt_owned_find(thread, object);
	uint32_t prev;
	int ret = ntsync_mutex_unlock(object->fd, thread->tid, &prev);

	if (ret == -EPERM)
		return nt_mutant_why_not_owned(object);
	if (ret)
		return nt_status(ret);
	nt_owned_released(thread, place);
	if (previous)
		*previous = nt_count(prev);
	return NTSYNC_STATUS_SUCCESS;
}

NTSYNC_API uint32_t ntsync_nt_release_mutant(struct ntsync_nt *nt, uint32_t handle,
					     int32_t *previous)
{
	struct nt_thread *thread;
	struct nt_pin pin;
	uint32_t status;

	status = nt_get_type(nt, handle, NTSYNC_NT_MUTANT, &pin);
	if (status)
		return status;
	thread = nt_thread_self(nt);
	status = thread ? nt_mutant_release(thread, pin.object, previous) :
			  NTSYNC_STATUS_NO_MEMORY;
	nt_put(nt, &pin);
	return status;
}

static uint32_t read_state(const struct nt_thread *thread, const struct nt_object *object,
			   struct ntsync_nt_mutant_state *state)
{
	uint32_t owner, count;
	int ret = ntsync_mutex_read(object->fd, &owner, &count);

	if (ret && ret != -EOWNERDEAD)
		return nt_status(ret);
	if (state)
		*state = (struct ntsync_nt_mutant_state){
			.count = nt_count(count),
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
	uint32_t status;

	status = nt_get_type(nt, handle, NTSYNC_NT_MUTANT, &pin);
	if (status)
		return status;
	thread = nt_thread_self(nt);
	status = thread ? read_state(thread, pin.object, state) : NTSYNC_STATUS_NO_MEMORY;
	nt_put(nt, &pin);
	return status;
}
