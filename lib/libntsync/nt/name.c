// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Names. A name goes with its object's last handle, whoever else still uses the object. Who
 * closes that handle sees so without the lock, and then takes the name out of the table:
 *
 *	close				open
 *	  handles 1 -> 0
 *					  finds the name, can't claim a handle: it counts as gone
 *	  takes the lock and the name
 *
 * or the open claims its handle first, and then the close is not of the last one.
 */
#include "nt.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CHAINS 64

/**
 * struct nt_name - a name in the table
 * @next: in the chain.
 * @object: whose it is.
 * @hash: of the folded text.
 * @size: bytes of @text.
 * @text: as it was given.
 */
struct nt_name {
	struct nt_name *next;
	struct nt_object *object;
	uint32_t hash;
	size_t size;
	char text[];
};

static char fold(char c)
{
	return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

/* FNV-1a; the same for names that differ in case, as either may be looked for. */
static uint32_t hash_of(const char *text, size_t size)
{
	uint32_t hash = 2166136261u;

	while (size--)
		hash = (hash ^ (unsigned char)fold(*text++)) * 16777619u;
	return hash;
}

/* A name that is in no table, or NULL without memory. */
static struct nt_name *make_name(const char *text, size_t size)
{
	struct nt_name *name = malloc(sizeof(*name) + size);

	if (!name)
		return NULL;
	memcpy(name->text, text, size);
	name->size = size;
	name->hash = hash_of(name->text, size);
	return name;
}

static struct nt_name **chain_of(const struct ntsync_nt *nt, uint32_t hash)
{
	return &nt->names[hash & (nt->nr_chains - 1)];
}

static void link_name_locked(struct ntsync_nt *nt, struct nt_name *name)
{
	struct nt_name **chain = chain_of(nt, name->hash);

	name->next = *chain;
	*chain = name;
}

static bool resize_locked(struct ntsync_nt *nt, size_t nr_chains)
{
	struct nt_name **old = nt->names;
	size_t nr_old = nt->nr_chains;
	struct nt_name **new = calloc(nr_chains, sizeof(*new));

	if (!new)
		return false;
	nt->names = new;
	nt->nr_chains = nr_chains;
	for (size_t i = 0; i < nr_old; i++) {
		while (old[i]) {
			struct nt_name *name = old[i];

			old[i] = name->next;
			link_name_locked(nt, name);
		}
	}
	free(old);
	return true;
}

/* With longer chains it would go on working, so only the first allocation has to succeed. */
static bool grow_locked(struct ntsync_nt *nt)
{
	if (nt->nr_names < nt->nr_chains)
		return true;
	return resize_locked(nt, nt->nr_chains ? 2 * nt->nr_chains : FIRST_CHAINS) ||
	       nt->nr_chains;
}

static bool is_folded(const struct nt_name *a, const struct nt_name *b)
{
	for (size_t i = 0; i < a->size; i++) {
		if (fold(a->text[i]) != fold(b->text[i]))
			return false;
	}
	return true;
}

static bool is_exact(const struct nt_name *a, const struct nt_name *b)
{
	return !memcmp(a->text, b->text, a->size);
}

/* A reference and a handle to come. */
static bool take_locked(struct ntsync_nt *nt, struct nt_object *object)
{
	if (!nt_object_get_if_live(object))
		return false;
	if (nt_object_claim_handle(object))
		return true;
	nt_object_put(nt, object);
	return false;
}

/* The object with this name, taken, or NULL. */
static struct nt_object *match_locked(struct ntsync_nt *nt, const struct nt_name *wanted,
				      bool (*equals)(const struct nt_name *a,
						     const struct nt_name *b))
{
	struct nt_name *name = nt->nr_chains ? *chain_of(nt, wanted->hash) : NULL;

	for (; name; name = name->next) {
		if (name->hash == wanted->hash && name->size == wanted->size &&
		    equals(name, wanted) && take_locked(nt, name->object))
			return name->object;
	}
	return NULL;
}

/* Of several that differ in case, the one that doesn't. */
static struct nt_object *find_locked(struct ntsync_nt *nt, const struct nt_name *wanted,
				     uint32_t flags)
{
	struct nt_object *found = match_locked(nt, wanted, is_exact);

	if (!found && (flags & NTSYNC_NT_CASE_INSENSITIVE ||
		       nt->config.flags & NTSYNC_NT_FOLD_NAMES))
		found = match_locked(nt, wanted, is_folded);
	return found;
}

static uint32_t make_locked(struct ntsync_nt *nt, struct nt_name *name,
			    const struct nt_recipe *recipe, struct nt_object **out)
{
	uint32_t status;

	if (!grow_locked(nt))
		return NTSYNC_STATUS_NO_MEMORY;
	status = nt_object_create(nt, recipe, out);
	if (status)
		return status;
	name->object = *out;
	atomic_store_explicit(&(*out)->name, name, memory_order_relaxed);
	link_name_locked(nt, name);
	nt->nr_names++;
	return NTSYNC_STATUS_SUCCESS;
}

/* Text to name, with the lock taken: SUCCESS, or an error and nothing to undo. */
static uint32_t begin(struct ntsync_nt *nt, const char *text, struct nt_name **name,
		      struct nt_saved *saved)
{
	size_t size = strnlen(text, NTSYNC_NT_MAX_NAME + 1);

	if (size > NTSYNC_NT_MAX_NAME)
		return NTSYNC_STATUS_OBJECT_NAME_INVALID;
	nt_lock(&nt->lock, saved);
	*name = make_name(text, size);
	if (*name)
		return NTSYNC_STATUS_SUCCESS;
	nt_unlock(&nt->lock, saved);
	return NTSYNC_STATUS_NO_MEMORY;
}

static void let_go(struct ntsync_nt *nt, struct nt_object *found)
{
	nt_object_handle_gone(nt, found);
	nt_object_put(nt, found);
}

/* @good if what has the name may be used for @type; if not, it is let go. */
static uint32_t judge(struct ntsync_nt *nt, struct nt_object *found, enum ntsync_nt_type type,
		      uint32_t good)
{
	if (found->type == type)
		return good;
	let_go(nt, found);
	return NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
}

uint32_t nt_name_create(struct ntsync_nt *nt, const struct ntsync_nt_attributes *attributes,
			const struct nt_recipe *recipe, struct nt_object **out)
{
	struct nt_object *found;
	struct nt_name *name;
	struct nt_saved saved;
	uint32_t status = begin(nt, attributes->name, &name, &saved);

	if (status)
		return status;
	found = find_locked(nt, name, attributes->flags);
	if (!found)
		status = make_locked(nt, name, recipe, out);
	if (found || status)
		free(name);
	nt_unlock(&nt->lock, &saved);
	if (!found)
		return status;
	*out = found;
	if (!(attributes->flags & NTSYNC_NT_OPEN_IF)) {
		let_go(nt, found);
		return NTSYNC_STATUS_OBJECT_NAME_COLLISION;
	}
	return judge(nt, found, recipe->type, NTSYNC_STATUS_OBJECT_NAME_EXISTS);
}

uint32_t nt_name_open(struct ntsync_nt *nt, const struct ntsync_nt_attributes *attributes,
		      enum ntsync_nt_type type, struct nt_object **out)
{
	struct nt_name *name;
	struct nt_saved saved;
	uint32_t status;

	status = begin(nt, attributes->name, &name, &saved);
	if (status)
		return status;
	*out = find_locked(nt, name, attributes->flags);
	free(name);
	nt_unlock(&nt->lock, &saved);
	return *out ? judge(nt, *out, type, NTSYNC_STATUS_SUCCESS) :
		      NTSYNC_STATUS_OBJECT_NAME_NOT_FOUND;
}

static void unlink_locked(struct ntsync_nt *nt, struct nt_name *name)
{
	struct nt_name **link = chain_of(nt, name->hash);

	while (*link != name)
		link = &(*link)->next;
	*link = name->next;
	nt->nr_names--;
	free(name);
}

/* It may have a handle again, duplicated from one that a call was using. */
void nt_name_remove(struct ntsync_nt *nt, struct nt_object *object)
{
	struct nt_name *name;
	struct nt_saved saved;

	nt_lock(&nt->lock, &saved);
	name = atomic_load_explicit(&object->name, memory_order_relaxed);
	if (name && !atomic_load(&object->handles)) {
		atomic_store_explicit(&object->name, NULL, memory_order_relaxed);
		unlink_locked(nt, name);
	}
	nt_unlock(&nt->lock, &saved);
}

void nt_names_exit(struct ntsync_nt *nt)
{
	for (size_t i = 0; i < nt->nr_chains; i++) {
		while (nt->names[i]) {
			struct nt_name *name = nt->names[i];

			nt->names[i] = name->next;
			free(name);
		}
	}
	free(nt->names);
}
