/* Offsets in asyncio's C tasks. They are in no header: up to 3.13 they are read off
 * Modules/_asynciomodule.c (struct TaskObj,
 * FutureObj_HEAD; 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1, 3.13.5) and checked by the live tests;
 * from 3.14 on the module tells them (Py_AsyncioModuleDebugOffsets, same file). */
#include "tasks_layout.h"

#include "base/array.h"
#include "base/bytes.h"

#include <string.h>

#define TASK_BYTES_MAX        4096
#define THREAD_BYTES_MAX      (64u << 10)
#define INTERPRETER_BYTES_MAX (16u << 20)
#define HEAD_BYTES            16 /* PyObject_HEAD with the GIL */

static const struct {
    uint8_t minor;
    uint16_t coroutine, name;
} versions[] = {
    {8, 112, 120}, {9, 152, 160}, {10, 160, 168}, {11, 136, 144}, {12, 136, 144}, {13, 120, 128},
};

bool tasks_layout_init(const struct python_layout *layout, struct task_layout *ret_layout)
{
    uint32_t head = layout->object.type + 8;
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        if (versions[i].minor != layout->minor)
            continue;
        *ret_layout = (struct task_layout){
            .task = {.coroutine = versions[i].coroutine + head - HEAD_BYTES,
                     .name = versions[i].name + head - HEAD_BYTES,
                     .awaiters = PYTHON_ABSENT,
                     .awaiters_is_set = PYTHON_ABSENT,
                     .node = PYTHON_ABSENT},
            .future = {.callback = head + 8, .callbacks = head + 24},
            .thread = {.running = PYTHON_ABSENT, .tasks = PYTHON_ABSENT},
            .interpreter = {.tasks = PYTHON_ABSENT},
        };
        return true;
    }
    return false;
}

/* The words of _AsyncioDebug: a struct's size, then its fields. */
#define INTO(member) offsetof(struct task_layout, member)
static const struct {
    uint8_t word, size_word, field_bytes;
    uint16_t into;
    uint32_t size_max;
} fields[] = {
    {1, 0, 8, INTO(task.name), TASK_BYTES_MAX},
    {2, 0, 8, INTO(task.awaiters), TASK_BYTES_MAX},
    {4, 0, 1, INTO(task.awaiters_is_set), TASK_BYTES_MAX},
    {5, 0, 8, INTO(task.coroutine), TASK_BYTES_MAX},
    {6, 0, 16, INTO(task.node), TASK_BYTES_MAX},
    {8, 7, 16, INTO(interpreter.tasks), INTERPRETER_BYTES_MAX},
    {11, 9, 8, INTO(thread.running), THREAD_BYTES_MAX},
    {12, 9, 16, INTO(thread.tasks), THREAD_BYTES_MAX},
};

bool tasks_layout_parse(const uint8_t debug[TASKS_DEBUG_BYTES], struct task_layout *ret_layout)
{
    struct task_layout layout = {
        .future = {.callback = PYTHON_ABSENT, .callbacks = PYTHON_ABSENT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        uint64_t size = load_u64(debug + 8 * (size_t)fields[i].size_word);
        uint64_t offset = load_u64(debug + 8 * (size_t)fields[i].word);
        uint32_t align = fields[i].field_bytes == 1 ? 1 : 8;
        if (size > fields[i].size_max || offset > size || fields[i].field_bytes > size - offset ||
            offset % align != 0)
            return false;
        uint32_t value = (uint32_t)offset;
        memcpy((char *)&layout + fields[i].into, &value, sizeof(value));
    }
    *ret_layout = layout;
    return true;
}
