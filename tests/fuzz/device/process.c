// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processes of an execution. Each has a thread that makes none of the program's calls, and one
 * for each of the program's threads. The one of the first process says which call begins next.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SEC	1000000000ull
#define NS_PER_MS	1000000ull

/* When no call has ended for so long, those that are left sleep. */
#define QUIET_NS	(3 * NS_PER_MS)
/* Unless they are not of the kind that sleeps; then so long at most. */
#define BUSY_NS		NS_PER_SEC
/* After its deadline a wait may take as long on a busy machine, and no longer. */
#define PATIENCE_NS	(5 * NS_PER_SEC)
#define CALL_NS		(NS_PER_SEC / 5)

/* How long a crowd has to come. */
#define CROWD_MS	1000

#define STACK_SIZE	(256 * 1024)
#define OTHER_USER	1000

/**
 * struct worker - one of the program's threads
 * @thread: its number
 * @next: where to look for its next call
 * @left: how many calls it has still to make
 * @scratch: memory for arguments
 */
struct worker {
	unsigned int thread;
	unsigned int next;
	unsigned int left;
	struct scratch scratch;
};

static struct worker workers[NR_THREADS];

static void futex_wait(atomic_uint *word, unsigned int value, uint64_t ns)
{
	struct timespec ts = { .tv_sec = ns / NS_PER_SEC, .tv_nsec = ns % NS_PER_SEC };

	syscall(SYS_futex, word, FUTEX_WAIT, value, &ts, NULL, 0);
}

static void futex_wake(atomic_uint *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* ---- threads ---- */

static unsigned int count_calls(unsigned int thread)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < shared->program.nr; i++)
		nr += shared->program.calls[i].thread == thread;
	return nr;
}

/* With /proc of the fuzzer's pid namespace the link has the ids there. */
static void register_thread(unsigned int thread)
{
	unsigned int process = THREAD_PROCESS(thread);
	pid_t tid = gettid(), outer = tid, pid = getpid();
	char link[64] = "";

	if (process == 2 && readlink("/proc/thread-self", link, sizeof(link) - 1) > 0)
		sscanf(link, "%d/task/%d", &pid, &outer);
	atomic_store(&shared->inner_tid[thread], tid);
	atomic_store(&shared->tid[thread], outer);
	atomic_store(&shared->pid[process], pid);
}

static const struct call *next_call(struct worker *w)
{
	const struct program *program = &shared->program;

	for (;;) {
		const struct call *call = &program->calls[w->next];

		w->next = (w->next + 1) % program->nr;
		if (call->thread == w->thread)
			return call;
	}
}

static void count_done(const struct worker *w)
{
	atomic_fetch_add(&shared->done[w->thread], 1);
	futex_wake(&shared->done[w->thread]);
}

static void make_call(struct worker *w, const struct call *call)
{
	struct call_context c = {
		.call = call,
		.op = &ops[call->op],
		.process = THREAD_PROCESS(w->thread),
		.scratch = &w->scratch,
		.worker = w,
	};
	long ret = call_run(&c);

	atomic_fetch_add(&shared->ended, 1);
	/* Only those of the driver have errors that they may have. */
	if (c.op->errors) {
		atomic_fetch_add(&shared->driver_calls, 1);
		atomic_fetch_add(&shared->good_calls, ret >= 0);
	}
	if (exec_options.print)
		dprintf(STDOUT_FILENO, "# t%u %s: %ld\n", w->thread, c.op->name, ret);
	if (exec_options.check_errors && call_is_wrong(call, ret)) {
		atomic_store(&shared->wrong_error, -ret);
		atomic_store(&shared->wrong, call - shared->program.calls + 1);
	}
}

static int start_thread(void *(*main)(void *data), void *data)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &attr, main, data);
	pthread_attr_destroy(&attr);
	return error;
}

/* One of a crowd: @data is a worker with the call as its next one. It ends after that. */
static void *crowd_main(void *data)
{
	struct worker *w = data;
	bool good = !scratch_init(&w->scratch);

	atomic_fetch_sub(&shared->coming, 1);
	if (good)
		make_call(w, &shared->program.calls[w->next]);
	atomic_fetch_sub(&shared->crowd, 1);
	return NULL;
}

