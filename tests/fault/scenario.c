// SPDX-License-Identifier: GPL-2.0-only
#include "scenario.h"

#include <signal.h>

/* ---- objects and their waiters ---- */

int add_object(struct scenario *s, int obj)
{
	char path[64];

	assert_true(s->nr_objs < MAX_OBJS);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", obj);
	s->info[s->nr_objs] = own_fd(s->f, open(path, O_RDONLY | O_CLOEXEC));
	s->objs[s->nr_objs++] = obj;
	return obj;
}

static void *holder_thread(void *arg)
{
	struct holder *h = arg;
	struct ntsync_wait_args args;

	for (unsigned int i = 0; i < h->nr && !h->ret; i++) {
		args = ARGS(FDS(h->mutexes[i]), .owner = h->owner);
		h->ret = nt(h->dev, ANY, &args);
	}
	atomic_store(&h->tid, gettid());
	if (!h->ret) {
		args = ARGS(FDS(h->next), .owner = h->owner, .timeout = FOREVER);
		nt(h->dev, ANY, &args);
	}
	atomic_store(&h->out, true);
	return NULL;
}

void add_holder(struct scenario *s, const int *mutexes, unsigned int nr, int next)
{
	struct holder *h = &s->holders[s->nr_holders];

	assert_true(s->nr_holders < MAX_HOLDERS);
	h->owner = HOLDER + s->nr_holders;
	h->dev = s->f->dev;
	h->mutexes = mutexes;
	h->nr = nr;
	h->next = next;
	assert_int_equal(pthread_create(&h->thread, NULL, holder_thread, h), 0);
	s->nr_holders++;
	while (!h->tid || (!h->out && !asleep_in(getpid(), h->tid, ANY)))
		sleep_ms(1);
	assert_ret(h->ret, 0);
	assert_false(h->out);
	assert_int_equal(task_get_state(h->tid, &h->before), 0);
}

void end_holders(struct scenario *s)
{
	while (s->nr_holders) {
		struct holder *h = &s->holders[--s->nr_holders];

		while (!atomic_load(&h->out)) {
			pthread_kill(h->thread, SIGUSR2);
			sleep_ms(1);
		}
		pthread_join(h->thread, NULL);
	}
}

void close_objects(struct scenario *s)
{
	end_holders(s);
	while (s->nr_objs) {
		close_fd(s->f, s->info[--s->nr_objs]);
		close_fd(s->f, s->objs[s->nr_objs]);
	}
	memset(s->holders, 0, sizeof(s->holders));
}

void wait_for_first(struct scenario *s, int policy, int prio)
{
	const struct waiter_sched sched = { .policy = policy, .prio = prio };

	s->waiter = start_sched(s->f, ANY,
				ARGS(FDS(s->objs[0]), .owner = OWNER, .timeout = FOREVER),
				&sched);
}

void await_no_records(void)
{
	while (arbiter_has_records())
		sleep_ms(10);
}

void set_fifo(int prio)
{
	struct sched_param param = { .sched_priority = prio };

	assert_int_equal(pthread_setschedparam(pthread_self(), prio ? SCHED_FIFO : SCHED_OTHER,
					       &param), 0);
}

/* ---- as it was ---- */

/* The state only; the rest of the text is about waiters, and changes with time. */
static void read_info(struct scenario *s, unsigned int i, char *text)
{
	ssize_t len = pread(s->info[i], text, INFO_SIZE - 1, 0);
	char *end;

	assert_true(len > 0);
	text[len] = '\0';
	end = strstr(text, "ntsync-instance:");
	assert_non_null(end);
	*end = '\0';
}

static int lowest_free_fd(struct scenario *s)
{
	int fd = dup(s->f->dev);

	close(fd);
	return fd;
}

void save_state(struct scenario *s)
{
	for (unsigned int i = 0; i < s->nr_objs; i++)
		read_info(s, i, s->before[i]);
	s->free_fd = lowest_free_fd(s);
	free(s->records);
	s->records = arbiter_text("pi");
	assert_non_null(s->records);
	assert_int_equal(task_get_state(0, &s->self), 0);
	for (unsigned int i = 0; i < s->nr_holders; i++)
		assert_int_equal(task_get_state(s->holders[i].tid, &s->holders[i].before), 0);
}

void assert_state_unchanged(struct scenario *s)
{
	char text[INFO_SIZE], *records;

	for (unsigned int i = 0; i < s->nr_objs; i++) {
		read_info(s, i, text);
		assert_string_equal(text, s->before[i]);
	}
	assert_int_equal(lowest_free_fd(s), s->free_fd);
	records = arbiter_text("pi");
	assert_non_null(records);
	assert_string_equal(records, s->records);
	free(records);
	assert_true(task_state_is(0, &s->self, "self"));
	for (unsigned int i = 0; i < s->nr_holders; i++)
		assert_true(task_state_is(s->holders[i].tid, &s->holders[i].before, "holder"));
	if (s->waiter)
		assert_asleep(s->waiter);
}

/* ---- calls ---- */

int call(struct scenario *s, int fd, unsigned long request, const void *arg, size_t size)
{
	memcpy(s->sent, arg, size);
	memcpy(s->arg, arg, size);
	return nt(fd, request, s->arg);
}

int store_fd(struct scenario *s, int fd)
{
	if (fd < 0)
		return fd;
	s->made = fd;
	return 0;
}

int call_word(struct scenario *s, unsigned long request, uint32_t word)
{
	return call(s, s->objs[0], request, &word, sizeof(word));
}

int call_pair(struct scenario *s, int fd, unsigned long request, uint32_t first, uint32_t second)
{
	const uint32_t words[2] = { first, second };

	return call(s, fd, request, words, sizeof(words));
}

uint32_t read_result(const struct scenario *s, unsigned int i)
{
	return ((const uint32_t *)s->arg)[i];
}

/* ---- setups that several types have ---- */

void setup_inherited(struct scenario *s)
{
	add_object(s, new_mutex(s->f, 0, 0));
	add_holder(s, s->objs, 1, s->gate);
	wait_for_first(s, SCHED_FIFO, 20);
	assert_true(arbiter_has(s->holders[0].tid, "mutex", SCHED_FIFO, 20));
}

void setup_abandoned(struct scenario *s)
{
	add_object(s, new_mutex(s->f, SELF, 1));
	kill_owner(s->objs[0], SELF);
}
