/* `memsample run` and `memsample --pid`: a session in a thread of its own, then the page and the
 * summary. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "render/render.h"
#include "sampler/session.h"

#define PROGRESS_NS (250 * NS_PER_MS)

struct record {
    const struct record_options *options;
    struct output output;
    struct session_options session;
    struct session_progress progress;
    struct session_result result;
    struct error error;
    int code;
    sigset_t mask; /* what memsample was started with */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool finished;
};

static const char *choose_recording(void *context, pid_t pid, const char *program,
                                    struct error *error)
{
    struct record *record = context;
    return output_choose(&record->output, pid, program, error) < 0 ? NULL
                                                                   : record->output.recording;
}

static void *run_session(void *context)
{
    struct record *record = context;
    record->code =
        session_run(&record->session, &record->progress, &record->result, &record->error);
    pthread_mutex_lock(&record->lock);
    record->finished = true;
    pthread_cond_signal(&record->changed);
    pthread_mutex_unlock(&record->lock);
    return NULL;
}

/* Terminals block when they are told to (Ctrl-S): only this thread writes to one, the session goes
 * on. */
static void watch_session(struct record *record)
{
    struct progress_line line = {0};
    bool show = !record->options->quiet && isatty(STDERR_FILENO);
    pthread_mutex_lock(&record->lock);
    while (!record->finished) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)PROGRESS_NS;
        if (until.tv_nsec >= (long)NS_PER_S) {
            until.tv_nsec -= (long)NS_PER_S;
            until.tv_sec++;
        }
        if (pthread_cond_timedwait(&record->changed, &record->lock, &until) != ETIMEDOUT || !show)
            continue;
        pthread_mutex_unlock(&record->lock);
        progress_draw(&line, &record->progress);
        pthread_mutex_lock(&record->lock);
    }
    pthread_mutex_unlock(&record->lock);
    progress_clear(&line);
}

/* Signals are blocked before the thread exists, so that none is ever lost or kills memsample
 * half-way. */
static int session_in_thread(struct record *record)
{
    sigset_t blocked;
    pthread_t thread;
    pthread_condattr_t monotonic;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGHUP);
    sigaddset(&blocked, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &blocked, &record->mask);
    /* With SIGCHLD ignored the kernel would not tell of stops; the job gets it back as it was. */
    struct sigaction child = {.sa_handler = SIG_DFL}, before;
    sigaction(SIGCHLD, &child, &before);
    record->session.job_ignores_child = before.sa_handler == SIG_IGN;
    pthread_mutex_init(&record->lock, NULL);
    pthread_mutex_init(&record->progress.lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&record->changed, &monotonic);
    int r = pthread_create(&thread, NULL, run_session, record);
    if (r)
        return error_set(&record->error, -r, "cannot start a thread (%s)", strerror(r));
    watch_session(record);
    pthread_join(thread, NULL);
    if (!record->options->arguments) { /* from here on Ctrl-C ends memsample; a job still needs its
                                          signals passed on */
        sigdelset(&blocked, SIGPIPE); /* a reader of stderr that went away must not cost the page */
        pthread_sigmask(SIG_UNBLOCK, &blocked, NULL);
    }
    return record->code;
}

static int terminal_width(void)
{
    struct winsize window;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col ? window.ws_col : 100;
}

/* Writes the page and prints the summary. 0 or EXIT_FAILED. */
static int report(struct record *record)
{
    const struct record_options *options = record->options;
    const struct output *output = &record->output;
    struct profile *profile = NULL;
    struct recording *recording = NULL;
    struct error error = {""};
    struct report_names names = {.debuginfod = options->debuginfod};
    int r = report_write(output->recording, "html", output->page, options->force, &names,
                         &recording, &profile, &error);
    if (r < 0)
        cli_fail(EXIT_FAILED, "%s; the recording is %s", error.text, output->recording);
    if (profile && !options->quiet)
        render_summary(profile, r < 0 ? NULL : output->page, terminal_width(), stderr);
    profile_destroy(profile);
    recording_destroy(recording);
    return r < 0 ? EXIT_FAILED : EXIT_OK;
}

