// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * From the write of a request to the first read of the reply. Wine does nothing else in between. So
 * another write or read says that there was no call, and ends the loan, unless it comes from a signal
 * handler while the reply is waited for.
 */
#include <errno.h>
#include <stdatomic.h>

#include "../libntsync/libntsync.h"
#include "shim.h"

static __thread struct {
	bool has_loan;
	bool reads_reply;
} call;

/* An error that will not go away: the server is somebody else's, or gone. */
static atomic_bool may_not_lend;

static void end_loan(void)
{
	int saved = errno, dev = device_fd();

	call.has_loan = false;
	/* The end of the instance has ended the loan. */
	if (dev >= 0)
		ntsync_unlend(dev);
	errno = saved;
}

static bool lend_to_server(void)
{
	int dev = device_get();
	int ret = dev < 0 ? dev : ntsync_lend(dev, (uint32_t)server_pid(), 0);

	if (dev >= 0 && ret && ret != -ENOMEM)
		atomic_store(&may_not_lend, true);
	return !ret;
}

static bool begin_loan(void)
{
	int saved = errno;
	bool begun = server_pid() && !device_is_unusable() && !atomic_load(&may_not_lend) &&
		     policy_is_real_time() && lend_to_server();

	errno = saved;
	return begun;
}

bool loan_before_write(int fd, size_t first)
{
	bool is_request = table_kind(fd) == KIND_REQUEST;
	bool begun = is_request && first == REQUEST_HEADER_SIZE && begin_loan();

	if (begun)
		call.has_loan = true;
	else if (call.has_loan && !call.reads_reply && (!is_request || first == REQUEST_HEADER_SIZE))
		end_loan();
	return is_request && call.has_loan;
}

void loan_after_write(ssize_t ret)
{
	if (ret <= 0)
		end_loan();
}

bool loan_before_read(int fd)
{
	if (!call.has_loan || call.reads_reply)
		return false;
	call.reads_reply = table_kind(fd) == KIND_REPLY;
	if (!call.reads_reply)
		end_loan();
	return call.reads_reply;
}

void loan_after_read(ssize_t ret)
{
	call.reads_reply = false;
	if (ret >= 0 || (errno != EINTR && errno != EAGAIN))
		end_loan();
}
