/* Tasks whose memory is hostile: three that await one another, then patches of their memory. Input:
 * a version, then patches, each a place and a value. */
#include <assert.h>
#include <stdint.h>

#include "base/bytes.h"
#include "fake_tasks.h"
#include "python/tasks.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Mostly objects; their types and the frames, too. */
static remote_addr choose_place(const struct fake *fake, uint32_t where)
{
    remote_addr area = FAKE_HEAP, length = fake->heap_next - FAKE_HEAP;
    if (where % 8 == 0)
        area = FAKE_THREAD, length = 2048;
    if (where % 8 == 1)
        area = FAKE_CHUNK, length = fake->frame_next - FAKE_CHUNK;
    uint32_t align = where % 8 == 2 ? 1 : 8;
    return area + (where >> 3) % length / align * align;
}

static uint64_t choose_value(const struct fake *fake, const struct fake_tasks *tasks,
                             uint64_t value)
{
    switch (value % 8) {
    case 0: /* something small */
        return (value >> 3) % 70000;
    case 1: /* a type */
        return (value >> 3) % 2 ? tasks->task_type : tasks->coroutine_type;
    case 2:
        return value;
    case 3: /* an awaiter set or text flag */
        return value >> 56;
    default: /* an object */
        return FAKE_HEAP + (value >> 3) % (fake->heap_next - FAKE_HEAP) / 16 * 16;
    }
}

static void look(struct python_reader *reader, const remote_addr tasks[3])
{
    struct python_stack stack;
    struct python_task task;
    struct python_task_place places[64];
    size_t count;
    int r = python_stack_capture(reader, FAKE_TID);
    assert(r >= 0 || r == -EFAULT);
    if (r == 0 && python_stack_resolve(reader, &stack) == 0)
        assert(stack.count <= PYTHON_FRAMES_MAX);
    for (int i = 0; i < 3; i++)
        if (python_task_capture(reader, tasks[i], &task) == 0) {
            assert(strlen(task.name) <= 4 * TASK_NAME_MAX + 32);
            assert(python_stack_resolve(reader, &stack) != 0 || stack.count < TASKS_FRAMES_MAX);
        }
    if (python_tasks_list(reader, places, 64, &count) == 0)
        assert(count <= 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fake fake;
    struct fake_tasks made;
    struct python_reader *reader;
    struct bytes input = bytes_of(data, size);
    uint8_t version;
    if (!bytes_take_u8(&input, &version) || !fake_init(&fake, fake_builds[version % FAKE_BUILDS]) ||
        !fake_tasks_init(&fake, &made) ||
        python_reader_create(&fake.runtime, &fake.memory, &reader) < 0)
        return 0;
    fake_tasks_tell(&made, reader);
    remote_addr coroutine = fake_coroutine(&fake, &made, fake_code(&fake, "leaf", 10), 4, 0);
    remote_addr tasks[3] = {fake_task(&fake, &made, "one", coroutine)};
    for (int i = 1; i < 3; i++) {
        remote_addr inner =
            fake_coroutine(&fake, &made, fake_code(&fake, "inner", 20), 4, tasks[i - 1]);
        tasks[i] = fake_task(&fake, &made, "Task-2",
                             fake_coroutine(&fake, &made, fake_code(&fake, "outer", 30), 4, inner));
    }
    fake_await(&fake, &made, tasks[0], tasks[1]);
    fake_await_too(&fake, &made, tasks[1], tasks[2], version & 64 ? tasks[2] : tasks[0]);
    fake_run(&fake, &made, tasks[0], coroutine);

    uint32_t where;
    uint64_t value;
    for (int i = 0; bytes_take_u32(&input, &where) && bytes_take_u64(&input, &value); i++) {
        fake_put_u64(&fake, choose_place(&fake, where), choose_value(&fake, &made, value));
        if (i % 4 == 3)
            look(reader, tasks);
    }
    look(reader, tasks);
    python_reader_destroy(reader);
    return 0;
}
