/* Samples that glimpses share in, and samples of glimpses alone. */
#include <string.h>

#include "base/units.h"
#include "sampler/glimpses.h"

/* Callers change while the budget allows no stop: so often a stack is read as the thread runs. */
#define REFRESH_NS  (10 * NS_PER_MS)
#define CHANGING_NS (1 * NS_PER_MS) /* while they do */
#define FRESH_LEAST 0.75            /* of the glimpses, for a sample without a stack */
/* Growth of which glimpses explain less did not come by the faults that they saw. */
#define EXPLAINED_LEAST 0.5
#define AROUND_PAGES    16 /* that may come in at one fault, whatever they are */

/* How many of a thread's glimpses are of faults that were counted; those come first afterwards. */
static uint32_t sort_out(const struct sampler *sampler, struct glimpsed_thread *thread,
                         uint64_t until_ns)
{
    const struct thread *counted = threads_find(&sampler->threads, thread->tid);
    if (counted && counted->looked_ns < until_ns)
        until_ns = counted->looked_ns;
    uint32_t before = 0;
    for (uint32_t i = 0; i < thread->count; i++) {
        struct glimpse glimpse = thread->list[i];
        if (glimpse.time_ns > until_ns)
            continue;
        thread->list[i] = thread->list[before];
        thread->list[before++] = glimpse;
    }
    return before;
}

static struct glimpsed_thread *thread_of(struct sampler *sampler, const struct event_owner *owner)
{
    struct glimpsed_thread *thread = glimpses_find(sampler->glimpses, owner->tid);
    return thread && thread->ready ? thread : NULL;
}

/* What came after the sample at hand is the next one's. */
static void keep_rest(struct glimpsed_thread *thread)
{
    thread->count -= thread->ready;
    memmove(thread->list, thread->list + thread->ready, thread->count * sizeof(thread->list[0]));
    thread->ready = 0;
    thread->seen = thread->count;
    thread->newest_at = GLIMPSES_MAX;
}

/* One of `count` among the glimpses that are ready. They are in the order of time, more or less, of
 * which a part is as good as another. */
static const struct glimpse *pick(const struct glimpsed_thread *thread, uint32_t i, uint32_t count)
{
    return &thread->list[(size_t)i * thread->ready / count];
}

static uint64_t pages_in_all(const struct glimpsed_thread *thread, uint32_t count)
{
    uint64_t pages = 0;
    for (uint32_t i = 0; i < count; i++)
        pages += pick(thread, i, count)->pages;
    return pages;
}

/* Whether the glimpses of all threads explain most of what grew. A fault may bring in more than the
 * page that it was about, of files and shared memory up to 2 MiB: then they are to be of most
 * faults. */
static bool explain_growth(const struct sampler *sampler)
{
    const struct sampler_glimpses *glimpses = sampler->glimpses;
    double pages = 0, faults = 0, counted = 0;
    double grown = (double)sampler->sample_grown_bytes / (double)sampler->page_bytes;
    for (size_t i = 0; i < glimpses->thread_count; i++) {
        const struct glimpsed_thread *thread = &glimpses->threads[i];
        for (uint32_t j = 0; j < thread->count; j++) {
            pages += (double)thread->list[j].pages * thread->seen / thread->count;
            faults += (double)thread->list[j].faults * thread->seen / thread->count;
        }
    }
    for (size_t i = 0; i < sampler->threads.count; i++)
        counted += (double)sampler->threads.items[i].faults;
    uint64_t shared = sampler->now.shared_bytes, before = sampler->sample_shared_bytes;
    double mapped = shared > before ? (double)(shared - before) / (double)sampler->page_bytes : 0;
    if (faults > EXPLAINED_LEAST * counted)
        pages += mapped > faults * AROUND_PAGES ? mapped : faults * AROUND_PAGES;
    return pages > EXPLAINED_LEAST * grown;
}

static bool tell(struct sampler *sampler, const struct glimpse *glimpse, struct event_owner *owner)
{
    if (!glimpse->stack_id)
        return sampler_spot_tell(sampler, &glimpse->spot, owner);
    owner->stack_id = glimpse->stack_id;
    owner->truncated = glimpse->truncated;
    owner->state = STACK_GLIMPSED;
    return true;
}

/* The glimpses of the owner's thread share its growth. If its own stack was met in the act, that is
 * one fault more. It has what nobody knows the spot of, or else the thread's next stack. */
static void join_owner(struct sampler *sampler, struct taking *taking, size_t index, size_t room)
{
    struct event_owner *owner = &taking->owners[index];
    struct glimpsed_thread *thread = thread_of(sampler, owner);
    bool has_stack = taking_has_stack(owner) || owner->state == STACK_GLIMPSED ||
                     owner->state == STACK_NO_PYTHON;
    bool stays = owner->state == STACK_IN_ACT || owner->state == STACK_GLIMPSED;
    uint32_t count = thread->ready < room ? thread->ready : (uint32_t)room;
    uint64_t pages = pages_in_all(thread, count) + (stays ? 1 : 0);
    pages += pages == 0; /* some stand for nothing: others have their faults */
    uint64_t faults = owner->faults > pages ? owner->faults : pages, left = faults;
    for (uint32_t i = 0; i < count; i++) {
        const struct glimpse *glimpse = pick(thread, i, count);
        struct event_owner told = {.tid = owner->tid, .fault_address = glimpse->address};
        told.faults = (uint64_t)((unsigned __int128)faults * glimpse->pages / pages);
        if (!tell(sampler, glimpse, &told))
            continue;
        taking->owners[taking->event.owner_count++] = told;
        left -= told.faults;
    }
    owner->faults = left;
    if (has_stack)
        return;
    if (owner->state != STACK_LATER)
        owner->state = STACK_LATE;
    owner->stack_id = 0;
    owner->fault_address = 0;
}

