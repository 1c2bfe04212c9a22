// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which basic blocks of the module have run; part of it if it is built with NTSYNC_COVERAGE=y. The
 * compiler then puts a call of __sanitizer_cov_trace_pc() at the beginning of each, as for KCOV.
 * KCOV itself would record them by task, for system calls only; but much of this driver runs in
 * timers, in threads of its own, and in tasks that exit or were woken.
 *
 *	/sys/kernel/debug/ntsync/coverage	a bit for each four bytes of the module's text: there
 *						is a call before it, and it was made. A write clears it.
 *	/sys/kernel/debug/ntsync/coverage_base	the address that the first bit is for
 */
#include <linux/debugfs.h>
#include <linux/fs.h>
#include <linux/module.h>

#include "observe/observe.h"

/* For 4 MiB of text. */
#define NR_BITS		(1 << 20)
#define BYTES_A_BIT	4

static unsigned long map[NR_BITS / BITS_PER_LONG];
static u64 base;

void __sanitizer_cov_trace_pc(void);

/* Called from any context, and before the module's init function. */
void notrace __sanitizer_cov_trace_pc(void)
{
	unsigned long at = _RET_IP_ - (unsigned long)THIS_MODULE->mem[MOD_TEXT].base;
	unsigned long bit = at / BYTES_A_BIT;

	if (bit < NR_BITS && !(READ_ONCE(map[BIT_WORD(bit)]) & BIT_MASK(bit)))
		set_bit(bit, map);
}

static size_t map_size(void)
{
	return min_t(size_t, THIS_MODULE->mem[MOD_TEXT].size / BYTES_A_BIT / BITS_PER_BYTE, sizeof(map));
}

static ssize_t coverage_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	return simple_read_from_buffer(to, count, pos, map, map_size());
}

static ssize_t coverage_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	memset(map, 0, map_size());
	return count;
}

static const struct file_operations coverage_fops = {
	.owner = THIS_MODULE,
	.read = coverage_read,
	.write = coverage_write,
	.llseek = default_llseek,
};

void ntsync_coverage_init(struct dentry *dir)
{
	base = (unsigned long)THIS_MODULE->mem[MOD_TEXT].base;
	debugfs_create_file("coverage", 0600, dir, NULL, &coverage_fops);
	debugfs_create_x64("coverage_base", 0400, dir, &base);
}
