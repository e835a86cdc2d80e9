/* asyncio's tasks during a capture: which one runs, and who awaits it.
 *
 * The stack of a thread that runs a task ends in the event loop, since that is what resumed the
 * task. People think of the task that awaits as the caller. So the coroutines of the awaiting tasks
 * are put between those of the running one and the event loop, as far as they can be told:
 *
 *     leaf, ... coroutine of the task     the thread's own frames, innermost first
 *     -- task --
 *     what awaits it, ... coroutine of the awaiting task
 *     -- awaiting task --
 *     Handle._run, BaseEventLoop._run_once, ... <module>
 */
#ifndef MEMSAMPLE_PYTHON_TASKS_H
#define MEMSAMPLE_PYTHON_TASKS_H

#include "coroutines.h"
#include "tasks_layout.h"
#include "threads.h"

#define TASKS_MET_MAX    16  /* tasks that await one another */
#define TASKS_FRAMES_MAX 256 /* their frames */
#define TASK_NAME_MAX    128 /* characters */

/* A task of this capture. */
struct task_met {
    remote_addr address;
    bool has_others;     /* several await it, so none of them is its caller */
    uint64_t number;     /* instead of a name, which is made when it is asked for (3.12+) */
    uint32_t name_count; /* characters; 0: there is only a number, or nothing that can be read */
    uint8_t name_unit_bytes;
    uint8_t name[4 * TASK_NAME_MAX];
};

struct tasks {
    const struct python_layout *layout;
    struct task_layout offsets;
    bool is_known; /* the offsets are */
    struct objects objects;
    struct task_met met[TASKS_MET_MAX];
    size_t met_count;
    struct walk_frame frames[TASKS_FRAMES_MAX];
    size_t frame_count;
};

void tasks_init(struct tasks *tasks, const struct python_layout *layout);
/* Puts the tasks that await the running one into `walk`. Changes nothing where there is none, or
 * where what is read does not hold together. `codes` are those of the walk. */
void tasks_insert(struct tasks *tasks, const struct thread_state *state, struct cells *cells,
                  struct codes *codes, struct walk *walk);

/* What a single task waits for: fills `walk` with its coroutines, innermost first. False when there
 * is no task at this address. */
bool tasks_take(struct tasks *tasks, struct cells *cells, struct codes *codes, remote_addr task,
                struct walk *walk);
/* Who awaits a task. Returns how many there are; the first `max` are in `awaiters`. */
size_t tasks_find_awaiters(struct tasks *tasks, struct cells *cells, remote_addr task,
                           remote_addr *awaiters, size_t max);

#endif
