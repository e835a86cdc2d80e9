/* One sample: which threads moved memory, and the stacks of those.
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
#include "sampler/sampler.h"

#define STOP_EVERY_NS      (50 * NS_PER_MS) /* while memory moves */
#define OWNERS_STOPPED_MAX 4 /* threads looked at in one sample: the largest by faults */
#define OWNERS_MAX         EVENT_OWNERS_MAX
#define FAULT_BYTES_WEIGHT 0.2              /* of a new value in the running mean */
#define PERIOD_MAX         1000000          /* faults: 4 GB in small pages */
#define OWNER_SHARE_LEAST  0.02             /* of the faults; smaller ones are left to the others */
#define MOVED_JUST_NOW_NS  (50 * NS_PER_US) /* between two readings */
#define STILL_TRIES        3
#define CAPTURE_TRIES      4 /* a torn stack is read again, a few instructions later */

struct taking { /* one sample in the making */
    struct event_sample event;
    struct event_owner owners[OWNERS_MAX];
    bool memory_read; /* RSS was read in the same stop as the first stack */
    uint64_t faults;  /* of all threads */
};

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

/* Turns the captured stack into a number of the recording. */
static void resolve(struct sampler *sampler, const struct taking *taking, struct event_owner *owner)
{
    struct python_stack stack;
    if (python_stack_resolve(sampler->reader, &stack) != 0) {
        owner->state = STACK_TORN;
        return;
    }
    if (stack.count == 0) {
        owner->state = STACK_NO_PYTHON;
        return;
    }
    uint32_t id = 0;
    for (size_t i = stack.count; i-- > 0;) {
        const struct python_frame *frame = &stack.frames[i];
        if (recording_writer_stack(sampler->writer, id, frame->file, frame->function, frame->line,
                                   frame->first_line, &id) < 0) {
            owner->state = STACK_TORN;
            return;
        }
    }
    owner->stack_id = id;
    owner->truncated = stack.truncated;
    note_line(sampler, &stack,
              taking->faults ? (uint64_t)((double)sampler->sample_moved_bytes *
                                          (double)owner->faults / (double)taking->faults)
                             : 0);
}

/* Reads the stack of a thread, and RSS at the same time. */
static int capture(struct sampler *sampler, struct taking *taking, pid_t tid)
{
    struct counters_memory memory;
    int outcome = python_stack_capture(sampler->reader, tid);
    if (!taking->memory_read &&
        counters_memory_read(sampler->statm_fd, sampler->page_bytes, &memory) == 0) {
        sampler_see_memory(sampler, &memory);
        taking->memory_read = true;
    }
    return outcome;
}

static uint8_t state_of_capture(int outcome, uint8_t read_state)
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
        outcome = capture(sampler, taking, tid);
        tracer_resume_thread(&sampler->tracer, tid);
        taking->event.pause_ns += sampler_now_ns() - running_ns;
        taking->event.pauses++;
    }
    sampler->stopped_ns = sampler_now_ns();
    return state_of_capture(outcome, STACK_STOPPED);
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
    int outcome = capture(sampler, taking, tid);
    if (process_status_read(sampler->pid, tid, &after) < 0) {
        *ret_state = STACK_GONE;
        return true;
    }
    if (after.state != before.state || after.switches != before.switches)
        return false;
    *ret_state = state_of_capture(outcome, STACK_ASLEEP);
    return true;
}

/* Stops a thread, unless it fell asleep meanwhile: a stop would make epoll_wait and some others
 * return EINTR. STACK_LATER: it fell asleep and woke again each time that it was looked at. */
static uint8_t take_still(struct sampler *sampler, struct taking *taking, pid_t tid)
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
    if (may_stop && (sampler->clock.pace == &sampler->stop_pace ||
                     now_ns - sampler->stopped_ns >= STOP_EVERY_NS))
        return take_still(sampler, taking, tid);
    int outcome = python_stack_capture(sampler->reader, tid);
    if (outcome == 0)
        outcome = python_stack_confirm(sampler->reader);
    if (outcome != PYTHON_STACK_TORN && outcome != -EFAULT)
        return state_of_capture(outcome, STACK_RUNNING);
    return may_stop ? take_still(sampler, taking, tid) : STACK_LATER;
}

