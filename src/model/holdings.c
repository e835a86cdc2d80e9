/* Last in, first out, in bounded memory. Knows owners as numbers; must not know stacks or time. */
#include "holdings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* Beyond this the older half is folded to one chunk an owner, at the place of the owner's newest
 * bytes there: the order among old bytes is lost, which matters only when RSS falls below all that
 * came later. */
#define CHUNKS_MAX (256 * 1024)

void holdings_deinit(struct holdings *holdings)
{
    free(holdings->chunks);
    *holdings = (struct holdings){0};
}

static int by_node_then_age(const void *a, const void *b)
{
    const struct holdings_chunk *const *x = a, *const *y = b;
    if ((*x)->node != (*y)->node)
        return (*x)->node < (*y)->node ? -1 : 1;
    return *x < *y ? -1 : *x > *y;
}

static int fold_older_half(struct holdings *holdings)
{
    size_t old_count = holdings->count / 2, kept = 0;
    struct holdings_chunk **order = malloc(old_count * sizeof(struct holdings_chunk *));
    if (!order)
        return -ENOMEM;
    for (size_t i = 0; i < old_count; i++)
        order[i] = &holdings->chunks[i];
    qsort(order, old_count, sizeof(struct holdings_chunk *), by_node_then_age);
    for (size_t i = 0; i + 1 < old_count; i++)
        if (order[i]->node == order[i + 1]->node) {
            order[i + 1]->bytes += order[i]->bytes;
            order[i]->bytes = 0;
        }
    free(order);

    for (size_t i = 0; i < holdings->count; i++)
        if (holdings->chunks[i].bytes)
            holdings->chunks[kept++] = holdings->chunks[i];
    holdings->count = kept;
    return 0;
}

int holdings_grow(struct holdings *holdings, uint32_t node, uint64_t bytes)
{
    if (bytes == 0)
        return 0;
    if (holdings->count > 0 && holdings->chunks[holdings->count - 1].node == node) {
        holdings->chunks[holdings->count - 1].bytes += bytes;
        return 0;
    }
    if (holdings->fold_at == 0)
        holdings->fold_at = CHUNKS_MAX;
    if (holdings->count >= holdings->fold_at) {
        int r = fold_older_half(holdings);
        if (r < 0)
            return r;
        /* With more owners than that, folding cannot win: let it grow with their number. */
        if (holdings->fold_at < holdings->count + CHUNKS_MAX / 4)
            holdings->fold_at = holdings->count * 2;
    }
    int r = array_reserve(&holdings->chunks, &holdings->cap, holdings->count + 1,
                          sizeof(*holdings->chunks));
    if (r < 0)
        return r;
    holdings->chunks[holdings->count++] = (struct holdings_chunk){.bytes = bytes, .node = node};
    return 0;
}

int holdings_release(struct holdings *holdings, uint64_t bytes, holdings_released_fn released,
                     void *context)
{
    while (bytes > 0 && holdings->count > 0) {
        struct holdings_chunk *newest = &holdings->chunks[holdings->count - 1];
        uint64_t part = newest->bytes < bytes ? newest->bytes : bytes;
        int r = released(context, newest->node, part);
        if (r < 0)
            return r;
        bytes -= part;
        newest->bytes -= part;
        if (newest->bytes == 0)
            holdings->count--;
    }
    return 0;
}
