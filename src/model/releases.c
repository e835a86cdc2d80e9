/* Whose memory it was that RSS fell by.
 *
 * - Those gave it whose books say more than their pages: a node that holds 10 MB by its growth and
 * has pages for 4 MB lost 6 MB. First as far as it grew in the window or its pages went in it; what
 * those lost together is scaled down to what RSS fell by. What is left is of those who missed pages
 * before, the largest first.
 * - Books that are too high by no more than chance are no sign of a loss while the pages stay.
 * - Nobody gives back at a moment what came later: then another one with memory does, and first one
 * whose pages went. */
#include "releases.h"

#include <stdlib.h>
#include <string.h>

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

int releases_book(struct ledger *ledger, uint32_t point, uint32_t node, uint64_t bytes)
{
    struct profile_change change = {.point = point, .node = node, .released_bytes = bytes};
    ledger->nodes[node].held -= bytes;
    ledger->held_bytes -= bytes;
    return ledger->settled(ledger->context, &change);
}

/* Takes up to `most` bytes from a node, at most what it has. */
static int take_from(struct ledger *ledger, uint32_t point, uint32_t node, uint64_t most,
                     uint64_t *left)
{
    uint64_t part = ledger->nodes[node].held < *left ? ledger->nodes[node].held : *left;
    if (part > most)
        part = most;
    if (part == 0)
        return 0;
    *left -= part;
    return releases_book(ledger, point, node, part);
}

static int take_by_share(struct ledger *ledger, uint32_t point, uint64_t *left)
{
    int r = 0;
    while (*left && ledger->ready_count && r >= 0) {
        uint32_t node = ledger->ready[ledger->ready_count - 1];
        uint64_t before = *left;
        r = take_from(ledger, point, node, ledger->nodes[node].share, left);
        ledger->nodes[node].share -= before - *left;
        if (*left) /* it has no more to give, or nothing to give it from */
            ledger->ready_count--;
    }
    return r;
}

/* Bytes that a node may have lost, as far as its pages tell: all, or those for which it has no
 * pages while hardly any went. */
static uint64_t loose(const struct ledger *ledger, uint32_t node)
{
    uint64_t held = ledger->nodes[node].held;
    uint64_t has = pages_owned(&ledger->pages, node) * ledger->page_bytes;
    if (!ledger_is_steady(ledger, node))
        return held;
    return held > has ? held - has : 0;
}

/* From those who grew last. */
static int take_newest(struct ledger *ledger, uint32_t point, bool all, uint64_t *left)
{
    int r = 0;
    if (!ledger_scan(ledger, ledger->newest_count) && !all)
        return 0;
    for (size_t i = ledger->newest_count; i-- > 0 && *left && r >= 0;) {
        uint32_t node = ledger->newest[i];
        r = take_from(ledger, point, node, all ? UINT64_MAX : loose(ledger, node), left);
    }
    while (ledger->newest_count && !ledger->nodes[ledger->newest[ledger->newest_count - 1]].held)
        ledger->newest_count--;
    return r;
}

/* The one that lost most: it may have filled the same pages again before the look. Then those who
 * grew last. */
static int take_anyhow(struct ledger *ledger, uint32_t point, uint64_t *left)
{
    int r = ledger->loser < ledger->node_count
                ? take_from(ledger, point, ledger->loser, UINT64_MAX, left)
                : 0;
    if (r >= 0 && *left)
        r = take_newest(ledger, point, false, left);
    return r >= 0 && *left ? take_newest(ledger, point, true, left) : r;
}

/* Leaves each node in the list once, where it grew last, and only those that hold anything. */
static void tidy_newest(struct ledger *ledger)
{
    size_t kept = ledger->newest_count;
    if (kept == 0)
        return;
    for (size_t i = ledger->newest_count; i-- > 0;) {
        struct ledger_node *of = &ledger->nodes[ledger->newest[i]];
        if (of->held == 0 || of->tidied == ledger->window)
            continue;
        of->tidied = ledger->window;
        ledger->newest[--kept] = ledger->newest[i];
    }
    ledger->newest_count -= kept;
    memmove(ledger->newest, ledger->newest + kept, ledger->newest_count * sizeof(*ledger->newest));
}