static void start_crowd(const struct worker *w, const struct call *call)
{
	struct worker *crowd = calloc(call->crowd, sizeof(*crowd));

	for (unsigned int i = 0; crowd && i < call->crowd; i++) {
		crowd[i].thread = w->thread;
		crowd[i].next = call - shared->program.calls;
		atomic_fetch_add(&shared->crowd, 1);
		atomic_fetch_add(&shared->coming, 1);
		if (start_thread(crowd_main, &crowd[i])) {
			atomic_fetch_sub(&shared->crowd, 1);
			atomic_fetch_sub(&shared->coming, 1);
			break;
		}
	}
	/* Most of them are asleep in their call when the worker makes its own. */
	for (unsigned int ms = 0; atomic_load(&shared->coming) && ms < CROWD_MS; ms++)
		sleep_us(1000);
	sleep_us(1000);
}

static void do_call(struct worker *w)
{
	const struct call *call = next_call(w);

	w->left--;
	if (exec_options.common && !ops[call->op].common)
		return;
	if (call->crowd)
		start_crowd(w, call);
	atomic_store(&shared->current[w->thread], call - shared->program.calls + 1);
	make_call(w, call);
	atomic_store(&shared->current[w->thread], 0);
}

static void *worker_main(void *data)
{
	struct worker *w = data;
	atomic_uint *allowed = &shared->allowed[w->thread];

	register_thread(w->thread);
	atomic_fetch_add(&shared->ready, 1);
	futex_wake(&shared->ready);
	while (w->left) {
		unsigned int now = atomic_load(allowed);

		if (atomic_load(&shared->done[w->thread]) >= now) {
			futex_wait(allowed, now, NS_PER_SEC);
			continue;
		}
		do_call(w);
		count_done(w);
	}
	/* It keeps what it holds and inherits until the end. */
	while (!atomic_load(&shared->over))
		futex_wait(&shared->over, 0, NS_PER_SEC);
	return NULL;
}

void worker_replace(void *worker)
{
	struct worker *w = worker;

	/* What do_call() and worker_main() would do after the call. */
	atomic_store(&shared->current[w->thread], 0);
	atomic_fetch_add(&shared->ended, 1);
	count_done(w);
	if (w->left && start_thread(worker_main, w))
		return;
	pthread_exit(NULL);
}

/* Returns how many threads were made. */
static unsigned int start_threads(unsigned int process)
{
	unsigned int nr = 0, rounds = shared->program.rounds ? shared->program.rounds : 1;

	for (unsigned int t = 0; t < NR_THREADS; t++) {
		if (THREAD_PROCESS(t) != process || !count_calls(t))
			continue;
		workers[t].thread = t;
		workers[t].left = count_calls(t) * rounds;
		if (scratch_init(&workers[t].scratch) || start_thread(worker_main, &workers[t]))
			_exit(1);
		nr++;
	}
	return nr;
}

/* ---- processes ---- */

static void on_signal(int sig)
{
	(void)sig;
}

static void handle_signals(void)
{
	struct sigaction interrupts = { .sa_handler = on_signal };
	struct sigaction restarts = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &interrupts, NULL);
	sigaction(SIGUSR2, &restarts, NULL);
	signal(SIGCHLD, SIG_IGN);
}

static void close_all(unsigned int process)
{
	for (unsigned int slot = 0; slot < NR_SLOTS; slot++) {
		int fd = atomic_exchange(&shared->fds[process][slot], -1);

		if (fd >= 0)
			close(fd);
	}
}

static _Noreturn void finish(unsigned int process)
{
	if (shared->program.end == END_CLOSE)
		close_all(process);
	if (shared->program.end == END_KILL)
		kill(0, SIGKILL);
	_exit(0);
}

