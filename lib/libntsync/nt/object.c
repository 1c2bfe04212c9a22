// SPDX-License-Identifier: LGPL-2.1-or-later
#include "nt.h"

#include <fcntl.h>
#include <unistd.h>

int nt_not_zero(int fd)
{
	int moved;

	if (fd)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (moved < 0)
		moved = -errno;
	nt_close_fd(fd);
	return moved;
}

static void fill(struct ntsync_nt *nt, struct nt_object *object, const struct nt_recipe *recipe,
		 int fd)
{
	object->fd = fd;
	object->type = recipe->type;
	object->manual = recipe->manual;
	atomic_store_explicit(&object->name, NULL, memory_order_relaxed);
	object->timer = recipe->timer;
	object->id = atomic_fetch_add_explicit(&nt->next_id, 1, memory_order_relaxed) + 1;
	atomic_store_explicit(&object->handles, 1, memory_order_relaxed);
	/* From here on nt_object_get_if_live() finds it: see there. */
	atomic_store_explicit(&object->refs, 1, memory_order_release);
	nt_count_object(nt, object->type, 1);
}

uint32_t nt_object_create(struct ntsync_nt *nt, const struct nt_recipe *recipe,
			  struct nt_object **out)
{
	uint32_t index = nt_pool_alloc(&nt->objects);
	int fd;

	if (index == NT_NO_INDEX)
		return NTSYNC_STATUS_INSUFFICIENT_RESOURCES;
	fd = nt_not_zero(recipe->make(nt, recipe));
	if (fd >= 0 && !nt_fd_is_for_objects(nt, fd)) {
		nt_close_fd(fd);
		fd = -EMFILE;
	}
	if (fd < 0) {
		nt_pool_free(&nt->objects, index);
		return nt_status(fd);
	}
	*out = nt_pool_item(&nt->objects, index);
	(*out)->index = index;
	fill(nt, *out, recipe, fd);
	return NTSYNC_STATUS_SUCCESS;
}

void nt_object_get(struct nt_object *object)
{
	uint32_t refs = atomic_fetch_add_explicit(&object->refs, 1, memory_order_relaxed);

	nt_assert(refs > 0);
	(void)refs;
}

/* Acquires what fill() released, so that the caller may compare the id. */
bool nt_object_get_if_live(struct nt_object *object)
{
	uint32_t refs = atomic_load_explicit(&object->refs, memory_order_relaxed);

	do {
		if (!refs)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&object->refs, &refs, refs + 1,
							memory_order_acquire,
							memory_order_relaxed));
	return true;
}

bool nt_object_claim_handle(struct nt_object *object)
{
	uint32_t handles = atomic_load_explicit(&object->handles, memory_order_relaxed);

	do {
		if (!handles)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&object->handles, &handles, handles + 1,
							memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

void nt_object_handle_gone(struct ntsync_nt *nt, struct nt_object *object)
{
	uint32_t handles = atomic_fetch_sub_explicit(&object->handles, 1, memory_order_acq_rel);

	nt_assert(handles > 0);
	if (handles == 1 && atomic_load_explicit(&object->name, memory_order_relaxed))
		nt_name_remove(nt, object);
}

static void destroy(struct ntsync_nt *nt, struct nt_object *object)
{
	nt_assert(!atomic_load(&object->handles) && !atomic_load(&object->name));
	if (object->timer)
		nt_timer_destroy(nt, object->timer);
	nt_close_fd(object->fd);
	nt_count_object(nt, object->type, -1);
	nt_pool_free(&nt->objects, object->index);
}

void nt_object_put(struct ntsync_nt *nt, struct nt_object *object)
{
	uint32_t refs = atomic_fetch_sub_explicit(&object->refs, 1, memory_order_acq_rel);

	nt_assert(refs > 0);
	if (refs == 1)
		destroy(nt, object);
}
