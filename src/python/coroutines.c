/* Suspended coroutines. Knows where a coroutine has its frame and where the frame has what it
 * awaits; knows nothing of tasks. */
#include "coroutines.h"
#include "link.h"
#include "peek.h"

#define STACK_VALUES_MAX 65536 /* of one frame, locals included */

/* enum _framestate: Include/internal/pycore_frame.h of each version (3.10: cpython/frameobject.h).
 * Before 3.13 a coroutine that awaits and a generator that yields have the same state; a coroutine
 * only ever awaits. */
static bool is_suspended(unsigned minor, int8_t state, bool *ret_awaits)
{
    *ret_awaits = true;
    if (minor <= 12)
        return state == -1;
    if (minor <= 14) {
        *ret_awaits = state == -1;
        return state == -1 || state == -2;
    }
    *ret_awaits = state == 2;
    return state == 1 || state == 2;
}

struct suspended {
    remote_addr frame;
    bool awaits;
};

/* Before 3.11 generators that have ended have no frame. In 3.8 and 3.9 a frame that runs has no top
 * of its value stack. */
static bool find_frame(const struct python_layout *layout, struct cells *cells,
                       remote_addr generator, struct suspended *ret_suspended)
{
    uint8_t state;
    uint64_t end;
    struct suspended found = {.awaits = true};
    if (layout->generator.pointer == PYTHON_ABSENT) {
        found.frame = generator + layout->generator.frame;
        if (!peek_u8(cells, generator + layout->generator.state, &state) ||
            !is_suspended(layout->minor, (int8_t)state, &found.awaits))
            return false;
    } else if (!peek_object(cells, generator + layout->generator.pointer, &found.frame)) {
        return false;
    } else if (layout->frame.state != PYTHON_ABSENT) {
        if (!peek_u8(cells, found.frame + layout->frame.state, &state) ||
            !is_suspended(layout->minor, (int8_t)state, &found.awaits))
            return false;
    } else if (!peek_u64(cells, found.frame + layout->frame.stack_end, &end) || end == 0) {
        return false;
    }
    *ret_suspended = found;
    return true;
}

/* The newest value of a frame's value stack: what it awaits. From 3.15 on there is one above it
 * (Python/bytecodes.c, SEND). */
static bool find_awaited(const struct python_layout *layout, struct cells *cells, remote_addr frame,
                         remote_addr *ret_object)
{
    typeof(layout->frame) at = layout->frame;
    remote_addr end, base;
    uint32_t count;
    if (at.stack_end != PYTHON_ABSENT) {
        if (!peek_object(cells, frame + at.stack_end, &end))
            return false;
    } else {
        base = frame + at.locals;
        if (at.stack != PYTHON_ABSENT && !peek_object(cells, frame + at.stack, &base))
            return false;
        if (!peek_u32(cells, frame + at.stack_count, &count) || count > STACK_VALUES_MAX)
            return false;
        end = base + 8 * (remote_addr)count;
    }
    unsigned above = layout->minor >= 15 ? 2 : 1;
    if (end < frame + at.locals + 8 * (remote_addr)above || !is_object(end) ||
        !peek_u64(cells, end - 8 * (remote_addr)above, ret_object))
        return false;
    *ret_object &= ~layout->tag_mask;
    return is_object(*ret_object);
}

/* Steps of coroutines stand for them: what __anext__() or __await__() gave. */
static remote_addr skip_step(struct objects *objects, struct cells *cells, remote_addr object,
                             enum object_kind *ret_kind)
{
    *ret_kind = objects_kind(objects, cells, object);
    if (*ret_kind != OBJECT_ASYNC_STEP && *ret_kind != OBJECT_AWAIT_STEP)
        return object;
    /* ags_gen and cw_coroutine: the first field (Objects/genobject.c). */
    if (!peek_object(cells, object + objects_head_bytes(objects->layout), &object))
        *ret_kind = OBJECT_OTHER;
    else
        *ret_kind = objects_kind(objects, cells, object);
    return object;
}

static bool take_frame(const struct python_layout *layout, struct cells *cells, struct codes *codes,
                       remote_addr address, struct walk_frame *ret_frame)
{
    uint8_t data[PYTHON_FRAME_BYTES_MAX];
    struct link link;
    if (!cells_read(cells, address, data, layout->frame.bytes))
        return false;
    link_parse(layout, address, data, &link);
    *ret_frame = (struct walk_frame){
        .is_complete = true,
        .tlbc_index = link.tlbc_index,
        .offset = link.offset,
        .address = address,
        .generator = link.generator,
    };
    bool begun = layout->frame.last == PYTHON_ABSENT || link.offset >= 0;
    return begun && is_object(link.code) && codes_meet(codes, link.code, &ret_frame->met);
}

size_t coroutines_follow(struct objects *objects, struct cells *cells, struct codes *codes,
                         remote_addr outermost, struct walk_frame frames[COROUTINES_MAX])
{
    const struct python_layout *layout = objects->layout;
    remote_addr at = outermost;
    size_t count = 0;
    while (count < COROUTINES_MAX) {
        enum object_kind kind;
        struct suspended suspended;
        at = skip_step(objects, cells, at, &kind);
        if ((kind != OBJECT_COROUTINE && kind != OBJECT_GENERATOR &&
             kind != OBJECT_ASYNC_GENERATOR) ||
            !find_frame(layout, cells, at, &suspended) ||
            !take_frame(layout, cells, codes, suspended.frame, &frames[count]) ||
            frames[count].generator != at)
            break;
        count++;
        /* What a generator yields may look like something that it awaits. */
        if (!suspended.awaits || (kind == OBJECT_GENERATOR && layout->minor < 13) ||
            !find_awaited(layout, cells, suspended.frame, &at))
            break;
    }
    return count;
}
