// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fake /proc: which process has which objects, which are shared, processes that exit, and more
 * than fits.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "ctl.h"
#include "tree.h"

static void make_fd(int pid, int fd, const char *target, const char *info)
{
	char link[256];

	make_dir("/proc/%d/fd", pid);
	make_dir("/proc/%d/fdinfo", pid);
	snprintf(link, sizeof(link), "%s/proc/%d/fd/%d", file_root, pid, fd);
	assert_int_equal(symlink(target, link), 0);
	if (info)
		make_file(info, "/proc/%d/fdinfo/%d", pid, fd);
}

static void make_object(int pid, int fd, const char *type, int id)
{
	char info[256];

	snprintf(info, sizeof(info), "pos:\t0\nntsync-type:\t%s\nntsync-waiters-any:\t%d\n"
				     "ntsync-instance:\t1\nntsync-id:\t%d\n", type, id % 7, id);
	make_fd(pid, fd, "anon_inode:ntsync", info);
}

static void make_wanted(int pid, int fd, int id)
{
	char info[256];

	snprintf(info, sizeof(info), "ntsync-type:\tmutex\nntsync-owner:\t305419896\n"
		 "ntsync-count:\t1\nntsync-waiters-any:\t4\nntsync-id:\t%d\n"
		 "ntsync-owner-tid:\t5000002\nntsync-waiter:\tany 5000003 80\n", id);
	make_fd(pid, fd, "anon_inode:ntsync", info);
}

static char *make_screen(const struct scan *s, unsigned int rows, int width, bool idle)
{
	const struct system_facts facts = { .loaded = true };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	top_screen(out, s, &facts, rows, width, idle);
	fclose(out);
	return text;
}

static int setup(void **state)
{
	static struct scan s;

	if (tree_setup(NULL) || scan_init(&s))
		return -1;
	make_dir("/proc");
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	scan_exit(*state);
	return tree_teardown(NULL);
}

static const struct process *find_process(const struct scan *s, pid_t pid)
{
	for (unsigned int i = 0; i < s->nr_processes; i++) {
		if (s->process[i].pid == pid)
			return &s->process[i];
	}
	fail_msg("no process %d", pid);
	return NULL;
}

/* Above the kernel's limit, so that no real process has such a pid. */
enum { FIRST = 5000001, SECOND, THIRD };

static void objects_are_counted_once(void **state)
{
	struct scan *s = *state;

	make_fd(FIRST, 3, "/dev/ntsync", "ntsync-type:\tinstance\nntsync-instance:\t1\n");
	make_fd(FIRST, 4, "/dev/ntsync", "ntsync-type:\tinstance\nntsync-instance:\t1\n");
	make_object(FIRST, 5, "sem", 2);
	make_object(FIRST, 6, "sem", 2);
	make_object(FIRST, 7, "mutex", 3);
	make_object(SECOND, 0, "mutex", 3);
	make_fd(SECOND, 1, "/dev/null", "pos:\t0\n");
	make_fd(THIRD, 1, "pipe:[5]", NULL);
	scan_run(s);
	assert_int_equal(s->nr_processes, 2);
	assert_int_equal(s->nr_objects, 3);
	assert_int_equal(find_process(s, FIRST)->count[TYPE_INSTANCE], 1);
	assert_int_equal(find_process(s, FIRST)->count[TYPE_SEM], 1);
	assert_int_equal(find_process(s, FIRST)->count[TYPE_MUTEX], 1);
	assert_int_equal(find_process(s, SECOND)->count[TYPE_MUTEX], 1);
	assert_int_equal(find_process(s, SECOND)->count[TYPE_INSTANCE], 0);
	assert_false(s->truncated);
}

