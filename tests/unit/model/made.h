/* Hand-made recordings for tests of the model and the renderers. */
#ifndef MEMSAMPLE_TESTS_MODEL_MADE_H
#define MEMSAMPLE_TESTS_MODEL_MADE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/profile.h"
#include "recording/reader.h"
#include "recording/writer.h"

#define MS            UINT64_C(1000000)
#define MADE_START_NS UINT64_C(4102444800000000000) /* in the future: no source file is newer */

/* A recording under construction; RSS is kept here so that a test says only what moved. */
struct made {
    char path[64];
    struct recording_writer *writer;
    uint64_t rss_bytes;
    struct recording *recording;
    struct profile *profile;
};

static inline void made_add(struct made *made, struct event event)
{
    if (recording_writer_add(made->writer, &event) != 0)
        abort();
}

static inline void made_start_for(struct made *made, const char *program, const char *directory)
{
    *made = (struct made){.path = "/tmp/memsample-made-XXXXXX"};
    int fd = mkstemp(made->path);
    if (fd < 0 || recording_writer_create(made->path, true, &made->writer, NULL) != 0)
        abort();
    close(fd);
    made_add(made, (struct event){.kind = EVENT_TARGET,
                                  .target = {.pid = 4242,
                                             .start_unix_ns = MADE_START_NS,
                                             .page_bytes = 4096,
                                             .step_bytes = 65536,
                                             .tick_ns = 10 * MS,
                                             .budget_percent = 2,
                                             .program = program,
                                             .command = "python job.py",
                                             .directory = directory,
                                             .clock = "poll",
                                             .clock_reason = "made by hand",
                                             .kernel = "Linux 6.1.0",
                                             .memsample_version = "0.1.0"}});
    made_add(made,
             (struct event){.kind = EVENT_PYTHON,
                            .python = {.version = 0x030c01f0, .executable = "/usr/bin/python"}});
}

static inline void made_start(struct made *made)
{
    made_start_for(made, "/srv/job.py", "/srv");
}

static inline uint32_t made_stack(struct made *made, uint32_t parent, const char *file,
                                  const char *function, int32_t line)
{
    uint32_t stack;
    if (recording_writer_stack(made->writer, parent, file, function, line, 1, &stack) != 0)
        abort();
    return stack;
}

static inline struct event_memory made_memory(struct made *made, uint64_t grown, uint64_t released)
{
    made->rss_bytes += grown;
    made->rss_bytes -= released;
    return (struct event_memory){.rss_bytes = made->rss_bytes,
                                 .shared_bytes = made->rss_bytes / 4,
                                 .writable_bytes = made->rss_bytes * 2,
                                 .grown_bytes = grown,
                                 .released_bytes = released};
}

static inline void made_reading(struct made *made, uint64_t time_ns, uint64_t grown,
                                uint64_t released)
{
    made_add(made, (struct event){.kind = EVENT_READING,
                                  .time_ns = time_ns,
                                  .reading = made_memory(made, grown, released)});
}

static inline void made_sample(struct made *made, uint64_t time_ns, uint64_t grown,
                               uint64_t released, const struct event_owner *owners,
                               uint32_t owner_count)
{
    struct event event = {.kind = EVENT_SAMPLE, .time_ns = time_ns};
    event.sample = (struct event_sample){.memory = made_memory(made, grown, released),
                                         .pause_ns = 30000,
                                         .pauses = 1,
                                         .owner_count = owner_count,
                                         .owners = owners};
    made_add(made, event);
}

/* A sample of one thread, 4242. */
static inline void made_one(struct made *made, uint64_t time_ns, uint64_t grown, uint64_t released,
                            uint32_t stack)
{
    struct event_owner owner = {.tid = 4242, .faults = 1, .stack_id = stack};
    made_sample(made, time_ns, grown, released, &owner, 1);
}

/* A sample of thread 4242 in the act of a page fault. */
static inline void made_met(struct made *made, uint64_t time_ns, uint64_t grown, uint64_t released,
                            uint32_t stack, uint64_t page)
{
    struct event_owner owner = {.tid = 4242,
                                .faults = 1,
                                .stack_id = stack,
                                .state = STACK_IN_ACT,
                                .fault_address = page * 4096};
    made_sample(made, time_ns, grown, released, &owner, 1);
}

/* A fall that was noticed by itself, with those who were met at it. */
static inline void made_freed(struct made *made, uint64_t time_ns, uint64_t grown,
                              uint64_t released, const struct event_owner *owners,
                              uint32_t owner_count)
{
    struct event event = {.kind = EVENT_FREED, .time_ns = time_ns};
    event.sample = (struct event_sample){
        .memory = made_memory(made, grown, released), .owner_count = owner_count, .owners = owners};
    made_add(made, event);
}

/* A whole look at the page table, in as many parts as it takes. */
static inline void made_look(struct made *made, uint64_t time_ns, const struct event_page_run *runs,
                             size_t count)
{
    do {
        size_t part = count < EVENT_PAGE_RUNS_MAX ? count : EVENT_PAGE_RUNS_MAX;
        count -= part;
        made_add(made, (struct event){.kind = EVENT_PAGES,
                                      .time_ns = time_ns,
                                      .pages = {(uint32_t)part, count == 0, runs}});
        runs += part;
    } while (count);
}

static inline void made_phase(struct made *made, uint64_t time_ns, uint8_t phase)
{
    made_add(made, (struct event){.kind = EVENT_PHASE, .time_ns = time_ns, .phase = phase});
}

static inline void made_end(struct made *made, uint64_t time_ns)
{
    made_add(made, (struct event){.kind = EVENT_END,
                                  .time_ns = time_ns,
                                  .end = {.reason = END_EXITED,
                                          .tracer_cpu_ns = 5 * MS,
                                          .tracer_rss_bytes = 9 << 20}});
}

/* Closes the file and makes the profile. */
static inline void made_finish(struct made *made)
{
    struct error error = {""};
    if (recording_writer_destroy(made->writer) != 0 ||
        recording_read(made->path, &made->recording, &error) != 0 ||
        profile_create(made->recording, &made->profile, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    unlink(made->path);
}

static inline void made_free(struct made *made)
{
    profile_destroy(made->profile);
    recording_destroy(made->recording);
}

static inline const struct profile_row *made_row(const struct profile_row *rows, size_t count,
                                                 const char *function, int32_t line)
{
    static const struct profile_row none;
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].function, function) == 0 && rows[i].line == line)
            return &rows[i];
    return &none;
}

static inline const struct profile_row *made_line(const struct made *made, const char *function,
                                                  int32_t line)
{
    return made_row(made->profile->lines, made->profile->line_count, function, line);
}

#endif
