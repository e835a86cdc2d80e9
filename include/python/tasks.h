/* asyncio's tasks: who awaits whom, and where each of them waits.
 *
 * In stacks that python_stack_capture takes, the coroutines of the tasks that await the running one
 * stand between its own and the event loop, each task behind a frame of PYTHON_TASK_FILE. What
 * follows is for looking at tasks that do not run. */
#ifndef MEMSAMPLE_PYTHON_TASKS_API_H
#define MEMSAMPLE_PYTHON_TASKS_API_H

#include "elf/modules.h"
#include "python/stack.h"

#define PYTHON_TASK_AWAITERS_MAX 32

/* From 3.14 on a section of the module _asyncio tells where tasks are; it is loaded when a program
 * first needs it. Whether a stack of the last python_stack_resolve made it worth looking for it. */
bool python_tasks_are_wanted(const struct python_reader *reader);
/* Looks for it. 0, PYTHON_STACK_NO_THREAD when no module has it (yet), or a negative errno. */
int python_tasks_find(struct python_reader *reader, const struct modules *modules);

struct python_task_place {
    remote_addr task;
    pid_t tid; /* of the thread whose event loop runs it, as it calls itself; 0: not known */
};

/* Lists the tasks of all threads, as many as fit. The process need not stand still: what changes
 * meanwhile may be missing, or gone. Before 3.14 no list of them can be had from outside: all
 * objects that the garbage collector knows are looked at, which takes some 2 us each. 0,
 * PYTHON_STACK_NO_THREAD where tasks cannot be found (before 3.14 without the GIL),
 * PYTHON_STACK_TORN, or a negative errno. */
int python_tasks_list(struct python_reader *reader, struct python_task_place *places, size_t max,
                      size_t *ret_count);

struct python_task {
    const char *name; /* valid UTF-8, owned by the reader until the next call */
    remote_addr awaiters[PYTHON_TASK_AWAITERS_MAX];
    size_t awaiters_count; /* may be more than there is room for */
};

/* Reads one task; python_stack_resolve then gives its coroutines, innermost first: none when it
 * runs or has not begun. 0, PYTHON_STACK_NO_THREAD when it is no task (any more),
 * PYTHON_STACK_TORN, or a negative errno. */
int python_task_capture(struct python_reader *reader, remote_addr task,
                        struct python_task *ret_task);

#endif
