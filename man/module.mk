# SPDX-License-Identifier: GPL-2.0-only
#
# Manual pages: included by the top Makefile, paths are from there.
#   man-install    installs the pages under DESTDIR, and a link for every other name in NAME
#   man-uninstall  removes them

MANDIR ?= $(PREFIX)/share/man
# wine-install installs that of ntsync-wine.
MAN_PAGES := $(filter-out man/ntsync-wine.1,$(wildcard man/*.[1-8]))

.PHONY: man-install man-uninstall

# Runs $(1) for each page, with $$page, $$file, $$section, $$dir and the other names in $$names.
define each_page
	$(Q)set -e; for page in $(MAN_PAGES); do \
		file=$${page##*/} section=$${page##*.}; \
		dir=$(DESTDIR)$(MANDIR)/man$$section; \
		names=$$(sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([a-z0-9_]*\).*/\1/p' $$page | \
			grep -vxF "$${file%.*}" || :); \
		$(1); \
	done
endef

man-install:
	$(call each_page,$(INSTALL) -d $$dir; $(INSTALL) -m 644 $$page $$dir/; \
		for name in $$names; do ln -sf $$file $$dir/$$name.$$section; done)

man-uninstall:
	$(call each_page,rm -f $$dir/$$file; \
		for name in $$names; do rm -f $$dir/$$name.$$section; done)
