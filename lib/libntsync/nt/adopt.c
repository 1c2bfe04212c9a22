// SPDX-License-Identifier: LGPL-2.1-or-later
/* Descriptors of objects: given to the program, and taken from it. */
#include "create.h"
#include "fd.h"
#include "handle.h"
#include "thread.h"

#include <fcntl.h>
#include <unistd.h>

/* Not 0 to 2: those that a program closes and opens again as its standard ones. */
static int duplicate_fd(int fd)
{
	int made = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	return made < 0 ? -errno : made;
}

/* Whether others may change the object: only the library signals timers, threads and completion ports. */
static bool is_for_others(const struct nt_object *object)
{
	return object->fd != NT_NO_FD && object->type != NTSYNC_NT_TIMER &&
	       object->type != NTSYNC_NT_THREAD && object->type != NTSYNC_NT_KEYED_EVENT &&
	       object->type != NTSYNC_NT_IO_COMPLETION;
}

NTSYNC_API uint32_t ntsync_nt_get_fd(struct ntsync_nt *nt, uint32_t handle, int *fd)
{
	struct nt_pin pin;
	uint32_t status;
	int made = -1;

	if (!fd)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	status = nt_get(nt, handle, &pin);
	if (status)
		return status;
	if (!is_for_others(pin.object))
		status = NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	else
		made = duplicate_fd(pin.object->fd);
	if (made >= 0)
		atomic_store_explicit(&pin.object->shared, true, memory_order_relaxed);
	nt_put(nt, &pin);
	if (status)
		return status;
	if (made < 0)
		return nt_status(made);
	*fd = made;
	return NTSYNC_STATUS_SUCCESS;
}

/* -- Adopt -------------------------------------------------------------------------------- */

static int create_fd(const struct ntsync_nt *nt, const struct nt_object_spec *spec)
{
	(void)nt;
	return duplicate_fd(spec->fd);
}

/* A channel has no function that reads it. No request has the id 0. */
static bool is_channel(int fd)
{
	return ntsync_channel_reply(fd, 0) == -ENOENT;
}

/* Each type's read answers EINVAL for an object of another type. */
static uint32_t find_type(int fd, struct nt_object_spec *spec)
{
	uint32_t manual = 0;
	int ret = ntsync_event_read(fd, &manual, NULL);

	spec->type = NTSYNC_NT_EVENT;
	spec->manual = manual;
	if (!ret)
		return NTSYNC_STATUS_SUCCESS;
	if (ret != -EINVAL)
		return ret == -EBADF ? NTSYNC_STATUS_INVALID_HANDLE :
				       NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	ret = ntsync_mutex_read(fd, NULL, NULL);
	if (!ret || ret == -EOWNERDEAD)
		spec->type = NTSYNC_NT_MUTANT;
	else if (!ntsync_sem_read(fd, NULL, NULL))
		spec->type = NTSYNC_NT_SEMAPHORE;
	else if (is_channel(fd))
		spec->type = NTSYNC_NT_CHANNEL;
	else
		return NTSYNC_STATUS_OBJECT_TYPE_MISMATCH;
	return NTSYNC_STATUS_SUCCESS;
}

/*
 * The driver looks at the sources in turn, so it complains about the second one only if the first is
 * of its instance. The wait does not begin, so the caller does not become a receiver.
 */
static bool is_channel_of(const struct ntsync_nt *nt, int fd)
{
	const struct ntsync_aggregate_source sources[] = {
		{ .type = NTSYNC_AGG_OBJECT, .fd = (uint32_t)fd }, { .type = 0 },
	};
	const struct ntsync_aggregate_opts opts = { .owner = 0 };

	return ntsync_aggregate_wait(nt->config.dev, sources, 2, &opts, NULL, NULL) == -EINVAL;
}

/*
 * The wait ends at the first object, which is ready: nothing happens to the second one. The driver
 * takes the owner of a wait for the caller's id, so it is that.
 */
static uint32_t check_waitable(struct ntsync_nt *nt, int fd, const struct nt_thread *caller)
{
	const struct ntsync_wait_opts opts = { .owner = caller->tid };
	int fds[] = { ntsync_event_create(nt->config.dev, true, true), fd }, ret;

	if (fds[0] < 0)
		return nt_status(fds[0]);
	do
		ret = ntsync_wait_any(nt->config.dev, fds, 2, &opts, NULL);
	while (ret == -EINTR);
	nt_close_fd(fds[0]);
	return ret == -EINVAL ? NTSYNC_STATUS_INVALID_PARAMETER : nt_status(ret);
}

static uint32_t check_instance(struct ntsync_nt *nt, int fd, enum ntsync_nt_type type)
{
	const struct nt_thread *caller = nt_thread_self(nt);

	if (!caller)
		return NTSYNC_STATUS_NO_MEMORY;
	if (type != NTSYNC_NT_CHANNEL)
		return check_waitable(nt, fd, caller);
	return is_channel_of(nt, fd) ? NTSYNC_STATUS_SUCCESS : NTSYNC_STATUS_INVALID_PARAMETER;
}

/* @spec.fd is the library's: the program may close its own and open another at any time. */
static uint32_t adopt(struct ntsync_nt *nt, uint32_t *out,
		      const struct ntsync_nt_attributes *attributes, struct nt_object_spec *spec)
{
	uint32_t status = find_type(spec->fd, spec);

	if (!status)
		status = check_instance(nt, spec->fd, spec->type);
	return status ? status : nt_create(nt, out, attributes, spec, NULL);
}

NTSYNC_API uint32_t ntsync_nt_adopt_fd(struct ntsync_nt *nt, uint32_t *out,
				       const struct ntsync_nt_attributes *attributes, int fd)
{
	struct nt_object_spec spec = { .adopted = true, .create_fd = create_fd };
	uint32_t status;

	if (!out)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	*out = nt->config.failure_value;
	spec.fd = duplicate_fd(fd);
	if (spec.fd < 0)
		return spec.fd == -EBADF ? NTSYNC_STATUS_INVALID_HANDLE : nt_status(spec.fd);
	status = adopt(nt, out, attributes, &spec);
	nt_close_fd(spec.fd);
	return status;
}
