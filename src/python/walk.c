/* The chain of frames of one thread (_PyInterpreterFrame, 3.11 and later; before, PyFrameObject on
 * the heap). Knows how frames are linked and what a chain that was caught half made looks like;
 * knows nothing of names and lines. */
#include "walk.h"
#include "link.h"
#include "peek.h"

#include "base/bytes.h"

#include <errno.h>
#include <string.h>

#define CHUNK_BYTES_USUAL (16 << 10) /* DATA_STACK_CHUNK_SIZE, Python/pystate.c */
#define CHUNK_BYTES_MAX   (64 << 20)
#define CHUNK_HEAD_BYTES  24 /* _PyStackChunk: previous, size, top */

/* From 3.11 on an eval loop runs several frames, and the first of them can be told. */
static bool has_entries(const struct python_layout *layout)
{
    return layout->frame.owner != PYTHON_ABSENT;
}

static int read_link(struct walk *walk, struct windows *windows, const struct python_layout *layout,
                     remote_addr address, struct link *ret_link)
{
    const uint8_t *data = has_entries(layout) ? NULL : chain_get(&walk->chain, address);
    int r = data ? 0 : windows_get(windows, address, layout->frame.bytes, &data);
    if (r < 0)
        return r;
    link_parse(layout, address, data, ret_link);
    return 0;
}

/* Moves the window's idea of the chunk to the next older one when `address` lies there. */
static void follow_chunk(struct windows *windows, remote_addr address)
{
    const uint8_t *head;
    remote_addr start = windows->chunk_start;
    if (start == 0 || (address >= start && address < windows->chunk_end) ||
        windows_get(windows, start, CHUNK_HEAD_BYTES, &head) < 0)
        return;
    remote_addr older = load_u64(head);
    if (!is_object(older) || address < older || address - older >= CHUNK_BYTES_MAX)
        return;
    uint64_t size = CHUNK_BYTES_USUAL;
    if (address - older >= size) {
        if (windows_get(windows, older, CHUNK_HEAD_BYTES, &head) < 0)
            return;
        size = load_u64(head + 8);
    }
    if (size <= CHUNK_BYTES_MAX && address - older < size)
        windows_set_chunk(windows, older, older + size);
}

static void start_chunk(struct windows *windows, const struct thread_state *state)
{
    if (is_object(state->chunk) && state->chunk_limit > state->chunk &&
        state->chunk_limit - state->chunk <= CHUNK_BYTES_MAX)
        windows_set_chunk(windows, state->chunk, state->chunk_limit);
}

/* The struct that the innermost eval loop of 3.11 and 3.12 keeps on the C stack. */
struct cframe {
    remote_addr frame, outer_frame;
    bool has_outer;
};

static int read_cframe(struct windows *windows, const struct python_layout *layout,
                       remote_addr address, struct cframe *ret_cframe)
{
    uint32_t bytes = (layout->cframe.frame > layout->cframe.previous ? layout->cframe.frame
                                                                     : layout->cframe.previous) +
                     8;
    const uint8_t *data;
    if (!is_object(address))
        return -EFAULT;
    int r = windows_get(windows, address, bytes, &data);
    if (r < 0)
        return r;
    struct cframe cframe = {.frame = load_u64(data + layout->cframe.frame)};
    remote_addr outer = load_u64(data + layout->cframe.previous);
    if (outer) {
        if (!is_object(outer))
            return -EFAULT;
        r = windows_get(windows, outer, bytes, &data);
        if (r < 0)
            return r;
        cframe.outer_frame = load_u64(data + layout->cframe.frame);
        cframe.has_outer = true;
    }
    *ret_cframe = cframe;
    return 0;
}

/* Where the walk stands. */
struct position {
    struct link last;
    size_t steps;
    remote_addr base_frame;
    remote_addr cframe; /* of the innermost loop (3.11, 3.12) */
    uint32_t loops;     /* passed */
    bool entered; /* the first frame of the innermost eval loop was passed */
};

/* Looks at one frame. 0, PYTHON_STACK_TORN or a negative errno. */
static int step(struct walk *walk, struct walk_part *part, const struct python_layout *layout,
                remote_addr address, struct windows *windows, struct codes *codes,
                struct position *position)
{
    uint32_t ignored;
    if (!is_object(address) || !addresses_add(&walk->visited, address, &ignored))
        return PYTHON_STACK_TORN;
    follow_chunk(windows, address);
    int r = read_link(walk, windows, layout, address, &position->last);
    if (r < 0)
        return r == -EFAULT ? PYTHON_STACK_TORN : r;

