/* On which processor the sampling thread runs.
 *
 * A thread that stops hands its processor over to whoever waits there: on the same processor that takes a switch of
 * tasks, on another one an interrupt and the wake-up of an idle processor, there and back. Measured for a stop at a
 * page fault: 25 to 50 us of the target's time on the same processor, 75 to 400 us across (virtual machine, Linux 6.18).
 *
 * But whatever else is done on that processor is the target's time too: so this thread sits there only while a stop is
 * expected, and goes as soon as the stack was read. Measured on a job whose objects come and go: sitting there all the time
 * made it 11 % longer by waiting alone. */
#ifndef MEMSAMPLE_SAMPLER_SEAT_H
#define MEMSAMPLE_SAMPLER_SEAT_H

#include <sched.h>
#include <stdbool.h>

struct seat {
    cpu_set_t allowed; /* where this thread may run */
    bool known;        /* `allowed` could be read */
    int cpu;           /* where it was put, or -1 */
    int avoided;       /* where it must not be, or -1 */
};

void seat_init(struct seat *seat);
/* Sits on processor `cpu`, where a thread grows. */
void seat_join(struct seat *seat, int cpu);
/* Sits on any other one; where there is none, nothing changes. */
void seat_avoid(struct seat *seat, int cpu);
/* Nothing stops at present: sit anywhere. */
void seat_leave(struct seat *seat);

#endif
