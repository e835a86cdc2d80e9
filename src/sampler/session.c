/* The one loop: sleep, read the counters, sample when the clock says so, write down. */
#include "sampler/session.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/paths.h"
#include "base/units.h"
#include "proc/process.h"
#include "sampler/sampler.h"
#include "trace/faults.h"
#include "trace/permission.h"

#define SPLIT_NS       (100 * NS_PER_MS)
#define FLUSH_NS       (1 * NS_PER_S)
#define PROGRESS_NS    (250 * NS_PER_MS)
#define QUIET_NS       (1 * NS_PER_S) /* longest time without a reading when nothing moves */
#define ATTACH_TRIES   5
#define ATTACH_WAIT_NS (40 * NS_PER_MS)
#define OWN_CPU_PERCENT                                                                            \
    4 /* of one core, for samples; sleeping and waking between them takes twice as much again */
/* A stop costs the target about twice the time that it stands still: it has to be woken and to fill
 * its caches again (measured on an idle machine: 1,366 pauses of 27 us made a job 68 ms longer).
 * The budget is for the whole. */
#define COST_OF_PAUSE     2
#define FIRST_TRAP_PERIOD 64               /* faults, while Python starts */
#define LATE_WEIGHT       0.1              /* of a new value in the running mean */
#define SAME_SIGNAL_NS    (50 * NS_PER_MS) /* a group gets a signal at once */
#define ENDS_FORCED       2                /* so many requests to end leave a launched job behind */

/* ---- what happens outside ---- */

static void end_session(struct sampler *sampler, uint8_t reason)
{
    sampler->done = true;
    sampler->end_reason = reason;
}

/* A signal that went to the whole process group (the terminal's Ctrl-C, timeout(1), a shell's job
 * control) reached the job by itself. */
static void pass_on_signal(struct sampler *sampler)
{
    int signal = sampler->pass_on;
    sampler->pass_on = 0;
    if (sampler->tracer.signal_ns[signal] + 2 * SAME_SIGNAL_NS < sampler->pass_on_ns)
        kill(sampler->pid, signal);
}

static void handle_end_request(struct sampler *sampler, const struct signalfd_siginfo *info)
{
    int signal = (int)info->ssi_signo;
    if (!sampler->options->arguments) {
        end_session(sampler, END_DETACHED);
        return;
    }
    if (signal != SIGHUP && ++sampler->asked_to_end >= ENDS_FORCED)
        end_session(sampler, END_DETACHED);
    if (sampler->pass_on)
        pass_on_signal(sampler);
    sampler->pass_on = signal;
    sampler->pass_on_ns = sampler_now_ns() + (sampler->done ? 0 : SAME_SIGNAL_NS);
    if (sampler->done)
        pass_on_signal(sampler);
}

static void read_signals(struct sampler *sampler)
{
    struct signalfd_siginfo info;
    while (read(sampler->signal_fd, &info, sizeof(info)) == sizeof(info))
        handle_end_request(sampler, &info);
    bool child = sampler->tracer.unread_reports;
    while (read(sampler->sigchld_fd, &info, sizeof(info)) == sizeof(info))
        child = true;
    if (child)
        tracer_dispatch(&sampler->tracer);
}

/* Sleeps until something happens or the time is over, and handles it. False when the time was over.
 */
static bool wait_for_events(struct sampler *sampler, uint64_t sleep_ns)
{
    struct timespec timeout = {.tv_sec = (time_t)(sleep_ns / NS_PER_S),
                               .tv_nsec = (long)(sleep_ns % NS_PER_S)};
    struct pollfd fds[] = {{.fd = sampler->signal_fd, .events = POLLIN},
                           {.fd = sampler->sigchld_fd, .events = POLLIN}};
    int events = ppoll(fds, ARRAY_SIZE(fds), &timeout, NULL);
    sampler->woke_ns = sampler_now_ns();
    if (events <= 0 && !sampler->tracer.unread_reports)
        return false;
    read_signals(sampler);
    return true;
}

/* ---- set-up and tear-down ---- */

