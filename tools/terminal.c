// SPDX-License-Identifier: GPL-2.0-only
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "terminal.h"

static atomic_bool stopped;

static void stop(int sig)
{
	(void)sig;
	atomic_store(&stopped, true);
}

void terminal_begin(struct terminal *t, bool batch)
{
	struct sigaction action = { .sa_handler = stop };
	const char *name = getenv("TERM");
	struct termios raw;

	memset(t, 0, sizeof(*t));
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	t->live = !batch && isatty(STDOUT_FILENO) && name && *name && strcmp(name, "dumb");
	if (batch || !isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &t->before))
		return;
	raw = t->before;
	raw.c_lflag &= ~(ICANON | ECHO);
	t->keys = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

void terminal_end(const struct terminal *t)
{
	if (t->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
}

void terminal_clear(const struct terminal *t)
{
	if (t->live)
		printf("\033[H\033[J");
}

void terminal_size(const struct terminal *t, unsigned int *rows, int *width)
{
	struct winsize size;

	if (!t->live || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
		return;
	*rows = size.ws_row;
	*width = size.ws_col;
}

bool terminal_pause(const struct terminal *t, double seconds)
{
	struct pollfd in = { .fd = t->keys ? STDIN_FILENO : -1, .events = POLLIN };
	char key;

	if (poll(&in, 1, seconds * 1000) > 0 && (read(STDIN_FILENO, &key, 1) != 1 || key == 'q'))
		return false;
	return !atomic_load(&stopped);
}
