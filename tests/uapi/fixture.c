// SPDX-License-Identifier: GPL-2.0-only
#include "fixture.h"
#include "asleep.h"

#include <dirent.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PAGE 4096

/* Only a hang may reach this, also on an emulated machine and under KASAN. */
#define WATCHDOG_SECONDS 180

struct waiter {
	struct waiter *next;
	struct waiter *next_finished;
	struct fixture *fixture;
	int dev;
	unsigned long request;
	struct ntsync_wait_args args;
	int objs[NTSYNC_MAX_WAIT_COUNT + 1];
	struct waiter_sched sched;
	pthread_t thread;
	atomic_int tid;
	atomic_bool out;
	bool joined;
	int ret;
};

/* NTSYNC_TEST_WATCHDOG, in seconds, for a run that is expected to hang. */
static unsigned int watchdog_seconds(void)
{
	const char *text = getenv("NTSYNC_TEST_WATCHDOG");

	return text && atoi(text) > 0 ? atoi(text) : WATCHDOG_SECONDS;
}

/* For the watchdog, which must say which test was running. */
static const char *running = "nothing";

static void watchdog(int sig)
{
	static const char before[] = "# watchdog: hangs: ";

	(void)sig;
	/* A short write can't be handled on the way to abort(). */
	if (write(STDERR_FILENO, before, sizeof(before) - 1) < 0 ||
	    write(STDERR_FILENO, running, strlen(running)) < 0 ||
	    write(STDERR_FILENO, "\n", 1) < 0)
		_exit(99);
	abort();
}

void still_alive(void)
{
	alarm(watchdog_seconds());
}

static void ignore_signal(int sig)
{
	(void)sig;
}

static void set_handler(int sig, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	sigaction(sig, &action, NULL);
}

/* An object at descriptor 0 could not be an alert, so no object may get it. */
static void fill_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	close(fd);
}

int fixture_run(const char *group, const struct CMUnitTest *tests, size_t count)
{
	fill_standard_descriptors();
	setvbuf(stdout, NULL, _IOLBF, 0);
	set_handler(SIGALRM, watchdog);
	/* Ends waits that a failed test has left. */
	set_handler(SIGUSR2, ignore_signal);
	if (getenv("NTSYNC_TEST_FILTER"))
		cmocka_set_test_filter(getenv("NTSYNC_TEST_FILTER"));
	return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}

/*
 * A message of the kernel then appears under the test that caused it. One write is one record;
 * dprintf() does not work, as it tries to seek.
 */
static void announce_test(const char *name)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char text[256];
	int len;

	if (fd < 0)
		return;
	len = snprintf(text, sizeof(text), "ntsync-test: %s\n", name);
	if (write(fd, text, len) != len)
		print_error("# no kernel log: %s\n", strerror(errno));
	close(fd);
}

static const char *find_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void query_features(struct fixture *f)
{
	struct ntsync_features_args args = { 0 };

	f->ours = !nt(f->dev, NTSYNC_IOC_QUERY_FEATURES, &args);
	f->features = f->ours ? args.features : 0;
}

int fixture_watch(void **state)
{
	running = find_base_name(*state);
	announce_test(running);
	still_alive();
	return 0;
}

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	fixture_watch(state);
	f->name = running;
	*state = f;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	f->pages = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f->pages == MAP_FAILED)
		return -1;
	mprotect(f->pages + PAGE, PAGE, PROT_NONE);
	f->fds_before = count_fds();
	f->dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
	if (f->dev < 0) {
		print_error("# /dev/ntsync: %s\n", strerror(errno));
		return -1;
	}
	query_features(f);
	return 0;
}

static void unlist_finished(struct fixture *f, struct waiter *w)
{
	struct waiter **link = &f->finished;

	while (*link && *link != w)
		link = &(*link)->next_finished;
	if (*link)
		*link = w->next_finished;
}

static void join_waiter(struct waiter *w)
{
	struct fixture *f = w->fixture;

	if (w->joined)
		return;
	pthread_join(w->thread, NULL);
	w->joined = true;
	pthread_mutex_lock(&f->lock);
	unlist_finished(f, w);
	pthread_mutex_unlock(&f->lock);
}

static void end_waiters(struct fixture *f)
{
	while (f->waiters) {
		struct waiter *w = f->waiters;

		while (!atomic_load(&w->out)) {
			pthread_kill(w->thread, SIGUSR2);
			sleep_ms(1);
		}
		join_waiter(w);
		f->waiters = w->next;
		free(w);
	}
}

/* By how many seconds the tests have set the wall clock wrong. */
static int64_t wall_clock_ahead;

