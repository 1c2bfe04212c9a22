// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an address stands for: a place in the memory of the process, or in a file.
 *
 * Memory of drivers, such as the rings of an io_uring, is mapped by way of an inode that all users
 * have in common, and each at the same offset. By file and offset alone the places of different
 * users would be the same. So the page has to be one of the file's, at that offset.
 */
#include <linux/fs.h>
#include <linux/hugetlb.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>

#include "addr.h"

/* The file behind current's mapping, counted, or NULL if the place is private; or an error. */
static struct file *get_shared_file(u64 address, struct ntsync_place *place)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	struct file *file = NULL;

	if (mmap_read_lock_killable(mm))
		return ERR_PTR(-EINTR);
	vma = find_vma(mm, address);
	if (!vma || vma->vm_start > address) {
		file = ERR_PTR(-EFAULT);
	} else if (vma->vm_flags & VM_MAYSHARE) {
		if (!(vma->vm_flags & VM_MAYWRITE))
			file = ERR_PTR(-EACCES);
		else if (!vma->vm_file)
			file = ERR_PTR(-EFAULT);
		else
			file = get_file(vma->vm_file);
		place->address = ((u64)vma->vm_pgoff << PAGE_SHIFT) + (address - vma->vm_start);
	}
	mmap_read_unlock(mm);
	return file;
}

/*
 * For hugetlb the file is enough, and the offset is not compared: no driver maps hugetlb pages of
 * an inode that its users have in common.
 */
static bool is_page_of(struct page *page, const struct ntsync_place *place)
{
	struct folio *folio = page_folio(page);

	if (READ_ONCE(folio->mapping) != place->id)
		return false;
	return folio_test_hugetlb(folio) ||
	       folio->index + folio_page_idx(folio, page) == place->address >> PAGE_SHIFT;
}

/* A page may be taken out of its file at any moment, so that it has to be looked up again. */
#define MAX_LOOKUPS	16

static int check_page(const struct ntsync_place *place, u64 address)
{
	unsigned int i;

	for (i = 0; i < MAX_LOOKUPS; i++) {
		struct page *page;
		bool ok;

		if (get_user_pages_fast(address & PAGE_MASK, 1, 0, &page) != 1)
			return -EFAULT;
		ok = is_page_of(page, place);
		put_page(page);
		if (ok)
			return 0;
	}
	return -EFAULT;
}

/* The slow path of ntsync_place_get(), which has filled in the private place. */
int ntsync_place_get_shared(struct ntsync_place *place, u64 address)
{
	struct file *file = get_shared_file(address, place);
	int ret;

	if (IS_ERR_OR_NULL(file))
		return PTR_ERR_OR_ZERO(file);
	place->file = file;
	place->id = file->f_mapping;
	ret = check_page(place, address);
	if (ret)
		ntsync_place_put(place);
	return ret;
}
