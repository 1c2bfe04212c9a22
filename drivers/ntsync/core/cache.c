// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slab caches of our own: aligned, so that two objects never share a cache line,
 * and not merged with others of the same size, so that /sys/kernel/slab and
 * slabtop can answer "who uses this module, and does it leak".
 */
#include <linux/slab.h>

#include "channel_internal.h"

static struct kmem_cache *task_cache;
static struct kmem_cache *obj_cache;
static struct kmem_cache *wait_cache;
static struct kmem_cache *channel_entry_cache;

int ntsync_cache_init(void)
{
	const slab_flags_t flags = SLAB_HWCACHE_ALIGN | SLAB_NO_MERGE;

	task_cache = kmem_cache_create("ntsync_task", sizeof(struct ntsync_task), 0, flags, NULL);
	if (!task_cache)
		return -ENOMEM;

	obj_cache = kmem_cache_create("ntsync_obj", sizeof(struct ntsync_obj), 0, flags, NULL);
	if (!obj_cache)
		goto err_task_cache;

	wait_cache = kmem_cache_create("ntsync_wait_q",
				       NTSYNC_CACHED_WAIT * sizeof(struct ntsync_wait_entry),
				       0, flags, NULL);
	if (!wait_cache)
		goto err_obj_cache;

	channel_entry_cache = kmem_cache_create("ntsync_channel_entry",
						sizeof(struct ntsync_channel_entry), 0, flags,
						NULL);
	if (!channel_entry_cache)
		goto err_wait_cache;
	return 0;

err_wait_cache:
	kmem_cache_destroy(wait_cache);
err_obj_cache:
	kmem_cache_destroy(obj_cache);
err_task_cache:
	kmem_cache_destroy(task_cache);
	return -ENOMEM;
}

void ntsync_cache_exit(void)
{
	kmem_cache_destroy(channel_entry_cache);
	kmem_cache_destroy(wait_cache);
	kmem_cache_destroy(obj_cache);
	kmem_cache_destroy(task_cache);
}

struct ntsync_task *ntsync_cache_alloc_task(void)
{
	return kmem_cache_zalloc(task_cache, GFP_KERNEL_ACCOUNT);
}

void ntsync_cache_free_task(struct ntsync_task *t)
{
	kmem_cache_free(task_cache, t);
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

struct ntsync_channel_entry *ntsync_cache_alloc_channel_entry(void)
{
	return kmem_cache_zalloc(channel_entry_cache, GFP_KERNEL_ACCOUNT);
}

void ntsync_cache_free_channel_entry(struct ntsync_channel_entry *e)
{
	kmem_cache_free(channel_entry_cache, e);
}
