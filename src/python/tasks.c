/* Tasks and who awaits them. Knows what links tasks to threads and to each other; coroutines.c
 * knows their frames. All reads are checked by what they must lead to: a task's coroutine is the
 * one whose frame is on the stack. */
#include "tasks.h"
#include "awaiters.h"
#include "peek.h"
#include "text.h"

#include <string.h>

#define CALLS_MAX 16 /* of generators and coroutines by functions, that are looked at */

void tasks_init(struct tasks *tasks, const struct python_layout *layout)
{
    tasks->layout = layout;
    tasks->is_known = tasks_layout_init(layout, &tasks->offsets);
    objects_init(&tasks->objects, layout);
}

static bool is_task(struct tasks *tasks, struct cells *cells, remote_addr object)
{
    return objects_kind(&tasks->objects, cells, object) == OBJECT_TASK;
}

/* 3.14 and later: the thread state says it, whatever the event loop. */
static bool find_told(struct tasks *tasks, const struct thread_state *state, struct cells *cells,
                      const struct walk *walk, remote_addr *ret_task, size_t *ret_root)
{
    remote_addr task, coroutine;
    if (!peek_object(cells, state->address + tasks->offsets.thread.running, &task) ||
        !is_task(tasks, cells, task) ||
        !peek_object(cells, task + tasks->offsets.task.coroutine, &coroutine))
        return false;
    for (size_t i = 0; i < walk->count; i++) {
        if (walk->frames[i].generator != coroutine)
            continue;
        *ret_task = task;
        *ret_root = i;
        return true;
    }
    return false;
}

/* Whether the coroutine of a task is `generator`. */
static bool has_coroutine(struct tasks *tasks, struct cells *cells, remote_addr task,
                          remote_addr generator)
{
    remote_addr coroutine;
    return is_task(tasks, cells, task) &&
           peek_object(cells, task + tasks->offsets.task.coroutine, &coroutine) &&
           coroutine == generator;
}

/* Everywhere: the outermost coroutine was resumed by Handle._run(self), and self._callback is how
 * the task is run. (asyncio/events.py; its class has slots, which are kept in the order of their
 * names: _args, _callback. Other event loops have no such frame.) Whether frame `root` is that
 * coroutine. */
static bool is_called(struct tasks *tasks, struct cells *cells, const struct walk *walk,
                      size_t root, remote_addr *ret_task)
{
    const struct python_layout *layout = tasks->layout;
    uint32_t callback_at = objects_head_bytes(layout) + 8;
    remote_addr handle, callback;
    if (!peek_u64(cells, walk->frames[root + 1].address + layout->frame.locals, &handle))
        return false;
    handle &= ~layout->tag_mask;
    return objects_kind(&tasks->objects, cells, handle) == OBJECT_HANDLE &&
           peek_object(cells, handle + callback_at, &callback) &&
           awaiters_of_callback(tasks, cells, callback, ret_task, 1) == 1 &&
           has_coroutine(tasks, cells, *ret_task, walk->frames[root].generator);
}

static void read_name(struct tasks *tasks, struct cells *cells, struct task_met *met)
{
    const struct python_layout *layout = tasks->layout;
    uint32_t head = objects_head_bytes(layout), header = layout->unicode.ascii_bytes;
    uint8_t data[PYTHON_TEXT_BYTES_MAX + 8];
    struct python_text text;
    remote_addr name;
    if (!peek_object(cells, met->address + tasks->offsets.task.name, &name))
        return;
    enum object_kind kind = objects_kind(&tasks->objects, cells, name);
    if (kind == OBJECT_NUMBER) {
        uint32_t digit; /* the lowest, of 30 bits; lv_tag before it (3.12+) */
        if (peek_u32(cells, name + head + 8, &digit))
            met->number = digit;
        return;
    }
    /* Names that are instances of a subclass of str keep their text elsewhere: those are left out.
     */
    if (kind != OBJECT_TEXT || !cells_read(cells, name, data, header) ||
        !python_text_parse(layout, data, header, &text))
        return;
    size_t count = text.length < TASK_NAME_MAX ? (size_t)text.length : TASK_NAME_MAX;
    if (!cells_read(cells, name + text.inline_at, met->name, count * text.unit_bytes))
        return;
    met->name_count = (uint32_t)count;
    met->name_unit_bytes = (uint8_t)text.unit_bytes;
}

/* Notes a task and where it begins; `code` is that of its coroutine. False when there is no room.
 */
