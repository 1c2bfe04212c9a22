// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finds the processes that have the device open, and the objects: looks at every descriptor of
 * every process that this user may look at. Counts the others. A process that ends meanwhile is
 * left out.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"

/* An object that made room for another keeps its bucket: each place uses two at most. */
#define BUCKETS (4 * MAX_OBJECTS)
/* Room for some 60,000 file locks of one descriptor. */
#define MAX_FDINFO (4 << 20)
#define PF_KTHREAD 0x00200000

int scan_init(struct scan *s)
{
	memset(s, 0, sizeof(*s));
	s->process = calloc(MAX_PROCESSES, sizeof(*s->process));
	s->object = calloc(MAX_OBJECTS, sizeof(*s->object));
	s->boosted = calloc(MAX_BOOSTED, sizeof(*s->boosted));
	s->lending = calloc(MAX_BOOSTED * MAX_CONTRIBS, sizeof(*s->lending));
	s->loan = calloc(MAX_LOANS, sizeof(*s->loan));
	s->bucket = calloc(BUCKETS, sizeof(*s->bucket));
	if (s->process && s->object && s->boosted && s->lending && s->loan && s->bucket)
		return 0;
	scan_exit(s);
	return -ENOMEM;
}

void scan_exit(struct scan *s)
{
	free(s->process);
	free(s->object);
	free(s->boosted);
	free(s->lending);
	free(s->loan);
	free(s->bucket);
}

/* ---- objects ---- */

/* Instances, objects and the spaces of addresses are numbered together. */
static uint64_t key_of(const struct object *o)
{
	return o->type == TYPE_INSTANCE ? o->instance : o->id;
}

static bool is_same(const struct object *a, const struct object *b)
{
	return key_of(a) == key_of(b) && a->address == b->address;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *l = a, *r = b;

	return (*l > *r) - (*l < *r);
}

/* A task waits for it or is boosted by it. */
static bool is_wanted(const struct scan *s, const struct object *o)
{
	return object_waiters(o) || bsearch(&o->id, s->lending, s->nr_lending, sizeof(*s->lending),
					    by_number);
}

/* For a full table: the place of an idle object, if @wanted is not idle; or NULL. */
static struct object *make_room(struct scan *s, const struct object *wanted)
{
	if (!is_wanted(s, wanted))
		return NULL;
	for (; s->next_idle < MAX_OBJECTS; s->next_idle++) {
		if (!is_wanted(s, &s->object[s->next_idle]))
			return &s->object[s->next_idle++];
	}
	return NULL;
}

/* The place of the same object as @o, a new one if it has none; NULL: the table is full. */
static struct object *find_object(struct scan *s, const struct object *o)
{
	struct object *place;
	unsigned int at = (key_of(o) + 31 * o->address) % BUCKETS;

	while (s->bucket[at] && !is_same(&s->object[s->bucket[at] - 1], o))
		at = (at + 1) % BUCKETS;
	if (s->bucket[at])
		return &s->object[s->bucket[at] - 1];
	if (s->nr_objects == MAX_OBJECTS) {
		s->truncated = true;
		place = make_room(s, o);
	} else {
		place = &s->object[s->nr_objects++];
	}
	if (!place)
		return NULL;
	s->bucket[at] = place - s->object + 1;
	*place = *o;
	return place;
}

static bool is_held_by(const struct object *o, pid_t pid)
{
	unsigned int nr = o->nr_holders < MAX_HOLDERS ? o->nr_holders : MAX_HOLDERS;

	/* One process after the other is scanned, so comparing with the last holder is enough. */
	return nr && (o->holder[nr - 1] == pid || (o->nr_holders > MAX_HOLDERS &&
						    o->holder[MAX_HOLDERS - 1] == pid));
}

static void add_holder(struct object *o, pid_t pid)
{
	unsigned int at = o->nr_holders < MAX_HOLDERS ? o->nr_holders : MAX_HOLDERS - 1;

	o->holder[at] = pid;
	o->nr_holders++;
}

static void add_waiter(struct object *o, const struct object *seen)
{
	o->waiters_any++;
	if (o->nr_waiter < MAX_WAITERS)
		o->waiter[o->nr_waiter++] = seen->waiter[0];
	if (!o->owner_tid)
		o->owner_tid = seen->owner_tid;
}