static void take_owner(struct sampler *sampler, struct taking *taking, const struct thread *thread)
{
    struct event_owner *owner = &taking->owners[taking->event.owner_count++];
    *owner = (struct event_owner){.tid = thread->tid, .faults = thread->faults};
    bool taken = false;
    if (thread->state == 'S' || thread->state == 'T')
        taken = take_asleep(sampler, taking, thread->tid, &owner->state);
    if (!taken)
        owner->state = take_running(sampler, taking, thread->tid);
    if (owner->state == STACK_STOPPED || owner->state == STACK_ASLEEP ||
        owner->state == STACK_RUNNING)
        resolve(sampler, taking, owner);
}

/* The thread with the most faults that was not taken yet, or NULL. */
static const struct thread *next_faulter(const struct sampler *sampler, const struct taking *taking)
{
    const struct thread *best = NULL;
    for (size_t i = 0; i < sampler->threads.count; i++) {
        const struct thread *thread = &sampler->threads.items[i];
        bool taken = false;
        for (size_t j = 0; j < taking->event.owner_count; j++)
            taken |= taking->owners[j].tid == thread->tid;
        if (!taken && thread->faults && (!best || thread->faults > best->faults))
            best = thread;
    }
    if (best && (double)best->faults < OWNER_SHARE_LEAST * (double)taking->faults)
        return NULL;
    return best;
}

/* Nobody faulted: memory was released, or came in without a fault (MAP_POPULATE). Whoever ran is
 * the one. */
static const struct thread *likely_mover(const struct sampler *sampler)
{
    const struct thread *best = NULL;
    for (size_t i = 0; i < sampler->threads.count; i++) {
        const struct thread *thread = &sampler->threads.items[i];
        if (thread->state == 'R' && (!best || best->state != 'R'))
            best = thread;
        else if (thread->ran && !best)
            best = thread;
    }
    return best ? best : sampler->threads.count ? &sampler->threads.items[0] : NULL;
}

/* The usual case at its shortest: one thread, and memory moved just now, so it runs. Each
 * microsecond between the move and the stop takes the thread further away from the line that moved
 * it; who else faulted is looked up afterwards. */
static bool take_only_thread(struct sampler *sampler, struct taking *taking)
{
    if (sampler->threads.count != 1 || sampler->moved_within_ns > MOVED_JUST_NOW_NS)
        return false;
    struct thread only = sampler->threads.items[0];
    only.state = 'R';
    only.faults = taking->faults = 1;
    take_owner(sampler, taking, &only);
    if (threads_look(&sampler->threads) < 0)
        return true;
    taking->owners[0].faults = 0;
    for (size_t i = 0; i < sampler->threads.count; i++) {
        const struct thread *thread = &sampler->threads.items[i];
        if (thread->tid == only.tid)
            taking->owners[0].faults = thread->faults;
        else if (thread->faults && taking->event.owner_count < OWNERS_MAX)
            taking->owners[taking->event.owner_count++] = (struct event_owner){
                .tid = thread->tid, .faults = thread->faults, .state = STACK_LATER};
    }
    return true;
}

static void take_owners(struct sampler *sampler, struct taking *taking)
{
    for (size_t i = 0; i < sampler->threads.count; i++)
        taking->faults += sampler->threads.items[i].faults;
    const struct thread *thread;
    if (taking->faults == 0) {
        thread = likely_mover(sampler);
        if (thread)
            take_owner(sampler, taking, thread);
        return;
    }
    while (taking->event.owner_count < OWNERS_STOPPED_MAX &&
           (thread = next_faulter(sampler, taking)))
        take_owner(sampler, taking, thread);
}

static void report_new_names(struct sampler *sampler, uint64_t now_ns)
{
    for (size_t i = 0; i < sampler->threads.count; i++) {
        struct thread *thread = &sampler->threads.items[i];
        if (!thread->name_changed)
            continue;
        thread->name_changed = false;
        struct event event = {.kind = EVENT_THREAD,
                              .thread = {.tid = thread->tid, .name = thread->name}};
        sampler_record(sampler, now_ns, &event);
    }
}

/* Writes the sample down and accounts for its pauses. */
static void finish(struct sampler *sampler, struct taking *taking, uint64_t moved_bytes)
{
    if (!taking->memory_read)
        sampler_read_memory(sampler);
    uint64_t now_ns = sampler_now_ns();
    if (taking->event.owner_count && taking->owners[0].state == STACK_GONE)
        sampler->next_split_ns =
            0; /* a thread that moved memory and cannot be read: is the process still the same? */
    threads_settle(&sampler->threads);
    pace_spend(&sampler->stop_pace, now_ns, taking->event.pause_ns, moved_bytes);
    pace_spend(&sampler->sample_pace, now_ns, sampler_own_cpu_ns(sampler), moved_bytes);

    report_new_names(sampler, now_ns);
    sampler_take_memory(sampler, &taking->event.memory);
    sampler->sample_moved_bytes = 0;
    taking->event.owners = taking->owners;
    struct event event = {.kind = EVENT_SAMPLE, .sample = taking->event};
    sampler_record(sampler, now_ns, &event);
    sampler_check_finalizing(sampler, now_ns);
}