static bool meet(struct tasks *tasks, struct cells *cells, remote_addr task, uint32_t code)
{
    if (tasks->met_count == TASKS_MET_MAX || tasks->frame_count == TASKS_FRAMES_MAX)
        return false;
    for (size_t i = 0; i < tasks->met_count; i++)
        if (tasks->met[i].address == task)
            return false;
    struct task_met *met = &tasks->met[tasks->met_count++];
    *met = (struct task_met){.address = task};
    read_name(tasks, cells, met);
    tasks->frames[tasks->frame_count++] =
        (struct walk_frame){.met = code, .is_complete = true, .task = (uint32_t)tasks->met_count};
    return true;
}

/* Appends a task's suspended coroutines, innermost first, and where it begins. */
static bool take(struct tasks *tasks, struct cells *cells, struct codes *codes, remote_addr task)
{
    struct walk_frame chain[COROUTINES_MAX];
    remote_addr coroutine;
    if (!is_task(tasks, cells, task) ||
        !peek_object(cells, task + tasks->offsets.task.coroutine, &coroutine))
        return false;
    size_t count = coroutines_follow(&tasks->objects, cells, codes, coroutine, chain);
    if (count == 0 || count >= TASKS_FRAMES_MAX - tasks->frame_count)
        return false;
    size_t before = tasks->frame_count;
    for (size_t i = count; i-- > 0;)
        tasks->frames[tasks->frame_count++] = chain[i];
    if (meet(tasks, cells, task, chain[0].met))
        return true;
    tasks->frame_count = before;
    return false;
}

/* As long as exactly one awaits. */
static void follow_awaiters(struct tasks *tasks, struct cells *cells, struct codes *codes,
                            remote_addr task)
{
    for (;;) {
        struct task_met *last = &tasks->met[tasks->met_count - 1];
        size_t count = tasks_find_awaiters(tasks, cells, task, &task, 1);
        last->has_others = count > 1;
        if (count != 1 || !take(tasks, cells, codes, task))
            return;
    }
}

/* Puts the frames that were collected behind the frame `root`. The outermost may have to go. */
static void splice(const struct tasks *tasks, struct walk *walk, size_t root)
{
    size_t at = root + 1, count = tasks->frame_count, behind = walk->count - at;
    if (count > WALK_FRAMES_MAX - at)
        count = WALK_FRAMES_MAX - at;
    size_t room = WALK_FRAMES_MAX - at - count;
    walk->truncated |= behind > room || count < tasks->frame_count;
    if (behind > room)
        behind = room;
    memmove(walk->frames + at + count, walk->frames + at, behind * sizeof(*walk->frames));
    memcpy(walk->frames + at, tasks->frames, count * sizeof(*walk->frames));
    walk->count = at + count + behind;
}

static void insert_at(struct tasks *tasks, struct cells *cells, struct codes *codes,
                      struct walk *walk, remote_addr task, size_t root)
{
    tasks->frame_count = 0;
    if (!meet(tasks, cells, task, walk->frames[root].met))
        return;
    follow_awaiters(tasks, cells, codes, task);
    splice(tasks, walk, root);
}

/* From the outermost on, since event loops are at the bottom of stacks, and what is inserted moves
 * only what is further out. */
static void insert_called(struct tasks *tasks, struct cells *cells, struct codes *codes,
                          struct walk *walk)
{
    int tried = 0;
    for (size_t i = walk->count; i-- > 1 && tried < CALLS_MAX;) {
        remote_addr task;
        if (!walk->frames[i - 1].generator || walk->frames[i].generator || walk->frames[i].task)
            continue;
        tried++;
        if (is_called(tasks, cells, walk, i - 1, &task))
            insert_at(tasks, cells, codes, walk, task, i - 1);
    }
}

/* One stack may run several tasks: one that was begun at once by another (eager tasks, 3.12), or in
 * an event loop inside of a task. */
void tasks_insert(struct tasks *tasks, const struct thread_state *state, struct cells *cells,
                  struct codes *codes, struct walk *walk)
{
    remote_addr task;
    size_t root;
    tasks->met_count = 0;
    if (tasks->offsets.thread.running != PYTHON_ABSENT &&
        find_told(tasks, state, cells, walk, &task, &root))
        insert_at(tasks, cells, codes, walk, task, root);
    insert_called(tasks, cells, codes, walk);
}

bool tasks_take(struct tasks *tasks, struct cells *cells, struct codes *codes, remote_addr task,
                struct walk *walk)
{
    tasks->met_count = tasks->frame_count = 0;
    walk->truncated = false;
    if (!tasks->is_known || !is_task(tasks, cells, task))
        return false;
    if (!take(tasks, cells, codes, task)) /* it runs, or has not begun: a name and no frames */
        meet(tasks, cells, task, 0);
    walk->count = tasks->frame_count ? tasks->frame_count - 1 : 0;
    memcpy(walk->frames, tasks->frames, walk->count * sizeof(*walk->frames));
    return true;
}