/* Tasks may wait on one address through several instances, each of which shows its own waits. */
static void add_addresses(struct scan *s, pid_t pid, uint64_t instance, const char *text)
{
	struct object seen, *o;

	while (fdinfo_next_address(&text, &seen)) {
		seen.instance = instance;
		o = find_object(s, &seen);
		if (!o)
			continue;
		/* A new one has its first waiter already. */
		if (o->nr_holders)
			add_waiter(o, &seen);
		if (!is_held_by(o, pid))
			add_holder(o, pid);
	}
}

static void add_loans(struct scan *s, const char *text)
{
	bool more;

	s->nr_loans += fdinfo_parse_loans(text, s->loan + s->nr_loans, MAX_LOANS - s->nr_loans,
					  &more);
	s->truncated |= more;
}

/*
 * Adds what fdinfo, @text, says of one descriptor of @p. Several descriptors show the same
 * instance; loans and waits on addresses are added with the first one.
 */
static void add_object(struct scan *s, struct process *p, const struct object *seen,
		       const char *text)
{
	struct object *o = find_object(s, seen);
	bool first = o && !o->nr_holders;

	if (o && is_held_by(o, p->pid))
		return;
	p->count[seen->type]++;
	if (!o)
		return;
	add_holder(o, p->pid);
	if (first && seen->type == TYPE_INSTANCE) {
		add_loans(s, text);
		add_addresses(s, p->pid, seen->instance, text);
	}
}

/* ---- descriptors ---- */

/* By the name that the kernel gives to the link: no user can make such a link. */
static bool is_of_driver(const char *target, bool *instance)
{
	*instance = !strcmp(target, "/dev/ntsync");
	return *instance || !strcmp(target, "anon_inode:ntsync") ||
	       !strcmp(target, "anon_inode:[ntsync]");
}

/* The whole text, to be freed; NULL: the descriptor is gone. */
static char *read_fdinfo(const char *path, bool *truncated)
{
	char start[8192];
	ssize_t len = file_read(path, start, sizeof(start));

	*truncated = false;
	if (len < 0)
		return NULL;
	/* Lines of the kernel come first, one for each lock of the file among them. */
	if (len == sizeof(start) - 1)
		return file_read_all(path, MAX_FDINFO, truncated);
	return strdup(start);
}

/* @found is all zero if the text is not of the driver. */
static void parse_fdinfo(struct scan *s, const char *text, bool truncated, struct object *found)
{
	if (fdinfo_parse(text, found) && key_of(found))
		return;
	memset(found, 0, sizeof(*found));
	s->truncated |= truncated;
}

static void look_at_fd(struct scan *s, struct process *p, int dir, const char *name)
{
	char target[64], path[64], *text;
	struct object o;
	bool instance, truncated;
	ssize_t len = readlinkat(dir, name, target, sizeof(target) - 1);

	if (len <= 0)
		return;
	target[len] = '\0';
	if (!is_of_driver(target, &instance))
		return;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%.10s", p->pid, name);
	text = read_fdinfo(path, &truncated);
	if (!text)
		return;
	parse_fdinfo(s, text, truncated, &o);
	if (key_of(&o))
		add_object(s, p, &o, text);
	else if (!instance)
		p->count[TYPE_UNKNOWN]++;
	/* The in-tree driver has no fdinfo; or it is another file with that name. */
	else if (file_is_device(dir, name, "/sys/class/misc/ntsync/dev"))
		p->count[TYPE_INSTANCE]++;
	free(text);
}

static void look_at_fds(struct scan *s, struct process *p, DIR *fds)
{
	struct dirent *entry;

	for (unsigned int nr = 0; (entry = readdir(fds)); nr++) {
		if (nr == MAX_FDS) {
			s->truncated = true;
			break;
		}
		if (isdigit((unsigned char)entry->d_name[0]))
			look_at_fd(s, p, dirfd(fds), entry->d_name);
	}
}

/* ---- processes ---- */

/* Kernel threads have no descriptors, but only root may read their fd/. */
static bool is_kernel_thread(pid_t pid)
{
	char path[64], text[1024], *after_name;
	unsigned int flags;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(path, text, sizeof(text)) <= 0)
		return false;
	after_name = strrchr(text, ')');
	return after_name && sscanf(after_name, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
	       (flags & PF_KTHREAD);
}

static bool uses_the_driver(const struct process *p)
{
	for (int i = 0; i < NR_TYPES; i++) {
		if (p->count[i])
			return true;
	}
	return false;
}