void sampler_sample(struct sampler *sampler)
{
    struct taking taking = {.event.owners = NULL};
    uint64_t moved_bytes = sampler->sample_moved_bytes;

    if (!take_only_thread(sampler, &taking)) {
        if (threads_look(&sampler->threads) < 0)
            return; /* the process ended: the tracer tells how */
        take_owners(sampler, &taking);
    }
    if (taking.event.owner_count == 1 && taking.owners[0].state == STACK_LATER)
        return; /* nothing is lost: what moved waits for the next sample */
    finish(sampler, &taking, moved_bytes);
}

/* ---- threads that the kernel stopped in the act of a fault ---- */

/* When the thread began to stand still, at the earliest: before the sleep that its report ended, if
 * that was short; else as long before waking as waking takes. */
static uint64_t trapped_since_ns(const struct sampler *sampler)
{
    uint64_t late_ns = (uint64_t)sampler->late_ns;
    uint64_t since_ns = sampler->woke_ns > late_ns ? sampler->woke_ns - late_ns : 0;
    return since_ns > sampler->slept_ns ? since_ns : sampler->slept_ns;
}

/* Faults of the trapped thread since the last sample; those of the others go to their own next
 * stacks. */
static void share_faults(struct sampler *sampler, struct taking *taking, pid_t tid)
{
    if (threads_look(&sampler->threads) < 0)
        return;
    for (size_t i = 0; i < sampler->threads.count; i++) {
        const struct thread *thread = &sampler->threads.items[i];
        taking->faults += thread->faults;
        if (thread->tid == tid)
            taking->owners[0].faults = thread->faults ? thread->faults : 1;
        else if (thread->faults && taking->event.owner_count < OWNERS_MAX)
            taking->owners[taking->event.owner_count++] = (struct event_owner){
                .tid = thread->tid, .faults = thread->faults, .state = STACK_LATER};
    }
}

/* A step's worth of faults for each of the threads that grow. */
static void set_period(struct sampler *sampler, const struct taking *taking, pid_t tid,
                       uint64_t moved_bytes)
{
    double page_bytes = (double)sampler->page_bytes;
    if (taking->faults) {
        double bytes = (double)moved_bytes / (double)taking->faults;
        bytes = bytes < page_bytes ? page_bytes : bytes;
        sampler->fault_bytes += FAULT_BYTES_WEIGHT * (bytes - sampler->fault_bytes);
    }
    double period = pace_mean_step_bytes(&sampler->stop_pace) / sampler->fault_bytes *
                    (double)taking->event.owner_count;
    tracer_set_trap_period(&sampler->tracer, tid,
                           period < 1            ? 1
                           : period > PERIOD_MAX ? PERIOD_MAX
                                                 : (uint64_t)period);
}

static void sample_trapped(struct sampler *sampler, pid_t tid)
{
    struct taking taking = {.event.owner_count = 1, .event.pauses = 1};
    struct event_owner *owner = &taking.owners[0];
    *owner = (struct event_owner){.tid = tid};
    uint64_t since_ns = trapped_since_ns(sampler);

    int outcome = capture(sampler, &taking, tid);
    uint64_t moved_bytes = sampler->sample_moved_bytes;
    tracer_resume_thread(&sampler->tracer, tid);
    taking.event.pause_ns = sampler_now_ns() - since_ns;
    owner->state = state_of_capture(outcome, STACK_STOPPED);
    if (owner->state == STACK_TORN)
        owner->state = take_still(sampler, &taking, tid); /* a few instructions later */
    if (owner->state == STACK_STOPPED)
        resolve(sampler, &taking, owner);
    share_faults(sampler, &taking, tid);
    finish(sampler, &taking, moved_bytes);
    set_period(sampler, &taking, tid, moved_bytes);
}

void sampler_take_trapped(struct sampler *sampler)
{
    const struct tracee *trapped;
    while ((trapped = tracer_next_trapped(&sampler->tracer))) {
        pid_t tid = trapped->tid;
        if (sampler->reader && sampler->writer && !sampler->finalizing &&
            pace_allows(&sampler->stop_pace, sampler_now_ns()))
            sample_trapped(sampler, tid);
        else
            tracer_resume_thread(&sampler->tracer, tid);
    }
}
