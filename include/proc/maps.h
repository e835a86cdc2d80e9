/* /proc/PID/maps, parsed. */
#ifndef MEMSAMPLE_PROC_MAPS_H
#define MEMSAMPLE_PROC_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc/memory.h"

struct map {
    remote_addr start, end;
    uint64_t offset;
    uint32_t device_major, device_minor;
    uint64_t inode; /* 0: no file */
    bool readable, writable, executable, shared;
    const char *path; /* as the kernel prints it; "" for anonymous memory. Owned by the `struct maps`. */
};

struct maps {
    struct map *items;
    size_t count, cap;
    char *text;
};

/* Reads the mappings of `pid`. 0 or a negative errno (-ESRCH, -EACCES). */
int maps_read(pid_t pid, struct maps *ret_maps);
/* Parses a text in the format of proc_pid_maps(5); takes over `text` (from malloc) also on error.
 * Lines that do not parse are skipped. 0 or -ENOMEM. */
int maps_parse(char *text, struct maps *ret_maps);
void maps_deinit(struct maps *maps);

#endif
