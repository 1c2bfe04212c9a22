// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hash.h"

#include <stdlib.h>

#define FIRST_CHAINS 64

static struct nt_hash_link **chain_at(const struct nt_hash *hash, uint32_t value)
{
	return &hash->chains[value & (hash->nr_chains - 1)];
}

static void link_item(struct nt_hash *hash, struct nt_hash_link *link)
{
	struct nt_hash_link **chain = chain_at(hash, link->hash);

	link->next = *chain;
	*chain = link;
}

static bool resize_chains(struct nt_hash *hash, size_t nr_chains)
{
	struct nt_hash old = *hash;
	struct nt_hash_link **chains = calloc(nr_chains, sizeof(struct nt_hash_link *));

	if (!chains)
		return false;
	hash->chains = chains;
	hash->nr_chains = nr_chains;
	for (size_t i = 0; i < old.nr_chains; i++) {
		while (old.chains[i]) {
			struct nt_hash_link *link = old.chains[i];

			old.chains[i] = link->next;
			link_item(hash, link);
		}
	}
	free(old.chains);
	return true;
}

bool nt_hash_reserve(struct nt_hash *hash)
{
	if (hash->nr_items < hash->nr_chains)
		return true;
	return resize_chains(hash, hash->nr_chains ? 2 * hash->nr_chains : FIRST_CHAINS) ||
	       hash->nr_chains;
}

void nt_hash_insert(struct nt_hash *hash, struct nt_hash_link *link)
{
	link_item(hash, link);
	hash->nr_items++;
}

void nt_hash_remove(struct nt_hash *hash, struct nt_hash_link *link)
{
	struct nt_hash_link **at = chain_at(hash, link->hash);

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	hash->nr_items--;
}

struct nt_hash_link *nt_hash_chain(const struct nt_hash *hash, uint32_t value)
{
	return hash->nr_chains ? *chain_at(hash, value) : NULL;
}

struct nt_hash_link *nt_hash_next(const struct nt_hash *hash, const struct nt_hash_link *link)
{
	size_t i = link ? (link->hash & (hash->nr_chains - 1)) + 1 : 0;

	if (link && link->next)
		return link->next;
	while (i < hash->nr_chains && !hash->chains[i])
		i++;
	return i < hash->nr_chains ? hash->chains[i] : NULL;
}

struct nt_hash_link *nt_hash_drain(struct nt_hash *hash)
{
	while (hash->nr_chains) {
		struct nt_hash_link *link = hash->chains[hash->nr_chains - 1];

		if (link) {
			hash->chains[hash->nr_chains - 1] = link->next;
			hash->nr_items--;
			return link;
		}
		hash->nr_chains--;
	}
	free(hash->chains);
	hash->chains = NULL;
	return NULL;
}
