/* The tasks of asyncio in a dump. Nothing is stopped for them: a task that runs on meanwhile is
 * left out or has no frames. */
#include "cli/dump.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

#define TASKS_MAX 10000

static int keep_awaiters(struct dump_task *task, const struct python_task *read)
{
    size_t count = read->awaiters_count < PYTHON_TASK_AWAITERS_MAX ? read->awaiters_count
                                                                   : PYTHON_TASK_AWAITERS_MAX;
    task->awaiters = malloc((count + 1) * sizeof(*task->awaiters));
    if (!task->awaiters)
        return -ENOMEM;
    memcpy(task->awaiters, read->awaiters, count * sizeof(*task->awaiters));
    task->awaiters_count = count;
    return 0;
}

static int keep_frames(struct dump_task *task, const struct python_stack *stack)
{
    task->frames = malloc((stack->count + 1) * sizeof(*task->frames));
    if (!task->frames)
        return -ENOMEM;
    memcpy(task->frames, stack->frames, stack->count * sizeof(*task->frames));
    task->count = stack->count;
    return 0;
}

static int take_task(struct dump *dump, struct python_reader *reader,
                     const struct python_task_place *place)
{
    struct python_task read;
    struct python_stack stack;
    int r = python_task_capture(reader, place->task, &read);
    if (r != 0)
        return r < 0 && r != -EFAULT ? r : 0; /* it is gone */
    if (array_reserve(&dump->tasks, &dump->task_cap, dump->task_count + 1, sizeof(*dump->tasks)) <
        0)
        return -ENOMEM;
    struct dump_task *task = &dump->tasks[dump->task_count++];
    *task = (struct dump_task){.place = *place, .name = strdup(read.name)};
    if (!task->name || keep_awaiters(task, &read) < 0)
        return -ENOMEM;
    r = python_stack_resolve(reader, &stack);
    return r == 0 ? keep_frames(task, &stack) : r < 0 ? r : 0;
}

int dump_take_tasks(struct dump *dump, struct python_reader *reader)
{
    _cleanup_(freep) struct python_task_place *places = calloc(TASKS_MAX, sizeof(*places));
    size_t count = 0;
    if (!places)
        return -ENOMEM;
    int r = python_tasks_list(reader, places, TASKS_MAX, &count);
    dump->has_tasks = r == 0;
    for (size_t i = 0; r == 0 && i < count; i++)
        r = take_task(dump, reader, &places[i]);
    return r < 0 ? r : 0;
}

void dump_free_tasks(struct dump *dump)
{
    for (size_t i = 0; i < dump->task_count; i++) {
        free(dump->tasks[i].name);
        free(dump->tasks[i].awaiters);
        free(dump->tasks[i].frames);
    }
    free(dump->tasks);
}
