/* Which pages of a process are in memory: /proc/PID/pagemap.
 *
 * PAGEMAP_SCAN (Linux 6.7) lists them in about 4 ms for each GB of small pages; on older kernels every entry of every
 * mapping is read, which takes three times as long (both measured). Neither stops the process; calls that change its
 * mappings wait while a part of the list is made, 1 ms at most. */
#ifndef MEMSAMPLE_PROC_PAGEMAP_H
#define MEMSAMPLE_PROC_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pagemap_run { /* neighbouring pages of one kind */
    uint64_t first, count; /* addresses divided by the page size */
    bool swapped;          /* in swap; otherwise resident */
};

struct pagemap {
    pid_t pid;
    int fd;
    bool by_entries;      /* PAGEMAP_SCAN is not known here */
    struct pagemap_run *runs; /* what the last read found, in the order of addresses */
    size_t count, cap;
};

/* Refers to the program that the process runs now: after an exec, begin anew. 0 or a negative errno. pagemap_deinit is due in either case. */
int pagemap_init(struct pagemap *pagemap, pid_t pid);
void pagemap_deinit(struct pagemap *pagemap);
/* Lists all pages that are resident or in swap. The kernel's shared page of zeroes does not count, as it does not count for
 * RSS; only on older kernels it cannot be told apart. 0 or a negative errno (-ESRCH: the process is gone;
 * -E2BIG: its memory is in more than a million pieces, or on older kernels larger than 64 GB of small pages with
 * what is only reserved). */
int pagemap_read(struct pagemap *pagemap);
/* Whether a page (address divided by the page size) is a part of a huge one. False where the kernel
 * does not tell (before Linux 6.7). */
bool pagemap_is_huge(const struct pagemap *pagemap, uint64_t page);

#endif
