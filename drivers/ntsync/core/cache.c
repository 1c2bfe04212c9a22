// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slab caches: aligned, so that two objects never share a cache line, and not merged with other
 * caches of the same size, so that slabtop shows what the module uses and whether it leaks.
 */
#include <linux/slab.h>

#include "core_internal.h"
#include "space.h"

static struct kmem_cache *obj_cache;
static struct kmem_cache *wait_cache;

struct kmem_cache *ntsync_cache_create(const char *name, unsigned int size)
{
	return kmem_cache_create(name, size, 0, SLAB_HWCACHE_ALIGN | SLAB_NO_MERGE, NULL);
}

int ntsync_cache_init(void)
{
	obj_cache = ntsync_cache_create("ntsync_obj", sizeof(struct ntsync_obj));
	if (!obj_cache)
		return -ENOMEM;
	wait_cache = ntsync_cache_create("ntsync_wait_q",
					 NTSYNC_CACHED_WAIT * sizeof(struct ntsync_wait_entry));
	if (wait_cache && !ntsync_space_init())
		return 0;
	kmem_cache_destroy(wait_cache);
	kmem_cache_destroy(obj_cache);
	return -ENOMEM;
}

void ntsync_cache_exit(void)
{
	ntsync_space_exit();
	kmem_cache_destroy(wait_cache);
	kmem_cache_destroy(obj_cache);
}

struct ntsync_obj *ntsync_cache_alloc_obj(void)
{
	return kmem_cache_zalloc(obj_cache, GFP_KERNEL_ACCOUNT);
}

void ntsync_cache_free_obj(struct ntsync_obj *obj)
{
	kmem_cache_free(obj_cache, obj);
}

struct ntsync_wait_entry *ntsync_cache_alloc_entries(u32 nr)
{
	if (nr <= NTSYNC_CACHED_WAIT)
		return kmem_cache_alloc(wait_cache, GFP_KERNEL_ACCOUNT);
	return kmalloc_array(nr, sizeof(struct ntsync_wait_entry), GFP_KERNEL_ACCOUNT);
}

void ntsync_cache_free_entries(struct ntsync_wait_entry *entries, u32 nr)
{
	if (nr <= NTSYNC_CACHED_WAIT)
		kmem_cache_free(wait_cache, entries);
	else
		kfree(entries);
}
