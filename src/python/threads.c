/* The lists of interpreters and thread states. Knows how they are linked and when a copy of them is
 * out of date; knows nothing of frames. Other threads of the target may be running and changing
 * them. */
#include "threads.h"

#include "base/bytes.h"

#include <errno.h>
#include <string.h>

#define UNIQUE_CHECKED_MAX 512 /* beyond, telling that all are different would take too long */

static bool is_address(remote_addr address)
{
    return address >= 4096 && address < UINT64_C(1) << 56 && address % 8 == 0;
}

/* A thread state has two views: as bytes, and what they say. */
static void parse_state(const struct python_layout *layout, remote_addr address,
                        const uint8_t *data, struct thread_state *ret_state)
{
    *ret_state = (struct thread_state){
        .address = address,
        .interpreter = load_u64(data + layout->thread.interp),
    };
    if (layout->thread.chunk != PYTHON_ABSENT) {
        ret_state->chunk = load_u64(data + layout->thread.chunk);
        ret_state->chunk_top = load_u64(data + layout->thread.chunk + 8);
        ret_state->chunk_limit = load_u64(data + layout->thread.chunk + 16);
    }
    if (layout->thread.cframe != PYTHON_ABSENT)
        ret_state->cframe = load_u64(data + layout->thread.cframe);
    else
        ret_state->frame = load_u64(data + layout->thread.frame);
    if (layout->thread.base_frame != PYTHON_ABSENT)
        ret_state->base_frame = load_u64(data + layout->thread.base_frame);
}

/* Whether it is about to run Python code. Exact where the thread state holds the frame. */
static bool has_frames(const struct python_layout *layout, const struct thread_state *state)
{
    if (layout->thread.cframe == PYTHON_ABSENT)
        return state->frame != 0 && state->frame != state->base_frame;
    return state->cframe - state->address >= THREAD_ROOT_CFRAME_MAX;
}

/* The number of the thread that a state belongs to. 0 or a negative errno. */
static int identify(const struct python_runtime *runtime, const struct memory *memory,
                    const uint8_t *data, struct thread_entry *entry)
{
    const struct python_layout *layout = &runtime->layout;
    if (layout->thread.native_id != PYTHON_ABSENT) {
        uint64_t tid = load_u64(data + layout->thread.native_id);
        entry->tid = tid <= INT32_MAX ? (pid_t)tid : 0;
        return 0;
    }
    uint32_t tid = 0;
    remote_addr pthread = load_u64(data + layout->thread.pthread);
    int r = is_address(pthread) ? memory_read_u32(memory, pthread + runtime->pthread_tid, &tid) : 0;
    if (r < 0 && r != -EFAULT)
        return r;
    /* A thread that has ended may have left its state, but not its stack. */
    if (r == 0 && tid <= INT32_MAX) {
        entry->tid = (pid_t)tid;
        entry->pthread = pthread;
    }
    return 0;
}

/* Walks the thread states of one interpreter. 0, PYTHON_STACK_TORN or a negative errno. */
static int walk_threads(struct threads *threads, const struct python_runtime *runtime,
                        const struct memory *memory, uint32_t interpreter)
{
    const struct python_layout *layout = &runtime->layout;
    uint8_t data[PYTHON_THREAD_BYTES_MAX];
    const struct interpreter_entry *owner = &threads->interpreters[interpreter];
    remote_addr state = load_u64(owner->mark + 8);
    while (state) {
        if (threads->count == THREADS_MAX) {
            threads->is_settled = false;
            return 0;
        }
        int r =
            is_address(state) ? memory_read(memory, state, data, layout->thread.bytes) : -EFAULT;
        if (r < 0)
            return r == -EFAULT ? PYTHON_STACK_TORN : r;
        if (load_u64(data + layout->thread.interp) != owner->address)
            return PYTHON_STACK_TORN; /* freed while we looked */
        struct thread_entry *entry = &threads->entries[threads->count++];
        *entry = (struct thread_entry){.interpreter = interpreter, .state = state};
        r = identify(runtime, memory, data, entry);
        if (r < 0)
            return r;
        state = load_u64(data + layout->thread.next);
    }
    return 0;
}

