/* Looking at tasks one by one. Knows the lists that they are in. */
#include "python/tasks.h"
#include "peek.h"
#include "reader.h"
#include "task_search.h"

#include "base/array.h"

#include <errno.h>
#include <string.h>

#define SECTION "AsyncioDebug" /* GENERATE_DEBUG_SECTION(AsyncioDebug, ...), _asynciomodule.c */

/* Whether a frame says that an event loop runs: its module is loaded by then. (While asyncio is
 * imported there are frames of it, too.) */
static bool is_loop(const struct python_frame *frame)
{
    static const char *const names[] = {"run", "Runner.run", "BaseEventLoop.run_forever",
                                        "BaseEventLoop.run_until_complete", "Handle._run"};
    if (!strstr(frame->file, "/asyncio/") && !strstr(frame->file, "/uvloop/"))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(frame->function, names[i]) == 0)
            return true;
    return false;
}

bool python_tasks_are_wanted(const struct python_reader *reader)
{
    if (reader->tasks.is_known || !reader->is_captured)
        return false;
    for (size_t i = 0; i < reader->captured_count; i++)
        if (is_loop(&reader->frames[i]))
            return true;
    return false;
}

int python_tasks_find(struct python_reader *reader, const struct modules *modules)
{
    uint8_t debug[TASKS_DEBUG_BYTES];
    if (reader->tasks.is_known)
        return 0;
    for (size_t i = 0; i < modules->count; i++) {
        const struct module *module = &modules->items[i];
        struct image_section section;
        if (!image_find_section(module->image, "." SECTION, &section) ||
            section.size < sizeof(debug))
            continue;
        int r = memory_read(reader->memory, module->bias + section.address, debug, sizeof(debug));
        if (r < 0 && r != -EFAULT)
            return r;
        if (r == 0 && tasks_layout_parse(debug, &reader->tasks.offsets)) {
            reader->tasks.is_known = true;
            return 0;
        }
    }
    return PYTHON_STACK_NO_THREAD;
}

/* Follows one list: struct llist_node, its `next` first (Include/internal/pycore_llist.h). */
static size_t follow(struct python_reader *reader, remote_addr head, pid_t tid,
                     struct python_task_place *places, size_t max)
{
    size_t count = 0;
    remote_addr at = head;
    while (count < max && peek_object(&reader->cells, at, &at) && at != head)
        places[count++] =
            (struct python_task_place){.task = at - reader->tasks.offsets.task.node, .tid = tid};
    return count;
}

/* 3.14 and later: a list in each thread state, and in each interpreter one of those whose thread
 * has ended. */
static size_t follow_all(struct python_reader *reader, struct python_task_place *places, size_t max)
{
    const struct task_layout *offsets = &reader->tasks.offsets;
    const struct threads *threads = &reader->threads;
    size_t count = 0;
    for (size_t i = 0; i < threads->count; i++)
        count += follow(reader, threads->entries[i].state + offsets->thread.tasks,
                        threads->entries[i].tid, places + count, max - count);
    for (size_t i = 0; i < threads->interpreters_count; i++)
        count += follow(reader, threads->interpreters[i].address + offsets->interpreter.tasks, 0,
                        places + count, max - count);
    return count;
}

int python_tasks_list(struct python_reader *reader, struct python_task_place *places, size_t max,
                      size_t *ret_count)
{
    reader->is_captured = reader->can_retry = false;
    reader->last_tid = 0;
    if (!reader->tasks.is_known)
        return PYTHON_STACK_NO_THREAD;
    cells_begin(&reader->cells, reader->memory, false);
    int r = python_threads_walk(&reader->threads, &reader->runtime, reader->memory);
    if (r != 0)
        return r;
    if (reader->tasks.offsets.thread.tasks != PYTHON_ABSENT) {
        *ret_count = follow_all(reader, places, max);
        return 0;
    }
    return task_search(reader, places, max, ret_count);
}

int python_task_capture(struct python_reader *reader, remote_addr task,
                        struct python_task *ret_task)
{
    cells_begin(&reader->cells, reader->memory, false);
    reader->is_captured = false;
    /* No interpreter's count of code objects that died: everything is read anew. */
    codes_begin(&reader->codes);
    codes_enter(&reader->codes, 0, ++reader->task_captures);
    if (!tasks_take(&reader->tasks, &reader->cells, &reader->codes, task, &reader->walk))
        return PYTHON_STACK_NO_THREAD;
    ret_task->awaiters_count = tasks_find_awaiters(&reader->tasks, &reader->cells, task,
                                                   ret_task->awaiters, PYTHON_TASK_AWAITERS_MAX);
    int r = reader_take_walk(reader);
    if (r != 0)
        return r;
    reader->is_captured = true;
    reader->task_name.length = 0;
    task_names_decode(&reader->tasks.met[reader->tasks.met_count - 1], &reader->task_name);
    buffer_put_u8(&reader->task_name, 0);
    ret_task->name = (const char *)reader->task_name.data;
    return reader->task_name.failed ? -ENOMEM : 0;
}
