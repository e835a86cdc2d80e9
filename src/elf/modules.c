/* The ELF files mapped in a process, and where. Knows how to reach the file behind a mapping; knows
 * nothing of what is in it beyond its load address. */
#include "elf/modules.h"
#include "base/array.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define MODULES_COUNT_MAX                                                                          \
    16384 /* more than any process loads; bounds the fds a hostile one costs */

static bool same_file(const struct map *a, const struct map *b)
{
    return a->inode == b->inode && a->device_major == b->device_major &&
           a->device_minor == b->device_minor;
}

/* How surely an opened file is the mapped one. Not all file systems let one be certain: on btrfs
 * and on overlayfs before Linux 6.8 the device in /proc/PID/maps is not the one stat(2) tells. */
enum match { MATCH_NONE, MATCH_INODE, MATCH_EXACT };

static enum match match_file(int fd, const struct map *map)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_ino != map->inode)
        return MATCH_NONE;
    bool device = major(st.st_dev) == map->device_major && minor(st.st_dev) == map->device_minor;
    return device ? MATCH_EXACT : MATCH_INODE;
}

/* The process whose files are opened. */
struct opener {
    pid_t pid;
    char executable[PATH_MAX]; /* as /proc/PID/exe has it, which is how /proc/PID/maps has it; ""
                                  unknown */
};

static void init_opener(struct opener *opener, pid_t pid)
{
    char link[64];
    opener->pid = pid;
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
    ssize_t n = readlink(link, opener->executable, sizeof(opener->executable) - 1);
    opener->executable[n > 0 ? n : 0] = 0;
}

/* The ways to the file behind a mapping, beside map_files, which needs privileges. */
static void format_way(const struct opener *opener, const struct map *map, int way, char *path,
                       size_t path_bytes)
{
    if (way == 0)
        snprintf(path, path_bytes, "/proc/%d/exe", (int)opener->pid);
    else if (way == 1)
        snprintf(path, path_bytes, "/proc/%d/root%s", (int)opener->pid, map->path);
    else
        snprintf(path, path_bytes, "%s", map->path);
}
#define WAYS 3

/* Opens the file behind `map`, see modules_read. An fd or -ENOENT. */
static int open_mapped(const struct opener *opener, const struct map *map)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)opener->pid,
             map->start, map->end);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        return fd; /* the mapping's own file: nothing to compare */

    for (enum match wanted = MATCH_EXACT; wanted > MATCH_NONE; wanted--) {
        for (int way = 0; way < WAYS; way++) {
            format_way(opener, map, way, path, sizeof(path));
            /* O_NONBLOCK: the name may by now belong to a fifo. */
            fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
            if (fd >= 0 && match_file(fd, map) >= wanted)
                return fd;
            if (fd >= 0)
                close(fd);
        }
    }
    if (strcmp(opener->executable, map->path) != 0)
        return -ENOENT;
    format_way(opener, map, 0, path, sizeof(path));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 ? fd : -ENOENT;
}

/* Fills bias, start and end from the mappings of the file behind `code`, its executable mapping.
 * The start is the last mapping of the file's beginning below `code`: a file may also be mapped as
 * plain data elsewhere. */
static bool place_module(const struct maps *maps, const struct map *code, struct module *module)
{
    uint64_t address, offset, page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    if (!image_first_load(module->image, page_bytes, &address, &offset))
        return false;

    const struct map *first = NULL, *end = maps->items + maps->count;
    for (const struct map *map = maps->items; map <= code; map++)
        if (same_file(map, code) && map->offset == offset)
            first = map;
    if (!first)
        return false;
    module->start = first->start;
    module->end = code->end;
    for (const struct map *map = code; map < end && same_file(map, code); map++)
        module->end = map->end;
    module->bias = image_is_fixed(module->image) ? 0 : first->start - address;
    return true;
}

static void close_module(struct module *module)
{
    image_destroy(module->image);
    fd_closep(&module->fd);
    *module = (struct module){.fd = -1};
}

/* 0, or -ENOENT when this file is to be left out. */
static int open_module(const struct opener *opener, const struct maps *maps, const struct map *code,
                       struct module *ret_module)
{
    struct module module = {.path = code->path, .fd = open_mapped(opener, code)};
    if (module.fd >= 0 && image_create(module.fd, &module.image) == 0 &&
        place_module(maps, code, &module)) {
        *ret_module = module;
        return 0;
    }
    close_module(&module);
    return -ENOENT;
}

static bool was_met(const struct maps *maps, const struct map *map)
{
    for (const struct map *before = maps->items; before < map; before++)
        if (before->executable && same_file(before, map))
            return true;
    return false;
}

static int rank_of(const struct opener *opener, const struct map *map)
{
    const char *slash = strrchr(map->path, '/');
    if (strcmp(opener->executable, map->path) == 0)
        return 0;
    return slash && strstr(slash, "python") ? 1 : 2;
}

int modules_read(pid_t pid, struct modules *ret_modules)
{
    _cleanup_(modules_deinit) struct modules modules = {0};
    int r = maps_read(pid, &modules.maps);
    if (r < 0)
        return r;

    struct opener opener;
    init_opener(&opener, pid);
    const struct map *end = modules.maps.items + modules.maps.count;
    for (int rank = 0; rank < 3; rank++) {
        for (const struct map *map = modules.maps.items; map < end; map++) {
            struct module module;
            if (!map->executable || map->inode == 0 || map->path[0] != '/' ||
                rank_of(&opener, map) != rank || was_met(&modules.maps, map))
                continue;
            if (modules.count >= MODULES_COUNT_MAX ||
                open_module(&opener, &modules.maps, map, &module) < 0)
                continue;
            if (array_reserve(&modules.items, &modules.cap, modules.count + 1, sizeof(module)) <
                0) {
                close_module(&module);
                return -ENOMEM;
            }
            modules.items[modules.count++] = module;
        }
    }
    *ret_modules = modules;
    modules = (struct modules){0};
    return 0;
}

void modules_deinit(struct modules *modules)
{
    for (size_t i = 0; i < modules->count; i++)
        close_module(&modules->items[i]);
    free(modules->items);
    maps_deinit(&modules->maps);
    *modules = (struct modules){0};
}
