/* When to look, and when to stop: the clocks.
 *
 * A clock answers two questions and touches no process: how long may the sampler sleep before it reads the memory
 * counters again, and, after it has read them, is a sample due. */
#ifndef MEMSAMPLE_SAMPLER_CLOCK_H
#define MEMSAMPLE_SAMPLER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "sampler/pace.h"

struct clock_view { /* what a clock may go by */
    uint64_t now_ns;
    uint64_t next_tick_ns;   /* when the next timeline reading is due anyway */
    uint64_t moved_bytes;    /* grown and released since the last sample */
    uint64_t last_moved_ns;  /* when memory was last seen to move */
    uint64_t expected_bytes; /* by when the kernel should have told of a fault; 0 for other clocks */
    bool spent;              /* our own share of a processor is used up */
    bool in_the_way;         /* we sit on the target's processor */
};

struct clock {
    const char *name;
    /* ns to sleep; 0: read again at once. Never beyond the next tick. */
    uint64_t (*sleep_ns)(struct clock *clock, const struct clock_view *view);
    bool (*is_due)(struct clock *clock, const struct clock_view *view);
    bool by_faults; /* the kernel tells of faults: samples are taken at them, is_due is for the rest */
    bool stops; /* samples stop threads; otherwise they are read as they run where that holds together */
    struct pace *pace;
    uint64_t sampled_tick_ns; /* tick clock: the tick that was served last */
    uint64_t spin_until_ns;   /* poll clock: give up spinning then */
    uint64_t spin_again_ns;   /* ...and do not spin again before */
    uint64_t spin_wait_ns;    /* how long that is: doubles with each spin in vain */
};

/* `name` is "poll", "tick", "trap" or "ring"; false for any other. `pace` must outlive the clock.
 * With the last two the kernel tells of faults by itself; is_due then tells when memory moved much more than those account for. */
bool clock_init(struct clock *clock, const char *name, struct pace *pace);

#endif
