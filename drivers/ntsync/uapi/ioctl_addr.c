// SPDX-License-Identifier: GPL-2.0-only
/*
 * ADDR_WAIT and ADDR_WAKE.
 */
#include <linux/file.h>
#include <linux/uaccess.h>

#include "addr/addr.h"
#include "core/core.h"
#include "ioctl.h"

/* Copies the word in one access. user_read_access_begin() has succeeded. */
#define READ_WORD(type, addr, value, fault) do {			\
	type word;							\
									\
	unsafe_get_user(word, (type __user *)u64_to_user_ptr(addr), fault); \
	*(value) = word;						\
} while (0)

/*
 * The common part of ntsync_addr_req::read and ::read_nofault. The latter disables page faults
 * before it calls this.
 */
static __always_inline bool read_word(const struct ntsync_addr_req *req, u64 *value)
{
	if (!user_read_access_begin(u64_to_user_ptr(req->user_address), req->size))
		return false;
	switch (req->size) {
	case 1:
		READ_WORD(u8, req->user_address, value, fault);
		break;
	case 2:
		READ_WORD(u16, req->user_address, value, fault);
		break;
	case 4:
		READ_WORD(u32, req->user_address, value, fault);
		break;
	default:
		READ_WORD(u64, req->user_address, value, fault);
	}
	user_read_access_end();
	return true;
fault:
	user_read_access_end();
	return false;
}

static bool read_word_sleeping(const struct ntsync_addr_req *req, u64 *value)
{
	might_fault();
	return !should_fail_usercopy() && read_word(req, value);
}

static bool read_word_nofault(const struct ntsync_addr_req *req, u64 *value)
{
	bool ok;

	pagefault_disable();
	ok = read_word(req, value);
	pagefault_enable();
	return ok;
}

/*
 * Reads each member in one access: 71 instructions less than by ntsync_read_words(). @index is only
 * written.
 */
static int read_wait_args(struct ntsync_addr_wait_args *args,
			  const struct ntsync_addr_wait_args __user *from)
{
	if (should_fail_usercopy() || !user_read_access_begin(from, sizeof(*from)))
		return -EFAULT;
	unsafe_get_user(args->timeout, &from->timeout, fault);
	unsafe_get_user(args->addr, &from->addr, fault);
	unsafe_get_user(args->expected, &from->expected, fault);
	unsafe_get_user(args->size, &from->size, fault);
	unsafe_get_user(args->flags, &from->flags, fault);
	unsafe_get_user(args->owner, &from->owner, fault);
	unsafe_get_user(args->alert, &from->alert, fault);
	unsafe_get_user(args->__pad, &from->__pad, fault);
	user_read_access_end();
	return 0;
fault:
	user_read_access_end();
	return -EFAULT;
}

/* The flags that choose no clock. */
#define ADDR_FLAGS	(NTSYNC_ADDR_SHARED | NTSYNC_ADDR_TAKE_OVER)

static int check_args(const struct ntsync_addr_wait_args *args)
{
	if (args->__pad)
		return -EINVAL;
	if (!is_power_of_2(args->size) || args->size > sizeof(long))
		return -EINVAL;
	if (args->addr & (args->size - 1))
		return -EINVAL;
	if (args->owner && args->owner == ntsync_own_tid())
		return -EINVAL;
	return 0;
}

/* An alert is an object of the instance, but no mutex. */
static int get_alert(struct fd *f, struct ntsync_device *dev, u32 fd)
{
	const struct ntsync_obj *obj;

	*f = fdget(fd);
	if (!fd_file(*f))
		return -EINVAL;
	obj = fd_file(*f)->f_op == &ntsync_obj_fops ? fd_file(*f)->private_data : NULL;
	if (obj && obj->dev == dev && !obj->ops->owned)
		return 0;
	fdput(*f);
	return -EINVAL;
}

static int wait_at_place(struct ntsync_addr_req *req, bool shared)
{
	int ret = ntsync_place_get(&req->place, req->user_address, shared);

	if (unlikely(ret))
		return ret == -EINTR ? -ERESTARTSYS : ret;
	ret = ntsync_addr_wait(req);
	ntsync_place_put(&req->place);
	return ret;
}

static int wait_with_alert(struct ntsync_addr_req *req, const struct ntsync_addr_wait_args *args)
{
	struct fd f;
	int ret = get_alert(&f, req->dev, args->alert);

	if (ret)
		return ret;
	req->alert = fd_file(f)->private_data;
	ret = wait_at_place(req, args->flags & NTSYNC_ADDR_SHARED);
	fdput(f);
	return ret;
}

long ntsync_ioctl_addr_wait(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_addr_wait_args __user *uargs = argp;
	struct ntsync_addr_wait_args args __uninitialized;
	struct ntsync_addr_req req __uninitialized;
	int ret;

	if (read_wait_args(&args, uargs))
		return -EFAULT;
	ret = ntsync_decode_deadline(&req.deadline, args.timeout, args.flags & ~ADDR_FLAGS);
	if (!ret)
		ret = check_args(&args);
	if (ret)
		return ret;
	req.dev = dev;
	req.user_address = args.addr;
	req.size = args.size;
	req.expected = args.expected & GENMASK_ULL(args.size * 8 - 1, 0);
	req.owner = args.owner;
	req.take_over = args.flags & NTSYNC_ADDR_TAKE_OVER;
	req.alert = NULL;
	req.read = read_word_sleeping;
	req.read_nofault = read_word_nofault;
	if (likely(!args.alert))
		return wait_at_place(&req, args.flags & NTSYNC_ADDR_SHARED);
	ret = wait_with_alert(&req, &args);
	/* If the index can't be written, an acquired alert, or a wake-up, is not given back. */
	return !ret && put_user(req.index, &uargs->index) ? -EFAULT : ret;
}

long ntsync_ioctl_addr_wake(struct ntsync_device *dev, void __user *argp)
{
	struct ntsync_addr_wake_args args __uninitialized;
	struct ntsync_place place;
	u32 woken;
	int ret;

	if (ntsync_read_words((u32 *)&args, argp, sizeof(args) / sizeof(u32)))
		return -EFAULT;
	if (args.flags & ~NTSYNC_ADDR_SHARED)
		return -EINVAL;
	ret = ntsync_place_get(&place, args.addr, args.flags & NTSYNC_ADDR_SHARED);
	if (unlikely(ret))
		return ret == -EINTR ? -ERESTARTSYS : ret;
	woken = ntsync_addr_wake(&place, args.count);
	ntsync_place_put(&place);
	return min_t(u32, woken, INT_MAX);
}
