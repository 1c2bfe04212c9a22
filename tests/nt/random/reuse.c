// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which closed value is issued next: the one closed last, or with a quarantine the one closed first, and
 * that not before others were closed. The order of closings that began in the same round is not
 * known, and nothing is said about it. The same goes for a value that a call has kept from being issued again:
 * it counts as closed in any of the rounds until that call has returned.
 *
 * A call that would return a handle may take a value first, and give it back if it fails. Until then
 * another call gets the next one. With LIFO, a value that was given back counts as closed in that round. With a
 * quarantine, it is the next one issued. It may be one that was never issued. Then it comes before values that were
 * closed earlier.
 */
#include "reference_internal.h"

static bool is_pinned(const struct model *m, uint32_t index)
{
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		for (unsigned int i = 0; i < MAX_HANDLES; i++) {
			if (m->threads[t].pinned[i] == index)
				return true;
		}
	}
	return false;
}

/* Is the value surely one that can be issued? What is closed in this round may come too late. */
static bool is_free(const struct model *m, uint32_t index)
{
	const struct model_closing *closing = &m->closings[index];

	return closing->first && closing->last < m->round && !is_pinned(m, index);
}

/*
 * Was @a surely closed after @b? A value that was never issued counts as closed before all others, unless a call
 * may have given it back.
 */
static bool is_later(const struct model *m, uint32_t a, uint32_t b)
{
	return m->closings[a].first > m->closings[b].last;
}

/* How many values that can be issued were surely closed after it. */
static unsigned int count_newer(const struct model *m, uint32_t index)
{
	unsigned int count = 0;

	for (uint32_t i = 1; i < NR_VALUES; i++)
		count += is_free(m, i) && is_later(m, i, index);
	return count;
}

static unsigned int count_older(const struct model *m, uint32_t index)
{
	unsigned int count = 0;

	for (uint32_t i = 1; i < NR_VALUES; i++)
		count += is_free(m, i) && is_later(m, index, i);
	return count;
}

/* How many others may have been closed after it. */
static unsigned int count_later(const struct model *m, uint32_t index)
{
	unsigned int count = 0;

	for (uint32_t i = 1; i < NR_VALUES; i++)
		count += i != index && m->closings[i].first && !is_later(m, index, i);
	return count;
}

static unsigned int count_free(const struct model *m)
{
	unsigned int count = 0;

	for (uint32_t i = 1; i < NR_VALUES; i++)
		count += is_free(m, i);
	return count;
}

/*
 * A value that was never issued comes while the quarantine is not full. The table may keep one value more.
 * @before: how many of the closed values calls may have taken out of the quarantine.
 */
static bool may_be_new(const struct model *m, unsigned int before)
{
	return count_free(m) < m->quarantine + 2 + before;
}

/*
 * A call may have taken a value that was never issued before the quarantine was full, and given it back. That one
 * may be issued at any time after it. The table may have put the lowest value of all into the quarantine when it
 * was created.
 */
static bool may_leave_quarantine(const struct model *m, uint32_t index, unsigned int held)
{
	unsigned int before = held + m->given_back;

	if (!m->closings[index].first)
		return index == 1 || m->closings[index].last || may_be_new(m, before);
	return count_older(m, index) <= before && count_later(m, index) >= m->quarantine;
}

bool model_may_issue(const struct model *m, uint32_t index, unsigned int held)
{
	if (is_pinned(m, index))
		return false;
	return m->reuse == NTSYNC_NT_REUSE_LIFO ? count_newer(m, index) <= held :
						  may_leave_quarantine(m, index, held);
}

/*
 * The values that it may have taken: each of the others may have taken one before. Those that were never issued are
 * taken in their order.
 */
static void delay_newest(struct model *m, unsigned int others)
{
	unsigned int nr_new = others + 1;
	bool taken[NR_VALUES];

	for (uint32_t i = 1; i < NR_VALUES; i++) {
		taken[i] = !m->handles[i] && count_newer(m, i) <= others;
		if (!taken[i] || m->closings[i].last)
			continue;
		taken[i] = nr_new > 0;
		nr_new -= taken[i];
	}
	for (uint32_t i = 1; i < NR_VALUES; i++) {
		if (taken[i])
			m->closings[i].last = m->round;
	}
}

/*
 * With a quarantine: these values were never issued, and calls that run at the same time may have taken them. They are
 * taken in their order, while none that was given back is left. The lowest of all is in the quarantine instead.
 */
static void note_new_taken(struct model *m, unsigned int count)
{
	for (uint32_t i = 2; i < NR_VALUES && count; i++) {
		if (m->handles[i] || m->closings[i].first)
			continue;
		m->closings[i].last = 1;
		count--;
	}
}

static void forget_new_taken(struct model *m)
{
	for (uint32_t i = 1; i < NR_VALUES; i++) {
		if (!m->closings[i].first)
			m->closings[i].last = 0;
	}
}

/* A call takes what another one has given back, so no more are given back than calls run at the same time. */
void model_note_failure(struct model *m, unsigned int others)
{
	if (m->reuse == NTSYNC_NT_REUSE_QUARANTINE) {
		if (may_be_new(m, others + m->given_back))
			note_new_taken(m, others + 1);
		if (m->given_back < others + 1)
			m->given_back++;
	} else if (others) {
		delay_newest(m, others);
	}
}

/* It is the one that was given back last, unless a call gives another back after this. */
void model_note_issue(struct model *m, uint32_t index, unsigned int held)
{
	m->closings[index] = (struct model_closing){ 0, 0 };
	if (m->given_back && !held && !--m->given_back)
		forget_new_taken(m);
}

void model_note_closing(struct model *m, uint32_t index)
{
	m->closings[index] = (struct model_closing){ m->round, m->round };
}

void model_delay_pinned(struct model *m)
{
	for (uint32_t i = 1; i < NR_VALUES; i++) {
		if (m->closings[i].first && is_pinned(m, i))
			m->closings[i].last = m->round + 1;
	}
}
