// SPDX-License-Identifier: GPL-2.0-only
/*
 * A channel's tokens: what a receiver is told about the sending thread, by its tid.
 * O(log tokens) each, under obj->lock; memory is the caller's business, outside.
 */
#include <linux/slab.h>

#include "ntsync_internal.h"

struct ntsync_token {
	struct rb_node rb;
	u32 tid;
	u64 token;
};

static int compare_tid(u32 tid, const struct rb_node *node)
{
	const struct ntsync_token *t = rb_entry(node, struct ntsync_token, rb);

	return tid < t->tid ? -1 : tid > t->tid;
}

static int compare_key(const void *key, const struct rb_node *node)
{
	return compare_tid(*(const u32 *)key, node);
}

static int compare_node(struct rb_node *a, const struct rb_node *b)
{
	return compare_tid(rb_entry(a, struct ntsync_token, rb)->tid, b);
}

static struct ntsync_token *find(const struct ntsync_tokens *tokens, u32 tid)
{
	return rb_entry_safe(rb_find(&tid, &tokens->tree, compare_key), struct ntsync_token, rb);
}

struct ntsync_token *ntsync_token_alloc(u32 tid, u64 token)
{
	struct ntsync_token *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);

	if (t) {
		t->tid = tid;
		t->token = token;
	}
	return t;
}

void ntsync_token_free(struct ntsync_token *t)
{
	kfree(t);
}

/* 0 for a thread that has none. */
u64 ntsync_token_get_locked(const struct ntsync_tokens *tokens, u32 tid)
{
	const struct ntsync_token *t = find(tokens, tid);

	return t ? t->token : 0;
}

/*
 * Puts *@t in and takes out what was there for its thread, if anything, which is the
 * caller's then. -ENOSPC, with nothing changed, if there are too many.
 */
int ntsync_token_swap_locked(struct ntsync_tokens *tokens, struct ntsync_token **t)
{
	struct ntsync_token *old = find(tokens, (*t)->tid);

	if (old) {
		rb_replace_node(&old->rb, &(*t)->rb, &tokens->tree);
	} else {
		if (tokens->count >= NTSYNC_MAX_TOKENS)
			return -ENOSPC;
		rb_find_add(&(*t)->rb, &tokens->tree, compare_node);
		tokens->count++;
	}
	*t = old;
	return 0;
}

/* The caller's then; NULL if there was none. */
struct ntsync_token *ntsync_token_take_locked(struct ntsync_tokens *tokens, u32 tid)
{
	struct ntsync_token *t = find(tokens, tid);

	if (t) {
		rb_erase(&t->rb, &tokens->tree);
		tokens->count--;
	}
	return t;
}

/* Nobody else knows them any more. */
void ntsync_tokens_destroy(struct ntsync_tokens *tokens)
{
	struct ntsync_token *t, *next;

	rbtree_postorder_for_each_entry_safe(t, next, &tokens->tree, rb)
		kfree(t);
}
