/* Who awaits a task. From 3.14 on the task says it (task_awaited_by). Before, it only knows whom to
 * call when it is done, and from there it is one or several steps to a task:
 *
 *     await task          the waiting task's own method, or an object that wakes it
 *     gather(), wait()    a function that has a future in its closure, which a task awaits
 *     wait_for()          a partial call with such a future as its argument (3.8 to 3.11)
 *     TaskGroup           a method of the group, which knows its task (3.11 to 3.13)
 *
 * What leads elsewhere leads nowhere here: then nobody is said to await it. */
#include "awaiters.h"
#include "peek.h"

#define STEPS_MAX        4   /* from a task to one that awaits it */
#define CALLBACKS_MAX    64  /* of one future */
#define CALLBACKS_ALL    256 /* of all that are looked at in one search */
#define VALUES_MAX       16  /* of one closure, or arguments */
#define SET_SLOTS_MAX    4096
#define GROUP_FIELDS_MAX 16 /* attributes of a TaskGroup: it has 9 (3.11) or 10 */

/* What was found so far. */
struct search {
    struct tasks *tasks;
    struct cells *cells;
    remote_addr *found;
    size_t count, max;
    int steps, calls;
};

static void add(struct search *search, remote_addr task)
{
    for (size_t i = 0; i < search->count && i < search->max; i++)
        if (search->found[i] == task)
            return;
    if (search->count < search->max)
        search->found[search->count] = task;
    search->count++;
}

static enum object_kind kind_of(const struct search *search, remote_addr object)
{
    return objects_kind(&search->tasks->objects, search->cells, object);
}

static void follow_callback(struct search *search, remote_addr callback);

/* All that are called when a future is done: the first has a place of its own, others are in a list
 * of pairs (callback, context). */
static void follow_future(struct search *search, remote_addr future)
{
    const struct task_layout *offsets = &search->tasks->offsets;
    uint32_t head = objects_head_bytes(search->tasks->layout);
    remote_addr first, list, items, pair, callback;
    uint64_t count;
    if (search->steps == STEPS_MAX)
        return;
    search->steps++;
    if (peek_object(search->cells, future + offsets->future.callback, &first))
        follow_callback(search, first);
    /* PyListObject: ob_size, ob_item. A tuple's items begin where a list has ob_item. */
    if (peek_object(search->cells, future + offsets->future.callbacks, &list) &&
        peek_u64(search->cells, list + head, &count) && count <= CALLBACKS_MAX &&
        peek_object(search->cells, list + head + 8, &items))
        for (uint64_t i = 0; i < count; i++)
            if (peek_object(search->cells, items + 8 * i, &pair) &&
                peek_object(search->cells, pair + head + 8, &callback))
                follow_callback(search, callback);
    search->steps--;
}

/* The futures among the arguments of a partial call. */
static void follow_arguments(struct search *search, remote_addr partial)
{
    uint32_t head = objects_head_bytes(search->tasks->layout);
    remote_addr arguments, value;
    uint64_t count;
    /* partialobject: fn, args (Modules/_functoolsmodule.c) */
    if (!peek_object(search->cells, partial + head + 8, &arguments) ||
        !peek_u64(search->cells, arguments + head, &count) || count > VALUES_MAX)
        return;
    for (uint64_t i = 0; i < count; i++)
        if (peek_object(search->cells, arguments + head + 8 + 8 * i, &value) &&
            kind_of(search, value) == OBJECT_FUTURE)
            follow_future(search, value);
}

/* The futures that a function has in its closure. The tasks that it waits for are no futures here,
 * but tasks. */
static void follow_closure(struct search *search, remote_addr function)
{
    uint32_t head = objects_head_bytes(search->tasks->layout);
    remote_addr closure, cell, value;
    uint64_t count;
    if (!peek_object(search->cells, function + search->tasks->layout->function.closure, &closure) ||
        !peek_u64(search->cells, closure + head, &count) || count > VALUES_MAX)
        return;
    for (uint64_t i = 0; i < count; i++)
        if (peek_object(search->cells, closure + head + 8 + 8 * i, &cell) &&
            peek_object(search->cells, cell + head, &value) &&
            kind_of(search, value) == OBJECT_FUTURE)
            follow_future(search, value);
}

