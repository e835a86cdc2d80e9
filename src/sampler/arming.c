/* Which faults are reported, and where this thread sits meanwhile.
 *
 * A thread whose faults are glimpsed has its stack read now and then only, to learn who calls what.
 * Its event rests until then, and this thread sits elsewhere. When a stack is due this thread goes
 * to the thread's processor, asks for one of the next few faults, and leaves as soon as it has the
 * stack. Of a thread without glimpses the reports carry the weights: those come all the time, a
 * step of growth apart. */
#include "base/units.h"
#include "sampler/glimpses.h"
#include "sampler/taking.h"

#define REFRESH_FROM  3       /* times too long a period is */
#define PERIOD_MAX    1000000 /* faults: 4 GB in small pages */
#define ARMED_PERIODS 2       /* of glimpses: within so many faults */
/* How long a fault is waited for: on the thread's processor, twice as long after each time in vain;
 * and where the thread stops for us wherever we are. */
#define ARMED_NS      (5 * NS_PER_MS)
#define ARMED_DOUBLED 4 /* so often */
#define TRAPPED_NS    (100 * NS_PER_MS)

/* A step's worth of faults for each of the threads that grow. A new distance each time: with equal
 * ones, lines that take turns in a fixed pattern were met too often or too seldom (measured: up to
 * 17 % off, where random distances are 3 % off). */
static uint64_t wished_period(const struct sampler *sampler, uint32_t growing)
{
    double page_bytes = (double)sampler->page_bytes;
    double fault_bytes = sampler->fault_bytes > page_bytes ? sampler->fault_bytes : page_bytes;
    double wish = pace_next_step_bytes(&sampler->stop_pace) / fault_bytes * (double)growing;
    return wish < 1 ? 1 : wish > PERIOD_MAX ? PERIOD_MAX : (uint64_t)wish;
}

static void set_period(struct sampler *sampler, uint64_t period, pid_t tid)
{
    if (tracer_has_trap(&sampler->tracer, tid))
        tracer_set_trap_period(&sampler->tracer, tid, period);
    else
        rings_set_period(&sampler->rings, tid, period);
}

/* While several threads grow, the reports of each tell of its own callers. */
static bool may_rest(const struct sampler *sampler, pid_t tid)
{
    return glimpses_find(sampler->glimpses, tid) && !sampler_is_mixed(sampler);
}

void sampler_rest(struct sampler *sampler, pid_t tid)
{
    if (!may_rest(sampler, tid))
        return;
    if (tracer_has_trap(&sampler->tracer, tid))
        tracer_rest_trap(&sampler->tracer, tid);
    else
        rings_rest(&sampler->rings, tid);
    if (tid == sampler->armed_tid)
        sampler->armed_tid = 0;
}

void sampler_step_aside(struct sampler *sampler, struct taking *taking, pid_t tid, int cpu)
{
    sampler->in_vain = 0;
    sampler_rest(sampler, tid);
    taking->displaced_ns = sampler_all_cpu_ns() - sampler->cpu_ns;
    seat_avoid(&sampler->seat, cpu >= 0 ? cpu : threads_cpu(&sampler->threads, tid));
}

void sampler_rearm(struct sampler *sampler, pid_t tid, uint32_t growing)
{
    sampler_glimpses_follow(sampler, tid);
    sampler->fault_period = wished_period(sampler, growing);
    if (may_rest(sampler, tid)) {
        sampler_rest(sampler, tid);
        return;
    }
    seat_join(&sampler->seat, threads_cpu(&sampler->threads, tid));
    set_period(sampler, sampler->fault_period, tid);
}

void sampler_account_for_stop(struct sampler *sampler, const struct taking *taking, uint64_t now_ns,
                              uint64_t moved_bytes)
{
    sampler->unmet_bytes += moved_bytes;
    if (!taking->event.pause_ns && sampler->glimpses)
        return; /* the next stack is due when so much more has moved since the last one */
    double cost = taking->displaces ? COST_DISPLACED
                  : taking->trapped ? COST_TRAPPED
                                    : COST_OF_PAUSE;
    sampler->stop_pace.cost = sampler->known_pace.cost = cost;
    pace_spend(&sampler->stop_pace, now_ns, taking->event.pause_ns, sampler->unmet_bytes);
    /* Not in debt for stacks that the whole budget was for. */
    bool suffice = sampler->glimpses && sampler_glimpses_suffice(sampler);
    pace_spend(&sampler->known_pace, now_ns, suffice ? taking->event.pause_ns : 0,
               sampler->unmet_bytes);
    sampler->unmet_bytes = 0;
}

/* One of the next few faults of the thread, met in the act. */
static void arm(struct sampler *sampler, const struct glimpsed_thread *thread, uint64_t now_ns)
{
    double chance = pace_chance(&sampler->stop_pace);
    bool waits = tracer_has_trap(&sampler->tracer, thread->tid); /* for us, wherever we are */
    int cpu = waits ? -1 : threads_cpu(&sampler->threads, thread->tid);
    sampler->armed_tid = thread->tid;
    sampler->armed_until_ns = now_ns + (waits ? TRAPPED_NS : ARMED_NS << sampler->in_vain);
    seat_join(&sampler->seat, cpu);
    set_period(sampler, 1 + (uint64_t)(chance * ARMED_PERIODS * thread->mean_period), thread->tid);
}

