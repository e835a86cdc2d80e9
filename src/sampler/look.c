/* Looks at the page table. Knows nothing of who owns a page. */
#include "sampler/look.h"

#include <errno.h>
#include <stdlib.h>

#include "base/units.h"

#define LOOK_PERCENT  1.5 /* of one core */
#define CREDIT_S      1
#define LEAST_BYTES   (256 * KIB) /* that moved: less can wait */
#define FALLEN_GAP_NS (1 * NS_PER_MS)

void look_init(struct look *look, uint64_t grown_gap_ns, uint64_t now_ns)
{
    *look = (struct look){.pagemap = {.fd = -1}, .grown_gap_ns = grown_gap_ns};
    pace_init(&look->pace, (struct pace_budget){LOOK_PERCENT, 1, CREDIT_S}, LEAST_BYTES, now_ns);
}

void look_forget(struct look *look)
{
    pagemap_deinit(&look->pagemap);
    look->open = false;
}

void look_deinit(struct look *look)
{
    look_forget(look);
    free(look->before);
    look->before = NULL;
}

void look_note(struct look *look, uint64_t grown_bytes, uint64_t released_bytes)
{
    look->grown_bytes += grown_bytes;
    look->released_bytes += released_bytes;
}

bool look_is_due(struct look *look, uint64_t now_ns)
{
    if (!look->open)
        return true;
    if (look->grown_bytes + look->released_bytes < LEAST_BYTES)
        return false;
    bool fell = look->released_bytes >= LEAST_BYTES;
    bool due = now_ns - look->looked_ns >= (fell ? FALLEN_GAP_NS : look->grown_gap_ns);
    return due && pace_allows(&look->pace, now_ns);
}

void look_spend(struct look *look, uint64_t now_ns, uint64_t own_ns)
{
    pace_spend(&look->pace, now_ns, own_ns, look->grown_bytes + look->released_bytes);
    look->looked_ns = now_ns;
    look->grown_bytes = look->released_bytes = 0;
}

/* ---- comparing ---- */

struct parts { /* runs on their way into the recording */
    struct event_page_run runs[EVENT_PAGE_RUNS_MAX];
    uint32_t count;
    look_part_fn part;
    void *context;
};

static int hand_over(struct parts *parts, bool last)
{
    struct event_pages pages = {.count = parts->count, .last = last, .runs = parts->runs};
    parts->count = 0;
    return parts->part(parts->context, &pages);
}

static int add(struct parts *parts, uint64_t first, uint64_t end, enum event_page_change change)
{
    struct event_page_run *last = parts->count ? &parts->runs[parts->count - 1] : NULL;
    if (last && last->change == change && last->first + last->count == first) {
        last->count += end - first;
        return 0;
    }
    if (parts->count == EVENT_PAGE_RUNS_MAX) {
        int r = hand_over(parts, false);
        if (r < 0)
            return r;
    }
    parts->runs[parts->count++] =
        (struct event_page_run){.first = first, .count = end - first, .change = (uint8_t)change};
    return 0;
}

enum presence { ABSENT, RESIDENT, SWAPPED };

static int change_of(enum presence before, enum presence after)
{
    if (before == after)
        return -1;
    return after == RESIDENT ? PAGES_CAME : after == SWAPPED ? PAGES_SWAPPED : PAGES_WENT;
}

struct walker { /* along one list */
    const struct pagemap_run *run, *end;
};

/* What holds at address `at`, and up to where. Addresses only rise. */
static enum presence presence_at(struct walker *walker, uint64_t at, uint64_t *ret_until)
{
    while (walker->run < walker->end && walker->run->first + walker->run->count <= at)
        walker->run++;
    *ret_until = UINT64_MAX;
    if (walker->run == walker->end)
        return ABSENT;
    if (walker->run->first > at) {
        *ret_until = walker->run->first;
        return ABSENT;
    }
    *ret_until = walker->run->first + walker->run->count;
    return walker->run->swapped ? SWAPPED : RESIDENT;
}

int look_compare(const struct pagemap_run *before, size_t before_count,
                 const struct pagemap_run *after, size_t after_count, look_part_fn part,
                 void *context)
{
    struct parts parts = {.part = part, .context = context};
    struct walker old = {before, before + before_count}, new = {after, after + after_count};
    for (uint64_t at = 0; at < UINT64_MAX;) {
        uint64_t old_until, new_until;
        enum presence was = presence_at(&old, at, &old_until),
                      is = presence_at(&new, at, &new_until);
        uint64_t until = old_until < new_until ? old_until : new_until;
        int change = change_of(was, is);
        int r = change >= 0 ? add(&parts, at, until, (enum event_page_change)change) : 0;
        if (r < 0)
            return r;
        at = until;
    }
    return hand_over(&parts, true);
}

int look_take(struct look *look, pid_t pid, look_part_fn part, void *context)
{
    int r = look->open ? 0 : pagemap_init(&look->pagemap, pid);
    if (r < 0)
        return r;
    look->open = true;
    r = pagemap_read(&look->pagemap);
    if (r >= 0)
        r = look_compare(look->before, look->before_count, look->pagemap.runs, look->pagemap.count,
                         part, context);
    if (r < 0)
        return r;
    struct pagemap_run *runs = look->before;
    size_t cap = look->before_cap;
    look->before = look->pagemap.runs;
    look->before_count = look->pagemap.count;
    look->before_cap = look->pagemap.cap;
    look->pagemap.runs = runs;
    look->pagemap.cap = cap;
    return 0;
}
