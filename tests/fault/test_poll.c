// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll(2) has no error for "no memory": an object says POLLERR then.
 */
#include "fail_nth.h"

#include <poll.h>

static void setup_sem(struct stage *s)
{
	watch(s, new_sem(s->f, 1, 1));
}

static int run_poll(struct stage *s)
{
	struct pollfd fd = { .fd = s->objs[0], .events = POLLIN };
	int ready = poll(&fd, 1, 0);

	if (ready < 0)
		return -errno;
	if (fd.revents & POLLERR)
		return -ENOMEM;
	return fd.revents == POLLIN ? 0 : -EIO;
}

/* What it has allocated stays with the object, so the next time it is another one. */
static void verify_poll(struct stage *s)
{
	close_fd(s->f, s->info[0]);
	close_fd(s->f, s->objs[0]);
	s->nr_objs = 0;
	setup_sem(s);
}

static const struct op ops[] = {
	{ .name = "poll", .setup = setup_sem, .run = run_poll, .verify = verify_poll,
	  .memory = 1, .copies = 1 },
};

int main(void)
{
	return RUN_OPS(ops);
}
