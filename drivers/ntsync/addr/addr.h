/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Waits on addresses: ADDR_WAIT and ADDR_WAKE. docs/lending.md explains them.
 */
#ifndef NTSYNC_ADDR_ADDR_H
#define NTSYNC_ADDR_ADDR_H

#include <linux/file.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "core/call.h"

struct ntsync_device;
struct ntsync_obj;
struct seq_file;

/**
 * struct ntsync_place - what an address of current stands for
 * @id: see &struct ntsync_space
 * @address: in the process, or in the file
 * @file: the file, counted; NULL: the place is in the process
 */
struct ntsync_place {
	const void *id;
	u64 address;
	struct file *file;
};

int ntsync_place_get_shared(struct ntsync_place *place, u64 address);

/**
 * ntsync_place_get() - what does an address of current stand for?
 * @place: gets the result
 * @address: the address
 * @shared: the place is in the file, if the memory is shared
 *
 * Context: process; @shared: may sleep.
 * Return: 0; -EFAULT, -EACCES or -EINTR only if @shared.
 */
static inline int ntsync_place_get(struct ntsync_place *place, u64 address, bool shared)
{
	place->id = current->mm;
	place->address = address;
	place->file = NULL;
	return unlikely(shared) ? ntsync_place_get_shared(place, address) : 0;
}

static inline void ntsync_place_put(struct ntsync_place *place)
{
	if (unlikely(place->file))
		fput(place->file);
}

/**
 * struct ntsync_addr_req - an ADDR_WAIT in kernel types
 * @dev: the instance
 * @place: the place of the word
 * @user_address: of the word
 * @size: of the word: 1, 2, 4 or 8
 * @expected: its value
 * @owner: tid of the task that inherits, in current's pid namespace; 0: not known
 * @take_over: current becomes the owner of the key when it is woken
 * @deadline: when to time out
 * @alert: NULL, or an object that is no mutex
 * @read: reads the word, and may sleep; false: it can't be read
 * @read_nofault: reads the word without a page fault, under a raw lock; false: its page has to be
 *	fetched first
 * @index: out, valid for 0: 0 for a wake, 1 for the alert
 */
struct ntsync_addr_req {
	struct ntsync_device *dev;
	struct ntsync_place place;
	u64 user_address;
	u32 size;
	u64 expected;
	u32 owner;
	bool take_over;
	struct ntsync_deadline deadline;
	struct ntsync_obj *alert;
	bool (*read)(const struct ntsync_addr_req *req, u64 *value);
	bool (*read_nofault)(const struct ntsync_addr_req *req, u64 *value);
	u32 index;
};

int ntsync_addr_wait(struct ntsync_addr_req *req);
u32 ntsync_addr_wake(const struct ntsync_place *place, u32 count);
void ntsync_addr_waits_show(struct seq_file *m, const struct ntsync_device *dev);

#endif
