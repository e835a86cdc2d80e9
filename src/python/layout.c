/* Offsets by CPython version. Knows where fields are, not what they are for.
 *
 * Up to 3.12 structs do not move between patch releases: the tables hold for 3.8.2, 3.8.10, 3.8.18;
 * 3.9.2, 3.9.5, 3.9.18; 3.10.4, 3.10.12, 3.10.13; 3.11.2, 3.11.7; 3.12.1, 3.12.3 (compiled against
 * each; x86-64 and aarch64, glibc and musl: no difference in these fields). From 3.13 on they may
 * move; there the target tells its own offsets (Include/internal/pycore_debug_offsets.h, 3.13:
 * pycore_runtime.h). Their order is fixed within a minor version. */
#include "python/layout.h"
#include "tables.h"

#include "base/array.h"
#include "base/bytes.h"

#include <string.h>

#define STACKREF_TAG_MASK 3 /* Py_TAG_BITS, Include/internal/pycore_stackref.h (3.14) */
/* Bit of PyASCIIObject.state at which its kind begins (Include/cpython/unicodeobject.h; a byte of
 * its own since 3.14 without the GIL, where `interned` is changed by atomic stores). */
#define STATE_SHIFT      2
#define STATE_SHIFT_FREE 8
#define GIL_BYTES_MAX    256
#define LEVEL_CANDIDATE  0xc /* PY_RELEASE_LEVEL_GAMMA */

#define DEBUG_MINOR_FIRST 13 /* first minor version with _Py_DebugOffsets */
#define DEBUG_MINORS      3
#define NO_WORD           0   /* the cookie's place: this version has no such word */
#define IN_TABLE          255 /* nor here, but the committed table has the field */

static const struct version {
    uint8_t minor;
    uint16_t debug_bytes;
    const struct python_layout *offsets;
    const struct python_layout *free_threaded; /* NULL: not before 3.13 */
} versions[] = {
    {8, 0, &layout_3_8, NULL},
    {9, 0, &layout_3_9, NULL},
    {10, 0, &layout_3_10, NULL},
    {11, 0, &layout_3_11, NULL},
    {12, 0, &layout_3_12, NULL},
    {13, 584, &layout_3_13, &layout_3_13t},
    {14, 760, &layout_3_14, &layout_3_14t},
    {15, 888, &layout_3_15, &layout_3_15t},
};

/* The structs that _Py_DebugOffsets describe: which word tells the size, and what size is
 * believable. */
enum group {
    RUNTIME,
    INTERPRETER,
    THREAD,
    FRAME,
    CODE,
    OBJECT,
    TYPE,
    BYTES,
    UNICODE,
    SET,
    GENERATOR,
};
static const struct {
    uint8_t size_word[DEBUG_MINORS];
    uint32_t bytes_max;
} groups[] = {
    [RUNTIME] = {{3, 3, 3}, 16u << 20},
    [INTERPRETER] = {{6, 6, 6}, 16u << 20},
    [THREAD] = {{19, 22, 22}, 64u << 10},
    [FRAME] = {{28, 31, 39}, PYTHON_FRAME_BYTES_MAX},
    [CODE] = {{34, 39, 47}, 1024},
    [OBJECT] = {{44, 50, 58}, 64},
    [TYPE] = {{46, 52, 60}, 4096},
    [BYTES] = {{64, 74, 86}, 128},
    [UNICODE] = {{67, 77, 89}, PYTHON_TEXT_BYTES_MAX},
    [SET] = {{NO_WORD, 62, 74}, 1024},
    [GENERATOR] = {{NO_WORD, 83, 99}, 1024},
};

