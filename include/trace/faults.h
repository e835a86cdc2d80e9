/* Page-fault events of the kernel: a thread is stopped in the act of every Nth fault it takes.
 *
 * A perf software event with `sigtrap` sends the faulting thread SIGTRAP (si_code TRAP_PERF) before it goes on; its tracer sees a
 * signal-delivery stop. Linux 5.18 or later, and the right to use perf (perf_event_paranoid(5), seccomp).
 *
 * Safety: SIGTRAP must be ignored by the target (set before exec, kept across it). A traced thread reports an ignored signal to its
 * tracer all the same; without a tracer it is dropped, so that losing memsample can never kill the job.
 * Faults taken inside system calls are left out (exclude_kernel): a signal that is pending there could cut the call short. */
#ifndef MEMSAMPLE_TRACE_FAULTS_H
#define MEMSAMPLE_TRACE_FAULTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Whether this process may use such events at all: 0 or a negative errno. */
int faults_probe(void);
/* Arms an event on a thread (any that may be traced). Returns an fd or a negative errno. */
int faults_open(pid_t tid, uint64_t period);
/* Stop at every `period`-th fault from now on. */
void faults_set_period(int fd, uint64_t period);
/* At none, and at no cost for the thread, until a period is set. */
void faults_rest(int fd);
/* Whether a thread in a signal-delivery stop by SIGTRAP was stopped by such an event. */
bool faults_stopped(pid_t tid, uint64_t *ret_address);

#endif
