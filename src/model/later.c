/* The next stack of a thread, by a walk over the recording ahead of the attribution. */
#include "later.h"

#include <stdlib.h>

#include "base/array.h"

#define AROUND 8 /* stacks, before and after: far more than a pattern of lines is long */

static bool waits(const struct event_owner *owner)
{
    return owner->state == STACK_LATER || owner->state == STACK_LATE;
}

static bool anybody_waits(const struct recording *recording)
{
    struct recording_cursor cursor;
    struct event event;
    for (recording_rewind(recording, &cursor); recording_next(&cursor, &event);)
        for (uint32_t i = 0; event.kind == EVENT_SAMPLE && i < event.sample.owner_count; i++)
            if (waits(&event.sample.owners[i]))
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

/* The first stack that is behind (tid, sample). */
static size_t first_behind(const struct later *later, int32_t tid, uint32_t sample)
{
    size_t low = 0, high = later->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct later_stack *stack = &later->stacks[middle];
        if (stack->tid < tid || (stack->tid == tid && stack->sample <= sample))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Lists stacks of the thread that were met in the act, from `at` on in one direction. */
static size_t list_around(const struct later *later, size_t at, bool down, int32_t tid,
                          const struct event_owner *list[])
{
    size_t count = 0;
    for (size_t steps = 0; steps < AROUND * AROUND && count < AROUND; steps++) {
        if (down ? at == 0 : at >= later->count)
            break;
        const struct later_stack *stack = &later->stacks[down ? at - 1 : at];
        if (stack->tid != tid)
            break;
        if (stack->owner.state == STACK_IN_ACT || stack->owner.state == STACK_GLIMPSED)
            list[count++] = &stack->owner;
        at = down ? at - 1 : at + 1;
    }
    return count;
}

/* One of those around a place, by lot; each recording has its own, and always the same. */
static bool find_around(const struct later *later, size_t at, int32_t tid, uint32_t sample,
                        struct event_owner *ret_owner)
{
    const struct event_owner *list[2 * AROUND];
    size_t count = list_around(later, at, true, tid, list);
    count += list_around(later, at, false, tid, list + count);
    if (count == 0)
        return false;
    uint32_t lot = (sample + 1) * UINT32_C(2654435761); /* Knuth's multiplicative hash */
    *ret_owner = *list[(uint64_t)lot * count >> 32];
    return true;
}

bool later_find(const struct later *later, const struct event_owner *owner, uint32_t sample,
                struct event_owner *ret_owner)
{
    int32_t tid = owner->tid;
    size_t at = first_behind(later, tid, sample);
    bool more = at < later->count && later->stacks[at].tid == tid;
    bool late = owner->state == STACK_LATE || (more && later->stacks[at].owner.state == STACK_LATE);
    if (late && find_around(later, at, tid, sample, ret_owner))
        return true;
    while (more && later->stacks[at].owner.state == STACK_LATE)
        more = ++at < later->count && later->stacks[at].tid == tid;
    while (!more) { /* it ended: where it was met last is the nearest that is known */
        if (at-- == 0 || later->stacks[at].tid != tid)
            return false;
        more = later->stacks[at].owner.state != STACK_LATE;
    }
    *ret_owner = later->stacks[at].owner;
    return true;
}
