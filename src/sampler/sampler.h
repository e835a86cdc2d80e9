/* What the parts of the sampler share: one live session. */
#ifndef MEMSAMPLE_SAMPLER_SAMPLER_H
#define MEMSAMPLE_SAMPLER_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "proc/counters.h"
#include "proc/memory.h"
#include "python/stack.h"
#include "recording/writer.h"
#include "sampler/clock.h"
#include "sampler/look.h"
#include "sampler/places.h"
#include "sampler/seat.h"
#include "sampler/session.h"
#include "sampler/threads.h"
#include "trace/launch.h"
#include "trace/rings.h"
#include "trace/tracer.h"

struct line_tally {
    const char *file, *function; /* owned by the reader */
    int32_t line;
    uint64_t bytes;
};

struct sampler {
    const struct session_options *options;
    struct session_progress *progress;
    struct session_result *result;

    int signal_fd; /* SIGINT, SIGTERM, SIGHUP */
    int sigchld_fd;
    uint32_t asked_to_end; /* how often */
    bool done;
    bool lost;   /* the target is not ours any more and no end was reported */
    int pass_on; /* a signal for the job that waits a little, in case it has it already */
    uint64_t pass_on_ns;
    uint8_t end_reason;

    pid_t pid;
    uint64_t page_bytes;
    uint64_t start_ns; /* CLOCK_MONOTONIC at time 0 */
    uint64_t start_unix_ns;
    struct launch launch;
    struct tracer tracer;
    uint32_t execs_seen;
    pid_t tracer_pid; /* what the target's status says of us */
    struct process_memory process_memory;
    struct memory memory;
    int statm_fd;
    struct threads threads;

    /* Python (discover.c) */
    struct python_runtime runtime;
    struct python_reader *reader;          /* NULL until found */
    uint64_t search_at_ns, search_wait_ns; /* next try and its back-off */
    bool unsupported;                      /* do not search again */
    char unsupported_text[ERROR_TEXT_MAX]; /* why what was found cannot be read; "" when nothing was
                                              found */
    bool finalizing;
    uint64_t tasks_at_ns, tasks_wait_ns; /* next look for asyncio's tasks and its back-off */

    /* when (clock.c, pace.c) */
    struct pace stop_pace;   /* of the target's time */
    struct pace known_pace;  /* ...while glimpses suffice, and a stack only confirms them */
    struct pace sample_pace; /* of our own, for samples */
    struct pace own_pace;    /* of our own, for everything */
    uint64_t all_cpu_ns;     /* our processor time when own_pace was last told */
    uint64_t stopped_ns;     /* when a thread was last stopped */
    uint64_t cpu_ns;         /* our processor time when it was last asked for */
    struct clock clock;
    struct clock poll; /* beside it, while several threads grow at once */
    const char *clock_reason;
    bool traps;         /* the kernel stops threads in the act of a fault */
    bool may_trap;      /* ...or could: the job ignores SIGTRAP */
    struct rings rings; /* or writes the fault down and wakes us */
    struct seat seat;
    pid_t grower;                /* the thread of the last report */
    pid_t armed_tid;             /* whose next fault is waited for where it runs; 0: nobody's */
    uint64_t armed_until_ns;     /* then it is given up */
    unsigned in_vain;            /* how often in a row it was */
    uint64_t unmet_bytes;        /* that moved since a stack was last met in the act */
    struct event_owner last_met; /* where it was */
    double mix; /* running mean: how many reports are another thread's than the one before */
    uint64_t fault_period;      /* faults between two reports of a thread without glimpses */
    double fault_bytes;         /* running mean of what one fault brings in; 0: not known yet */
    uint64_t slept_ns, woke_ns; /* around the last sleep */
    double late_ns;             /* running mean of how late a sleep ends */
    uint64_t next_tick_ns, next_split_ns, next_flush_ns, next_progress_ns;
    uint64_t last_moved_ns;

    /* how much (moves.c) */
    struct counters_memory now; /* last reading of statm */
    uint64_t read_ns;           /* when that was */
    uint64_t moved_within_ns; /* time between the last two readings, if memory moved between them */
    uint64_t recorded_ns;     /* time of the last event with a reading */
    uint64_t grown_bytes, released_bytes; /* since the last recorded reading */
    uint64_t sample_moved_bytes;          /* since the last sample */
    uint64_t sample_grown_bytes;          /* part of it */
    uint64_t sample_shared_bytes;         /* of files and shared memory, at the last sample */
    bool sample_fell;                     /* RSS was seen to fall since the last sample */

    struct look look;
    bool looking;     /* a look is about to begin */
    bool captured;    /* the reader holds a stack that is still to be resolved */
    bool look_failed; /* the page table cannot be read: whose memory goes away is estimated */

    struct places places;              /* what kinds of memory grow (places.c) */
    struct sampler_native *native;     /* NULL: Python frames alone (native.c) */
    struct sampler_glimpses *glimpses; /* NULL: this clock has no faults (glimpses.c) */

