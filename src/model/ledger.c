/* The page ledger.
 *
 * - Pages that came in a window belong to those who grew in it (arrivals.c); at the first look, to
 * the baseline.
 * - When RSS fell in a window by R, those gave it whose books say more than their pages: a node
 * that holds 10 MB by its growth and has pages for 4 MB lost 6 MB. What all such nodes miss
 * together is scaled to R, for pages that are shared or were not seen to come are in no book.
 * - Nobody gives back at a moment what came later: then another one with memory does.
 * - Without a look: last in, first out. */
#include "ledger.h"

#include <errno.h>
#include <stdlib.h>

#include "arrivals.h"
#include "base/array.h"
#include "calltree.h"
#include "moved.h"
#include "reconcile.h"

#define WINDOW_MAX (1u << 20) /* entries; a window without a look cannot grow for ever */
/* A few bytes can tell of any number of pages. What a recording may ask for grows with its size; real ones ask for about 1 a
 * byte. */
#define WORK_A_BYTE 16

void ledger_init(struct ledger *ledger, const struct recording *recording,
                 const struct missed *told, ledger_settled_fn settled, void *context)
{
    struct recording_cursor cursor;
    struct event event;
    *ledger = (struct ledger){
        .told = told, .loser = PAGES_NOBODY, .settled = settled, .context = context};
    ledger->page_bytes = recording->target.page_bytes ? recording->target.page_bytes : 4096;
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
    free(ledger->held);
    free(ledger->share);
    free(ledger->lost);
    pages_deinit(&ledger->pages);
    missed_deinit(&ledger->missed);
    holdings_deinit(&ledger->holdings);
}

int ledger_reserve(struct ledger *ledger, size_t count)
{
    if (array_reserve(&ledger->held, &ledger->held_cap, count, sizeof(uint64_t)) < 0 ||
        array_reserve(&ledger->share, &ledger->share_cap, count, sizeof(uint64_t)) < 0)
        return -ENOMEM;
    for (; ledger->held_count < count; ledger->held_count++)
        ledger->held[ledger->held_count] = ledger->share[ledger->held_count] = 0;
    return 0;
}

static int release(struct ledger *ledger, uint32_t point, uint32_t node, uint64_t bytes)
{
    struct profile_change change = {.point = point, .node = node, .released_bytes = bytes};
    ledger->held[node] -= bytes;
    return ledger->settled(ledger->context, &change);
}

/* Takes up to `bytes` from a node, at most what it has. */
static int take_from(struct ledger *ledger, uint32_t point, uint32_t node, uint64_t most,
                     uint64_t *left)
{
    uint64_t part = ledger->held[node] < *left ? ledger->held[node] : *left;
    if (part > most)
        part = most;
    if (part == 0)
        return 0;
    *left -= part;
    return release(ledger, point, node, part);
}

static int take_by_share(struct ledger *ledger, uint32_t point, uint64_t *left)
{
    for (uint32_t node = 0; node < ledger->held_count && *left; node++) {
        uint64_t before = *left;
        int r = take_from(ledger, point, node, ledger->share[node], left);
        if (r < 0)
            return r;
        ledger->share[node] -= before - *left;
    }
    return 0;
}

/* The one that lost most: it may have filled the same pages again before the look. Then those who
 * grew last in the window, then anybody. */
static int take_anyhow(struct ledger *ledger, uint32_t point, uint64_t *left)
{
    int r = ledger->loser < ledger->held_count
                ? take_from(ledger, point, ledger->loser, UINT64_MAX, left)
                : 0;
    for (size_t i = ledger->count; i-- > 0 && *left && r >= 0;)
        if (ledger->entries[i].node < ledger->held_count)
            r = take_from(ledger, point, ledger->entries[i].node, UINT64_MAX, left);
    for (uint32_t node = (uint32_t)ledger->held_count; node-- > 0 && *left && r >= 0;)
        r = take_from(ledger, point, node, UINT64_MAX, left);
    return r;
}

