// SPDX-License-Identifier: GPL-2.0-only
/* Attacks by waits on addresses: thousands of sleepers, and words whose pages are not there. */
#include "attack.h"

#include <sys/mman.h>

#define WORDS 512
#define PAGES 64
#define PAGE 4096

static int dev;
static uint32_t words[WORDS];
static char *pages;

static int addr_wait(const void *word, uint64_t timeout)
{
	struct ntsync_addr_wait_args args = {
		.timeout = timeout,
		.addr = (uintptr_t)word,
		.size = 4,
	};

	return nt(dev, NTSYNC_IOC_ADDR_WAIT, &args);
}

static void addr_wake(const void *word, uint32_t count)
{
	struct ntsync_addr_wake_args args = { .addr = (uintptr_t)word, .count = count };

	ioctl(dev, NTSYNC_IOC_ADDR_WAKE, &args);
}

static void *sleep_on_a_word(void *number)
{
	attack_announce_sleep();
	for (;;)
		addr_wait(&words[(uintptr_t)number % WORDS], FOREVER);
	return NULL;
}

static int prepare_waiters(int size)
{
	dev = open("/dev/ntsync", O_RDWR | O_CLOEXEC);
	CHECK(dev >= 0);
	pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(pages != MAP_FAILED);
	return attack_sleepers(size, sleep_on_a_word, NTSYNC_IOC_ADDR_WAIT);
}

/* Each of these waits finds its page missing under the lock of a bucket; the wakes are of many. */
static void wait_and_wake(int size)
{
	(void)size;
	attack_fifo(1);
	for (unsigned int i = 1;; i++) {
		madvise(pages, PAGES * PAGE, MADV_DONTNEED);
		for (unsigned int p = 0; p < PAGES; p++)
			addr_wait(&pages[p * PAGE], 0);
		addr_wake(&words[i % WORDS], UINT32_MAX);
		addr_wake(&pages[i % PAGES * PAGE], 1);
		if (i % 20 == 0)
			usleep(100);
	}
}

const struct attack many_waiters = { 1, 10000, prepare_waiters, wait_and_wake };
