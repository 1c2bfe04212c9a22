// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lifetime of devices and objects.
 */
#include <linux/anon_inodes.h>
#include <linux/fcntl.h>
#include <linux/llist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "core_internal.h"
#include "pi/pi.h"

static atomic64_t last_id = ATOMIC64_INIT(0);

/* Instances, objects and spaces share the numbers, so an id in fdinfo means one thing. */
u64 ntsync_new_id(void)
{
	return atomic64_inc_return(&last_id);
}

struct ntsync_device *ntsync_device_alloc(void)
{
	struct ntsync_device *dev = kzalloc(sizeof(*dev), GFP_KERNEL_ACCOUNT);

	if (!dev)
		return NULL;
	kref_init(&dev->refs);
	dev->id = ntsync_new_id();
	rt_mutex_init(&dev->all_lock);
	raw_spin_lock_init(&dev->lock);
	ntsync_pi_device_init(dev);
	init_waitqueue_head(&dev->pollers);
	return dev;
}

void ntsync_device_get(struct ntsync_device *dev)
{
	kref_get(&dev->refs);
}

static void free_device(struct kref *refs)
{
	struct ntsync_device *dev = container_of(refs, struct ntsync_device, refs);

	ntsync_pi_device_exit(dev);
	kfree(dev);
}

void ntsync_device_put(struct ntsync_device *dev)
{
	kref_put(&dev->refs, free_device);
}

/* The type fills in its state, which is zeroed. */
struct ntsync_obj *ntsync_obj_alloc(struct ntsync_device *dev, const struct ntsync_obj_ops *ops)
{
	struct ntsync_obj *obj = ntsync_cache_alloc_obj();

	if (!obj)
		return NULL;
	raw_spin_lock_init(&obj->lock);
	refcount_set(&obj->refs, 1);
	ntsync_waitq_init(&obj->any);
	ntsync_waitq_init(&obj->all);
	obj->id = ntsync_new_id();
	obj->ops = ops;
	ntsync_device_get(dev);
	obj->dev = dev;
	return obj;
}

static void free_obj(struct ntsync_obj *obj)
{
	struct ntsync_device *dev = obj->dev;

	/* A waiter holds the file, so no waiter is queued when the file is gone. */
	WARN_ON_ONCE(obj->any.count || obj->all.count || obj->all_lock_users ||
		     obj->handoff_pending);
	if (obj->ops->destroy)
		obj->ops->destroy(obj);
	ntsync_obj_free_pollers(obj);
	ntsync_cache_free_obj(obj);
	ntsync_device_put(dev);
}

void ntsync_obj_put(struct ntsync_obj *obj)
{
	if (refcount_dec_and_test(&obj->refs))
		free_obj(obj);
}

static LLIST_HEAD(unused_objs);

static void free_unused(struct work_struct *work)
{
	struct ntsync_obj *obj, *next;

	llist_for_each_entry_safe(obj, next, llist_del_all(&unused_objs), unused)
		free_obj(obj);
}
static DECLARE_WORK(unused_work, free_unused);

/*
 * For callers that have no file, such as chain walks, which may hold locks under which an object
 * must not be freed.
 */
void ntsync_obj_put_later(struct ntsync_obj *obj)
{
	if (likely(!refcount_dec_and_test(&obj->refs)))
		return;
	llist_add(&obj->unused, &unused_objs);
	schedule_work(&unused_work);
}

/* Called when no file is open any more. */
void ntsync_objects_exit(void)
{
	flush_work(&unused_work);
}

/* The file owns the object; frees the object if there is no descriptor for it. */
int ntsync_obj_install_fd(struct ntsync_obj *obj, const struct file_operations *fops)
{
	int fd = anon_inode_getfd("ntsync", fops, obj, O_CLOEXEC | O_RDWR);

	if (fd < 0)
		ntsync_obj_put(obj);
	return fd;
}
