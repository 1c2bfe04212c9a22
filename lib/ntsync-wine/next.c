// SPDX-License-Identifier: LGPL-2.1-or-later
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim.h"

static struct next functions;
static atomic_bool found;

/* libc has had it since 2.34. */
static int call_close_range(unsigned int first, unsigned int last, int flags)
{
	return syscall(SYS_close_range, first, last, flags);
}

static void find_functions(void)
{
	int saved = errno;

	*(void **)&functions.write = dlsym(RTLD_NEXT, "write");
	*(void **)&functions.writev = dlsym(RTLD_NEXT, "writev");
	*(void **)&functions.read = dlsym(RTLD_NEXT, "read");
	*(void **)&functions.read_chk = dlsym(RTLD_NEXT, "__read_chk");
	*(void **)&functions.close = dlsym(RTLD_NEXT, "close");
	*(void **)&functions.close_range = dlsym(RTLD_NEXT, "close_range");
	*(void **)&functions.dup2 = dlsym(RTLD_NEXT, "dup2");
	*(void **)&functions.dup3 = dlsym(RTLD_NEXT, "dup3");
	*(void **)&functions.pipe = dlsym(RTLD_NEXT, "pipe");
	*(void **)&functions.pipe2 = dlsym(RTLD_NEXT, "pipe2");
	*(void **)&functions.connect = dlsym(RTLD_NEXT, "connect");
	*(void **)&functions.sendmsg = dlsym(RTLD_NEXT, "sendmsg");
	*(void **)&functions.recvmsg = dlsym(RTLD_NEXT, "recvmsg");
	if (!functions.close_range)
		functions.close_range = call_close_range;
	atomic_store(&found, true);
	errno = saved;
}

/*
 * dlsym() may take locks and allocate memory. The first call comes from the constructor, or from that
 * of another library that runs earlier, so never from a signal handler and with one thread only.
 */
const struct next *next(void)
{
	if (!atomic_load_explicit(&found, memory_order_acquire))
		find_functions();
	return &functions;
}

__attribute__((constructor)) static void begin(void)
{
	next();
	server_inherit();
}
