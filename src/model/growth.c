/* All attribution policy. Knows events, stacks as nodes, and points as numbers; must not know rows
 * or output.
 *
 * - The first reading is the baseline: what was resident before anybody looked.
 * - Growth that readings saw is pending until the next sample, whose owners share it, together with
 * the sample's own, in proportion to the faults that each took since the sample before; equally
 * when nobody faulted. Whole bytes; what is left over goes to the owner with most faults.
 * - Each pending reading is booked at its own point of time, so the books balance at every point.
 * - A thread that faulted and was not stopped is charged where its own next stack stands; one that
 * was met too late, where it was met at one of the faults around that time. Faults in between that
 * the kernel wrote down (STACK_GLIMPSED) share like any other owner.
 * - A thread without Python frames is `<native>`. A thread whose stack could not be read, or is
 * gone, and a sample without owners are `<unattributed>`. So is what is still pending at the end of
 * the recording, and at the end of the program, before the interpreter tears itself down.
 * - Whose memory it was that went away, and what the page table tells of growth, is up to the
 * ledger. */
#include "growth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/intern.h"
#include "certainty.h"
#include "changes.h"
#include "ledger.h"
#include "kinds.h"
#include "later.h"
#include "pauses.h"

struct pending {
    uint32_t point;
    uint64_t grown_bytes, released_bytes;
    uint32_t freed_by; /* node, or PAGES_NOBODY: those of the next sample */
};

struct share {
    uint32_t node;
    int32_t tid; /* 0: nobody's */
    uint64_t weight;
    uint64_t page; /* where the growth was met, or 0 */
    bool certain;  /* all of it */
    bool in_act;   /* met in the act of a fault: that page is certain anyway */
    uint32_t number; /* of all owners */
};

struct shares {
    struct share list[EVENT_OWNERS_MAX];
    size_t count, largest;
    uint64_t total_weight;
};

struct attribution {
    const struct timeline *timeline;
    struct calltree *tree;
    struct profile *profile;
    struct changes changes;
    struct ledger ledger;
    struct certainty certainty;
    struct kinds kinds;
    struct pending *pending;
    size_t pending_count, pending_cap;
    size_t reading; /* how many were seen */
    uint32_t point; /* of the newest */
    struct intern threads;
    size_t threads_cap;
    bool look_waits;    /* for the sample that enters what was pending when it was taken: */
    size_t look_behind; /* so many of `pending` */
    struct later later;
    uint32_t sample; /* number of the one at hand */
    uint32_t owner;  /* and of the last owner */
    struct pauses pauses;
};

static int note_change(void *context, const struct profile_change *change)
{
    struct attribution *at = context;
    return changes_add(&at->changes, change);
}

static int thread_index(struct attribution *at, int32_t tid, uint32_t *ret_index)
{
    struct profile *profile = at->profile;
    bool added;
    int r = intern_add(&at->threads, &tid, sizeof(tid), ret_index, &added);
    if (r < 0 || !added)
        return r;
    r = array_reserve(&profile->threads, &at->threads_cap, profile->thread_count + 1,
                      sizeof(*profile->threads));
    if (r < 0)
        return r;
    profile->threads[profile->thread_count++] = (struct profile_thread){.tid = tid, .name = ""};
    return 0;
}

static uint64_t certain_part(const struct attribution *at, const struct share *share,
                             uint64_t bytes)
{
    uint64_t page_bytes = share->in_act ? at->ledger.page_bytes : 0;
    return share->certain || bytes < page_bytes ? bytes : page_bytes;
}

static int charge(struct attribution *at, const struct pending *pending, const struct share *share,
                  uint64_t grown_bytes, uint64_t freed_bytes)
{
    uint32_t thread;
    if (grown_bytes == 0 && freed_bytes == 0)
        return 0;
    struct ledger_entry entry = {
        .point = pending->point,
        .node = share->node,
        .grown_bytes = grown_bytes,
        .certain_bytes = certain_part(at, share, grown_bytes),
        .freed_bytes = freed_bytes,
        .page = share->page,
        .sample = share->number,
    };
    int r = ledger_enter(&at->ledger, &entry);
    if (r >= 0 && pending->point <= at->profile->end_point)
        r = kinds_charge(&at->kinds, share->node, share->page, grown_bytes);
    if (r < 0 || !share->tid || pending->point > at->profile->end_point)
        return r;
    r = thread_index(at, share->tid, &thread);
    if (r >= 0)
        at->profile->threads[thread].grown_bytes += grown_bytes;
    return r;
}

