/* Being woken by page faults, without stopping anybody: every Nth fault of each thread goes into a small ring of its
 * own, and wakes the reader.
 *
 * For processes that run already: nothing about them is changed and no signal is sent, so that losing the reader cannot
 * harm them. perf_event_open(2); needs the right to use perf (perf_event_paranoid(5), seccomp). */
#ifndef MEMSAMPLE_TRACE_RINGS_H
#define MEMSAMPLE_TRACE_RINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "trace/perf_ring.h"

struct ring {
    pid_t tid;
    struct perf_ring perf;
    double in_act; /* running mean: the share of its faults at which the thread was met in the act */
    uint32_t notes; /* how many went into it, up to some */
};

struct rings {
    int epoll_fd; /* readable when there may be a fault to read; -1: closed */
    struct ring *items;
    size_t count, cap;
    struct perf_ring_options options; /* of a new thread's */
    uint8_t records[2][PERF_RING_RECORD_MAX]; /* the newest fault, and room for a newer one */
    size_t next;        /* whose turn it is to be read */
};

/* 0 or a negative errno: the kernel refuses. rings_deinit is due in either case. */
int rings_init(struct rings *rings, uint64_t period);
void rings_deinit(struct rings *rings);
/* Follows a thread of the target. 0 or a negative errno. */
int rings_add(struct rings *rings, pid_t tid);
void rings_remove(struct rings *rings, pid_t tid);
bool rings_has(const struct rings *rings, pid_t tid);
/* Report the thread's, and new ones', every `period`-th fault from now on. */
void rings_set_period(struct rings *rings, pid_t tid, uint64_t period);
/* Report none of the thread's, until a period is set. */
void rings_rest(const struct rings *rings, pid_t tid);
/* Notes whether the thread was met in the act at a fault, and tells how often it is. */
enum rings_trust {
    RINGS_UNKNOWN, /* too few faults to tell */
    RINGS_GOOD,    /* mostly */
    RINGS_POOR,    /* seldom, but often enough to wait for the next time */
    RINGS_BLIND,   /* hardly ever */
};
enum rings_trust rings_note(struct rings *rings, pid_t tid, bool in_act);
/* Takes the newest fault of the next ring that holds any (older ones in it are dropped: each stands for the same
 * number of faults as the newest). Its stack is valid until the next call. False when all are empty. */
bool rings_next(struct rings *rings, struct perf_fault *ret_fault);

#endif
