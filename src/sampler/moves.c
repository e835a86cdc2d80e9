/* How much memory moved, and writing that down. Every reading is booked exactly once: rss =
 * previous + grown - released. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "proc/process.h"
#include "sampler/glimpses.h"
#include "sampler/sampler.h"

#define FAULT_BYTES_WEIGHT 0.2 /* of a new value in the running mean */
#define FAULTS_LEAST       16  /* fewer say nothing: they and RSS are not read at the same moment */

uint64_t sampler_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t sampler_all_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t sampler_own_cpu_ns(struct sampler *sampler)
{
    uint64_t total_ns = sampler_all_cpu_ns();
    uint64_t spent_ns = total_ns - sampler->cpu_ns;
    sampler->cpu_ns = total_ns;
    return spent_ns;
}

void sampler_book_memory(struct sampler *sampler, const struct counters_memory *memory)
{
    uint64_t before = sampler->now.rss_bytes, after = memory->rss_bytes, now_ns = sampler_now_ns();
    sampler->moved_within_ns = after != before ? now_ns - sampler->read_ns : UINT64_MAX;
    sampler->read_ns = now_ns;
    if (after != before) {
        uint64_t moved = after > before ? after - before : before - after;
        if (after > before) {
            sampler->grown_bytes += moved;
            sampler->sample_grown_bytes += moved;
        } else {
            sampler->released_bytes += moved;
            sampler->sample_fell = true;
        }
        sampler->sample_moved_bytes += moved;
        sampler->last_moved_ns = now_ns;
    }
    sampler->now = *memory;
}

/* What a fault brings in. Faults that bring in more than before (huge pages, files) are learnt at
 * once: until then the next one that is reported is far away. */
static void learn_fault_bytes(struct sampler *sampler, double grown, uint64_t faults)
{
    double bytes = grown / (double)faults, mean = sampler->fault_bytes;
    if (faults < FAULTS_LEAST)
        return;
    sampler->fault_bytes += (bytes > 2 * mean ? 1 : FAULT_BYTES_WEIGHT) * (bytes - mean);
}

/* When memory fell between two readings, growth beside it is hidden: only the difference was read.
 * The faults tell how much it was, at a page each, or less where faults bring in less. */
void sampler_uncover_growth(struct sampler *sampler, uint64_t faults)
{
    double page = (double)sampler->page_bytes, grown = (double)sampler->sample_grown_bytes;
    double bytes = sampler->fault_bytes < page ? sampler->fault_bytes : page;
    if (!sampler->sample_fell) {
        learn_fault_bytes(sampler, grown, faults);
    } else if (bytes * (double)faults > grown) {
        uint64_t hidden = (uint64_t)((bytes * (double)faults - grown) / page) * sampler->page_bytes;
        sampler->grown_bytes += hidden;
        sampler->released_bytes += hidden;
    }
    sampler->sample_grown_bytes = 0;
    sampler->sample_fell = false;
}

void sampler_see_memory(struct sampler *sampler, const struct counters_memory *memory)
{
    /* A fall may be the interpreter's tear-down: "the end" is before it. */
    if (memory->rss_bytes < sampler->now.rss_bytes) {
        sampler_check_finalizing(sampler, sampler_now_ns());
        sampler_take_few_glimpsed(sampler, sampler->read_ns); /* what grew before is not what fell */
    }
    sampler_book_memory(sampler, memory);
}

int sampler_read_memory(struct sampler *sampler)
{
    struct counters_memory memory;
    int r = counters_memory_read(sampler->statm_fd, sampler->page_bytes, &memory);
    if (r < 0)
        return r;
    sampler_see_memory(sampler, &memory);
    return 0;
}

void sampler_take_memory(struct sampler *sampler, struct event_memory *ret_memory)
{
    *ret_memory = (struct event_memory){
        .rss_bytes = sampler->now.rss_bytes,
        .shared_bytes = sampler->now.shared_bytes,
        .writable_bytes = sampler->now.writable_bytes,
        .grown_bytes = sampler->grown_bytes,
        .released_bytes = sampler->released_bytes,
    };
    look_note(&sampler->look, sampler->grown_bytes, sampler->released_bytes);
    sampler->grown_bytes = sampler->released_bytes = 0;
}

