/* Where asyncio's C tasks keep what memsample reads: offsets in bytes, PYTHON_ABSENT where this
 * version has no such field. */
#ifndef MEMSAMPLE_PYTHON_TASKS_LAYOUT_H
#define MEMSAMPLE_PYTHON_TASKS_LAYOUT_H

#include "python/layout.h"

#define TASKS_DEBUG_BYTES 104 /* of _AsyncioDebug, 3.14 and 3.15 */

struct task_layout {
    struct {
        uint32_t coroutine, name;
        uint32_t awaiters;        /* task that awaits it, or a set of them (3.14+) */
        uint32_t awaiters_is_set; /* u8 */
        uint32_t node;            /* of the list of tasks (3.14+) */
    } task;
    struct {
        uint32_t callback, callbacks; /* whom to call at the end: the first, a list of others */
    } future;
    struct {
        uint32_t running; /* task that runs */
        uint32_t tasks;   /* head of its list */
    } thread;             /* state (3.14+) */
    struct {
        uint32_t tasks; /* of threads that have ended */
    } interpreter;
};

/* Of 3.8 to 3.13, and false for others. */
bool tasks_layout_init(const struct python_layout *layout, struct task_layout *ret_layout);
/* From the target's own _AsyncioDebug (3.14 and later), which is hostile input. */
bool tasks_layout_parse(const uint8_t debug[TASKS_DEBUG_BYTES], struct task_layout *ret_layout);

#endif
