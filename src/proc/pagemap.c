/* Page tables as the kernel shows them (Documentation/admin-guide/mm/pagemap.rst, Linux 6.18). */
#include "proc/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "proc/maps.h"

/* From linux/fs.h of Linux 6.7; the headers that we are built with may be older. */
struct scan_request {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
struct scan_region {
    uint64_t start, end, categories;
};
#define SCAN_IOCTL   _IOWR('f', 16, struct scan_request)
#define SCAN_PRESENT (UINT64_C(1) << 3)
#define SCAN_SWAPPED (UINT64_C(1) << 4)
#define SCAN_ZERO    (UINT64_C(1) << 5)
#define SCAN_HUGE    (UINT64_C(1) << 6)

#define RUNS_MAX    (1 << 20) /* 24 MB; memory in more pieces than that is not followed */
#define REGIONS_MAX 1024
#define SCAN_PAGES  65536 /* in one call, so that the target's memory map is not locked for long */
/* A process's own half with four levels of page tables; more only when a program asks for it. */
#ifdef __x86_64__
#define ADDRESS_END (UINT64_C(1) << 47)
#else
#define ADDRESS_END (UINT64_C(1) << 48)
#endif

#define ENTRIES_MAX   8192
#define MAPPED_MAX    (UINT64_C(1) << 24) /* pages: entries of what is only reserved take as long */
#define ENTRY_PRESENT (UINT64_C(1) << 63)
#define ENTRY_SWAPPED (UINT64_C(1) << 62)

int pagemap_init(struct pagemap *pagemap, pid_t pid)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
    *pagemap = (struct pagemap){.pid = pid, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    return pagemap->fd < 0 ? -errno : 0;
}

void pagemap_deinit(struct pagemap *pagemap)
{
    fd_closep(&pagemap->fd);
    free(pagemap->runs);
    *pagemap = (struct pagemap){.fd = -1};
}

static int add_run(struct pagemap *pagemap, uint64_t first, uint64_t count, bool swapped)
{
    struct pagemap_run *last = pagemap->count ? &pagemap->runs[pagemap->count - 1] : NULL;
    if (last && last->swapped == swapped && last->first + last->count == first) {
        last->count += count;
        return 0;
    }
    if (pagemap->count >= RUNS_MAX)
        return -E2BIG;
    int r =
        array_reserve(&pagemap->runs, &pagemap->cap, pagemap->count + 1, sizeof(*pagemap->runs));
    if (r < 0)
        return r;
    pagemap->runs[pagemap->count++] =
        (struct pagemap_run){.first = first, .count = count, .swapped = swapped};
    return 0;
}

static int add_regions(struct pagemap *pagemap, const struct scan_region *regions, size_t count)
{
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < count; i++) {
        int r = add_run(pagemap, regions[i].start / page_bytes,
                        (regions[i].end - regions[i].start) / page_bytes,
                        !(regions[i].categories & SCAN_PRESENT));
        if (r < 0)
            return r;
    }
    return 0;
}

static int scan(struct pagemap *pagemap)
{
    struct scan_region regions[REGIONS_MAX];
    struct scan_request request = {
        .size = sizeof(request),
        .end = ADDRESS_END - (uint64_t)sysconf(_SC_PAGESIZE),
        .vec = (uintptr_t)regions,
        .vec_len = REGIONS_MAX,
        .max_pages = SCAN_PAGES,
        .category_inverted = SCAN_ZERO,
        .category_mask = SCAN_ZERO,
        .category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
        .return_mask = SCAN_PRESENT | SCAN_SWAPPED,
    };
    while (request.start < request.end) {
        int count = ioctl(pagemap->fd, SCAN_IOCTL, &request);
        if (count < 0)
            return -errno;
        int r = add_regions(pagemap, regions, (size_t)count);
        if (r < 0)
            return r;
        /* The kernel forgets to move walk_end on when the walk ends after it has emptied its own
         * buffer of 512 regions (as of 6.18): what was listed must not be listed again. */
        uint64_t listed = count ? regions[count - 1].end : 0;
        uint64_t next = request.walk_end > listed ? request.walk_end : listed;
        if (next <= request.start)
            return -EIO; /* no progress */
        request.start = next;
    }
    return 0;
}

static int add_entries(struct pagemap *pagemap, uint64_t first, const uint64_t *entries,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!(entries[i] & (ENTRY_PRESENT | ENTRY_SWAPPED)))
            continue;
        int r = add_run(pagemap, first + i, 1, !(entries[i] & ENTRY_PRESENT));
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_entries(struct pagemap *pagemap, uint64_t first, uint64_t end)
{
    uint64_t entries[ENTRIES_MAX];
    while (first < end) {
        size_t count = end - first < ENTRIES_MAX ? (size_t)(end - first) : ENTRIES_MAX;
        ssize_t n = pread(pagemap->fd, entries, count * sizeof(entries[0]),
                          (off_t)(first * sizeof(entries[0])));
        if (n < 0)
            return -errno;
        if (n < (ssize_t)sizeof(entries[0]))
            return 0; /* the process is gone, or this is not its memory (vsyscall) */
        count = (size_t)n / sizeof(entries[0]);
        int r = add_entries(pagemap, first, entries, count);
        if (r < 0)
            return r;
        first += count;
    }
    return 0;
}

static int read_all_entries(struct pagemap *pagemap)
{
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t mapped = 0;
    _cleanup_(maps_deinit) struct maps maps = {0};
    int r = maps_read(pagemap->pid, &maps);
    for (size_t i = 0; r >= 0 && i < maps.count; i++)
        if (maps.items[i].end <= ADDRESS_END)
            mapped += (maps.items[i].end - maps.items[i].start) / page_bytes;
    if (mapped > MAPPED_MAX)
        return -E2BIG;
    for (size_t i = 0; r >= 0 && i < maps.count; i++)
        if (maps.items[i].end <= ADDRESS_END)
            r = read_entries(pagemap, maps.items[i].start / page_bytes,
                             maps.items[i].end / page_bytes);
    return r;
}

int pagemap_read(struct pagemap *pagemap)
{
    pagemap->count = 0;
    if (!pagemap->by_entries) {
        int r = scan(pagemap);
        if (r != -ENOTTY && r != -EINVAL)
            return r < 0 || pagemap->count ? r : -ESRCH;
        pagemap->by_entries = true;
        pagemap->count = 0;
    }
    int r = read_all_entries(pagemap);
    return r < 0 || pagemap->count ? r : -ESRCH; /* nobody lives without memory */
}

bool pagemap_is_huge(const struct pagemap *pagemap, uint64_t page)
{
    uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    struct scan_region region;
    struct scan_request request = {
        .size = sizeof(request),
        .start = page * page_bytes,
        .end = (page + 1) * page_bytes,
        .vec = (uintptr_t)&region,
        .vec_len = 1,
        .category_mask = SCAN_HUGE,
        .return_mask = SCAN_HUGE,
    };
    return !pagemap->by_entries && ioctl(pagemap->fd, SCAN_IOCTL, &request) == 1;
}
