/* Threads met in the act of a page fault.
 *
 * Trap: the kernel stopped the thread, and it waits for us. Ring: the kernel wrote the fault down
 * and woke us, on the processor of the thread (see seat.h), which therefore does not run while we
 * read its stack: measured, 5,063 of 5,069 such wakes found the thread exactly at the instruction
 * that faulted. */
#include <errno.h>
#include <sched.h>

#include "base/units.h"
#include "sampler/glimpses.h"
#include "sampler/native.h"
#include "sampler/taking.h"

#define IN_ACT_MAX_NS (100 * NS_PER_US) /* since the fault: later, the thread may have gone on */
#define MIX_WEIGHT    0.05              /* of a new value in the running mean */
#define MIXED         0.04 /* above: another thread reported one of the last few faults */

/* When the thread began to stand still, at the earliest. */
static uint64_t stopped_since_ns(const struct sampler *sampler)
{
    uint64_t late_ns = sampler->seat.cpu >= 0 ? TAKING_SWITCH_NS : (uint64_t)sampler->late_ns;
    uint64_t since_ns = sampler->woke_ns > late_ns ? sampler->woke_ns - late_ns : 0;
    return since_ns > sampler->slept_ns ? since_ns : sampler->slept_ns;
}

static void finish(struct sampler *sampler, struct taking *taking, pid_t tid)
{
    taking_book(sampler, taking);
    uint64_t moved_bytes = sampler->sample_moved_bytes;
    struct event_owner *owner = &taking->owners[0];
    owner->faults = taking->faults = 1; /* until all threads were looked at */
    if (taking_can_resolve(sampler, owner))
        taking_resolve(sampler, taking, owner);
    sampler->last_met = *owner;
    sampler_glimpses_learn(sampler, owner);
    taking_share_faults(sampler, taking);
    uint32_t growing = taking->event.owner_count; /* threads: glimpses come to it */
    taking_finish(sampler, taking, moved_bytes);
    sampler_rearm(sampler, tid, growing);
}

bool sampler_is_mixed(const struct sampler *sampler)
{
    return sampler->mix > MIXED;
}

struct clock *sampler_looking_clock(struct sampler *sampler)
{
    return sampler->clock.by_faults && sampler_is_mixed(sampler) ? &sampler->poll : &sampler->clock;
}

/* Several threads that grow at once: we can sit with one of them only. */
static void note_grower(struct sampler *sampler, pid_t tid)
{
    bool other = sampler->grower && sampler->grower != tid;
    sampler->mix += MIX_WEIGHT * ((other ? 1 : 0) - sampler->mix);
    sampler->grower = tid;
}

static bool wants_sample(struct sampler *sampler)
{
    return sampler->reader && sampler->writer && !sampler->finalizing &&
           pace_allows(&sampler->stop_pace, sampler_now_ns());
}

static void sample_trapped(struct sampler *sampler, const struct tracee *tracee)
{
    struct taking taking = {.event.owner_count = 1, .event.pauses = 1, .trapped = true};
    struct event_owner *owner = &taking.owners[0];
    pid_t tid = tracee->tid;
    *owner = (struct event_owner){.tid = tid, .fault_address = tracee->fault_address};
    uint64_t since_ns = stopped_since_ns(sampler);

    note_grower(sampler, tid);
    int outcome = taking_capture(sampler, &taking, tid);
    sampler_native_take_stopped(sampler, tid);
    sampler_glimpses_meet_stopped(sampler, tid);
    tracer_resume_thread(&sampler->tracer, tid);
    taking.event.pause_ns = sampler_now_ns() - since_ns;
    sampler_step_aside(sampler, &taking, tid, -1);
    owner->state = taking_state(outcome, STACK_IN_ACT);
    if (owner->state == STACK_TORN)
        owner->state = taking_stop(sampler, &taking, tid); /* a few instructions later */
    finish(sampler, &taking, tid);
}

void sampler_take_trapped(struct sampler *sampler)
{
    const struct tracee *trapped;
    while ((trapped = tracer_next_trapped(&sampler->tracer))) {
        if (wants_sample(sampler)) {
            sample_trapped(sampler, trapped);
            continue;
        }
        sampler_rest(sampler, trapped->tid);
        tracer_resume_thread(&sampler->tracer, trapped->tid);
    }
}

/* A thread that shares the time with others, or is moved from processor to processor, is hardly
 * ever met in the act. Where it may be stopped there, it is. */
static void use_trap(struct sampler *sampler, pid_t tid)
{
    if (sampler->may_trap && tracer_arm_trap(&sampler->tracer, tid, sampler->fault_period) == 0)
        rings_remove(&sampler->rings, tid);
}

