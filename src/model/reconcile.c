/* Books against pages.
 *
 * Samples stand for more memory than they meet: a line that grows by 75 pages at a time, where a
 * sample stands for 250, gets too much when it is met and nothing when it is not. That evens out in
 * the long run, but what a line holds is then off by the chance of a few samples. When much of the
 * memory falls, the pages that are left tell: growth is moved until each node of which hardly
 * anything went has in its books what it has in pages. First from lines of which nothing went,
 * whose books are simply too high, then from those that lost memory. What nodes of which nothing
 * went have too much goes to the one that lost most. Never more than chance can
 * explain: whose pages are whose is not certain either. */
#include "reconcile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "calltree.h"

#define MOVED_MOST 2 /* times what chance explains easily: a small leak may be met far too seldom  \
                      */
#define SAMPLES_LEAST 8  /* of a line, before chance says anything */
#define FALL_SHARE    16 /* a fall is large when it is more than one in so many of what is held */

/* Bytes that a node may still be given, or give. */
static int64_t room(const struct ledger *ledger, uint32_t node, bool to_give)
{
    const struct ledger_chance *chance = &ledger->nodes[node].chance;
    double moved = to_give ? -chance->moved : chance->moved;
    double left = MOVED_MOST * (double)ledger_chance_bytes(ledger, node) - moved;
    return left > 0 ? (int64_t)left : 0;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Bytes that each node has in pages beyond its books; negative: the other way round. */
static int64_t *differences(const struct ledger *ledger)
{
    int64_t *more = calloc(ledger->node_count + 1, sizeof(*more));
    if (!more)
        return NULL;
    for (uint32_t node = CALLTREE_NATIVE; node < ledger->node_count; node++)
        more[node] = (int64_t)(pages_owned(&ledger->pages, node) * ledger->page_bytes) -
                     (int64_t)ledger->nodes[node].held;
    for (size_t i = 0; i < ledger->count; i++)
        if (ledger->entries[i].node != PAGES_NOBODY)
            more[ledger->entries[i].node] -= (int64_t)ledger->entries[i].grown_bytes;
    more[CALLTREE_BASELINE] = 0; /* it did not grow */
    for (uint32_t node = CALLTREE_NATIVE; node < ledger->node_count; node++)
        if (more[node] > 0)
            more[node] = least(more[node], room(ledger, node, false));
    return more;
}

/* Takes bytes of growth out of an entry, for another node at the same moment. */
static int move_growth(struct ledger *ledger, size_t index, uint32_t node, uint64_t bytes)
{
    struct ledger_entry *entry = &ledger->entries[index];
    struct ledger_entry moved = {
        .point = entry->point, .order = entry->order, .node = node, .grown_bytes = bytes};
    int r = ledger_touch(ledger, node);
    ledger->nodes[entry->node].grown -= bytes;
    ledger->nodes[entry->node].chance.moved -= (double)bytes;
    ledger->nodes[node].grown += bytes;
    ledger->nodes[node].chance.moved += (double)bytes;
    entry->grown_bytes -= bytes;
    if (entry->certain_bytes > entry->grown_bytes)
        entry->certain_bytes = entry->grown_bytes;
    if (r >= 0)
        r = array_reserve(&ledger->entries, &ledger->cap, ledger->count + 1,
                          sizeof(*ledger->entries));
    if (r >= 0)
        ledger->entries[ledger->count++] = moved;
    return r;
}

static int by_order(const void *a, const void *b)
{
    const struct ledger_entry *x = a, *y = b;
    return x->order != y->order ? (x->order < y->order ? -1 : 1)
           : x->node < y->node  ? -1
                                : x->node > y->node;
}

/* Moves growth to a node out of the first *count entries: of those that lost no pages, or of those
 * that did. Afterwards *count are those that may still have some to give. */
static int supply(struct ledger *ledger, int64_t more[], uint32_t node, size_t *count, bool losers)
{
    while (*count && more[node] > 0) {
        const struct ledger_entry *entry = &ledger->entries[*count - 1];
        if (entry->node == PAGES_NOBODY || !entry->grown_bytes || more[entry->node] >= 0 ||
            (ledger_went(ledger, entry->node) > 0) != losers) {
            --*count;
            continue;
        }
        int64_t part = least(-more[entry->node], (int64_t)entry->grown_bytes);
        part = least(least(part, more[node]), room(ledger, entry->node, true));
        if (part == 0) {
            --*count;
            continue;
        }
        more[entry->node] += part;
        more[node] -= part;
        int r = move_growth(ledger, *count - 1, node, (uint64_t)part);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The node that lost most pages; PAGES_NOBODY: none. */
static uint32_t main_loser(const struct ledger *ledger)
{
    uint32_t loser = PAGES_NOBODY;
    uint64_t most = 0;
    for (size_t i = 0; i < ledger->active_count; i++) {
        uint32_t node = ledger->active[i];
        uint64_t went = ledger_went(ledger, node);
        if (went == 0 || went < most || node < CALLTREE_NATIVE || ledger_is_steady(ledger, node))
            continue;
        loser = went > most || node < loser ? node : loser;
        most = went;
    }
    return loser;
}

/* Moves growth of this window from steady nodes that have fewer pages than their books say to the
 * one that lost most: it was met too seldom beside them. Else it would have to be a loss of theirs,
 * and growth would be moved to them again when they are met too seldom. */
static int return_excess(struct ledger *ledger, int64_t more[], size_t count)
{
    uint32_t loser = main_loser(ledger);
    int r = 0;
    for (size_t i = count; loser != PAGES_NOBODY && i-- > 0 && r >= 0;) {
        const struct ledger_entry *entry = &ledger->entries[i];
        uint32_t node = entry->node;
        if (node == PAGES_NOBODY || more[node] >= 0 || !ledger_is_steady(ledger, node) ||
            ledger->nodes[node].chance.samples < SAMPLES_LEAST)
            continue;
        int64_t part = least(-more[node], (int64_t)entry->grown_bytes);
        part = least(part, least(room(ledger, node, true), room(ledger, loser, false)));
        if (part == 0)
            continue;
        more[node] += part;
        r = move_growth(ledger, i, loser, (uint64_t)part);
    }
    return r;
}

static bool fell_much(const struct ledger *ledger)
{
    return ledger_released(ledger) > ledger->held_bytes / FALL_SHARE;
}

int reconcile_window(struct ledger *ledger)
{
    size_t count = ledger->count;
    int r = 0;
    if (!fell_much(ledger) || !ledger_scan(ledger, ledger->node_count))
        return 0;
    _cleanup_(freep) int64_t *more = differences(ledger);
    if (!more)
        return -ENOMEM;
    for (int losers = 0; losers < 2; losers++) {
        size_t left = count;
        for (uint32_t node = CALLTREE_NATIVE; node < ledger->node_count && left && r >= 0; node++)
            if (more[node] >= (int64_t)ledger->page_bytes && ledger_is_steady(ledger, node))
                r = supply(ledger, more, node, &left, losers);
    }
    if (r >= 0)
        r = return_excess(ledger, more, count);
    if (ledger->count > count)
        qsort(ledger->entries, ledger->count, sizeof(*ledger->entries), by_order);
    return r;
}