/* The in-tree driver writes nothing to fdinfo; and links that only look like the device. */
static void drivers_that_say_nothing(void **state)
{
	struct scan *s = *state;

	make_fd(FIRST, 3, "/dev/ntsync", "pos:\t0\n");
	make_fd(FIRST, 4, "anon_inode:ntsync", "pos:\t0\n");
	make_fd(FIRST, 5, "anon_inode:ntsync", "pos:\t0\n");
	make_fd(FIRST, 6, "/srv/x/anon_inode:ntsync", "ntsync-type:\tsem\nntsync-id:\t9\n");
	make_fd(FIRST, 7, "/dev/ntsync (deleted)", "ntsync-type:\tsem\nntsync-id:\t9\n");
	scan_run(s);
	/* As far as the scan can see, it is any file of that name. */
	assert_int_equal(find_process(s, FIRST)->count[TYPE_INSTANCE], 0);
	assert_int_equal(find_process(s, FIRST)->count[TYPE_UNKNOWN], 2);
	assert_int_equal(find_process(s, FIRST)->count[TYPE_SEM], 0);
	assert_int_equal(s->nr_objects, 0);
}

/*
 * The kernel's own lines come first: one for each lock of the file, of which there may be any
 * number.
 */
static void many_locks(void **state)
{
	static char info[64 * 1024];
	struct scan *s = *state;
	size_t at = 0;

	for (int i = 0; i < 400; i++)
		at += snprintf(info + at, sizeof(info) - at,
			       "lock:\t%d: POSIX  ADVISORY  WRITE %d 00:06:123 %d %d\n", i, FIRST, i, i);
	snprintf(info + at, sizeof(info) - at,
		 "ntsync-type:\tmutex\nntsync-waiters-any:\t3\nntsync-id:\t2\n");
	make_fd(FIRST, 3, "anon_inode:ntsync", info);
	scan_run(s);
	assert_int_equal(s->nr_objects, 1);
	assert_int_equal(object_waiters(&s->object[0]), 3);
	assert_int_equal(find_process(s, FIRST)->count[TYPE_UNKNOWN], 0);
	assert_false(s->truncated);
}

/* Names in any language are cut at whole characters, and stay in their columns. */
static void names_are_not_cut(void **state)
{
	struct scan *s = *state;
	char *text;

	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	make_wanted(FIRST, 5, 50000);
	make_dir("/proc/%d", SECOND);
	/* Five characters of three bytes, ten columns: the kernel keeps no more. */
	make_file("\xe6\x9d\xb1\xe4\xba\xac\xe9\x9f\xb3\xe6\xa5\xbd\xe7\xab\x99\n", "/proc/%d/comm",
		  SECOND);
	scan_run(s);
	text = make_screen(s, 18, 80, false);
	assert_non_null(strstr(text, "\xe6\x9d\xb1\xe4\xba\xac\xe9\x9f\xb3\xe6\xa5\xbd\xe7\xab\x99      owner"));
	free(text);
	/* On a narrow terminal the last column has room for half a character. */
	text = make_screen(s, 18, 47, false);
	assert_non_null(strstr(text, "5000002 \xe6\x9d\xb1\xe4\xba\xac\n"));
	free(text);
	/* The kernel cuts after 15 bytes, also within a character. */
	make_file("abcdefghijklm\xe6\x9d\n", "/proc/%d/comm", SECOND);
	text = make_screen(s, 18, 80, false);
	assert_non_null(strstr(text, "5000002 abcdefghijklm   owner"));
	free(text);
	setlocale(LC_CTYPE, "C");
}

/* A process exits, or a descriptor is closed, during the scan. */
static void what_has_gone_is_no_error(void **state)
{
	struct scan *s = *state;

	make_fd(FIRST, 3, "anon_inode:ntsync", NULL);
	make_object(FIRST, 4, "sem", 2);
	make_dir("/proc/%d", SECOND);
	scan_run(s);
	assert_int_equal(s->nr_processes, 1);
	assert_int_equal(find_process(s, FIRST)->count[TYPE_SEM], 1);
	assert_int_equal(find_process(s, FIRST)->count[TYPE_UNKNOWN], 0);
	assert_int_equal(s->unreadable, 0);
	assert_string_equal(find_process(s, FIRST)->comm, "?");
}

