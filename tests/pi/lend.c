// SPDX-License-Identifier: GPL-2.0-only
#include "lend.h"
#include "../uapi/asleep.h"

#include <sys/syscall.h>

void need_loans(struct fixture *f)
{
	only_ours(f, "no loans");
	if (!(f->features & NTSYNC_FEATURE_LEND))
		skip_because("no loans");
}

int lend_here(int dev, pid_t tid, uint32_t flags)
{
	struct ntsync_lend_args args = { .tid = tid, .flags = flags };

	return nt(dev, NTSYNC_IOC_LEND, &args);
}

static int do_lend(struct actor *a, void *args)
{
	return nt(a->f->dev, NTSYNC_IOC_LEND, args);
}

static int do_unlend(struct actor *a, void *unused)
{
	return nt(a->f->dev, NTSYNC_IOC_UNLEND, unused);
}

int actor_lends_to(struct actor *lender, pid_t tid, uint32_t flags)
{
	struct ntsync_lend_args args = { .tid = tid, .flags = flags };

	return actor_do(lender, do_lend, &args);
}

void actor_lends(struct actor *lender, struct actor *borrower)
{
	assert_ret(actor_lends_to(lender, borrower->tid, 0), 0);
}

void actor_lends_later(struct actor *lender, struct actor *borrower)
{
	assert_ret(actor_lends_to(lender, borrower->tid, LATER), 0);
}

void actor_unlends(struct actor *lender)
{
	assert_ret(actor_do(lender, do_unlend, NULL), 0);
}

void pipe_server_init(struct fixture *f, struct pipe_server *s, struct actor *server)
{
	*s = (struct pipe_server){ .server = server };
	assert_int_equal(pipe2(s->request, O_CLOEXEC), 0);
	assert_int_equal(pipe2(s->reply, O_CLOEXEC), 0);
	for (int i = 0; i < 2; i++) {
		own_fd(f, s->request[i]);
		own_fd(f, s->reply[i]);
	}
}

static int read_byte(int fd)
{
	char c;

	return read(fd, &c, 1) == 1 ? 0 : -EIO;
}

static int write_byte(int fd)
{
	return write(fd, "", 1) == 1 ? 0 : -EIO;
}

int serve_by_pipe(struct actor *server, void *arg)
{
	const struct pipe_server *s = arg;
	int ret = read_byte(s->request[0]);

	if (!ret && s->mutex)
		ret = lock_and_unlock_here(server, s->mutex);
	work_here();
	return ret ? ret : write_byte(s->reply[1]);
}

int exchange_by_pipe(const struct pipe_server *s)
{
	int ret = write_byte(s->request[1]);

	return ret ? ret : read_byte(s->reply[0]);
}

int call_by_pipe(struct actor *client, void *arg)
{
	const struct pipe_server *s = arg;
	int ret = lend_here(client->f->dev, s->server->tid, s->flags);

	if (!ret)
		ret = exchange_by_pipe(s);
	if (!ret)
		ret = nt(client->f->dev, NTSYNC_IOC_UNLEND, NULL);
	return !ret && s->unlocks ? unlock_here(client, s->unlocks) : ret;
}

static bool in_read(pid_t tid)
{
	struct sleeping_call call;

	return asleep_in_call(getpid(), tid, &call) && call.nr == SYS_read;
}

void await_call(struct actor *client)
{
	for (unsigned int polls = 0; !in_read(client->tid); polls++)
		let_others_run(polls);
}