#define INTO(member) offsetof(struct python_layout, member)
static const struct {
    uint16_t into; /* a uint32_t of struct python_layout */
    uint8_t group;
    uint8_t field_bytes;
    bool free_threaded; /* other builds have no such field, whatever its word says */
    uint8_t word[DEBUG_MINORS];
} fields[] = {
    {INTO(runtime.finalizing), RUNTIME, 8, false, {4, 4, 4}},
    {INTO(runtime.interpreters_head), RUNTIME, 8, false, {5, 5, 5}},
    {INTO(interpreter.next), INTERPRETER, 8, false, {8, 8, 8}},
    {INTO(interpreter.threads_head), INTERPRETER, 8, false, {9, 9, 9}},
    {INTO(interpreter.code_generation), INTERPRETER, 8, false, {NO_WORD, 20, 20}},
    {INTO(thread.next), THREAD, 8, false, {21, 24, 24}},
    {INTO(thread.interp), THREAD, 8, false, {22, 25, 25}},
    {INTO(thread.frame), THREAD, 8, false, {23, 26, 26}},
    {INTO(thread.base_frame), THREAD, 8, false, {NO_WORD, NO_WORD, 27}},
    {INTO(thread.native_id), THREAD, 8, false, {25, 28, 31}},
    {INTO(thread.chunk), THREAD, 8, false, {26, 29, 32}},
    {INTO(frame.previous), FRAME, 8, false, {29, 32, 40}},
    {INTO(frame.code), FRAME, 8, false, {30, 33, 41}},
    {INTO(frame.ip), FRAME, 8, false, {31, 34, 42}},
    {INTO(frame.owner), FRAME, 1, false, {33, 36, 44}},
    {INTO(frame.tlbc_index), FRAME, 4, true, {NO_WORD, 38, 46}},
    {INTO(frame.locals), FRAME, 8, false, {32, 35, 43}},
    {INTO(frame.stack_end), FRAME, 8, false, {NO_WORD, 37, 45}},
    {INTO(code.filename), CODE, 8, false, {35, 40, 48}},
    {INTO(code.qualname), CODE, 8, false, {37, 42, 50}},
    {INTO(code.linetable), CODE, 8, false, {38, 43, 51}},
    {INTO(code.first_line), CODE, 4, false, {39, 44, 52}},
    {INTO(code.instructions), CODE, 2, false, {43, 48, 56}},
    {INTO(code.tlbc), CODE, 8, true, {NO_WORD, 49, 57}},
    {INTO(object.type), OBJECT, 8, false, {45, 51, 59}},
    {INTO(object.name), TYPE, 8, false, {47, 53, 61}},
    {INTO(bytes.size), BYTES, 8, false, {65, 75, 87}},
    {INTO(bytes.data), BYTES, 1, false, {66, 76, 88}},
    {INTO(unicode.state), UNICODE, 4, false, {68, 78, 90}},
    {INTO(unicode.length), UNICODE, 8, false, {69, 79, 91}},
    {INTO(unicode.ascii_bytes), UNICODE, 8, false, {70, 80, 92}},
    {INTO(set.used), SET, 8, false, {NO_WORD, 63, 75}},
    {INTO(set.table), SET, 8, false, {NO_WORD, 64, 76}},
    {INTO(set.mask), SET, 8, false, {NO_WORD, 65, 77}},
    {INTO(generator.frame), GENERATOR, 8, false, {IN_TABLE, 85, 101}},
    {INTO(generator.state), GENERATOR, 1, false, {IN_TABLE, 86, 102}},
    {INTO(gc.lists), INTERPRETER, 8, false, {10, NO_WORD, NO_WORD}},
    {INTO(gil.pointer), INTERPRETER, 8, false, {14, 15, 15}},
    {INTO(gil.locked), INTERPRETER, 4, false, {17, 18, 18}},
    {INTO(gil.holder), INTERPRETER, 8, false, {18, 19, 19}},
};
/* The main interpreter's own GIL, which the two words above count from its interpreter. */
static const uint8_t inline_gil_word[DEBUG_MINORS] = {15, 16, 16};

static const struct version *find_version(uint32_t version)
{
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
        if (version >> 24 == 3 && versions[i].minor == ((version >> 16) & 0xff))
            return &versions[i];
    return NULL;
}

bool python_layout_is_supported(uint32_t version, bool free_threaded)
{
    const struct version *known = find_version(version);
    /* In alphas and betas _Py_DebugOffsets still change their shape (3.15.0b4 got a field more). */
    bool settled = known && (!known->debug_bytes || ((version >> 4) & 0xf) >= LEVEL_CANDIDATE);
    return settled && (!free_threaded || known->free_threaded);
}

size_t python_layout_debug_bytes(uint32_t version)
{
    const struct version *known = find_version(version);
    return known ? known->debug_bytes : 0;
}

static void put_field(struct python_layout *layout, uint16_t into, uint32_t value)
{
    memcpy((char *)layout + into, &value, sizeof(value));
}

static bool overlay_field(struct python_layout *layout, size_t field, unsigned column,
                          const uint8_t *debug)
{
    unsigned group = fields[field].group, bytes = fields[field].field_bytes;
    uint64_t size = load_u64(debug + 8 * (size_t)groups[group].size_word[column]);
    uint64_t offset = load_u64(debug + 8 * (size_t)fields[field].word[column]);
    if (size > groups[group].bytes_max || offset > size || bytes > size - offset ||
        offset % bytes != 0)
        return false;
    put_field(layout, fields[field].into, (uint32_t)offset);
    return true;
}

/* From within an interpreter to within its GIL. */
static bool rebase_gil(struct python_layout *layout, unsigned column, const uint8_t *debug)
{
    typeof(layout->gil) *gil = &layout->gil;
    uint64_t start = load_u64(debug + 8 * (size_t)inline_gil_word[column]);
    if (start > gil->holder || start > gil->locked)
        return false;
    gil->holder -= (uint32_t)start;
    gil->locked -= (uint32_t)start;
    return gil->holder < GIL_BYTES_MAX && gil->locked < GIL_BYTES_MAX;
}