static int open_signals(struct sampler *sampler, struct error *error)
{
    sigset_t ends, child;
    static const int end_signals[] = {SIGINT, SIGTERM, SIGHUP};
    sigemptyset(&ends);
    for (size_t i = 0; i < ARRAY_SIZE(end_signals); i++) {
        struct sigaction action;
        sigaction(end_signals[i], NULL, &action);
        if (action.sa_handler !=
            SIG_IGN) /* nohup and the like: a blocked signal would be read all the same */
            sigaddset(&ends, end_signals[i]);
    }
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sampler->signal_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    sampler->sigchld_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (sampler->signal_fd < 0 || sampler->sigchld_fd < 0)
        return error_set(error, -errno, "cannot wait for signals (%s)", strerror(errno));
    return 0;
}

/* What the job must not inherit: set after it was forked. */
static void become_sampler(void)
{
    struct rlimit files;
    prctl(PR_SET_TIMERSLACK, 1); /* sleeps end on time: the default allows 50 us more */
    /* No higher priority: on a busy machine it shortens the longest pauses and yet makes the job
     * half again as slow (measured with nice -15), because this thread then wakes on the very
     * processor on which the target runs. */
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max; /* one fd for each thread of the target */
        setrlimit(RLIMIT_NOFILE, &files);
    }
}

static int seize_target(struct sampler *sampler, struct error *error)
{
    int r = tracer_init(&sampler->tracer, sampler->pid, sampler->sigchld_fd,
                        sampler->traps ? FIRST_TRAP_PERIOD : 0);
    if (r == -ENOMEM)
        return error_set(error, r, "out of memory");
    return r < 0 ? permission_explain(sampler->pid, r, error) : 0;
}

static int launch_job(struct sampler *sampler, struct error *error)
{
    struct launch_job job = {
        .arguments = sampler->options->arguments,
        .mask = sampler->options->job_mask,
        .ignore_child = sampler->options->job_ignores_child,
        .ignore_trap = sampler->traps,
    };
    int r = launch_prepare(&job, &sampler->launch, error);
    if (r < 0)
        return r;
    sampler->pid = sampler->launch.pid;
    return seize_target(sampler, error);
}

static int open_target(struct sampler *sampler, struct error *error)
{
    sampler->pid = sampler->options->pid;
    int r = sampler->options->arguments ? launch_job(sampler, error) : seize_target(sampler, error);
    sampler->result->pid = sampler->pid;
    if (r < 0)
        return r;
    become_sampler();
    struct process_status status;
    if (process_status_read(sampler->pid, 0, &status) == 0) {
        sampler->tracer_pid = status.tracer_pid;
        if (status.tgid != sampler->pid)
            return error_set(error, -EINVAL,
                             "%d is a thread of process %d; give the process: --pid %d",
                             (int)sampler->pid, (int)status.tgid, (int)status.tgid);
    }
    process_memory_init(&sampler->process_memory, sampler->pid, &sampler->memory);
    threads_init(&sampler->threads, sampler->pid);
    sampler->statm_fd = counters_memory_open(sampler->pid);
    if (sampler->statm_fd < 0)
        return error_set(error, sampler->statm_fd,
                         "cannot read the memory counters of process %d (%s)", (int)sampler->pid,
                         strerror(-sampler->statm_fd));
    if (sampler->options->arguments)
        launch_go(&sampler->launch); /* last: now nothing can fail any more */
    return 0;
}

/* Attaching promises Python: say at once when there is none. */
static int require_python(struct sampler *sampler, struct error *error)
{
    const char *told = sampler->result->other_error;
    for (int i = 0; i < ATTACH_TRIES && !sampler->reader && !told[0] && !sampler->tracer.ended;
         i++) {
        if (i)
            wait_for_events(sampler, ATTACH_WAIT_NS); /* it may just be starting */
        sampler->search_at_ns = 0;
        sampler_discover(sampler, sampler_now_ns());
    }
    if (sampler->reader)
        return 0;
    if (sampler->tracer.ended)
        return error_set(error, -ESRCH, "process %d has ended, there is nothing to profile",
                         (int)sampler->pid);
    if (sampler->unsupported_text[0])
        told = sampler->unsupported_text;
    if (told[0])
        return error_set(error, -ENOTSUP, "%s", told);
    return error_set(
        error, -ENOEXEC,
        "process %d is not a Python process (no CPython 3.11 to 3.14 is running in it); "
        "give the pid of the interpreter itself",
        (int)sampler->pid);
}

