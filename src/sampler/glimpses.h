/* Faults between two samples.
 *
 * A sample costs the target time, so that one stands for hundreds of faults. Beside it the kernel
 * writes down every few faults of a growing thread, with the registers and the top of the C stack:
 * a glimpse. Nobody is woken or stopped for it. When the next sample is taken, the glimpses since
 * the one before share the growth with it, each with its own address, and with a stack that was
 * read at the same spot (spots.h). */
#ifndef MEMSAMPLE_SAMPLER_GLIMPSES_H
#define MEMSAMPLE_SAMPLER_GLIMPSES_H

#include "sampler/sampler.h"
#include "sampler/spots.h"
#include "sampler/taking.h"
#include "trace/perf_ring.h"

#define GLIMPSES_MAX  48 /* of a thread between two samples; more are thinned out evenly */
#define GLIMPSES_SUFFICE  0.9  /* that are known */
#define GLIMPSES_FORESEEN 0.97 /* callers that are the same as the time before */
#define GLIMPSES_FULL 32 /* of a thread: they make a sample of their own */

struct glimpse {
    struct spot spot;
    remote_addr address;
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint64_t faults, pages; /* that it stands for */
    uint32_t stack_id;      /* told already, when another stack was read at its spot; 0: not yet */
    bool truncated;
};

struct glimpsed_thread {
    pid_t tid;
    struct perf_ring ring;
    struct glimpse list[GLIMPSES_MAX];
    uint32_t count, seen;
    uint64_t faults[2];    /* minor and major ones, up to the newest */
    struct glimpse newest; /* with the pages of its fault alone */
    uint32_t newest_at;    /* in the list; GLIMPSES_MAX: not there any more */
    uint32_t ready;        /* the first of the list, that are of the sample at hand */
    double mean_period;    /* faults between two */
    uint64_t period;       /* as set last */
    uint32_t passed;       /* glimpses since it was set */
    uint32_t unmet;        /* and since a stack was last waited for, of any thread */
    double recent;         /* and since the rate was last looked at */
    double credit;         /* that may come above the usual rate */
    uint64_t paced_ns;
    uint32_t stack_bytes;
    uint32_t looked, blank; /* glimpses with it, and those that showed no known code */
};

struct sampler_glimpses {
    int epoll_fd; /* readable when a ring should be read */
    struct spots spots;
    struct perf_ring_options options;
    bool refused; /* by the kernel */
    struct glimpsed_thread *threads;
    size_t thread_count, thread_cap;
    /* The fault at which a stack is being read; its label is the reader's business. */
    struct registers met_registers;
    uint8_t met_stack[PERF_RING_STACK_BYTES];
    size_t met_bytes;
    bool met;
    uint64_t waits_ns;         /* since when a stack is waited for; 0: not now */
    uint64_t asked_ns;         /* when it was last asked whether to wait */
    uint64_t explored_ns;      /* when a stack was last read because of that */
    struct event_owner recent; /* the last that was read */
    uint64_t recent_ns;
    /* Running means: the share of glimpses whose stack is known, and of these days; and of stacks
     * that were read, those that had been read at the same spot the time before. */
    double known, foreseen;
    uint32_t parent_id; /* of the stack that was resolved last: without its innermost frame */
    uint8_t record[PERF_RING_RECORD_MAX];
};

/* 0 or -ENOMEM. Without the right to use perf there will be none. */
int sampler_glimpses_open(struct sampler *sampler);
void sampler_glimpses_close(struct sampler *sampler);
/* After an exec, and with another reader: what was learnt does not hold. */
void sampler_glimpses_forget(struct sampler *sampler);
/* Readable when there is something to read; or -1. */
static inline int sampler_glimpses_fd(const struct sampler *sampler)
{
    return sampler->glimpses ? sampler->glimpses->epoll_fd : -1;
}
/* The thread grows: follows it. */
void sampler_glimpses_follow(struct sampler *sampler, pid_t tid);
/* One of the threads that grew since the last time that this was asked, the more likely the more it
 * did; NULL: none did. */
const struct glimpsed_thread *sampler_glimpses_grower(struct sampler *sampler);
/* Fewer faults than before bring in more: the thread's next glimpses come sooner. False: it is not
 * followed. */
bool sampler_glimpses_hasten(struct sampler *sampler, pid_t tid);
/* Reads what the kernel wrote down, so that there is room again. */
void sampler_glimpses_read(struct sampler *sampler);

/* NULL: not followed. Valid until the next one is followed. */
struct glimpsed_thread *glimpses_find(struct sampler_glimpses *glimpses, pid_t tid);
/* Where Python stood at a fault, by what the kernel wrote down. */
struct spot sampler_spot_of(struct sampler *sampler, const struct registers *registers,
                            const uint8_t *stack, size_t stack_bytes);

/* Stacks (spotted.c). */

/* The fault at which a stack is going to be read: as the kernel wrote it down, or as the stopped
 * thread has it. */
void sampler_glimpses_meet(struct sampler *sampler, const struct perf_fault *fault);
void sampler_glimpses_meet_stopped(struct sampler *sampler, pid_t tid);
/* That stack was read and resolved. */
void sampler_glimpses_learn(struct sampler *sampler, const struct event_owner *owner);
/* That stack could not be read in time: whether the fault itself tells. */
bool sampler_glimpses_tell(struct sampler *sampler, struct event_owner *owner);
/* ...or whether the next one should be waited for, because it will tell more. */
bool sampler_glimpses_wait(struct sampler *sampler, pid_t tid);
/* Fills in the stack of a spot; false: it is not known. */
bool sampler_spot_tell(struct sampler *sampler, const struct spot *spot, struct event_owner *owner);
/* Whether it is known, and of these days. */
bool sampler_spot_is_fresh(const struct sampler *sampler, const struct spot *spot, pid_t tid);
/* Reads the thread's stack as it runs, without disturbing it: what is not known may be learnt. */
bool sampler_spots_explore(struct sampler *sampler, pid_t tid);
/* Whether to wait for the next stack that is read, now that what there is is known, or is not. */
bool sampler_spots_wait(struct sampler *sampler, bool known);

/* Samples (glimpsed.c). */

/* While a thread grows: reads now and then who calls, as it runs. */
void sampler_glimpses_refresh(struct sampler *sampler);
/* Lets glimpses share in a sample that is complete otherwise. */
void sampler_glimpses_join(struct sampler *sampler, struct taking *taking);
/* Makes a sample of glimpses alone when there are enough: no stack need be read for it. RSS was
 * read just now. */
void sampler_take_glimpsed(struct sampler *sampler);
/* Whether glimpses tell nearly as much as stacks that are read. */
static inline bool sampler_glimpses_suffice(const struct sampler *sampler)
{
    return sampler->glimpses->known > GLIMPSES_SUFFICE &&
           sampler->glimpses->foreseen > GLIMPSES_FORESEEN;
}
/* However few there are up to a moment: what grew until then is to be closed. False: there are
 * none. */
bool sampler_take_few_glimpsed(struct sampler *sampler, uint64_t until_ns);

#endif