static void too_many_objects(void **state)
{
	struct scan *s = *state;

	for (int i = 0; i < MAX_OBJECTS + 5; i++)
		make_object(FIRST, i, "sem", 10 + i);
	scan_run(s);
	assert_int_equal(s->nr_objects, MAX_OBJECTS);
	assert_int_equal(find_process(s, FIRST)->count[TYPE_SEM], MAX_OBJECTS + 5);
	assert_true(s->truncated);
	/* Once more: nothing of the first scan may be left. */
	scan_run(s);
	assert_int_equal(s->nr_objects, MAX_OBJECTS);
}

static void boosts_find_their_objects(void **state)
{
	struct scan *s = *state;

	make_object(FIRST, 4, "mutex", 2);
	make_dir("/sys/kernel/debug/ntsync");
	make_file("task 77 x\nnormal policy=0 prio=0 nice=0 reset_on_fork=0\n"
		  "  contribution mutex policy=1 prio=80 object=2\n"
		  "  contribution mutex policy=1 prio=70 object=999\n", "/sys/kernel/debug/ntsync/pi");
	scan_run(s);
	assert_true(s->arbiter);
	assert_int_equal(s->nr_boosted, 1);
	assert_int_equal(s->object[0].boosts, 1);
	assert_int_equal(s->object[0].boost_prio, 80);
	assert_non_null(scan_boosted(s, 77));
	assert_null(scan_boosted(s, 78));
}

static void most_waited_for_comes_first(void **state)
{
	struct scan *s = *state;

	make_fd(FIRST, 3, "/dev/ntsync", "ntsync-type:\tinstance\nntsync-instance:\t1\n");
	for (int id = 2; id < 30; id++)
		make_object(FIRST, id + 10, "sem", id);
	scan_run(s);
	top_sort(s);
	assert_int_equal(s->nr_objects, 28);
	for (unsigned int i = 1; i < s->nr_objects; i++)
		assert_true(object_waiters(&s->object[i - 1]) >= object_waiters(&s->object[i]));
	assert_int_equal(s->object[0].id, 6);
}

static bool is_in(const struct scan *s, uint64_t id)
{
	for (unsigned int i = 0; i < s->nr_objects; i++) {
		if (s->object[i].id == id)
			return true;
	}
	return false;
}

/* However many idle objects there are, and whichever come first. */
static void idle_objects_make_room(void **state)
{
	enum { IDLE = 5000, WANTED = 60, LENDS = 20000 };
	struct scan *s = *state;
	char *text = NULL, line[64];
	size_t size;
	FILE *out;

	for (int i = 0; i < IDLE; i++)
		make_object(FIRST, i, "event", 7 * (i + 1));
	for (int i = 0; i < WANTED; i++)
		make_wanted(FIRST, IDLE + 1 + i, 50000 + i);
	make_object(FIRST, 2 * IDLE, "event", 7 * LENDS);
	make_dir("/sys/kernel/debug/ntsync");
	snprintf(line, sizeof(line), "task 77 x\n  contribution event policy=1 prio=80 object=%d\n",
		 7 * LENDS);
	make_file(line, "/sys/kernel/debug/ntsync/pi");
	scan_run(s);
	assert_int_equal(s->nr_objects, MAX_OBJECTS);
	assert_true(s->truncated);
	for (int i = 0; i < WANTED; i++)
		assert_true(is_in(s, 50000 + i));
	assert_true(is_in(s, 7 * LENDS));
	assert_int_equal(find_process(s, FIRST)->count[TYPE_MUTEX], WANTED);
	assert_int_equal(find_process(s, FIRST)->count[TYPE_EVENT], IDLE + 1);
	out = open_memstream(&text, &size);
	graph_dot(out, s);
	fclose(out);
	assert_non_null(strstr(text, "o50000 -> t5000002"));
	assert_non_null(strstr(text, "o50059 -> t5000002"));
	free(text);
	top_sort(s);
	for (int i = 0; i < WANTED; i++)
		assert_int_equal(object_waiters(&s->object[i]), 4);
	assert_int_equal(s->object[WANTED].id, 7 * LENDS);
	/* Once more, as top does it. */
	scan_run(s);
	assert_true(is_in(s, 50000));
}