/* The clock that was asked for, or the one that is best by measure (scripts/bench): polling costs a
 * third of a trap's pause, so that more stops fit into the budget. */
static int choose_clock(struct sampler *sampler, struct error *error)
{
    const struct session_options *options = sampler->options;
    bool automatic = strcmp(options->clock, "auto") == 0;
    const char *name = automatic ? "poll" : options->clock;
    sampler->clock_reason =
        automatic ? "chosen automatically: it works everywhere" : "asked for with --clock";
    sampler->traps = strcmp(name, "trap") == 0;
    if (sampler->traps && !options->arguments)
        return error_set(error, -EINVAL,
                         "the trap clock is for `memsample run` only; profile a process that runs "
                         "already with --clock poll");
    int r = sampler->traps ? faults_probe() : 0;
    if (r < 0)
        return error_set(
            error, r,
            "the kernel refuses page-fault events (%s), so there is no trap clock; use --clock "
            "poll, or set kernel.perf_event_paranoid to 2",
            strerror(-r));
    /* The poll clock reads threads while they run and seldom stops one: what it may do is a matter
     * of our own processor time. */
    struct pace *pace = strcmp(name, "poll") == 0 ? &sampler->sample_pace : &sampler->stop_pace;
    clock_init(&sampler->clock, name, pace);
    return 0;
}

static int init(struct sampler *sampler, const struct session_options *options,
                struct session_progress *progress, struct session_result *result,
                struct error *error)
{
    struct timespec wall;
    *sampler = (struct sampler){
        .options = options,
        .progress = progress,
        .result = result,
        .signal_fd = -1,
        .sigchld_fd = -1,
        .launch = {.go_fd = -1, .result_fd = -1},
        .process_memory = {.mem_fd = -1},
        .statm_fd = -1,
        .page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
        .start_ns = sampler_now_ns(),
    };
    clock_gettime(CLOCK_REALTIME, &wall);
    sampler->start_unix_ns = (uint64_t)wall.tv_sec * NS_PER_S + (uint64_t)wall.tv_nsec;
    sampler->last_moved_ns = sampler->next_tick_ns = sampler->start_ns;
    sampler->fault_bytes = (double)sampler->page_bytes;
    /* Stops: 50 ms of pauses may be saved up at 2 %. Samples: 400 ms of our own time, since arrays
     * are filled at 10 GB/s. */
    pace_init(&sampler->stop_pace,
              (struct pace_budget){options->budget_percent, COST_OF_PAUSE, 2.5},
              options->step_bytes, sampler->start_ns);
    pace_init(&sampler->sample_pace, (struct pace_budget){OWN_CPU_PERCENT, 1, 10},
              options->step_bytes, sampler->start_ns);
    int r = choose_clock(sampler, error);
    if (r >= 0)
        r = open_signals(sampler, error);
    return r < 0 ? r : open_target(sampler, error);
}

static void deinit(struct sampler *sampler)
{
    python_reader_destroy(sampler->reader);
    threads_deinit(&sampler->threads);
    process_memory_deinit(&sampler->process_memory);
    fd_closep(&sampler->statm_fd);
    fd_closep(&sampler->signal_fd);
    fd_closep(&sampler->sigchld_fd);
    launch_deinit(&sampler->launch);
    tracer_deinit(&sampler->tracer);
}

/* ---- what happens to the target ---- */

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
    end_session(sampler, result->signaled ? END_SIGNALED : END_EXITED);
}

/* ---- the loop ---- */

