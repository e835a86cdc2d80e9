/* Tracees and their stops. The only file that stops anybody. Knows nothing of Python or memory. */
#include "trace/tracer.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "trace/faults.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A running thread stops within some 20 us, faster than this thread could fall asleep and wake
 * again (measured: 33 us a stop with spinning, 68 us without). One that takes longer waits for a
 * processor itself: nap, so that it gets one. */
#define SPIN_MOST_NS  100000
#define SPIN_LEAST_NS 10000
#define NAP_NS        100000
/* A thread that takes longer sits in uninterruptible sleep: let it be, its stop is undone when it
 * comes. */
#define STOP_TIMEOUT_NS 20000000

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct tracee *find_tracee(struct tracer *tracer, pid_t tid)
{
    for (size_t i = 0; i < tracer->count; i++)
        if (tracer->tracees[i].tid == tid)
            return &tracer->tracees[i];
    return NULL;
}

static void disarm(struct tracee *tracee)
{
    fd_closep(&tracee->fault_fd);
    tracee->fault_fd = -1;
}

static void remove_tracee(struct tracer *tracer, pid_t tid)
{
    struct tracee *tracee = find_tracee(tracer, tid);
    if (!tracee)
        return;
    disarm(tracee);
    *tracee = tracer->tracees[--tracer->count];
}

static struct tracee *add_tracee(struct tracer *tracer, pid_t tid)
{
    if (array_reserve(&tracer->tracees, &tracer->cap, tracer->count + 1, sizeof(*tracer->tracees)) <
        0)
        return NULL;
    struct tracee *tracee = &tracer->tracees[tracer->count++];
    *tracee = (struct tracee){.tid = tid, .state = TRACEE_RUNNING, .fault_fd = -1};
    return tracee;
}

static int seize(struct tracer *tracer, pid_t tid)
{
    /* Without traps no option that makes threads or children of the target stop or be traced on
     * their own. */
    uintptr_t options = PTRACE_O_TRACEEXEC | (tracer->traps ? PTRACE_O_TRACECLONE : 0);
    if (ptrace(PTRACE_SEIZE, tid, NULL, (void *)options) < 0)
        return -errno;
    return add_tracee(tracer, tid) ? 0 : -ENOMEM;
}

int tracer_init(struct tracer *tracer, pid_t pid, int sigchld_fd, uint64_t trap_period)
{
    *tracer = (struct tracer){.pid = pid,
                              .sigchld_fd = sigchld_fd,
                              .spin_ns = SPIN_MOST_NS,
                              .traps = trap_period != 0,
                              .trap_period = trap_period};
    return seize(tracer, pid);
}

int tracer_adopt(struct tracer *tracer)
{
    for (size_t i = 0; i < tracer->count; i++)
        disarm(&tracer->tracees[i]);
    tracer->count = 0;
    int r = seize(tracer, tracer->pid);
    if (r == 0)
        tracer->execs++;
    return r;
}

void tracer_deinit(struct tracer *tracer)
{
    for (size_t i = 0; i < tracer->count; i++)
        disarm(&tracer->tracees[i]);
    free(tracer->tracees);
    *tracer = (struct tracer){0};
}

static void resume(struct tracee *tracee, int signal)
{
    tracee->state = TRACEE_RUNNING;
    tracee->trapped = false;
    /* ESRCH: it was killed meanwhile, and its end is reported next. */
    ptrace(PTRACE_CONT, tracee->tid, NULL, (void *)(intptr_t)signal);
}

static bool is_stop_signal(int signal)
{
    return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* After an exec only one thread is left, and it has the process's id (ptrace(2), "execve(2) under
 * ptrace"). */
static void handle_exec(struct tracer *tracer)
{
    for (size_t i = 0; i < tracer->count; i++)
        disarm(&tracer->tracees[i]); /* the kernel took the events away (remove_on_exec) */
    tracer->count = 0;
    struct tracee *leader = add_tracee(tracer, tracer->pid); /* there was room for one before */
    tracer->execs++;
    if (tracer->traps)
        leader->fault_fd = faults_open(leader->tid, tracer->trap_period);
    resume(leader, 0);
}

/* A new thread, seized by the kernel because its creator is, and stopped before its first
 * instruction. */
static void handle_new_thread(struct tracer *tracer, pid_t tid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d", (int)tracer->pid, (int)tid);
    struct tracee *tracee = access(path, F_OK) == 0 ? add_tracee(tracer, tid) : NULL;
    if (!tracee) { /* a process made by a bare clone(2): none of ours */
        ptrace(PTRACE_DETACH, tid, NULL, NULL);
        return;
    }
    if (tracer->traps)
        tracee->fault_fd = faults_open(tid, tracer->trap_period);
    resume(tracee, 0);
}

/* Remembers when somebody else than memsample sent the target a signal that memsample would pass
 * on. */
static void note_signal(struct tracer *tracer, pid_t tid, int signal)
{
    siginfo_t info;
    if (signal >= TRACER_SIGNALS || ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) < 0 ||
        (info.si_code == SI_USER && info.si_pid == getpid()))
        return;
    tracer->signal_ns[signal] = now_ns();
}

