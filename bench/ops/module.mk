# SPDX-License-Identifier: GPL-2.0-only
#
# bench/ops: static, so that the same program runs on every kernel of the VM. Its functions are entries of
# tables, so some have parameters that they do not need.
bench_ops_obj := $(patsubst %.c,build/obj/%.o,$(wildcard bench/ops/*.c))

bench-programs: build/bench/ops

build/obj/bench/ops/%.o: bench/ops/%.c
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -Wno-unused-parameter -c -o $@ $<

build/bench/ops: $(bench_ops_obj) build/lib/libntsync.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -static $(LDFLAGS) -o $@ $^ -lpthread

-include $(bench_ops_obj:.o=.d)
