// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ioctls of the device that wait.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "core/core.h"
#include "ioctl.h"

/* ---- deadlines ---- */

static_assert(NTSYNC_AGG_FLAG_REALTIME == NTSYNC_WAIT_REALTIME);
static_assert(NTSYNC_AGG_FLAG_BOOTTIME == NTSYNC_WAIT_BOOTTIME);

/* The slow path of ntsync_decode_deadline(): another clock than CLOCK_MONOTONIC. */
int ntsync_decode_flagged_deadline(struct ntsync_deadline *d, u64 timeout, u32 flags)
{
	switch (flags) {
	case NTSYNC_WAIT_REALTIME:
		d->expires = ntsync_decode_expires(timeout, CLOCK_REALTIME);
		d->clock = CLOCK_REALTIME;
		return 0;
	case NTSYNC_WAIT_BOOTTIME:
		d->expires = ntsync_decode_expires(timeout, CLOCK_BOOTTIME);
		d->clock = CLOCK_BOOTTIME;
		return 0;
	default:
		return -EINVAL;
	}
}

/* ---- WAIT_ANY, WAIT_ALL ---- */

/*
 * The objects of one call, and the files that keep them alive. Declare it __uninitialized and set
 * @nr to 0: it is about 1 KiB, and most calls use one element of each array.
 */
struct wait_objs {
	unsigned int nr;
	struct fd files[NTSYNC_MAX_ENTRIES];
	struct ntsync_obj *objs[NTSYNC_MAX_ENTRIES];
};

/* Adds the object behind @fd. put_objs() puts it, even if the caller then rejects it. */
static __always_inline bool get_obj_of_any_instance(struct wait_objs *set, u32 fd)
{
	struct fd f = fdget(fd);

	if (!fd_file(f))
		return false;
	if (fd_file(f)->f_op != &ntsync_obj_fops) {
		fdput(f);
		return false;
	}
	set->files[set->nr] = f;
	set->objs[set->nr++] = fd_file(f)->private_data;
	return true;
}

static inline bool get_obj(struct wait_objs *set, const struct ntsync_device *dev, u32 fd)
{
	return get_obj_of_any_instance(set, fd) && set->objs[set->nr - 1]->dev == dev;
}

static void put_objs(struct wait_objs *set)
{
	while (set->nr)
		fdput(set->files[--set->nr]);
}

static int get_objs(struct wait_objs *set, struct ntsync_device *dev,
		    const struct ntsync_wait_args *args)
{
	u32 fds[NTSYNC_MAX_WAIT_COUNT] __uninitialized;
	u32 i;

	if (args->count && ntsync_read_words(fds, u64_to_user_ptr(args->objs), args->count))
		return -EFAULT;

	for (i = 0; i < args->count; i++) {
		if (!get_obj(set, dev, fds[i]))
			return -EINVAL;
	}
	if (args->alert && !get_obj(set, dev, args->alert))
		return -EINVAL;
	return 0;
}

static int check_wait_args(const struct ntsync_wait_args *args)
{
	if (!args->owner)
		return -EINVAL;
	if (args->count > NTSYNC_MAX_WAIT_COUNT)
		return -EINVAL;
	return 0;
}

/* Returns -EBADF, or -EPERM if the file can't be polled. */
static int get_poll_fd(struct fd *f, u32 fd)
{
	*f = fdget(fd);
	if (!fd_file(*f))
		return -EBADF;
	if (!file_can_poll(fd_file(*f))) {
		fdput(*f);
		return -EPERM;
	}
	return 0;
}

static int wait_any_or_all(struct ntsync_device *dev, struct ntsync_wait_req *req, bool all)
{
	return all ? ntsync_wait_all(dev, req) : ntsync_wait_any(req);
}

static noinline int wait_with_uring_fd(struct ntsync_device *dev, struct ntsync_wait_req *req,
				       u32 uring_fd, bool all)
{
	struct ntsync_poll_fd poll_fd = { .events = EPOLLIN };
	struct ntsync_wait_files polls = { .fds = &poll_fd, .nr = 1 };
	struct fd f;
	int ret;

	ret = get_poll_fd(&f, uring_fd);
	if (ret)
		return ret;
	poll_fd.file = fd_file(f);
	req->polls = &polls;
	ret = wait_any_or_all(dev, req, all);
	fdput(f);
	return ret;
}