    struct recording_writer *writer; /* NULL until Python was found, and after a write error */
    struct line_tally lately[8]; /* since the last progress report: enough to name the largest */
};

/* Opens the target, seized or launched, and everything that the loop needs. 0 or a negative errno
 * with `error` filled; sampler_deinit is due in either case. */
int sampler_init(struct sampler *sampler, const struct session_options *options,
                 struct session_progress *progress, struct session_result *result,
                 struct error *error);
void sampler_deinit(struct sampler *sampler);
/* Attaching promises Python: says at once when there is none. */
int sampler_require_python(struct sampler *sampler, struct error *error);

int sampler_open_signals(struct sampler *sampler, struct error *error);
/* Sleeps until something happens or the time is over, and handles it. False when the time was over.
 */
bool sampler_wait_for_events(struct sampler *sampler, uint64_t sleep_ns);
/* A signal for the job waits a little, in case the job has it already: how long to sleep at most,
 * and passing it on. */
uint64_t sampler_signal_wait_ns(const struct sampler *sampler);
void sampler_pass_on_signal(struct sampler *sampler, uint64_t now_ns);
void sampler_end_session(struct sampler *sampler, uint8_t reason);

uint64_t sampler_now_ns(void);
/* Our processor time, all of it; and since the last call. */
uint64_t sampler_all_cpu_ns(void);
uint64_t sampler_own_cpu_ns(struct sampler *sampler);
/* Time in the recording. */
static inline uint64_t sampler_time(const struct sampler *sampler, uint64_t now_ns)
{
    return now_ns - sampler->start_ns;
}

/* Reads statm and books what moved. 0 or -ESRCH. */
int sampler_read_memory(struct sampler *sampler);
/* Books a statm that was read elsewhere (inside a stop), after a look whether it marks the end. */
void sampler_see_memory(struct sampler *sampler, const struct counters_memory *memory);
/* At the end of a sample, `faults` after the one before: books what a fall hid. */
void sampler_uncover_growth(struct sampler *sampler, uint64_t faults);
/* Books a statm as it is. */
void sampler_book_memory(struct sampler *sampler, const struct counters_memory *memory);
/* Takes what moved since the last recorded reading into an event. */
void sampler_take_memory(struct sampler *sampler, struct event_memory *ret_memory);

/* Records an event at `now_ns`; a failure ends the recording and is told to the user. */
void sampler_record(struct sampler *sampler, uint64_t now_ns, struct event *event);
void sampler_record_reading(struct sampler *sampler, uint64_t now_ns);
/* Reads the target's status: what its memory consists of, and whether it is still ours. */
void sampler_check_target(struct sampler *sampler, uint64_t now_ns);
/* Looks at the page table if it is time to. All growth up to now must be recorded. */
void sampler_look(struct sampler *sampler);
/* Looks at it in any case. */
void sampler_look_now(struct sampler *sampler);
void sampler_flush(struct sampler *sampler);

/* Looks for Python if it is time to; on success begins the recording. */
void sampler_discover(struct sampler *sampler, uint64_t now_ns);
void sampler_forget_python(struct sampler *sampler);
/* After a stack was resolved: learns where asyncio's tasks are, if that is missing and worth it. */
void sampler_find_tasks(struct sampler *sampler);
void sampler_check_finalizing(struct sampler *sampler, uint64_t now_ns);

/* Takes one sample: who moved memory, and where. */
void sampler_sample(struct sampler *sampler);
/* Takes a sample of every thread that stands still in the act of a fault, and lets it go on. */
void sampler_take_trapped(struct sampler *sampler);
/* Takes a sample of every thread whose fault was written down. */
void sampler_take_ringed(struct sampler *sampler);

/* Which faults are reported (arming.c). */

/* When a stack is due: waits for one of the next few faults on the processor of the thread. */
void sampler_arm(struct sampler *sampler, uint64_t now_ns);
/* Where nothing grows any more: counts to a step that suits what may come. */
void sampler_refresh_period(struct sampler *sampler);
/* What should have brought a report. */
uint64_t sampler_expected_bytes(const struct sampler *sampler);
/* Much memory came in and no fault was reported: whether that is because fewer faults than before
 * bring it in. Then they are reported sooner from now on, and the next one tells where the growth
 * was. */
bool sampler_expects_fault(struct sampler *sampler);
/* Whether several threads grow at once. */
bool sampler_is_mixed(const struct sampler *sampler);
/* The clock that says when to look. Faults are reported too seldom to share growth among threads by
 * them: then memory is polled as well. */
struct clock *sampler_looking_clock(struct sampler *sampler);
/* Sits where the thread that grew last runs now: it may have been moved meanwhile. */
void sampler_follow_grower(struct sampler *sampler);
/* Follows the threads that there are now. */
void sampler_follow_threads(struct sampler *sampler);

#endif
