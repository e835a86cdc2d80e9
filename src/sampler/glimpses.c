/* See glimpses.h. */
#include "sampler/glimpses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "sampler/graft.h"

/* Of one thread. A glimpse costs it some 2 us, and us as much. */
#define GLIMPSES_PER_S 4000
#define PERIOD_FIRST   16 /* faults */
#define PERIOD_LEAST   4         /* unless a fault brings in so much that few come: */
#define LARGE_FAULT    (64 * KIB)
/* The mean is kept while the rate is so far from the wish at most: equal distances give all glimpses
 * the same weight. But none is kept for long: lines that take turns keep step with some (measured:
 * 4.5 % off with 33, where 31 and 35 are 0.5 to 0.9 % off). */
#define RATE_BAND     1.6
#define RATE_LESS     3.0 /* often at once, at most */
#define RATE_MORE     8.0
#define RATE_OVER_NS  (5 * NS_PER_MS)
#define RATE_OVER     100 /* glimpses: at once */
#define PERIOD_KEPT   8 /* glimpses */
#define PERIOD_SPREAD 0.3
/* Most loops are found within 1 KiB, those below NumPy's functions within 4 (measured). */
#define STACK_FIRST  1024
#define LOOKED_LEAST 32 /* glimpses */
#define BLANK_SHARE  0.2
/* A stack that was read so long ago may have had other callers. */
#define STALE_STACKS 8 /* that were read since */
#define STALE_NS     (200 * NS_PER_MS)
#define OLD_NS       (1 * NS_PER_S) /* however few were */
#define WAIT_MOST_NS (200 * NS_PER_MS)
#define WAIT_ASKED_NS (50 * NS_PER_MS) /* after a rest it begins anew */
#define FRESH_LEAST  0.75 /* of the glimpses, for a sample without a stack */
#define FULL           24 /* glimpses of a thread: they make a sample of their own */
#define DATA_PAGES     64 /* some 60 records */
/* Growth of which glimpses explain less did not come by the faults that they saw. */
#define EXPLAINED_LEAST 0.5

int sampler_glimpses_open(struct sampler *sampler)
{
    struct sampler_glimpses *glimpses = calloc(1, sizeof(*glimpses));
    if (!glimpses)
        return -ENOMEM;
    sampler->glimpses = glimpses;
    glimpses->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    spots_init(&glimpses->spots);
    glimpses->options = (struct perf_ring_options){
        .data_pages = DATA_PAGES, .registers = true, .kernel_faults = true, .page_sizes = true};
    int r = perf_ring_adapt(&glimpses->options);
    glimpses->refused = r < 0 || glimpses->epoll_fd < 0;
    return 0;
}

static void close_threads(struct sampler_glimpses *glimpses)
{
    for (size_t i = 0; i < glimpses->thread_count; i++)
        perf_ring_close(&glimpses->threads[i].ring);
    glimpses->thread_count = 0;
}

void sampler_glimpses_close(struct sampler *sampler)
{
    if (!sampler->glimpses)
        return;
    close_threads(sampler->glimpses);
    fd_closep(&sampler->glimpses->epoll_fd);
    free(sampler->glimpses->threads);
    free(sampler->glimpses);
    sampler->glimpses = NULL;
}

void sampler_glimpses_forget(struct sampler *sampler)
{
    if (!sampler->glimpses)
        return;
    close_threads(sampler->glimpses);
    spots_init(&sampler->glimpses->spots);
}

static struct glimpsed_thread *find_thread(struct sampler_glimpses *glimpses, pid_t tid)
{
    for (size_t i = 0; glimpses && i < glimpses->thread_count; i++)
        if (glimpses->threads[i].tid == tid)
            return &glimpses->threads[i];
    return NULL;
}

/* Beyond what this user may map in all, threads have none. */
static int open_ring(struct sampler_glimpses *glimpses, struct glimpsed_thread *thread)
{
    thread->period = (uint64_t)thread->mean_period;
    thread->looked = thread->blank = 0;
    thread->faults[0] = thread->faults[1] = 0;
    glimpses->options.period = thread->period;
    glimpses->options.stack_bytes = thread->stack_bytes;
    glimpses->options.wake_bytes = FULL * thread->stack_bytes;
    int r = perf_ring_open(&thread->ring, thread->tid, &glimpses->options);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = thread->ring.fd};
    if (r == 0 && epoll_ctl(glimpses->epoll_fd, EPOLL_CTL_ADD, thread->ring.fd, &event) < 0) {
        r = -errno;
        perf_ring_close(&thread->ring);
    }
    return r;
}

