/* Whose pages came.
 *
 * A look finds rows of neighbouring pages that came since the look before. Some samples of that
 * time know the page at which they met the growth:
 *
 * - A row with such samples is shared among them, in proportion to their growth and in the order of
 *   their addresses: programs fill memory upwards.
 * - A row without is memory that the samples missed: see missed.h. As long as it did not come out
 * whose it is, it goes to those of whose growth no pages were found yet, the largest row to the one
 * that misses most.
 *
 * That is also the better measure of growth: a row of 75 pages is 75 pages, while a sample that
 * stands for 250 either met it or not. So growth is moved until each node has what its rows say.
 * Samples whose page is gone again keep what they stand for. */
#include "arrivals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "calltree.h"

struct wish { /* a node and bytes that it should have */
    uint32_t node;
    uint64_t bytes;
};

struct arrivals {
    struct ledger *ledger;
    struct ledger_entry **met; /* entries with a page, by page */
    size_t met_count;
    struct event_page_run *rest; /* rows for those at no known page */
    size_t rest_count;
    double *wanted; /* by node: bytes of growth that the pages say */
    uint64_t *now;  /* by node: bytes of growth that the entries say */
};

static int by_page(const void *a, const void *b)
{
    const struct ledger_entry *const *x = a, *const *y = b;
    return (*x)->page < (*y)->page ? -1 : (*x)->page > (*y)->page;
}

static int by_count_down(const void *a, const void *b)
{
    const struct event_page_run *x = a, *y = b;
    return x->count > y->count ? -1 : x->count < y->count;
}

static int by_bytes_down(const void *a, const void *b)
{
    const struct wish *x = a, *y = b;
    return x->bytes > y->bytes ? -1 : x->bytes < y->bytes;
}

static void arrivals_deinit(struct arrivals *arrivals)
{
    free(arrivals->met);
    free(arrivals->rest);
    free(arrivals->wanted);
    free(arrivals->now);
}

/* Memory that fell may have come again at the same addresses, and for somebody else: who was met
 * before cannot claim what the look finds there. */
static void forget_fallen(struct ledger *ledger)
{
    uint64_t released = 0;
    for (size_t i = ledger->count; i-- > 0;) {
        released += ledger->entries[i].released_bytes;
        if (released > ledger->entries[i].grown_bytes)
            ledger->entries[i].page = 0;
    }
}

static int arrivals_init(struct arrivals *arrivals, struct ledger *ledger)
{
    *arrivals = (struct arrivals){.ledger = ledger};
    arrivals->met = calloc(ledger->count + 1, sizeof(struct ledger_entry *));
    arrivals->rest = calloc(ledger->came_count + 1, sizeof(*arrivals->rest));
    arrivals->wanted = calloc(ledger->held_count + 1, sizeof(*arrivals->wanted));
    arrivals->now = calloc(ledger->held_count + 1, sizeof(*arrivals->now));
    if (!arrivals->met || !arrivals->rest || !arrivals->wanted || !arrivals->now)
        return -ENOMEM;
    forget_fallen(ledger);
    for (size_t i = 0; i < ledger->count; i++) {
        struct ledger_entry *entry = &ledger->entries[i];
        if (entry->node == PAGES_NOBODY)
            continue;
        arrivals->now[entry->node] += entry->grown_bytes;
        if (!entry->page || !entry->grown_bytes)
            continue;
        arrivals->met[arrivals->met_count++] = entry;
    }
    qsort(arrivals->met, arrivals->met_count, sizeof(struct ledger_entry *), by_page);
    for (uint32_t node = CALLTREE_NATIVE; node < ledger->held_count; node++)
        arrivals->wanted[node] =
            (double)ledger->had[node] * (double)ledger->page_bytes - (double)ledger->held[node];
    return 0;
}

static int give(struct arrivals *arrivals, uint64_t first, uint64_t count, uint32_t node)
{
    arrivals->wanted[node] += (double)count * (double)arrivals->ledger->page_bytes;
    return pages_give(&arrivals->ledger->pages, first, count, node);
}

/* Shares a row among the entries met[from..to) that were met in it. */
static int share_row(struct arrivals *arrivals, const struct event_page_run *row, size_t from,
                     size_t to)
{
    uint64_t total = 0, passed = 0, given = 0;
    for (size_t i = from; i < to; i++)
        total += arrivals->met[i]->grown_bytes;
    for (size_t i = from; i < to; i++) {
        passed += arrivals->met[i]->grown_bytes;
        uint64_t until = (uint64_t)((unsigned __int128)row->count * passed / total);
        int r = give(arrivals, row->first + given, until - given, arrivals->met[i]->node);
        if (r < 0)
            return r;
        given = until;
    }
    return 0;
}

