/* Page-fault events with sigtrap (perf_event_open(2); kernel/events/core.c, Linux 5.13 to 6.18). */
#include "trace/faults.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

/* si_code; newer than some C libraries (asm-generic/siginfo.h, Linux 5.13) */
#ifndef TRAP_PERF
#define TRAP_PERF 6
#endif

int faults_open(pid_t tid, uint64_t period)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(attributes),
        .config = PERF_COUNT_SW_PAGE_FAULTS,
        .sample_period = period,
        .sample_type = PERF_SAMPLE_ADDR,
        .sigtrap = 1,
        .remove_on_exec = 1, /* sigtrap asks for it: the new program did not agree to be stopped */
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    long fd = syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : (int)fd;
}

/* Before Linux 5.18 the signal was forced: that resets an ignored SIGTRAP to its default, and
 * killing memsample could kill the job (force_sig_perf, kernel/signal.c). */
static bool kernel_is_safe(void)
{
    struct utsname system;
    unsigned major, minor;
    return uname(&system) == 0 && sscanf(system.release, "%u.%u", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 18));
}

int faults_probe(void)
{
    if (!kernel_is_safe())
        return -EOPNOTSUPP;
    int fd = faults_open(0, UINT64_C(1) << 40); /* this thread will not live to take so many */
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

void faults_set_period(int fd, uint64_t period)
{
    ioctl(fd, PERF_EVENT_IOC_PERIOD, &period);
    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0); /* nothing, when it is on */
}

void faults_rest(int fd)
{
    ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
}

bool faults_stopped(pid_t tid, uint64_t *ret_address)
{
    siginfo_t info;
    if (ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) < 0 || info.si_signo != SIGTRAP ||
        info.si_code != TRAP_PERF)
        return false;
    *ret_address = (uint64_t)(uintptr_t)info.si_addr;
    return true;
}