void sampler_glimpses_follow(struct sampler *sampler, pid_t tid)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    if (!glimpses || glimpses->refused || find_thread(glimpses, tid))
        return;
    if (array_reserve(&glimpses->threads, &glimpses->thread_cap, glimpses->thread_count + 1,
                      sizeof(*glimpses->threads)) < 0)
        return;
    struct glimpsed_thread *thread = &glimpses->threads[glimpses->thread_count];
    *thread = (struct glimpsed_thread){
        .tid = tid, .mean_period = PERIOD_FIRST, .paced_ns = sampler_now_ns(), .stack_bytes = STACK_FIRST, .newest_at = GLIMPSES_MAX};
    if (open_ring(glimpses, thread) == 0)
        glimpses->thread_count++;
}

/* Where Python stood at a fault, by what the kernel wrote down. */
static struct spot spot_of(struct sampler *sampler, const struct registers *registers,
                           const uint8_t *stack, size_t stack_bytes)
{
    struct spot spot = {.code_id = SPOT_NO_CODE};
    struct python_frame frame;
    uint32_t code_id;
    int32_t offset;
    if (!sampler->reader || !spots_find(&sampler->glimpses->spots, registers, stack, stack_bytes,
                                        &code_id, &offset))
        return spot;
    python_code_frame(sampler->reader, code_id, offset, &frame);
    return (struct spot){code_id, frame.line};
}

/* Where the evaluation loop is further up than what is written down, more is asked for. */
static void deepen(struct sampler_glimpses *glimpses, struct glimpsed_thread *thread)
{
    bool often = thread->blank > BLANK_SHARE * thread->looked;
    if (thread->looked < LOOKED_LEAST || thread->stack_bytes >= PERF_RING_STACK_BYTES)
        return;
    thread->looked = thread->blank = 0;
    if (!often)
        return;
    thread->stack_bytes *= 2;
    perf_ring_close(&thread->ring);
    open_ring(glimpses, thread);
}

/* What a fault brought in, in pages. */
static uint64_t pages_of(const struct sampler *sampler, const struct perf_fault *fault)
{
    uint64_t pages = fault->page_bytes / sampler->page_bytes;
    return pages ? pages : 1;
}

/* Where the next one goes: into the list, or in another one's place, so that all are equally likely
 * to be kept (reservoir sampling, Vitter 1985). GLIMPSES_MAX: nowhere. */
static uint32_t next_place(struct sampler *sampler, struct glimpsed_thread *thread)
{
    uint32_t seen = ++thread->seen;
    if (thread->count < GLIMPSES_MAX)
        return thread->count++;
    uint32_t at = (uint32_t)(pace_chance(&sampler->stop_pace) * seen);
    return at < GLIMPSES_MAX ? at : GLIMPSES_MAX;
}

/* The faults since the glimpse before, lost ones too: one half is that one's, so that where one line
 * follows another neither gets too much. */
static uint64_t take_faults(struct glimpsed_thread *thread, const struct perf_fault *fault)
{
    uint64_t *before = &thread->faults[fault->major];
    uint64_t faults = fault->count > *before ? fault->count - *before : 0, half = 0;
    *before += faults;
    thread->recent += (double)faults / (double)thread->period;
    if (thread->newest_at < thread->count) {
        half = faults / 2;
        thread->list[thread->newest_at].pages += half * thread->newest.pages;
    }
    return faults - half;
}

static void keep(struct sampler *sampler, struct glimpsed_thread *thread,
                 const struct perf_fault *fault)
{
    uint64_t faults = take_faults(thread, fault), pages = pages_of(sampler, fault);
    uint32_t at = next_place(sampler, thread);
    thread->passed++;
    thread->newest_at = at;
    if (at == GLIMPSES_MAX)
        return;
    struct spot spot = spot_of(sampler, &fault->registers, fault->stack, fault->stack_bytes);
    thread->newest = (struct glimpse){
        .spot = spot, .address = fault->address, .time_ns = fault->time_ns, .pages = pages};
    thread->list[at] = thread->newest;
    thread->list[at].pages *= faults;
    thread->looked++;
    thread->blank += spot.code_id == SPOT_NO_CODE;
}