/* How much each node misses, scaled to what was released in all. */
static void share_release(struct ledger *ledger, uint64_t grown_of_window[], uint64_t released)
{
    uint64_t missing = 0;
    ledger->loser = PAGES_NOBODY;
    for (size_t i = 0; i < ledger->held_count; i++) {
        uint64_t books = ledger->held[i] + grown_of_window[i];
        uint64_t has = pages_owned(&ledger->pages, (uint32_t)i) * ledger->page_bytes;
        ledger->share[i] = books > has ? books - has : 0;
        missing += ledger->share[i];
        if (ledger->share[i] > (ledger->loser == PAGES_NOBODY ? 0 : ledger->share[ledger->loser]))
            ledger->loser = (uint32_t)i;
    }
    if (missing <= released)
        return; /* the rest is taken anyhow */
    for (size_t i = 0; i < ledger->held_count; i++)
        ledger->share[i] = (uint64_t)((unsigned __int128)ledger->share[i] * released / missing);
}

static int share_window(struct ledger *ledger)
{
    uint64_t released = 0;
    for (size_t i = 0; i < ledger->count; i++)
        released += ledger->entries[i].released_bytes;
    if (released == 0)
        return 0;
    uint64_t *grown = calloc(ledger->held_count + 1, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    for (size_t i = 0; i < ledger->count; i++)
        if (ledger->entries[i].node != PAGES_NOBODY)
            grown[ledger->entries[i].node] += ledger->entries[i].grown_bytes;
    share_release(ledger, grown, released);
    free(grown);
    return 0;
}

static int settle_entry(struct ledger *ledger, const struct ledger_entry *entry)
{
    uint64_t left = entry->released_bytes;
    if (entry->node != PAGES_NOBODY) {
        struct profile_change change = {.point = entry->point,
                                        .node = entry->node,
                                        .grown_bytes = entry->grown_bytes,
                                        .certain_bytes = entry->certain_bytes,
                                        .freed_bytes = entry->freed_bytes};
        ledger->held[entry->node] += entry->grown_bytes;
        return ledger->settled(ledger->context, &change);
    }
    int r = take_by_share(ledger, entry->point, &left);
    return r < 0 ? r : take_anyhow(ledger, entry->point, &left);
}

int ledger_settle(struct ledger *ledger)
{
    int r = share_window(ledger);
    for (size_t i = 0; i < ledger->count && r >= 0; i++)
        r = settle_entry(ledger, &ledger->entries[i]);
    ledger->count = ledger->came_count = ledger->went_count = 0;
    return r;
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
    uint64_t went = pages_of(ledger->went, ledger->went_count), released = 0;
    for (size_t i = 0; i < ledger->count; i++)
        released += ledger->entries[i].released_bytes;
    released /= ledger->page_bytes;
    return went > released ? went - released : 0;
}

static int forget_went(struct ledger *ledger)
{
    int r = array_reserve(&ledger->lost, &ledger->lost_cap, ledger->held_count + 1,
                          sizeof(*ledger->lost));
    for (size_t i = 0; i < ledger->held_count && r >= 0; i++)
        ledger->lost[i] = pages_owned(&ledger->pages, (uint32_t)i);
    for (size_t i = 0; i < ledger->went_count && r >= 0; i++) {
        const struct event_page_run *run = &ledger->went[i];
        r = missed_went(&ledger->missed, &ledger->pages, run->first, run->count);
        if (r >= 0)
            r = pages_give(&ledger->pages, run->first, run->count, PAGES_NOBODY);
    }
    for (size_t i = 0; i < ledger->held_count && r >= 0; i++)
        ledger->lost[i] -= pages_owned(&ledger->pages, (uint32_t)i);
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
    int r = settle_entry(ledger, entry);
    return r < 0 ? r : holdings_grow(&ledger->holdings, entry->node, entry->grown_bytes);
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
    ledger->entries[ledger->count] = *entry;
    ledger->entries[ledger->count].order = (uint32_t)ledger->count;
    ledger->count++;
    return 0;
}
