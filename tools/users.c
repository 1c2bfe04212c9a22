// SPDX-License-Identifier: GPL-2.0-only
/* The processes that have the device open at this moment, for a message. */
#include "ctl.h"

bool users_look(struct system_facts *f)
{
	struct scan s;

	f->users[0] = '\0';
	if (scan_init(&s))
		return false;
	scan_run(&s);
	for (unsigned int i = 0; i < s.nr_processes; i++) {
		char who[96];

		snprintf(who, sizeof(who), "%s (%d)", s.process[i].comm, s.process[i].pid);
		/* The first ones are enough; `status` lists all. */
		if (!text_list_add(f->users, sizeof(f->users), who))
			break;
	}
	scan_exit(&s);
	return true;
}
