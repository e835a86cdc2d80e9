/* Why a process may not be traced (ptrace(2), "Ptrace access mode checking"; Yama documentation of
 * Linux 6.1). */
#include "trace/permission.h"
#include "base/cleanup.h"
#include "proc/file.h"
#include "proc/process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CAP_SYS_PTRACE_BIT 19 /* linux/capability.h */

int permission_describe(const struct permission_facts *f, int code, struct error *error)
{
    int pid = (int)f->pid;
    if (code == -ESRCH || f->zombie)
        return error_set(error, code, "process %d has ended, there is nothing to profile", pid);
    if (f->kernel_thread)
        return error_set(error, code, "process %d is a kernel thread, not a Python process", pid);
    if (f->tracer_pid)
        return error_set(error, code,
                         "process %d is already traced by process %d (%s); stop that one first, a "
                         "process can have only one tracer",
                         pid, (int)f->tracer_pid, f->tracer_name ? f->tracer_name : "?");
    if (f->my_uid != f->its_uid && !f->have_capability)
        return error_set(error, code,
                         "process %d belongs to another user (uid %u, you are %u); run: sudo "
                         "memsample --pid %d",
                         pid, (unsigned)f->its_uid, (unsigned)f->my_uid, pid);
    if (f->yama_scope == 3)
        return error_set(error, code,
                         "this system allows no tracing until it is rebooted "
                         "(kernel.yama.ptrace_scope is 3); reboot with a lower value");
    if (f->yama_scope > 0 && !f->have_capability)
        return error_set(error, code,
                         "this system lets only root attach to a running process "
                         "(kernel.yama.ptrace_scope is %d); run: sudo memsample --pid %d",
                         f->yama_scope, pid);
    if (f->in_container)
        return error_set(error, code,
                         "the container forbids tracing process %d; start it with: docker run "
                         "--cap-add SYS_PTRACE",
                         pid);
    return error_set(error, code,
                     "the kernel refuses to trace process %d (%s); run: sudo memsample --pid %d",
                     pid, strerror(-code), pid);
}

static int read_yama_scope(void)
{
    _cleanup_(freep) char *text = NULL;
    if (file_read("/proc/sys/kernel/yama/ptrace_scope", &text, NULL) < 0)
        return -1;
    return atoi(text);
}

int permission_explain(pid_t pid, int code, struct error *error)
{
    struct process_status its = {0}, mine = {0};
    _cleanup_(freep) char *tracer_name = NULL;
    if (process_status_read(pid, 0, &its) < 0)
        code = -ESRCH;
    process_status_read(getpid(), 0, &mine);
    if (its.tracer_pid)
        process_program_name(its.tracer_pid, &tracer_name);
    struct permission_facts facts = {
        .pid = pid,
        .tracer_pid = its.tracer_pid,
        .kernel_thread = code != -ESRCH && its.kernel_thread && its.state != 'Z',
        .zombie = its.state == 'Z',
        .my_uid = geteuid(),
        .its_uid = its.uid,
        .have_capability = mine.capabilities >> CAP_SYS_PTRACE_BIT & 1,
        .yama_scope = read_yama_scope(),
        .in_container = access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0,
        .tracer_name = tracer_name,
    };
    return permission_describe(&facts, code, error);
}
