/* Glimpses as they come: which threads are followed, how often, and what is kept until the next
 * sample. Knows nothing of stacks. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "sampler/glimpses.h"

/* Of one thread. A glimpse costs it 2 to 5 us, and us as much; a fault itself takes 0.5 to 2.5 us.
 * Many at first, since a short job has no time to make up for few. */
#define FAULTS_EACH     20
#define LEAST_PER_S     1000
#define MOST_PER_S      6000
#define GLIMPSES_CREDIT 6000
#define CREDIT_OVER_S   1.5 /* so it is spent */
#define PERIOD_FIRST    16  /* faults */
#define PERIOD_LEAST    4   /* unless a fault brings in so much that few come: */
#define LARGE_FAULT     (64 * KIB)
/* The mean is kept while the rate is so far from the wish at most: equal distances give all
 * glimpses the same weight. But none is kept for long: lines that take turns keep step with some
 * (measured: 4.5 % off with 33, where 31 and 35 are 0.5 to 0.9 % off). */
#define RATE_BAND     1.6
#define RATE_LESS     3.0 /* often at once, at most */
#define RATE_MORE     8.0
#define RATE_OVER_NS  (5 * NS_PER_MS)
#define RATE_OVER     100 /* glimpses: at once */
#define PERIOD_KEPT   16  /* glimpses */
#define PERIOD_SPREAD 0.3
/* Most loops are found within 1 KiB, those below NumPy's functions within 4 (measured). */
#define STACK_FIRST  1024
#define LOOKED_LEAST 32 /* glimpses */
#define BLANK_SHARE  0.2
#define DATA_PAGES   64 /* 30 records with the deepest stacks, 200 with the first */

int sampler_glimpses_open(struct sampler *sampler)
{
    struct sampler_glimpses *glimpses = calloc(1, sizeof(*glimpses));
    if (!glimpses)
        return -ENOMEM;
    sampler->glimpses = glimpses;
    glimpses->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    spots_init(&glimpses->spots);
    glimpses->options = (struct perf_ring_options){
        .data_pages = DATA_PAGES, .kernel_faults = true, .page_sizes = true};
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
    sampler->glimpses->recent = (struct event_owner){0};
}

struct glimpsed_thread *glimpses_find(struct sampler_glimpses *glimpses, pid_t tid)
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
    glimpses->options.wake_bytes = GLIMPSES_FULL * thread->stack_bytes;
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
    if (!glimpses || glimpses->refused || glimpses_find(glimpses, tid))
        return;
    if (array_reserve(&glimpses->threads, &glimpses->thread_cap, glimpses->thread_count + 1,
                      sizeof(*glimpses->threads)) < 0)
        return;
    struct glimpsed_thread *thread = &glimpses->threads[glimpses->thread_count];
    *thread = (struct glimpsed_thread){.tid = tid,
                                       .mean_period = PERIOD_FIRST,
                                       .credit = GLIMPSES_CREDIT,
                                       .paced_ns = sampler_now_ns(),
                                       .stack_bytes = STACK_FIRST,
                                       .newest_at = GLIMPSES_MAX};
    if (open_ring(glimpses, thread) == 0)
        glimpses->thread_count++;
}