static void disarm(struct sampler *sampler)
{
    seat_avoid(&sampler->seat, sampler->seat.cpu);
    sampler_rest(sampler, sampler->armed_tid);
    sampler->armed_tid = 0; /* also when there is nothing left to rest */
    sampler->unmet_bytes = 0;
    sampler->in_vain += sampler->in_vain < ARMED_DOUBLED;
}

void sampler_arm(struct sampler *sampler, uint64_t now_ns)
{
    uint64_t unmet_bytes = sampler->unmet_bytes + sampler->sample_grown_bytes;
    if (sampler->armed_tid && now_ns >= sampler->armed_until_ns)
        disarm(sampler);
    if (sampler->armed_tid || !sampler->glimpses || sampler_is_mixed(sampler))
        return;
    struct pace *pace =
        sampler_glimpses_suffice(sampler) ? &sampler->known_pace : &sampler->stop_pace;
    if (unmet_bytes < pace_step_bytes(pace, now_ns, unmet_bytes) || !pace_allows(pace, now_ns))
        return;
    const struct glimpsed_thread *thread = sampler_glimpses_grower(sampler);
    if (thread)
        arm(sampler, thread, now_ns);
}

/* Where the thread that grew last runs now: it may have been moved meanwhile. */
void sampler_follow_grower(struct sampler *sampler)
{
    int cpu = threads_cpu(&sampler->threads, sampler->grower);
    bool waits = tracer_has_trap(&sampler->tracer, sampler->grower);
    if (!glimpses_find(sampler->glimpses, sampler->grower) ||
        (sampler->armed_tid == sampler->grower && !waits))
        seat_join(&sampler->seat, cpu);
    else
        seat_avoid(&sampler->seat, cpu);
}

/* The faults of the thread that had most since the last sample; those of all in ret_all. */
static uint64_t most_faults(const struct threads *threads, uint64_t *ret_all)
{
    uint64_t most = 0;
    *ret_all = 0;
    for (size_t i = 0; i < threads->count; i++) {
        uint64_t faults = threads->items[i].faults;
        most = faults > most ? faults : most;
        *ret_all += faults;
    }
    return most;
}

/* Faults until something is reported of the thread that grew last. */
static double expected_faults(const struct sampler *sampler)
{
    const struct glimpsed_thread *thread = glimpses_find(sampler->glimpses, sampler->grower);
    return thread ? GLIMPSES_FULL * thread->mean_period : (double)sampler->fault_period;
}

uint64_t sampler_expected_bytes(const struct sampler *sampler)
{
    double bytes = expected_faults(sampler) * sampler->fault_bytes;
    double step = pace_mean_step_bytes(&sampler->stop_pace);
    bool glimpsed = glimpses_find(sampler->glimpses, sampler->grower);
    return (uint64_t)(step > bytes && !glimpsed ? step : bytes);
}

bool sampler_expects_fault(struct sampler *sampler)
{
    uint64_t all;
    if (threads_look(&sampler->threads) < 0)
        return false;
    uint64_t most = most_faults(&sampler->threads, &all);
    if (most == 0 || (double)most >= expected_faults(sampler))
        return false;
    double bytes = (double)sampler->sample_grown_bytes / (double)all;
    if (bytes > sampler->fault_bytes)
        sampler->fault_bytes = bytes;
    for (size_t i = 0; i < sampler->threads.count; i++) {
        pid_t tid = sampler->threads.items[i].tid;
        if (!sampler_glimpses_hasten(sampler, tid))
            set_period(sampler, wished_period(sampler, 1), tid);
    }
    return true;
}

/* What grew since the last report of the thread, less than a step, before it came to rest: it is
 * counted to where the thread was met last. The next report will come after a shorter step, and
 * must not stand for what was left of a longer one. */
static void close_tail(struct sampler *sampler)
{
    struct taking taking = {.event.owner_count = 1, .memory_read = true};
    if (!sampler->sample_grown_bytes || sampler->last_met.state != STACK_IN_ACT ||
        glimpses_find(sampler->glimpses, sampler->last_met.tid))
        return;
    taking.owners[0] = sampler->last_met;
    taking.owners[0].state = STACK_RUNNING;
    taking.owners[0].fault_address = 0;
    taking_finish(sampler, &taking, sampler->sample_moved_bytes);
}

/* A step shrinks with the rate of growth and as the budget recovers; the kernel would go on
 * counting to the old one. Setting it begins to count anew: from anywhere within a step, or whoever
 * grows after a rest would always be missed. */
void sampler_refresh_period(struct sampler *sampler)
{
    double armed_bytes = (double)sampler->fault_period * sampler->fault_bytes;
    if (pace_mean_step_bytes(&sampler->stop_pace) * REFRESH_FROM > armed_bytes)
        return;
    close_tail(sampler);
    sampler->fault_period = wished_period(sampler, 1);
    for (size_t i = 0; i < sampler->threads.count; i++) {
        double chance = pace_chance(&sampler->stop_pace);
        pid_t tid = sampler->threads.items[i].tid;
        if (!glimpses_find(sampler->glimpses, tid))
            set_period(sampler, 1 + (uint64_t)((double)sampler->fault_period * chance), tid);
    }
}
