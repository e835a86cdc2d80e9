/* One mapping of a process (Documentation/filesystems/proc.rst, PROCMAP_QUERY, Linux 6.18). */
#include "proc/mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/units.h"

#define LIST_NS (100 * NS_PER_MS)

/* From linux/fs.h of Linux 6.11; the headers that we are built with may be older. */
struct query {
    uint64_t size, flags, address;
    uint64_t start, end, vma_flags, page_bytes, offset, inode;
    uint32_t device_major, device_minor, name_bytes, build_id_bytes;
    uint64_t name, build_id;
};
#define QUERY_IOCTL    _IOWR('f', 17, struct query)
#define VMA_READABLE   1
#define VMA_WRITABLE   2
#define VMA_EXECUTABLE 4
#define VMA_SHARED     8

void mapping_finder_init(struct mapping_finder *finder, pid_t pid)
{
    finder->pid = pid;
    finder->fd = -1;
    finder->by_list = false;
    finder->maps = (struct maps){0};
    finder->read_ns = 0;
}

void mapping_finder_deinit(struct mapping_finder *finder)
{
    fd_closep(&finder->fd);
    maps_deinit(&finder->maps);
    mapping_finder_init(finder, finder->pid);
}

static int ask_kernel(struct mapping_finder *finder, remote_addr address, struct map *ret_map)
{
    struct query query = {.size = sizeof(query),
                          .address = address,
                          .name = (uintptr_t)finder->path,
                          .name_bytes = sizeof(finder->path)};
    if (finder->fd < 0) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/maps", (int)finder->pid);
        finder->fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    if (finder->fd < 0 || ioctl(finder->fd, QUERY_IOCTL, &query) < 0)
        return -errno;
    if (query.name_bytes == 0)
        finder->path[0] = 0;
    finder->path[sizeof(finder->path) - 1] = 0;
    *ret_map = (struct map){
        .start = query.start,
        .end = query.end,
        .offset = query.offset,
        .device_major = query.device_major,
        .device_minor = query.device_minor,
        .inode = query.inode,
        .readable = query.vma_flags & VMA_READABLE,
        .writable = query.vma_flags & VMA_WRITABLE,
        .executable = query.vma_flags & VMA_EXECUTABLE,
        .shared = query.vma_flags & VMA_SHARED,
        .path = finder->path,
    };
    return 0;
}

static const struct map *search(const struct maps *maps, remote_addr address)
{
    size_t low = 0,
           high = maps->count; /* the first mapping that ends behind the address is in there */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (maps->items[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < maps->count && maps->items[low].start <= address ? &maps->items[low] : NULL;
}

static int search_list(struct mapping_finder *finder, remote_addr address, struct map *ret_map)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    uint64_t now_ns = (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
    if (!finder->read_ns || now_ns - finder->read_ns >= LIST_NS) {
        maps_deinit(&finder->maps);
        int r = maps_read(finder->pid, &finder->maps);
        if (r < 0)
            return r;
        finder->read_ns = now_ns;
    }
    const struct map *map = search(&finder->maps, address);
    if (!map)
        return -ENOENT;
    *ret_map = *map;
    return 0;
}

int mapping_find(struct mapping_finder *finder, remote_addr address, struct map *ret_map)
{
    if (!finder->by_list) {
        int r = ask_kernel(finder, address, ret_map);
        if (r != -ENOTTY && r != -EINVAL)
            return r;
        finder->by_list = true;
    }
    return search_list(finder, address, ret_map);
}
