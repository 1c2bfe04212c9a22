// SPDX-License-Identifier: GPL-2.0-only
#include "fake_device.h"
#include "fake_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <libntsync.h>

#define FIRST_FD	1000
#define MAX_FDS		65536
#define MAX_OBJS	(NTSYNC_MAX_WAIT_COUNT + 1)
/* One per descriptor, and those that only a wait refers to. */
#define MAX_OBJECTS	(MAX_FDS + 1024)

enum kind { DEVICE, SEM, MUTEX, EVENT, CHANNEL };

/*
 * Semaphore: count and max. Mutex: owner and count. Event: manual and signaled. Channel: its depth.
 * @instance: the number of the device that it belongs to; of a device, its own. A forked child has
 * descriptors of its own for the same objects: so all of them are in shared memory.
 */
struct object {
	enum kind kind;
	uint32_t a, b;
	uint32_t instance;
	bool dead;
};

/*
 * The alert, if there is one, is the last of @objs. @addr: a wait on an address. @aggregate: the
 * wait may be for channels; @polls: the descriptors of it, and where each is among the sources.
 * @arrival: its place in the queue, 0 before it is there.
 */
struct waiter {
	struct waiter *next;
	uint64_t arrival;
	uint64_t addr;
	struct object *objs[MAX_OBJS];
	uint32_t count;
	uint32_t owner;
	struct pollfd polls[NTSYNC_AGG_MAX];
	uint32_t poll_at[NTSYNC_AGG_MAX], obj_at[NTSYNC_AGG_MAX];
	uint32_t nr_polls;
	uint32_t events;
	uint32_t instance;
	bool aggregate;
	bool all;
	bool alert;
	bool alerted;
	bool done;
	bool interrupted;
	bool owner_dead;
	uint32_t index;
	pid_t tid;
	pthread_cond_t woken;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct object *fds[MAX_FDS];
static struct object *at_0;
/* Indexed by object: how many references this process has; and a list of free objects. */
static struct object *objects;
static uint32_t refs[MAX_OBJECTS], freed[MAX_OBJECTS], nr_freed, nr_objects;
static int nr_fds, first_free, create_error, wait_error, interrupts;
static bool next_is_0, old_driver;
static struct waiter *queue;

static int set_errno(int error)
{
	errno = error;
	return -1;
}

static struct object **find_place(int fd)
{
	if (!fd && at_0)
		return &at_0;
	return fd >= FIRST_FD && fd < FIRST_FD + MAX_FDS ? &fds[fd - FIRST_FD] : NULL;
}

static struct object *find_object(int fd)
{
	struct object **place = find_place(fd);

	return place ? *place : NULL;
}

static void get_object(struct object *object)
{
	refs[object - objects]++;
}

static void put_object(struct object *object)
{
	uint32_t number = (uint32_t)(object - objects);

	if (!--refs[number])
		freed[nr_freed++] = number;
}

static struct object *new_object(void)
{
	struct object *object;