    const struct link *link = &position->last;
    position->steps++;
    if (link->owner > LINK_OWNER_MAX || (!layout->has_shims && link->owner >= LINK_OWNER_SHIM))
        return PYTHON_STACK_TORN;
    if (link->owner >= LINK_OWNER_SHIM) {
        /* The frame that stands for "none runs" is no loop's (3.15), all others are on the C stack.
         */
        if (!part->entry && address != position->base_frame)
            part->entry = address;
        if (walk->count > part->start && !walk->frames[walk->count - 1].loop)
            walk->frames[walk->count - 1].loop = address;
        return 0;
    }
    struct walk_frame *frame = &walk->frames[walk->count];
    *frame = (struct walk_frame){
        .address = address,
        .loop = has_entries(layout) ? 0 : 1,
        .generator = link->generator,
        .is_complete = !has_entries(layout) || link->owner == LINK_OWNER_GENERATOR,
        .tlbc_index = link->tlbc_index,
        .offset = link->offset,
    };
    if (!is_object(link->code) || !codes_meet(codes, link->code, &frame->met))
        return PYTHON_STACK_TORN;
    walk->count++;
    if (link->is_entry) {
        frame->loop = position->cframe;
        frame->loop_depth = position->loops++;
    }
    return 0;
}

/* The first frame of an eval loop: a shim, or marked in 3.11. */
static bool is_first(const struct python_layout *layout, const struct link *link)
{
    return layout->has_shims ? link->owner >= LINK_OWNER_SHIM : link->is_entry;
}

void walk_begin(struct walk *walk)
{
    walk->count = walk->parts_count = 0;
    walk->truncated = false;
}

int walk_frames(struct walk *walk, const struct python_layout *layout,
                const struct thread_state *state, struct windows *windows, struct codes *codes)
{
    struct position position = {.base_frame = state->base_frame, .cframe = state->cframe};
    struct cframe cframe = {.frame = state->frame};
    struct walk_part *part = &walk->parts[walk->parts_count++];
    *part = (struct walk_part){.start = walk->count, .state = walk->parts_count - 1};
    addresses_clear(&walk->visited);
    start_chunk(windows, state);
    if (!has_entries(layout))
        chain_begin(&walk->chain, windows->memory, state->address, layout->frame.bytes);
    if (layout->thread.cframe != PYTHON_ABSENT) {
        int r = read_cframe(windows, layout, state->cframe, &cframe);
        if (r < 0)
            return r == -EFAULT ? PYTHON_STACK_TORN : r;
        part->entry = state->cframe;
        /* Only the cframe inside the thread state, which no eval loop owns, may have no frame. */
        if (!cframe.frame && state->cframe - state->address >= THREAD_ROOT_CFRAME_MAX)
            return PYTHON_STACK_TORN;
    }

    for (remote_addr at = cframe.frame; at; at = position.last.previous) {
        if (walk->count == WALK_FRAMES_MAX || position.steps == WALK_STEPS_MAX) {
            walk->truncated = true;
            break;
        }
        int r = step(walk, part, layout, at, windows, codes, &position);
        if (r != 0)
            return r;
        if (at == cframe.frame) {
            part->head = at;
            part->head_code = position.last.code;
            part->head_previous = position.last.previous;
        }
        /* Python 3.11 and 3.12 publish the cframe of a new eval loop before they fill it in. What
         * then lies there is from an earlier call and need not be readable; if it is, it is
         * unlikely to continue where the eval loop around it stands. */
        if (!position.entered && is_first(layout, &position.last)) {
            position.entered = true;
            if (cframe.has_outer && position.last.previous != cframe.outer_frame)
                return PYTHON_STACK_TORN;
        }
    }
    /* Each eval loop starts with such a frame, also the outermost. */
    if (position.steps && !walk->truncated && has_entries(layout) &&
        !is_first(layout, &position.last))
        return PYTHON_STACK_TORN;
    part->count = walk->count - part->start;
    return 0;
}

/* The C stack grows down, so the innermost eval loop has the lowest address. Before 3.11 nothing
 * tells; then the newest interpreter, which comes first, is taken for the innermost. */
static bool is_inside(const struct walk_part *one, const struct walk_part *other)
{
    return one->entry && other->entry && one->entry < other->entry;
}

void walk_order(struct walk *walk)
{
    struct walk_part *parts = walk->parts;
    bool moved = false;
    for (size_t i = 1; i < walk->parts_count; i++) {
        for (size_t k = i; k > 0 && is_inside(&parts[k], &parts[k - 1]); k--) {
            struct walk_part part = parts[k];
            parts[k] = parts[k - 1];
            parts[k - 1] = part;
            moved = true;
        }
    }
    if (!moved)
        return;
    size_t count = 0;
    memcpy(walk->moved, walk->frames, walk->count * sizeof(*walk->frames));
    for (size_t i = 0; i < walk->parts_count; i++) {
        memcpy(walk->frames + count, walk->moved + parts[i].start,
               parts[i].count * sizeof(*walk->frames));
        parts[i].start = count;
        count += parts[i].count;
    }
}