static void stop_recording(struct sampler *sampler, int code)
{
    /* The job matters more than its profile: go on without recording. What was flushed stays
     * readable. */
    snprintf(sampler->result->other_error, sizeof(sampler->result->other_error),
             "the recording ends early, it could not be written (%s); the job itself goes on",
             strerror(-code));
    recording_writer_destroy(sampler->writer);
    sampler->writer = NULL;
}

void sampler_record(struct sampler *sampler, uint64_t now_ns, struct event *event)
{
    if (!sampler->writer)
        return;
    event->time_ns = sampler_time(sampler, now_ns);
    int r = recording_writer_add(sampler->writer, event);
    if (r < 0 &&
        r != -EINVAL) /* an event that cannot be is left out; the books do not depend on it */
        stop_recording(sampler, r);
}

void sampler_flush(struct sampler *sampler)
{
    if (!sampler->writer)
        return;
    int r = recording_writer_flush(sampler->writer);
    if (r < 0)
        stop_recording(sampler, r);
}

void sampler_record_reading(struct sampler *sampler, uint64_t now_ns)
{
    struct event event = {.kind = EVENT_READING};
    sampler_take_memory(sampler, &event.reading);
    sampler->recorded_ns = now_ns;
    sampler_record(sampler, now_ns, &event);
}

void sampler_check_target(struct sampler *sampler, uint64_t now_ns)
{
    struct process_status status;
    if (process_status_read(sampler->pid, 0, &status) < 0) {
        sampler->lost = true; /* unless the tracer is told of its end just now */
        return;
    }
    bool ignored = status.ignored_signals >> (SIGTRAP - 1) & 1;
    if ((sampler->traps || sampler->may_trap) &&
        (!ignored || sampler->finalizing || (sampler->result->recorded && !sampler->writer))) {
        /* The target took SIGTRAP for itself (without us one of ours could kill it), or there is
         * nothing to trap for. */
        tracer_disarm_traps(&sampler->tracer);
        if (sampler->traps)
            clock_init(&sampler->clock, "poll", &sampler->sample_pace);
        sampler->traps = sampler->may_trap = false;
    }
    if (status.tracer_pid != sampler->tracer_pid)
        sampler->lost = tracer_adopt(&sampler->tracer) < 0;
    if (!sampler->writer)
        return;
    struct event event = {.kind = EVENT_SPLIT,
                          .split = {
                              .file_bytes = status.file_bytes,
                              .shmem_bytes = status.shmem_bytes,
                              .swap_bytes = status.swap_bytes,
                              .high_water_bytes = status.high_water_bytes,
                          }};
    sampler_record(sampler, now_ns, &event);
}

/* The first part of a look comes with a reading: what moved since the sample is not the sample's.
 * What falls while the interpreter tears itself down is not the program's. */
static int record_pages(void *context, const struct event_pages *pages)
{
    struct sampler *sampler = context;
    struct event event = {.kind = EVENT_PAGES, .pages = *pages};
    if (!sampler->finalizing && sampler->read_ns < sampler->look.looking_ns &&
        sampler_read_memory(sampler) == 0 && (sampler->grown_bytes || sampler->released_bytes))
        sampler_record_reading(sampler, sampler->read_ns);
    sampler_record(sampler, sampler_now_ns(), &event);
    return 0;
}

void sampler_look_now(struct sampler *sampler)
{
    if (sampler->look_failed || !sampler->writer)
        return;
    /* What came until now is to be the ones' who brought it. */
    sampler->looking = true;
    if (!sampler->finalizing && sampler_read_memory(sampler) == 0)
        sampler_take_few_glimpsed(sampler, UINT64_MAX);
    sampler->looking = false;
    sampler_own_cpu_ns(sampler);
    sampler->look.looking_ns = sampler_now_ns();
    int r = look_take(&sampler->look, sampler->pid, record_pages, sampler);
    look_spend(&sampler->look, sampler_now_ns(), sampler_own_cpu_ns(sampler));
    sampler->look_failed = r < 0 && r != -ESRCH;
}

void sampler_look(struct sampler *sampler)
{
    if (!sampler->finalizing && !sampler->looking && look_is_due(&sampler->look, sampler_now_ns()))
        sampler_look_now(sampler);
}
