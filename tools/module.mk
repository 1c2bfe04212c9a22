# SPDX-License-Identifier: GPL-2.0-only
#
# ntsyncctl: included by the top Makefile, paths are from there.
#   tools            build/tools/ntsyncctl
#   tools-install    it, its man page and its completion, under DESTDIR
#   tools-uninstall  the same, away

BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions

tools_src := $(wildcard tools/*.c)
tools_obj := $(tools_src:%.c=build/obj/%.o)

.PHONY: tools-install tools-uninstall
tools: build/tools/ntsyncctl

build/obj/tools/%.o: tools/%.c tools/module.mk
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -D_GNU_SOURCE -DNTSYNCCTL_VERSION='"$(LIBNTSYNC_VERSION)"' -c -o $@ $<

build/tools/ntsyncctl: $(tools_obj) build/lib/libntsync.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -ljson-c

tools-install: tools
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(COMPLETIONDIR)
	$(INSTALL) -m 755 build/tools/ntsyncctl $(DESTDIR)$(BINDIR)/ntsyncctl
	$(INSTALL) -m 644 man/ntsyncctl.1 $(DESTDIR)$(MANDIR)/man1/ntsyncctl.1
	$(INSTALL) -m 644 tools/ntsyncctl.bash-completion $(DESTDIR)$(COMPLETIONDIR)/ntsyncctl

tools-uninstall:
	rm -f $(DESTDIR)$(BINDIR)/ntsyncctl $(DESTDIR)$(MANDIR)/man1/ntsyncctl.1 \
		$(DESTDIR)$(COMPLETIONDIR)/ntsyncctl

-include $(tools_obj:.o=.d)
