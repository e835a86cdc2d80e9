/* Whose stack comes later: a thread that moved memory without being stopped is known by its next stack. */
#ifndef MEMSAMPLE_MODEL_LATER_H
#define MEMSAMPLE_MODEL_LATER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recording/reader.h"

struct later_stack { /* a stack of a thread, as recorded in sample number `sample` */
    int32_t tid;
    uint32_t sample;
    struct event_owner owner;
};

/* All stacks by thread and time; empty when nothing in the recording waits for a later one. Zero-initialised is empty. */
struct later {
    struct later_stack *stacks;
    size_t count, cap;
};

/* 0 or -ENOMEM. */
int later_init(struct later *later, const struct recording *recording);
void later_deinit(struct later *later);

/* The first stack of the thread in a sample after number `sample` (samples are counted from 0), or else its last one. False when it has
 * none at all. */
bool later_find(const struct later *later, int32_t tid, uint32_t sample,
                struct event_owner *ret_owner);

#endif
