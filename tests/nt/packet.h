/* SPDX-License-Identifier: GPL-2.0-only */
/* Wait completion packets, for their tests. What they queue is packet_of() their key. */
#ifndef TESTS_NT_PACKET_H
#define TESTS_NT_PACKET_H

#include "port.h"

uint32_t new_packet(struct fixture *f);
uint32_t try_to_associate(struct fixture *f, uint32_t packet, uint32_t port, uint32_t target,
			  uint64_t key, bool *signaled);
/* The target is not signaled. */
void associate(struct fixture *f, uint32_t packet, uint32_t port, uint32_t target, uint64_t key);
/* The target is signaled. */
void associate_signaled(struct fixture *f, uint32_t packet, uint32_t port, uint32_t target,
			uint64_t key);
/* The target is not signaled. */
uint32_t new_associated(struct fixture *f, uint32_t port, uint32_t target, uint64_t key);
uint32_t cancel(struct fixture *f, uint32_t packet, bool remove);
/* Signals an event that is not signaled. */
void set_event(struct fixture *f, uint32_t event);

#endif /* TESTS_NT_PACKET_H */
