/* One thread's page faults, as the kernel writes them into a ring that this process maps:
 * perf_event_open(2).
 *
 * Nothing about the thread is changed and no signal is sent: losing the reader cannot harm it. */
#ifndef MEMSAMPLE_TRACE_PERF_RING_H
#define MEMSAMPLE_TRACE_PERF_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc/registers.h"

struct perf_ring {
    int fd, major_fd;  /* minor faults and major ones, or -1; both write into the one ring */
    uint64_t major_id; /* of the latter, as records tell */
    void *map;         /* control page and data pages */
    size_t data_bytes;
};

struct perf_ring_options {
    uint64_t period;   /* faults between two records */
    size_t data_pages; /* a power of two */
    uint32_t
        stack_bytes;     /* how much of the top of the C stack is written down with the registers */
    uint32_t wake_bytes; /* readable when so much was written; 0: at every record */
    bool kernel_faults;  /* faults inside system calls count */
    bool page_sizes;     /* of the pages that came are told (Linux 5.11) */
};

struct perf_fault {
    pid_t tid;
    uint64_t address;
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    int cpu;
    bool major;
    uint64_t
        count; /* of the thread's faults of this kind since the ring was opened, up to this one */
    struct registers registers; /* user space's; `known` 0: none */
    const uint8_t *stack;       /* from the stack pointer upwards; in the caller's record */
    size_t stack_bytes;         /* 0: none */
    uint64_t page_bytes;        /* of the page that came; 0: not known */
};

#define PERF_RING_STACK_BYTES 8192
/* Bytes of a record: header, six words of our own, registers with their ABI, the stack with its two
 * sizes, a page's. */
#define PERF_RING_RECORD_MAX (8 + 6 * 8 + 8 + 8 * REGISTERS_COUNT + 16 + PERF_RING_STACK_BYTES + 8)

/* 0 or a negative errno: -EPERM also when this user has mapped as much as perf_event_mlock_kb(5)
 * allows. */
int perf_ring_open(struct perf_ring *ring, pid_t tid, const struct perf_ring_options *options);
void perf_ring_close(struct perf_ring *ring);
/* The event is off from then on, and costs the thread's faults nothing, until a period is set. */
void perf_ring_rest(const struct perf_ring *ring);
void perf_ring_set_period(const struct perf_ring *ring, uint64_t period);
/* Takes the oldest fault. `record` has PERF_RING_RECORD_MAX bytes, and holds what `ret_fault`
 * points to. False when it is empty, or closed. */
bool perf_ring_next(struct perf_ring *ring, uint8_t *record, struct perf_fault *ret_fault);
/* How many minor faults there were since it was opened; 0: not known. */
uint64_t perf_ring_count(const struct perf_ring *ring);
/* Leaves out what the kernel or this user's rights do not allow: faults inside system calls
 * (perf_event_paranoid 2), sizes of pages. 0, or why there are no events at all as a negative
 * errno. */
int perf_ring_adapt(struct perf_ring_options *options);

#endif
