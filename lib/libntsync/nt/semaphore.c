// SPDX-License-Identifier: LGPL-2.1-or-later
#include "association.h"
#include "create.h"
#include "handle.h"
#include "types.h"

static int create_fd(const struct ntsync_nt *nt, const struct nt_object_spec *spec)
{
	return ntsync_sem_create(nt->config.dev, spec->value, spec->limit);
}

NTSYNC_API uint32_t ntsync_nt_create_semaphore(struct ntsync_nt *nt, uint32_t *out,
					       const struct ntsync_nt_attributes *attributes,
					       int32_t count, int32_t limit)
{
	const struct nt_object_spec spec = {
		.type = NTSYNC_NT_SEMAPHORE, .create_fd = create_fd,
		.value = (uint32_t)count, .limit = (uint32_t)limit,
	};

	if (limit <= 0 || count < 0 || count > limit) {
		if (out)
			*out = nt->config.failure_value;
		return NTSYNC_STATUS_INVALID_PARAMETER;
	}
	return nt_create(nt, out, attributes, &spec, NULL);
}

NTSYNC_API uint32_t ntsync_nt_open_semaphore(struct ntsync_nt *nt, uint32_t *out,
					     const char *name)
{
	return nt_open(nt, out, name, NTSYNC_NT_SEMAPHORE);
}

uint32_t nt_semaphore_release(struct ntsync_nt *nt, struct nt_object *semaphore, uint32_t count,
			      uint32_t *previous)
{
	struct nt_signaling signaling;
	int ret;

	nt_signaling_begin(nt, semaphore, &signaling);
	ret = ntsync_sem_release(semaphore->fd, count, previous);
	nt_signaling_end(nt, semaphore, &signaling);
	return ret == -EOVERFLOW ? NTSYNC_STATUS_SEMAPHORE_LIMIT_EXCEEDED : nt_status(ret);
}

NTSYNC_API uint32_t ntsync_nt_release_semaphore(struct ntsync_nt *nt, uint32_t handle,
						int32_t count, int32_t *previous)
{
	uint32_t status, prev;
	struct nt_pin pin;

	if (count <= 0)
		return NTSYNC_STATUS_INVALID_PARAMETER;
	status = nt_get_type(nt, handle, NTSYNC_NT_SEMAPHORE, &pin);
	if (status)
		return status;
	status = nt_semaphore_release(nt, pin.object, (uint32_t)count, &prev);
	if (!status && previous)
		*previous = (int32_t)prev;
	nt_put(nt, &pin);
	return status;
}

NTSYNC_API uint32_t ntsync_nt_query_semaphore(struct ntsync_nt *nt, uint32_t handle,
					      int32_t *count, int32_t *limit)
{
	uint32_t status, now, max;
	struct nt_pin pin;

	status = nt_get_type(nt, handle, NTSYNC_NT_SEMAPHORE, &pin);
	if (status)
		return status;
	status = nt_status(ntsync_sem_read(pin.object->fd, &now, &max));
	if (!status && now)
		nt_look_if_awaited(nt, pin.object);
	if (!status && count)
		*count = (int32_t)now;
	if (!status && limit)
		*limit = (int32_t)max;
	nt_put(nt, &pin);
	return status;
}
