// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One word per descriptor: its kind, and for an end of a pipe the number of the other end.
 *
 * An entry is removed before its descriptor is closed or replaced, so a number never keeps the kind of
 * another file. Functions that return a number that was free, such as dup(), have nothing to remove.
 * A child of vfork() has its parent's memory and not its descriptors: what it closes is forgotten here,
 * too, and then there is no loan, but never a wrong one.
 */
#include <stdatomic.h>
#include <sys/stat.h>

#include "shim.h"

#define TABLE_SIZE 65536
#define KIND_BITS 4
#define ENTRY(kind, peer) ((uint32_t)(kind) | (uint32_t)(peer) << KIND_BITS)
#define ENTRY_KIND(entry) ((enum kind)((entry) & ((1u << KIND_BITS) - 1)))
#define ENTRY_PEER(entry) ((int)((entry) >> KIND_BITS))

/* Descriptors above are KIND_OTHER. */
static _Atomic uint32_t table[TABLE_SIZE];

static bool has_entry(int fd)
{
	return fd >= 0 && fd < TABLE_SIZE;
}

static uint32_t get_entry(int fd)
{
	return has_entry(fd) ? atomic_load_explicit(&table[fd], memory_order_relaxed) : 0;
}

enum kind table_kind(int fd)
{
	return ENTRY_KIND(get_entry(fd));
}

void table_set(int fd, enum kind kind)
{
	if (has_entry(fd))
		atomic_store(&table[fd], ENTRY(kind, 0));
}

/* A descriptor without an entry costs its caller no write to shared memory. */
uint32_t table_forget(int fd)
{
	return get_entry(fd) ? atomic_exchange(&table[fd], 0) : 0;
}

void table_restore(int fd, uint32_t entry)
{
	uint32_t none = 0;

	if (entry)
		atomic_compare_exchange_strong(&table[fd], &none, entry);
}

void table_forget_range(unsigned int first, unsigned int last)
{
	for (unsigned int fd = first; fd <= last && fd < TABLE_SIZE; fd++)
		table_forget((int)fd);
}

void table_add_pipe(const int fds[2])
{
	if (!has_entry(fds[0]) || !has_entry(fds[1]))
		return;
	atomic_store(&table[fds[0]], ENTRY(KIND_READ_END, fds[1]));
	atomic_store(&table[fds[1]], ENTRY(KIND_WRITE_END, fds[0]));
}

/* The table may have missed that libc has closed one for itself, in fclose() for example. */
static bool are_ends_of_one_pipe(int a, int b)
{
	struct stat sa, sb;

	return !fstat(a, &sa) && !fstat(b, &sb) && S_ISFIFO(sa.st_mode) && sa.st_ino == sb.st_ino &&
	       sa.st_dev == sb.st_dev;
}

void table_note_sent(int fd)
{
	uint32_t entry = get_entry(fd), other;
	bool is_read_end = ENTRY_KIND(entry) == KIND_READ_END;
	int peer = ENTRY_PEER(entry);

	if (!is_read_end && ENTRY_KIND(entry) != KIND_WRITE_END)
		return;
	other = ENTRY(is_read_end ? KIND_WRITE_END : KIND_READ_END, fd);
	if (get_entry(peer) == other && are_ends_of_one_pipe(fd, peer))
		atomic_compare_exchange_strong(&table[peer], &other,
					       ENTRY(is_read_end ? KIND_REQUEST : KIND_REPLY, 0));
}
