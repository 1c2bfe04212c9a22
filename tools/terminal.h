/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal of ntsyncctl top, if it has one. */
#ifndef NTSYNCCTL_TERMINAL_H
#define NTSYNCCTL_TERMINAL_H

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

struct terminal {
	bool live;		/* the screen can be cleared */
	bool keys;		/* keys are read one by one; @before has the old settings */
	struct termios before;
	sigset_t signals;	/* the old signal mask */
};

/* With @batch the terminal is left alone. */
void terminal_begin(struct terminal *t, bool batch);
void terminal_end(struct terminal *t);
void terminal_clear(const struct terminal *t);
/* Sets @rows and @width if the screen can be cleared and its size is known. */
void terminal_size(const struct terminal *t, unsigned int *rows, int *width);
/*
 * Waits until the next screen is due. Returns a key that was pressed, 0, or a negative value if
 * the user or a signal has ended the program; signals that came since terminal_begin() count.
 */
int terminal_pause(struct terminal *t, double seconds);

#endif