static void handle_stop(struct tracer *tracer, struct tracee *tracee, int status)
{
    int signal = WSTOPSIG(status), event = status >> 16;

    if (event == PTRACE_EVENT_STOP && is_stop_signal(signal)) {
        tracee->interrupt_pending = false;
        tracee->state = TRACEE_LISTENING;
        ptrace(PTRACE_LISTEN, tracee->tid, NULL, NULL);
    } else if (event == PTRACE_EVENT_STOP) {
        tracee->interrupt_pending = false;
        if (tracee->wanted)
            tracee->state = TRACEE_STOPPED;
        else
            resume(tracee, 0);
    } else if (event == PTRACE_EVENT_EXEC) {
        handle_exec(tracer);
    } else if (!event && signal == SIGTRAP && faults_stopped(tracee->tid, &tracee->fault_address)) {
        tracee->trapped = true;
        tracee->state = TRACEE_STOPPED;
        if (tracee->fault_fd < 0)
            resume(tracee, 0); /* it was on its way when traps were disarmed */
    } else if (event) {
        tracee->interrupt_pending =
            false; /* any event takes the place of the stop that was asked for */
        if (tracee->wanted)
            tracee->state = TRACEE_STOPPED;
        else
            resume(tracee, 0);
    } else {
        note_signal(tracer, tracee->tid, signal);
        resume(tracee, signal); /* a signal on its way to the target: pass it on */
    }
}

static void handle_status(struct tracer *tracer, pid_t tid, int status)
{
    if (WIFSTOPPED(status)) {
        struct tracee *tracee = find_tracee(tracer, tid);
        if (tracee)
            handle_stop(tracer, tracee, status);
        else
            handle_new_thread(tracer, tid);
        return;
    }
    remove_tracee(tracer, tid);
    if (tid == tracer->pid) {
        tracer->ended = true;
        tracer->signaled = WIFSIGNALED(status);
        tracer->end_status = tracer->signaled ? WTERMSIG(status) : WEXITSTATUS(status);
    }
}

void tracer_dispatch(struct tracer *tracer)
{
    int status;
    pid_t tid;
    tracer->unread_reports = false;
    while (!tracer->ended && (tid = waitpid(-1, &status, __WALL | __WNOTHREAD | WNOHANG)) > 0)
        handle_status(tracer, tid, status);
    if (!tracer->ended && tid < 0 && errno == ECHILD)
        tracer->count = 0; /* nobody is ours any more */
}

/* Sleeps until SIGCHLD or for a nap. */
static void nap(struct tracer *tracer)
{
    struct timespec timeout = {.tv_nsec = NAP_NS};
    struct pollfd poll_fd = {.fd = tracer->sigchld_fd, .events = POLLIN};
    if (ppoll(&poll_fd, 1, &timeout, NULL) > 0) {
        struct signalfd_siginfo info;
        tracer->unread_reports |= read(tracer->sigchld_fd, &info, sizeof(info)) > 0;
    }
}

/* On a busy machine the thread may need the very processor on which this one spins: spin less when
 * it was in vain. */
static void learn_spin(struct tracer *tracer, uint64_t waited_ns)
{
    tracer->spin_ns = waited_ns <= tracer->spin_ns ? 2 * tracer->spin_ns : tracer->spin_ns / 2;
    if (tracer->spin_ns > SPIN_MOST_NS)
        tracer->spin_ns = SPIN_MOST_NS;
    if (tracer->spin_ns < SPIN_LEAST_NS)
        tracer->spin_ns = SPIN_LEAST_NS;
}

/* Waits until the thread stands still, ends, or the time is over. *ret_running_ns becomes the last
 * time at which it was not seen to stand still. */
