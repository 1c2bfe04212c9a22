// SPDX-License-Identifier: GPL-2.0-only
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ctl.h"
#include "terminal.h"

static atomic_bool ended, suspended;

static void note_end(int sig)
{
	(void)sig;
	atomic_store(&ended, true);
}

static void note_suspend(int sig)
{
	(void)sig;
	atomic_store(&suspended, true);
}

/* Blocked except in ppoll(), or a signal that comes just before the pause would not end it. */
static const struct {
	int sig;
	void (*handler)(int sig);
} handled[] = {
	{ SIGINT, note_end }, { SIGTERM, note_end }, { SIGHUP, note_end }, { SIGQUIT, note_end },
	{ SIGTSTP, note_suspend },
};

static void take_terminal(struct terminal *t)
{
	struct termios raw = t->before;

	raw.c_lflag &= ~(ICANON | ECHO);
	t->keys = !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

static void give_terminal_back(const struct terminal *t)
{
	if (t->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &t->before);
}

static void take_signals(struct terminal *t)
{
	sigset_t block;

	atomic_store(&ended, false);
	atomic_store(&suspended, false);
	sigemptyset(&block);
	for (size_t i = 0; i < ARRAY_SIZE(handled); i++) {
		struct sigaction action = { .sa_handler = handled[i].handler }, before;

		/* nohup has it ignored. */
		if (!sigaction(handled[i].sig, NULL, &before) && before.sa_handler == SIG_IGN)
			continue;
		sigaddset(&block, handled[i].sig);
		sigaction(handled[i].sig, &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &block, &t->signals);
}

void terminal_begin(struct terminal *t, bool batch)
{
	const char *name = getenv("TERM");

	memset(t, 0, sizeof(*t));
	take_signals(t);
	if (batch || !isatty(STDOUT_FILENO))
		return;
	t->live = name && *name && strcmp(name, "dumb");
	if (isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &t->before))
		take_terminal(t);
}

void terminal_end(struct terminal *t)
{
	give_terminal_back(t);
	t->keys = false;
	sigprocmask(SIG_SETMASK, &t->signals, NULL);
}

/* Ctrl-Z: gives the terminal back to the shell while the program is stopped. */
static void stop_until_continued(struct terminal *t)
{
	struct sigaction action = { .sa_handler = SIG_DFL }, ours;
	sigset_t block;

	atomic_store(&suspended, false);
	give_terminal_back(t);
	sigaction(SIGTSTP, &action, &ours);
	raise(SIGTSTP);
	sigprocmask(SIG_SETMASK, &t->signals, &block);
	sigprocmask(SIG_SETMASK, &block, NULL);
	sigaction(SIGTSTP, &ours, NULL);
	if (t->keys)
		take_terminal(t);
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

int terminal_pause(struct terminal *t, double seconds)
{
	struct pollfd in = { .fd = t->keys ? STDIN_FILENO : -1, .events = POLLIN };
	const struct timespec time = {
		.tv_sec = seconds, .tv_nsec = (seconds - (time_t)seconds) * 1e9,
	};
	int ready = ppoll(&in, 1, &time, &t->signals);
	unsigned char key;

	if (atomic_load(&suspended))
		stop_until_continued(t);
	if (atomic_load(&ended))
		return -1;
	if (ready <= 0)
		return 0;
	return read(STDIN_FILENO, &key, 1) != 1 || key == 'q' ? -1 : key;
}
