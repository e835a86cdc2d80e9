/* Whose stack comes later: a thread that moved memory without being stopped is known by its next stack.
 *
 * A thread that was met too late at its fault may be anywhere by then. Whether it is met in time does not depend on the line, so what
 * other faults of it tell, around that time, is right on average: one of them stands for it. (To take the next one would
 * be wrong: it is more often a line with many faults in a row.) */
#ifndef MEMSAMPLE_MODEL_LATER_H
#define MEMSAMPLE_MODEL_LATER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recording/reader.h"

struct later_stack { /* a stack of a thread, as recorded in sample number `sample`; or STACK_LATE, none */
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

/* The stack that stands for an owner of sample number `sample` (samples are counted from 0), whose state is STACK_LATER or STACK_LATE.
 * False when its thread has none at all. */
bool later_find(const struct later *later, const struct event_owner *owner, uint32_t sample,
                struct event_owner *ret_owner);

#endif
