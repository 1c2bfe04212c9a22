// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tokens: a number that is registered for a thread, and that receivers get with each request of
 * that thread. The functions that end in _locked take O(log tokens) under obj->lock.
 *
 * Tokens are keyed by (pid namespace, tid). The namespace is that of the task that has registered
 * the token. A sender has a tid in its own pid namespace and in each of its ancestors, and is
 * looked up by all of them.
 */
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/slab.h>

#include "channel_internal.h"

/**
 * struct ntsync_token - a registered token, or a key to look one up
 * @rb: in tokens->tree
 * @ns: pid namespace of @tid; counted in a registered token, as its address must not be reused
 * @tid: the thread
 * @token: what was registered for the thread
 */
struct ntsync_token {
	struct rb_node rb;
	struct pid_namespace *ns;
	u32 tid;
	u64 token;
};

static int compare_tokens(const struct ntsync_token *a, const struct ntsync_token *b)
{
	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	return a->tid < b->tid ? -1 : a->tid > b->tid;
}

static int compare_key(const void *key, const struct rb_node *node)
{
	return compare_tokens(key, rb_entry(node, struct ntsync_token, rb));
}

static int compare_node(struct rb_node *a, const struct rb_node *b)
{
	return compare_key(rb_entry(a, struct ntsync_token, rb), b);
}

static struct ntsync_token *find_token(const struct ntsync_tokens *tokens,
				 const struct ntsync_token *key)
{
	return rb_entry_safe(rb_find(key, &tokens->tree, compare_key), struct ntsync_token, rb);
}

/* @tid is in current's pid namespace. */
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

/* Returns 0 if the sender has no token. The innermost of its pid namespaces comes first. */
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

		t = find_token(tokens, &key);
		if (t)
			return t->token;
	}
	return 0;
}

/*
 * Inserts *@t. *@t is set to the token that it replaces, or to NULL; the caller frees that.
 * Returns -ENOSPC and changes nothing if there are too many tokens.
 */
int ntsync_token_swap_locked(struct ntsync_tokens *tokens, struct ntsync_token **t)
{
	struct ntsync_token *old = find_token(tokens, *t);

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

/* Removes and returns the token of @tid in current's pid namespace, or NULL. */
struct ntsync_token *ntsync_token_take_locked(struct ntsync_tokens *tokens, u32 tid)
{
	const struct ntsync_token key = { .ns = task_active_pid_ns(current), .tid = tid };
	struct ntsync_token *t = find_token(tokens, &key);

	if (t) {
		rb_erase(&t->rb, &tokens->tree);
		tokens->count--;
	}
	return t;
}

void ntsync_tokens_destroy(struct ntsync_tokens *tokens)
{
	struct ntsync_token *t, *next;

	rbtree_postorder_for_each_entry_safe(t, next, &tokens->tree, rb)
		ntsync_token_free(t);
}