/* The thread came to rest, or another period begins: the faults since the newest glimpse are of its
 * kind, the next one does not stand for them. */
static void close_rest(struct sampler *sampler, struct glimpsed_thread *thread)
{
    uint64_t count = perf_ring_count(&thread->ring);
    if (count <= thread->faults[0] || thread->newest.pages == 0)
        return;
    uint32_t at = thread->newest_at < thread->count ? thread->newest_at : next_place(sampler, thread);
    uint64_t pages = (count - thread->faults[0]) * thread->newest.pages;
    thread->faults[0] = count;
    if (at == thread->newest_at) {
        thread->list[at].pages += pages;
    } else if (at < GLIMPSES_MAX) {
        thread->list[at] = thread->newest;
        thread->list[at].pages = pages;
    }
    thread->newest_at = GLIMPSES_MAX;
}

static void set_period(struct sampler *sampler, struct glimpsed_thread *thread)
{
    double spread = 1 - PERIOD_SPREAD + 2 * PERIOD_SPREAD * pace_chance(&sampler->stop_pace);
    thread->period = thread->mean_period > 1 ? (uint64_t)(thread->mean_period * spread + 0.5) : 1;
    thread->passed = 0;
    close_rest(sampler, thread);
    perf_ring_set_period(&thread->ring, thread->period);
}

/* Lets glimpses come as often as they may while the thread grows. */
static void pace_thread(struct sampler *sampler, struct glimpsed_thread *thread, uint64_t now_ns)
{
    uint64_t over_ns = now_ns - thread->paced_ns;
    if (over_ns >= RATE_OVER_NS || thread->recent >= RATE_OVER) {
        double excess = thread->recent * (double)NS_PER_S / (double)over_ns / GLIMPSES_PER_S;
        excess = excess < 1 / RATE_LESS ? 1 / RATE_LESS : excess > RATE_MORE ? RATE_MORE : excess;
        if (excess > RATE_BAND || excess < 1 / RATE_BAND)
            thread->mean_period *= excess;
        double least = sampler->fault_bytes > LARGE_FAULT ? 1 : PERIOD_LEAST;
        if (thread->mean_period < least)
            thread->mean_period = least;
        thread->recent = 0;
        thread->paced_ns = now_ns;
    }
    if (thread->passed >= PERIOD_KEPT ||
        thread->mean_period < (1 - PERIOD_SPREAD) * (double)thread->period)
        set_period(sampler, thread);
}

static void read_thread(struct sampler *sampler, struct glimpsed_thread *thread)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    struct perf_fault fault;
    while (perf_ring_next(&thread->ring, glimpses->record, &fault))
        keep(sampler, thread, &fault);
    deepen(glimpses, thread);
    pace_thread(sampler, thread, sampler_now_ns());
}

void sampler_glimpses_read(struct sampler *sampler)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    for (size_t i = glimpses ? glimpses->thread_count : 0; i-- > 0;) {
        struct glimpsed_thread *thread = &glimpses->threads[i];
        read_thread(sampler, thread);
        if (threads_find(&sampler->threads, thread->tid))
            continue;
        perf_ring_close(&thread->ring);
        *thread = glimpses->threads[--glimpses->thread_count];
    }
}

/* ---- stacks that are read ---- */

void sampler_glimpses_meet(struct sampler *sampler, const struct perf_fault *fault)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    if (!glimpses)
        return;
    glimpses->met = fault->registers.known;
    glimpses->met_registers = fault->registers;
    glimpses->met_bytes = fault->stack_bytes;
    if (fault->stack_bytes)
        memcpy(glimpses->met_stack, fault->stack, fault->stack_bytes);
}

