/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A test is a process of its own, as a process has one server: it has the library in front of libc, a
 * stand-in for Wine's server, and a driver and a real-time policy that are the test's (fake.h).
 */
#ifndef NTSYNC_TESTS_WINE_PROCESS_H
#define NTSYNC_TESTS_WINE_PROCESS_H

#include "../standin.h"
#include "fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CHECK STANDIN_CHECK

/* How much data a call has, if any. */
#define DATA 100

/* Of the test that runs, and what a program that it executes begins with. */
extern struct standin *server;
extern struct standin_client first;
void have_driver(void);

/* @fn returns 0 or the line of what is not so. */
#define SHIM_TEST(fn) { #fn, run_in_process, NULL, NULL, (void *)(fn) }
void run_in_process(void **state);

/* As SHIM_TEST(), with a server that is not called wineserver. */
#define OTHER_SERVER_TEST(fn) { #fn, run_with_other_server, NULL, NULL, (void *)(fn) }
void run_with_other_server(void **state);

/*
 * The program's main(): preloads the library, and runs @tests, or @other if the program has an argument,
 * as a test has started it.
 */
#define RUN_SHIM_TESTS(argc, argv, tests, other)                                               \
	(start_program(argc, argv) ? (other)() :                                                   \
	 cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL))
/* True if there is an argument. */
bool start_program(int argc, char **argv);

/* Thread @tid of this process sleeps in read(@fd). */
bool sleeps_in_read(pid_t tid, int fd);

#endif