/* Another process than the first one. */
static _Noreturn void process_other(unsigned int process)
{
	handle_signals();
	start_threads(process);
	while (!atomic_load(&shared->over))
		futex_wait(&shared->over, 0, NS_PER_SEC);
	finish(process);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

/* No privilege but a little real-time priority, and what root can see of it in /proc. */
static void become_other_user(void)
{
	struct rlimit limit = { 20, 20 };

	setrlimit(RLIMIT_RTPRIO, &limit);
	if (setresgid(OTHER_USER, OTHER_USER, OTHER_USER) || setresuid(OTHER_USER, OTHER_USER, OTHER_USER))
		return;
	prctl(PR_SET_DUMPABLE, 1);
}

/* Has a pid and a time namespace of its own, which takes a process between. */
static _Noreturn void process_of_other_user(void)
{
	pid_t pid;

	if (!unshare(CLONE_NEWPID | CLONE_NEWTIME))
		write_text("/proc/self/timens_offsets", "monotonic 1000 0\nboottime 2000 0\n");
	pid = fork();
	if (!pid) {
		become_other_user();
		process_other(2);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	_exit(0);
}

static bool is_used(unsigned int process)
{
	for (unsigned int i = 0; i < shared->program.nr; i++) {
		if (THREAD_PROCESS(shared->program.calls[i].thread) == process)
			return true;
	}
	return false;
}

static void start_process(unsigned int process)
{
	pid_t pid;

	if (!is_used(process))
		return;
	pid = fork();
	if (pid < 0)
		_exit(1);
	if (pid)
		return;
	if (process == 1)
		process_other(1);
	process_of_other_user();
}

/* ---- descriptors for the other user ---- */

static int passing[2] = { -1, -1 };
static pthread_mutex_t asking = PTHREAD_MUTEX_INITIALIZER;

union fd_message {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

/* One byte, with a descriptor unless it is -1. */
static void send_fd(int to, int fd)
{
	union fd_message message = { .header = {
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
	} };
	struct iovec byte = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &byte, .msg_iovlen = 1 };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&message.header), &fd, sizeof(fd));
		msg.msg_control = &message;
		msg.msg_controllen = sizeof(message);
	}
	if (sendmsg(to, &msg, MSG_NOSIGNAL) != 1 && fd >= 0)
		send_fd(to, -1);
}

static void *answer_main(void *data)
{
	unsigned char slot;

	while (recv(passing[0], &slot, 1, 0) == 1)
		send_fd(passing[0], atomic_load(&shared->fds[0][slot % NR_SLOTS]));
	return data;
}

int process_ask_for_fd(unsigned int slot)
{
	union fd_message message;
	unsigned char byte = slot;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = &message, .msg_controllen = sizeof(message),
	};
	struct cmsghdr *header = NULL;
	int fd = -EBADF;

	pthread_mutex_lock(&asking);
	if (send(passing[1], &byte, 1, MSG_NOSIGNAL) == 1 && recvmsg(passing[1], &msg, MSG_CMSG_CLOEXEC) == 1)
		header = CMSG_FIRSTHDR(&msg);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	pthread_mutex_unlock(&asking);
	return fd;
}

/* ---- who goes next ---- */

static unsigned int count_threads(void)
{
	unsigned int nr = 0;

	for (unsigned int t = 0; t < NR_THREADS; t++)
		nr += !!count_calls(t);
	return nr;
}

/* False if they have not come. */
static bool await_ready(unsigned int nr)
{
	uint64_t until = now_ns(CLOCK_MONOTONIC) + PATIENCE_NS;
	unsigned int ready;

	while ((ready = atomic_load(&shared->ready)) < nr) {
		if (now_ns(CLOCK_MONOTONIC) > until)
			return false;
		futex_wait(&shared->ready, ready, NS_PER_SEC);
	}
	return true;
}

/* Waits until the thread has made all calls that it may make. */
static bool await_done(unsigned int thread, uint64_t ns)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC), until = now + ns;
	unsigned int done;

	while ((done = atomic_load(&shared->done[thread])) < atomic_load(&shared->allowed[thread])) {
		now = now_ns(CLOCK_MONOTONIC);
		if (now >= until)
			return false;
		futex_wait(&shared->done[thread], done, until - now);
	}
	return true;
}

static void allow(unsigned int thread, unsigned int calls)
{
	atomic_fetch_add(&shared->allowed[thread], calls);
	futex_wake(&shared->allowed[thread]);
}

/* Until the thread makes its call; the crowd has come then. */
static void await_crowd(unsigned int thread)
{
	for (unsigned int ms = 0; ms < 2 * CROWD_MS && !atomic_load(&shared->killed); ms++) {
		if (atomic_load(&shared->current[thread]) || await_done(thread, NS_PER_MS))
			return;
	}
}

static void run_freely(void)
{
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		if (count_calls(t))
			allow(t, count_calls(t) * shared->program.rounds);
	}
}

/* Is the thread in a wait whose deadline is near? */
static bool has_deadline(unsigned int thread)
{
	unsigned int nr = atomic_load(&shared->current[thread]);
	const struct call *call = nr ? &shared->program.calls[nr - 1] : NULL;
	const struct op *op = call ? &ops[call->op] : NULL;

	if (!call || op->on != FD_DEVICE)
		return false;
	for (unsigned int i = 0; i < op_nr_args(op); i++) {
		if (op->args[i].kind == ARG_TIMEOUT)
			return call->args[i] != TIMEOUT_NEVER && call->args[i] < PATIENCE_NS / 1000;
	}
	return false;
}

