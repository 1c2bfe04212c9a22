// SPDX-License-Identifier: GPL-2.0-only
/*
 * The locks of ntsync_lock.h: programs have them in their memory and share them with others, and
 * inlined functions look into them.
 */
#include <ntsync_lock.h>

#include "pin.h"

static void pin_locks(void)
{
	PIN_SIZE(struct ntsync_cs, 8);
	PIN_FIELD(struct ntsync_cs, word, 0, 4);
	PIN_FIELD(struct ntsync_cs, recursion, 4, 4);
	PIN_SIZE(struct ntsync_rw, 4);
	PIN_FIELD(struct ntsync_rw, word, 0, 4);
	PIN_VALUE(NTSYNC_LOCK_WAITERS, 0x80000000);
	PIN_VALUE(NTSYNC_LOCK_EXCLUSIVE, 0x40000000);
	pin_group("locks");

	PIN_SIZE(struct ntsync_cond, 8);
	PIN_FIELD(struct ntsync_cond, seq, 0, 4);
	PIN_FIELD(struct ntsync_cond, waiters, 4, 4);
	pin_group("condition variable");
}

static void pin_locker(void)
{
	PIN_SIZE(struct ntsync_locker, 24 + sizeof(void *));
	PIN_FIELD(struct ntsync_locker, dev, 0, 4);
	PIN_FIELD(struct ntsync_locker, tid, 4, 4);
	PIN_FIELD(struct ntsync_locker, flags, 8, 4);
	PIN_FIELD(struct ntsync_locker, held, 12, 4);
	PIN_FIELD(struct ntsync_locker, looked, 16, 4);
	PIN_FIELD(struct ntsync_locker, has_loan, 20, 4);
	PIN_FIELD(struct ntsync_locker, sleep, 24, sizeof(void *));
	PIN_VALUE(NTSYNC_LOCKER_SHARED, 0x10);
	pin_group("locker");
}

int main(void)
{
	pin_locks();
	pin_locker();
	pin_end();
	return 0;
}
