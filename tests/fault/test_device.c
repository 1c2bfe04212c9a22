// SPDX-License-Identifier: GPL-2.0-only
#include "fail_nth.h"

static int run_open(struct scenario *s)
{
	int fd = open("/dev/ntsync", O_RDWR | O_CLOEXEC);

	return store_fd(s, fd < 0 ? -errno : fd);
}

static void verify_open(struct scenario *s)
{
	struct ntsync_sem_args args = { .count = 0, .max = 1 };
	int sem = nt(s->made, NTSYNC_IOC_CREATE_SEM, &args);

	assert_true(sem >= 0);
	close(sem);
	close(s->made);
}

static int run_query(struct scenario *s)
{
	struct ntsync_features_args args;

	memset(&args, 0xa5, sizeof(args));
	return call(s, s->f->dev, NTSYNC_IOC_QUERY_FEATURES, &args, sizeof(args));
}

static void verify_query(struct scenario *s)
{
	assert_int_equal(((struct ntsync_features_args *)s->arg)->features, s->f->features);
}

static const struct op ops[] = {
	{ .name = "open", .run = run_open, .verify = verify_open, .memory = 1, .copies = 1 },
	{ .name = "QUERY_FEATURES", .run = run_query, .verify = verify_query, .copies = 1 },
};

int main(void)
{
	return RUN_OPS(ops);
}
