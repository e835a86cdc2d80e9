/* One sample in the making: what its parts share. */
#ifndef MEMSAMPLE_SAMPLER_TAKING_H
#define MEMSAMPLE_SAMPLER_TAKING_H

#include "base/units.h"
#include "sampler/sampler.h"

#define OWNERS_MAX EVENT_OWNERS_MAX

/* A stop costs the target more than the time that it stands still: it has to be woken and to fill its caches again. The
 * budget is for the whole. Measured on an idle machine: 1,366 pauses of 27 us made a job 68 ms longer. */
#define COST_OF_PAUSE  2
#define COST_TRAPPED   1.25 /* it waited for us the longest part */
#define COST_DISPLACED 2 /* it waited as well while we came and went: 150 us for a pause of 75 */
/* From a fault to our first instruction on the same processor, and back: two switches of tasks (measured). Moving there and
 * away again takes as long. */
#define TAKING_SWITCH_NS (10 * NS_PER_US)

struct taking {
    struct event_sample event;
    struct event_owner owners[OWNERS_MAX];
    bool memory_read; /* RSS was read together with the first stack */
    bool memory_waits; /* and is still to be booked */
    struct counters_memory memory;
    uint64_t until_ns; /* glimpses after that are the next sample's; 0: all are this one's */
    bool freed_only;  /* growth is left to the next sample */
    bool trapped;     /* the thread stopped by itself, and waited until we came */
    bool displaces;   /* the thread did not run because this one ran in its place, */
    uint64_t displaced_ns; /* for so long */
    uint64_t faults;  /* of all threads */
};

/* Reads the stack of a thread, and RSS at the same time. An outcome of python_stack_capture. */
int taking_capture(struct sampler *sampler, struct taking *taking, pid_t tid);
/* What such an outcome means, `read_state` being that of a stack that was read. */
uint8_t taking_state(int outcome, uint8_t read_state);
/* Stops a thread and reads it, unless it sleeps: then it is read as it sleeps. STACK_LATER: it fell asleep and woke
 * again each time that it was looked at. */
uint8_t taking_stop(struct sampler *sampler, struct taking *taking, pid_t tid);
static inline bool taking_has_stack(const struct event_owner *owner)
{
    return owner->state == STACK_STOPPED || owner->state == STACK_ASLEEP ||
           owner->state == STACK_RUNNING || owner->state == STACK_IN_ACT;
}
/* Whether there may be something to turn into a stack: without Python there are native frames. */
static inline bool taking_can_resolve(const struct sampler *sampler,
                                      const struct event_owner *owner)
{
    return taking_has_stack(owner) || (sampler->native && owner->state == STACK_NO_PYTHON);
}
/* Turns the captured stack into a number of the recording. */
void taking_resolve(struct sampler *sampler, const struct taking *taking,
                    struct event_owner *owner);
/* Adds a thread and its stack to the sample, read in the way that suits what the thread does. */
void taking_add(struct sampler *sampler, struct taking *taking, const struct thread *thread);
/* Adds a thread whose stack is left to its own next sample. */
void taking_add_later(struct taking *taking, const struct thread *thread);
/* Adds all threads that faulted so: how many faults each had tells whose growth it was. */
void taking_add_faulters(const struct sampler *sampler, struct taking *taking);
/* How many faults the thread of the first stack had since the last sample, and which others had some: those wait for their
 * own next stacks. */
void taking_share_faults(struct sampler *sampler, struct taking *taking);
/* Books what was read of RSS with the first stack. */
void taking_book(struct sampler *sampler, struct taking *taking);
/* The stack of the thread was read: off its processor, which is `cpu`, or -1: not known. */
void sampler_step_aside(struct sampler *sampler, struct taking *taking, pid_t tid, int cpu);
/* No more reports of a thread that has glimpses, until a stack is due. */
void sampler_rest(struct sampler *sampler, pid_t tid);
/* Its next report, while `growing` threads grow. */
void sampler_rearm(struct sampler *sampler, pid_t tid, uint32_t growing);
/* Tells the budget what it cost, and how much had moved. */
void sampler_account_for_stop(struct sampler *sampler, const struct taking *taking, uint64_t now_ns,
                              uint64_t moved_bytes);
/* Writes the sample down and accounts for its pauses. */
void taking_finish(struct sampler *sampler, struct taking *taking, uint64_t moved_bytes);

#endif