/* Writes @req->index if the wait has succeeded. */
static long wait_result(const struct ntsync_wait_req *req, int ret, u32 __user *index)
{
	if (ret && ret != -EOWNERDEAD)
		return ret;
	/* What was acquired stays acquired, even if the index can't be written. */
	return put_user(req->index, index) ? -EFAULT : ret;
}

static long do_wait(struct ntsync_device *dev, void __user *argp, bool all)
{
	struct ntsync_wait_args __user *uargs = argp;
	struct ntsync_wait_args args __uninitialized;
	struct ntsync_wait_req req __uninitialized;
	struct wait_objs set __uninitialized;
	int ret;

	if (copy_from_user(&args, uargs, sizeof(args)))
		return -EFAULT;
	ret = ntsync_decode_deadline(&req.deadline, args.timeout, args.flags);
	if (!ret)
		ret = check_wait_args(&args);
	if (ret)
		return ret;
	req.objs = set.objs;
	req.count = args.count;
	req.alert = args.alert;
	req.owner = args.owner;
	req.polls = NULL;
	req.notify_only = false;

	set.nr = 0;
	ret = get_objs(&set, dev, &args);
	if (!ret && unlikely(args.uring_fd))
		ret = wait_with_uring_fd(dev, &req, args.uring_fd, all);
	else if (!ret)
		ret = wait_any_or_all(dev, &req, all);
	put_objs(&set);
	return wait_result(&req, ret, &uargs->index);
}

long ntsync_ioctl_wait_any(struct ntsync_device *dev, void __user *argp)
{
	return do_wait(dev, argp, false);
}

long ntsync_ioctl_wait_all(struct ntsync_device *dev, void __user *argp)
{
	return do_wait(dev, argp, true);
}

/* ---- SIGNAL_AND_WAIT ---- */

/* The object to signal, the one to wait for, and the alert. */
static bool get_signal_and_wait_objs(struct wait_objs *set, struct ntsync_device *dev,
				     const struct ntsync_signal_and_wait_args *args)
{
	return get_obj(set, dev, args->signal) && get_obj(set, dev, args->wait) &&
	       (!args->alert || get_obj(set, dev, args->alert));
}

/* Fails if @fd stands for another object than before the interruption. */
static bool get_same_obj(struct wait_objs *set, u32 fd, u64 id)
{
	return get_obj_of_any_instance(set, fd) && set->objs[set->nr - 1]->id == id;
}

/*
 * The restart block's function. The call was interrupted and no handler has run: it goes on with
 * the wait, and does not signal a second time.
 */
static long resume_wait(struct restart_block *block)
{
	struct ntsync_wait_req req = { .count = 1 };
	struct wait_objs set __uninitialized;
	struct ntsync_restart restart;
	long ret = -EINTR;

	if (!ntsync_restart_take(&restart))
		return -EINTR;
	req.objs = set.objs;
	req.alert = restart.alert;
	req.owner = restart.owner;
	req.deadline = restart.deadline;

	set.nr = 0;
	if (get_same_obj(&set, restart.fd, restart.fd_id) &&
	    (!req.alert || get_same_obj(&set, restart.alert, restart.alert_id))) {
		ret = wait_result(&req, ntsync_wait_any(&req), restart.index);
		if (ret == -ERESTARTSYS)
			ret = ntsync_restart_later(&restart, resume_wait);
	}
	put_objs(&set);
	return ret;
}

/* The call was interrupted after it had signaled the object. */
static long resume_wait_later(const struct ntsync_signal_and_wait_args *args,
			      const struct ntsync_wait_req *req, u32 __user *index)
{
	const struct ntsync_restart restart = {
		.index = index,
		.fd = args->wait,
		.alert = args->alert,
		.owner = args->owner,
		.fd_id = req->objs[0]->id,
		.alert_id = req->alert ? req->objs[1]->id : 0,
		.deadline = req->deadline,
	};

	return ntsync_restart_later(&restart, resume_wait);
}

