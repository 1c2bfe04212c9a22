/* SPDX-License-Identifier: GPL-2.0-only */
/* The terminal of ntsyncctl top, which may be a dumb one, or none. */
#ifndef NTSYNCCTL_TERMINAL_H
#define NTSYNCCTL_TERMINAL_H

#include <signal.h>
#include <stdbool.h>
#include <termios.h>

struct terminal {
	bool live;		/* it can be cleared */
	bool keys;		/* and @before is what it was */
	struct termios before;
	sigset_t signals;	/* what was blocked before */
};

/* Of @batch nothing is changed. */
void terminal_begin(struct terminal *t, bool batch);
void terminal_end(struct terminal *t);
/* For a new screen. */
void terminal_clear(const struct terminal *t);
/* What a screen has room for; @rows and @width as they are if it can't be cleared. */
void terminal_size(const struct terminal *t, unsigned int *rows, int *width);
/*
 * Until the next screen: a key that was pressed, or 0; negative if the user, or a signal, has
 * ended it. Signals that came since terminal_begin() count.
 */
int terminal_pause(struct terminal *t, double seconds);

#endif