/* Bytes by which a node's books say more than its pages. Where hardly any page went, books that are
 * too high by no more than chance are no sign of a loss. */
static uint64_t missing(const struct ledger *ledger, uint32_t node)
{
    const struct ledger_node *of = &ledger->nodes[node];
    uint64_t books = of->held + (of->window == ledger->window ? of->grown : 0);
    uint64_t has = pages_owned(&ledger->pages, node) * ledger->page_bytes;
    if (ledger_is_steady(ledger, node))
        has += ledger_chance_bytes(ledger, node);
    return books > has ? books - has : 0;
}

/* More fell than those lost who are known to have lost: the rest is of those whose books were too
 * high already, the highest first. */
static int share_rest(struct ledger *ledger, uint64_t rest)
{
    while (rest && ledger_scan(ledger, ledger->node_count)) {
        uint64_t largest = 0;
        uint32_t highest = 0;
        for (uint32_t node = 0; node < ledger->node_count; node++) {
            const struct ledger_node *of = &ledger->nodes[node];
            uint64_t bytes = missing(ledger, node);
            bytes -= of->window == ledger->window ? of->share : 0;
            if (bytes > largest)
                highest = node;
            largest = bytes > largest ? bytes : largest;
        }
        if (largest < ledger->page_bytes)
            break;
        int r = ledger_touch(ledger, highest);
        if (r < 0)
            return r;
        uint64_t part = largest < rest ? largest : rest;
        ledger->nodes[highest].share += part;
        rest -= part;
    }
    return 0;
}

/* How much each node lost, as far as it grew in this window or its pages went in it. Returns the
 * sum. */
static uint64_t share_lost(struct ledger *ledger)
{
    uint64_t total = 0;
    for (size_t i = 0; i < ledger->active_count; i++) {
        struct ledger_node *of = &ledger->nodes[ledger->active[i]];
        uint64_t most = of->grown + of->went, misses = missing(ledger, ledger->active[i]);
        of->share = misses < most ? misses : most;
        total += of->share;
    }
    return total;
}

static int list_ready(struct ledger *ledger)
{
    uint64_t largest = 0;
    if (ledger->active_count > 1)
        qsort(ledger->active, ledger->active_count, sizeof(*ledger->active), by_number);
    for (size_t i = ledger->active_count; i-- > 0;) {
        uint32_t node = ledger->active[i];
        const struct ledger_node *of = &ledger->nodes[node];
        if (of->share && of->share >= largest) {
            largest = of->share;
            ledger->loser = node;
        }
        int r = of->share && of->held
                    ? ledger_push(&ledger->ready, &ledger->ready_count, &ledger->ready_cap, node)
                    : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int releases_share(struct ledger *ledger)
{
    uint64_t released = ledger_released(ledger);
    int r = 0;
    ledger->loser = PAGES_NOBODY;
    ledger->ready_count = 0;
    if (released == 0)
        return 0;
    tidy_newest(ledger);
    uint64_t total = share_lost(ledger);
    for (size_t i = 0; i < ledger->active_count && total > released; i++) {
        struct ledger_node *of = &ledger->nodes[ledger->active[i]];
        of->share = (uint64_t)((unsigned __int128)of->share * released / total);
    }
    if (total < released)
        r = share_rest(ledger, released - total);
    return r < 0 ? r : list_ready(ledger);
}

int releases_take(struct ledger *ledger, uint32_t point, uint64_t bytes)
{
    uint64_t left = bytes;
    int r = take_by_share(ledger, point, &left);
    return r < 0 ? r : take_anyhow(ledger, point, &left);
}
