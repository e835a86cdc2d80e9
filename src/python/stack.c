/* Python stacks of threads: capture while the thread cannot move, names and lines afterwards. Ties
 * together threads, frames and code objects; knows none of their fields but what a position in code
 * means. */
#include "python/stack.h"
#include "gil.h"
#include "reader.h"

#include <errno.h>
#include <stdlib.h>

#define CODE_UNIT_BYTES 2
#define CODE_BYTES_MAX  (UINT64_C(1) << 29)
#define COPIES_MAX      65536 /* of one code object: one for each thread that ever was */

_Static_assert(WINDOWS_WISHES_MAX <= THREAD_EXTRAS_MAX, "all wishes go with the first read");

int python_reader_create(const struct python_runtime *runtime, const struct memory *memory,
                         struct python_reader **ret_reader)
{
    struct python_reader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        return -ENOMEM;
    reader->runtime = *runtime;
    reader->memory = memory;
    int r = codes_init(&reader->codes, &reader->runtime.layout);
    if (r < 0) {
        free(reader);
        return r;
    }
    tasks_init(&reader->tasks, &reader->runtime.layout);
    *ret_reader = reader;
    return 0;
}

void python_reader_destroy(struct python_reader *reader)
{
    if (!reader)
        return;
    codes_deinit(&reader->codes);
    task_names_deinit(&reader->task_names);
    buffer_deinit(&reader->task_name);
    free(reader);
}

/* Reads where the copies of code lie that frames run instead of the code object's own. 0,
 * PYTHON_STACK_TORN or a negative errno. */
static int read_copies(struct python_reader *reader)
{
    struct memory_span spans[WALK_FRAMES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < reader->walk.count; i++) {
        const struct walk_frame *frame = &reader->walk.frames[i];
        const struct code_met *met = &reader->codes.met[frame->met];
        if (frame->tlbc_index == 0 || met->state == CODE_FOREIGN)
            continue;
        if (frame->tlbc_index > COPIES_MAX || met->facts.tlbc == 0)
            return PYTHON_STACK_TORN;
        /* _PyCodeArray: Py_ssize_t size, char *entries[] (Include/cpython/code.h, 3.14). */
        spans[n++] = (struct memory_span){met->facts.tlbc + 8 + 8 * (uint64_t)frame->tlbc_index,
                                          &reader->copies[i], sizeof(reader->copies[i])};
    }
    int r = n ? memory_read_spans(reader->memory, spans, n) : 0;
    if (r < 0)
        return r == -EFAULT ? PYTHON_STACK_TORN : r;
    return (size_t)r < n ? PYTHON_STACK_TORN : 0;
}

/* A frame that is left out may have been the outermost of its loop: then the one before it is, if
 * it is of that loop. */
static void keep_loop(struct python_reader *reader, const struct walk_frame *frame)
{
    struct captured *last =
        reader->captured_count ? &reader->captured[reader->captured_count - 1] : NULL;
    if (!last || last->loop || !frame->loop)
        return;
    last->loop = frame->loop;
    last->loop_depth = frame->loop_depth;
}

/* Keeps the frames that are Python code in execution. False when one stands outside its code. */
static bool keep_frames(struct python_reader *reader)
{
    const struct python_layout *layout = &reader->runtime.layout;
    const struct walk *walk = &reader->walk;
    reader->captured_count = 0;
    reader->truncated = walk->truncated;
    for (size_t i = 0; i < walk->count; i++) {
        const struct walk_frame *frame = &walk->frames[i];
        const struct code_met *met = &reader->codes.met[frame->met];
        if (met->state == CODE_FOREIGN) {
            keep_loop(reader, frame);
            continue;
        }
        if (frame->task && reader->captured_count < PYTHON_FRAMES_MAX) {
            reader->captured[reader->captured_count++] =
                (struct captured){.met = frame->met, .task = frame->task};
            continue;
        }
        int64_t offset = frame->offset;
        remote_addr bytecode = 0;
        if (layout->code.instructions != PYTHON_ABSENT)
            bytecode = met->address + layout->code.instructions;
        if (frame->tlbc_index) {
            offset += (int64_t)(bytecode - reader->copies[i]);
            bytecode = reader->copies[i];
        }
        int64_t end = (int64_t)met->facts.units * CODE_UNIT_BYTES;
        if (offset < -CODE_UNIT_BYTES || offset >= end)
            return false;
        /* A function that is being entered, and the shim under a specialised class call in 3.13 and
         * later
         * (_Py_InitCleanup): CPython hides them too (_PyFrame_IsIncomplete, pycore_frame.h). */
        if (!frame->is_complete && offset < (int64_t)met->facts.first_traceable * CODE_UNIT_BYTES) {
            keep_loop(reader, frame);
            continue;
        }
        if (reader->captured_count == PYTHON_FRAMES_MAX) {
            reader->truncated = true;
            break;
        }
        reader->captured[reader->captured_count++] =
            (struct captured){.met = frame->met,
                              .offset = (int32_t)offset,
                              .loop = frame->loop,
                              .loop_depth = frame->loop_depth,
                              .bytecode = bytecode};
    }
    return true;
}

