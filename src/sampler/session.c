/* The one loop: sleep, read the counters, sample when the clock says so, write down. */
#include "sampler/session.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/array.h"
#include "base/paths.h"
#include "base/units.h"
#include "sampler/glimpses.h"
#include "sampler/sampler.h"

#define SPLIT_NS    (100 * NS_PER_MS)
#define FLUSH_NS    (1 * NS_PER_S)
#define PROGRESS_NS (250 * NS_PER_MS)
#define QUIET_NS    (1 * NS_PER_S)    /* longest time without a reading when nothing moves */
#define SEAT_NS     (500 * NS_PER_MS) /* without a sample, sit anywhere */
#define LATE_WEIGHT 0.1               /* of a new value in the running mean */

static void handle_exec(struct sampler *sampler, uint64_t now_ns)
{
    sampler->execs_seen = sampler->tracer.execs;
    sampler_forget_python(sampler);
    struct event event = {.kind = EVENT_PHASE, .phase = PHASE_EXEC};
    sampler_record(sampler, now_ns, &event);
}

static void handle_end_of_target(struct sampler *sampler)
{
    struct session_result *result = sampler->result;
    if (!sampler->reader && !result->other_error[0])
        memcpy(result->other_error, sampler->unsupported_text, sizeof(result->other_error));
    result->ended = true;
    result->signaled = sampler->tracer.signaled;
    result->end_status = sampler->tracer.end_status;
    if (sampler->options->arguments)
        result->exec_failure = launch_failure(&sampler->launch);
    if (sampler->grown_bytes || sampler->released_bytes)
        sampler_record_reading(sampler, sampler->read_ns); /* the last that was seen of it */
    sampler_end_session(sampler, result->signaled ? END_SIGNALED : END_EXITED);
}

static void report_progress(struct sampler *sampler, uint64_t now_ns)
{
    struct session_progress *progress = sampler->progress;
    const struct line_tally *top = &sampler->lately[0];
    for (size_t i = 1; i < ARRAY_SIZE(sampler->lately); i++)
        if (sampler->lately[i].bytes > top->bytes)
            top = &sampler->lately[i];
    pthread_mutex_lock(&progress->lock);
    progress->elapsed_ns = sampler_time(sampler, now_ns);
    progress->rss_bytes = sampler->now.rss_bytes;
    if (top->bytes)
        snprintf(progress->top, sizeof(progress->top), "%s:%d %s", path_base_name(top->file),
                 (int)top->line, top->function);
    pthread_mutex_unlock(&progress->lock);
    for (size_t i = 0; i < ARRAY_SIZE(sampler->lately); i++)
        sampler->lately[i].bytes = 0;
}

/* Tells the budget of our own time what was used of it. */
static void account(struct sampler *sampler, uint64_t now_ns)
{
    uint64_t all_ns = sampler_all_cpu_ns();
    pace_spend(&sampler->own_pace, now_ns, all_ns - sampler->all_cpu_ns, 0);
    sampler->all_cpu_ns = all_ns;
}

/* The slow steady part: it keeps the timeline honest when nothing grows. */
static void tick(struct sampler *sampler, uint64_t now_ns)
{
    while (sampler->next_tick_ns <= now_ns)
        sampler->next_tick_ns += sampler->options->tick_ns;
    if (sampler->reader &&
        (sampler->grown_bytes || sampler->released_bytes ||
         now_ns - sampler->recorded_ns >= QUIET_NS) &&
        !sampler_take_few_glimpsed(sampler, UINT64_MAX))
        sampler_record_reading(sampler, now_ns);
    if (now_ns >= sampler->next_split_ns) {
        /* A flat process is split as seldom as it is read. */
        uint64_t calm_ns = now_ns - sampler->last_moved_ns;
        sampler->next_split_ns = now_ns + (calm_ns > QUIET_NS ? QUIET_NS : SPLIT_NS);
        sampler_check_target(sampler, now_ns);
        threads_read_names(&sampler->threads);
    }

    account(sampler, now_ns);
    sampler_glimpses_read(sampler);
    if (sampler->reader)
        sampler_look(sampler);
    if (sampler->rings.epoll_fd >= 0)
        sampler_follow_threads(sampler);
    if (now_ns - sampler->stop_pace.stopped_ns >= SEAT_NS)
        seat_leave(&sampler->seat);
    else if (sampler->clock.by_faults)
        sampler_follow_grower(sampler);
    if (sampler->clock.by_faults && now_ns - sampler->last_moved_ns >= sampler->options->tick_ns)
        sampler_refresh_period(sampler);
    if (now_ns >= sampler->next_flush_ns) {
        sampler->next_flush_ns = now_ns + FLUSH_NS;
        sampler_flush(sampler);
    }
    if (now_ns >= sampler->next_progress_ns) {
        sampler->next_progress_ns = now_ns + PROGRESS_NS;
        report_progress(sampler, now_ns);
    }
}