static void top_shows_what_is_waited_for(void **state)
{
	struct scan *s = *state;
	char *text;

	for (int i = 1; i < 161; i++)
		make_object(FIRST, 10 + i, "event", 7 * i);
	make_wanted(FIRST, 5, 50000);
	make_dir("/proc/%d", SECOND);
	make_file("wine64-preloadr\n", "/proc/%d/comm", SECOND);
	scan_run(s);
	top_sort(s);
	text = make_screen(s, 18, 80, false);
	for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		assert_true(strcspn(line, "\n") <= 80);
	assert_non_null(strstr(text, "5000002 wine64-preloadr"));
	assert_non_null(strstr(text, "305419896"));
	assert_null(strstr(text, "event"));
	assert_non_null(strstr(text, "160 idle objects"));
	free(text);
	text = make_screen(s, 18, 80, true);
	assert_non_null(strstr(text, "event"));
	assert_null(strstr(text, "idle objects"));
	assert_non_null(strstr(text, "there is more than is shown"));
	free(text);
}

/* Whatever a name contains, it must not end its string in the graph. */
static void names_stay_in_their_strings(void **state)
{
	struct scan *s = *state;
	char *text = NULL;
	size_t size;
	FILE *out;

	make_fd(FIRST, 4, "anon_inode:ntsync",
		"ntsync-type:\tmutex\nntsync-owner:\t1\nntsync-waiters-any:\t1\nntsync-id:\t2\n"
		"ntsync-owner-tid:\t5000002\nntsync-waiter:\tany 5000003 80\n");
	make_dir("/proc/%d", SECOND);
	make_file("\"];e[b=\"\\\n", "/proc/%d/comm", SECOND);
	scan_run(s);
	out = open_memstream(&text, &size);
	graph_dot(out, s);
	fclose(out);
	assert_non_null(strstr(text, "label=\"\\\"];e[b=\\\"\\\\x5c\\n5000002"));
	assert_non_null(strstr(text, "\tt5000003 -> o2 [label=\"waits 80\"];\n\to2 -> t5000002 [label=\"held\"];\n"));
	free(text);
}

static void make_process(int pid, const char *name, int seconds_after_boot)
{
	char text[256];

	make_dir("/proc/%d/fd", pid);
	snprintf(text, sizeof(text), "%s\n", name);
	make_file(text, "/proc/%d/comm", pid);
	snprintf(text, sizeof(text), "%d (%s) S 1 1 1 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 %ld 1 1\n", pid,
		 name, seconds_after_boot * sysconf(_SC_CLK_TCK));
	make_file(text, "/proc/%d/stat", pid);
}

/* A wineserver looks for the device when it starts, and never again. */
static void wineservers_older_than_the_driver(void **state)
{
	struct system_facts f = { .loaded = true, .node = true, .node_since = 1000500 };

	(void)state;
	make_file("cpu  1 2 3\nbtime 1000000\nprocesses 5\n", "/proc/stat");
	make_process(FIRST, "wineserver64", 400);
	make_process(SECOND, "wineserver", 600);
	make_process(THIRD, "wine) S 7 ((", 400);
	wine_look(&f);
	assert_string_equal(f.wineservers, "5000001");
	assert_string_equal(f.wine_without, "5000002");
	/* One that has the device open has got it in another way. */
	make_fd(FIRST, 3, "/dev/ntsync", "pos:\t0\n");
	wine_look(&f);
	assert_string_equal(f.wineservers, "");
	/* Nothing is known about it. */
	make_process(FIRST + 10, "wineserver", 400);
	f.node_since = 0;
	wine_look(&f);
	assert_string_equal(f.wineservers, "");
	assert_string_equal(f.wine_without, "");
}

