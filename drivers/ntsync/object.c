// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lifetime of devices and objects.
 */
#include <linux/anon_inodes.h>
#include <linux/fcntl.h>
#include <linux/slab.h>

#include "lock.h"
#include "ntsync_internal.h"

/* Of instances and objects, so that a number means one thing in all that is shown. */
static atomic64_t last_id = ATOMIC64_INIT(0);

struct ntsync_device *ntsync_device_alloc(void)
{
	struct ntsync_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);

	if (!dev)
		return NULL;
	kref_init(&dev->refs);
	dev->id = atomic64_inc_return(&last_id);
	rt_mutex_init(&dev->all_lock);
	raw_spin_lock_init(&dev->owners_lock);
	init_waitqueue_head(&dev->pollers);
	return dev;
}

void ntsync_device_get(struct ntsync_device *dev)
{
	kref_get(&dev->refs);
}

static void device_free(struct kref *refs)
{
	kfree(container_of(refs, struct ntsync_device, refs));
}

/* True if that was the last reference. */
bool ntsync_device_put(struct ntsync_device *dev)
{
	return kref_put(&dev->refs, device_free);
}

/* Zeroed but for what is common to all types; the type fills in its own state. */
struct ntsync_obj *ntsync_obj_alloc(struct ntsync_device *dev, const struct ntsync_obj_ops *ops)
{
	struct ntsync_obj *obj = ntsync_cache_alloc_obj();

	if (!obj)
		return NULL;
	raw_spin_lock_init(&obj->lock);
	ntsync_waitq_init(&obj->any);
	ntsync_waitq_init(&obj->all);
	obj->id = atomic64_inc_return(&last_id);
	obj->ops = ops;
	ntsync_device_get(dev);
	obj->dev = dev;
	return obj;
}

/* True if its instance has gone with it. */
bool ntsync_obj_free(struct ntsync_obj *obj)
{
	struct ntsync_device *dev = obj->dev;

	/* A waiter holds the file, so the last file can't go while one is queued. */
	WARN_ON_ONCE(obj->any.count || obj->all.count || obj->all_waits || obj->unsettled);
	if (obj->ops->destroy)
		obj->ops->destroy(obj);
	ntsync_obj_free_pollers(obj);
	ntsync_cache_free_obj(obj);
	return ntsync_device_put(dev);
}

/* The fd owns the object; without an fd there is no object. */
int ntsync_obj_install_fd(struct ntsync_obj *obj, const struct file_operations *fops)
{
	int fd = anon_inode_getfd("ntsync", fops, obj, O_CLOEXEC | O_RDWR);

	if (fd < 0)
		ntsync_obj_free(obj);
	return fd;
}
