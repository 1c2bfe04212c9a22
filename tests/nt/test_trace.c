// SPDX-License-Identifier: GPL-2.0-only
/* The lines of NTSYNC_NT_TRACE. The hook is tested in test_handle and others. */
#include "nt_test.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_LINES 8192

/**
 * struct line - a line of the file
 * @table, @op, @type: words
 * @seq, @object, @handle, @generation, @thread: numbers
 * @fields: how many of them there were
 */
struct line {
	char table[32], op[16], type[16];
	uint64_t seq, object;
	uint32_t handle, generation, thread;
	int fields;
};

static char path[64];
static struct line lines[MAX_LINES];

static void trace_to(const char *to)
{
	if (to)
		setenv("NTSYNC_NT_TRACE", to, 1);
	else
		unsetenv("NTSYNC_NT_TRACE");
}

static void new_file(void)
{
	snprintf(path, sizeof(path), "/tmp/ntsync_trace_XXXXXX");
	close(mkstemp(path));
	trace_to(path);
}

/* Every line of the file is complete. */
static int read_lines(void)
{
	FILE *file = fopen(path, "re");
	char text[512];
	int count = 0;

	assert_non_null(file);
	while (fgets(text, sizeof(text), file)) {
		struct line *l = &lines[count++];
		double time;

		memset(l, 0, sizeof(*l));
		assert_non_null(strchr(text, '\n'));
		l->fields = sscanf(text, "ntsync_nt 1 table=%31s time=%lf seq=%" SCNu64 " op=%15s "
				   "handle=%" SCNx32 " generation=%" SCNu32 " thread=%" SCNx32
				   " type=%15s object=%" SCNu64, l->table, &time, &l->seq, l->op,
				   &l->handle, &l->generation, &l->thread, l->type, &l->object);
		assert_true(l->fields == 4 || l->fields == 9);
		assert_true(count < MAX_LINES);
	}
	fclose(file);
	return count;
}

static void finish_file(void)
{
	trace_to(NULL);
	unlink(path);
}

static void assert_line(int index, const char *op, uint32_t handle, const char *type)
{
	const struct line *l = &lines[index];

	assert_string_equal(l->op, op);
	assert_int_equal(l->handle, handle);
	assert_string_equal(l->type, type);
	assert_string_equal(l->table, lines[0].table);
}

static void each_operation_is_a_line(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt *nt;
	uint32_t event, mutant;

	(void)f;
	new_file();
	assert_int_equal(ntsync_nt_create(NULL, &nt), 0);
	assert_ok(ntsync_nt_create_event(nt, &event, NULL, false, false));
	assert_ok(ntsync_nt_create_mutant(nt, &mutant, NULL, false));
	assert_ok(ntsync_nt_close(nt, event));
	assert_status(ntsync_nt_set_event(nt, event, NULL), NTSYNC_STATUS_INVALID_HANDLE);
	ntsync_nt_destroy(nt);
	assert_int_equal(read_lines(), 6);
	assert_line(0, "begin", 0, "");
	assert_line(1, "create", event, "event");
	assert_line(2, "create", mutant, "mutant");
	assert_line(3, "destroy", event, "event");
	assert_line(4, "invalid", event, "none");
	assert_line(5, "end", 0, "");
	for (int i = 1; i < 5; i++)
		assert_int_equal(lines[i].seq, i);
	assert_int_equal(lines[5].seq, 4);
	assert_int_equal(lines[1].object, lines[3].object);
	assert_int_equal(lines[1].generation, lines[3].generation);
	assert_true(lines[1].thread);
	finish_file();
}

/* The hook is called all the same. */
static void beside_the_hook(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	uint32_t event;

	new_file();
	ntsync_nt_config_init(&config);
	use_config(f, &config);
	event = new_event(f, false, false);
	assert_record(f, NTSYNC_NT_CREATE, event);
	assert_int_equal(read_lines(), 2);
	assert_line(1, "create", event, "event");
	finish_file();
}

static uint32_t open_and_close(struct fixture *f, void *arg)
{
	(void)arg;
	for (int i = 0; i < 500; i++)
		close_handle(f, new_event(f, false, false));
	return NTSYNC_STATUS_SUCCESS;
}

static void lines_of_threads_do_not_mix(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt_config config;
	struct helper *helpers[4];
	int count;

	new_file();
	ntsync_nt_config_init(&config);
	use_config(f, &config);
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		helpers[i] = start(f, open_and_close, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		assert_ok(finish(helpers[i]));
	count = read_lines();
	assert_int_equal(count, 1 + 4 * 1000);
	for (int i = 1; i < count; i++)
		assert_int_equal(lines[i].fields, 9);
	finish_file();
}

/* Two tables have two names, in one file. */
static void two_tables(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt *nt;

	(void)f;
	new_file();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ntsync_nt_create(NULL, &nt), 0);
		ntsync_nt_destroy(nt);
	}
	assert_int_equal(read_lines(), 4);
	assert_string_not_equal(lines[0].table, lines[2].table);
	assert_string_equal(lines[2].table, lines[3].table);
	finish_file();
}

static void a_forked_child_writes_nothing(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt *nt;
	pid_t child;

	(void)f;
	new_file();
	assert_int_equal(ntsync_nt_create(NULL, &nt), 0);
	child = fork();
	if (!child) {
		ntsync_nt_destroy(nt);
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(read_lines(), 1);
	ntsync_nt_destroy(nt);
	assert_int_equal(read_lines(), 2);
	finish_file();
}

/* The program works as without a trace, and does not wait for the reader of a pipe. */
static void no_such_file(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt *nt;

	(void)f;
	new_file();
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(ntsync_nt_create(NULL, &nt), 0);
	ntsync_nt_destroy(nt);
	trace_to("/nowhere/at/all");
	assert_int_equal(ntsync_nt_create(NULL, &nt), 0);
	ntsync_nt_destroy(nt);
	trace_to("");
	assert_int_equal(ntsync_nt_create(NULL, &nt), 0);
	ntsync_nt_destroy(nt);
	finish_file();
}

/* The reader of a pipe may go away, and the program must not be killed by that. */
static void a_pipe_is_no_file(void **state)
{
	struct fixture *f = *state;
	struct ntsync_nt *nt;
	uint32_t handle;
	int reader;

	(void)f;
	new_file();
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	assert_int_equal(ntsync_nt_create(NULL, &nt), 0);
	close(reader);
	assert_ok(ntsync_nt_create_event(nt, &handle, NULL, false, false));
	ntsync_nt_destroy(nt);
	finish_file();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_operation_is_a_line),
		TEST(beside_the_hook),
		TEST(lines_of_threads_do_not_mix),
		TEST(two_tables),
		TEST(a_forked_child_writes_nothing),
		TEST(no_such_file),
		TEST(a_pipe_is_no_file),
	};

	return RUN(tests);
}
