/* What a process has mapped, by size: /proc/PID/smaps, summed up. */
#ifndef MEMSAMPLE_CLI_MAPPINGS_H
#define MEMSAMPLE_CLI_MAPPINGS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* All mappings of one file or of one name such as [heap]; anonymous memory by mapping. */
struct mapping {
    const char *name; /* as the kernel prints it; "": anonymous. Owned by the `struct mappings` */
    uint64_t start, end; /* of its first mapping, and of its last */
    uint64_t size_bytes, rss_bytes, anonymous_bytes, swap_bytes;
};

struct mappings { /* largest resident first */
    struct mapping *items;
    size_t count, cap;
    char *text;
};

/* 0 or a negative errno (-ESRCH, -EACCES). The kernel walks all page tables for it: milliseconds,
 * not for use at any rate. */
int mappings_read(pid_t pid, struct mappings *ret_mappings);
/* Parses a text in the format of smaps (proc_pid_smaps(5)); takes over `text` (from malloc) also on
 * error. 0 or -ENOMEM. */
int mappings_parse(char *text, struct mappings *ret_mappings);
void mappings_deinit(struct mappings *mappings);

#endif
