// SPDX-License-Identifier: GPL-2.0-only
/*
 * A channel's tokens: what a receiver is told about the sending thread, by its tid.
 * O(log tokens) each, under obj->lock; memory is the caller's business, outside.
 *
 * A tid means something in a pid namespace only: that of whoever has registered it. A sender
 * has a tid in its own and in each one around that, and is known by all of them.
 */
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>

#include "channel_internal.h"

/**
 * struct ntsync_token - a token that is registered, or a key to look for one
 * @rb: in tokens->tree
 * @ns: where @tid comes from; counted, so that its address means no later one
 * @tid: the thread
 * @token: what was registered for it
 */
struct ntsync_token {
	struct rb_node rb;
	struct pid_namespace *ns;
	u32 tid;
	u64 token;
};

static int compare(const struct ntsync_token *a, const struct ntsync_token *b)
{
	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	return a->tid < b->tid ? -1 : a->tid > b->tid;
}

static int compare_key(const void *key, const struct rb_node *node)
{
	return compare(key, rb_entry(node, struct ntsync_token, rb));
}

static int compare_node(struct rb_node *a, const struct rb_node *b)
{
	return compare_key(rb_entry(a, struct ntsync_token, rb), b);
}

static struct ntsync_token *find(const struct ntsync_tokens *tokens,
				 const struct ntsync_token *key)
{
	return rb_entry_safe(rb_find(key, &tokens->tree, compare_key), struct ntsync_token, rb);
}

/* For a thread that current knows as @tid. */
struct ntsync_token *ntsync_token_alloc(u32 tid, u64 token)
{
	struct ntsync_token *t = kzalloc(sizeof(*t), GFP_KERNEL_ACCOUNT);

	if (t) {
		t->ns = get_pid_ns(task_active_pid_ns(current));
		t->tid = tid;
		t->token = token;
	}
	return t;
}

void ntsync_token_free(struct ntsync_token *t)
{
	if (!t)
		return;
	put_pid_ns(t->ns);
	kfree(t);
}

/* 0 for a thread that has none. What was registered nearest to it counts. */
u64 ntsync_token_get_locked(const struct ntsync_tokens *tokens, const struct pid *sender)
{
	const struct ntsync_token *t;
	int level;

	if (likely(!tokens->count))
		return 0;
	for (level = sender->level; level >= 0; level--) {
		const struct ntsync_token key = {
			.ns = sender->numbers[level].ns,
			.tid = sender->numbers[level].nr,
		};

		t = find(tokens, &key);
		if (t)
			return t->token;
	}
	return 0;
}

/*
 * Puts *@t in and takes out what was there for its thread, if anything, which is the
 * caller's then. -ENOSPC, with nothing changed, if there are too many.
 */
int ntsync_token_swap_locked(struct ntsync_tokens *tokens, struct ntsync_token **t)
{
	struct ntsync_token *old = find(tokens, *t);

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

/* What current has registered for @tid: the caller's then; NULL if there was none. */
struct ntsync_token *ntsync_token_take_locked(struct ntsync_tokens *tokens, u32 tid)
{
	const struct ntsync_token key = { .ns = task_active_pid_ns(current), .tid = tid };
	struct ntsync_token *t = find(tokens, &key);

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
		ntsync_token_free(t);
}
