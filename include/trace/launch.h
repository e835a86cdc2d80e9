/* Starting the job as a child that is traced from its first instruction on. */
#ifndef MEMSAMPLE_TRACE_LAUNCH_H
#define MEMSAMPLE_TRACE_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct launch {
    pid_t pid;
    int go_fd;     /* closing it without a byte makes the child give up */
    int result_fd; /* the child's errno when exec failed; end of file when it worked */
};

struct launch_job {
    char *const *arguments; /* NULL-terminated */
    const sigset_t *mask;   /* the signal mask that memsample was started with */
    bool ignore_child;      /* memsample was started with SIGCHLD ignored */
    bool ignore_trap;       /* see faults.h */
};

/* Forks a child that waits. Standard streams, working directory, environment, signals and everything else are as memsample found them, but
 * for SIGTRAP with `ignore_trap`. Call it from the thread that will trace. 0 or a negative errno with `error` filled. */
int launch_prepare(const struct launch_job *job, struct launch *ret_launch, struct error *error);

/* Lets the child exec: call it after it was seized. Returns at once; the child's exec is reported to its tracer. */
void launch_go(struct launch *launch);

/* The errno with which exec failed, 0 when it worked. Call it when the child has ended or exec'ed. */
int launch_failure(const struct launch *launch);
void launch_deinit(struct launch *launch);

#endif
