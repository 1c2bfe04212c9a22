// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Names. A name is removed with the last handle of its object, even if the object lives on. The
 * call that drops the last handle takes the lock only after that:
 *
 *	nt_name_put_handle()		open_named_locked()
 *
 *	  handles 1 -> 0
 *					  finds the name, but handles are 0: removes it, not found
 *	  lock, remove the name if it is there
 *
 * If the open takes its handle first, the other call does not drop the last one.
 */
#include "name.h"

#include "association.h"
#include "port.h"

#include <stdlib.h>
#include <string.h>

/**
 * struct nt_name - a name
 * @link: in &ntsync_nt.names, by the hash of the folded text.
 * @object: the object that has it.
 * @size: bytes of @text.
 * @text: the name as it was given.
 */
struct nt_name {
	struct nt_hash_link link;
	struct nt_object *object;
	size_t size;
	char text[];
};

static char fold_case(char c)
{
	return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

/* FNV-1a of the folded text, because a search may ignore the case. */
static uint32_t hash_text(const char *text, size_t size)
{
	uint32_t hash = 2166136261u;

	while (size--)
		hash = (hash ^ (unsigned char)fold_case(*text++)) * 16777619u;
	return hash;
}

static struct nt_name *create_name(const char *text, size_t size)
{
	struct nt_name *name = malloc(sizeof(*name) + size);

	if (!name)
		return NULL;
	memcpy(name->text, text, size);
	name->size = size;
	name->link.hash = hash_text(name->text, size);
	return name;
}

static bool is_same_folded(const struct nt_name *a, const struct nt_name *b)
{
	for (size_t i = 0; i < a->size; i++) {
		if (fold_case(a->text[i]) != fold_case(b->text[i]))
			return false;
	}
	return true;
}

static bool is_same(const struct nt_name *a, const struct nt_name *b)
{
	return !memcmp(a->text, b->text, a->size);
}

static void remove_name_locked(struct ntsync_nt *nt, struct nt_name *name)
{
	atomic_store_explicit(&name->object->name, NULL, memory_order_relaxed);
	nt_hash_remove(&nt->names, &name->link);
	free(name);
}

/*
 * Removes the name of an object without handles. The call that has closed the last one may not have come to that, and
 * the object may get a handle again: a duplicate of a pseudo-handle. Then two objects would have the name.
 */
static struct nt_object *match_name_locked(struct ntsync_nt *nt, const struct nt_name *wanted,
					   bool (*equals)(const struct nt_name *a,
							  const struct nt_name *b))
{
	struct nt_hash_link *link = nt_hash_chain(&nt->names, wanted->link.hash), *next;

	for (; link; link = next) {
		struct nt_name *name = (struct nt_name *)link;

		next = link->next;
		if (link->hash != wanted->link.hash || name->size != wanted->size ||
		    !equals(name, wanted))
			continue;
		if (atomic_load(&name->object->handles))
			return name->object;
		remove_name_locked(nt, name);
	}
	return NULL;
}

/* The object with this name, which has a handle, or NULL. The exact case wins. */
static struct nt_object *find_name_locked(struct ntsync_nt *nt, const struct nt_name *wanted,
					  uint32_t flags)
{
	struct nt_object *found = match_name_locked(nt, wanted, is_same);

	if (!found && (flags & NTSYNC_NT_CASE_INSENSITIVE ||
		       nt->config.flags & NTSYNC_NT_FOLD_NAMES))
		found = match_name_locked(nt, wanted, is_same_folded);
	return found;
}

/**
 * struct request - which object a call asks for
 * @name: its name.
 * @flags: those of &struct ntsync_nt_attributes.
 * @type: its type.
 * @kind: of one of the runtime's own: its kind, or 0.
 * @creates: the call creates an object. Without NTSYNC_NT_OPEN_IF it fails if one has the name.
 */
struct request {
	const struct nt_name *name;
	uint32_t flags;
	enum ntsync_nt_type type;
	uint32_t kind;
	bool creates;
};

/*
 * Takes a reference and a handle. While an object has its name, it has a reference: the call that closes the last
 * handle keeps one until it has removed the name. The new reference comes before the new handle: a close of another
 * handle is not that of the last one then, and drops its reference without the lock.
 */
static bool get_named_locked(struct ntsync_nt *nt, struct nt_object *object)
{
	bool has_any;

	nt_object_get(object);
	nt_race();
	has_any = nt_object_get_handle_if_any(object);
	nt_race();
	if (!has_any)
		nt_object_put(nt, object);
	return has_any;
}

/*
 * The object that has the name, with a reference and a handle. A call that fails has had no handle. A query would
 * count it. A close meanwhile would not be that of the last handle, and would leave the name.
 */
static uint32_t open_named_locked(struct ntsync_nt *nt, const struct request *request,
				  struct nt_object **out)
{
	struct nt_object *found;

	do {
		nt_race();
		found = find_name_locked(nt, request->name, request->flags);
		if (!found)
			return NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND;
		if (request->creates && !(request->flags & NTSYNC_NT_OPEN_IF))
			return NTSYNC_STATUS_OBJECT_NAME_COLLISION;
		if (!nt_object_is_of(found, request->type, request->kind))
			return NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	} while (!get_named_locked(nt, found));
	*out = found;
	return request->creates ? NTSYNC_STATUS_OBJECT_NAME_EXISTS : NTSYNC_STATUS_SUCCESS;
}

static uint32_t create_named_locked(struct ntsync_nt *nt, struct nt_name *name,
				    const struct nt_object_spec *spec, struct nt_object **out)
{
	uint32_t status;

	if (!nt_hash_reserve(&nt->names))
		return NTSYNC_STATUS_NO_MEMORY;
	status = nt_object_create(nt, spec, out);
	if (status)
		return status;
	name->object = *out;
	atomic_store_explicit(&(*out)->name, name, memory_order_relaxed);
	nt_hash_insert(&nt->names, &name->link);
	return NTSYNC_STATUS_SUCCESS;
}

/* On SUCCESS the lock is held. */
static uint32_t lock_and_create_name(struct ntsync_nt *nt, const char *text,
				     struct nt_name **name, struct nt_saved *saved)
{
	size_t size = strnlen(text, NTSYNC_NT_MAX_NAME + 1);

	if (size > NTSYNC_NT_MAX_NAME)
		return NTSYNC_STATUS_OBJECT_NAME_INVALID;
	nt_lock(&nt->lock, saved);
	*name = create_name(text, size);
	if (*name)
		return NTSYNC_STATUS_SUCCESS;
	nt_unlock(&nt->lock, saved);
	return NTSYNC_STATUS_NO_MEMORY;
}

static uint32_t kind_of(const struct nt_object_spec *spec)
{
	return spec->type == NTSYNC_NT_OWN ? spec->own->kind : 0;
}

uint32_t nt_name_create(struct ntsync_nt *nt, const struct ntsync_nt_attributes *attributes,
			const struct nt_object_spec *spec, struct nt_object **out)
{
	struct request request = {
		.flags = attributes->flags, .type = spec->type, .kind = kind_of(spec),
		.creates = true,
	};
	struct nt_name *name;
	struct nt_saved saved;
	uint32_t status = lock_and_create_name(nt, attributes->name, &name, &saved);

	if (status)
		return status;
	request.name = name;
	status = open_named_locked(nt, &request, out);
	if (status == NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND)
		status = create_named_locked(nt, name, spec, out);
	if (status)
		free(name);
	nt_unlock(&nt->lock, &saved);
	return status;
}

uint32_t nt_name_open(struct ntsync_nt *nt, const struct ntsync_nt_attributes *attributes,
		      enum ntsync_nt_type type, uint32_t kind, struct nt_object **out)
{
	struct request request = { .flags = attributes->flags, .type = type, .kind = kind };
	struct nt_name *name;
	struct nt_saved saved;
	uint32_t status = lock_and_create_name(nt, attributes->name, &name, &saved);

	if (status)
		return status;
	request.name = name;
	status = open_named_locked(nt, &request, out);
	free(name);
	nt_unlock(&nt->lock, &saved);
	return status;
}

/* Another call may have removed it. The object may have a handle again: a duplicate of a pseudo-handle. */
static void remove_unused_name(struct ntsync_nt *nt, struct nt_object *object)
{
	struct nt_name *name;
	struct nt_saved saved;

	nt_lock(&nt->lock, &saved);
	name = atomic_load_explicit(&object->name, memory_order_relaxed);
	if (name && !atomic_load(&object->handles))
		remove_name_locked(nt, name);
	nt_unlock(&nt->lock, &saved);
}

void nt_name_put_handle(struct ntsync_nt *nt, struct nt_object *object)
{
	uint32_t handles = atomic_fetch_sub_explicit(&object->handles, 1, memory_order_acq_rel);

	nt_assert(handles > 0);
	if (handles != 1)
		return;
	nt_race();
	if (atomic_load_explicit(&object->name, memory_order_relaxed))
		remove_unused_name(nt, object);
	if (object->type == NTSYNC_NT_IO_COMPLETION) {
		nt_port_close(nt, object->port);
		nt_packets_free(nt, nt_association_close_port(nt, object));
	}
	if (object->type == NTSYNC_NT_WAIT_COMPLETION_PACKET)
		nt_packets_free(nt, nt_association_close(nt, object->association));
}

size_t nt_name_read(struct ntsync_nt *nt, const struct nt_object *object, char *text, size_t size)
{
	const struct nt_name *name;
	struct nt_saved saved;
	size_t length, copied;

	nt_lock(&nt->lock, &saved);
	name = atomic_load_explicit(&object->name, memory_order_relaxed);
	length = name ? name->size : 0;
	copied = length < size ? length : size ? size - 1 : 0;
	if (copied)
		memcpy(text, name->text, copied);
	nt_unlock(&nt->lock, &saved);
	if (size)
		text[copied] = 0;
	return length;
}

void nt_names_exit(struct ntsync_nt *nt)
{
	struct nt_hash_link *link;

	while ((link = nt_hash_drain(&nt->names)))
		free(link);
}