static void drop_empty(struct taking *taking)
{
    size_t kept = 0;
    for (size_t i = 0; i < taking->event.owner_count; i++)
        if (taking->owners[i].faults)
            taking->owners[kept++] = taking->owners[i];
    taking->event.owner_count = (uint32_t)kept;
}

void sampler_glimpses_join(struct sampler *sampler, struct taking *taking)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    size_t owners = taking->event.owner_count, growing = 0;
    if (!glimpses || !glimpses->thread_count || taking->freed_only || !sampler->writer)
        return;
    sampler_glimpses_read(sampler);
    for (size_t i = 0; i < glimpses->thread_count; i++)
        glimpses->threads[i].ready = sort_out(sampler, &glimpses->threads[i],
                                              taking->until_ns ? taking->until_ns : UINT64_MAX);
    for (size_t i = 0; i < owners; i++)
        growing += thread_of(sampler, &taking->owners[i]) != NULL;
    /* A stack that was read for growth without faults may be somewhere else than those. */
    bool looked_for =
        owners && taking_has_stack(&taking->owners[0]) && taking->owners[0].state != STACK_IN_ACT;
    if (growing && (!looked_for || explain_growth(sampler))) {
        size_t room = (OWNERS_MAX - owners) / growing;
        for (size_t i = 0; i < owners; i++)
            if (thread_of(sampler, &taking->owners[i]))
                join_owner(sampler, taking, i, room);
        drop_empty(taking);
    }
    for (size_t i = 0; i < glimpses->thread_count; i++)
        keep_rest(&glimpses->threads[i]);
}

static uint32_t most_seen(const struct sampler_glimpses *glimpses)
{
    uint32_t most = 0;
    for (size_t i = 0; i < glimpses->thread_count; i++)
        if (glimpses->threads[i].seen > most)
            most = glimpses->threads[i].seen;
    return most;
}

/* Whether most glimpses are of spots that are known. */
static bool are_fresh(const struct sampler *sampler)
{
    const struct sampler_glimpses *glimpses = sampler->glimpses;
    uint32_t all = 0, fresh = 0;
    for (size_t i = 0; i < glimpses->thread_count; i++) {
        const struct glimpsed_thread *thread = &glimpses->threads[i];
        all += thread->count;
        for (uint32_t j = 0; j < thread->count; j++)
            fresh += sampler_spot_is_fresh(sampler, &thread->list[j].spot, thread->tid);
    }
    return fresh >= FRESH_LEAST * all;
}

/* Learns about the thread of which most is not known. */
static bool explore(struct sampler *sampler)
{
    const struct sampler_glimpses *glimpses = sampler->glimpses;
    const struct glimpsed_thread *most = NULL;
    for (size_t i = 0; i < glimpses->thread_count; i++)
        if (glimpses->threads[i].count && (!most || glimpses->threads[i].seen > most->seen))
            most = &glimpses->threads[i];
    return most && sampler_spots_explore(sampler, most->tid);
}

void sampler_glimpses_refresh(struct sampler *sampler)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    if (!glimpses || !sampler->reader || !sampler->writer || sampler->finalizing ||
        !sampler->sample_grown_bytes)
        return;
    uint64_t old_ns = sampler_now_ns() - glimpses->recent_ns;
    if (old_ns < (sampler_glimpses_suffice(sampler) ? REFRESH_NS : CHANGING_NS))
        return;
    sampler_glimpses_read(sampler);
    explore(sampler);
}

/* Makes a sample of at least so many glimpses, up to a moment. */
static bool take_glimpsed(struct sampler *sampler, uint32_t least, uint64_t until_ns)
{
    struct taking taking = {.memory_read = true, .until_ns = until_ns};
    if (!sampler->glimpses || !sampler->reader || !sampler->writer || sampler->finalizing ||
        sampler->released_bytes || !sampler->grown_bytes)
        return false;
    sampler_glimpses_read(sampler);
    if (most_seen(sampler->glimpses) < least || threads_look(&sampler->threads) < 0 ||
        !explain_growth(sampler))
        return false;
    if (sampler_spots_wait(sampler, are_fresh(sampler) || explore(sampler)))
        return false;
    taking_add_faulters(sampler, &taking);
    if (taking.event.owner_count == 0)
        return false;
    taking_finish(sampler, &taking, sampler->sample_moved_bytes);
    return true;
}

void sampler_take_glimpsed(struct sampler *sampler)
{
    take_glimpsed(sampler, GLIMPSES_FULL, UINT64_MAX);
}

bool sampler_take_few_glimpsed(struct sampler *sampler, uint64_t until_ns)
{
    return take_glimpsed(sampler, 1, until_ns);
}