/* On the processor of the thread, and so soon that it had no time to go on. While this thread runs
 * there, the other one runs only if it is moved to another processor, which shows afterwards. */
static bool is_in_act(const struct perf_fault *fault)
{
    return fault->cpu == sched_getcpu() && sampler_now_ns() - fault->time_ns < IN_ACT_MAX_NS;
}

/* Whether a stack that is read at this fault counts: met in the act, or of a thread that hardly
 * ever is. */
static bool note_meeting(struct sampler *sampler, pid_t tid, bool in_act)
{
    enum rings_trust trust = rings_note(&sampler->rings, tid, in_act);
    bool seldom = trust == RINGS_POOR || trust == RINGS_BLIND;
    if (seldom || sampler_is_mixed(sampler))
        use_trap(sampler, tid);
    return in_act || trust == RINGS_BLIND;
}

/* The thread may be on another line already. */
static void finish_late(struct sampler *sampler, struct taking *taking,
                        const struct perf_fault *fault)
{
    sampler_native_forget(sampler);
    if (sampler_glimpses_wait(sampler, fault->tid)) {
        seat_join(&sampler->seat, fault->cpu);
        return;
    }
    sampler_step_aside(sampler, taking, fault->tid, -1);
    struct event_owner *owner = &taking->owners[0];
    owner->state = STACK_LATE;
    if (sampler_glimpses_tell(sampler, owner))
        owner->fault_address = fault->address;
    finish(sampler, taking, fault->tid);
}

static void finish_met(struct sampler *sampler, struct taking *taking,
                       const struct perf_fault *fault, int outcome, bool in_act)
{
    struct event_owner *owner = &taking->owners[0];
    taking->displaces = in_act;
    sampler_step_aside(sampler, taking, fault->tid, in_act ? fault->cpu : -1);
    if (outcome == -EFAULT)
        outcome = PYTHON_STACK_TORN;
    owner->state = taking_state(outcome, in_act ? STACK_IN_ACT : STACK_RUNNING);
    if (owner->state == STACK_IN_ACT)
        owner->fault_address = fault->address; /* else the thread may be on another line by now */
    /* Registers as of the fault do not belong to a thread that went on. */
    bool stale = sampler->native && !in_act && owner->state != STACK_GONE;
    if (owner->state == STACK_TORN || stale)
        owner->state = taking_stop(sampler, taking, fault->tid);
    finish(sampler, taking, fault->tid);
}

static void sample_ringed(struct sampler *sampler, const struct perf_fault *fault)
{
    struct taking taking = {.event.owner_count = 1, .owners[0].tid = fault->tid};
    bool in_act = is_in_act(fault);
    sampler_glimpses_meet(sampler, fault);
    note_grower(sampler, fault->tid);
    if (!in_act && !note_meeting(sampler, fault->tid, false)) {
        finish_late(sampler, &taking, fault);
        return;
    }
    int outcome = taking_capture(sampler, &taking, fault->tid);
    if (outcome == 0)
        outcome = python_stack_confirm(sampler->reader);
    if (in_act) {
        sampler_native_take(sampler, &fault->registers);
        in_act = threads_cpu(&sampler->threads, fault->tid) == sched_getcpu();
        if (!note_meeting(sampler, fault->tid, in_act)) {
            finish_late(sampler, &taking, fault);
            return;
        }
    }
    finish_met(sampler, &taking, fault, outcome, in_act);
}

void sampler_take_ringed(struct sampler *sampler)
{
    struct perf_fault fault;
    while (rings_next(&sampler->rings, &fault))
        if (wants_sample(sampler))
            sample_ringed(sampler, &fault);
        else
            sampler_rest(sampler, fault.tid);
}

static void forget_ended(struct sampler *sampler)
{
    for (size_t i = sampler->rings.count; i-- > 0;)
        if (!threads_find(&sampler->threads, sampler->rings.items[i].tid))
            rings_remove(&sampler->rings, sampler->rings.items[i].tid);
}

void sampler_follow_threads(struct sampler *sampler)
{
    bool changed = threads_changed(&sampler->threads);
    if (changed && threads_look(&sampler->threads) < 0)
        return;
    forget_ended(sampler);
    for (size_t i = 0; i < sampler->threads.count; i++) {
        struct thread *thread = &sampler->threads.items[i];
        if (!thread->followed && !tracer_has_trap(&sampler->tracer, thread->tid))
            rings_add(&sampler->rings, thread->tid); /* without one, its growth is looked for */
        thread->followed = true;
    }
}
