/* How often something may be done that costs time: at most the budget's share of it, at any growth rate. There are two: stops, which cost
 * the target's time, and samples, which cost memsample's own.
 *
 * They are asked for by bytes, not by time: the next one is due when a step's worth of memory has moved. The
 * step follows the growth rate, so that faster growth means larger steps, never lost bytes. Time in which
 * nothing was stopped is saved up as credit and spent on bursts. Steps are spread at random around their
 * mean, so that a program that grows in a fixed pattern is not always met at the same place. */
#ifndef MEMSAMPLE_SAMPLER_PACE_H
#define MEMSAMPLE_SAMPLER_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
    double budget;        /* share of time, 0.02 is 2 % */
    double cost;          /* what a unit of time spent really costs */
    uint64_t least_bytes; /* smallest mean step */
    double credit_ns, credit_max_ns;
    uint64_t credited_ns;  /* up to when time was credited */
    uint64_t stopped_ns;   /* when the last stop was */
    double pause_ns;       /* running mean of what a stop costs */
    double rate;           /* running mean of bytes moved per ns while stopping */
    double spread;         /* factor of the next step, 0.5 to 1.5 */
    uint64_t random;
};

struct pace_budget {
    double percent;        /* share of time */
    double cost;           /* what a unit of time spent really costs */
    double credit_seconds; /* so much time's budget may be saved up for bursts */
};
void pace_init(struct pace *pace, struct pace_budget budget, uint64_t least_bytes, uint64_t now_ns);

/* Bytes that must have moved since the last stop before the next; `moved_bytes` have so far. */
uint64_t pace_step_bytes(struct pace *pace, uint64_t now_ns, uint64_t moved_bytes);
/* The next step as of the last stop, for clocks that count in the kernel; and the same without its spread. */
double pace_next_step_bytes(const struct pace *pace);
double pace_mean_step_bytes(const struct pace *pace);
/* Any number from 0 up to 1. */
double pace_chance(struct pace *pace);
/* Whether the budget has room for a stop now. */
bool pace_allows(struct pace *pace, uint64_t now_ns);
/* Accounts for one: how long it took and how much had moved before it. */
void pace_spend(struct pace *pace, uint64_t now_ns, uint64_t pause_ns, uint64_t moved_bytes);

#endif
