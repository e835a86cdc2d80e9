/* Perf rings of page faults, one for each thread: an inherited event cannot be mapped, and one for
 * each thread and processor would need more file descriptors than a user may have. */
#include "trace/rings.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"

#define NOTES_LEAST 12 /* faults, before the share that was met in the act says anything */
#define GOOD_SHARE  0.5
#define BLIND_SHARE 0.1
#define STACK_BYTES 4096
#define DATA_PAGES  8 /* some newest faults: only one is read */

int rings_init(struct rings *rings, uint64_t period)
{
    *rings = (struct rings){
        .epoll_fd = -1,
        .options = {.data_pages = DATA_PAGES, .stack_bytes = STACK_BYTES, .kernel_faults = true}};
    int r = perf_ring_adapt(&rings->options);
    if (r < 0)
        return r;
    rings->options.period = period;
    rings->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return rings->epoll_fd < 0 ? -errno : 0;
}

void rings_deinit(struct rings *rings)
{
    for (size_t i = 0; i < rings->count; i++)
        perf_ring_close(&rings->items[i].perf);
    free(rings->items);
    fd_closep(&rings->epoll_fd);
    rings->items = NULL;
    rings->count = rings->cap = 0;
    rings->epoll_fd = -1;
}

static struct ring *find_ring(const struct rings *rings, pid_t tid)
{
    for (size_t i = 0; i < rings->count; i++)
        if (rings->items[i].tid == tid)
            return &rings->items[i];
    return NULL;
}

bool rings_has(const struct rings *rings, pid_t tid)
{
    return find_ring(rings, tid);
}

static int open_ring(const struct rings *rings, pid_t tid, struct ring *ret_ring)
{
    *ret_ring = (struct ring){.tid = tid};
    int r = perf_ring_open(&ret_ring->perf, tid, &rings->options);
    if (r == -EPERM) { /* perf_event_mlock_kb is used up by many threads: the least that there is */
        struct perf_ring_options least = rings->options;
        least.stack_bytes = 0;
        least.data_pages = 1;
        r = perf_ring_open(&ret_ring->perf, tid, &least);
    }
    if (r < 0)
        return r;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = ret_ring->perf.fd};
    if (epoll_ctl(rings->epoll_fd, EPOLL_CTL_ADD, ret_ring->perf.fd, &event) < 0) {
        r = -errno;
        perf_ring_close(&ret_ring->perf);
    }
    return r;
}

int rings_add(struct rings *rings, pid_t tid)
{
    struct ring ring;
    int r = array_reserve(&rings->items, &rings->cap, rings->count + 1, sizeof(*rings->items));
    if (r < 0)
        return r;
    r = open_ring(rings, tid, &ring);
    if (r < 0)
        return r;
    rings->items[rings->count++] = ring;
    return 0;
}

void rings_remove(struct rings *rings, pid_t tid)
{
    struct ring *ring = find_ring(rings, tid);
    if (!ring)
        return;
    perf_ring_close(&ring->perf); /* which takes it out of the epoll set */
    *ring = rings->items[--rings->count];
}

enum rings_trust rings_note(struct rings *rings, pid_t tid, bool in_act)
{
    struct ring *ring = find_ring(rings, tid);
    if (!ring)
        return RINGS_UNKNOWN;
    ring->notes += ring->notes < NOTES_LEAST;
    ring->in_act += ((in_act ? 1 : 0) - ring->in_act) / ring->notes;
    if (ring->notes < NOTES_LEAST)
        return RINGS_UNKNOWN;
    return ring->in_act > GOOD_SHARE    ? RINGS_GOOD
           : ring->in_act > BLIND_SHARE ? RINGS_POOR
                                        : RINGS_BLIND;
}

void rings_set_period(struct rings *rings, pid_t tid, uint64_t period)
{
    const struct ring *ring = find_ring(rings, tid);
    if (ring)
        perf_ring_set_period(&ring->perf, period);
    rings->options.period = period;
}

void rings_rest(const struct rings *rings, pid_t tid)
{
    const struct ring *ring = find_ring(rings, tid);
    if (ring)
        perf_ring_rest(&ring->perf);
}

static bool take_newest(struct rings *rings, struct ring *ring, struct perf_fault *ret_fault)
{
    struct perf_fault fault;
    unsigned room = 0;
    bool found = false;
    while (perf_ring_next(&ring->perf, rings->records[room], &fault)) {
        *ret_fault = fault;
        found = true;
        room = 1 - room;
    }
    return found;
}

bool rings_next(struct rings *rings, struct perf_fault *ret_fault)
{
    for (size_t i = 0; i < rings->count; i++) {
        size_t at = rings->next++ % rings->count;
        if (take_newest(rings, &rings->items[at], ret_fault))
            return true;
    }
    return false;
}
