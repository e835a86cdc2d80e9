/* The page ledger.
 *
 * - Pages that came in a window belong to those who grew in it (arrivals.c); at the first look, to
 * the baseline.
 * - When RSS fell in a window by R, those gave it whose books say more than their pages: a node
 *   that holds 10 MB by its growth and has pages for 4 MB lost 6 MB. First as far as it grew in the
 *   window or its pages went in it; what those lost together is scaled down to R. What is left of R
 * is of those who missed pages before, the largest first.
 * - Nobody gives back at a moment what came later: then another one with memory does.
 * - Work is in proportion to what moved in a window, however many nodes there are.
 * - Without a look: last in, first out. */
#include "ledger.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arrivals.h"
#include "base/array.h"
#include "calltree.h"
#include "moved.h"
#include "reconcile.h"

#define CHANCE       2  /* standard deviations */
#define STEADY_SHARE 16 /* less than one page in so many went */
#define EDGE_SHARE                                                                                 \
    16 /* what stays at an edge is doubted, if less than one page in so many went                  \
        */
#define WINDOW_MAX (1u << 20) /* entries; a window without a look cannot grow for ever */
/* A few bytes can tell of any number of pages. What a recording may ask for grows with its size;
 * real ones ask for less than 1 a byte. */
#define WORK_A_BYTE    32
#define SCANNED_MAX    (UINT64_C(1) << 29) /* nodes, in all windows: seconds */
#define PAGE_BYTES_MAX (UINT64_C(1) << 20) /* sums of them stay far from 2^63 */

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

void ledger_init(struct ledger *ledger, const struct recording *recording,
                 const struct missed *told, ledger_settled_fn settled, void *context)
{
    struct recording_cursor cursor;
    struct event event;
    uint64_t page_bytes = recording->target.page_bytes;
    *ledger = (struct ledger){
        .told = told, .window = 1, .loser = PAGES_NOBODY, .settled = settled, .context = context};
    ledger->page_bytes = page_bytes && page_bytes <= PAGE_BYTES_MAX ? page_bytes : 4096;
    ledger->pages.work_more = ledger->missed.numbers.work_more =
        WORK_A_BYTE * (uint64_t)recording->events_bytes;
    for (recording_rewind(recording, &cursor); !ledger->looks && recording_next(&cursor, &event);)
        ledger->looks = event.kind == EVENT_PAGES;
}

void ledger_deinit(struct ledger *ledger)
{
    free(ledger->entries);
    free(ledger->came);
    free(ledger->went);
    free(ledger->nodes);
    free(ledger->active);
    free(ledger->ready);
    free(ledger->newest);
    pages_deinit(&ledger->pages);
    missed_deinit(&ledger->missed);
    holdings_deinit(&ledger->holdings);
}

int ledger_reserve(struct ledger *ledger, size_t count)
{
    if (array_reserve(&ledger->nodes, &ledger->nodes_cap, count, sizeof(*ledger->nodes)) < 0)
        return -ENOMEM;
    while (ledger->node_count < count)
        ledger->nodes[ledger->node_count++] = (struct ledger_node){0};
    return 0;
}

static int push(uint32_t **list, size_t *count, size_t *cap, uint32_t node)
{
    int r = array_reserve(list, cap, *count + 1, sizeof(**list));
    if (r >= 0)
        (*list)[(*count)++] = node;
    return r;
}

int ledger_touch(struct ledger *ledger, uint32_t node)
{
    struct ledger_node *of = &ledger->nodes[node];
    if (of->window == ledger->window)
        return 0;
    *of = (struct ledger_node){
        .held = of->held, .chance = of->chance, .tidied = of->tidied, .window = ledger->window};
    return push(&ledger->active, &ledger->active_count, &ledger->active_cap, node);
}

/* ---- releases ---- */

uint64_t ledger_released(const struct ledger *ledger)
{
    uint64_t released = 0;
    for (size_t i = 0; i < ledger->count; i++)
        released += ledger->entries[i].released_bytes;
    return released;
}

static int release(struct ledger *ledger, uint32_t point, uint32_t node, uint64_t bytes)
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
    return release(ledger, point, node, part);
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

