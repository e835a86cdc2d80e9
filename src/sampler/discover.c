/* Finding Python in the target, and the beginning of the recording. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "proc/process.h"
#include "sampler/glimpses.h"
#include "sampler/native.h"
#include "sampler/sampler.h"

#define SEARCH_LEAST_NS (1 * NS_PER_MS)
#define SEARCH_MOST_NS  (500 * NS_PER_MS) /* programs that load Python late, or never */
#define READY_WAIT_NS   (500 * NS_PER_US) /* it is there and about to start */

/* The first event: what is profiled, and how. */
static int record_target(struct sampler *sampler, uint64_t now_ns, const char *program)
{
    _cleanup_(freep) char *command = NULL, *directory = NULL;
    struct utsname system;
    char kernel[200];
    int r = process_command_read(sampler->pid, &command);
    if (r < 0)
        return r;
    process_link_read(sampler->pid, "cwd", &directory);
    bool nested;
    pid_t inner_pid = process_inner_id(sampler->pid, sampler->pid, &nested);
    if (!nested)
        inner_pid = 0;
    uname(&system);
    snprintf(kernel, sizeof(kernel), "%s %s %s", system.sysname, system.release, system.machine);
    struct event event = {.kind = EVENT_TARGET,
                          .target = {
                              .pid = sampler->pid,
                              .attached = !sampler->options->arguments,
                              .start_unix_ns = sampler->start_unix_ns,
                              .page_bytes = sampler->page_bytes,
                              .step_bytes = sampler->options->step_bytes,
                              .tick_ns = sampler->options->tick_ns,
                              .budget_percent = sampler->options->budget_percent,
                              .program = program,
                              .command = command,
                              .directory = directory ? directory : "",
                              .clock = sampler->clock.name,
                              .clock_reason = sampler->clock_reason,
                              .kernel = kernel,
                              .memsample_version = MEMSAMPLE_VERSION,
                              .inner_pid = inner_pid,
                          }};
    sampler_record(sampler, now_ns, &event);
    return 0;
}

static void record_python(struct sampler *sampler, uint64_t now_ns)
{
    _cleanup_(freep) char *executable = NULL;
    process_link_read(sampler->pid, "exe", &executable);
    struct event event = {.kind = EVENT_PYTHON,
                          .python = {
                              .version = sampler->runtime.version,
                              .free_threaded = sampler->runtime.free_threaded,
                              .executable = executable ? executable : "",
                          }};
    sampler_record(sampler, now_ns, &event);
}

/* Opens the recording and writes down who the target is. What is resident now is the baseline. */
static int begin_recording(struct sampler *sampler, uint64_t now_ns)
{
    struct error error = {""};
    _cleanup_(freep) char *program = NULL;
    int r = process_program_name(sampler->pid, &program);
    if (r < 0)
        return r;
    const char *path =
        sampler->options->recording_path(sampler->options->context, sampler->pid, program, &error);
    r = path ? recording_writer_create(path, sampler->options->replace, &sampler->writer, &error)
             : -EIO;
    if (r < 0) {
        snprintf(sampler->result->other_error, sizeof(sampler->result->other_error), "%s",
                 error.text);
        sampler->unsupported = true; /* nothing to write to: do not try again */
        return r;
    }
    sampler->result->recorded = true;
    pthread_mutex_lock(&sampler->progress->lock);
    snprintf(sampler->progress->program, sizeof(sampler->progress->program), "%s", program);
    pthread_mutex_unlock(&sampler->progress->lock);

    sampler_read_memory(sampler);
    sampler->grown_bytes = sampler->released_bytes = sampler->sample_moved_bytes = 0;
    threads_look(&sampler->threads);
    record_target(sampler, now_ns, program);
    return 0;
}

/* 0, or why not (see python_runtime_find). */
static int find(struct sampler *sampler, struct error *error)
{
    _cleanup_(modules_deinit) struct modules modules = {0};
    int r = modules_read(sampler->pid, &modules);
    if (r < 0)
        return r;
    return python_runtime_find(&modules, &sampler->memory, &sampler->runtime, error);
}

void sampler_discover(struct sampler *sampler, uint64_t now_ns)
{
    if (sampler->reader || sampler->unsupported || now_ns < sampler->search_at_ns)
        return;
    struct error error = {""};
    int r = find(sampler, &error);
    now_ns = sampler_now_ns();
    if (r == PYTHON_RUNTIME_NOT_READY)
        sampler->search_wait_ns = READY_WAIT_NS;
    else if (sampler->search_wait_ns < SEARCH_MOST_NS)
        sampler->search_wait_ns = 2 * sampler->search_wait_ns + SEARCH_LEAST_NS;
    sampler->search_at_ns = now_ns + sampler->search_wait_ns;
    /* A runtime that is half initialised looks like one that is built otherwise: keep looking, less
     * and less often. */
    if (r == PYTHON_RUNTIME_UNSUPPORTED)
        memcpy(sampler->unsupported_text, error.text, sizeof(error.text));
    else
        sampler->unsupported_text[0] = 0;
    if (r != 0)
        return;

    sampler->result->python_found = true;
    if (!sampler->writer && !sampler->result->recorded && begin_recording(sampler, now_ns) < 0)
        return;
    if (python_reader_create(&sampler->runtime, &sampler->memory, &sampler->reader) < 0)
        return;
    record_python(sampler, now_ns);
    sampler_record_reading(sampler, now_ns);
    sampler_look(sampler);
    sampler_check_target(sampler, now_ns);
    sampler_flush(sampler);
    pthread_mutex_lock(&sampler->progress->lock);
    sampler->progress->sampling = true;
    pthread_mutex_unlock(&sampler->progress->lock);
}

/* After an exec nothing that was known about the process holds. */
void sampler_forget_python(struct sampler *sampler)
{
    python_reader_destroy(sampler->reader);
    sampler->reader = NULL;
    memset(sampler->lately, 0, sizeof(sampler->lately)); /* names belonged to the reader */
    sampler->unsupported = false;
    sampler->unsupported_text[0] = 0;
    sampler->finalizing = false;
    sampler->search_at_ns = sampler->search_wait_ns = 0;
    sampler->tasks_at_ns = sampler->tasks_wait_ns = 0;
    process_memory_deinit(
        &sampler->process_memory); /* an open /proc/PID/mem is bound to the old memory */
    look_forget(&sampler->look);
    mapping_finder_deinit(&sampler->places.finder);
    sampler_native_open(sampler);
    sampler_glimpses_forget(sampler);
    sampler->last_met = (struct event_owner){0};
    threads_deinit(&sampler->threads);
    threads_init(&sampler->threads, sampler->pid);
}

void sampler_check_finalizing(struct sampler *sampler, uint64_t now_ns)
{
    if (!sampler->reader || sampler->finalizing ||
        python_runtime_is_finalizing(&sampler->runtime, &sampler->memory, &sampler->finalizing) <
            0 ||
        !sampler->finalizing)
        return;
    /* "The end" is just before. What was booked so far belongs to it, and so does growth since
     * then: tearing down releases. */
    struct counters_memory memory;
    bool grew = counters_memory_read(sampler->statm_fd, sampler->page_bytes, &memory) == 0 &&
                memory.rss_bytes >= sampler->now.rss_bytes;
    if (grew)
        sampler_book_memory(sampler, &memory);
    sampler_record_reading(sampler, sampler->read_ns);
    if (grew) /* else pages are gone that the program held to its end */
        sampler_look_now(sampler);
    struct event event = {.kind = EVENT_PHASE, .phase = PHASE_FINALIZING};
    sampler_record(sampler, now_ns, &event);
}
