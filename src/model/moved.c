/* Pages that moved. */
#include "moved.h"

#include <stdlib.h>

#define MOVES_MAX   256 /* in one window */
#define LEAST_PAGES 16  /* malloc moves nothing smaller by mremap: its threshold is 128 KiB */

static int by_first(const void *a, const void *b)
{
    const struct event_page_run *x = a, *y = b;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* The order of pages stays the same in a move. */
static int take_along(struct ledger *ledger, uint64_t from, uint64_t to, uint64_t count)
{
    struct pages *owners = &ledger->pages, *numbers = &ledger->missed.numbers;
    uint64_t row;
    int r = 0;
    for (; count && r >= 0; from += row, to += row, count -= row) {
        uint32_t owner = pages_owner_of_row(owners, from, count, false, &row);
        uint32_t number = pages_owner_of_row(numbers, from, row, false, &row);
        r = pages_give(owners, to, row, owner);
        if (r >= 0)
            r = pages_give(owners, from, row, PAGES_NOBODY);
        if (r >= 0)
            r = pages_give(numbers, to, row, number);
        if (r >= 0)
            r = pages_give(numbers, from, row, PAGES_NOBODY);
    }
    return r;
}

static void drop_empty(struct event_page_run *runs, size_t *count)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (runs[i].count)
            runs[kept++] = runs[i];
    *count = kept;
    if (kept > 1)
        qsort(runs, kept, sizeof(*runs), by_first);
}

/* The shortest row that a run fits in: a block that is made larger is moved when it cannot grow
 * where it is, so that little is added. */
static struct event_page_run *fitting(struct event_page_run *rows, size_t count, uint64_t pages)
{
    struct event_page_run *best = NULL;
    for (size_t i = 0; i < count; i++)
        if (rows[i].count >= pages && (!best || rows[i].count < best->count))
            best = &rows[i];
    return best;
}

int moved_follow(struct ledger *ledger)
{
    struct event_page_run *went = ledger->went;
    int r = 0;
    if (ledger->unreleased_pages < LEAST_PAGES || ledger->came_count == 0)
        return 0;
    qsort(went, ledger->went_count, sizeof(*went), ledger_longest_first);
    for (size_t i = 0; i < ledger->went_count && r >= 0; i++) {
        if (went[i].count < LEAST_PAGES || i >= MOVES_MAX)
            break;
        if (went[i].count > ledger->unreleased_pages)
            continue;
        struct event_page_run *row = fitting(ledger->came, ledger->came_count, went[i].count);
        if (!row)
            continue;
        r = take_along(ledger, went[i].first, row->first, went[i].count);
        ledger->unreleased_pages -= went[i].count;
        row->first += went[i].count;
        row->count -= went[i].count;
        went[i].count = 0;
    }
    drop_empty(went, &ledger->went_count);
    drop_empty(ledger->came, &ledger->came_count);
    return r;
}