long ntsync_ioctl_signal_and_wait(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_signal_and_wait_args __user *uargs = argp;
	struct ntsync_signal_and_wait_args args;
	struct ntsync_wait_req req = { .count = 1 };
	struct wait_objs set __uninitialized;
	long ret = -EINVAL;

	if (copy_from_user(&args, uargs, sizeof(args)))
		return -EFAULT;
	if (ntsync_decode_deadline(&req.deadline, args.timeout, args.flags) || !args.owner)
		return -EINVAL;
	req.objs = &set.objs[1];
	req.alert = args.alert;
	req.owner = args.owner;

	set.nr = 0;
	if (get_signal_and_wait_objs(&set, dev, &args))
		ret = ntsync_signal_and_wait(dev, set.objs[0], &req);
	if (ret == -ERESTARTSYS)
		ret = resume_wait_later(&args, &req, &uargs->index);
	put_objs(&set);
	return wait_result(&req, ret, &uargs->index);
}

/* ---- AGGREGATE_WAIT ---- */

/* A call of either layout; that of 48 bytes is converted to the one of 40. */
struct agg_call {
	struct ntsync_aggregate_wait_args args;
	struct ntsync_deadline deadline;
	u32 __user *fired_index;
	u32 __user *fired_events;
};

/*
 * The sources of one call, as objects and files. @held has the references of both. The arrays are
 * allocated together with the struct.
 */
struct agg_set {
	u32 nr_held;
	u32 nr_objs;
	u32 nr_fds;
	struct fd *held;
	struct ntsync_obj **objs;
	struct file **files;
	struct ntsync_poll_fd *fds;
	u8 *obj_position;
	u8 *fd_position;
};

static struct agg_set *agg_set_alloc(u32 nr)
{
	struct agg_set *set;
	size_t each = sizeof(*set->held) + sizeof(*set->objs) + sizeof(*set->files) +
		      sizeof(*set->fds) + sizeof(*set->obj_position) +
		      sizeof(*set->fd_position);

	set = kzalloc(sizeof(*set) + nr * each, GFP_KERNEL_ACCOUNT);
	if (!set)
		return NULL;
	set->held = (void *)(set + 1);
	set->fds = (void *)(set->held + nr);
	set->objs = (void *)(set->fds + nr);
	set->files = (void *)(set->objs + nr);
	set->obj_position = (void *)(set->files + nr);
	set->fd_position = set->obj_position + nr;
	return set;
}

static void agg_set_free(struct agg_set *set)
{
	while (set->nr_held)
		fdput(set->held[--set->nr_held]);
	kfree(set);
}

static int agg_add_obj(struct agg_set *set, struct ntsync_device *dev, u32 fd, u32 position)
{
	struct fd f = fdget(fd);
	struct file *file = fd_file(f);
	struct ntsync_obj *obj;

	if (!file)
		return -EBADF;
	set->held[set->nr_held++] = f;
	if (file->f_op != &ntsync_obj_fops && file->f_op != &ntsync_channel_fops)
		return -EBADF;
	obj = file->private_data;
	if (obj->dev != dev)
		return -EBADF;
	set->files[set->nr_objs] = file;
	set->obj_position[set->nr_objs] = position;
	set->objs[set->nr_objs++] = obj;
	return 0;
}

static int agg_add_fd(struct agg_set *set, u32 fd, u32 events, u32 position)
{
	struct fd *f = &set->held[set->nr_held];
	int ret = get_poll_fd(f, fd);

	if (ret)
		return ret;
	set->nr_held++;
	set->fd_position[set->nr_fds] = position;
	set->fds[set->nr_fds++] = (struct ntsync_poll_fd){
		.file = fd_file(*f),
		.events = demangle_poll(events),
	};
	return 0;
}

/* Checks that need no descriptor. */
static int check_source(const struct ntsync_aggregate_source *source)
{
	if (source->type != NTSYNC_AGG_OBJECT && source->type != NTSYNC_AGG_FD)
		return -EINVAL;
	if (source->__pad)
		return -EINVAL;
	return source->type == NTSYNC_AGG_OBJECT && source->events ? -EINVAL : 0;
}

static int agg_add_sources(struct agg_set *set, struct ntsync_device *dev,
			   const struct ntsync_aggregate_wait_args *args)
{
	struct ntsync_aggregate_source __user *sources = u64_to_user_ptr(args->sources);
	struct ntsync_aggregate_source source;
	u32 i;
	int ret;

	for (i = 0; i < args->nb_sources; i++) {
		if (copy_from_user(&source, &sources[i], sizeof(source)))
			return -EFAULT;
		ret = check_source(&source);
		if (ret)
			return ret;
		if (source.type == NTSYNC_AGG_OBJECT)
			ret = agg_add_obj(set, dev, source.fd, i);
		else
			ret = agg_add_fd(set, source.fd, source.events, i);
		if (ret)
			return ret;
	}
	return 0;
}