/* Ends as the job ended, so that whoever started memsample cannot tell the difference. */
static int job_status(const struct session_result *result)
{
    if (!result->signaled)
        return result->end_status;
    struct rlimit no_core = {0};
    sigset_t set;
    /* One core file, the job's own, is enough; the limit does not bind a core_pattern that is a
     * pipe (core(5)). */
    setrlimit(RLIMIT_CORE, &no_core);
    prctl(PR_SET_DUMPABLE, 0);
    signal(result->end_status, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, result->end_status);
    fflush(NULL);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    kill(getpid(), result->end_status);
    return 128 + result->end_status;
}

/* The profile is over but the job is not (--duration): wait for it as if nothing was. */
static void wait_for_job(struct session_result *result)
{
    static const int signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};
    int status;
    sigset_t waited;
    sigemptyset(&waited);
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
        sigaddset(&waited, signals[i]);
    pid_t ended;
    while ((ended = waitpid(result->pid, &status, WNOHANG)) == 0) {
        siginfo_t info;
        int signal = sigwaitinfo(&waited, &info);
        if (signal > 0 && signal != SIGCHLD && info.si_code != SI_KERNEL)
            kill(result->pid, signal);
    }
    if (ended < 0)
        return;
    result->ended = true;
    result->signaled = WIFSIGNALED(status);
    result->end_status = result->signaled ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void explain_nothing_recorded(const struct record *record)
{
    const struct session_result *result = &record->result;
    const char *job = record->options->arguments ? record->options->arguments[0] : "the process";
    if (result->other_error[0])
        cli_fail(EXIT_FAILED, "%s", result->other_error);
    else if (result->ended)
        cli_fail(EXIT_FAILED,
                 "%s ended before a Python interpreter was seen running in it, so there is no page "
                 "(a program that only starts Python as another process: profile that one)",
                 job);
    else
        cli_fail(EXIT_FAILED, "no Python interpreter was found in %s, so there is no page", job);
}

/* The job's own status stands also when the page could not be written; that was said. */
static int finish_run(struct record *record)
{
    if (!record->result.ended)
        wait_for_job(&record->result);
    return job_status(&record->result);
}

int record_main(const struct record_options *options)
{
    struct record record = {
        .options = options,
        .output = {.page_wanted = options->page,
                   .recording_wanted = options->recording,
                   .replace = options->force},
    };
    record.session = (struct session_options){
        .arguments = options->arguments,
        .pid = options->pid,
        .job_mask = &record.mask,
        .clock = options->clock,
        .duration_ns = options->duration_ns,
        .tick_ns = options->tick_ns,
        .step_bytes = options->step_bytes,
        .budget_percent = options->budget_percent,
        .native = options->native,
        .recording_path = choose_recording,
        .context = &record,
        .replace = options->force,
    };
    if (output_check(&record.output, &record.error) < 0 || session_in_thread(&record) < 0)
        return cli_fail(EXIT_FAILED, "%s", record.error.text);
    if (record.result.exec_failure) {
        int failure = record.result.exec_failure;
        return cli_fail(failure == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_EXECUTABLE,
                        "cannot start %s (%s)%s", options->arguments[0], strerror(failure),
                        failure == ENOENT ? "; check the name and PATH" : "");
    }
    int status = EXIT_OK;
    if (!record.result.recorded) {
        explain_nothing_recorded(&record);
        status = EXIT_FAILED;
    } else {
        if (record.result.other_error[0])
            cli_fail(EXIT_FAILED, "%s", record.result.other_error);
        status = report(&record);
    }
    output_deinit(&record.output);
    return options->arguments ? finish_run(&record) : status;
}