static char *make_picture(const struct scan *s)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	graph_dot(out, s);
	fclose(out);
	return text;
}

/* In the picture, not in comments: an empty graph, and what the user may not see. */
static void graph_says_what_is_missing(void **state)
{
	struct scan *s = *state;
	char *text;

	make_object(FIRST, 3, "sem", 7);
	scan_run(s);
	text = make_picture(s);
	assert_non_null(strstr(text, "\tlabel=\"nobody waits for anything\\lboosts can't be read: "));
	free(text);

	make_dir("/sys/kernel/debug/ntsync");
	make_file("", "/sys/kernel/debug/ntsync/pi");
	s->unreadable = 0;
	scan_run(s);
	s->unreadable = 12;
	s->truncated = true;
	text = make_picture(s);
	assert_non_null(strstr(text, "\tlabel=\"nobody waits for anything\\l12 processes could not be looked at\\lthere is more than is shown\\l\";\n"));
	free(text);

	make_wanted(FIRST, 5, 50000);
	scan_run(s);
	text = make_picture(s);
	assert_null(strstr(text, "\tlabel="));
	free(text);
}

static const struct object *find_address(const struct scan *s, uint64_t space, uint64_t address)
{
	for (unsigned int i = 0; i < s->nr_objects; i++) {
		const struct object *o = &s->object[i];

		if (o->type == TYPE_ADDRESS && o->id == space && o->address == address)
			return o;
	}
	fail_msg("no address %lx in space %lu", address, space);
	return NULL;
}

/* Threads of one process through two instances, and the same address in another process. */
static void make_waits_on_addresses(void)
{
	make_fd(FIRST, 3, "/dev/ntsync", "ntsync-type:\tinstance\nntsync-instance:\t1\n"
		"ntsync-addr-waiter:\t5000011 80 5000012 9 0x7f40\n"
		"ntsync-addr-waiter:\t5000013 10 5000012 9 0x7f40\n");
	make_fd(FIRST, 4, "/dev/ntsync", "ntsync-type:\tinstance\nntsync-instance:\t2\n"
		"ntsync-addr-waiter:\t5000014 85 5000012 9 0x7f40\n");
	/* Another descriptor of the same instance has the same lines. */
	make_fd(FIRST, 5, "/dev/ntsync", "ntsync-type:\tinstance\nntsync-instance:\t2\n"
		"ntsync-addr-waiter:\t5000014 85 5000012 9 0x7f40\n");
	make_fd(SECOND, 3, "/dev/ntsync", "ntsync-type:\tinstance\nntsync-instance:\t3\n"
		"ntsync-addr-waiter:\t5000021 70 5000022 10 0x7f40\n"
		"ntsync-addr-waiter:\t5000023 60 0 10 0x7f50\n");
	/* An object with the number of an address, and one whose number is the address. */
	make_object(FIRST, 6, "sem", 0x7f40);
	make_dir("/sys/kernel/debug/ntsync");
	make_file("task 5000012 x\nnormal policy=0 prio=0 nice=0 reset_on_fork=0\n"
		  "  contribution address policy=1 prio=85 object=32576\n"
		  "task 5000022 x\nnormal policy=0 prio=0 nice=0 reset_on_fork=0\n"
		  "  contribution address policy=1 prio=70 object=32576\n",
		  "/sys/kernel/debug/ntsync/pi");
}

