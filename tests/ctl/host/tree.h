/* SPDX-License-Identifier: GPL-2.0-only */
/* Files and folders of a machine that is only there for ntsyncctl, below file_root. */
#ifndef NTSYNC_CTL_TREE_H
#define NTSYNC_CTL_TREE_H

/* A test's setup and teardown; paths below begin with a slash. */
int tree_setup(void **state);
int tree_teardown(void **state);

void make_dir(const char *format, ...);
/* Makes the folder of the file, too. */
void make_file(const char *text, const char *format, ...);
/* Sets its time of modification, in seconds since the epoch. */
void set_time(const char *path, long long seconds);
void make_executable(const char *path);
void remove_file(const char *path);

#endif
