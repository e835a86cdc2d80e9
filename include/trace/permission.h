/* Why a process may not be traced: one cause, one thing to do. */
#ifndef MEMSAMPLE_TRACE_PERMISSION_H
#define MEMSAMPLE_TRACE_PERMISSION_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

/* What the kernel decides by. Filled by permission_explain; apart for the tests. */
struct permission_facts {
    pid_t pid, tracer_pid;
    bool kernel_thread, zombie;
    uid_t my_uid, its_uid;
    bool have_capability; /* CAP_SYS_PTRACE */
    int yama_scope;       /* /proc/sys/kernel/yama/ptrace_scope; -1: no yama */
    bool in_container;
    const char *tracer_name;
};

/* One sentence for a refused PTRACE_SEIZE (`code` is the negative errno); returns `code`. */
int permission_explain(pid_t pid, int code, struct error *error);
int permission_describe(const struct permission_facts *facts, int code, struct error *error);

#endif
