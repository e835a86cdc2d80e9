/* Looks at the target's page table: which pages came and went since the look before. */
#ifndef MEMSAMPLE_SAMPLER_LOOK_H
#define MEMSAMPLE_SAMPLER_LOOK_H

#include "proc/pagemap.h"
#include "recording/event.h"
#include "sampler/pace.h"

struct look {
    struct pagemap pagemap;
    bool open;
    struct pagemap_run *before; /* what the look before found */
    size_t before_count, before_cap;
    struct pace pace; /* of our own time, for the cost grows with the target */
    uint64_t grown_gap_ns;
    uint64_t looked_ns, looking_ns; /* the last one ended, began */
    uint64_t grown_bytes, released_bytes; /* since then */
};

/* One part of what changed, for the recording. 0 or a negative errno, which ends the look. */
typedef int (*look_part_fn)(void *context, const struct event_pages *pages);

/* `grown_gap_ns`: least time between looks while memory only grows. */
void look_init(struct look *look, uint64_t grown_gap_ns, uint64_t now_ns);
void look_deinit(struct look *look);
/* The target became another program. */
void look_forget(struct look *look);

/* Takes note of what a sample saw move. */
void look_note(struct look *look, uint64_t grown_bytes, uint64_t released_bytes);
bool look_is_due(struct look *look, uint64_t now_ns);
/* Looks, and gives what changed in parts, the last of them marked. 0 or a negative errno: no look. */
int look_take(struct look *look, pid_t pid, look_part_fn part, void *context);
/* Accounts for a look that took so much of our processor time. */
void look_spend(struct look *look, uint64_t now_ns, uint64_t own_ns);

/* What changed between two lists of runs, in parts. 0 or what `part` said. */
int look_compare(const struct pagemap_run *before, size_t before_count,
                 const struct pagemap_run *after, size_t after_count, look_part_fn part,
                 void *context);

#endif
