/* Reading the stacks of threads for a sample.
 *
 * A thread that runs is first read as it runs. It takes some 15 us to stop one: by then a fast loop
 * is somewhere else, while a read meets it 3 us after its memory moved (measured on lines that
 * interleave, see the commit). Only when what was read does not hold together, and now and then to
 * be sure, is the thread stopped. */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "base/paths.h"
#include "base/units.h"
#include "proc/process.h"
#include "sampler/glimpses.h"
#include "sampler/native.h"
#include "sampler/taking.h"

#define STOP_EVERY_NS (50 * NS_PER_MS) /* while memory moves */
#define STILL_TRIES   3
#define CAPTURE_TRIES 4 /* a torn stack is read again, a few instructions later */

/* Keeps a small tally of which lines moved memory lately, for the progress line. */
static void note_line(struct sampler *sampler, const struct python_stack *stack, uint64_t bytes)
{
    size_t at = 0;
    while (at + 1 < stack->count && path_is_library(stack->frames[at].file))
        at++;
    if (path_is_library(stack->frames[at].file))
        at = 0;
    const struct python_frame *frame = &stack->frames[at];
    size_t least = 0;
    for (size_t i = 0; i < ARRAY_SIZE(sampler->lately); i++) {
        if (sampler->lately[i].file == frame->file && sampler->lately[i].line == frame->line) {
            sampler->lately[i].bytes += bytes;
            return;
        }
        if (sampler->lately[i].bytes < sampler->lately[least].bytes)
            least = i;
    }
    sampler->lately[least] = (struct line_tally){
        .file = frame->file, .function = frame->function, .line = frame->line, .bytes = bytes};
}

/* 0 or a negative errno from the writer. */
static int record_python(struct sampler *sampler, const struct python_stack *stack,
                         uint32_t *ret_stack_id)
{
    uint32_t id = 0;
    int r = 0;
    for (size_t i = stack->count; i-- > 0 && r >= 0;) {
        const struct python_frame *frame = &stack->frames[i];
        if (i == 0 && sampler->glimpses)
            sampler->glimpses->parent_id = id;
        r = recording_writer_stack(sampler->writer, id, frame->file, frame->function, frame->line,
                                   frame->first_line, &id);
    }
    *ret_stack_id = id;
    return r;
}

void taking_resolve(struct sampler *sampler, const struct taking *taking, struct event_owner *owner)
{
    struct python_stack stack = {0};
    if (sampler->glimpses)
        sampler->glimpses->parent_id = SPOT_NO_PARENT;
    if (owner->state != STACK_NO_PYTHON && python_stack_resolve(sampler->reader, &stack) != 0) {
        owner->state = STACK_TORN;
        return;
    }
    if (stack.count == 0)
        owner->state = STACK_NO_PYTHON;
    int r = sampler->native ? sampler_native_resolve(sampler, owner->tid, &stack, &owner->stack_id)
                            : record_python(sampler, &stack, &owner->stack_id);
    if (r < 0) {
        owner->state = STACK_TORN;
        owner->stack_id = 0;
        return;
    }
    sampler_find_tasks(sampler);
    if (stack.count == 0)
        return;
    owner->truncated = stack.truncated;
    note_line(sampler, &stack,
              taking->faults ? (uint64_t)((double)sampler->sample_moved_bytes *
                                          (double)owner->faults / (double)taking->faults)
                             : 0);
}

int taking_capture(struct sampler *sampler, struct taking *taking, pid_t tid)
{
    sampler_native_forget(sampler);
    int outcome = python_stack_capture(sampler->reader, threads_inner_tid(&sampler->threads, tid));
    if (!taking->memory_read)
        taking->memory_read = taking->memory_waits =
            counters_memory_read(sampler->statm_fd, sampler->page_bytes, &taking->memory) == 0;
    return outcome;
}

void taking_book(struct sampler *sampler, struct taking *taking)
{
    if (!taking->memory_waits)
        return;
    taking->memory_waits = false;
    sampler->captured = true;
    sampler_see_memory(sampler, &taking->memory);
    sampler->captured = false;
}

uint8_t taking_state(int outcome, uint8_t read_state)
{
    return outcome == 0                        ? read_state
           : outcome == PYTHON_STACK_NO_THREAD ? STACK_NO_PYTHON
           : outcome == PYTHON_STACK_TORN      ? STACK_TORN
                                               : STACK_GONE;
}