static void split(uint64_t bytes, const struct shares *shares, uint64_t parts[])
{
    uint64_t left = bytes;
    for (size_t i = 0; i < shares->count; i++) {
        parts[i] =
            (uint64_t)((unsigned __int128)bytes * shares->list[i].weight / shares->total_weight);
        left -= parts[i];
    }
    parts[shares->largest] += left;
}

static int settle_one(struct attribution *at, const struct pending *pending,
                      const struct shares *shares)
{
    uint64_t grown[EVENT_OWNERS_MAX] = {0}, freed[EVENT_OWNERS_MAX] = {0};
    split(pending->grown_bytes, shares, grown);
    if (pending->freed_by == PAGES_NOBODY)
        split(pending->released_bytes, shares, freed);
    for (size_t i = 0; i < shares->count; i++) {
        int r = charge(at, pending, &shares->list[i], grown[i], freed[i]);
        if (r < 0)
            return r;
    }
    if (pending->released_bytes == 0)
        return 0;
    struct share freer = {.node = pending->freed_by};
    int r =
        freer.node == PAGES_NOBODY ? 0 : charge(at, pending, &freer, 0, pending->released_bytes);
    if (r < 0)
        return r;
    struct ledger_entry entry = {
        .point = pending->point, .node = PAGES_NOBODY, .released_bytes = pending->released_bytes};
    return ledger_enter(&at->ledger, &entry);
}

static int close_window(struct attribution *at)
{
    at->look_waits = false;
    return ledger_close(&at->ledger);
}

static int settle(struct attribution *at, const struct shares *shares)
{
    for (size_t i = 0; i < at->pending_count; i++) {
        int r = settle_one(at, &at->pending[i], shares);
        if (r >= 0 && at->look_waits && i + 1 == at->look_behind)
            r = close_window(at); /* what comes now is of the next window */
        if (r < 0)
            return r;
    }
    at->pending_count = 0;
    return 0;
}

static int settle_unattributed(struct attribution *at)
{
    static const struct shares nobody = {
        .list = {{.node = CALLTREE_UNATTRIBUTED, .weight = 1}}, .count = 1, .total_weight = 1};
    return settle(at, &nobody);
}

/* Turns a reading into pending growth. */
static int see_memory(struct attribution *at, const struct event_memory *memory)
{
    int r;
    if (at->reading == at->timeline->end_reading + 1) {
        r = settle_unattributed(at); /* the end of the program is a border */
        if (r >= 0)
            r = ledger_settle(&at->ledger);
        if (r < 0)
            return r;
    }
    while (at->timeline->kept[at->point] < at->reading)
        at->point++;
    if (at->reading++ == 0) {
        struct ledger_entry entry = {
            .point = at->point, .node = CALLTREE_BASELINE, .grown_bytes = memory->rss_bytes};
        return ledger_enter(&at->ledger, &entry);
    }
    if (memory->grown_bytes == 0 && memory->released_bytes == 0)
        return 0;
    /* Readings of the same point that only grew are one: nothing lies between them. */
    struct pending *last = at->pending_count ? &at->pending[at->pending_count - 1] : NULL;
    if (last && last->point == at->point && last->released_bytes == 0 &&
        last->freed_by == PAGES_NOBODY &&
        !(at->look_waits && at->look_behind == at->pending_count)) {
        last->grown_bytes += memory->grown_bytes;
        last->released_bytes = memory->released_bytes;
        return 0;
    }
    r = array_reserve(&at->pending, &at->pending_cap, at->pending_count + 1, sizeof(*at->pending));
    if (r < 0)
        return r;
    at->pending[at->pending_count++] = (struct pending){.point = at->point,
                                                        .grown_bytes = memory->grown_bytes,
                                                        .released_bytes = memory->released_bytes,
                                                        .freed_by = PAGES_NOBODY};
    return 0;
}

static int owner_node(struct attribution *at, const struct event_owner *owner, uint32_t *ret_node)
{
    switch ((enum event_stack_state)owner->state) {
    case STACK_STOPPED:
    case STACK_ASLEEP:
    case STACK_RUNNING:
    case STACK_IN_ACT:
    case STACK_GLIMPSED:
        if (owner->stack_id)
            return calltree_node(at->tree, owner->stack_id, owner->truncated, ret_node);
        *ret_node = CALLTREE_NATIVE; /* a thread state without frames: Python code is not running */
        return 0;
    case STACK_NO_PYTHON:
        if (owner->stack_id)
            return calltree_node(at->tree, owner->stack_id, false, ret_node);
        *ret_node = CALLTREE_NATIVE;
        return 0;
    case STACK_LATER:
    case STACK_LATE:
    case STACK_TORN:
    case STACK_GONE:
    case STACK_STATES:
        break;
    }
    *ret_node = CALLTREE_UNATTRIBUTED;
    return 0;
}