static void report_progress(struct sampler *sampler, uint64_t now_ns)
{
    struct session_progress *progress = sampler->progress;
    const struct line_tally *top = &sampler->lately[0];
    for (size_t i = 1; i < sizeof(sampler->lately) / sizeof(sampler->lately[0]); i++)
        if (sampler->lately[i].bytes > top->bytes)
            top = &sampler->lately[i];
    pthread_mutex_lock(&progress->lock);
    progress->elapsed_ns = sampler_time(sampler, now_ns);
    progress->rss_bytes = sampler->now.rss_bytes;
    if (top->bytes)
        snprintf(progress->top, sizeof(progress->top), "%s:%d %s", path_base_name(top->file),
                 (int)top->line, top->function);
    pthread_mutex_unlock(&progress->lock);
    for (size_t i = 0; i < sizeof(sampler->lately) / sizeof(sampler->lately[0]); i++)
        sampler->lately[i].bytes = 0;
}

/* The slow steady part: it keeps the timeline honest when nothing grows. */
static void tick(struct sampler *sampler, uint64_t now_ns)
{
    while (sampler->next_tick_ns <= now_ns)
        sampler->next_tick_ns += sampler->options->tick_ns;
    if (sampler->reader && (sampler->grown_bytes || sampler->released_bytes ||
                            now_ns - sampler->recorded_ns >= QUIET_NS))
        sampler_record_reading(sampler, now_ns);
    if (now_ns >= sampler->next_split_ns) {
        /* A flat process is split as seldom as it is read. */
        uint64_t calm_ns = now_ns - sampler->last_moved_ns;
        sampler->next_split_ns = now_ns + (calm_ns > QUIET_NS ? QUIET_NS : SPLIT_NS);
        sampler_check_target(sampler, now_ns);
        threads_read_names(&sampler->threads);
    }

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
    };
}

static void sleep_until_due(struct sampler *sampler)
{
    struct clock_view view = view_of(sampler, sampler_now_ns());
    uint64_t sleep_ns = sampler->clock.sleep_ns(&sampler->clock, &view);
    if (!sampler->reader && !sampler->unsupported && sampler->search_at_ns < view.now_ns + sleep_ns)
        sleep_ns = sampler->search_at_ns > view.now_ns ? sampler->search_at_ns - view.now_ns : 0;
    if (sampler->tracer.unread_reports)
        sleep_ns = 0;
    if (sampler->pass_on && sleep_ns > SAME_SIGNAL_NS / 10)
        sleep_ns = SAME_SIGNAL_NS / 10;
    sampler->slept_ns = view.now_ns;
    bool timed_out = !wait_for_events(sampler, sleep_ns);
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
    if (sampler->pass_on && now_ns >= sampler->pass_on_ns)
        pass_on_signal(sampler);
    if (sampler->lost) {
        end_session(sampler, END_LOST);
        return;
    }
    if (sampler->tracer.execs != sampler->execs_seen)
        handle_exec(sampler, now_ns);
    if (sampler->options->arguments && sampler->tracer.execs == 0)
        return; /* not the job yet, but a copy of this process */
    sampler_take_trapped(sampler);
    sampler_discover(sampler, now_ns);
    if (now_ns >= sampler->next_tick_ns)
        sampler_check_finalizing(sampler, now_ns);
    sampler_read_memory(sampler);
    struct clock_view view = view_of(sampler, now_ns);
    if (sampler->reader && sampler->writer && !sampler->finalizing &&
        sampler->clock.is_due(&sampler->clock, &view))
        sampler_sample(sampler);
    if (now_ns >= sampler->next_tick_ns)
        tick(sampler, now_ns);
    if (sampler->options->duration_ns &&
        sampler_time(sampler, now_ns) >= sampler->options->duration_ns)
        end_session(sampler, END_DETACHED);
}

static void record_end(struct sampler *sampler)
{
    uint64_t now_ns = sampler_now_ns();
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    if (!sampler->result->ended && sampler_read_memory(sampler) == 0)
        sampler_record_reading(sampler, now_ns);
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
    int r = init(&sampler, options, progress, ret_result, error);
    if (r == 0 && !options->arguments)
        r = require_python(&sampler, error);
    while (r == 0 && !sampler.done)
        turn(&sampler);
    if (sampler.writer)
        record_end(&sampler);
    deinit(&sampler);
    return r;
}
