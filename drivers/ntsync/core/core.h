/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core: instances, objects, and waits. These are the functions that uapi/ and main.c call,
 * and a few that pi/, channel/ and addr/ call.
 * Types include object.h and lock.h, code that builds a wait includes wait.h.
 */
#ifndef NTSYNC_CORE_H
#define NTSYNC_CORE_H

#include <linux/fs.h>

#include "wait.h"

struct kmem_cache;
struct ntsync_restart;
struct poll_table_struct;
struct restart_block;

/* object.c, cache.c */
int ntsync_cache_init(void);
void ntsync_cache_exit(void);
void ntsync_objects_exit(void);
struct ntsync_device *ntsync_device_alloc(void);
void ntsync_device_put(struct ntsync_device *dev);
int ntsync_obj_install_fd(struct ntsync_obj *obj, const struct file_operations *fops);
struct kmem_cache *ntsync_cache_create(const char *name, unsigned int size);

/* obj_poll.c */
__poll_t ntsync_obj_poll(struct ntsync_obj *obj, struct file *file,
			 struct poll_table_struct *pt);

/* wait_any.c, wait_all.c, signal_wait.c */
int ntsync_wait_any(struct ntsync_wait_req *req);
int ntsync_wait_all(struct ntsync_device *dev, struct ntsync_wait_req *req);
int ntsync_signal_and_wait(struct ntsync_device *dev, struct ntsync_obj *obj,
			   struct ntsync_wait_req *req);

/* restart.c */
long ntsync_restart_later(const struct ntsync_restart *restart, long (*fn)(struct restart_block *));
bool ntsync_restart_take(struct ntsync_restart *restart);

/**
 * struct ntsync_aggregate - an aggregate wait in kernel types
 * @wait: the objects; owner 0 is valid if no object is a mutex
 * @polls: the files to poll
 * @obj_files: the files of the objects
 * @obj_position: index in the caller's array, for each object
 * @fd_position: index in the caller's array, for each file
 * @fired: out: index in the caller's array of the object or file that ended the wait
 * @events: out: poll events of the file; 0 for an object
 */
struct ntsync_aggregate {
	struct ntsync_wait_req wait;
	struct ntsync_wait_files polls;
	struct file *const *obj_files;
	const u8 *obj_position;
	const u8 *fd_position;
	u32 fired;
	__poll_t events;
};

int ntsync_aggregate_wait(struct ntsync_aggregate *a);
void ntsync_aggregate_undelivered(struct ntsync_aggregate *a);

#endif