static int set_wall_clock(int64_t ahead)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_REALTIME, &ts))
		return -1;
	ts.tv_sec += ahead - wall_clock_ahead;
	if (clock_settime(CLOCK_REALTIME, &ts))
		return -1;
	wall_clock_ahead = ahead;
	return 0;
}

void step_wall_clock(int64_t seconds)
{
	assert_int_equal(set_wall_clock(wall_clock_ahead + seconds), 0);
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	int left;

	end_waiters(f);
	while (f->nr_fds)
		close(f->fds[--f->nr_fds]);
	close(f->dev);
	munmap(f->pages, 3 * PAGE);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	left = count_fds() - f->fds_before;
	if (wall_clock_ahead && set_wall_clock(0))
		print_error("# the wall clock stays wrong: %m\n");
	alarm(0);
	free(f);
	if (left)
		print_error("# %d fds too many are open\n", left);
	return left ? -1 : 0;
}

/* Only on a machine that lives in memory, such as the tests' VM. */
void need_settable_clock(void)
{
	struct statfs fs;

	if (geteuid() || statfs("/", &fs) || (fs.f_type != RAMFS_MAGIC && fs.f_type != TMPFS_MAGIC))
		skip_because("would set this machine's clock");
}

void need_realtime(void)
{
	struct sched_param old, rt = { .sched_priority = 1 };
	int policy;

	pthread_getschedparam(pthread_self(), &policy, &old);
	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &rt))
		skip_because("no right to real-time priorities");
	pthread_setschedparam(pthread_self(), policy, &old);
}

int nt(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

static const char *name_of_ret(int ret)
{
	const char *name = ret < 0 ? strerrorname_np(-ret) : NULL;

	return name ? name : ret ? "a positive number" : "0";
}

void fixture_assert_ret(int got, int want, const char *call, const char *file,
			int line)
{
	if (got == want)
		return;
	print_error("%s: got %s (%d), want %s\n", call, name_of_ret(got), got,
		    name_of_ret(want));
	_fail(file, line);
}

int own_fd(struct fixture *f, int fd)
{
	if (fd < 0)
		fail_msg("no fd: %s", strerror(fd == -1 ? errno : -fd));
	assert_true(f->nr_fds < ARRAY_SIZE(f->fds));
	f->fds[f->nr_fds++] = fd;
	return fd;
}

void close_fd(struct fixture *f, int fd)
{
	for (size_t i = 0; i < f->nr_fds; i++) {
		if (f->fds[i] != fd)
			continue;
		f->fds[i] = f->fds[--f->nr_fds];
		assert_int_equal(close(fd), 0);
		return;
	}
	fail_msg("fd %d is not owned", fd);
}

int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = -3; /* ".", ".." and the directory itself */

	if (!dir)
		return -1;
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

int open_device(struct fixture *f)
{
	return own_fd(f, open("/dev/ntsync", O_RDWR | O_CLOEXEC));
}

int new_sem(struct fixture *f, uint32_t count, uint32_t max)
{
	struct ntsync_sem_args args = { .count = count, .max = max };

	return own_fd(f, nt(f->dev, NTSYNC_IOC_CREATE_SEM, &args));
}

int new_mutex(struct fixture *f, uint32_t owner, uint32_t count)
{
	struct ntsync_mutex_args args = { .owner = owner, .count = count };

	return own_fd(f, nt(f->dev, NTSYNC_IOC_CREATE_MUTEX, &args));
}

int new_event(struct fixture *f, bool manual, bool signaled)
{
	struct ntsync_event_args args = { .manual = manual,
					  .signaled = signaled };

	return own_fd(f, nt(f->dev, NTSYNC_IOC_CREATE_EVENT, &args));
}

void release(int sem, uint32_t count, uint32_t prev)
{
	uint32_t word = count;

	assert_ret(nt(sem, NTSYNC_IOC_SEM_RELEASE, &word), 0);
	assert_int_equal(word, prev);
}

void unlock(int mutex, uint32_t owner, uint32_t prev)
{
	struct ntsync_mutex_args args = { .owner = owner, .count = UNTOUCHED };

	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_UNLOCK, &args), 0);
	assert_int_equal(args.count, prev);
	assert_int_equal(args.owner, owner);
}

void kill_owner(int mutex, uint32_t owner)
{
	assert_ret(nt(mutex, NTSYNC_IOC_MUTEX_KILL, &owner), 0);
}

void event_op(int event, unsigned long request, uint32_t prev)
{
	uint32_t word = UNTOUCHED;

	assert_ret(nt(event, request, &word), 0);
	assert_int_equal(word, prev);
}

