# SPDX-License-Identifier: GPL-2.0-only
#
# What the host-only tests need besides the rules for all test programs:
# tests/lib/fake_kernel.c takes the place of these functions of libc.
$(BUILD)/tests/lib/test_%: private override LDFLAGS += -Wl,--wrap=ioctl -Wl,--wrap=open -Wl,--wrap=syscall
