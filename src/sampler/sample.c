/* One sample: which threads moved memory, and the stacks of those. */
#include <string.h>

#include "base/units.h"
#include "sampler/glimpses.h"
#include "sampler/native.h"
#include "sampler/taking.h"

#define OWNERS_STOPPED_MAX 4    /* threads looked at in one sample: the largest by faults */
#define OWNER_SHARE_LEAST  0.02 /* of the faults; smaller ones are left to the others */
#define UNFAULTED_LEAST                                                                            \
    (4 * MIB) /* that came in without a fault, or fell, before somebody is asked */
#define MOVED_JUST_NOW_NS (50 * NS_PER_US) /* between two readings */

/* The thread with the most faults that was not taken yet, or NULL. */
static const struct thread *next_faulter(const struct sampler *sampler, const struct taking *taking)
{
    const struct thread *best = NULL;
    for (size_t i = 0; i < sampler->threads.count; i++) {
        const struct thread *thread = &sampler->threads.items[i];
        bool taken = false;
        for (size_t j = 0; j < taking->event.owner_count; j++)
            taken |= taking->owners[j].tid == thread->tid;
        if (!taken && thread->faults && (!best || thread->faults > best->faults))
            best = thread;
    }
    if (best && (double)best->faults < OWNER_SHARE_LEAST * (double)taking->faults)
        return NULL;
    return best;
}

/* Nobody faulted: memory was released, or came in without a fault (MAP_POPULATE). Whoever ran is
 * the one. */
static const struct thread *likely_mover(const struct sampler *sampler)
{
    const struct thread *best = NULL;
    for (size_t i = 0; i < sampler->threads.count; i++) {
        const struct thread *thread = &sampler->threads.items[i];
        if (thread->state == 'R' && (!best || best->state != 'R'))
            best = thread;
        else if (thread->ran && !best)
            best = thread;
    }
    return best ? best : sampler->threads.count ? &sampler->threads.items[0] : NULL;
}

/* The usual case at its shortest: one thread, and memory moved just now, so it runs. Each
 * microsecond between the move and the stop takes the thread further away from the line that moved
 * it; who else faulted is looked up afterwards. */
static bool take_only_thread(struct sampler *sampler, struct taking *taking)
{
    if (sampler->threads.count != 1 || sampler->moved_within_ns > MOVED_JUST_NOW_NS)
        return false;
    struct thread only = sampler->threads.items[0];
    only.state = 'R';
    only.faults = taking->faults = 1;
    taking_add(sampler, taking, &only);
    taking_share_faults(sampler, taking);
    return true;
}

static void take_owners(struct sampler *sampler, struct taking *taking)
{
    for (size_t i = 0; i < sampler->threads.count; i++)
        taking->faults += sampler->threads.items[i].faults;
    const struct thread *thread;
    if (taking->faults == 0) {
        thread = likely_mover(sampler);
        if (thread)
            taking_add(sampler, taking, thread);
        return;
    }
    while (taking->event.owner_count < OWNERS_STOPPED_MAX &&
           (thread = next_faulter(sampler, taking)))
        taking_add(sampler, taking, thread);
}

static void report_new_names(struct sampler *sampler, uint64_t now_ns)
{
    for (size_t i = 0; i < sampler->threads.count; i++) {
        struct thread *thread = &sampler->threads.items[i];
        if (!thread->name_changed)
            continue;
        thread->name_changed = false;
        struct event event = {.kind = EVENT_THREAD,
                              .thread = {.tid = thread->tid, .name = thread->name}};
        sampler_record(sampler, now_ns, &event);
    }
}

void taking_finish(struct sampler *sampler, struct taking *taking, uint64_t moved_bytes)
{
    taking_book(sampler, taking);
    if (!taking->memory_read)
        sampler_read_memory(sampler);
    uint64_t now_ns = sampler_now_ns();
    if (taking->event.owner_count && taking->owners[0].state == STACK_GONE)
        sampler->next_split_ns =
            0; /* a thread that moved memory and cannot be read: is the process still the same? */
    uint64_t own_ns = sampler_own_cpu_ns(sampler);
    if (taking->displaces) {
        taking->event.pauses = 1;
        taking->event.pause_ns = taking->displaced_ns + 2 * TAKING_SWITCH_NS;
    }
    sampler_account_for_stop(sampler, taking, now_ns, moved_bytes);
    pace_spend(&sampler->sample_pace, now_ns, own_ns, moved_bytes);

    report_new_names(sampler, now_ns);
    sampler_glimpses_join(sampler, taking);
    if (!taking->freed_only)
        sampler_uncover_growth(sampler, threads_settle(&sampler->threads));
    sampler->sample_moved_bytes = 0;
    sampler->sample_shared_bytes = sampler->now.shared_bytes;
    sampler_take_memory(sampler, &taking->event.memory);
    taking->event.owners = taking->owners;
    places_begin(&sampler->places);
    for (size_t i = 0; i < taking->event.owner_count; i++)
        sampler_note_place(sampler, taking->owners[i].fault_address,
                           sampler_native_stack_pointer(sampler, taking->owners[i].tid));
    struct event event = {.kind = taking->freed_only ? EVENT_FREED : EVENT_SAMPLE,
                          .sample = taking->event};
    sampler_record(sampler, now_ns, &event);
    sampler_check_finalizing(sampler, now_ns);
    sampler_look(sampler);
}

/* Where the kernel tells of faults, a sample without one is for what fell. Growth beside it stays
 * with the faults: closing it here would give it to whatever line the thread has reached meanwhile.
 */
static bool is_for_freed(const struct sampler *sampler)
{
    return sampler->clock.by_faults && !sampler_is_mixed(sampler) &&
           sampler->sample_grown_bytes < sampler->sample_moved_bytes / 2;
}

void sampler_sample(struct sampler *sampler)
{
    struct taking taking = {.freed_only = is_for_freed(sampler)};
    uint64_t moved_bytes = sampler->sample_moved_bytes;

    bool by_faults = sampler->clock.by_faults, mixed = sampler_is_mixed(sampler);
    if (by_faults && !mixed && !taking.freed_only && sampler_expects_fault(sampler))
        return;
    if (!take_only_thread(sampler, &taking)) {
        if (threads_look(&sampler->threads) < 0)
            return; /* the process ended: the tracer tells how */
        if (by_faults && mixed && !sampler->sample_fell)
            taking_add_faulters(sampler, &taking);
        /* RSS is brought up to date in batches, and lags behind the faults that were charged. */
        if (by_faults && mixed && taking.event.owner_count == 0 && moved_bytes < UNFAULTED_LEAST)
            return;
        if (taking.event.owner_count == 0)
            take_owners(sampler, &taking);
    }
    if (taking.event.owner_count == 1 && taking.owners[0].state == STACK_LATER)
        return; /* nothing is lost: what moved waits for the next sample */
    taking_finish(sampler, &taking, moved_bytes);
}