void sampler_glimpses_meet_stopped(struct sampler *sampler, pid_t tid)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    if (!glimpses)
        return;
    glimpses->met = registers_read_stopped(tid, &glimpses->met_registers) == 0;
    remote_addr sp = glimpses->met_registers.values[REGISTERS_SP];
    glimpses->met_bytes = sizeof(glimpses->met_stack);
    if (!glimpses->met ||
        memory_read(&sampler->memory, sp, glimpses->met_stack, glimpses->met_bytes) == 0)
        return;
    glimpses->met_bytes = sampler->page_bytes - sp % sampler->page_bytes; /* its end is near */
    if (glimpses->met_bytes > sizeof(glimpses->met_stack) ||
        memory_read(&sampler->memory, sp, glimpses->met_stack, glimpses->met_bytes) < 0)
        glimpses->met_bytes = 0;
}

static struct spot met_spot(struct sampler *sampler)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    return spot_of(sampler, &glimpses->met_registers, glimpses->met_stack, glimpses->met_bytes);
}

/* Where the stack stood that was read. */
static struct spot true_spot(struct sampler *sampler)
{
    struct python_bytecode code;
    struct python_stack stack;
    if (python_stack_bytecode(sampler->reader, &code) != 0 ||
        python_stack_resolve(sampler->reader, &stack) != 0 || stack.count == 0)
        return (struct spot){.code_id = SPOT_NO_CODE};
    spots_add_code(&sampler->glimpses->spots, &code);
    return (struct spot){code.code_id, stack.frames[0].line};
}

void sampler_glimpses_learn(struct sampler *sampler, const struct event_owner *owner)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    if (!glimpses || !glimpses->met || owner->state != STACK_IN_ACT)
        return;
    glimpses->waits_ns = 0;
    struct spot truly = true_spot(sampler), label = met_spot(sampler);
    struct spot_stack stack = {
        .stack_id = owner->stack_id,
        .parent_id = glimpses->parent_id,
        .truncated = owner->truncated,
        .time_ns = sampler_now_ns(),
        .number = ++glimpses->spots.read,
    };
    spots_learn(&glimpses->spots, owner->tid, &label, &truly, &stack);
}

/* ---- stacks that are not ---- */

/* The last stack in the same code, at the line of the spot. */
static const struct spot_stack *tell_kin(struct sampler *sampler, const struct spot *spot,
                                         pid_t tid, uint32_t *ret_stack_id)
{
    const struct spot_stack *stack = spots_kin(&sampler->glimpses->spots, tid, spot);
    struct python_frame frame;
    if (!stack)
        return NULL;
    python_code_frame(sampler->reader, spot->code_id, 0, &frame);
    int r = recording_writer_stack(sampler->writer, stack->parent_id, frame.file, frame.function,
                                   spot->line, frame.first_line, ret_stack_id);
    return r < 0 ? NULL : stack;
}

static bool is_stale(const struct spots *spots, const struct spot_stack *stack)
{
    uint64_t age_ns = sampler_now_ns() - stack->time_ns;
    return age_ns >= (spots->read - stack->number >= STALE_STACKS ? STALE_NS : OLD_NS);
}

/* Whether the stack of a spot is known, and of these days. */
static bool is_fresh(const struct sampler *sampler, const struct spot *spot, pid_t tid)
{
    const struct spots *spots = &sampler->glimpses->spots;
    const struct spot_stack *stack = spots_stack(spots, tid, spot);
    if (!stack)
        stack = spots_kin(spots, tid, spot);
    return stack && !is_stale(spots, stack);
}

/* Whether to wait for the next stack that is read, since it will tell more. */
static bool wait_for_stack(struct sampler *sampler, bool known)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    uint64_t now_ns = sampler_now_ns();
    if (known || glimpses->waits_ns == 0 || now_ns - glimpses->asked_ns > WAIT_ASKED_NS)
        glimpses->waits_ns = now_ns;
    glimpses->asked_ns = now_ns;
    return !known && now_ns - glimpses->waits_ns < WAIT_MOST_NS;
}

