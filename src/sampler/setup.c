/* The beginning and the end of a session: the clock, the job or process, Python in it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "proc/process.h"
#include "sampler/glimpses.h"
#include "sampler/native.h"
#include "sampler/taking.h"
#include "trace/faults.h"
#include "trace/permission.h"

#define ATTACH_TRIES   5
#define SLICE_NS       (100 * NS_PER_US) /* the shortest there is */
#define ATTACH_WAIT_NS (40 * NS_PER_MS)
/* Between looks at the page table while memory grows: seldom enough to cost little, often enough
 * that what came before and after stays apart. */
#define LOOK_GROWN_NS (10 * NS_PER_MS)
#define FIRST_PERIOD  61   /* faults, while Python starts */
#define KNOWN_SHARE   0.25 /* of the budget */
/* Of one core, for samples; sleeping and waking between them takes twice as much again. */
#define OWN_CPU_PERCENT 4
/* Of one core, for everything: beyond it the poll clock polls more slowly. */
#define OWN_CPU_MOST_PERCENT 9
/* A short slice, for which the scheduler lets this thread run as soon as it wakes (EEVDF,
 * Linux 6.12: sched_attr(2) with sched_runtime for ordinary tasks): a thread that faulted must not
 * go on until the next tick. It asks for no more time than before. Older kernels refuse; then the
 * wait is somewhat longer. */
static void ask_for_short_slice(void)
{
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime_ns, deadline_ns, period_ns;
    } attributes = {.size = sizeof(attributes), .policy = SCHED_OTHER, .runtime_ns = SLICE_NS};
    attributes.nice = getpriority(PRIO_PROCESS, 0);
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

/* What the job must not inherit: set after it was forked. */
static void become_sampler(void)
{
    struct rlimit files;
    ask_for_short_slice();
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
                        sampler->traps ? FIRST_PERIOD : 0);
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
        .ignore_trap = sampler->traps || sampler->may_trap,
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
    mapping_finder_init(&sampler->places.finder, sampler->pid);
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

int sampler_require_python(struct sampler *sampler, struct error *error)
{
    const char *told = sampler->result->other_error;
    for (int i = 0; i < ATTACH_TRIES && !sampler->reader && !told[0] && !sampler->tracer.ended;
         i++) {
        if (i)
            sampler_wait_for_events(sampler, ATTACH_WAIT_NS); /* it may just be starting */
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
        "process %d is not a Python process (no CPython 3.8 to 3.15 is running in it); "
        "give the pid of the interpreter itself",
        (int)sampler->pid);
}

/* These two: 0, or why the kernel refuses, as a negative errno. */
static int use_traps(struct sampler *sampler)
{
    int r = faults_probe();
    sampler->traps = r == 0;
    return r;
}

static int use_rings(struct sampler *sampler)
{
    int r = rings_init(&sampler->rings, FIRST_PERIOD);
    if (r < 0)
        rings_deinit(&sampler->rings);
    return r;
}

/* The best that works here, by measure (scripts/truth): a ring sample costs the job a third of what
 * a trap costs it, so that more fit into the budget, and nothing about the job is changed for it.
 */
static const char *choose_automatically(struct sampler *sampler)
{
    if (use_rings(sampler) == 0) {
        sampler->may_trap = sampler->options->arguments && faults_probe() == 0;
        sampler->clock_reason = "chosen automatically: the kernel reports page faults, the most "
                                "exact way that hardly stops anybody";
        return "ring";
    }
    sampler->clock_reason = "chosen automatically: the kernel refuses page-fault events (perf) to "
                            "this user, polling works everywhere";
    return "poll";
}

static int explain_refusal(int code, const char *clock, struct error *error)
{
    return error_set(
        error, code,
        "the kernel refuses page-fault events (%s), so there is no %s clock; use --clock poll, or "
        "set kernel.perf_event_paranoid to 2",
        strerror(-code), clock);
}