/* May a thread sleep in this call for long, so that nobody can tell when it ends? */
static bool may_sleep(const struct op *op)
{
	for (unsigned int i = 0; i < op_nr_args(op); i++) {
		if (op->args[i].kind == ARG_TIMEOUT)
			return true;
	}
	return op == &ops[op_find("send")] || op == &ops[op_find("recv")] || op == &ops[op_find("recv2")];
}

/* Has the thread a call to make, or is it in one that ends soon? */
static bool is_busy(unsigned int thread)
{
	unsigned int nr = atomic_load(&shared->current[thread]);

	if (atomic_load(&shared->done[thread]) >= atomic_load(&shared->allowed[thread]) ||
	    atomic_load(&shared->dead[THREAD_PROCESS(thread)]))
		return false;
	return !nr || !may_sleep(&ops[shared->program.calls[nr - 1].op]);
}

/* Also if nobody can tell. */
static bool is_asleep(unsigned int thread)
{
	char path[32], text[256] = "";
	const char *state;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", atomic_load(&shared->tid[thread]));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return true;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	close(fd);
	state = strrchr(text, ')');
	return !state || !strchr("RD", state[2]);
}

/* Waits until the thread has made its call, or sleeps in one that may take any time. */
static void await_call(unsigned int thread)
{
	uint64_t until = now_ns(CLOCK_MONOTONIC) + CALL_NS;

	while (!await_done(thread, exec_options.settle_us * 1000ull)) {
		if (now_ns(CLOCK_MONOTONIC) > until || (!is_busy(thread) && is_asleep(thread)))
			return;
	}
}

/* Each call begins when the one before has ended or is asleep. */
static void run_in_order(void)
{
	for (unsigned int i = 0; i < shared->program.nr; i++) {
		unsigned int t = shared->program.calls[i].thread;
		bool idle = atomic_load(&shared->done[t]) == atomic_load(&shared->allowed[t]);

		allow(t, 1);
		if (!idle)
			continue;
		if (shared->program.calls[i].crowd)
			await_crowd(t);
		await_call(t);
	}
}

static bool anyone_busy(void)
{
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		if (is_busy(t))
			return true;
	}
	return false;
}

static bool anyone_in_call(void)
{
	for (unsigned int t = 0; t < NR_THREADS; t++) {
		if (atomic_load(&shared->done[t]) < atomic_load(&shared->allowed[t]))
			return true;
	}
	return atomic_load(&shared->crowd);
}

/* Until all calls have ended, or what is left of them sleeps. */
static void await_quiet(void)
{
	uint64_t until = now_ns(CLOCK_MONOTONIC) + BUSY_NS;
	unsigned long long before;

	while (anyone_in_call()) {
		before = atomic_load(&shared->ended);
		sleep_us(QUIET_NS / 1000);
		if (atomic_load(&shared->ended) != before)
			continue;
		if (!anyone_busy() || now_ns(CLOCK_MONOTONIC) > until)
			return;
	}
}

/*
 * What sleeps now may sleep for ever, unless it has a deadline. A process that was killed does not
 * come back from its call, and one that a killed one has stopped neither.
 */
static void await_deadlines(unsigned int t)
{
	while (has_deadline(t) && !atomic_load(&shared->killed)) {
		unsigned int nr = atomic_load(&shared->current[t]);
		unsigned int done = atomic_load(&shared->done[t]);

		if (await_done(t, PATIENCE_NS))
			return;
		if (nr && atomic_load(&shared->current[t]) == nr &&
		    atomic_load(&shared->done[t]) == done && !atomic_load(&shared->killed)) {
			atomic_store(&shared->wrong_error, 0);
			atomic_store(&shared->wrong, nr);
			return;
		}
	}
}

static void await_end(void)
{
	await_quiet();
	for (unsigned int t = 0; t < NR_THREADS; t++)
		await_deadlines(t);
	await_quiet();
}

/* Comes before the threads that it lets go. */
static void be_first(void)
{
	struct sched_param param = { .sched_priority = exec_options.highest_prio };

	sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param);
}

void process_first(void)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	handle_signals();
	if (is_used(2) && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, passing))
		_exit(1);
	start_process(1);
	start_process(2);
	start_threads(0);
	if (is_used(2) && start_thread(answer_main, NULL))
		_exit(1);
	be_first();
	if (await_ready(count_threads())) {
		if (shared->program.rounds)
			run_freely();
		else
			run_in_order();
		await_end();
	}
	atomic_store(&shared->over, 1);
	futex_wake(&shared->over);
	finish(0);
}
