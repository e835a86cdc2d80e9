/* Pages that a look no longer finds, and those that it does although others went there meanwhile.
 */
#include "gone.h"

#include "calltree.h"

/* What stays at an edge is doubted, if it is less than one page in so many that went. */
#define EDGE_SHARE 16

static uint64_t pages_of(const struct event_page_run *runs, size_t count)
{
    uint64_t pages = 0;
    for (size_t i = 0; i < count; i++)
        pages += runs[i].count;
    return pages;
}

uint64_t gone_unreleased(const struct ledger *ledger)
{
    uint64_t went = pages_of(ledger->went, ledger->went_count);
    uint64_t released = ledger_released(ledger) / ledger->page_bytes;
    return went > released ? went - released : 0;
}

static int count_went(struct ledger *ledger, const struct event_page_run *run)
{
    uint64_t end = run->first + run->count, row;
    int r = 0;
    for (uint64_t page = run->first; page < end && r >= 0; page += row) {
        uint32_t node = pages_owner_of_row(&ledger->pages, page, end - page, false, &row);
        if (node == PAGES_NOBODY)
            continue;
        r = ledger_touch(ledger, node);
        ledger->nodes[node].went += row * ledger->page_bytes;
    }
    return r;
}

int gone_take_back(struct ledger *ledger, const struct event_page_run *run)
{
    int r = count_went(ledger, run);
    if (r >= 0)
        r = missed_went(&ledger->missed, &ledger->pages, run->first, run->count);
    return r < 0 ? r : pages_give(&ledger->pages, run->first, run->count, PAGES_NOBODY);
}

/* Pages that grew although the look found none that came: where others had gone. */
static uint64_t refilled(const struct ledger *ledger)
{
    uint64_t grown = 0, came = pages_of(ledger->came, ledger->came_count);
    uint64_t released = ledger_released(ledger) / ledger->page_bytes;
    for (size_t i = 0; i < ledger->count; i++)
        grown += ledger->entries[i].grown_bytes;
    grown /= ledger->page_bytes;
    grown = grown > came ? grown - came : 0;
    return grown < released ? grown : released;
}

/* Pages from `page` on that belong to the node without doubt, at most `most`. */
static uint64_t reach(struct ledger *ledger, uint64_t page, bool down, uint32_t node, uint64_t most)
{
    struct pages *owners = &ledger->pages, *numbers = &ledger->missed.numbers;
    uint64_t count = 0, row;
    for (; count < most; count += row) {
        uint64_t at = down ? page - count : page + count;
        if (pages_owner_of_row(owners, at, most - count, down, &row) != node ||
            pages_owner_of_row(numbers, at, row, down, &row) != PAGES_NOBODY)
            break;
    }
    return count;
}

/* A little that stayed at the edge of much that went may be another's, who filled it since. Returns
 * how many pages are doubted, or a negative errno. */
static int64_t doubt_edge(struct ledger *ledger, const struct event_page_run *run, bool below,
                          uint64_t refilled_pages)
{
    uint64_t most = run->count / EDGE_SHARE, edge = below ? run->first : run->first + run->count;
    most = most < refilled_pages ? most : refilled_pages;
    if (most == 0 || edge == 0)
        return 0;
    uint32_t node = pages_owner(&ledger->pages, below ? edge : edge - 1);
    if (node == PAGES_NOBODY || node < CALLTREE_NATIVE)
        return 0;
    uint64_t count = reach(ledger, below ? edge - 1 : edge, below, node, most);
    if (count == 0)
        return 0;
    int r = ledger_add_missed(ledger, below ? edge - count : edge, count, &node);
    return r < 0 ? r : (int64_t)count;
}

int gone_follow(struct ledger *ledger)
{
    uint64_t refilled_pages = refilled(ledger);
    int r = 0;
    for (size_t i = 0; i < ledger->went_count && r >= 0; i++) {
        for (int below = 0; below < 2 && refilled_pages; below++) {
            int64_t doubted = doubt_edge(ledger, &ledger->went[i], below, refilled_pages);
            if (doubted < 0)
                return (int)doubted;
            refilled_pages -= (uint64_t)doubted;
        }
        r = gone_take_back(ledger, &ledger->went[i]);
    }
    return r;
}
