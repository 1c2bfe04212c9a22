// SPDX-License-Identifier: 0BSD
/* Waits for an event and a mutex at once. Both are ready, so both are acquired. */
#include <libntsync.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	int dev = ntsync_open();
	int objs[] = { ntsync_event_create(dev, false, false), ntsync_mutex_create(dev, 0, 0) };
	struct ntsync_wait_opts opts = { .deadline = NTSYNC_WAIT_FOREVER, .owner = 1 };
	int ret = ntsync_event_set(objs[0], NULL);

	if (!ret)
		ret = ntsync_wait_all(dev, objs, 2, &opts, NULL);
	if (!ret)
		ret = ntsync_mutex_unlock(objs[1], 1, NULL);
	printf("%s\n", dev < 0 ? "no /dev/ntsync" : strerror(-ret));
	return ret != 0;
}
