// SPDX-License-Identifier: GPL-2.0-only
#include "model.h"

int model_normal_prio(const struct model *m, int task)
{
	return m->task[task]->unboosted.attr.prio;
}

bool model_waits_for(const struct model *m, int task, int mutex)
{
	return m->doing[task] == WAITS && m->wants[task] & 1u << mutex;
}

bool model_pending(const struct model *m, int task, int channel)
{
	return m->doing[task] == SENDS && m->at[task] == channel &&
	       m->request[task].server == NOBODY;
}

static bool is_parked(const struct model *m, int task, int channel)
{
	return m->doing[task] == PARKED && m->at[task] == channel;
}

static bool is_dispatched_to(const struct model *m, int sender, int server, int channel)
{
	return m->doing[sender] == SENDS && m->at[sender] == channel &&
	       m->request[sender].server == server;
}

/* ---- the equations ---- */

int model_request_prio(const struct model *m, const struct prios *p, int sender)
{
	int intent = m->request[sender].intent;

	return p->inherited[sender] > intent ? p->inherited[sender] : intent;
}

static int higher_prio(int a, int b)
{
	return a > b ? a : b;
}

static int prio_from_mutexes(const struct model *m, const struct prios *p, int task)
{
	int prio = 0;

	for (int i = 0; i < MUTEXES; i++) {
		for (int w = 0; w < TASKS && m->holder[i] == task; w++) {
			if (w != task && model_waits_for(m, w, i))
				prio = higher_prio(prio, p->eff[w]);
		}
	}
	return prio;
}

static int prio_from_work(const struct model *m, const struct prios *p, int server, int channel)
{
	unsigned int newest = 0;
	int prio = 0;

	for (int s = 0; s < TASKS; s++) {
		if (!is_dispatched_to(m, s, server, channel) || m->request[s].set < newest)
			continue;
		if (m->request[s].set > newest)
			prio = 0;
		newest = m->request[s].set;
		prio = higher_prio(prio, model_request_prio(m, p, s));
	}
	return prio;
}

static int prio_from_channel(const struct model *m, const struct prios *p, int server, int channel)
{
	int prio;

	if (!m->serves[server][channel] || is_parked(m, server, channel))
		return 0;
	prio = prio_from_work(m, p, server, channel);
	for (int s = 0; s < TASKS; s++) {
		if (s != server && model_pending(m, s, channel))
			prio = higher_prio(prio, model_request_prio(m, p, s));
	}
	return prio;
}

bool model_sleeps_on(const struct model *m, int task, int word)
{
	return m->doing[task] == SLEEPS && m->at[task] == word;
}

static int prio_from_words(const struct model *m, const struct prios *p, int task)
{
	int prio = 0;

	for (int i = 0; i < WORDS; i++) {
		for (int w = 0; w < TASKS && m->owner[i] == task; w++) {
			if (w != task && model_sleeps_on(m, w, i) && m->sleep[w].names)
				prio = higher_prio(prio, p->eff[w]);
		}
	}
	return prio;
}

static bool update_prio(const struct model *m, struct prios *p, int task)
{
	int prio = higher_prio(prio_from_mutexes(m, p, task), prio_from_words(m, p, task));

	for (int c = 0; c < CHANNELS; c++)
		prio = higher_prio(prio, prio_from_channel(m, p, task, c));
	for (int l = 0; l < TASKS; l++) {
		if (m->borrower[l] == task)
			prio = higher_prio(prio, p->eff[l]);
	}
	if (prio == p->inherited[task])
		return false;
	p->inherited[task] = prio;
	p->eff[task] = higher_prio(p->eff[task], prio);
	return true;
}

/* The least solution: starts at the normal priorities and raises them until nothing changes. */
void model_solve(const struct model *m, struct prios *p)
{
	bool changed = true;

	memset(p, 0, sizeof(*p));
	for (int t = 0; t < TASKS; t++)
		p->eff[t] = model_normal_prio(m, t);
	while (changed) {
		changed = false;
		for (int t = 0; t < TASKS; t++)
			changed |= update_prio(m, p, t);
	}
}

int model_next_request(const struct model *m, const struct prios *p, int channel)
{
	int next = NOBODY;

	for (int s = 0; s < TASKS; s++) {
		int diff;

		if (!model_pending(m, s, channel))
			continue;
		diff = next == NOBODY ? 1 : model_request_prio(m, p, s) - model_request_prio(m, p, next);
		if (diff > 0 || (!diff && m->request[s].arrival < m->request[next].arrival))
			next = s;
	}
	return next;
}

int model_next_sleeper(const struct model *m, const struct prios *p, int word)
{
	int next = NOBODY;

	for (int t = 0; t < TASKS; t++) {
		if (!model_sleeps_on(m, t, word))
			continue;
		if (next == NOBODY || p->eff[t] > p->eff[next] ||
		    (p->eff[t] == p->eff[next] && m->sleep[t].arrival < m->sleep[next].arrival))
			next = t;
	}
	return next;
}

/* ---- cycles ---- */

unsigned int model_holders(const struct model *m, int task, unsigned int wants)
{
	unsigned int others = 0;

	for (int i = 0; i < MUTEXES; i++) {
		if (wants & 1u << i && m->holder[i] != NOBODY && m->holder[i] != task)
			others |= 1u << m->holder[i];
	}
	return others;
}

unsigned int model_servers(const struct model *m, int task, int channel)
{
	unsigned int others = 0;

	for (int t = 0; t < TASKS; t++) {
		if (t != task && m->serves[t][channel] && !is_parked(m, t, channel))
			others |= 1u << t;
	}
	return others;
}

