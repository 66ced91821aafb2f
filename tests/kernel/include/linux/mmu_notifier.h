/* SPDX-License-Identifier: GPL-2.0 */
/* Who wants to know that addresses of a process go: stub/vma.c. */
#ifndef STUB_LINUX_MMU_NOTIFIER_H
#define STUB_LINUX_MMU_NOTIFIER_H

#include <linux/mm.h>

struct mmu_notifier_range {
	unsigned long start, end;
	bool blockable;
};

struct mmu_interval_notifier;

struct mmu_interval_notifier_ops {
	bool (*invalidate)(struct mmu_interval_notifier *mni,
			   const struct mmu_notifier_range *range,
			   unsigned long seq);
};

struct mmu_interval_notifier {
	const struct mmu_interval_notifier_ops *ops;
	struct mm_struct *mm;
	unsigned long start, end;
	unsigned long invalidate_seq;
	struct list_head stub_node;
};

static inline bool
mmu_notifier_range_blockable(const struct mmu_notifier_range *range)
{
	return range->blockable;
}

int mmu_interval_notifier_insert(struct mmu_interval_notifier *mni,
				 struct mm_struct *mm, unsigned long start,
				 unsigned long length,
				 const struct mmu_interval_notifier_ops *ops);
int mmu_interval_notifier_insert_locked(
	struct mmu_interval_notifier *mni, struct mm_struct *mm,
	unsigned long start, unsigned long length,
	const struct mmu_interval_notifier_ops *ops);
void mmu_interval_notifier_remove(struct mmu_interval_notifier *mni);
unsigned long mmu_interval_read_begin(struct mmu_interval_notifier *mni);
bool mmu_interval_read_retry(struct mmu_interval_notifier *mni,
			     unsigned long seq);

static inline void mmu_interval_set_seq(struct mmu_interval_notifier *mni,
					unsigned long seq)
{
	WRITE_ONCE(mni->invalidate_seq, seq);
}

#endif