static void addresses_are_told_apart(void **state)
{
	struct scan *s = *state;
	const struct object *o;

	make_waits_on_addresses();
	scan_run(s);
	assert_int_equal(s->nr_objects, 7);
	o = find_address(s, 9, 0x7f40);
	assert_int_equal(object_waiters(o), 3);
	assert_int_equal(object_top_prio(o), 85);
	assert_int_equal(o->owner_tid, 5000012);
	assert_int_equal(o->boosts, 1);
	assert_int_equal(o->boost_prio, 85);
	o = find_address(s, 10, 0x7f40);
	assert_int_equal(object_waiters(o), 1);
	assert_int_equal(o->owner_tid, 5000022);
	assert_int_equal(o->boosts, 1);
	assert_int_equal(o->boost_prio, 70);
	assert_int_equal(find_address(s, 10, 0x7f50)->owner_tid, 0);
	assert_int_equal(find_process(s, FIRST)->count[TYPE_INSTANCE], 2);
	assert_int_equal(find_process(s, FIRST)->count[TYPE_SEM], 1);
}

static void addresses_in_graph_and_top(void **state)
{
	struct scan *s = *state;
	char *text;

	make_waits_on_addresses();
	scan_run(s);
	text = make_picture(s);
	assert_non_null(strstr(text, "\ta9_7f40 [label=\"address 0x7f40\"];\n"));
	assert_non_null(strstr(text, "\tt5000014 -> a9_7f40 [label=\"waits 85\"];\n"));
	assert_non_null(strstr(text, "\ta9_7f40 -> t5000012 [label=\"held\"];\n"));
	assert_non_null(strstr(text, "\ta9_7f40 -> t5000012 [label=\"lends 85\", color=red, fontcolor=red];\n"));
	assert_non_null(strstr(text, "\ta10_7f40 -> t5000022 [label=\"held\"];\n"));
	/* Nobody has it at the moment. */
	assert_non_null(strstr(text, "\tt5000023 -> a10_7f50 [label=\"waits 60\"];\n"));
	assert_null(strstr(text, "a10_7f50 ->"));
	free(text);
	top_sort(s);
	text = make_screen(s, 18, 80, false);
	assert_non_null(strstr(text, "       9 address     3   85    85 5000012 ?               0x7f40\n"));
	free(text);
}

/* As many as there are, they replace idle objects only. */
static void too_many_addresses(void **state)
{
	static char info[(MAX_OBJECTS + 8) * 64];
	struct scan *s = *state;
	size_t at = 0;

	at += snprintf(info, sizeof(info), "ntsync-type:\tinstance\nntsync-instance:\t1\n");
	for (int i = 0; i < MAX_OBJECTS + 4; i++)
		at += snprintf(info + at, sizeof(info) - at,
			       "ntsync-addr-waiter:\t%d 80 5000012 9 0x%x\n", 5001000 + i, 64 * i);
	make_fd(FIRST, 3, "/dev/ntsync", info);
	scan_run(s);
	assert_int_equal(s->nr_objects, MAX_OBJECTS);
	assert_true(s->truncated);
	assert_int_equal(find_process(s, FIRST)->count[TYPE_INSTANCE], 1);
	assert_int_equal(object_waiters(find_address(s, 9, 64)), 1);
}

#define SCAN_TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		SCAN_TEST(objects_are_counted_once),
		SCAN_TEST(drivers_that_say_nothing),
		SCAN_TEST(many_locks),
		SCAN_TEST(names_are_not_cut),
		SCAN_TEST(what_has_gone_is_no_error),
		SCAN_TEST(too_many_objects),
		SCAN_TEST(boosts_find_their_objects),
		SCAN_TEST(most_waited_for_comes_first),
		SCAN_TEST(idle_objects_make_room),
		SCAN_TEST(top_shows_what_is_waited_for),
		SCAN_TEST(wineservers_older_than_the_driver),
		SCAN_TEST(graph_says_what_is_missing),
		SCAN_TEST(addresses_are_told_apart),
		SCAN_TEST(addresses_in_graph_and_top),
		SCAN_TEST(too_many_addresses),
		SCAN_TEST(names_stay_in_their_strings),
	};

	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
