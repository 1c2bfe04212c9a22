// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Keyed events. The threads that wait for a partner are in a list of the table. A partner takes the
 * first one that fits out of it and sets the event that ends that thread's waits. All that decides
 * how such a call ends is done under the table's lock: a thread that was met returns SUCCESS, and
 * one that returns anything else is out of the list and has met nobody.
 */
#include "create.h"
#include "port.h"
#include "sleep.h"

/**
 * struct nt_meeting - a thread at a keyed event
 * @next: the one that came after it.
 * @wait: its wait, without objects.
 * @event: the keyed event; NULL: that of handle 0.
 * @key: the key.
 * @releases: it releases, and meets one that waits.
 * @met: a partner has come.
 */
struct nt_meeting {
	struct nt_meeting *next;
	struct nt_wait *wait;
	const struct nt_object *event;
	uint64_t key;
	bool releases;
	bool met;
};

/* Always signaled: a wait for a keyed event by its handle does not sleep. */
static int create_fd(const struct ntsync_nt *nt, const struct nt_object_spec *spec)
{
	(void)spec;
	return ntsync_event_create(nt->config.dev, true, true);
}

NTSYNC_API uint32_t ntsync_nt_create_keyed_event(struct ntsync_nt *nt, uint32_t *out,
						 const struct ntsync_nt_attributes *attributes)
{
	const struct nt_object_spec spec = {
		.type = NTSYNC_NT_KEYED_EVENT, .manual = true, .create_fd = create_fd,
	};

	return nt_create(nt, out, attributes, &spec, NULL);
}

NTSYNC_API uint32_t ntsync_nt_open_keyed_event(struct ntsync_nt *nt, uint32_t *out,
					       const char *name)
{
	return nt_open(nt, out, name, NTSYNC_NT_KEYED_EVENT);
}

static bool fits(const struct nt_meeting *a, const struct nt_meeting *b)
{
	return a->event == b->event && a->key == b->key && a->releases != b->releases;
}

/* Where the list refers to the first partner, or to NULL at its end. */
static struct nt_meeting **find_partner_locked(struct ntsync_nt *nt, const struct nt_meeting *m)
{
	struct nt_meeting **at = &nt->meetings;

	while (*at && !fits(*at, m))
		at = &(*at)->next;
	return at;
}

static void leave_locked(struct nt_meeting *m)
{
	struct nt_meeting **at = &m->wait->nt->meetings;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
}

static void meet_locked(struct nt_meeting **at)
{
	struct nt_meeting *partner = *at;

	*at = partner->next;
	partner->met = true;
	ntsync_event_set(nt_sleep_event(partner->wait), NULL);
}

/* Meets a partner that is there, or joins the list. */
static bool arrive(struct nt_meeting *m)
{
	struct ntsync_nt *nt = m->wait->nt;
	struct nt_meeting **at;
	struct nt_saved saved;
	bool found;

	nt_lock(&nt->lock, &saved);
	at = find_partner_locked(nt, m);
	found = *at;
	if (found)
		meet_locked(at);
	else
		*at = m;
	nt_unlock(&nt->lock, &saved);
	return found;
}

/* Whether the call ends after the driver has answered @ret, and how. */
static bool has_ended(struct nt_meeting *m, int ret, uint32_t *status)
{
	struct ntsync_nt *nt = m->wait->nt;
	struct nt_saved saved;
	bool met;

	nt_lock(&nt->lock, &saved);
	met = m->met;
	*status = met ? NTSYNC_STATUS_SUCCESS : nt_sleep_reason(m->wait, ret);
	if (*status)
		leave_locked(m);
	nt_unlock(&nt->lock, &saved);
	return met || *status;
}

/* A thread of a completion port does not count there meanwhile. */
static uint32_t sleep_until_met(struct nt_meeting *m)
{
	struct nt_wait *wait = m->wait;
	bool paused = nt_port_pause(wait->thread);
	uint32_t status;
	int ret;

	do {
		ret = nt_sleep(wait);
	} while (!has_ended(m, ret, &status));
	if (paused)
		nt_port_go_on(wait->thread);
	if (!status)
		nt_sleep_reset_event(wait);
	return status;
}

static uint32_t meet(struct nt_meeting *m)
{
	uint32_t status = nt_wait_refuse(m->wait);

	if (status)
		return status;
	nt_race();
	return arrive(m) ? NTSYNC_STATUS_SUCCESS : sleep_until_met(m);
}

/* The pin keeps the object, so that no other one can be at its address meanwhile. */
static uint32_t meet_at(struct nt_meeting *m, uint32_t handle)
{
	struct nt_pin pin;
	uint32_t status;

	if (!handle)
		return meet(m);
	status = nt_get_type(m->wait->nt, handle, NTSYNC_NT_KEYED_EVENT, &pin);
	if (status)
		return status;
	m->event = pin.object;
	status = meet(m);
	nt_put(m->wait->nt, &pin);
	return status;
}

static uint32_t begin_meeting(struct ntsync_nt *nt, uint32_t handle, struct nt_meeting *m,
			      bool alertable, struct ntsync_nt_deadline deadline)
{
	struct nt_wait wait;
	uint32_t status;

	if (m->key & 1)
		return NTSYNC_STATUS_INVALID_PARAMETER_1;
	status = nt_wait_begin(&wait, nt, alertable, deadline);
	if (status)
		return status;
	m->wait = &wait;
	return meet_at(m, handle);
}

NTSYNC_API uint32_t ntsync_nt_wait_for_keyed_event(struct ntsync_nt *nt, uint32_t handle,
						   uint64_t key, bool alertable,
						   struct ntsync_nt_deadline deadline)
{
	struct nt_meeting m = { .key = key };

	return begin_meeting(nt, handle, &m, alertable, deadline);
}

NTSYNC_API uint32_t ntsync_nt_release_keyed_event(struct ntsync_nt *nt, uint32_t handle,
						  uint64_t key, bool alertable,
						  struct ntsync_nt_deadline deadline)
{
	struct nt_meeting m = { .key = key, .releases = true };

	return begin_meeting(nt, handle, &m, alertable, deadline);
}