struct spot sampler_spot_of(struct sampler *sampler, const struct registers *registers,
                            const uint8_t *stack, size_t stack_bytes)
{
    struct spot spot = {.code_id = SPOT_NO_CODE};
    struct python_frame frame;
    uint32_t code_id;
    int32_t offset;
    if (!sampler->reader ||
        !spots_find(&sampler->glimpses->spots, registers, stack, stack_bytes, &code_id, &offset))
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

/* The faults since the glimpse before, lost ones too: one half is that one's, so that where one
 * line follows another neither gets too much. */
static uint64_t take_faults(struct glimpsed_thread *thread, const struct perf_fault *fault)
{
    uint64_t *before = &thread->faults[fault->major];
    uint64_t faults = fault->count > *before ? fault->count - *before : 0, half = 0;
    *before += faults;
    thread->recent += (double)faults / (double)thread->period;
    if (thread->newest_at < thread->count) {
        half = faults / 2;
        thread->list[thread->newest_at].pages += half * thread->newest.pages;
        thread->list[thread->newest_at].faults += half;
    }
    return faults - half;
}

static void keep(struct sampler *sampler, struct glimpsed_thread *thread,
                 const struct perf_fault *fault)
{
    uint64_t faults = take_faults(thread, fault), pages = pages_of(sampler, fault);
    uint32_t at = next_place(sampler, thread);
    thread->passed++;
    thread->unmet++;
    thread->newest_at = at;
    if (at == GLIMPSES_MAX)
        return;
    struct spot spot =
        sampler_spot_of(sampler, &fault->registers, fault->stack, fault->stack_bytes);
    thread->newest = (struct glimpse){
        .spot = spot, .address = fault->address, .time_ns = fault->time_ns, .pages = pages};
    thread->list[at] = thread->newest;
    thread->list[at].pages *= faults;
    thread->list[at].faults = faults;
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
    uint64_t faults = count - thread->faults[0], pages = faults * thread->newest.pages;
    thread->faults[0] = count;
    if (thread->newest_at < thread->count) {
        thread->list[thread->newest_at].pages += pages;
        thread->list[thread->newest_at].faults += faults;
    } else {
        uint32_t at = next_place(sampler, thread);
        if (at == GLIMPSES_MAX)
            return;
        thread->list[at] = thread->newest;
        thread->list[at].pages = pages;
        thread->list[at].faults = faults;
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

/* How many times as many as wished there were lately. */
static double take_credit(struct glimpsed_thread *thread, double over_s)
{
    double usual = thread->recent * thread->mean_period / FAULTS_EACH;
    usual = usual < LEAST_PER_S * over_s  ? LEAST_PER_S * over_s
            : usual > MOST_PER_S * over_s ? MOST_PER_S * over_s
                                          : usual;
    double wish = usual + thread->credit / CREDIT_OVER_S * over_s;
    thread->credit += usual - thread->recent;
    thread->credit = thread->credit < 0                 ? 0
                     : thread->credit > GLIMPSES_CREDIT ? GLIMPSES_CREDIT
                                                        : thread->credit;
    return thread->recent / wish;
}

/* Lets glimpses come as often as they may while the thread grows. */
static void pace_thread(struct sampler *sampler, struct glimpsed_thread *thread, uint64_t now_ns)
{
    uint64_t over_ns = now_ns - thread->paced_ns;
    if (over_ns >= RATE_OVER_NS || thread->recent >= RATE_OVER) {
        double excess = take_credit(thread, (double)over_ns / (double)NS_PER_S);
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

bool sampler_glimpses_hasten(struct sampler *sampler, pid_t tid)
{
    struct glimpsed_thread *thread = glimpses_find(sampler->glimpses, tid);
    if (!thread)
        return false;
    thread->mean_period = thread->mean_period > RATE_MORE ? thread->mean_period / RATE_MORE : 1;
    set_period(sampler, thread);
    return true;
}

const struct glimpsed_thread *sampler_glimpses_grower(struct sampler *sampler)
{
    struct sampler_glimpses *glimpses = sampler->glimpses;
    const struct glimpsed_thread *grower = NULL;
    uint32_t all = 0;
    for (size_t i = 0; glimpses && i < glimpses->thread_count; i++)
        all += glimpses->threads[i].unmet;
    double place = pace_chance(&sampler->stop_pace) * all;
    for (size_t i = 0; glimpses && i < glimpses->thread_count; i++) {
        struct glimpsed_thread *thread = &glimpses->threads[i];
        if (!grower && place < thread->unmet)
            grower = thread;
        place -= thread->unmet;
        thread->unmet = 0;
    }
    return grower;
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