int reader_take_walk(struct python_reader *reader)
{
    int r = codes_read(&reader->codes, reader->memory);
    if (r == 0)
        r = read_copies(reader);
    return r == 1 || (r == 0 && !keep_frames(reader)) ? PYTHON_STACK_TORN : r;
}

int python_stack_capture(struct python_reader *reader, pid_t tid)
{
    const struct python_layout *layout = &reader->runtime.layout;
    struct memory_span wishes[WINDOWS_WISHES_MAX];
    struct thread_extras extras = {.spans = wishes};
    bool again = tid == reader->last_tid;
    reader->is_captured = reader->can_retry = false;
    extras.count = windows_begin(&reader->windows, reader->memory, again, wishes);
    reader->last_tid = tid;
    struct thread_states states;
    int r = python_threads_find(&reader->threads, &reader->runtime, reader->memory, tid, &extras,
                                &states);
    if (r != 0)
        return r;

    windows_grant(&reader->windows, extras.done);
    codes_begin(&reader->codes);
    walk_begin(&reader->walk);
    for (size_t i = 0; r == 0 && i < states.count; i++) {
        codes_enter(&reader->codes, states.items[i].interpreter, states.items[i].code_generation);
        r = walk_frames(&reader->walk, layout, &states.items[i], &reader->windows, &reader->codes);
    }
    if (r == 0) {
        walk_order(&reader->walk);
        const struct thread_state *state = &states.items[reader->walk.parts[0].state];
        reader->state = *state;
        codes_enter(&reader->codes, state->interpreter, state->code_generation);
        if (reader->tasks.is_known) {
            cells_begin(&reader->cells, reader->memory, again);
            tasks_insert(&reader->tasks, state, &reader->cells, &reader->codes, &reader->walk);
        }
        r = reader_take_walk(reader);
    }
    reader->is_captured = r == 0;
    reader->can_retry = r == PYTHON_STACK_TORN && layout->thread.cframe != PYTHON_ABSENT;
    return r;
}

int python_stack_confirm(const struct python_reader *reader)
{
    const struct python_layout *layout = &reader->runtime.layout;
    const struct walk_part *part = &reader->walk.parts[0];
    const struct thread_state *state = &reader->state;
    bool has_cframe = layout->thread.cframe != PYTHON_ABSENT;
    remote_addr anchor, head = 0, code = 0, previous = 0;
    struct memory_span spans[4];
    size_t count = 0;
    if (!reader->is_captured)
        return PYTHON_STACK_TORN;
    spans[count++] = (struct memory_span){
        state->address + (has_cframe ? layout->thread.cframe : layout->thread.frame), &anchor,
        sizeof(anchor)};
    if (has_cframe)
        spans[count++] =
            (struct memory_span){state->cframe + layout->cframe.frame, &head, sizeof(head)};
    if (part->head) {
        spans[count++] = (struct memory_span){part->head + layout->frame.code, &code, sizeof(code)};
        spans[count++] =
            (struct memory_span){part->head + layout->frame.previous, &previous, sizeof(previous)};
    }
    int r = memory_read_spans(reader->memory, spans, count);
    if (r < 0)
        return r;
    bool same = (size_t)r == count && anchor == (has_cframe ? state->cframe : state->frame) &&
                (!has_cframe || head == part->head) &&
                (!part->head || ((code & ~layout->tag_mask) == part->head_code &&
                                 previous == part->head_previous));
    return same ? 0 : PYTHON_STACK_TORN;
}

static int32_t find_line(struct python_reader *reader, uint32_t code_id, int32_t offset)
{
    size_t hash =
        (code_id * UINT32_C(0x9e3779b1)) ^ ((uint32_t)offset * UINT32_C(0x85ebca6b) >> 16);
    struct line_slot *slot = &reader->lines[hash % LINES_SLOTS];
    if (slot->code_id_plus_one != code_id + 1 || slot->offset != offset)
        *slot = (struct line_slot){.code_id_plus_one = code_id + 1,
                                   .offset = offset,
                                   .line = codes_find_line(&reader->codes, code_id, offset)};
    return slot->line;
}

void python_code_frame(struct python_reader *reader, uint32_t code_id, int32_t offset,
                       struct python_frame *ret_frame)
{
    const struct code *code = &reader->codes.items[code_id];
    *ret_frame = (struct python_frame){
        .file = code->file,
        .function = code->function,
        .line = find_line(reader, code_id, offset),
        .first_line = code->first_line,
        .code_id = code_id,
    };
}

