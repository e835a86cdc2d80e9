/* On which processor the sampling thread runs. Touches this thread only. */
#include "sampler/seat.h"

void seat_init(struct seat *seat)
{
    *seat = (struct seat){.cpu = -1, .avoided = -1};
    seat->known = sched_getaffinity(0, sizeof(seat->allowed), &seat->allowed) == 0;
}

static bool is_allowed(const struct seat *seat, int cpu)
{
    return seat->known && cpu >= 0 && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &seat->allowed);
}

static void sit(struct seat *seat, const cpu_set_t *cpus, int cpu, int avoided)
{
    if (sched_setaffinity(0, sizeof(*cpus), cpus) < 0)
        return;
    seat->cpu = cpu;
    seat->avoided = avoided;
}

void seat_join(struct seat *seat, int cpu)
{
    if (cpu == seat->cpu || !is_allowed(seat, cpu))
        return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sit(seat, &one, cpu, -1);
}

void seat_avoid(struct seat *seat, int cpu)
{
    if (cpu == seat->avoided || !is_allowed(seat, cpu))
        return;
    cpu_set_t others = seat->allowed;
    CPU_CLR(cpu, &others);
    if (CPU_COUNT(&others))
        sit(seat, &others, -1, cpu);
}

void seat_leave(struct seat *seat)
{
    if (seat->cpu >= 0 || seat->avoided >= 0)
        sit(seat, &seat->allowed, -1, -1);
}
