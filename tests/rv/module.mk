# SPDX-License-Identifier: GPL-2.0-only
#
# tests/rv: what the kernel's runtime verification says of the driver's wake-ups. With the actors of tests/pi.
tests: build/tests/rv/test_rv_wakeup

build/tests/rv/test_rv_wakeup: build/obj/tests/rv/test_rv_wakeup.o $(pi_test_obj) build/lib/libntsync.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka -lpthread