void fixture_assert_pair(int fd, unsigned long request, int ret, uint32_t first,
			 uint32_t second, const char *file, int line)
{
	uint32_t words[2] = { UNTOUCHED, UNTOUCHED };

	fixture_assert_ret(nt(fd, request, words), ret, "read of the state",
			   file, line);
	if (words[0] == first && words[1] == second)
		return;
	print_error("state is %u/%u, want %u/%u\n", words[0], words[1], first,
		    second);
	_fail(file, line);
}

static bool writes_index(int ret)
{
	return ret == 0 || ret == -EOWNERDEAD;
}

static void check_wait(int got, const struct ntsync_wait_args *after, int ret,
		       uint32_t index, const char *file, int line)
{
	uint32_t want = writes_index(ret) ? index : UNTOUCHED;

	fixture_assert_ret(got, ret, "wait", file, line);
	if (after->index == want)
		return;
	print_error("index is %#x, want %#x\n", after->index, want);
	_fail(file, line);
}

void fixture_assert_wait(int dev, unsigned long request,
			 struct ntsync_wait_args args, int ret, uint32_t index,
			 const char *file, int line)
{
	struct ntsync_wait_args before = args;

	check_wait(nt(dev, request, &args), &args, ret, index, file, line);
	args.index = before.index;
	_assert_memory_equal(&args, &before, sizeof(args), file, line);
}

int try_wait(struct fixture *f, int obj, uint32_t owner)
{
	struct ntsync_wait_args args = ARGS(FDS(obj), .owner = owner);

	return nt(f->dev, ANY, &args);
}

/* In the order in which the waits end. */
static void report_finished(struct waiter *w)
{
	struct fixture *f = w->fixture;
	struct waiter **end = &f->finished;

	pthread_mutex_lock(&f->lock);
	while (*end)
		end = &(*end)->next_finished;
	*end = w;
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
}

static void *waiter_thread(void *arg)
{
	struct waiter *w = arg;

	if (w->sched.nice)
		setpriority(PRIO_PROCESS, 0, w->sched.nice);
	atomic_store(&w->tid, gettid());
	w->ret = nt(w->dev, w->request, &w->args);
	atomic_store(&w->out, true);
	report_finished(w);
	return NULL;
}

void set_thread_sched(pthread_attr_t *attr, const struct waiter_sched *sched)
{
	struct sched_param param = { .sched_priority = sched->prio };
	cpu_set_t cpus;

	pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(attr, sched->policy);
	pthread_attr_setschedparam(attr, &param);
	if (!sched->cpu)
		return;
	CPU_ZERO(&cpus);
	CPU_SET(sched->cpu - 1, &cpus);
	pthread_attr_setaffinity_np(attr, sizeof(cpus), &cpus);
}

struct waiter *start_running(struct fixture *f, unsigned long request,
			     struct ntsync_wait_args args,
			     const struct waiter_sched *sched)
{
	struct waiter *w = calloc(1, sizeof(*w));
	pthread_attr_t attr;

	assert_non_null(w);
	assert_true(args.count <= ARRAY_SIZE(w->objs));
	w->fixture = f;
	w->dev = f->dev;
	w->request = request;
	w->args = args;
	memcpy(w->objs, (void *)(uintptr_t)args.objs, args.count * sizeof(int));
	w->args.objs = (uintptr_t)w->objs;
	pthread_attr_init(&attr);
	if (sched) {
		w->sched = *sched;
		set_thread_sched(&attr, sched);
	}
	assert_int_equal(pthread_create(&w->thread, &attr, waiter_thread, w), 0);
	pthread_attr_destroy(&attr);
	w->next = f->waiters;
	f->waiters = w;
	return w;
}

struct waiter *start_sched(struct fixture *f, unsigned long request,
			   struct ntsync_wait_args args,
			   const struct waiter_sched *sched)
{
	struct waiter *w = start_running(f, request, args, sched);

	if (!waiter_asleep(w)) {
		print_error("wait did not block: %s\n", name_of_ret(w->ret));
		fail();
	}
	return w;
}

unsigned long sleeping_ioctl(pid_t pid, pid_t tid)
{
	struct sleeping_call call;

	return asleep_in_call(pid, tid, &call) && call.nr == SYS_ioctl ? call.args[1] : 0;
}

bool asleep_in(pid_t pid, pid_t tid, unsigned long request)
{
	return sleeping_ioctl(pid, tid) == request;
}

bool waiter_asleep(struct waiter *w)
{
	for (;;) {
		int tid = atomic_load(&w->tid);
		bool asleep = tid && asleep_in(getpid(), tid, w->request);

		/* Checked last: by now it might sleep for another reason. */
		if (atomic_load(&w->out))
			return false;
		if (asleep)
			return true;
		sleep_ms(1);
	}
}

