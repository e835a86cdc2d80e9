/* Whose pages came.
 *
 * A look finds rows of neighbouring pages that came since the look before. Some samples of that
 * time know the page at which they met the growth:
 *
 * - A row with such samples is shared among them by their addresses. Programs fill memory upwards,
 * so that a sample stands for the pages below its own.
 * - A row without is memory that the samples missed: see missed.h. As long as it did not come out
 *   whose it is, it goes to those of whose growth no pages were found yet, the largest row to the
 * one that misses most. */
#include "arrivals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "calltree.h"
#include "gone.h"

#define FALLEN_SHARE 2                   /* of what had grown, one in so many */
#define PAINTED_MAX  (UINT64_C(1) << 26) /* pages of a row */
#define FILLED_GAPS  4 /* times what an entry stands for: between two of a node all is its own */
#define PAINTED_OVER 8 /* times: beyond that, entries have their own page only */

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
    uint64_t fallen_pages; /* by which RSS fell, and that may have come again */
    size_t fallen;         /* entries before that */
};

static int by_page(const void *a, const void *b)
{
    const struct ledger_entry *const *x = a, *const *y = b;
    if ((*x)->page != (*y)->page)
        return (*x)->page < (*y)->page ? -1 : 1;
    return *x < *y ? -1 : *x > *y; /* in the order of time */
}

static int by_bytes_down(const void *a, const void *b)
{
    const struct wish *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x->node < y->node ? -1 : x->node > y->node;
}

static void arrivals_deinit(struct arrivals *arrivals)
{
    free(arrivals->met);
    free(arrivals->rest);
}

/* A sample without a page between two others of the same node was met where those were. */
static void adopt_pages(struct ledger *ledger)
{
    const struct ledger_entry *before = NULL;
    size_t first = 0; /* of those without a page since `before` */
    for (size_t i = 0; i < ledger->count; i++) {
        const struct ledger_entry *entry = &ledger->entries[i];
        if (entry->node == PAGES_NOBODY || !entry->grown_bytes)
            continue;
        if (!entry->page) {
            if (before && entry->node != before->node)
                before = NULL;
            continue;
        }
        for (size_t j = first; before && before->node == entry->node && j < i; j++)
            if (ledger->entries[j].node == entry->node && !ledger->entries[j].page)
                ledger->entries[j].page = before->page;
        before = entry;
        first = i + 1;
    }
}

/* Memory that fell may have come again at the same addresses, and for somebody else: up to here
 * much of what had grown may be gone. */
static size_t find_fallen(const struct ledger *ledger)
{
    uint64_t grown = 0, released = 0;
    for (size_t i = 0; i < ledger->count; i++)
        grown += ledger->entries[i].grown_bytes;
    for (size_t i = ledger->count; i-- > 0; grown -= ledger->entries[i].grown_bytes) {
        released += ledger->entries[i].released_bytes;
        if (released > grown / FALLEN_SHARE)
            return i + 1;
    }
    return 0;
}

static int arrivals_init(struct arrivals *arrivals, struct ledger *ledger)
{
    *arrivals = (struct arrivals){
        .ledger = ledger,
        .met = calloc(ledger->count + 1, sizeof(struct ledger_entry *)),
        .rest = calloc(ledger->came_count + 1, sizeof(struct event_page_run)),
    };
    if (!arrivals->met || !arrivals->rest)
        return -ENOMEM;
    arrivals->fallen_pages = ledger_released(ledger) / ledger->page_bytes;
    arrivals->fallen = find_fallen(ledger);
    adopt_pages(ledger);
    for (size_t i = 0; i < ledger->count; i++) {
        struct ledger_entry *entry = &ledger->entries[i];
        if (entry->node != PAGES_NOBODY && entry->page && entry->grown_bytes)
            arrivals->met[arrivals->met_count++] = entry;
    }
    qsort(arrivals->met, arrivals->met_count, sizeof(struct ledger_entry *), by_page);
    return 0;
}