/* An owner id of 0 is legal as long as no object is a mutex. */
static bool lacks_owner(const struct agg_set *set, u32 owner)
{
	u32 i;

	for (i = 0; i < set->nr_objs && !owner; i++) {
		if (set->objs[i]->ops->owned)
			return true;
	}
	return false;
}

static int agg_wait(const struct agg_call *call, struct agg_set *set)
{
	struct ntsync_aggregate a = {
		.wait = {
			.objs = set->objs,
			.count = set->nr_objs,
			.owner = call->args.owner,
			.deadline = call->deadline,
		},
		.polls = {
			.fds = set->fds,
			.nr = set->nr_fds,
		},
		.obj_files = set->files,
		.obj_position = set->obj_position,
		.fd_position = set->fd_position,
	};
	int ret = ntsync_aggregate_wait(&a);

	if (ret == -ETIMEDOUT)
		return put_user(NTSYNC_AGG_TIMEOUT, call->fired_index) ? -EFAULT : ret;
	if (ret && ret != -EOWNERDEAD)
		return ret;
	if (put_user(a.fired, call->fired_index) ||
	    put_user(mangle_poll(a.events), call->fired_events)) {
		ntsync_aggregate_undelivered(&a);
		return -EFAULT;
	}
	return ret;
}

static long do_aggregate_wait(struct ntsync_device *dev, const struct agg_call *call)
{
	const struct ntsync_aggregate_wait_args *args = &call->args;
	struct agg_set *set;
	int ret;

	if (!args->nb_sources || args->nb_sources > NTSYNC_AGG_MAX)
		return -EINVAL;
	if (args->__pad)
		return -EINVAL;
	set = agg_set_alloc(args->nb_sources);
	if (!set)
		return -ENOMEM;
	ret = agg_add_sources(set, dev, args);
	if (!ret && lacks_owner(set, args->owner))
		ret = -EINVAL;
	if (!ret)
		ret = agg_wait(call, set);
	agg_set_free(set);
	return ret;
}

long ntsync_ioctl_aggregate_wait(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_aggregate_wait_args __user *uargs = argp;
	struct agg_call call = {
		.fired_index = &uargs->fired_index,
		.fired_events = &uargs->fired_events,
	};

	if (copy_from_user(&call.args, uargs, sizeof(call.args)))
		return -EFAULT;
	if (ntsync_decode_deadline(&call.deadline, call.args.timeout, call.args.flags))
		return -EINVAL;
	return do_aggregate_wait(dev, &call);
}

/* {0, 0} means never. Returns -EINVAL if the nanoseconds are out of range. */
static int decode_timespec(const struct __kernel_timespec *ts, u64 *timeout)
{
	if (ts->tv_nsec < 0 || ts->tv_nsec >= NSEC_PER_SEC)
		return -EINVAL;
	if (!ts->tv_sec && !ts->tv_nsec)
		*timeout = U64_MAX;
	else if (ts->tv_sec < 0)
		*timeout = 0;
	else
		*timeout = ktime_set(ts->tv_sec, ts->tv_nsec);
	return 0;
}

long ntsync_ioctl_aggregate_wait_timespec(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_aggregate_wait_timespec_args __user *uargs = argp;
	struct ntsync_aggregate_wait_timespec_args args;
	struct agg_call call = {
		.fired_index = &uargs->fired_index,
		.fired_events = &uargs->fired_events,
	};

	if (copy_from_user(&args, uargs, sizeof(args)))
		return -EFAULT;
	call.args.sources = args.sources;
	call.args.nb_sources = args.nb_sources;
	call.args.flags = args.flags;
	call.args.owner = args.owner;
	call.args.__pad = args.reserved;
	if (decode_timespec(&args.deadline, &call.args.timeout))
		return -EINVAL;
	if (ntsync_decode_deadline(&call.deadline, call.args.timeout, args.flags))
		return -EINVAL;
	return do_aggregate_wait(dev, &call);
}