/* A state without a thread, or with one that another state has too, is about to get its own: 3.12
 * and later start with 0, earlier ones with the number of the thread that made it. */
static bool is_settled(const struct threads *threads)
{
    if (threads->count > UNIQUE_CHECKED_MAX)
        return false;
    for (size_t i = 0; i < threads->count; i++) {
        if (threads->entries[i].tid == 0)
            return false;
        for (size_t k = 0; k < i; k++)
            if (threads->entries[k].tid == threads->entries[i].tid)
                return false;
    }
    return true;
}

/* What to read for an interpreter's mark; returns how many spans. */
static size_t mark_spans(const struct python_layout *layout, remote_addr interpreter,
                         uint8_t mark[MARK_BYTES], struct memory_span *spans)
{
    spans[0] = (struct memory_span){interpreter + layout->interpreter.threads_made, mark, 8};
    spans[1] = (struct memory_span){interpreter + layout->interpreter.threads_head, mark + 8, 8};
    return 2;
}

int python_threads_walk(struct threads *threads, const struct python_runtime *runtime,
                        const struct memory *memory)
{
    const struct python_layout *layout = &runtime->layout;
    threads->is_known = false;
    threads->count = threads->interpreters_count = 0;
    int r = memory_read_u64(memory, runtime->address + layout->runtime.interpreters_head,
                            &threads->head);
    if (r < 0)
        return r == -EFAULT ? PYTHON_STACK_TORN : r;

    threads->is_settled = true;
    for (remote_addr at = threads->head; at;) {
        if (threads->interpreters_count == INTERPRETERS_MAX) {
            threads->is_settled = false;
            break;
        }
        uint32_t index = (uint32_t)threads->interpreters_count++;
        struct interpreter_entry *entry = &threads->interpreters[index];
        entry->address = at;
        remote_addr next;
        struct memory_span spans[3];
        size_t count = mark_spans(layout, at, entry->mark, spans);
        spans[count++] = (struct memory_span){at + layout->interpreter.next, &next, sizeof(next)};
        r = is_address(at) ? memory_read_spans(memory, spans, count) : 0;
        if (r < (int)count)
            return r < 0 && r != -EFAULT ? r : PYTHON_STACK_TORN;
        r = walk_threads(threads, runtime, memory, index);
        if (r != 0)
            return r;
        at = next;
    }
    threads->is_settled = threads->is_settled && is_settled(threads);
    threads->is_known = true;
    return 0;
}

/* What one vectored read brings. */
struct look {
    const struct thread_entry *candidates[THREAD_STATES_MAX];
    size_t count;
    uint8_t states[THREAD_STATES_MAX][PYTHON_THREAD_BYTES_MAX];
    uint64_t generations[THREAD_STATES_MAX];
    uint32_t tids[THREAD_STATES_MAX]; /* as libc has them */
    uint8_t marks[INTERPRETERS_MAX][MARK_BYTES];
    remote_addr head;
    bool head_changed, list_changed;
};

/* Reads the states that the list knows for `tid`, and whether the list still holds. 0 or a negative
 * errno. */
