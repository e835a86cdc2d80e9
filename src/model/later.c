/* The next stack of a thread, by a walk over the recording ahead of the attribution. */
#include "later.h"

#include <stdlib.h>

#include "base/array.h"

static bool anybody_waits(const struct recording *recording)
{
    struct recording_cursor cursor;
    struct event event;
    for (recording_rewind(recording, &cursor); recording_next(&cursor, &event);)
        for (uint32_t i = 0; event.kind == EVENT_SAMPLE && i < event.sample.owner_count; i++)
            if (event.sample.owners[i].state == STACK_LATER)
                return true;
    return false;
}

static int compare(const void *a, const void *b)
{
    const struct later_stack *x = a, *y = b;
    if (x->tid != y->tid)
        return x->tid < y->tid ? -1 : 1;
    return x->sample < y->sample ? -1 : x->sample > y->sample;
}

int later_init(struct later *later, const struct recording *recording)
{
    struct recording_cursor cursor;
    struct event event;
    uint32_t sample = 0;
    *later = (struct later){0};
    if (!anybody_waits(recording))
        return 0;
    for (recording_rewind(recording, &cursor); recording_next(&cursor, &event);) {
        if (event.kind != EVENT_SAMPLE)
            continue;
        for (uint32_t i = 0; i < event.sample.owner_count; i++) {
            const struct event_owner *owner = &event.sample.owners[i];
            if (owner->state == STACK_LATER)
                continue;
            int r = array_reserve(&later->stacks, &later->cap, later->count + 1,
                                  sizeof(*later->stacks));
            if (r < 0)
                return r;
            later->stacks[later->count++] =
                (struct later_stack){.tid = owner->tid, .sample = sample, .owner = *owner};
        }
        sample++;
    }
    if (later->count > 1)
        qsort(later->stacks, later->count, sizeof(*later->stacks), compare);
    return 0;
}

void later_deinit(struct later *later)
{
    free(later->stacks);
    *later = (struct later){0};
}

bool later_find(const struct later *later, int32_t tid, uint32_t sample,
                struct event_owner *ret_owner)
{
    size_t low = 0, high = later->count;
    while (low < high) { /* the first that is behind (tid, sample) */
        size_t middle = low + (high - low) / 2;
        const struct later_stack *stack = &later->stacks[middle];
        if (stack->tid < tid || (stack->tid == tid && stack->sample <= sample))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == later->count || later->stacks[low].tid != tid) {
        if (low == 0 || later->stacks[low - 1].tid != tid)
            return false;
        low--; /* it ended: where it was met last is the nearest that is known */
    }
    *ret_owner = later->stacks[low].owner;
    return true;
}