	if (!objects)
		objects = mmap(NULL, MAX_OBJECTS * sizeof(*objects), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	object = &objects[nr_freed ? freed[--nr_freed] : nr_objects++];
	get_object(object);
	return object;
}

static int install_fd(struct object *object)
{
	struct rlimit limit;

	if (next_is_0) {
		next_is_0 = false;
		at_0 = object;
		nr_fds++;
		return 0;
	}
	while (first_free < MAX_FDS && fds[first_free])
		first_free++;
	getrlimit(RLIMIT_NOFILE, &limit);
	if (first_free == MAX_FDS || FIRST_FD + (rlim_t)first_free >= limit.rlim_cur)
		return set_errno(EMFILE);
	fds[first_free] = object;
	nr_fds++;
	return FIRST_FD + first_free;
}

/* @device: NULL for a new one. */
static int create_object(const struct object *device, enum kind kind, uint32_t a, uint32_t b)
{
	static uint32_t nr_instances;
	struct object *object;
	int fd;

	if (create_error)
		return set_errno(create_error);
	object = new_object();
	*object = (struct object){ .kind = kind, .a = a, .b = b };
	object->instance = device ? device->instance : ++nr_instances;
	fd = install_fd(object);
	if (fd < 0)
		put_object(object);
	return fd;
}

/* -- Waits -------------------------------------------------------------------------------- */

static bool is_ready(const struct object *object, uint32_t owner)
{
	switch (object->kind) {
	case SEM:
		return object->a;
	case MUTEX:
		return !object->a || (object->a == owner && object->b < UINT32_MAX);
	case CHANNEL:
		return fake_channel_is_pending(object);
	default:
		return object->b;
	}
}

static void acquire_object(struct waiter *w, struct object *object)
{
	switch (object->kind) {
	case SEM:
		object->a--;
		break;
	case MUTEX:
		w->owner_dead |= object->dead;
		object->dead = false;
		object->a = w->owner;
		object->b++;
		break;
	case CHANNEL:
		break;
	default:
		object->b = object->a;
	}
}

static bool finish_waiter(struct waiter *w, uint32_t index)
{
	w->index = index;
	w->done = true;
	return true;
}

static bool try_any(struct waiter *w)
{
	for (uint32_t i = 0; i < w->count; i++) {
		if (is_ready(w->objs[i], w->owner)) {
			acquire_object(w, w->objs[i]);
			return finish_waiter(w, i);
		}
	}
	return false;
}

static bool try_all(struct waiter *w)
{
	for (uint32_t i = 0; i < w->count; i++) {
		if (!is_ready(w->objs[i], w->owner))
			return false;
	}
	for (uint32_t i = 0; i < w->count; i++)
		acquire_object(w, w->objs[i]);
	return finish_waiter(w, 0);
}

static bool try_polls(struct waiter *w)
{
	if (!w->nr_polls || __real_poll(w->polls, w->nr_polls, 0) <= 0)
		return false;
	for (uint32_t i = 0; i < w->nr_polls; i++) {
		if (w->polls[i].revents) {
			w->events = (uint16_t)w->polls[i].revents;
			return finish_waiter(w, w->poll_at[i]);
		}
	}
	return false;
}

static bool try_wait(struct waiter *w)
{
	if (w->all ? try_all(w) : try_any(w)) {
		w->index = w->aggregate ? w->obj_at[w->index] : w->index;
		return true;
	}
	if (!w->alert || !is_ready(w->objs[w->count], w->owner))
		return try_polls(w);
	acquire_object(w, w->objs[w->count]);
	w->alerted = true;
	return finish_waiter(w, w->count);
}

static void unlink_waiter(struct waiter *w)
{
	struct waiter **link = &queue;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
}

static void grant_waiters_for(bool all)
{
	struct waiter *w = queue;

	while (w) {
		struct waiter *next = w->next;

		if (w->all == all && try_wait(w)) {
			unlink_waiter(w);
			pthread_cond_signal(&w->woken);
		}
		w = next;
	}
}

/* An object has been signaled. Waits for all come before those for any, as in the driver. */
static void grant_waiters(void)
{
	grant_waiters_for(true);
	grant_waiters_for(false);
}

static void enqueue_waiter(struct waiter *w)
{
	static uint64_t nr_arrivals;
	struct waiter **at = &queue;

	if (!w->arrival)
		w->arrival = ++nr_arrivals;
	while (*at && (*at)->arrival < w->arrival)
		at = &(*at)->next;
	w->next = *at;
	*at = w;
}

/*
 * The thread's last wait if it was interrupted: its place is that of the next one if they are the
 * same. Any other wait loses it.
 */
static _Thread_local struct {
	uint64_t call, arrival;
} ticket;

static uint64_t hash_call(const struct waiter *w, uint64_t deadline)
{
	uint64_t call = deadline;

	call = call * 31 + w->addr;
	call = call * 31 + w->owner;
	call = call * 31 + w->all;
	for (uint32_t i = 0; i < w->count + w->alert; i++)
		call = call * 31 + (uintptr_t)w->objs[i];
	return call;
}

static void take_ticket(struct waiter *w, uint64_t deadline)
{
	if (ticket.arrival && ticket.call == hash_call(w, deadline))
		w->arrival = ticket.arrival;
	ticket.arrival = 0;
}

static int save_ticket(const struct waiter *w, uint64_t deadline)
{
	ticket.call = hash_call(w, deadline);
	ticket.arrival = w->arrival;
	return set_errno(EINTR);
}

static bool has_passed(clockid_t clock, uint64_t deadline)
{
	struct timespec now;

	if (deadline == UINT64_MAX)
		return false;
	clock_gettime(clock, &now);
	return deadline > INT64_MAX ||
	       (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec >= deadline;
}

/* Nobody tells the waiter that a descriptor is ready. */
static int look_again(struct waiter *w, clockid_t clock, uint64_t deadline)
{
	struct timespec when;

	clock_gettime(CLOCK_MONOTONIC, &when);
	when.tv_nsec += 1000000;
	if (when.tv_nsec >= 1000000000) {
		when.tv_nsec -= 1000000000;
		when.tv_sec++;
	}
	pthread_cond_clockwait(&w->woken, &lock, CLOCK_MONOTONIC, &when);
	if (w->done || w->interrupted)
		return 0;
	if (try_wait(w)) {
		unlink_waiter(w);
		return 0;
	}
	return has_passed(clock, deadline) ? ETIMEDOUT : 0;
}

static bool sleep_until(struct waiter *w, clockid_t clock, uint64_t deadline)
{
	struct timespec when = {
		.tv_sec = (time_t)(deadline / 1000000000), .tv_nsec = (long)(deadline % 1000000000),
	};
	int error = 0;

	enqueue_waiter(w);
	while (!w->done && !w->interrupted && error != ETIMEDOUT) {
		if (w->nr_polls)
			error = look_again(w, clock, deadline);
		else if (deadline == UINT64_MAX)
			pthread_cond_wait(&w->woken, &lock);
		else
			error = pthread_cond_clockwait(&w->woken, &lock, clock, &when);
	}
	if (!w->done && !w->interrupted)
		unlink_waiter(w);
	return w->done;
}

static int get_outcome(struct waiter *w, struct ntsync_wait_args *args)
{
	args->index = w->index;
	return w->owner_dead ? set_errno(EOWNERDEAD) : 0;
}

static int run_wait(struct waiter *w, struct ntsync_wait_args *args)
{
	clockid_t clock = args->flags & NTSYNC_WAIT_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;

	take_ticket(w, args->timeout);
	if (try_wait(w))
		return get_outcome(w, args);
	if (has_passed(clock, args->timeout))
		return set_errno(ETIMEDOUT);
	if (interrupts) {
		interrupts--;
		return set_errno(EINTR);
	}
	if (sleep_until(w, clock, args->timeout))
		return get_outcome(w, args);
	return w->interrupted ? save_ticket(w, args->timeout) : set_errno(ETIMEDOUT);
}

static bool add_object(struct waiter *w, int fd, uint32_t at)
{
	struct object *object = find_object(fd);

	if (!object || object->kind == DEVICE || (object->kind == CHANNEL && !w->aggregate) ||
	    object->instance != w->instance)
		return false;
	for (uint32_t i = 0; w->all && i < at; i++) {
		if (w->objs[i] == object)
			return false;
	}
	w->objs[at] = object;
	return true;
}

static bool gather_objects(struct waiter *w, const struct ntsync_wait_args *args)
{
	const int *objs = (const int *)(uintptr_t)args->objs;

	for (uint32_t i = 0; i < args->count; i++) {
		if (!add_object(w, objs[i], i))
			return false;
	}
	w->count = args->count;
	w->alert = args->alert;
	return !w->alert || add_object(w, (int)args->alert, w->count);
}

static int signal_once(struct object *object, uint32_t owner);

/* @signal: an object that is signaled before, in the same step; or NULL. */
static int wait_for(const struct object *device, struct ntsync_wait_args *args, bool all,
		    struct object *signal)
{
	struct waiter w = {
		.owner = args->owner, .all = all, .instance = device->instance, .tid = gettid(),
	};
	int ret;

	if (!args->owner || args->count > NTSYNC_MAX_WAIT_COUNT || args->uring_fd ||
	    args->flags & ~NTSYNC_WAIT_REALTIME || !gather_objects(&w, args))
		return set_errno(EINVAL);
	if (wait_error)
		return set_errno(wait_error);
	pthread_cond_init(&w.woken, NULL);
	for (uint32_t i = 0; i < w.count + w.alert; i++)
		get_object(w.objs[i]);
	ret = signal ? signal_once(signal, args->owner) : 0;
	if (!ret)
		ret = run_wait(&w, args);
	for (uint32_t i = 0; i < w.count + w.alert; i++)
		put_object(w.objs[i]);
	pthread_cond_destroy(&w.woken);
	return ret;
}

static bool add_poll(struct waiter *w, const struct ntsync_aggregate_source *source, uint32_t at)
{
	if (__real_fcntl((int)source->fd, F_GETFD) < 0)
		return false;
	w->poll_at[w->nr_polls] = at;
	w->polls[w->nr_polls++] = (struct pollfd){
		.fd = (int)source->fd, .events = (short)source->events,
	};
	return true;
}

static int add_source(struct waiter *w, const struct ntsync_aggregate_source *source, uint32_t at)
{
	switch (source->type) {
	case NTSYNC_AGG_OBJECT:
		if (source->events)
			return -EINVAL;
		w->obj_at[w->count] = at;
		return add_object(w, (int)source->fd, w->count++) ? 0 : -EBADF;
	case NTSYNC_AGG_FD:
		return add_poll(w, source, at) ? 0 : -EBADF;
	default:
		return -EINVAL;
	}
}

static int run_aggregate(struct waiter *w, struct ntsync_aggregate_wait_args *args)
{
	struct ntsync_wait_args wait = { .timeout = args->timeout, .flags = args->flags };
	int ret;

	pthread_cond_init(&w->woken, NULL);
	for (uint32_t i = 0; i < w->count; i++)
		get_object(w->objs[i]);
	ret = run_wait(w, &wait);
	for (uint32_t i = 0; i < w->count; i++)
		put_object(w->objs[i]);
	pthread_cond_destroy(&w->woken);
	args->fired_index = w->index;
	args->fired_events = w->events;
	return ret;
}

static int aggregate_wait(const struct object *device, struct ntsync_aggregate_wait_args *args)
{
	const struct ntsync_aggregate_source *sources = (const void *)(uintptr_t)args->sources;
	struct waiter w = {
		.owner = args->owner, .aggregate = true, .instance = device->instance,
		.tid = gettid(),
	};

	if (old_driver)
		return set_errno(ENOTTY);
	if (!args->nb_sources || args->nb_sources > NTSYNC_AGG_MAX ||
	    args->flags & ~NTSYNC_AGG_FLAG_REALTIME)
		return set_errno(EINVAL);
	for (uint32_t i = 0; i < args->nb_sources; i++) {
		int error = add_source(&w, &sources[i], i);

		if (error)
			return set_errno(-error);
	}
	return wait_error ? set_errno(wait_error) : run_aggregate(&w, args);
}

/* -- Addresses ---------------------------------------------------------------------------- */

static uint64_t read_word(uint64_t addr, uint32_t size)
{
	switch (size) {
	case 1:
		return __atomic_load_n((uint8_t *)(uintptr_t)addr, __ATOMIC_SEQ_CST);
	case 2:
		return __atomic_load_n((uint16_t *)(uintptr_t)addr, __ATOMIC_SEQ_CST);
	case 4:
		return __atomic_load_n((uint32_t *)(uintptr_t)addr, __ATOMIC_SEQ_CST);
	default:
		return __atomic_load_n((uint64_t *)(uintptr_t)addr, __ATOMIC_SEQ_CST);
	}
}

static bool can_be_read(uint64_t addr)
{
	char byte;
	struct iovec to = { &byte, 1 }, from = { (void *)(uintptr_t)addr, 1 };

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1;
}

static int addr_wait(const struct object *device, struct ntsync_addr_wait_args *args)
{
	struct waiter w = {
		.addr = args->addr, .owner = 1, .instance = device->instance, .tid = gettid(),
	};
	struct ntsync_wait_args wait = {
		.timeout = args->timeout, .flags = args->flags & NTSYNC_WAIT_REALTIME,
		.owner = 1, .alert = args->alert,
	};
	int ret;

	if (old_driver)
		return set_errno(ENOTTY);
	if (args->addr & (args->size - 1) || !gather_objects(&w, &wait))
		return set_errno(EINVAL);
	if (wait_error)
		return set_errno(wait_error);
	if (!can_be_read(args->addr))
		return set_errno(EFAULT);
	if (read_word(args->addr, args->size) != args->expected)
		return set_errno(EAGAIN);
	pthread_cond_init(&w.woken, NULL);
	if (w.alert)
		get_object(w.objs[0]);
	ret = run_wait(&w, &wait);
	if (w.alert)
		put_object(w.objs[0]);
	pthread_cond_destroy(&w.woken);
	args->index = w.alerted;
	return ret;
}

static int addr_wake(const struct ntsync_addr_wake_args *args)
{
	struct waiter *w = queue;
	int woken = 0;

	if (old_driver)
		return set_errno(ENOTTY);
	while (w && (uint32_t)woken < args->count) {
		struct waiter *next = w->next;

		if (w->addr == args->addr) {
			finish_waiter(w, 0);
			unlink_waiter(w);
			pthread_cond_signal(&w->woken);
			woken++;
		}
		w = next;
	}
	return woken;
}

/* -- Objects ------------------------------------------------------------------------------ */

static int sem_ioctl(struct object *sem, unsigned long request, uint32_t *arg)
{
	uint32_t before = sem->a;

	if (request == NTSYNC_IOC_SEM_READ) {
		arg[0] = sem->a;
		arg[1] = sem->b;
		return 0;
	}
	if (request != NTSYNC_IOC_SEM_RELEASE)
		return set_errno(EINVAL);
	if (*arg > sem->b - sem->a)
		return set_errno(EOVERFLOW);
	sem->a += *arg;
	*arg = before;
	grant_waiters();
	return 0;
}

static int mutex_unlock(struct object *mutex, struct ntsync_mutex_args *args)
{
	if (!args->owner)
		return set_errno(EINVAL);
	if (mutex->a != args->owner)
		return set_errno(EPERM);
	args->count = mutex->b;
	if (!--mutex->b)
		mutex->a = 0;
	grant_waiters();
	return 0;
}

static int mutex_kill(struct object *mutex, uint32_t owner)
{
	if (!owner)
		return set_errno(EINVAL);
	if (mutex->a != owner)
		return set_errno(EPERM);
	mutex->a = 0;
	mutex->b = 0;
	mutex->dead = true;
	grant_waiters();
	return 0;
}

static int mutex_ioctl(struct object *mutex, unsigned long request, uint32_t *arg)
{
	switch (request) {
	case NTSYNC_IOC_MUTEX_READ:
		arg[0] = mutex->a;
		arg[1] = mutex->b;
		return mutex->dead ? set_errno(EOWNERDEAD) : 0;
	case NTSYNC_IOC_MUTEX_UNLOCK:
		return mutex_unlock(mutex, (struct ntsync_mutex_args *)arg);
	case NTSYNC_IOC_MUTEX_KILL:
		return mutex_kill(mutex, *arg);
	default:
		return set_errno(EINVAL);
	}
}

static int event_set_pi(struct object *event, const struct ntsync_event_set_pi_args *args)
{
	if (old_driver)
		return set_errno(ENOTTY);
	if ((args->policy != SCHED_FIFO && args->policy != SCHED_RR) || !args->prio ||
	    args->prio > 99)
		return set_errno(EINVAL);
	event->b = true;
	grant_waiters();
	return 0;
}

static int channel_ioctl(struct object *channel, unsigned long request, void *arg)
{
	int ret;

	switch (request) {
	case NTSYNC_IOC_CHANNEL_SEND_PI:
		if (interrupts) {
			interrupts--;
			return set_errno(EINTR);
		}
		get_object(channel);
		if (fake_channel_queue(channel, channel->a, arg))
			grant_waiters();
		ret = fake_channel_sleep(channel, &lock);
		put_object(channel);
		return ret;
	case NTSYNC_IOC_CHANNEL_TRY_RECV2:
		return fake_channel_take(channel, arg);
	case NTSYNC_IOC_CHANNEL_REPLY:
		return fake_channel_reply(channel, *(const uint64_t *)arg);
	default:
		return set_errno(EINVAL);
	}
}

static int event_ioctl(struct object *event, unsigned long request, uint32_t *arg)
{
	uint32_t before = event->b;

	if (request == NTSYNC_IOC_EVENT_READ) {
		arg[0] = event->a;
		arg[1] = event->b;
		return 0;
	}
	if (request == NTSYNC_IOC_EVENT_SET_PI)
		return event_set_pi(event, (const struct ntsync_event_set_pi_args *)arg);
	if (request != NTSYNC_IOC_EVENT_SET && request != NTSYNC_IOC_EVENT_RESET &&
	    request != NTSYNC_IOC_EVENT_PULSE)
		return set_errno(EINVAL);
	event->b = request != NTSYNC_IOC_EVENT_RESET;
	grant_waiters();
	if (request == NTSYNC_IOC_EVENT_PULSE)
		event->b = 0;
	*arg = before;
	return 0;
}

static int signal_once(struct object *object, uint32_t owner)
{
	struct ntsync_mutex_args mutex = { .owner = owner };
	uint32_t one = 1;

	switch (object->kind) {
	case SEM:
		return sem_ioctl(object, NTSYNC_IOC_SEM_RELEASE, &one);
	case MUTEX:
		return mutex_unlock(object, &mutex);
	default:
		return event_ioctl(object, NTSYNC_IOC_EVENT_SET, &one);
	}
}

static int signal_and_wait(const struct object *device, struct ntsync_signal_and_wait_args *args)
{
	struct ntsync_wait_args wait = {
		.timeout = args->timeout, .objs = (uintptr_t)&args->wait, .count = 1,
		.flags = args->flags, .owner = args->owner, .alert = args->alert,
	};
	struct object *object = find_object((int)args->signal);
	int ret;

	if (old_driver)
		return set_errno(ENOTTY);
	if (!object || object->kind == DEVICE || object->instance != device->instance)
		return set_errno(EINVAL);
	/* Another thread may close it during the wait. */
	get_object(object);
	ret = wait_for(device, &wait, false, object);
	put_object(object);
	args->index = wait.index;
	return ret;
}

static int query_features(struct ntsync_features_args *args)
{
	if (old_driver)
		return set_errno(ENOTTY);
	*args = (struct ntsync_features_args){
		.features = NTSYNC_FEATURE_SIGNAL_AND_WAIT | NTSYNC_FEATURE_ADDRESS |
			    NTSYNC_FEATURE_EVENT_SET_PI | NTSYNC_FEATURE_CHANNEL |
			    NTSYNC_FEATURE_CHANNEL_TRY_RECV2 | NTSYNC_FEATURE_AGGREGATE_WAIT,
		.version = 1,
	};
	return 0;
}

static int create_channel(const struct object *device, uint32_t depth)
{
	if (old_driver)
		return set_errno(ENOTTY);
	return !depth || depth > NTSYNC_CHANNEL_MAX_DEPTH ?
		       set_errno(EINVAL) : create_object(device, CHANNEL, depth, 0);
}

static int device_ioctl(const struct object *device, unsigned long request, uint32_t *arg)
{
	switch (request) {
	case NTSYNC_IOC_CREATE_SEM:
		return arg[0] > arg[1] ? set_errno(EINVAL) : create_object(device, SEM, arg[0], arg[1]);
	case NTSYNC_IOC_CREATE_MUTEX:
		return !arg[0] != !arg[1] ? set_errno(EINVAL) : create_object(device, MUTEX, arg[0], arg[1]);
	case NTSYNC_IOC_CREATE_EVENT:
		return create_object(device, EVENT, !!arg[0], !!arg[1]);
	case NTSYNC_IOC_WAIT_ANY:
	case NTSYNC_IOC_WAIT_ALL:
		return wait_for(device, (struct ntsync_wait_args *)arg,
				request == NTSYNC_IOC_WAIT_ALL, NULL);
	case NTSYNC_IOC_SIGNAL_AND_WAIT:
		return signal_and_wait(device, (struct ntsync_signal_and_wait_args *)arg);
	case NTSYNC_IOC_ADDR_WAIT:
		return addr_wait(device, (struct ntsync_addr_wait_args *)arg);
	case NTSYNC_IOC_CREATE_CHANNEL:
		return create_channel(device, arg[0]);
	case NTSYNC_IOC_AGGREGATE_WAIT:
		return aggregate_wait(device, (struct ntsync_aggregate_wait_args *)arg);
	case NTSYNC_IOC_ADDR_WAKE:
		return addr_wake((struct ntsync_addr_wake_args *)arg);
	case NTSYNC_IOC_QUERY_FEATURES:
		return query_features((struct ntsync_features_args *)arg);
	default:
		return set_errno(ENOTTY);
	}
}

static bool is_device_ioctl(unsigned long request)
{
	return request == NTSYNC_IOC_CREATE_SEM || request == NTSYNC_IOC_CREATE_MUTEX ||
	       request == NTSYNC_IOC_CREATE_EVENT || request == NTSYNC_IOC_WAIT_ANY ||
	       request == NTSYNC_IOC_WAIT_ALL || request == NTSYNC_IOC_SIGNAL_AND_WAIT ||
	       request == NTSYNC_IOC_CREATE_CHANNEL || request == NTSYNC_IOC_AGGREGATE_WAIT ||
	       request == NTSYNC_IOC_ADDR_WAIT || request == NTSYNC_IOC_ADDR_WAKE ||
	       request == NTSYNC_IOC_QUERY_FEATURES;
}

static bool is_channel_ioctl(unsigned long request)
{
	return request == NTSYNC_IOC_CHANNEL_SEND_PI || request == NTSYNC_IOC_CHANNEL_TRY_RECV2 ||
	       request == NTSYNC_IOC_CHANNEL_REPLY;
}

static int object_ioctl(struct object *object, unsigned long request, uint32_t *arg)
{
	if (object->kind == DEVICE)
		return device_ioctl(object, request, arg);
	/* A driver without channels does not know their requests. */
	if (is_device_ioctl(request) || (old_driver && is_channel_ioctl(request)))
		return set_errno(ENOTTY);
	switch (object->kind) {
	case SEM:
		return sem_ioctl(object, request, arg);
	case MUTEX:
		return mutex_ioctl(object, request, arg);
	case CHANNEL:
		return channel_ioctl(object, request, arg);
	default:
		return event_ioctl(object, request, arg);
	}
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct object *object;
	va_list args;
	int ret, state;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	/*
	 * As in the real device this is no cancellation point, although a wait for a condition is.
	 */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pthread_mutex_lock(&lock);
	object = find_object(fd);
	ret = object ? object_ioctl(object, request, arg) :
		       set_errno(__real_fcntl(fd, F_GETFD) < 0 ? EBADF : ENOTTY);
	pthread_mutex_unlock(&lock);
	pthread_setcancelstate(state, NULL);
	return ret;
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	int mode, fd;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, int) : 0;
	va_end(args);
	/* A cancellation point, as in the real device. */
	pthread_testcancel();
	if (strcmp(path, "/dev/ntsync"))
		return __real_open(path, flags, mode);
	pthread_mutex_lock(&lock);
	fd = create_object(NULL, DEVICE, 0, 0);
	pthread_mutex_unlock(&lock);
	return fd;
}

int __wrap_close(int fd)
{
	struct object **place;

	/* A cancellation point, as in the real device. */
	pthread_testcancel();
	pthread_mutex_lock(&lock);
	place = find_place(fd);
	if (place && *place) {
		put_object(*place);
		*place = NULL;
		nr_fds--;
		if (fd && fd - FIRST_FD < first_free)
			first_free = fd - FIRST_FD;
	}
	pthread_mutex_unlock(&lock);
	return place ? 0 : __real_close(fd);
}

int __wrap_fcntl(int fd, int command, ...)
{
	struct object *object;
	va_list args;
	int arg, ret;

	va_start(args, command);
	arg = va_arg(args, int);
	va_end(args);
	pthread_mutex_lock(&lock);
	object = find_object(fd);
	ret = -1;
	if (object && command == F_DUPFD_CLOEXEC) {
		ret = install_fd(object);
		if (ret >= 0)
			get_object(object);
	}
	pthread_mutex_unlock(&lock);
	return object ? ret : __real_fcntl(fd, command, arg);
}

/* -- What tests ask ----------------------------------------------------------------------- */

void fake_next_fd_is_0(void)
{
	pthread_mutex_lock(&lock);
	next_is_0 = true;
	pthread_mutex_unlock(&lock);
}

int fake_count_fds(void)
{
	int count;

	pthread_mutex_lock(&lock);
	count = nr_fds;
	pthread_mutex_unlock(&lock);
	return count;
}

void fake_fail_creates(int error)
{
	pthread_mutex_lock(&lock);
	create_error = error;
	pthread_mutex_unlock(&lock);
}

void fake_fail_waits(int error)
{
	pthread_mutex_lock(&lock);
	wait_error = error;
	pthread_mutex_unlock(&lock);
}

void fake_interrupt(int count)
{
	pthread_mutex_lock(&lock);
	interrupts = count;
	pthread_mutex_unlock(&lock);
}

void fake_old_driver(bool on)
{
	pthread_mutex_lock(&lock);
	old_driver = on;
	pthread_mutex_unlock(&lock);
}

bool fake_fd_0_is_used(void)
{
	bool used;

	pthread_mutex_lock(&lock);
	used = at_0;
	pthread_mutex_unlock(&lock);
	return used;
}

static struct waiter *find_waiter(pid_t tid)
{
	struct waiter *w = queue;

	while (w && w->tid != tid)
		w = w->next;
	return w;
}

bool fake_interrupt_asleep(pid_t tid)
{
	struct waiter *w;

	pthread_mutex_lock(&lock);
	w = find_waiter(tid);
	if (w) {
		w->interrupted = true;
		unlink_waiter(w);
		pthread_cond_signal(&w->woken);
	}
	pthread_mutex_unlock(&lock);
	return w;
}

bool fake_asleep(pid_t tid)
{
	struct waiter *w;

	pthread_mutex_lock(&lock);
	w = find_waiter(tid);
	pthread_mutex_unlock(&lock);
	return w || fake_channel_asleep(tid, &lock);
}
