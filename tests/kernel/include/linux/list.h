/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Linux's circular lists. list_del() leaves pointers that fault, as there; a
 * node that is inserted twice or is not where its neighbours say ends the
 * program.
 */
#ifndef STUB_LINUX_LIST_H
#define STUB_LINUX_LIST_H

#include <linux/kernel.h>

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_POISON ((struct list_head *)0x100)
#define LIST_HEAD_INIT(name)                                                   \
	{                                                                      \
		&(name), &(name)                                               \
	}
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)

static inline void INIT_LIST_HEAD(struct list_head *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_empty(const struct list_head *head)
{
	return READ_ONCE(head->next) == head;
}

static inline void stub_list_join(struct list_head *a, struct list_head *b)
{
	WRITE_ONCE(a->next, b);
	b->prev = a;
}

static inline void stub_list_insert(struct list_head *node,
				    struct list_head *prev,
				    struct list_head *next)
{
	BUG_ON(next->prev != prev || prev->next != next);
	BUG_ON(node == prev || node == next);
	stub_list_join(node, next);
	stub_list_join(prev, node);
}

static inline void list_add(struct list_head *node, struct list_head *head)
{
	stub_list_insert(node, head, head->next);
}

static inline void list_add_tail(struct list_head *node, struct list_head *head)
{
	stub_list_insert(node, head->prev, head);
}

static inline void stub_list_remove(struct list_head *node)
{
	BUG_ON(node->next == LIST_POISON || node->prev == LIST_POISON);
	BUG_ON(node->prev->next != node || node->next->prev != node);
	stub_list_join(node->prev, node->next);
}

static inline void list_del(struct list_head *node)
{
	stub_list_remove(node);
	node->next = LIST_POISON;
	node->prev = LIST_POISON;
}

static inline void list_del_init(struct list_head *node)
{
	stub_list_remove(node);
	INIT_LIST_HEAD(node);
}

static inline void list_move_tail(struct list_head *node,
				  struct list_head *head)
{
	stub_list_remove(node);
	list_add_tail(node, head);
}

static inline void list_move(struct list_head *node, struct list_head *head)
{
	stub_list_remove(node);
	list_add(node, head);
}

static inline bool list_is_singular(const struct list_head *head)
{
	return !list_empty(head) && head->next == head->prev;
}

static inline void list_splice_tail_init(struct list_head *from,
					 struct list_head *to)
{
	if (list_empty(from))
		return;
	stub_list_join(to->prev, from->next);
	stub_list_join(from->prev, to);
	INIT_LIST_HEAD(from);
}

static inline void list_splice_init(struct list_head *from,
				    struct list_head *to)
{
	struct list_head *first = to->next;

	if (list_empty(from))
		return;
	stub_list_join(from->prev, first);
	stub_list_join(to, from->next);
	INIT_LIST_HEAD(from);
}

#define list_entry(p, type, member) container_of(p, type, member)
#define list_first_entry(head, type, member)                                   \
	list_entry((head)->next, type, member)
#define list_last_entry(head, type, member)                                    \
	list_entry((head)->prev, type, member)
#define list_first_entry_or_null(head, type, member)                           \
	(list_empty(head) ? NULL : list_first_entry(head, type, member))
#define list_next_entry(p, member)                                             \
	list_entry((p)->member.next, typeof(*(p)), member)
#define list_entry_is_head(p, head, member) (&(p)->member == (head))
#define list_for_each(p, head) for (p = (head)->next; p != (head); p = p->next)
#define list_for_each_entry(p, head, member)                                   \
	for (p = list_first_entry(head, typeof(*p), member);                   \
	     &p->member != (head); p = list_next_entry(p, member))
#define list_for_each_entry_safe(p, n, head, member)                           \
	for (p = list_first_entry(head, typeof(*p), member),                   \
	    n = list_next_entry(p, member);                                    \
	     &p->member != (head); p = n, n = list_next_entry(n, member))

/* Lists that end in NULL. */
struct hlist_node {
	struct hlist_node *next, **pprev;
};

struct hlist_head {
	struct hlist_node *first;
};

#endif