static bool overlay(struct python_layout *layout, unsigned column, bool free_threaded,
                    const uint8_t *debug)
{
    static const uint16_t older[] = {
        INTO(thread.cframe),     INTO(thread.pthread), INTO(cframe.frame),    INTO(cframe.previous),
        INTO(frame.is_entry),    INTO(frame.last),     INTO(frame.generator), INTO(frame.stack),
        INTO(generator.pointer), INTO(frame.state),    INTO(gc.runtime_lists), INTO(code.bytecode)};
    for (size_t i = 0; i < ARRAY_SIZE(older); i++)
        put_field(layout, older[i], PYTHON_ABSENT);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (fields[i].word[column] == IN_TABLE)
            continue;
        if (fields[i].word[column] == NO_WORD || (fields[i].free_threaded && !free_threaded))
            put_field(layout, fields[i].into, PYTHON_ABSENT);
        else if (!overlay_field(layout, i, column, debug))
            return false;
    }
    /* The count stands before the head of the list (struct pythreads, 3.11 to 3.15). */
    layout->interpreter.threads_made = layout->interpreter.threads_head - 8;
    layout->gil.enabled = free_threaded ? 0 : PYTHON_ABSENT; /* its first field, 3.13 to 3.15 */
    return layout->interpreter.threads_head >= 8 && rebase_gil(layout, column, debug);
}

/* What is no offset. */
static void characterize(struct python_layout *layout, unsigned minor, bool free_threaded)
{
    layout->minor = (uint8_t)minor;
    layout->line_table = minor < 10    ? PYTHON_LINES_LNOTAB
                         : minor == 10 ? PYTHON_LINES_RANGES
                                       : PYTHON_LINES_LOCATIONS;
    layout->last_unit_bytes = minor < 10 ? 1 : 2;
    layout->tag_mask = minor < 14 ? 0 : STACKREF_TAG_MASK;
    layout->has_shims = minor >= 12;
    layout->holds_any = minor >= 13;
    layout->unicode.state_shift = free_threaded && minor >= 14 ? STATE_SHIFT_FREE : STATE_SHIFT;
    /* Threads may make copies of their code (TLBC) without any code object dying, so an unchanged
     * generation says too little. */
    if (free_threaded)
        layout->interpreter.code_generation = PYTHON_ABSENT;
}

static uint32_t end_of(uint32_t end, uint32_t offset, uint32_t field_bytes)
{
    return offset != PYTHON_ABSENT && offset + field_bytes > end ? offset + field_bytes : end;
}

/* What to read at once to have all fields. */
static bool measure(struct python_layout *layout)
{
    typeof(layout->thread) *thread = &layout->thread;
    uint32_t end = end_of(0, thread->next, 8);
    end = end_of(end, thread->interp, 8);
    end = end_of(end, thread->frame, 8);
    end = end_of(end, thread->base_frame, 8);
    end = end_of(end, thread->cframe, 8);
    end = end_of(end, thread->native_id, 8);
    end = end_of(end, thread->pthread, 8);
    thread->bytes = end_of(end, thread->chunk, 24);

    typeof(layout->frame) *frame = &layout->frame;
    end = end_of(0, frame->code, 8);
    end = end_of(end, frame->previous, 8);
    end = end_of(end, frame->ip, 8);
    end = end_of(end, frame->last, 4);
    end = end_of(end, frame->tlbc_index, 4);
    end = end_of(end, frame->is_entry, 1);
    end = end_of(end, frame->generator, 8);
    frame->bytes = end_of(end, frame->owner, 1);

    typeof(layout->code) *code = &layout->code;
    end = end_of(0, layout->object.type, 8);
    end = end_of(end, code->units, 8);
    end = end_of(end, code->first_line, 4);
    end = end_of(end, code->first_traceable, 4);
    end = end_of(end, code->filename, 8);
    end = end_of(end, code->qualname, 8);
    end = end_of(end, code->tlbc, 8);
    code->bytes = end_of(end, code->linetable, 8);

    return thread->bytes <= PYTHON_THREAD_BYTES_MAX && frame->bytes <= PYTHON_FRAME_BYTES_MAX &&
           code->bytes <= PYTHON_CODE_BYTES_MAX && code->instructions >= code->bytes &&
           layout->unicode.ascii_bytes <= layout->unicode.compact_bytes;
}

bool python_layout_init(uint32_t version, bool free_threaded, const uint8_t *debug,
                        size_t debug_bytes, struct python_layout *ret_layout)
{
    const struct version *known = find_version(version);
    if (!known || (free_threaded && !known->free_threaded))
        return false;
    struct python_layout layout = free_threaded ? *known->free_threaded : *known->offsets;
    if (known->debug_bytes) {
        if (debug_bytes < known->debug_bytes ||
            !overlay(&layout, known->minor - DEBUG_MINOR_FIRST, free_threaded, debug))
            return false;
    }
    characterize(&layout, known->minor, free_threaded);
    if (!measure(&layout))
        return false;
    *ret_layout = layout;
    return true;
}