/* Where an instance of a class that is written in Python keeps its attributes, up to 3.13. 0: in a
 * dictionary of its own. */
static remote_addr find_attributes(const struct search *search, remote_addr object)
{
    unsigned minor = search->tasks->layout->minor;
    uint64_t word;
    if (minor == 11 && peek_object(search->cells, object - 32, &word))
        return word;
    if (minor == 12 && peek_u64(search->cells, object - 24, &word) && word % 2 == 1)
        return word + 1;
    /* struct _dictvalues: four bytes of sizes and flags, then the values; the object itself has no
     * field but its head. */
    if (minor == 13)
        return object + objects_head_bytes(search->tasks->layout) + 8;
    return 0;
}

/* The only task among a group's attributes is _parent_task; those that it looks after are in a set.
 */
static void follow_group(struct search *search, remote_addr group)
{
    remote_addr attributes = find_attributes(search, group), value;
    for (uint64_t i = 0; attributes && i < GROUP_FIELDS_MAX; i++) {
        if (!peek_u64(search->cells, attributes + 8 * i, &value))
            return;
        if (is_object(value) && kind_of(search, value) == OBJECT_TASK) {
            add(search, value);
            return;
        }
    }
}

static void follow_callback(struct search *search, remote_addr callback)
{
    uint32_t head = objects_head_bytes(search->tasks->layout);
    remote_addr self;
    if (search->calls++ >= CALLBACKS_ALL)
        return;
    switch (kind_of(search, callback)) {
    case OBJECT_TASK_CALL: /* sw_task, ww_task */
        if (peek_object(search->cells, callback + head, &self) &&
            kind_of(search, self) == OBJECT_TASK)
            add(search, self);
        break;
    case OBJECT_BUILTIN: /* PyCFunctionObject: m_ml, m_self */
        if (peek_object(search->cells, callback + head + 8, &self) &&
            kind_of(search, self) == OBJECT_TASK)
            add(search, self);
        break;
    case OBJECT_METHOD: /* PyMethodObject: im_func, im_self */
        if (peek_object(search->cells, callback + head + 8, &self) &&
            kind_of(search, self) == OBJECT_TASK_GROUP)
            follow_group(search, self);
        break;
    case OBJECT_FUNCTION:
        follow_closure(search, callback);
        break;
    case OBJECT_PARTIAL:
        follow_arguments(search, callback);
        break;
    default:
        break;
    }
}

/* The slots of a set: entries of an object and its hash. */
static void follow_set(struct search *search, remote_addr set)
{
    typeof(search->tasks->layout->set) at = search->tasks->layout->set;
    remote_addr table, object;
    uint64_t used, mask;
    if (!peek_u64(search->cells, set + at.used, &used) ||
        !peek_u64(search->cells, set + at.mask, &mask) || mask >= SET_SLOTS_MAX ||
        !peek_object(search->cells, set + at.table, &table))
        return;
    for (uint64_t i = 0; i <= mask && search->count < used; i++)
        if (peek_object(search->cells, table + 16 * i, &object) &&
            kind_of(search, object) == OBJECT_TASK)
            add(search, object);
}

size_t awaiters_of_callback(struct tasks *tasks, struct cells *cells, remote_addr callback,
                            remote_addr *found, size_t max)
{
    struct search search = {.tasks = tasks, .cells = cells, .found = found, .max = max};
    follow_callback(&search, callback);
    return search.count;
}

size_t tasks_find_awaiters(struct tasks *tasks, struct cells *cells, remote_addr task,
                           remote_addr *awaiters, size_t max)
{
    struct search search = {.tasks = tasks, .cells = cells, .found = awaiters, .max = max};
    const struct task_layout *offsets = &tasks->offsets;
    remote_addr told;
    uint8_t is_set;
    if (offsets->task.awaiters == PYTHON_ABSENT)
        follow_future(&search, task);
    else if (peek_object(cells, task + offsets->task.awaiters, &told) &&
             peek_u8(cells, task + offsets->task.awaiters_is_set, &is_set)) {
        if (is_set)
            follow_set(&search, told);
        else if (kind_of(&search, told) == OBJECT_TASK)
            add(&search, told);
    }
    return search.count;
}
