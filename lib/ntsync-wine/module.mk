# SPDX-License-Identifier: LGPL-2.1-or-later
#
# libntsync-wine.so, which tools/ntsync-wine preloads: included by the top Makefile, paths are from there.
#   lib             builds build/lib/libntsync-wine.so, too
#   wine-install    installs it, the launcher and the launcher's page under DESTDIR
#   wine-uninstall  removes them
# Nothing is linked with the library, so it is in a folder of its own.

NTSYNC_WINE_DIR := lib/ntsync-wine
NTSYNC_WINE_LIBDIR = $(LIBDIR)/ntsync
NTSYNC_WINE_SO := $(BUILD)/lib/libntsync-wine.so
NTSYNC_WINE_OBJECTS := $(patsubst $(NTSYNC_WINE_DIR)/%.c,$(BUILD)/lib/obj/wine/%.o, \
	$(wildcard $(NTSYNC_WINE_DIR)/*.c))

# Thread-local variables that are there from a thread's start: others are allocated when they are first used,
# which may be in a signal handler. Fortified headers would replace the functions that are defined here.
NTSYNC_WINE_CFLAGS = $(LIBNTSYNC_CFLAGS) -ftls-model=initial-exec -U_FORTIFY_SOURCE \
	-D_FORTIFY_SOURCE=0 -Iinclude/uapi

.PHONY: wine-install wine-uninstall

lib: $(NTSYNC_WINE_SO)

$(BUILD)/lib/obj/wine/%.o: $(NTSYNC_WINE_DIR)/%.c $(NTSYNC_WINE_DIR)/module.mk
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(NTSYNC_WINE_CFLAGS) -c -o $@ $<

$(NTSYNC_WINE_SO): $(NTSYNC_WINE_OBJECTS) $(LIBNTSYNC_A) $(NTSYNC_WINE_DIR)/libntsync-wine.map
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -shared -Wl,-z,defs -Wl,-z,now -Wl,--exclude-libs,ALL \
		-Wl,--version-script=$(NTSYNC_WINE_DIR)/libntsync-wine.map -o $@ \
		$(NTSYNC_WINE_OBJECTS) $(LIBNTSYNC_A) -ldl

wine-install: $(NTSYNC_WINE_SO)
	$(INSTALL) -d $(DESTDIR)$(NTSYNC_WINE_LIBDIR) $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1
	$(INSTALL) -m 755 $(NTSYNC_WINE_SO) $(DESTDIR)$(NTSYNC_WINE_LIBDIR)/libntsync-wine.so
	sed -e 's|@LIBRARY@|$(NTSYNC_WINE_LIBDIR)/libntsync-wine.so|' tools/ntsync-wine \
		> $(DESTDIR)$(BINDIR)/ntsync-wine
	chmod 755 $(DESTDIR)$(BINDIR)/ntsync-wine
	$(INSTALL) -m 644 man/ntsync-wine.1 $(DESTDIR)$(MANDIR)/man1/ntsync-wine.1

wine-uninstall:
	rm -f $(DESTDIR)$(NTSYNC_WINE_LIBDIR)/libntsync-wine.so $(DESTDIR)$(BINDIR)/ntsync-wine \
		$(DESTDIR)$(MANDIR)/man1/ntsync-wine.1
	-rmdir $(DESTDIR)$(NTSYNC_WINE_LIBDIR) 2>/dev/null

-include $(NTSYNC_WINE_OBJECTS:.o=.d)
