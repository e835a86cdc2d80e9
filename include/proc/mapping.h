/* The mapping in which one address lies.
 *
 * The kernel answers for one address in 1 us (ioctl PROCMAP_QUERY, Linux 6.11); on older kernels
 * the whole list is read, in some 100 us, and kept for a while. */
#ifndef MEMSAMPLE_PROC_MAPPING_H
#define MEMSAMPLE_PROC_MAPPING_H

#include "proc/maps.h"

#define MAPPING_PATH_MAX 4096

struct mapping_finder {
    pid_t pid;
    int fd;           /* /proc/PID/maps, or -1 */
    bool by_list;     /* the kernel does not know the question */
    struct maps maps; /* when by_list */
    uint64_t read_ns; /* when that was; CLOCK_MONOTONIC */
    char path[MAPPING_PATH_MAX];
};

/* Opens nothing yet. Refers to the program that the process runs: after an exec, begin anew. */
void mapping_finder_init(struct mapping_finder *finder, pid_t pid);
void mapping_finder_deinit(struct mapping_finder *finder);
/* 0; -ENOENT when nothing is mapped there (as far as is known: a list may be 100 ms old); another
 * negative errno. The path is good until the next call. */
int mapping_find(struct mapping_finder *finder, remote_addr address, struct map *ret_map);

#endif
