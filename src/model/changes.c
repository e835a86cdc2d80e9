/* Gathers changes by point and node. Must not know whose they are. */
#include "changes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

void changes_deinit(struct changes *changes)
{
    free(changes->last);
    changes->last = NULL;
}

static int by_node(const void *a, const void *b)
{
    const struct profile_change *x = a, *y = b;
    return x->node < y->node ? -1 : x->node > y->node;
}

void changes_finish(struct changes *changes)
{
    size_t count = changes->count - changes->point_start;
    if (count > 1)
        qsort(changes->list + changes->point_start, count, sizeof(*changes->list), by_node);
    changes->point_start = changes->count;
}

int changes_add(struct changes *changes, const struct profile_change *change)
{
    uint32_t node = change->node;
    if (changes->count > changes->point_start &&
        changes->list[changes->count - 1].point != change->point)
        changes_finish(changes);
    if (array_reserve(&changes->last, &changes->last_cap, (size_t)node + 1,
                      sizeof(*changes->last)) < 0 ||
        array_reserve(&changes->list, &changes->cap, changes->count + 1, sizeof(*changes->list)) <
            0)
        return -ENOMEM;
    while (changes->last_count <= node)
        changes->last[changes->last_count++] = 0;

    size_t known = changes->last[node];
    if (known > changes->point_start) { /* entries before that belong to other points */
        struct profile_change *sum = &changes->list[known - 1];
        sum->grown_bytes += change->grown_bytes;
        sum->released_bytes += change->released_bytes;
        sum->certain_bytes += change->certain_bytes;
        sum->freed_bytes += change->freed_bytes;
        return 0;
    }
    changes->list[changes->count++] = *change;
    changes->last[node] = changes->count;
    return 0;
}
