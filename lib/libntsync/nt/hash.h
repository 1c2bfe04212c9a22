/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A hash table of items that embed their link. The caller holds the lock that protects it. */
#ifndef LIBNTSYNC_NT_HASH_H
#define LIBNTSYNC_NT_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct nt_hash_link - the first member of an item
 * @next: the next item of the chain.
 * @hash: the hash of the item's key, set by the caller before the insertion.
 */
struct nt_hash_link {
	struct nt_hash_link *next;
	uint32_t hash;
};

/**
 * struct nt_hash - a hash table; all zero is an empty one
 * @chains: the chains; NULL before the first nt_hash_reserve().
 * @nr_chains: how many chains there are: 0 or a power of two.
 * @nr_items: how many items are in the table.
 */
struct nt_hash {
	struct nt_hash_link **chains;
	size_t nr_chains;
	size_t nr_items;
};

/*
 * Makes room for one more item. False: there is no memory and no chain. When there are chains,
 * a lack of memory only makes them longer.
 */
bool nt_hash_reserve(struct nt_hash *hash);
/* After a successful nt_hash_reserve(). */
void nt_hash_insert(struct nt_hash *hash, struct nt_hash_link *link);
void nt_hash_remove(struct nt_hash *hash, struct nt_hash_link *link);
/* The first item of the chain that the items with hash @value are in, or NULL. */
struct nt_hash_link *nt_hash_chain(const struct nt_hash *hash, uint32_t value);
/* The item after @link, in no particular order; the first one for NULL. */
struct nt_hash_link *nt_hash_next(const struct nt_hash *hash, const struct nt_hash_link *link);
/* Removes any item and returns it. Frees the chains when there is none, and returns NULL. */
struct nt_hash_link *nt_hash_drain(struct nt_hash *hash);

#endif /* LIBNTSYNC_NT_HASH_H */
