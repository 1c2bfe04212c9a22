// SPDX-License-Identifier: LGPL-2.1-or-later
#include "internal.h"

NTSYNC_API int ntsync_event_create(int dev, bool manual, bool signaled)
{
	struct ntsync_event_args args = { .manual = manual, .signaled = signaled };

	return ntsync_ioctl(dev, NTSYNC_IOC_CREATE_EVENT, &args);
}

static int change_event(int event, unsigned long request, uint32_t *prev)
{
	uint32_t signaled = 0;
	int ret = ntsync_ioctl(event, request, &signaled);

	if (!ret)
		ntsync_set_result(prev, signaled);
	return ret;
}

NTSYNC_API int ntsync_event_set(int event, uint32_t *prev)
{
	return change_event(event, NTSYNC_IOC_EVENT_SET, prev);
}

NTSYNC_API int ntsync_event_reset(int event, uint32_t *prev)
{
	return change_event(event, NTSYNC_IOC_EVENT_RESET, prev);
}

NTSYNC_API int ntsync_event_pulse(int event, uint32_t *prev)
{
	return change_event(event, NTSYNC_IOC_EVENT_PULSE, prev);
}

NTSYNC_API int ntsync_event_set_pi(int event, uint32_t policy, uint32_t prio)
{
	struct ntsync_event_set_pi_args args = { .policy = policy, .prio = prio };
	int ret = ntsync_ioctl(event, NTSYNC_IOC_EVENT_SET_PI, &args);

	/* If @event is an event, the driver lacks the ioctl. */
	if (ret == -ENOTTY && !ntsync_event_read(event, NULL, NULL))
		return -ENOTSUP;
	return ret;
}

NTSYNC_API int ntsync_event_read(int event, uint32_t *manual, uint32_t *signaled)
{
	struct ntsync_event_args args = { 0 };
	int ret = ntsync_ioctl(event, NTSYNC_IOC_EVENT_READ, &args);

	if (!ret) {
		ntsync_set_result(manual, args.manual);
		ntsync_set_result(signaled, args.signaled);
	}
	return ret;
}
