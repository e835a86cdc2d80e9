/* Holding a process by ptrace, as lightly as can be.
 *
 * Threads are seized one by one when they are first needed, never all at once, and a thread is stopped only by
 * tracer_stop_thread. With traps (see faults.h) every thread is seized from its first instruction on, and also stops by itself at
 * every so many page faults. Everything a tracee reports in between (signals, group stops, exec, exit) is passed on at once by
 * tracer_dispatch, which must be called whenever SIGCHLD arrives.
 *
 * There is no detach call: the kernel lets go of all tracees, also of sleeping ones and without waking them,
 * when the tracing thread ends (exit_ptrace in kernel/ptrace.c, Linux 3.4 to 6.18). PTRACE_DETACH would need a
 * stop, and a stop makes epoll_wait and others return EINTR (signal(7)). So end the thread.
 *
 * All calls must come from one thread: ptrace requests are bound to the thread that seized. */
#ifndef MEMSAMPLE_TRACE_TRACER_H
#define MEMSAMPLE_TRACE_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tracee {
    pid_t tid;
    enum {
        TRACEE_RUNNING,
        TRACEE_STOPPED,   /* by tracer_stop_thread, or in the act of a page fault */
        TRACEE_LISTENING, /* in a group stop (SIGSTOP and so on), which we honour */
    } state;
    bool interrupt_pending; /* PTRACE_INTERRUPT was sent and its stop was not seen yet */
    bool wanted;            /* tracer_stop_thread waits for that stop */
    bool trapped;           /* stopped in the act of a page fault */
    uint64_t fault_address; /* when trapped */
    int fault_fd;           /* its page-fault event, or -1 */
};

#define TRACER_SIGNALS 32 /* the classic ones */

struct tracer {
    pid_t pid;
    int sigchld_fd; /* signalfd that becomes readable on SIGCHLD; borrowed */
    struct tracee *tracees;
    size_t count, cap;

    bool traps;            /* arm page-fault events on every thread */
    uint64_t trap_period;  /* faults between two stops, of a new thread */

    bool unread_reports;   /* SIGCHLD was taken off the fd: dispatch before sleeping */
    uint64_t spin_ns;      /* how long to wait awake for a stop: what has paid off lately */

    uint64_t signal_ns[TRACER_SIGNALS]; /* when the target last got each from somebody else (CLOCK_MONOTONIC) */

    uint32_t execs;  /* how often the process replaced its program */
    bool ended;      /* the process is gone and its status was read */
    bool signaled;
    int end_status;  /* exit status, or the signal when `signaled` */
};

/* Seizes the main thread of `pid` without stopping it. With a `trap_period` other than 0 page-fault events are armed at its next exec and
 * on every thread that it starts from then on: only for a target that ignores SIGTRAP.
 * 0 or a negative errno (-EPERM: see permission.h). */
int tracer_init(struct tracer *tracer, pid_t pid, int sigchld_fd, uint64_t trap_period);
/* Seizes the process again, and counts an exec: a thread that was not seized replaced the program, and the kernel let the old main thread go
 * without a word. 0 or a negative errno. */
int tracer_adopt(struct tracer *tracer);
void tracer_deinit(struct tracer *tracer); /* frees memory only: see above */

/* Outcomes. */
enum {
    TRACER_GONE = 1, /* the thread ended or is not ours to trace */
    TRACER_BUSY = 2, /* it did not stop in time (uninterruptible sleep) or is in a group stop */
};

/* Stops a thread, seizing it first if need be. On 0 the thread stands still and its memory and registers can be
 * read, until tracer_resume_thread. *ret_running_ns is then a time (CLOCK_MONOTONIC) at which it still ran or waited for a processor:
 * from there to the resume is an upper bound of how long it was held up. 0, an outcome above or a negative errno. */
int tracer_stop_thread(struct tracer *tracer, pid_t tid, uint64_t *ret_running_ns);
void tracer_resume_thread(struct tracer *tracer, pid_t tid);

/* Handles every report that waits, without blocking. */
void tracer_dispatch(struct tracer *tracer);

/* A thread that stands still in the act of a page fault, or NULL. It waits for tracer_resume_thread. Good until the next
 * call that takes the tracer. */
const struct tracee *tracer_next_trapped(const struct tracer *tracer);
/* Lets one thread stop in the act of its faults, seizing it first if need be: only where the target ignores SIGTRAP. 0 or a negative
 * errno. */
int tracer_arm_trap(struct tracer *tracer, pid_t tid, uint64_t period);
bool tracer_has_trap(const struct tracer *tracer, pid_t tid);
/* Stop the thread, and new ones, at every `period`-th fault from now on. */
void tracer_set_trap_period(struct tracer *tracer, pid_t tid, uint64_t period);
/* Stop the thread at none, until a period is set. */
void tracer_rest_trap(struct tracer *tracer, pid_t tid);
/* No more traps, for good: the target does not ignore SIGTRAP any more. */
void tracer_disarm_traps(struct tracer *tracer);

#endif
