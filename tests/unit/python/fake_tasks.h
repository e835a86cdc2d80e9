/* Tasks of asyncio in a made-up target: one that runs, and others that await it. */
#ifndef MEMSAMPLE_TESTS_FAKE_TASKS_H
#define MEMSAMPLE_TESTS_FAKE_TASKS_H

#include "fake.h"
#include "reader.h"
#include "tasks_layout.h"

/* _AsyncioDebug of 3.14.10 and 3.15.0: sizes and offsets of task, interpreter, thread state. */
static const uint64_t fake_asyncio_debug[2][13] = {
    {168, 136, 96, 108, 109, 128, 152, 225864, 10880, 896, 864, 872, 880},
    {168, 136, 96, 108, 109, 128, 152, 226240, 10856, 1104, 1024, 1032, 1048},
};

struct fake_tasks {
    struct task_layout offsets;
    uint32_t head;
    remote_addr task_type, coroutine_type, builtin_type, handle_type, text_type;
};

static inline remote_addr fake_type(struct fake *fake, const char *name)
{
    const struct python_layout *layout = &fake->runtime.layout;
    remote_addr type = fake_alloc(fake, 512), text = fake_alloc(fake, 48);
    fake_put_u64(fake, type + layout->object.type, FAKE_TYPES + 0x100);
    fake_put_u64(fake, type + layout->object.name, text);
    fake_put(fake, text, name, strlen(name) + 1);
    return type;
}

static inline bool fake_tasks_init(struct fake *fake, struct fake_tasks *tasks)
{
    const struct python_layout *layout = &fake->runtime.layout;
    tasks->head = layout->object.type + 8;
    tasks->task_type = fake_type(fake, "_asyncio.Task");
    tasks->coroutine_type = fake_type(fake, "coroutine");
    tasks->builtin_type = fake_type(fake, "builtin_function_or_method");
    tasks->handle_type = fake_type(fake, "Handle");
    tasks->text_type = fake_type(fake, "str");
    if (layout->minor < 14)
        return tasks_layout_init(layout, &tasks->offsets);
    return tasks_layout_parse((const uint8_t *)fake_asyncio_debug[layout->minor - 14],
                              &tasks->offsets);
}

/* What the module's section would tell the reader. */
static inline void fake_tasks_tell(const struct fake_tasks *tasks, struct python_reader *reader)
{
    reader->tasks.offsets = tasks->offsets;
    reader->tasks.is_known = true;
}

/* Where the frame of a coroutine is. */
static inline remote_addr fake_frame_of(struct fake *fake, remote_addr coroutine)
{
    const struct python_layout *layout = &fake->runtime.layout;
    if (layout->generator.pointer == PYTHON_ABSENT)
        return coroutine + layout->generator.frame;
    return load_u64(fake->data + (coroutine + layout->generator.pointer - FAKE_BASE));
}

/* A coroutine that stands at code unit `unit` and awaits `awaited` (0: runs). */
static inline remote_addr fake_coroutine(struct fake *fake, struct fake_tasks *tasks,
                                         remote_addr code, unsigned unit, remote_addr awaited)
{
    typeof(fake->runtime.layout) *layout = &fake->runtime.layout;
    typeof(layout->frame) at = layout->frame;
    remote_addr coroutine = fake_alloc(fake, 640);
    fake_put_u64(fake, coroutine + layout->object.type, tasks->coroutine_type);
    if (layout->generator.pointer != PYTHON_ABSENT)
        fake_put_u64(fake, coroutine + layout->generator.pointer, fake_alloc(fake, 640));
    remote_addr frame = fake_frame_of(fake, coroutine);
    fake_put_u64(fake, frame + at.code, code | (layout->tag_mask & 1));
    fake_set_unit(fake, frame, code, unit);
    if (at.generator != PYTHON_ABSENT)
        fake_put_u64(fake, frame + at.generator, coroutine);
    if (at.owner != PYTHON_ABSENT)
        fake_put(fake, frame + at.owner, &(uint8_t){1}, 1);
    if (layout->generator.state != PYTHON_ABSENT) {
        int8_t waits = layout->minor >= 15 ? 2 : -1, runs = layout->minor >= 15 ? 4 : 0;
        fake_put(fake, coroutine + layout->generator.state, awaited ? &waits : &runs, 1);
    }
    if (at.state != PYTHON_ABSENT)
        fake_put(fake, frame + at.state, awaited ? &(int8_t){-1} : &(int8_t){0}, 1);
    /* Two locals, what it awaits, and in 3.15 one more. */
    fake_put_u64(fake, frame + at.locals + 16, awaited);
    if (at.stack_end != PYTHON_ABSENT)
        fake_put_u64(fake, frame + at.stack_end,
                     awaited ? frame + at.locals + (layout->minor >= 15 ? 32 : 24) : 0);
    if (at.stack != PYTHON_ABSENT)
        fake_put_u64(fake, frame + at.stack, frame + at.locals + 16);
    if (at.stack_count != PYTHON_ABSENT)
        fake_put_u32(fake, frame + at.stack_count, at.stack != PYTHON_ABSENT ? 1 : 3);
    return coroutine;
}