/* Stops a running thread and reads it. */
static uint8_t take_stopped(struct sampler *sampler, struct taking *taking, pid_t tid)
{
    int outcome = PYTHON_STACK_TORN;
    for (int i = 0; i < CAPTURE_TRIES && outcome == PYTHON_STACK_TORN; i++) {
        uint64_t running_ns;
        int r = tracer_stop_thread(&sampler->tracer, tid, &running_ns);
        if (r == TRACER_GONE)
            return STACK_GONE;
        if (r != 0)
            return STACK_TORN;
        outcome = taking_capture(sampler, taking, tid);
        sampler_native_take_stopped(sampler, tid);
        tracer_resume_thread(&sampler->tracer, tid);
        taking->event.pause_ns += sampler_now_ns() - running_ns;
        taking->event.pauses++;
    }
    sampler->stopped_ns = sampler_now_ns();
    return taking_state(outcome, STACK_STOPPED);
}

/* Reads a sleeping thread without disturbing it. Its count of context switches tells whether it ran
 * meanwhile: then nothing that was read counts. */
static bool take_asleep(struct sampler *sampler, struct taking *taking, pid_t tid,
                        uint8_t *ret_state)
{
    struct process_status before, after;
    if (process_status_read(sampler->pid, tid, &before) < 0) {
        *ret_state = STACK_GONE;
        return true;
    }
    if (before.state != 'S' && before.state != 'T')
        return false;
    int outcome = taking_capture(sampler, taking, tid);
    sampler_native_take_asleep(sampler, tid);
    if (process_status_read(sampler->pid, tid, &after) < 0) {
        *ret_state = STACK_GONE;
        return true;
    }
    if (after.state != before.state || after.switches != before.switches)
        return false;
    *ret_state = taking_state(outcome, STACK_ASLEEP);
    return true;
}

/* A stop would make epoll_wait and some others return EINTR: not for a thread that sleeps. */
uint8_t taking_stop(struct sampler *sampler, struct taking *taking, pid_t tid)
{
    for (int i = 0; i < STILL_TRIES; i++) {
        char state = threads_state(&sampler->threads, tid);
        uint8_t taken;
        if (state == 'X' || state == 'Z')
            return STACK_GONE;
        if (state != 'S' && state != 'T')
            return take_stopped(sampler, taking, tid);
        if (take_asleep(sampler, taking, tid, &taken))
            return taken;
    }
    return STACK_LATER;
}

/* Reads a thread that runs as it runs, or stops it. STACK_LATER: neither was possible now. */
static uint8_t take_running(struct sampler *sampler, struct taking *taking, pid_t tid)
{
    uint64_t now_ns = sampler_now_ns();
    bool may_stop = pace_allows(&sampler->stop_pace, now_ns);
    /* With --native registers are needed: those of a thread that runs cannot be had. */
        if (may_stop && (sampler->native || sampler->clock.stops ||
                         now_ns - sampler->stopped_ns >=
                             STOP_EVERY_NS)) return taking_stop(sampler, taking, tid);
    sampler_native_forget(sampler);
    int outcome = python_stack_capture(sampler->reader, threads_inner_tid(&sampler->threads, tid));
    if (outcome == 0)
        outcome = python_stack_confirm(sampler->reader);
    if (outcome != PYTHON_STACK_TORN && outcome != -EFAULT)
        return taking_state(outcome, STACK_RUNNING);
    return may_stop ? taking_stop(sampler, taking, tid) : STACK_LATER;
}

void taking_add(struct sampler *sampler, struct taking *taking, const struct thread *thread)
{
    struct event_owner *owner = &taking->owners[taking->event.owner_count++];
    *owner = (struct event_owner){.tid = thread->tid, .faults = thread->faults};
    bool taken = false;
    if (thread->state == 'S' || thread->state == 'T')
        taken = take_asleep(sampler, taking, thread->tid, &owner->state);
    if (!taken)
        owner->state = take_running(sampler, taking, thread->tid);
    if (taking_can_resolve(sampler, owner))
        taking_resolve(sampler, taking, owner);
}

void taking_add_later(struct taking *taking, const struct thread *thread)
{
    if (taking->event.owner_count < OWNERS_MAX)
        taking->owners[taking->event.owner_count++] = (struct event_owner){
            .tid = thread->tid, .faults = thread->faults, .state = STACK_LATER};
}

void taking_add_faulters(const struct sampler *sampler, struct taking *taking)
{
    for (size_t i = 0; i < sampler->threads.count; i++)
        if (sampler->threads.items[i].faults)
            taking_add_later(taking, &sampler->threads.items[i]);
}

void taking_share_faults(struct sampler *sampler, struct taking *taking)
{
    struct event_owner *owner = &taking->owners[0];
    if (threads_look_for(&sampler->threads, owner->tid, sampler_now_ns()) < 0)
        return;
    for (size_t i = 0; i < sampler->threads.count; i++) {
        const struct thread *thread = &sampler->threads.items[i];
        if (thread->tid == owner->tid)
            owner->faults = thread->faults ? thread->faults : 1;
        else if (thread->faults)
            taking_add_later(taking, thread);
    }
}