bool ledger_is_steady(const struct ledger *ledger, uint32_t node)
{
    uint64_t has = pages_owned(&ledger->pages, node) * ledger->page_bytes;
    return has && ledger_went(ledger, node) <= has / STEADY_SHARE;
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
    ledger->scanned += ledger->newest_count;
    if (!all && ledger->scanned >= SCANNED_MAX)
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

uint64_t ledger_chance_bytes(const struct ledger *ledger, uint32_t node)
{
    return (uint64_t)(CHANCE * sqrt(ledger->nodes[node].chance.squares));
}

bool ledger_scan(struct ledger *ledger)
{
    ledger->scanned += ledger->node_count;
    return ledger->scanned < SCANNED_MAX;
}

/* More fell than those lost who are known to have lost: the rest is of those whose books were too
 * high already, the highest first. */
static int share_rest(struct ledger *ledger, uint64_t rest)
{
    while (rest && ledger_scan(ledger)) {
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
                    ? push(&ledger->ready, &ledger->ready_count, &ledger->ready_cap, node)
                    : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static int share_window(struct ledger *ledger)
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

/* ---- windows ---- */

static int settle_growth(struct ledger *ledger, const struct ledger_entry *entry)
{
    struct profile_change change = {.point = entry->point,
                                    .node = entry->node,
                                    .grown_bytes = entry->grown_bytes,
                                    .certain_bytes = entry->certain_bytes,
                                    .freed_bytes = entry->freed_bytes};
    struct ledger_node *of = &ledger->nodes[entry->node];
    int r = 0;
    of->held += entry->grown_bytes;
    ledger->held_bytes += entry->grown_bytes;
    if (entry->grown_bytes && of->window == ledger->window && of->share)
        r = push(&ledger->ready, &ledger->ready_count, &ledger->ready_cap, entry->node);
    if (entry->grown_bytes && r >= 0 && ledger->looks &&
        (ledger->newest_count == 0 || ledger->newest[ledger->newest_count - 1] != entry->node))
        r = push(&ledger->newest, &ledger->newest_count, &ledger->newest_cap, entry->node);
    return r < 0 ? r : ledger->settled(ledger->context, &change);
}

static int settle_entry(struct ledger *ledger, const struct ledger_entry *entry)
{
    uint64_t left = entry->released_bytes;
    if (entry->node != PAGES_NOBODY)
        return settle_growth(ledger, entry);
    int r = take_by_share(ledger, entry->point, &left);
    return r < 0 ? r : take_anyhow(ledger, entry->point, &left);
}

int ledger_settle(struct ledger *ledger)
{
    int r = share_window(ledger);
    for (size_t i = 0; i < ledger->count && r >= 0; i++)
        r = settle_entry(ledger, &ledger->entries[i]);
    ledger->count = ledger->came_count = ledger->went_count = ledger->active_count = 0;
    ledger->window++;
    return r;
}

int ledger_longest_first(const void *a, const void *b)
{
    const struct event_page_run *x = a, *y = b;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return x->first < y->first ? -1 : x->first > y->first;
}

static int keep_run(struct event_page_run **list, size_t *count, size_t *cap,
                    const struct event_page_run *run)
{
    int r = array_reserve(list, cap, *count + 1, sizeof(**list));
    if (r >= 0)
        (*list)[(*count)++] = *run;
    return r;
}

static uint64_t pages_of(const struct event_page_run *runs, size_t count)
{
    uint64_t pages = 0;
    for (size_t i = 0; i < count; i++)
        pages += runs[i].count;
    return pages;
}

/* What went, less what RSS fell by: pages that are elsewhere now. */
static uint64_t unreleased(const struct ledger *ledger)
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

int ledger_take_back(struct ledger *ledger, const struct event_page_run *run)
{
    int r = count_went(ledger, run);
    if (r >= 0)
        r = missed_went(&ledger->missed, &ledger->pages, run->first, run->count);
    return r < 0 ? r : pages_give(&ledger->pages, run->first, run->count, PAGES_NOBODY);
}

int ledger_give(struct ledger *ledger, uint64_t first, uint64_t count, uint32_t node)
{
    int r = ledger_touch(ledger, node);
    if (r < 0)
        return r;
    ledger->nodes[node].came += count * ledger->page_bytes;
    return pages_give(&ledger->pages, first, count, node);
}

int ledger_add_missed(struct ledger *ledger, uint64_t first, uint64_t count, uint32_t *ret_owner)
{
    uint32_t owner =
        ledger->told ? missed_owner(ledger->told, ledger->window, first) : PAGES_NOBODY;
    int r = missed_add(&ledger->missed, ledger->window, first, count);
    bool known = owner < ledger->node_count && owner >= CALLTREE_NATIVE;
    *ret_owner = known ? owner : PAGES_NOBODY;
    return r < 0 || !known ? r : ledger_give(ledger, first, count, owner);
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

static int forget_went(struct ledger *ledger)
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
        r = ledger_take_back(ledger, &ledger->went[i]);
    }
    return r;
}

/* At the first look, everything that is there. */
static int give_baseline(struct ledger *ledger)
{
    int r = 0;
    for (size_t i = 0; i < ledger->came_count && r >= 0; i++)
        r = pages_give(&ledger->pages, ledger->came[i].first, ledger->came[i].count,
                       CALLTREE_BASELINE);
    ledger->began = true;
    return r;
}

static int take_look(struct ledger *ledger)
{
    if (!ledger->began)
        return give_baseline(ledger);
    ledger->unreleased_pages = unreleased(ledger);
    int r = moved_follow(ledger);
    if (r >= 0)
        r = forget_went(ledger);
    if (r >= 0)
        r = arrivals_assign(ledger);
    return r < 0 ? r : reconcile_window(ledger);
}

int ledger_look(struct ledger *ledger, const struct event_pages *look)
{
    int r = 0;
    for (uint32_t i = 0; i < look->count && r >= 0; i++) {
        const struct event_page_run *run = &look->runs[i];
        r = run->change == PAGES_CAME
                ? keep_run(&ledger->came, &ledger->came_count, &ledger->came_cap, run)
                : keep_run(&ledger->went, &ledger->went_count, &ledger->went_cap, run);
    }
    return r;
}

int ledger_close(struct ledger *ledger)
{
    int r = take_look(ledger);
    if (r < 0 && r != -E2BIG) /* more than can be followed: the owners stay as they are */
        return r;
    return ledger_settle(ledger);
}

/* ---- recordings without looks ---- */

struct releasing {
    struct ledger *ledger;
    uint32_t point;
};

static int release_newest(void *context, uint32_t node, uint64_t bytes)
{
    struct releasing *releasing = context;
    return release(releasing->ledger, releasing->point, node, bytes);
}

static int settle_at_once(struct ledger *ledger, const struct ledger_entry *entry)
{
    if (entry->node == PAGES_NOBODY) {
        struct releasing releasing = {ledger, entry->point};
        return holdings_release(&ledger->holdings, entry->released_bytes, release_newest,
                                &releasing);
    }
    int r = settle_growth(ledger, entry);
    return r < 0 ? r : holdings_grow(&ledger->holdings, entry->node, entry->grown_bytes);
}

static void note_chance(struct ledger_chance *chance, const struct ledger_entry *entry)
{
    double bytes = (double)entry->grown_bytes;
    if (chance->sample != entry->sample)
        chance->sample_bytes = 0;
    chance->sample = entry->sample;
    chance->squares += bytes * (bytes + 2 * chance->sample_bytes);
    chance->sample_bytes += bytes;
}

int ledger_enter(struct ledger *ledger, const struct ledger_entry *entry)
{
    int r = entry->node == PAGES_NOBODY ? 0 : ledger_reserve(ledger, (size_t)entry->node + 1);
    if (r < 0)
        return r;
    if (!ledger->looks)
        return settle_at_once(ledger, entry);
    if (ledger->count >= WINDOW_MAX) {
        r = ledger_settle(ledger);
        if (r < 0)
            return r;
    }
    r = array_reserve(&ledger->entries, &ledger->cap, ledger->count + 1, sizeof(*ledger->entries));
    if (r < 0)
        return r;
    if (entry->node != PAGES_NOBODY) {
        r = ledger_touch(ledger, entry->node);
        ledger->nodes[entry->node].grown += entry->grown_bytes;
        note_chance(&ledger->nodes[entry->node].chance, entry);
    }
    if (r < 0)
        return r;
    ledger->entries[ledger->count] = *entry;
    ledger->entries[ledger->count].order = (uint32_t)ledger->count;
    ledger->count++;
    return 0;
}
