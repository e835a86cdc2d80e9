/* On which processor the sampling thread runs. Touches this thread only. */
#include "sampler/seat.h"

void seat_init(struct seat *seat)
{
    *seat = (struct seat){.cpu = -1};
    seat->known = sched_getaffinity(0, sizeof(seat->allowed), &seat->allowed) == 0;
}

void seat_join(struct seat *seat, int cpu)
{
    if (!seat->known || cpu == seat->cpu || cpu < 0 || cpu >= CPU_SETSIZE ||
        !CPU_ISSET(cpu, &seat->allowed))
        return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof(one), &one) == 0)
        seat->cpu = cpu;
}

void seat_leave(struct seat *seat)
{
    if (seat->cpu >= 0 && sched_setaffinity(0, sizeof(seat->allowed), &seat->allowed) == 0)
        seat->cpu = -1;
}