void fixture_assert_woken(struct waiter *w, int ret, uint32_t index,
			  const char *file, int line)
{
	join_waiter(w);
	check_wait(w->ret, &w->args, ret, index, file, line);
}

struct waiter *next_woken(struct fixture *f)
{
	struct waiter *w;

	pthread_mutex_lock(&f->lock);
	while (!f->finished)
		pthread_cond_wait(&f->changed, &f->lock);
	w = f->finished;
	pthread_mutex_unlock(&f->lock);
	join_waiter(w);
	return w;
}

int waiter_ret(struct waiter *w)
{
	join_waiter(w);
	return w->ret;
}

uint32_t waiter_index(struct waiter *w)
{
	join_waiter(w);
	return w->args.index;
}

pid_t waiter_tid(struct waiter *w)
{
	return atomic_load(&w->tid);
}

void waiter_signal(struct waiter *w, int sig)
{
	assert_int_equal(pthread_kill(w->thread, sig), 0);
}

static void *fill_memory(void *to, const void *init, size_t size)
{
	if (init)
		memcpy(to, init, size);
	return to;
}

void *at_page_end(struct fixture *f, const void *init, size_t size)
{
	return fill_memory(f->pages + PAGE - size, init, size);
}

/* The last four bytes can't be accessed. */
void *past_page_end(struct fixture *f, const void *init, size_t size)
{
	return fill_memory(f->pages + PAGE - size + 4, init, size - 4);
}

void *read_only(struct fixture *f, const void *init, size_t size)
{
	char *page = f->pages + 2 * PAGE;

	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
	fill_memory(page, init, size);
	mprotect(page, PAGE, PROT_READ);
	return page;
}

void *unmapped(struct fixture *f)
{
	return f->pages + PAGE;
}

pid_t child_start(struct fixture *f, child_fn body, void *arg)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		still_alive(); /* an alarm is not inherited */
		_exit(body(f, arg));
	}
	return pid;
}

int child_finish(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

void pass_an_hour(void)
{
	uint64_t end;

	step_wall_clock(AN_HOUR_LATER);
	/* Several ticks: some kernels expire timers at ticks only. */
	end = monotonic_ns() + 20 * NS_PER_MS;
	while (monotonic_ns() < end)
		;
}

uint64_t long_from_now(void)
{
	return monotonic_ns() + 2 * WATCHDOG_SECONDS * NS_PER_SEC;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000,
			       .tv_nsec = ms % 1000 * NS_PER_MS };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

atomic_int signals_counted;

static void count_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&signals_counted, 1);
}

void count_signals(int sig, int flags)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = flags };

	atomic_store(&signals_counted, 0);
	assert_int_equal(sigaction(sig, &action, NULL), 0);
}

void await_signals(int count)
{
	while (atomic_load(&signals_counted) < count)
		sleep_ms(1);
}

void need_cpus(int count)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < count)
		skip_because("fewer than %d processors", count);
}

static cpu_set_t cpus_before;

clockid_t choose_clock(uint32_t flags)
{
	if (flags & NTSYNC_WAIT_BOOTTIME)
		return CLOCK_BOOTTIME;
	return flags & NTSYNC_WAIT_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
}

unsigned int choose_crowd(unsigned int most)
{
	const char *text = getenv("NTSYNC_CROWD");
	unsigned long wanted = text ? strtoul(text, NULL, 10) : most;

	return wanted >= 8 && wanted < most ? wanted : most;
}

void occupy_cpu(int priority)
{
	struct sched_param param = { .sched_priority = priority };
	cpu_set_t cpus;

	pthread_getaffinity_np(pthread_self(), sizeof(cpus_before), &cpus_before);
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus), 0);
	assert_int_equal(pthread_setschedparam(pthread_self(), SCHED_FIFO, &param), 0);
}

void free_cpu(void)
{
	struct sched_param param = { 0 };

	pthread_setschedparam(pthread_self(), SCHED_OTHER, &param);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus_before), &cpus_before);
}

void new_many(struct fixture *f, struct many *m)
{
	for (int i = 0; i < MANY; i++)
		m->objs[i] = i % 2 ? new_sem(f, 0, 1) : new_auto(f, false);
	m->alert = new_auto(f, false);
}

struct ntsync_wait_args many_args(struct many *m, unsigned int count, uint64_t timeout)
{
	return ARGS(.objs = (uintptr_t)m->objs, .count = count, .owner = OWNER,
		    .alert = m->alert, .timeout = timeout);
}

void signal_one_of_many(struct many *m, int i)
{
	if (i == MANY)
		set_event(m->alert, 0);
	else if (i % 2)
		release(m->objs[i], 1, 0);
	else
		set_event(m->objs[i], 0);
}