static inline remote_addr fake_task(struct fake *fake, struct fake_tasks *tasks, const char *name,
                                    remote_addr coroutine)
{
    remote_addr task = fake_alloc(fake, 192), text = fake_text(fake, name);
    fake_put_u64(fake, text + fake->runtime.layout.object.type, tasks->text_type);
    fake_put_u64(fake, task + fake->runtime.layout.object.type, tasks->task_type);
    fake_put_u64(fake, task + tasks->offsets.task.coroutine, coroutine);
    fake_put_u64(fake, task + tasks->offsets.task.name, text);
    return task;
}

/* The method of a task that is called to go on with it. */
static inline remote_addr fake_wakeup(struct fake *fake, struct fake_tasks *tasks, remote_addr task)
{
    remote_addr method = fake_alloc(fake, 64);
    fake_put_u64(fake, method + fake->runtime.layout.object.type, tasks->builtin_type);
    fake_put_u64(fake, method + tasks->head + 8, task);
    return method;
}

/* `awaiter` awaits `task`. */
static inline void fake_await(struct fake *fake, struct fake_tasks *tasks, remote_addr task,
                              remote_addr awaiter)
{
    if (tasks->offsets.task.awaiters != PYTHON_ABSENT)
        fake_put_u64(fake, task + tasks->offsets.task.awaiters, awaiter);
    else
        fake_put_u64(fake, task + tasks->offsets.future.callback,
                     fake_wakeup(fake, tasks, awaiter));
}

/* Two tasks await the same: a set of them (3.14+), or a list beside the first callback. */
static inline void fake_await_too(struct fake *fake, struct fake_tasks *tasks, remote_addr task,
                                  remote_addr first, remote_addr second)
{
    typeof(fake->runtime.layout) *layout = &fake->runtime.layout;
    remote_addr object = fake_alloc(fake, 256), slots = fake_alloc(fake, 16 * 8);
    if (tasks->offsets.task.awaiters != PYTHON_ABSENT) {
        fake_put_u64(fake, object + layout->set.used, 2);
        fake_put_u64(fake, object + layout->set.mask, 7);
        fake_put_u64(fake, object + layout->set.table, slots);
        fake_put_u64(fake, slots + 16 * 2, first);
        fake_put_u64(fake, slots + 16 * 5, second);
        fake_put_u64(fake, task + tasks->offsets.task.awaiters, object);
        fake_put(fake, task + tasks->offsets.task.awaiters_is_set, &(uint8_t){1}, 1);
    } else {
        remote_addr pair = fake_alloc(fake, 64);
        fake_await(fake, tasks, task, first);
        fake_put_u64(fake, object + tasks->head, 1);
        fake_put_u64(fake, object + tasks->head + 8, slots);
        fake_put_u64(fake, slots, pair);
        fake_put_u64(fake, pair + tasks->head + 8, fake_wakeup(fake, tasks, second));
        fake_put_u64(fake, task + tasks->offsets.future.callbacks, object);
    }
}

/* The event loop runs `task`: its coroutine's frame on top of that of Handle._run. */
static inline void fake_run(struct fake *fake, struct fake_tasks *tasks, remote_addr task,
                            remote_addr coroutine)
{
    const struct python_layout *layout = &fake->runtime.layout;
    remote_addr frame = fake_push(fake, fake_code(fake, "Handle._run", 80), 4, 0);
    remote_addr handle = fake_alloc(fake, 96);
    fake->frame_next += 512; /* room for its locals */
    fake_put_u64(fake, handle + layout->object.type, tasks->handle_type);
    fake_put_u64(fake, handle + tasks->head + 8, fake_wakeup(fake, tasks, task));
    fake_put_u64(fake, frame + layout->frame.locals, handle);
    if (tasks->offsets.thread.running != PYTHON_ABSENT)
        fake_put_u64(fake, FAKE_THREAD + tasks->offsets.thread.running, task);
    remote_addr own = fake_frame_of(fake, coroutine);
    fake_put_u64(fake, own + layout->frame.previous, frame);
    fake_set_frame(fake, own);
}

#endif
