// SPDX-License-Identifier: LGPL-2.1-or-later
#include "trace.h"

#include "thread.h"

/* The hook key's value of a thread that has been in the hook and is not now. */
static const char outside;

static bool is_in_hook(const struct ntsync_nt *nt)
{
	const void *value = pthread_getspecific(nt->hook_key);

	return value && value != &outside;
}

/* The first value of a thread may be allocated: no signal handler may suspend it there. */
static bool enter_hook(struct ntsync_nt *nt, const void *inside)
{
	struct nt_saved saved;
	int ret;

	if (pthread_getspecific(nt->hook_key))
		return !pthread_setspecific(nt->hook_key, inside);
	nt_block(&saved);
	ret = pthread_setspecific(nt->hook_key, inside);
	nt_unblock(&saved);
	return !ret;
}

static void call_hook(struct ntsync_nt *nt, const struct ntsync_nt_record *record)
{
	if (!enter_hook(nt, record))
		return;
	nt->config.trace(nt->config.trace_context, record);
	pthread_setspecific(nt->hook_key, &outside);
}

/*
 * What a hook does is not traced: it may ask about the record's handle, which is invalid, and
 * tracing that would call the hook again without end. The thread cannot be cancelled in a hook
 * that prints, or while it writes a line, because its call is half done.
 */
void nt_trace(struct ntsync_nt *nt, struct ntsync_nt_record *record)
{
	const struct nt_thread *thread = nt_thread_find_self(nt);
	int state;

	if (nt->config.trace && is_in_hook(nt))
		return;
	record->sequence = atomic_fetch_add(&nt->sequence, 1) + 1;
	record->thread = thread ? thread->tid : nt_thread_own_tid();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	nt_trace_file_write(nt, record);
	if (nt->config.trace)
		call_hook(nt, record);
	pthread_setcancelstate(state, NULL);
}

int nt_trace_init(struct ntsync_nt *nt)
{
	int ret = nt->config.trace ? -pthread_key_create(&nt->hook_key, NULL) : 0;

	if (ret)
		return ret;
	nt_trace_file_open(nt);
	nt->is_traced = nt->config.trace || nt->trace_fd >= 0;
	return 0;
}

void nt_trace_exit(struct ntsync_nt *nt)
{
	nt_trace_file_close(nt);
	if (nt->config.trace)
		pthread_key_delete(nt->hook_key);
}
