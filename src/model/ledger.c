/* The page ledger.
 *
 * - Pages that came in a window belong to those who grew in it (arrivals.c); at the first look, to
 *   the baseline. Pages that went: gone.c. Whose memory RSS fell by: releases.c.
 * - Work is in proportion to what moved in a window, however many nodes there are.
 * - Without a look: last in, first out. */
#include "ledger.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "arrivals.h"
#include "base/array.h"
#include "calltree.h"
#include "gone.h"
#include "moved.h"
#include "reconcile.h"
#include "releases.h"

#define CHANCE       2          /* standard deviations */
#define STEADY_SHARE 16         /* less than one page in so many went */
#define WINDOW_MAX   (1u << 20) /* entries; a window without a look cannot grow for ever */
/* A few bytes can tell of any number of pages. What a recording may ask for grows with its size;
 * real ones ask for less than 1 a byte. */
#define WORK_A_BYTE    32
#define SCANNED_MAX    (UINT64_C(1) << 29) /* nodes, in all windows: seconds */
#define PAGE_BYTES_MAX (UINT64_C(1) << 20) /* sums of them stay far from 2^63 */

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

int ledger_push(uint32_t **list, size_t *count, size_t *cap, uint32_t node)
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
    return ledger_push(&ledger->active, &ledger->active_count, &ledger->active_cap, node);
}
uint64_t ledger_released(const struct ledger *ledger)
{
    uint64_t released = 0;
    for (size_t i = 0; i < ledger->count; i++)
        released += ledger->entries[i].released_bytes;
    return released;
}

bool ledger_is_steady(const struct ledger *ledger, uint32_t node)
{
    uint64_t has = pages_owned(&ledger->pages, node) * ledger->page_bytes;
    return has && ledger_went(ledger, node) <= has / STEADY_SHARE;
}

uint64_t ledger_chance_bytes(const struct ledger *ledger, uint32_t node)
{
    return (uint64_t)(CHANCE * sqrt(ledger->nodes[node].chance.squares));
}

bool ledger_scan(struct ledger *ledger, size_t nodes)
{
    ledger->scanned += nodes;
    return ledger->scanned < SCANNED_MAX;
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
        r = ledger_push(&ledger->ready, &ledger->ready_count, &ledger->ready_cap, entry->node);
    if (entry->grown_bytes && r >= 0 && ledger->looks &&
        (ledger->newest_count == 0 || ledger->newest[ledger->newest_count - 1] != entry->node))
        r = ledger_push(&ledger->newest, &ledger->newest_count, &ledger->newest_cap, entry->node);
    return r < 0 ? r : ledger->settled(ledger->context, &change);
}

static int settle_entry(struct ledger *ledger, const struct ledger_entry *entry)
{
    return entry->node == PAGES_NOBODY ? releases_take(ledger, entry->point, entry->released_bytes)
                                       : settle_growth(ledger, entry);
}

int ledger_settle(struct ledger *ledger)
{
    int r = releases_share(ledger);
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
    ledger->unreleased_pages = gone_unreleased(ledger);
    int r = moved_follow(ledger);
    if (r >= 0)
        r = gone_follow(ledger);
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
    return releases_book(releasing->ledger, releasing->point, node, bytes);
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
    if (chance->samples == 0 || chance->sample != entry->sample) {
        chance->sample_bytes = 0;
        chance->samples++;
    }
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
