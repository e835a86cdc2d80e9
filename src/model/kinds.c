/* Pages to kinds of memory as time goes on. Must not know stacks or rows. */
#include "kinds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define RANGES_MAX (1 << 18) /* a process has 65,530 mappings at most, by default */

void kinds_deinit(struct kinds *kinds)
{
    free(kinds->ranges);
    free(kinds->of_node);
    for (size_t i = 0; i < PLACE_KINDS_END; i++)
        free(kinds->met[i]);
    *kinds = (struct kinds){0};
}

/* The first range that ends behind `page`. */
static size_t lower_bound(const struct kinds *kinds, uint64_t page)
{
    size_t low = 0, high = kinds->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (kinds->ranges[middle].end <= page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Cuts [first, end) out of the ranges; returns where a range with these pages belongs. Makes at
 * most one range more, for which there is room. */
static size_t cut_out(struct kinds *kinds, uint64_t first, uint64_t end)
{
    struct kinds_range *ranges = kinds->ranges;
    size_t at = lower_bound(kinds, first), gone;
    if (at < kinds->count && ranges[at].first < first &&
        ranges[at].end > end) { /* it is in the middle of one */
        memmove(&ranges[at + 1], &ranges[at], (kinds->count++ - at) * sizeof(*ranges));
        ranges[at].end = first;
        ranges[at + 1].first = end;
        return at + 1;
    }
    if (at < kinds->count && ranges[at].first < first)
        ranges[at++].end = first;
    for (gone = at; gone < kinds->count && ranges[gone].end <= end; gone++)
        ;
    memmove(&ranges[at], &ranges[gone], (kinds->count - gone) * sizeof(*ranges));
    kinds->count -= gone - at;
    if (at < kinds->count && ranges[at].first < end)
        ranges[at].first = end;
    return at;
}

int kinds_see_place(struct kinds *kinds, const struct event_place *place)
{
    uint64_t first = place->first, end = place->first + place->count;
    if (kinds->count + 2 > RANGES_MAX)
        return 0; /* what comes now is of no known kind */
    int r = array_reserve(&kinds->ranges, &kinds->cap, kinds->count + 2, sizeof(*kinds->ranges));
    if (r < 0)
        return r;
    /* A mapping that grew, or of which another page is a huge one, is the same. */
    size_t old = lower_bound(kinds, first);
    bool same = old < kinds->count && kinds->ranges[old].first <= first &&
                kinds->ranges[old].kind == place->kind;
    uint32_t region = same ? kinds->ranges[old].region : kinds->region_count++;
    size_t at = cut_out(kinds, first, end);
    memmove(&kinds->ranges[at + 1], &kinds->ranges[at],
            (kinds->count++ - at) * sizeof(*kinds->ranges));
    kinds->ranges[at] = (struct kinds_range){
        .first = first, .end = end, .region = region, .kind = place->kind, .huge = place->huge};
    return 0;
}

static const struct kinds_range *find_range(const struct kinds *kinds, uint64_t page)
{
    size_t at = lower_bound(kinds, page);
    return page && at < kinds->count && kinds->ranges[at].first <= page ? &kinds->ranges[at] : NULL;
}

static int note_region(struct kinds *kinds, const struct kinds_range *range)
{
    size_t before = kinds->met_cap[range->kind];
    bool **met = &kinds->met[range->kind];
    int r =
        array_reserve(met, &kinds->met_cap[range->kind], (size_t)range->region + 1, sizeof(**met));
    if (r < 0)
        return r;
    memset(*met + before, 0, kinds->met_cap[range->kind] - before);
    kinds->regions[range->kind] += !(*met)[range->region];
    (*met)[range->region] = true;
    return 0;
}

static void add(struct profile_kinds *to, const struct kinds_range *range, uint64_t grown_bytes)
{
    to->grown_bytes[range ? range->kind : 0] += grown_bytes;
    if (range && range->huge)
        to->huge_bytes += grown_bytes;
}

int kinds_charge(struct kinds *kinds, uint32_t node, uint64_t page, uint64_t grown_bytes)
{
    if (kinds->count == 0 || grown_bytes == 0)
        return 0;
    const struct kinds_range *range = find_range(kinds, page);
    int r =
        array_reserve(&kinds->of_node, &kinds->node_cap, (size_t)node + 1, sizeof(*kinds->of_node));
    if (r >= 0 && range)
        r = note_region(kinds, range);
    if (r < 0)
        return r;
    while (kinds->node_count <= node)
        kinds->of_node[kinds->node_count++] = (struct profile_kinds){0};
    add(&kinds->of_node[node], range, grown_bytes);
    add(&kinds->total, range, grown_bytes);
    return 0;
}
