/* The chain of frames of one thread (_PyInterpreterFrame, 3.11 and later; before, PyFrameObject on
 * the heap). Knows how frames are linked and what a chain that was caught half made looks like;
 * knows nothing of names and lines. */
#include "walk.h"

#include "base/bytes.h"

#include <errno.h>

#define OWNER_GENERATOR                                                                            \
    1 /* enum _frameowner, Include/internal/pycore_frame.h (3.11: pycore_frame.h) */
#define OWNER_SHIM        3 /* and above: FRAME_OWNED_BY_CSTACK, FRAME_OWNED_BY_INTERPRETER */
#define OWNER_MAX         4
#define CHUNK_BYTES_USUAL (16 << 10) /* DATA_STACK_CHUNK_SIZE, Python/pystate.c */
#define CHUNK_BYTES_MAX   (64 << 20)
#define CHUNK_HEAD_BYTES  24 /* _PyStackChunk: previous, size, top */

/* A frame, copied out. */
struct link {
    remote_addr code, previous;
    int64_t offset; /* of its instruction, in bytes */
    uint32_t tlbc_index;
    uint8_t owner;
    bool is_entry;
};

static bool is_address(remote_addr address)
{
    return address >= 4096 && address < UINT64_C(1) << 56 && address % 8 == 0;
}

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
    *ret_link = (struct link){
        .code = load_u64(data + layout->frame.code) & ~layout->tag_mask,
        .previous = load_u64(data + layout->frame.previous),
        .is_entry = layout->frame.is_entry != PYTHON_ABSENT && data[layout->frame.is_entry] == 1,
    };
    if (layout->frame.owner != PYTHON_ABSENT)
        ret_link->owner = data[layout->frame.owner];
    if (layout->frame.tlbc_index != PYTHON_ABSENT)
        ret_link->tlbc_index = load_u32(data + layout->frame.tlbc_index);
    if (layout->frame.last != PYTHON_ABSENT)
        ret_link->offset =
            (int64_t)(int32_t)load_u32(data + layout->frame.last) * layout->last_unit_bytes;
    else
        ret_link->offset = (int64_t)(load_u64(data + layout->frame.ip) -
                                     (ret_link->code + layout->code.instructions));
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
    if (!is_address(older) || address < older || address - older >= CHUNK_BYTES_MAX)
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
    if (is_address(state->chunk) && state->chunk_limit > state->chunk &&
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
    if (!is_address(address))
        return -EFAULT;
    int r = windows_get(windows, address, bytes, &data);
    if (r < 0)
        return r;
    struct cframe cframe = {.frame = load_u64(data + layout->cframe.frame)};
    remote_addr outer = load_u64(data + layout->cframe.previous);
    if (outer) {
        if (!is_address(outer))
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
    bool entered; /* the first frame of the innermost eval loop was passed */
};

static void add_entry(struct walk *walk, remote_addr anchor)
{
    walk->entries[walk->entry_count++] =
        (struct walk_entry){.anchor = anchor, .frames = (uint32_t)walk->count};
}

/* Looks at one frame. 0, PYTHON_STACK_TORN or a negative errno. */
static int step(struct walk *walk, const struct python_layout *layout, remote_addr address,
                struct windows *windows, struct codes *codes, struct position *position)
{
    uint32_t ignored;
    if (!is_address(address) || !addresses_add(&walk->visited, address, &ignored))
        return PYTHON_STACK_TORN;
    follow_chunk(windows, address);
    int r = read_link(walk, windows, layout, address, &position->last);
    if (r < 0)
        return r == -EFAULT ? PYTHON_STACK_TORN : r;

    const struct link *link = &position->last;
    position->steps++;
    if (link->owner > OWNER_MAX || (!layout->has_shims && link->owner >= OWNER_SHIM))
        return PYTHON_STACK_TORN;
    if (link->owner >= OWNER_SHIM) {
        add_entry(walk, address);
        return 0;
    }
    struct walk_frame *frame = &walk->frames[walk->count];
    *frame = (struct walk_frame){
        .is_complete = !has_entries(layout) || link->owner == OWNER_GENERATOR,
        .tlbc_index = link->tlbc_index,
        .offset = link->offset,
    };
    if (!is_address(link->code) || !codes_meet(codes, link->code, &frame->met))
        return PYTHON_STACK_TORN;
    walk->count++;
    if (link->is_entry)
        add_entry(walk, 0);
    return 0;
}

/* The first frame of an eval loop: a shim, or marked in 3.11. */
static bool is_first(const struct python_layout *layout, const struct link *link)
{
    return layout->has_shims ? link->owner >= OWNER_SHIM : link->is_entry;
}

int walk_frames(struct walk *walk, const struct python_layout *layout,
                const struct thread_state *state, struct windows *windows, struct codes *codes)
{
    struct position position = {0};
    struct cframe cframe = {.frame = state->frame};
    walk->count = walk->entry_count = 0;
    walk->truncated = false;
    walk->head = 0;
    addresses_clear(&walk->visited);
    start_chunk(windows, state);
    if (!has_entries(layout))
        chain_begin(&walk->chain, windows->memory, state->address, layout->frame.bytes);
    if (layout->thread.cframe != PYTHON_ABSENT) {
        int r = read_cframe(windows, layout, state->cframe, &cframe);
        if (r < 0)
            return r == -EFAULT ? PYTHON_STACK_TORN : r;
        /* Only the cframe inside the thread state, which no eval loop owns, may have no frame. */
        if (!cframe.frame && state->cframe - state->address >= THREAD_ROOT_CFRAME_MAX)
            return PYTHON_STACK_TORN;
    }

    for (remote_addr at = cframe.frame; at; at = position.last.previous) {
        if (walk->count == WALK_FRAMES_MAX || position.steps == WALK_STEPS_MAX) {
            walk->truncated = true;
            return 0;
        }
        int r = step(walk, layout, at, windows, codes, &position);
        if (r != 0)
            return r;
        if (at == cframe.frame) {
            walk->head = at;
            walk->head_code = position.last.code;
            walk->head_previous = position.last.previous;
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
    if (position.steps && has_entries(layout) && !is_first(layout, &position.last))
        return PYTHON_STACK_TORN;
    return 0;
}