static int wait_for_stop(struct tracer *tracer, pid_t tid, uint64_t *ret_running_ns)
{
    uint64_t start_ns = now_ns(), looked_ns = start_ns;
    uint32_t execs = tracer->execs;
    for (;;) {
        int status;
        *ret_running_ns = looked_ns;
        looked_ns = now_ns();
        pid_t r = waitpid(tid, &status, __WALL | __WNOTHREAD | WNOHANG);
        if (r == tid)
            handle_status(tracer, tid, status);
        struct tracee *tracee = find_tracee(tracer, tid);
        if (!tracee || r < 0 || tracer->execs != execs)
            return TRACER_GONE; /* after an exec it is another program under the same number */
        uint64_t waited_ns = looked_ns - start_ns;
        if (tracee->state == TRACEE_STOPPED) {
            learn_spin(tracer, waited_ns);
            return 0;
        }
        if (tracee->state == TRACEE_LISTENING || waited_ns > STOP_TIMEOUT_NS)
            return TRACER_BUSY;
        if (r == tid || waited_ns < tracer->spin_ns)
            continue;
        nap(tracer);
        if (tracer->unread_reports)
            tracer_dispatch(tracer); /* others must not wait for this one */
    }
}

int tracer_stop_thread(struct tracer *tracer, pid_t tid, uint64_t *ret_running_ns)
{
    struct tracee *tracee = find_tracee(tracer, tid);
    if (!tracee) {
        int r = seize(tracer, tid);
        if (r == -ESRCH || r == -EPERM) /* gone, or traced by somebody else */
            return TRACER_GONE;
        if (r < 0)
            return r;
        tracee = find_tracee(tracer, tid);
    }
    if (tracee->state == TRACEE_LISTENING)
        return TRACER_BUSY;
    if (tracee->trapped) { /* it stands still already */
        *ret_running_ns = now_ns();
        return 0;
    }
    if (!tracee->interrupt_pending) {
        if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0)
            return TRACER_GONE;
        tracee->interrupt_pending = true;
    }
    tracee->wanted = true;
    int r = wait_for_stop(tracer, tid, ret_running_ns);
    tracee = find_tracee(tracer, tid);
    if (tracee)
        tracee->wanted = false;
    return r;
}

void tracer_resume_thread(struct tracer *tracer, pid_t tid)
{
    struct tracee *tracee = find_tracee(tracer, tid);
    if (tracee && tracee->state == TRACEE_STOPPED)
        resume(tracee, 0);
}

const struct tracee *tracer_next_trapped(const struct tracer *tracer)
{
    for (size_t i = 0; i < tracer->count; i++)
        if (tracer->tracees[i].trapped)
            return &tracer->tracees[i];
    return NULL;
}

int tracer_arm_trap(struct tracer *tracer, pid_t tid, uint64_t period)
{
    struct tracee *tracee = find_tracee(tracer, tid);
    int r = tracee ? 0 : seize(tracer, tid);
    if (r < 0)
        return r;
    tracee = find_tracee(tracer, tid);
    if (tracee->fault_fd >= 0)
        return 0;
    r = faults_open(tid, period);
    if (r < 0)
        return r;
    tracee->fault_fd = r;
    return 0;
}

bool tracer_has_trap(const struct tracer *tracer, pid_t tid)
{
    for (size_t i = 0; i < tracer->count; i++)
        if (tracer->tracees[i].tid == tid)
            return tracer->tracees[i].fault_fd >= 0;
    return false;
}

void tracer_set_trap_period(struct tracer *tracer, pid_t tid, uint64_t period)
{
    struct tracee *tracee = find_tracee(tracer, tid);
    if (tracee && tracee->fault_fd >= 0)
        faults_set_period(tracee->fault_fd, period);
    tracer->trap_period = period;
}

void tracer_rest_trap(struct tracer *tracer, pid_t tid)
{
    const struct tracee *tracee = find_tracee(tracer, tid);
    if (tracee && tracee->fault_fd >= 0)
        faults_rest(tracee->fault_fd);
}

void tracer_disarm_traps(struct tracer *tracer)
{
    tracer->traps = false;
    for (size_t i = 0; i < tracer->count; i++) {
        if (tracer->tracees[i].trapped)
            resume(&tracer->tracees[i], 0);
        disarm(&tracer->tracees[i]);
    }
}