/* Fills in the stack of a spot. */
static bool tell(struct sampler *sampler, const struct spot *spot, struct event_owner *owner)
{
    struct spots *spots = &sampler->glimpses->spots;
    const struct spot_stack *stack = spots_stack(spots, owner->tid, spot);
    if (stack)
        owner->stack_id = stack->stack_id;
    else
        stack = tell_kin(sampler, spot, owner->tid, &owner->stack_id);
    if (!stack)
        return false;
    owner->truncated = stack->truncated;
    owner->state = STACK_GLIMPSED;
    if (sampler->last_met.tid == owner->tid && sampler->last_met.state == STACK_IN_ACT &&
        is_stale(spots, stack))
        graft(sampler->writer, owner->stack_id, sampler->last_met.stack_id, &owner->stack_id);
    return true;
}

bool sampler_glimpses_tell(struct sampler *sampler, struct event_owner *owner)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    if (!glimpses || !glimpses->met || !sampler->writer)
        return false;
    struct spot spot = met_spot(sampler);
    return tell(sampler, &spot, owner);
}

bool sampler_glimpses_wait(struct sampler *sampler, pid_t tid)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    if (!glimpses || !glimpses->met)
        return false;
    struct spot spot = met_spot(sampler);
    return wait_for_stack(sampler, is_fresh(sampler, &spot, tid));
}

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
    struct glimpsed_thread *thread = find_thread(sampler->glimpses, owner->tid);
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

/* Whether the glimpses of all threads explain most of what grew. */
static bool explain_growth(const struct sampler *sampler)
{
    const struct sampler_glimpses *glimpses = sampler->glimpses;
    double pages = 0;
    for (size_t i = 0; i < glimpses->thread_count; i++) {
        const struct glimpsed_thread *thread = &glimpses->threads[i];
        for (uint32_t j = 0; j < thread->count; j++)
            pages += (double)thread->list[j].pages * thread->seen / thread->count;
    }
    return pages * (double)sampler->page_bytes >
           EXPLAINED_LEAST * (double)sampler->sample_grown_bytes;
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
    uint64_t faults = owner->faults > pages ? owner->faults : pages, left = faults;
    for (uint32_t i = 0; i < count; i++) {
        const struct glimpse *glimpse = pick(thread, i, count);
        struct event_owner told = {.tid = owner->tid, .fault_address = glimpse->address};
        told.faults = (uint64_t)((unsigned __int128)faults * glimpse->pages / pages);
        if (!tell(sampler, &glimpse->spot, &told))
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
        glimpses->threads[i].ready =
            sort_out(sampler, &glimpses->threads[i], taking->until_ns ? taking->until_ns : UINT64_MAX);
    for (size_t i = 0; i < owners; i++)
        growing += thread_of(sampler, &taking->owners[i]) != NULL;
    /* A stack that was read for growth without faults may be somewhere else than those. */
    bool looked_for = owners && taking_has_stack(&taking->owners[0]) &&
                      taking->owners[0].state != STACK_IN_ACT;
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

/* Threads whose growth only glimpses tell of. */
static void add_growing(struct sampler *sampler, struct taking *taking)
{
    for (size_t i = 0; i < sampler->threads.count; i++)
        if (sampler->threads.items[i].faults)
            taking_add_later(taking, &sampler->threads.items[i]);
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
            fresh += is_fresh(sampler, &thread->list[j].spot, thread->tid);
    }
    return fresh >= FRESH_LEAST * all;
}

/* Makes a sample of at least so many glimpses, up to a moment. */
static bool take_glimpsed(struct sampler *sampler, uint32_t least, uint64_t until_ns)
{
    struct taking taking = {.memory_read = true, .until_ns = until_ns};
    if (!sampler->glimpses || !sampler->reader || !sampler->writer || sampler->finalizing ||
        sampler->released_bytes || !sampler->grown_bytes)
        return false;
    sampler_glimpses_read(sampler);
    if (most_seen(sampler->glimpses) < least || !explain_growth(sampler) ||
        wait_for_stack(sampler, are_fresh(sampler)) || threads_look(&sampler->threads) < 0)
        return false;
    add_growing(sampler, &taking);
    if (taking.event.owner_count == 0)
        return false;
    taking_finish(sampler, &taking, sampler->sample_moved_bytes);
    return true;
}

void sampler_take_glimpsed(struct sampler *sampler)
{
    take_glimpsed(sampler, FULL, UINT64_MAX);
}

bool sampler_take_few_glimpsed(struct sampler *sampler, uint64_t until_ns)
{
    return take_glimpsed(sampler, 1, until_ns);
}