static int choose_clock(struct sampler *sampler, struct error *error)
{
    const struct session_options *options = sampler->options;
    const char *name = options->clock;
    int r = 0;
    sampler->clock_reason = "asked for with --clock";
    if (strcmp(name, "trap") == 0 && !options->arguments)
        return error_set(error, -EINVAL,
                         "the trap clock is for `memsample run` only; profile a process that runs "
                         "already with --clock ring or poll");
    if (strcmp(name, "auto") == 0)
        name = choose_automatically(sampler);
    else if (strcmp(name, "trap") == 0)
        r = use_traps(sampler);
    else if (strcmp(name, "ring") == 0)
        r = use_rings(sampler);
    if (r < 0)
        return explain_refusal(r, name, error);
    /* The poll clock reads threads while they run and seldom stops one: what it may do is a matter
     * of our own processor time. */
    struct pace *pace = strcmp(name, "poll") == 0 ? &sampler->sample_pace : &sampler->stop_pace;
    clock_init(&sampler->clock, name, pace);
    clock_init(&sampler->poll, "poll", &sampler->sample_pace);
    return 0;
}

int sampler_init(struct sampler *sampler, const struct session_options *options,
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
        .rings = {.epoll_fd = -1},
        .page_bytes = (uint64_t)sysconf(_SC_PAGESIZE),
        .start_ns = sampler_now_ns(),
    };
    clock_gettime(CLOCK_REALTIME, &wall);
    sampler->start_unix_ns = (uint64_t)wall.tv_sec * NS_PER_S + (uint64_t)wall.tv_nsec;
    sampler->last_moved_ns = sampler->next_tick_ns = sampler->start_ns;
    /* Stops: 50 ms of pauses may be saved up at 2 %. Samples: 400 ms of our own time, since arrays
     * are filled at 10 GB/s. */
    pace_init(&sampler->stop_pace,
              (struct pace_budget){options->budget_percent, COST_OF_PAUSE, 2.5},
              options->step_bytes, sampler->start_ns);
    pace_init(&sampler->known_pace,
              (struct pace_budget){options->budget_percent * KNOWN_SHARE, COST_OF_PAUSE, 2.5},
              options->step_bytes, sampler->start_ns);
    pace_init(&sampler->sample_pace, (struct pace_budget){OWN_CPU_PERCENT, 1, 10},
              options->step_bytes, sampler->start_ns);
    seat_init(&sampler->seat);
    pace_init(&sampler->own_pace, (struct pace_budget){OWN_CPU_MOST_PERCENT, 1, 5},
              options->step_bytes, sampler->start_ns);
    mapping_finder_init(&sampler->places.finder, 0);
    int r = process_numbers_hold()
                ? choose_clock(sampler, error)
                : error_set(error, -ENOENT,
                            "/proc is of another PID namespace than memsample, so its numbers mean "
                            "other processes; run: mount -t proc proc /proc");
    look_init(&sampler->look, LOOK_GROWN_NS, sampler->start_ns);
    if (r >= 0)
        r = sampler_open_signals(sampler, error);
    if (r >= 0)
        r = open_target(sampler, error);
    if (r >= 0 && sampler_native_open(sampler) < 0)
        return error_set(error, -ENOMEM, "out of memory");
    /* A spot tells nothing of native frames: those are only had where a stack is read. */
    if (r >= 0 && sampler->clock.by_faults && !options->native &&
        sampler_glimpses_open(sampler) < 0)
        return error_set(error, -ENOMEM, "out of memory");
    return r;
}

void sampler_deinit(struct sampler *sampler)
{
    sampler_glimpses_close(sampler);
    sampler_native_close(sampler);
    python_reader_destroy(sampler->reader);
    threads_deinit(&sampler->threads);
    process_memory_deinit(&sampler->process_memory);
    fd_closep(&sampler->statm_fd);
    fd_closep(&sampler->signal_fd);
    fd_closep(&sampler->sigchld_fd);
    launch_deinit(&sampler->launch);
    look_deinit(&sampler->look);
    mapping_finder_deinit(&sampler->places.finder);
    rings_deinit(&sampler->rings);
    tracer_deinit(&sampler->tracer);
}