static int by_time(const void *a, const void *b)
{
    const struct ledger_entry *const *x = a, *const *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Writes a node's number on the pages of a row that an entry stands for: its own, and those below
 * that its growth reaches for, but not those of the entry before. Later ones write over earlier
 * ones: pages go and come again. */
static void paint(const struct ledger *ledger, const struct event_page_run *row,
                  struct ledger_entry *const *entries, size_t index, uint32_t owners[],
                  uint64_t *work)
{
    const struct ledger_entry *entry = entries[index];
    uint64_t at = entry->page - row->first;
    uint64_t reach = (entry->grown_bytes + ledger->page_bytes - 1) / ledger->page_bytes;
    uint64_t lowest = reach > at ? 0 : at + 1 - reach;
    const struct ledger_entry *before = index ? entries[index - 1] : NULL;
    if (before && before->page < entry->page) {
        uint64_t next = before->page - row->first + 1;
        bool same = before->node == entry->node && at - next < FILLED_GAPS * reach;
        if (same || next > lowest)
            lowest = next;
    }
    if (at - lowest > *work)
        lowest = at;
    *work -= at - lowest;
    for (uint64_t i = lowest; i <= at; i++)
        owners[i] = entry->node;
}

/* What nobody reached for goes with what is below it, or else above. */
static int give_painted(struct ledger *ledger, const struct event_page_run *row, uint32_t owners[])
{
    uint64_t first = 0, from = 0;
    while (owners[first] == PAGES_NOBODY)
        first++;
    uint32_t node = owners[first];
    for (uint64_t i = first; i < row->count; i++) {
        if (owners[i] == PAGES_NOBODY || owners[i] == node)
            continue;
        int r = ledger_give(ledger, row->first + from, i - from, node);
        if (r < 0)
            return r;
        node = owners[i];
        from = i;
    }
    return ledger_give(ledger, row->first + from, row->count - from, node);
}

/* Shares a row among the entries met[from..to) that were met in it. */
static int share_row(struct arrivals *arrivals, const struct event_page_run *row, size_t from,
                     size_t to)
{
    struct ledger_entry **entries = arrivals->met + from;
    if (row->count > PAINTED_MAX)
        return ledger_give(arrivals->ledger, row->first, row->count, entries[0]->node);
    _cleanup_(freep) uint32_t *owners = malloc(row->count * sizeof(*owners));
    uint64_t work = PAINTED_OVER * row->count;
    if (!owners)
        return -ENOMEM;
    for (uint64_t i = 0; i < row->count; i++)
        owners[i] = PAGES_NOBODY;
    qsort(entries, to - from, sizeof(*entries), by_time);
    for (size_t i = 0; i < to - from; i++)
        paint(arrivals->ledger, row, entries, i, owners, &work);
    return give_painted(arrivals->ledger, row, owners);
}

/* A row that no sample met. */
static int give_missed(struct arrivals *arrivals, const struct event_page_run *row)
{
    uint32_t owner;
    int r = ledger_add_missed(arrivals->ledger, row->first, row->count, &owner);
    if (r >= 0 && owner == PAGES_NOBODY)
        arrivals->rest[arrivals->rest_count++] = *row;
    return r;
}

/* The row that is doubted since this look and that the page lies in. */
static bool doubted_row(struct ledger *ledger, uint64_t page, struct event_page_run *ret_run)
{
    uint32_t number = pages_owner(&ledger->missed.numbers, page);
    if (number >= ledger->missed.count || ledger->missed.rows[number].window != ledger->window)
        return false;
    const struct missed_row *row = &ledger->missed.rows[number];
    *ret_run = (struct event_page_run){.first = row->first, .count = row->count};
    return true;
}

/* Pages that are somebody's, from this one downwards, at most `most`. */
static uint64_t present_below(struct ledger *ledger, uint64_t page, uint64_t most)
{
    uint64_t count = 0, row;
    while (count < most && pages_owner_of_row(&ledger->pages, page - count, most - count, true,
                                              &row) != PAGES_NOBODY)
        count += row;
    return count;
}

/* A thread was met where memory was there before, and RSS fell: those pages went and came again
 * between two looks. From `lowest`, up to that page, as far as what grew reaches. */
static int give_refilled(struct arrivals *arrivals, const struct ledger_entry *entry,
                         uint64_t grown_bytes, uint64_t lowest)
{
    struct ledger *ledger = arrivals->ledger;
    struct event_page_run run;
    uint64_t most = (grown_bytes + ledger->page_bytes - 1) / ledger->page_bytes;
    if (entry->page < lowest || entry < ledger->entries + arrivals->fallen)
        return 0;
    if (!doubted_row(ledger, entry->page, &run)) {
        most = most < entry->page - lowest + 1 ? most : entry->page - lowest + 1;
        run.count = present_below(ledger, entry->page, most);
        run.first = entry->page - run.count + 1;
    }
    if (run.count == 0 || run.count > arrivals->fallen_pages)
        return 0;
    arrivals->fallen_pages -= run.count;
    int r = gone_take_back(ledger, &run);
    return r < 0 ? r : ledger_give(ledger, run.first, run.count, entry->node);
}

/* The entries from *at on that were met below `end`, in memory that was there before. */
static int give_between(struct arrivals *arrivals, size_t *at, uint64_t lowest, uint64_t end)
{
    int r = 0;
    while (*at < arrivals->met_count && arrivals->met[*at]->page < end && r >= 0) {
        const struct ledger_entry *entry = arrivals->met[*at];
        missed_claim(&arrivals->ledger->missed, arrivals->ledger->window, entry->page, entry->node);
        uint64_t grown_bytes = 0; /* by one sample, at several points of time */
        for (; *at < arrivals->met_count && arrivals->met[*at]->page == entry->page; ++*at)
            grown_bytes += arrivals->met[*at]->grown_bytes;
        r = give_refilled(arrivals, entry, grown_bytes, lowest);
        lowest = entry->page + 1;
    }
    return r;
}

/* Rows in the order of addresses, and the entries that were met in them and between them. */
static int give_rows(struct arrivals *arrivals)
{
    size_t at = 0;
    uint64_t lowest = 0;
    for (size_t i = 0; i < arrivals->ledger->came_count; i++) {
        const struct event_page_run *row = &arrivals->ledger->came[i];
        int r = give_between(arrivals, &at, lowest, row->first);
        size_t from = at;
        while (at < arrivals->met_count && arrivals->met[at]->page < row->first + row->count)
            at++;
        if (r >= 0)
            r = from < at ? share_row(arrivals, row, from, at) : give_missed(arrivals, row);
        if (r < 0)
            return r;
        lowest = row->first + row->count;
    }
    return give_between(arrivals, &at, lowest, UINT64_MAX);
}

/* Nodes for whose growth no pages were found yet; those that miss most first. */
static int list_wishes(const struct arrivals *arrivals, struct wish **ret_wishes, size_t *ret_count)
{
    const struct ledger *ledger = arrivals->ledger;
    struct wish *wishes = calloc(ledger->active_count + 1, sizeof(*wishes));
    size_t count = 0;
    uint64_t largest = 0;
    uint32_t most = CALLTREE_ROOT; /* which never grew */
    if (!wishes)
        return -ENOMEM;
    for (size_t i = 0; i < ledger->active_count; i++) {
        uint32_t node = ledger->active[i];
        const struct ledger_node *of = &ledger->nodes[node];
        if (of->grown > largest || (of->grown && of->grown == largest && node < most))
            most = node;
        largest = of->grown > largest ? of->grown : largest;
        if (of->grown >= of->came + ledger->page_bytes)
            wishes[count++] = (struct wish){node, of->grown - of->came};
    }
    if (count == 0) /* nobody misses anything: the one that grew most */
        wishes[count++] = (struct wish){most, 0};
    qsort(wishes, count, sizeof(*wishes), by_bytes_down);
    *ret_wishes = wishes;
    *ret_count = count;
    return 0;
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
    qsort(arrivals->rest, arrivals->rest_count, sizeof(*arrivals->rest), ledger_longest_first);
    for (size_t i = 0; i < arrivals->rest_count && r >= 0; i++) {
        struct event_page_run row = arrivals->rest[i];
        while (row.count && r >= 0) {
            uint64_t pages = wishes[at].bytes / page_bytes;
            bool last = at + 1 == count;
            uint64_t part = pages < row.count && !last ? pages : row.count;
            if (wishes[at].node != CALLTREE_ROOT)
                r = ledger_give(arrivals->ledger, row.first, part, wishes[at].node);
            row.first += part;
            row.count -= part;
            wishes[at].bytes -= part < pages ? part * page_bytes : wishes[at].bytes;
            if (!last && wishes[at].bytes < page_bytes)
                at++;
        }
    }
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
    arrivals_deinit(&arrivals);
    return r;
}