static int resolve_task(struct python_reader *reader, const struct captured *captured,
                        struct python_frame *ret_frame)
{
    const struct task_met *met = &reader->tasks.met[captured->task - 1];
    uint32_t id = reader->codes.met[captured->met].id;
    *ret_frame = (struct python_frame){.file = PYTHON_TASK_FILE, .code_id = id};
    return task_names_get(&reader->task_names, met, reader->codes.items[id].function,
                          &ret_frame->function);
}

int python_stack_resolve(struct python_reader *reader, struct python_stack *ret_stack)
{
    if (!reader->is_captured)
        return PYTHON_STACK_TORN;
    int r = codes_settle(&reader->codes);
    if (r < 0)
        return r;
    for (size_t i = 0; i < reader->captured_count; i++) {
        uint32_t id = reader->codes.met[reader->captured[i].met].id;
        if (reader->captured[i].task) {
            r = resolve_task(reader, &reader->captured[i], &reader->frames[i]);
            if (r < 0)
                return r;
            continue;
        }
        python_code_frame(reader, id, reader->captured[i].offset, &reader->frames[i]);
    }
    *ret_stack = (struct python_stack){
        .frames = reader->frames, .count = reader->captured_count, .truncated = reader->truncated};
    return 0;
}

/* 3.8 to 3.10: a `bytes` that the code object points to. */
static int read_bytecode(struct python_reader *reader, remote_addr code, uint32_t id,
                         struct bytecode_slot *ret_slot)
{
    const struct python_layout *layout = &reader->runtime.layout;
    remote_addr object;
    uint64_t bytes;
    int r = memory_read_u64(reader->memory, code + layout->code.bytecode, &object);
    if (r == 0)
        r = memory_read_u64(reader->memory, object + layout->bytes.size, &bytes);
    if (r == 0)
        *ret_slot = (struct bytecode_slot){code, id, object + layout->bytes.data, bytes};
    return r == -EFAULT ? PYTHON_STACK_TORN : r;
}

int python_stack_bytecode(struct python_reader *reader, struct python_bytecode *ret_bytecode)
{
    if (!reader->is_captured || reader->captured_count == 0 || reader->captured[0].task)
        return PYTHON_STACK_TORN;
    const struct captured *captured = &reader->captured[0];
    const struct code_met *met = &reader->codes.met[captured->met];
    *ret_bytecode =
        (struct python_bytecode){captured->bytecode, met->facts.units * CODE_UNIT_BYTES, met->id};
    if (captured->bytecode)
        return 0;
    struct bytecode_slot *slot = &reader->bytecodes[address_hash(met->address) % BYTECODE_SLOTS];
    if (slot->code != met->address || slot->code_id != met->id) {
        int r = read_bytecode(reader, met->address, met->id, slot);
        if (r != 0)
            return r;
    }
    ret_bytecode->start = slot->start;
    ret_bytecode->bytes = slot->bytes;
    return slot->bytes > CODE_BYTES_MAX ? PYTHON_STACK_TORN : 0;
}

int python_stack_holds_gil(const struct python_reader *reader, bool *ret_holds)
{
    remote_addr holder;
    if (!reader->is_captured)
        return PYTHON_STACK_TORN;
    int r = gil_find_holder(&reader->runtime, reader->memory, reader->state.interpreter, &holder);
    if (r == 0)
        *ret_holds = holder == reader->state.address;
    return r;
}

bool python_reader_can_retry(const struct python_reader *reader)
{
    return reader->can_retry;
}

/* 3.11: from the innermost cframe outwards. 0: the chain is not there. */
static remote_addr follow_cframes(const struct python_reader *reader, python_word_fn read_word,
                                  void *context, const struct captured *captured)
{
    uint64_t cframe = captured->loop;
    for (uint32_t i = 0; i < captured->loop_depth && cframe; i++)
        if (!read_word(context, cframe + reader->runtime.layout.cframe.previous, &cframe))
            cframe = 0;
    return cframe;
}

size_t python_stack_entries(const struct python_reader *reader, python_word_fn read_word,
                            void *context, struct python_entry *ret_entries, size_t entries_max)
{
    const struct python_layout *layout = &reader->runtime.layout;
    bool has_marks = layout->frame.owner != PYTHON_ABSENT; /* up to 3.10 a loop runs one frame */
    size_t count = 0;
    if (!reader->is_captured)
        return 0;
    for (size_t i = 0; i < reader->captured_count && count < entries_max; i++) {
        const struct captured *captured = &reader->captured[i];
        if (!captured->loop)
            continue;
        remote_addr anchor = !has_marks ? 0
                             : layout->has_shims
                                 ? captured->loop
                                 : follow_cframes(reader, read_word, context, captured);
        ret_entries[count++] = (struct python_entry){.anchor = anchor, .frames_end = i + 1};
    }
    return count;
}
