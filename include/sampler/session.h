/* One profiling session: a live process in, a recording out. */
#ifndef MEMSAMPLE_SAMPLER_SESSION_H
#define MEMSAMPLE_SAMPLER_SESSION_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct session_options {
    char *const *arguments; /* the job to launch, or NULL to attach */
    pid_t pid;              /* the process to attach to */
    const sigset_t *job_mask; /* signal mask of the job */
    bool job_ignores_child;   /* memsample was started with SIGCHLD ignored, and so is the job */
    const char *clock;      /* "auto", "ring", "trap", "poll", "tick" */
    uint64_t duration_ns;   /* 0: until the end */
    uint64_t tick_ns;
    uint64_t step_bytes;
    double budget_percent;
    bool native; /* native frames, too */
    /* Opens the recording: called once, when Python was found and the process is known by name.
     * Returns its path (owned by the context) or NULL with `error` filled. */
    const char *(*recording_path)(void *context, pid_t pid, const char *program,
                                  struct error *error);
    void *context;
    bool replace; /* an existing recording may be replaced */
};

/* What a person may watch while it runs; written by the session's thread, read by any under the lock. */
struct session_progress {
    pthread_mutex_t lock;
    uint64_t elapsed_ns, rss_bytes;
    char program[128];
    char top[192];   /* the line that grew most lately: "prices.py:41 load" */
    bool sampling;   /* Python was found */
};

struct session_result {
    pid_t pid;
    bool recorded;      /* a recording was begun */
    bool ended;         /* the target is gone; */
    bool signaled;      /* ...killed by a signal */
    int end_status;     /* exit status or signal */
    int exec_failure;   /* errno with which the job could not be started, or 0 */
    bool python_found;
    char other_error[ERROR_TEXT_MAX]; /* "" or a sentence: recording stopped early, Python not supported */
};

/* Runs a whole session. Must have a thread of its own: the target is let go by that thread's end, not by this call's
 * return. SIGCHLD, SIGINT, SIGTERM and SIGHUP must be blocked in every thread.
 *
 * SIGINT, SIGTERM and SIGHUP end an attached session. A launched job gets them passed on, unless it has them already because they went to the
 * whole process group; a second SIGINT or SIGTERM also ends the session.
 *
 * 0 or a negative errno with `error` filled; `ret_result` is filled in either case. */
int session_run(const struct session_options *options, struct session_progress *progress,
                struct session_result *ret_result, struct error *error);

#endif