static int shares_of(struct attribution *at, const struct event *event, struct shares *shares)
{
    const struct event_sample *sample = &event->sample;
    *shares = (struct shares){0};
    for (uint32_t i = 0; i < sample->owner_count; i++) {
        const struct event_owner *owner = &sample->owners[i];
        struct event_owner later;
        struct share *share = &shares->list[shares->count];
        *share = (struct share){
            .tid = owner->tid,
            .weight = owner->faults,
            .page = owner->fault_address / at->ledger.page_bytes,
            .certain = certainty_next(&at->certainty),
            .in_act = owner->state == STACK_IN_ACT,
            .number = ++at->owner,
        };
        bool waits = owner->state == STACK_LATER || owner->state == STACK_LATE;
        if (waits && later_find(&at->later, owner, at->sample, &later))
            owner = &later;
        int r = owner_node(at, owner, &share->node);
        if (r < 0)
            return r;
        if (share->weight > shares->list[shares->largest].weight)
            shares->largest = shares->count;
        shares->total_weight += share->weight;
        shares->count++;
        if (waits)
            continue; /* nobody looked at it now */
        struct calltree_seen *seen = &at->tree->seen[share->node];
        seen->samples++;
        seen->last_ns = event->time_ns;
        seen->last_rss_bytes = sample->memory.rss_bytes;
    }
    if (shares->count == 0)
        shares->list[shares->count++] = (struct share){.node = CALLTREE_UNATTRIBUTED};
    if (shares->total_weight == 0) {
        for (size_t i = 0; i < shares->count; i++)
            shares->list[i].weight = 1;
        shares->total_weight = shares->count;
    }
    return 0;
}

static int count_sample(struct attribution *at, const struct event_sample *sample, bool grew)
{
    struct profile *profile = at->profile;
    bool unattributed = sample->owner_count == 0 && grew;
    profile->samples.samples++;
    for (uint32_t i = 0; i < sample->owner_count; i++) {
        const struct event_owner *owner = &sample->owners[i];
        profile->samples.torn += owner->state == STACK_TORN;
        profile->samples.glimpses += owner->state == STACK_GLIMPSED;
        profile->samples.truncated += owner->truncated;
        unattributed |= owner->state == STACK_TORN || owner->state == STACK_GONE;
    }
    profile->samples.unattributed += unattributed;
    return pauses_count(&at->pauses, profile, sample);
}

static int see_sample(struct attribution *at, const struct event *event)
{
    struct shares shares;
    bool grew = false;
    int r = see_memory(at, &event->sample.memory);
    if (r < 0)
        return r;
    for (size_t i = 0; i < at->pending_count; i++)
        grew |= at->pending[i].grown_bytes > 0;
    r = count_sample(at, &event->sample, grew);
    if (r >= 0)
        r = shares_of(at, event, &shares);
    at->sample++;
    return r < 0 ? r : settle(at, &shares);
}

/* Who gave memory back. Growth stays pending: the clock meets it at its faults. */
static int see_freed(struct attribution *at, const struct event *event)
{
    uint32_t node = CALLTREE_UNATTRIBUTED;
    int r = see_memory(at, &event->sample.memory);
    if (r >= 0)
        r = pauses_count(&at->pauses, at->profile, &event->sample);
    if (r >= 0 && event->sample.owner_count)
        r = owner_node(at, &event->sample.owners[0], &node);
    for (size_t i = 0; i < at->pending_count && r >= 0; i++)
        if (at->pending[i].freed_by == PAGES_NOBODY && at->pending[i].released_bytes)
            at->pending[i].freed_by = node;
    return r;
}

/* A fall that is not entered yet is what the look came for: it waits for the sample that enters it.
 */
static int see_look(struct attribution *at, const struct event_pages *look)
{
    int r = at->look_waits ? close_window(at) : 0;
    if (r >= 0)
        r = ledger_look(&at->ledger, look);
    if (r < 0 || !look->last)
        return r;
    at->look_waits = true;
    at->look_behind = at->pending_count;
    for (size_t i = 0; i < at->pending_count; i++)
        if (at->pending[i].released_bytes)
            return 0;
    return close_window(at);
}