/* A row that no sample met. */
static int give_missed(struct arrivals *arrivals, const struct event_page_run *row)
{
    struct ledger *ledger = arrivals->ledger;
    uint32_t owner = ledger->told ? missed_owner(ledger->told, ledger->missed.count) : PAGES_NOBODY;
    int r = missed_add(&ledger->missed, row->first, row->count);
    if (r < 0)
        return r;
    if (owner < ledger->held_count && owner >= CALLTREE_NATIVE)
        return give(arrivals, row->first, row->count, owner);
    arrivals->rest[arrivals->rest_count++] = *row;
    return 0;
}

/* Rows in the order of addresses, and the entries that were met in them. */
static int give_rows(struct arrivals *arrivals)
{
    size_t at = 0;
    for (size_t i = 0; i < arrivals->ledger->came_count; i++) {
        const struct event_page_run *row = &arrivals->ledger->came[i];
        for (; at < arrivals->met_count && arrivals->met[at]->page < row->first; at++)
            arrivals->wanted[arrivals->met[at]->node] += (double)arrivals->met[at]->grown_bytes;
        size_t from = at;
        while (at < arrivals->met_count && arrivals->met[at]->page < row->first + row->count)
            at++;
        int r = from < at ? share_row(arrivals, row, from, at) : give_missed(arrivals, row);
        if (r < 0)
            return r;
    }
    for (; at < arrivals->met_count; at++)
        arrivals->wanted[arrivals->met[at]->node] += (double)arrivals->met[at]->grown_bytes;
    return 0;
}

/* Nodes for whose growth no pages were found yet; those that miss most first. */
static int list_wishes(const struct arrivals *arrivals, struct wish **ret_wishes, size_t *ret_count)
{
    const struct ledger *ledger = arrivals->ledger;
    struct wish *wishes = calloc(ledger->held_count + 1, sizeof(*wishes));
    size_t count = 0;
    uint32_t most = CALLTREE_ROOT; /* which never grew */
    if (!wishes)
        return -ENOMEM;
    for (uint32_t node = 0; node < ledger->held_count; node++) {
        double misses = (double)arrivals->now[node] - arrivals->wanted[node];
        if (arrivals->now[node] > arrivals->now[most])
            most = node;
        if (misses >= (double)ledger->page_bytes)
            wishes[count++] = (struct wish){node, (uint64_t)misses};
    }
    if (count == 0) /* nobody misses anything: the one that grew most */
        wishes[count++] = (struct wish){most, 0};
    qsort(wishes, count, sizeof(*wishes), by_bytes_down);
    *ret_wishes = wishes;
    *ret_count = count;
    return 0;
}

/* Growth at no known page of which no pages were found: it is gone again, or shared. */
static void keep_unmet(struct arrivals *arrivals)
{
    const struct ledger *ledger = arrivals->ledger;
    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_entry *entry = &ledger->entries[i];
        if (entry->node == PAGES_NOBODY || entry->page)
            continue;
        double misses = (double)arrivals->now[entry->node] - arrivals->wanted[entry->node];
        if (misses > 0)
            arrivals->wanted[entry->node] +=
                misses < (double)entry->grown_bytes ? misses : (double)entry->grown_bytes;
    }
}

/* The rows that are left: the largest to the one that misses most, until it has enough. */
static int give_rest(struct arrivals *arrivals)
{
    _cleanup_(freep) struct wish *wishes = NULL;
    size_t count, at = 0;
    uint64_t page_bytes = arrivals->ledger->page_bytes;
    int r = list_wishes(arrivals, &wishes, &count);
    if (r < 0)
        return r;
    qsort(arrivals->rest, arrivals->rest_count, sizeof(*arrivals->rest), by_count_down);
    for (size_t i = 0; i < arrivals->rest_count && r >= 0; i++) {
        struct event_page_run row = arrivals->rest[i];
        while (row.count && r >= 0) {
            uint64_t pages = wishes[at].bytes / page_bytes;
            bool last = at + 1 == count;
            uint64_t part = pages < row.count && !last ? pages : row.count;
            if (wishes[at].node != CALLTREE_ROOT)
                r = give(arrivals, row.first, part, wishes[at].node);
            row.first += part;
            row.count -= part;
            wishes[at].bytes -= part < pages ? part * page_bytes : wishes[at].bytes;
            if (!last && wishes[at].bytes < page_bytes)
                at++;
        }
    }
    return r;
}