static struct clock_view view_of(const struct sampler *sampler, uint64_t now_ns)
{
    return (struct clock_view){
        .now_ns = now_ns,
        .next_tick_ns = sampler->next_tick_ns,
        .moved_bytes = sampler->sample_moved_bytes,
        .last_moved_ns = sampler->last_moved_ns,
        .expected_bytes = sampler->clock.by_faults ? sampler_expected_bytes(sampler) : 0,
        .spent = sampler->own_pace.credit_ns <= 0,
        .in_the_way = sampler->seat.cpu >= 0,
    };
}

static void sleep_until_due(struct sampler *sampler)
{
    struct clock_view view = view_of(sampler, sampler_now_ns());
    struct clock *clock = sampler_looking_clock(sampler);
    uint64_t sleep_ns = clock->sleep_ns(clock, &view);
    if (!sampler->reader && !sampler->unsupported && sampler->search_at_ns < view.now_ns + sleep_ns)
        sleep_ns = sampler->search_at_ns > view.now_ns ? sampler->search_at_ns - view.now_ns : 0;
    if (sampler->tracer.unread_reports)
        sleep_ns = 0;
    if (sleep_ns > sampler_signal_wait_ns(sampler))
        sleep_ns = sampler_signal_wait_ns(sampler);
    sampler->slept_ns = view.now_ns;
    bool timed_out = !sampler_wait_for_events(sampler, sleep_ns);
    if (sleep_ns)
        sampler_own_cpu_ns(
            sampler); /* waiting for memory to move is no part of what a sample costs */
    if (timed_out && sleep_ns)
        sampler->late_ns +=
            LATE_WEIGHT *
            ((double)(sampler->woke_ns - sampler->slept_ns - sleep_ns) - sampler->late_ns);
}

static void turn(struct sampler *sampler)
{
    sleep_until_due(sampler);
    uint64_t now_ns = sampler_now_ns();
    if (sampler->tracer.ended) {
        handle_end_of_target(sampler);
        return;
    }
    sampler_pass_on_signal(sampler, now_ns);
    if (sampler->lost) {
        sampler_end_session(sampler, END_LOST);
        return;
    }
    if (sampler->tracer.execs != sampler->execs_seen)
        handle_exec(sampler, now_ns);
    if (sampler->options->arguments && sampler->tracer.execs == 0)
        return; /* not the job yet, but a copy of this process */
    sampler_take_trapped(sampler);
    sampler_take_ringed(sampler);
    sampler_discover(sampler, now_ns);
    if (now_ns >= sampler->next_tick_ns)
        sampler_check_finalizing(sampler, now_ns);
    sampler_read_memory(sampler);
    sampler_glimpses_refresh(sampler);
    sampler_take_glimpsed(sampler);
    struct clock_view view = view_of(sampler, now_ns);
    struct clock *clock = sampler_looking_clock(sampler);
    bool wanted = sampler->reader && sampler->writer && !sampler->finalizing;
    if (wanted && clock->is_due(clock, &view))
        sampler_sample(sampler);
    if (now_ns >= sampler->next_tick_ns)
        tick(sampler, now_ns);
    if (wanted)
        sampler_arm(sampler, now_ns); /* last: from here on our time may be the target's */
    if (sampler->options->duration_ns &&
        sampler_time(sampler, now_ns) >= sampler->options->duration_ns)
        sampler_end_session(sampler, END_DETACHED);
}

static void record_end(struct sampler *sampler)
{
    uint64_t now_ns = sampler_now_ns();
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    if (!sampler->result->ended && sampler_read_memory(sampler) == 0) {
        sampler_record_reading(sampler, now_ns);
        sampler_look_now(sampler);
    }
    struct event event = {
        .kind = EVENT_END,
        .end = {
            .reason = sampler->end_reason,
            .status = sampler->result->end_status,
            .tracer_cpu_ns =
                (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NS_PER_S +
                (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * NS_PER_US,
            .tracer_rss_bytes = (uint64_t)usage.ru_maxrss * KIB,
        }};
    sampler_record(sampler, now_ns, &event);
    sampler_flush(sampler);
    if (sampler->writer)
        recording_writer_destroy(sampler->writer);
    sampler->writer = NULL;
}

int session_run(const struct session_options *options, struct session_progress *progress,
                struct session_result *ret_result, struct error *error)
{
    struct sampler sampler;
    *ret_result = (struct session_result){.pid = options->pid};
    int r = sampler_init(&sampler, options, progress, ret_result, error);
    if (r == 0 && !options->arguments)
        r = sampler_require_python(&sampler, error);
    while (r == 0 && !sampler.done)
        turn(&sampler);
    if (sampler.writer)
        record_end(&sampler);
    sampler_deinit(&sampler);
    return r;
}