static int see_event(struct attribution *at, const struct event *event)
{
    uint32_t thread;
    int r;
    switch (event->kind) {
    case EVENT_READING:
        return see_memory(at, &event->reading);
    case EVENT_SAMPLE:
        return see_sample(at, event);
    case EVENT_FREED:
        return see_freed(at, event);
    case EVENT_PAGES:
        return see_look(at, &event->pages);
    case EVENT_PLACE:
        return kinds_see_place(&at->kinds, &event->place);
    case EVENT_THREAD:
        r = thread_index(at, event->thread.tid, &thread);
        if (r >= 0)
            at->profile->threads[thread].name = event->thread.name;
        return r;
    default:
        return 0;
    }
}

static int compare_threads(const void *a, const void *b)
{
    const struct profile_thread *x = a, *y = b;
    if (x->grown_bytes != y->grown_bytes)
        return x->grown_bytes > y->grown_bytes ? -1 : 1;
    return x->tid < y->tid ? -1 : x->tid > y->tid;
}

static int walk(struct attribution *at, const struct recording *recording,
                const struct missed *told)
{
    struct recording_cursor cursor;
    struct event event;
    ledger_init(&at->ledger, recording, told, note_change, at);
    int r = ledger_reserve(&at->ledger, at->tree->count);
    if (r >= 0)
        r = later_init(&at->later, recording);
    if (r >= 0)
        r = certainty_init(&at->certainty, recording);
    for (recording_rewind(recording, &cursor); r >= 0 && recording_next(&cursor, &event);)
        r = see_event(at, &event);
    if (r >= 0)
        r = settle_unattributed(at);
    return r < 0 ? r : ledger_settle(&at->ledger);
}

static void attribution_deinit(struct attribution *at)
{
    changes_deinit(&at->changes);
    free(at->changes.list);
    ledger_deinit(&at->ledger);
    certainty_deinit(&at->certainty);
    kinds_deinit(&at->kinds);
    intern_deinit(&at->threads);
    later_deinit(&at->later);
    free(at->pending);
    pauses_deinit(&at->pauses);
}

static int hand_over_kinds(struct attribution *at, size_t node_count)
{
    struct profile *profile = at->profile;
    struct kinds *kinds = &at->kinds;
    profile->has_kinds = kinds->count > 0;
    if (!profile->has_kinds)
        return 0;
    int r = array_reserve(&kinds->of_node, &kinds->node_cap, node_count, sizeof(*kinds->of_node));
    if (r < 0)
        return r;
    while (kinds->node_count < node_count)
        kinds->of_node[kinds->node_count++] = (struct profile_kinds){0};
    profile->kinds = kinds->total;
    memcpy(profile->kind_regions, kinds->regions, sizeof(kinds->regions));
    profile->node_kinds = take_pointer(kinds->of_node);
    return 0;
}

/* What a walk leaves outside of its own: nothing of the first one counts. */
static void forget_walk(struct calltree *tree, struct profile *profile)
{
    for (size_t i = 0; i < tree->count; i++)
        tree->seen[i] = (struct calltree_seen){0};
    free(profile->threads);
    profile->threads = NULL;
    profile->thread_count = 0;
    memset(&profile->samples, 0, sizeof(profile->samples));
    memset(&profile->pause, 0, sizeof(profile->pause));
}

int growth_attribute(const struct recording *recording, const struct timeline *timeline,
                     struct calltree *tree, struct profile *profile)
{
    struct attribution first = {.timeline = timeline, .tree = tree, .profile = profile};
    struct attribution at = first;
    int r = walk(&first, recording, NULL);
    if (r >= 0) {
        missed_finish(&first.ledger.missed, &first.ledger.pages);
        pages_deinit(&first.ledger.pages); /* as large as the second walk's */
        forget_walk(tree, profile);
        r = walk(&at, recording, &first.ledger.missed);
    }
    if (r >= 0)
        r = hand_over_kinds(&at, tree->count);
    if (r >= 0)
        pauses_finish(&at.pauses, profile);
    if (profile->thread_count > 0)
        qsort(profile->threads, profile->thread_count, sizeof(*profile->threads), compare_threads);
    changes_finish(&at.changes);
    profile->changes = take_pointer(at.changes.list);
    profile->change_count = at.changes.count;
    attribution_deinit(&first);
    attribution_deinit(&at);
    return r;
}