/* Takes bytes of growth out of an entry, for another node at the same moment. */
static int move_growth(struct ledger *ledger, size_t index, uint32_t node, uint64_t bytes)
{
    struct ledger_entry *entry = &ledger->entries[index];
    struct ledger_entry moved = {
        .point = entry->point, .order = entry->order, .node = node, .grown_bytes = bytes};
    entry->grown_bytes -= bytes;
    if (entry->certain_bytes > entry->grown_bytes)
        entry->certain_bytes = entry->grown_bytes;
    int r =
        array_reserve(&ledger->entries, &ledger->cap, ledger->count + 1, sizeof(*ledger->entries));
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

/* Moves growth to a node from those of the first `count` entries that have more than they want. */
static int supply(struct arrivals *arrivals, uint32_t node, uint64_t bytes, size_t count)
{
    struct ledger *ledger = arrivals->ledger;
    for (size_t i = count; i-- > 0 && bytes;) {
        const struct ledger_entry *entry = &ledger->entries[i];
        if (entry->node == PAGES_NOBODY || entry->node == node || !entry->grown_bytes)
            continue;
        double over = (double)arrivals->now[entry->node] - arrivals->wanted[entry->node];
        if (over < (double)ledger->page_bytes)
            continue;
        uint64_t part = (uint64_t)over;
        part = part < bytes ? part : bytes;
        part = part < entry->grown_bytes ? part : entry->grown_bytes;
        arrivals->now[entry->node] -= part;
        arrivals->now[node] += part;
        bytes -= part;
        int r = move_growth(ledger, i, node, part);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A look also finds pages that came after the last sample: not yet grown, but in no book they would
 * be missing from the next window. They are the latest growers'. */
static void leave_to_next(struct arrivals *arrivals, double over)
{
    const struct ledger *ledger = arrivals->ledger;
    for (size_t i = ledger->count; i-- > 0 && over > 0;) {
        if (ledger->entries[i].node == PAGES_NOBODY || !ledger->entries[i].grown_bytes)
            continue;
        double *wanted = &arrivals->wanted[ledger->entries[i].node];
        double part = *wanted < over ? *wanted : over;
        *wanted -= part;
        over -= part;
    }
}

/* Growth of which no pages are left stays with those who were met. */
static void keep_rest(struct arrivals *arrivals, double under)
{
    double excess = 0;
    for (size_t i = 0; i < arrivals->ledger->held_count; i++)
        if ((double)arrivals->now[i] > arrivals->wanted[i])
            excess += (double)arrivals->now[i] - arrivals->wanted[i];
    for (size_t i = 0; i < arrivals->ledger->held_count && excess > 0; i++)
        if ((double)arrivals->now[i] > arrivals->wanted[i])
            arrivals->wanted[i] +=
                under * ((double)arrivals->now[i] - arrivals->wanted[i]) / excess;
}

static int correct_growth(struct arrivals *arrivals)
{
    double wanted = 0, now = 0;
    for (size_t i = 0; i < arrivals->ledger->held_count; i++) {
        if (arrivals->wanted[i] < 0)
            arrivals->wanted[i] = 0;
        wanted += arrivals->wanted[i];
        now += (double)arrivals->now[i];
    }
    if (wanted > now)
        leave_to_next(arrivals, wanted - now);
    else
        keep_rest(arrivals, now - wanted);
    size_t count = arrivals->ledger->count;
    int r = 0;
    for (uint32_t node = 0; node < arrivals->ledger->held_count && r >= 0; node++) {
        double lacks = arrivals->wanted[node] - (double)arrivals->now[node];
        if (lacks >= (double)arrivals->ledger->page_bytes)
            r = supply(arrivals, node, (uint64_t)lacks, count);
    }
    if (arrivals->ledger->count > count)
        qsort(arrivals->ledger->entries, arrivals->ledger->count,
              sizeof(*arrivals->ledger->entries), by_order);
    return r;
}

int arrivals_assign(struct ledger *ledger)
{
    struct arrivals arrivals;
    int r = arrivals_init(&arrivals, ledger);
    if (r >= 0)
        r = give_rows(&arrivals);
    if (r >= 0)
        r = give_rest(&arrivals);
    keep_unmet(&arrivals);
    if (r >= 0 && arrivals.met_count)
        r = correct_growth(&arrivals);
    arrivals_deinit(&arrivals);
    return r;
}
