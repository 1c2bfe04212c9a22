# SPDX-License-Identifier: GPL-2.0-only
#
# bench/NAME.c: one program each, in build/bench.
bench_bin := $(patsubst %.c,build/%,$(wildcard bench/*.c))

.PHONY: bench-programs
bench-programs: $(bench_bin)

$(bench_bin): build/bench/%: bench/%.c build/lib/libntsync.a
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -MF $@.d $(LDFLAGS) -o $@ $< build/lib/libntsync.a

-include $(wildcard build/bench/*.d)