static unsigned int find_blockers(const struct model *m, int task)
{
	switch (m->doing[task]) {
	case WAITS:
		return model_holders(m, task, m->wants[task]);
	case SENDS:
		if (m->request[task].server != NOBODY)
			return 1u << m->request[task].server;
		return model_servers(m, task, m->at[task]);
	case SLEEPS:
		if (!m->sleep[task].names || m->owner[m->at[task]] == NOBODY ||
		    m->owner[m->at[task]] == task)
			return 0;
		return 1u << m->owner[m->at[task]];
	default:
		return 0;
	}
}

bool model_is_cycle(const struct model *m, int task, unsigned int others)
{
	unsigned int before = 0;

	while (others != before) {
		before = others;
		for (int t = 0; t < TASKS; t++) {
			if (before & 1u << t)
				others |= find_blockers(m, t);
		}
	}
	return others & 1u << task;
}

bool model_owner_makes_cycle(const struct model *m, int task, int word, int owner)
{
	bool cycle = model_is_cycle(m, task, 1u << owner);

	for (int t = 0; t < TASKS; t++) {
		if (t != owner && model_sleeps_on(m, t, word))
			cycle |= model_is_cycle(m, t, 1u << owner);
	}
	return cycle;
}

/* ---- compared with the driver ---- */

static int find_task(const struct model *m, uint32_t owner)
{
	for (int t = 0; t < TASKS; t++) {
		if (m->task[t]->owner == owner)
			return t;
	}
	return NOBODY;
}

void model_read_holders(struct model *m)
{
	for (int i = 0; i < MUTEXES; i++) {
		struct ntsync_mutex_args args = { 0 };
		int ret = nt(m->mutex[i], NTSYNC_IOC_MUTEX_READ, &args);

		assert_true(!ret || ret == -EOWNERDEAD);
		m->holder[i] = args.owner ? find_task(m, args.owner) : NOBODY;
		m->depth[i] = args.count;
	}
}

static void print_task(const struct model *m, const struct prios *p, int t)
{
	static const char *const doing[] = { "idle", "waits", "sends", "parked", "sleeps" };
	const struct request *r = &m->request[t];

	print_error("# %s: tid %d normal prio %d, should be %d (inherits %d), %s", m->task[t]->name,
		    m->task[t]->tid, model_normal_prio(m, t), p->eff[t], p->inherited[t],
		    doing[m->doing[t]]);
	if (m->doing[t] == WAITS)
		print_error(" for %s of %#x", m->all[t] ? "all" : "any", m->wants[t]);
	if (m->doing[t] == SENDS || m->doing[t] == PARKED || m->doing[t] == SLEEPS)
		print_error(" at %d", m->at[t]);
	if (m->doing[t] == SLEEPS)
		print_error("%s%s", m->sleep[t].names ? ", names the owner" : "",
			    m->sleep[t].takes_over ? ", takes over" : "");
	if (m->doing[t] == SENDS)
		print_error(" with %d, dispatched to %d in set %u", r->intent, r->server, r->set);
	for (int c = 0; c < CHANNELS; c++)
		print_error("%s", m->serves[t][c] ? c ? ", serves 1" : ", serves 0" : "");
	if (m->borrower[t] != NOBODY)
		print_error(", lends to t%d", m->borrower[t]);
	print_error("\n");
}

static void print_model(const struct model *m, const struct prios *p)
{
	char *records = arbiter_text("pi");

	for (int t = 0; t < TASKS; t++)
		print_task(m, p, t);
	for (int i = 0; i < MUTEXES; i++)
		print_error("# mutex %d: held by task %d, %u times\n", i, m->holder[i],
			    m->depth[i]);
	for (int i = 0; i < WORDS; i++)
		print_error("# word %d: owned by task %d\n", i, m->owner[i]);
	print_error("# records:\n%s\n", records ? records : "none");
	free(records);
}

/*
 * While a task verifies its chain, once a second in its sleep, others don't lower it. It lowers
 * itself before it sleeps on.
 */
static void let_verification_end(const struct actor *a, int eff)
{
	struct task_stat stat;
	struct task_attr is;

	for (unsigned int polls = 0; !task_get_attr(a->tid, &is) && (int)is.prio != eff; polls++) {
		if (!task_get_stat(a->tid, &stat) || stat.asleep)
			return;
		let_others_run(polls);
	}
}

static bool check_task(const struct model *m, int task, int eff)
{
	const struct actor *a = m->task[task];
	struct task_attr is;

	let_verification_end(a, eff);
	if (eff == model_normal_prio(m, task))
		return task_state_is(a->tid, &a->unboosted, a->name);
	if (task_get_attr(a->tid, &is))
		return false;
	if (is.policy == SCHED_FIFO && is.prio == (uint32_t)eff && is.flags & TASK_RESET_ON_FORK)
		return true;
	print_error("# %s: policy %u priority %u flags %llu\n", a->name, is.policy, is.prio,
		    (unsigned long long)is.flags);
	return false;
}

static bool check_still_blocked(const struct model *m, int task)
{
	if (m->doing[task] == IDLE || !actor_finished(m->task[task]))
		return true;
	print_error("# %s has left its call\n", m->task[task]->name);
	return false;
}

void model_compare(struct model *m)
{
	struct prios p;
	bool ok = true;

	model_solve(m, &p);
	for (int t = 0; t < TASKS; t++) {
		ok &= check_task(m, t, p.eff[t]);
		ok &= check_still_blocked(m, t);
		m->boosts += p.eff[t] > model_normal_prio(m, t);
	}
	if (!ok) {
		print_model(m, &p);
		fail_msg("step %u", m->step);
	}
}
