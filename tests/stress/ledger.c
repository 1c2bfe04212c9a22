// SPDX-License-Identifier: GPL-2.0-only
#include "ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* The number of a request is in the lower bits of its payload. */
#define SENDER_SHIFT 56
/* A line on which nothing was ever written. */
#define UNUSED 1

struct ledger *ledger_new(void)
{
	struct ledger *l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (l == MAP_FAILED)
		return NULL;
	for (unsigned int s = 0; s < LEDGER_SENDERS; s++) {
		for (unsigned int n = 0; n < LEDGER_LINES; n++)
			l->line[s][n].result = UNUSED;
	}
	return l;
}

static struct ledger_line *find_line(struct ledger *l, uint64_t payload)
{
	uint64_t number = payload & ((1ull << SENDER_SHIFT) - 1);

	return &l->line[payload >> SENDER_SHIFT][number % LEDGER_LINES];
}

static void note_wrong(struct ledger *l, uint64_t payload, int executed, const char *told)
{
	atomic_fetch_add(&l->wrong, 1);
	printf("# request %#llx was executed %d times: %s\n", (unsigned long long)payload, executed,
	       told);
}

static void check_line(struct ledger *l, uint64_t payload)
{
	struct ledger_line *line = find_line(l, payload);
	int executed = atomic_load(&line->executed), ret = line->result;
	bool never = ret == -EAGAIN || ret == -EPIPE;

	if (ret == UNUSED)
		return;
	if (executed > !never || (!ret && executed != 1))
		note_wrong(l, payload, executed, ret ? strerror(-ret) : "answered");
}

uint64_t ledger_open(struct ledger *l, unsigned int sender)
{
	uint64_t payload = (uint64_t)sender << SENDER_SHIFT | l->next[sender]++;
	struct ledger_line *line = find_line(l, payload);

	check_line(l, payload);
	/* The sender may be killed before it can write how the request ended. */
	line->result = -EINPROGRESS;
	atomic_store(&line->executed, 0);
	return payload;
}

void ledger_execute(struct ledger *l, uint64_t payload)
{
	atomic_fetch_add(&find_line(l, payload)->executed, 1);
}

void ledger_close(struct ledger *l, uint64_t payload, int ret)
{
	find_line(l, payload)->result = ret;
	check_line(l, payload);
}

bool ledger_is_right(struct ledger *l)
{
	for (unsigned int s = 0; s < LEDGER_SENDERS; s++) {
		for (unsigned int n = 0; n < LEDGER_LINES; n++)
			check_line(l, (uint64_t)s << SENDER_SHIFT | n);
	}
	return !l->wrong;
}