static void name_process(struct process *p, int proc)
{
	struct stat st;
	struct task t;
	char name[16];

	snprintf(name, sizeof(name), "%d", p->pid);
	if (!fstatat(proc, name, &st, 0))
		p->uid = st.st_uid;
	task_look(p->pid, &t);
	snprintf(p->comm, sizeof(p->comm), "%s", t.comm);
}

static void look_at_process(struct scan *s, int proc, pid_t pid)
{
	struct process p = { .pid = pid };
	DIR *fds = file_open_fds(proc, pid);

	if (!fds) {
		s->unreadable += (errno == EACCES || errno == EPERM) && !is_kernel_thread(pid);
		return;
	}
	look_at_fds(s, &p, fds);
	closedir(fds);
	if (!uses_the_driver(&p))
		return;
	if (s->nr_processes == MAX_PROCESSES) {
		s->truncated = true;
		return;
	}
	name_process(&p, proc);
	s->process[s->nr_processes++] = p;
}

static void look_at_processes(struct scan *s)
{
	struct dirent *entry;
	char path[512];
	DIR *proc;

	snprintf(path, sizeof(path), "%s/proc", file_root);
	proc = opendir(path);
	while (proc && (entry = readdir(proc))) {
		if (isdigit((unsigned char)entry->d_name[0]))
			look_at_process(s, dirfd(proc), atoi(entry->d_name));
	}
	if (proc)
		closedir(proc);
}

/* ---- boosts ---- */

static void look_at_arbiter(struct scan *s)
{
	bool truncated, more;
	char *text = file_read_all("/sys/kernel/debug/ntsync/pi", 4 << 20, &truncated);

	s->arbiter = text;
	s->arbiter_error = text ? 0 : errno;
	if (!text)
		return;
	s->nr_boosted = arbiter_parse(text, s->boosted, MAX_BOOSTED, &more);
	s->truncated |= truncated || more;
	free(text);
	for (unsigned int i = 0; i < s->nr_boosted; i++) {
		for (unsigned int k = 0; k < s->boosted[i].nr; k++) {
			uint64_t object = contrib_object(&s->boosted[i].contrib[k]);

			if (object)
				s->lending[s->nr_lending++] = object;
		}
	}
	qsort(s->lending, s->nr_lending, sizeof(*s->lending), by_number);
}

const struct boosted *scan_boosted(const struct scan *s, pid_t tid)
{
	for (unsigned int i = 0; i < s->nr_boosted; i++) {
		if (s->boosted[i].tid == tid)
			return &s->boosted[i];
	}
	return NULL;
}

/* debugfs does not say which space an address belongs to, but its owner is the boosted task. */
static bool is_source(const struct object *o, const struct contrib *c, pid_t tid)
{
	if (o->type == TYPE_ADDRESS)
		return !strcmp(c->source, "address") && o->address == c->object && o->owner_tid == tid;
	return o->id && o->id == contrib_object(c);
}

struct object *scan_find_source(const struct scan *s, const struct contrib *c, pid_t tid)
{
	for (unsigned int i = 0; i < s->nr_objects; i++) {
		if (is_source(&s->object[i], c, tid))
			return &s->object[i];
	}
	return NULL;
}

static void link_boost(struct scan *s, const struct contrib *c, pid_t tid)
{
	struct object *o = scan_find_source(s, c, tid);

	if (!o)
		return;
	o->boosts++;
	if (c->prio > o->boost_prio)
		o->boost_prio = c->prio;
}

void scan_link_boosts(struct scan *s)
{
	for (unsigned int i = 0; i < s->nr_boosted; i++) {
		for (unsigned int k = 0; k < s->boosted[i].nr; k++)
			link_boost(s, &s->boosted[i].contrib[k], s->boosted[i].tid);
	}
}

void scan_run(struct scan *s)
{
	memset(s->bucket, 0, BUCKETS * sizeof(*s->bucket));
	s->nr_processes = 0;
	s->nr_objects = 0;
	s->nr_boosted = 0;
	s->nr_lending = 0;
	s->nr_loans = 0;
	s->next_idle = 0;
	s->unreadable = 0;
	s->truncated = false;
	/* First: objects that lend a priority must not be left out of a full table. */
	look_at_arbiter(s);
	look_at_processes(s);
	scan_link_boosts(s);
}