static int look_at(const struct threads *threads, const struct python_runtime *runtime,
                   const struct memory *memory, pid_t tid, struct thread_extras *extras,
                   struct look *look)
{
    const struct python_layout *layout = &runtime->layout;
    struct memory_span spans[1 + 2 * INTERPRETERS_MAX + 3 * THREAD_STATES_MAX + THREAD_EXTRAS_MAX];
    size_t n = 0;
    look->count = 0;
    spans[n++] = (struct memory_span){runtime->address + layout->runtime.interpreters_head,
                                      &look->head, sizeof(look->head)};
    for (size_t i = 0; i < threads->interpreters_count; i++)
        n += mark_spans(layout, threads->interpreters[i].address, look->marks[i], spans + n);
    for (size_t i = 0; i < threads->count && look->count < THREAD_STATES_MAX; i++) {
        const struct thread_entry *entry = &threads->entries[i];
        if (entry->tid != tid)
            continue;
        size_t at = look->count++;
        look->candidates[at] = entry;
        look->generations[at] = 0;
        spans[n++] = (struct memory_span){entry->state, look->states[at], layout->thread.bytes};
        if (layout->interpreter.code_generation != PYTHON_ABSENT)
            spans[n++] =
                (struct memory_span){threads->interpreters[entry->interpreter].address +
                                         layout->interpreter.code_generation,
                                     &look->generations[at], sizeof(look->generations[at])};
        if (entry->pthread)
            spans[n++] = (struct memory_span){entry->pthread + runtime->pthread_tid,
                                              &look->tids[at], sizeof(look->tids[at])};
    }
    size_t extra = extras->count < THREAD_EXTRAS_MAX ? extras->count : THREAD_EXTRAS_MAX;
    memcpy(spans + n, extras->spans, extra * sizeof(*spans));
    int r = memory_read_spans(memory, spans, n + extra);
    extras->done = r > 0 && (size_t)r > n ? (size_t)r - n : 0;
    if (r < 0)
        return r;
    if ((size_t)r < n)
        return -EFAULT;
    look->head_changed = look->head != threads->head;
    look->list_changed = look->head_changed;
    for (size_t i = 0; i < threads->interpreters_count; i++)
        if (memcmp(look->marks[i], threads->interpreters[i].mark, MARK_BYTES) != 0)
            look->list_changed = true;
    return 0;
}

/* Whether a state that the list has for `tid` still is that thread's. */
static bool belongs(const struct python_layout *layout, const struct look *look, size_t at,
                    pid_t tid)
{
    const uint8_t *data = look->states[at];
    remote_addr pthread = look->candidates[at]->pthread;
    if (pthread)
        return load_u64(data + layout->thread.pthread) == pthread &&
               look->tids[at] == (uint32_t)tid;
    return load_u64(data + layout->thread.native_id) == (uint64_t)tid;
}

/* The states that run code. A thread inside a sub-interpreter has one in each that it came through.
 * Without any, one that is the thread's. Returns how many. */
static size_t choose(const struct threads *threads, const struct python_layout *layout, pid_t tid,
                     const struct look *look, struct thread_states *ret_states)
{
    struct thread_states *found = ret_states;
    bool runs = false;
    found->count = 0;
    for (size_t i = 0; i < look->count; i++) {
        const struct thread_entry *entry = look->candidates[i];
        struct thread_state state;
        parse_state(layout, entry->state, look->states[i], &state);
        state.code_generation = look->generations[i];
        if (!belongs(layout, look, i, tid) ||
            state.interpreter != threads->interpreters[entry->interpreter].address ||
            (found->count && !has_frames(layout, &state)))
            continue;
        if (!runs)
            found->count = 0; /* what was found so far runs nothing */
        found->items[found->count++] = state;
        runs = has_frames(layout, &state);
    }
    return found->count;
}

int python_threads_find(struct threads *threads, const struct python_runtime *runtime,
                        const struct memory *memory, pid_t tid, struct thread_extras *extras,
                        struct thread_states *ret_states)
{
    const struct python_layout *layout = &runtime->layout;
    struct look look;
    int r;
    if (threads->is_known) {
        r = look_at(threads, runtime, memory, tid, extras, &look);
        if (r < 0 && r != -EFAULT)
            return r;
        if (r == 0 && choose(threads, layout, tid, &look, ret_states)) {
            /* New threads do not matter to a state that is still its thread's and runs; with one
             * interpreter there is no other state that it could be. */
            if (!look.list_changed || (!look.head_changed && threads->interpreters_count == 1 &&
                                       has_frames(layout, &ret_states->items[0])))
                return 0;
        } else if (r == 0 && !look.list_changed && threads->is_settled && look.count == 0) {
            return PYTHON_STACK_NO_THREAD;
        }
    }
    r = python_threads_walk(threads, runtime, memory);
    if (r != 0)
        return r;
    r = look_at(threads, runtime, memory, tid, extras, &look);
    if (r < 0)
        return r == -EFAULT ? PYTHON_STACK_TORN : r;
    return choose(threads, layout, tid, &look, ret_states) ? 0 : PYTHON_STACK_NO_THREAD;
}
