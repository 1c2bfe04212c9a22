/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LIBNTSYNC_NT_CONFIG_H
#define LIBNTSYNC_NT_CONFIG_H

#include "../internal.h"
#include "../ntsync_nt.h"

/*
 * Completes and checks a program's configuration, NULL for the defaults: 0, or what
 * ntsync_nt_create() returns for it.
 */
int nt_config_read(struct ntsync_nt_config *full, const struct ntsync_nt_config *config);
/*
 * How many slots the table needs: one for each handle and for each closed handle in quarantine,
 * and further ones for closed handles that calls still pin, if there are handle values for them.
 */
uint32_t nt_config_slots(const struct ntsync_nt_config *config);

#endif /* LIBNTSYNC_NT_CONFIG_H */
