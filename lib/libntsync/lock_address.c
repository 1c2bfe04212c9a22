// SPDX-License-Identifier: LGPL-2.1-or-later
#include <string.h>

#include "lock.h"

static uint64_t read_value(const volatile void *addr, uint32_t size)
{
	switch (size) {
	case 1:
		return __atomic_load_n((const volatile uint8_t *)addr, __ATOMIC_SEQ_CST);
	case 2:
		return __atomic_load_n((const volatile uint16_t *)addr, __ATOMIC_SEQ_CST);
	case 4:
		return __atomic_load_n((const volatile uint32_t *)addr, __ATOMIC_SEQ_CST);
	default:
		return __atomic_load_n((const volatile uint64_t *)addr, __ATOMIC_SEQ_CST);
	}
}

/* What the caller compares with need not be aligned. */
static uint64_t copy_value(const void *compare, uint32_t size)
{
	_Alignas(uint64_t) unsigned char bytes[sizeof(uint64_t)];

	memcpy(bytes, compare, size);
	return read_value(bytes, size);
}

NTSYNC_API int ntsync_wait_on_address(struct ntsync_locker *me, const volatile void *addr,
				      const void *compare, uint32_t size, uint64_t deadline)
{
	const struct ntsync_addr_opts opts = { .deadline = deadline, .flags = me->flags };
	uint64_t expected;
	int ret = 0;

	if (!me->tid)
		return -EINVAL;
	if ((size != 1 && size != 2 && size != 4 && size != 8) || (uintptr_t)addr & (size - 1))
		return -EINVAL;
	expected = copy_value(compare, size);
	while (read_value(addr, size) == expected) {
		/* It may change back each time. */
		if (ret == -EAGAIN && lock_has_passed(deadline))
			return -ETIMEDOUT;
		ret = ntsync_addr_wait(me->dev, addr, size, expected, &opts, NULL);
		if (ret == -ENOMEM)
			ret = lock_nap(deadline);
		if (ret && ret != -EAGAIN && ret != -EINTR)
			return ret;
	}
	return 0;
}
