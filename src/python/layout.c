/* Offsets by CPython version. Knows where fields are, not what they are for.
 *
 * The tables were printed by offsetof() in programs compiled against each version's headers
 * (3.11.2, 3.11.7; 3.12.1, 3.12.3; x86-64 and aarch64, glibc and musl: no difference in these
 * fields). Structs may move between patch releases from 3.13 on; there the target tells its own
 * offsets (Include/internal/pycore_debug_offsets.h, 3.13: pycore_runtime.h). Their order is fixed
 * within a minor version. */
#include "python/layout.h"

#include "base/array.h"
#include "base/bytes.h"

#include <string.h>

#define STACKREF_TAG_MASK 3 /* Py_TAG_BITS, Include/internal/pycore_stackref.h (3.14) */

static const struct python_layout layout_3_11 = {
    .runtime = {.interpreters_head = 40, .finalizing = 24},
    .interpreter = {.next = 0, .threads_head = 16, .code_generation = PYTHON_ABSENT},
    .thread = {.next = 8,
               .interp = 16,
               .frame = PYTHON_ABSENT,
               .cframe = 56,
               .native_id = 160,
               .chunk = 296},
    .cframe = {.frame = 8, .previous = 16},
    .frame = {.code = 32, .previous = 48, .ip = 56, .owner = 69, .is_entry = 68},
    .object = {.type = 8, .name = 24},
    .code = {.units = 16,
             .first_line = 72,
             .first_traceable = 168,
             .filename = 112,
             .qualname = 128,
             .linetable = 136,
             .instructions = 184},
    .unicode = {.length = 16, .state = 32, .ascii_bytes = 48, .compact_bytes = 72},
    .bytes = {.size = 16, .data = 32},
};

static const struct python_layout layout_3_12 = {
    .runtime = {.interpreters_head = 40, .finalizing = 24},
    .interpreter = {.next = 0, .threads_head = 72, .code_generation = PYTHON_ABSENT},
    .thread = {.next = 8,
               .interp = 16,
               .frame = PYTHON_ABSENT,
               .cframe = 56,
               .native_id = 144,
               .chunk = 232},
    .cframe = {.frame = 0, .previous = 8},
    .frame = {.code = 0, .previous = 8, .ip = 56, .owner = 70, .is_entry = PYTHON_ABSENT},
    .object = {.type = 8, .name = 24},
    .code = {.units = 16,
             .first_line = 68,
             .first_traceable = 176,
             .filename = 112,
             .qualname = 128,
             .linetable = 136,
             .instructions = 192},
    .unicode = {.length = 16, .state = 32, .ascii_bytes = 40, .compact_bytes = 56},
    .bytes = {.size = 16, .data = 32},
    .has_shims = true,
};

/* Only what _Py_DebugOffsets leave out. */
static const struct python_layout layout_3_13 = {
    .interpreter = {.code_generation = PYTHON_ABSENT},
    .thread = {.cframe = PYTHON_ABSENT},
    .frame = {.is_entry = PYTHON_ABSENT},
    .code = {.units = 16, .first_traceable = 184},
    .unicode = {.compact_bytes = 56},
    .has_shims = true,
};

static const struct python_layout layout_3_14 = {
    .thread = {.cframe = PYTHON_ABSENT},
    .frame = {.is_entry = PYTHON_ABSENT},
    .code = {.units = 16, .first_traceable = 192},
    .unicode = {.compact_bytes = 56},
    .tag_mask = STACKREF_TAG_MASK,
    .has_shims = true,
};

#define DEBUG_MINOR_FIRST 13 /* first minor version with _Py_DebugOffsets */
#define DEBUG_MINORS      2
#define NO_WORD           0 /* the cookie's place: this version has no such word */

static const struct {
    uint8_t minor;
    const struct python_layout *layout;
    uint16_t debug_bytes;
} versions[] = {
    {11, &layout_3_11, 0},
    {12, &layout_3_12, 0},
    {13, &layout_3_13, 584},
    {14, &layout_3_14, 760},
};

/* The structs that _Py_DebugOffsets describe: which word tells the size, and what size is
 * believable. */
enum group { RUNTIME, INTERPRETER, THREAD, FRAME, CODE, OBJECT, TYPE, BYTES, UNICODE };
static const struct {
    uint8_t size_word[DEBUG_MINORS];
    uint32_t bytes_max;
} groups[] = {
    [RUNTIME] = {{3, 3}, 16u << 20},
    [INTERPRETER] = {{6, 6}, 16u << 20},
    [THREAD] = {{19, 22}, 64u << 10},
    [FRAME] = {{28, 31}, PYTHON_FRAME_BYTES_MAX},
    [CODE] = {{34, 39}, 1024},
    [OBJECT] = {{44, 50}, 64},
    [TYPE] = {{46, 52}, 4096},
    [BYTES] = {{64, 74}, 128},
    [UNICODE] = {{67, 77}, PYTHON_TEXT_BYTES_MAX},
};

#define INTO(member) offsetof(struct python_layout, member)
static const struct {
    uint16_t into; /* a uint32_t of struct python_layout */
    uint8_t group;
    uint8_t field_bytes;
    uint8_t word[DEBUG_MINORS];
} fields[] = {
    {INTO(runtime.finalizing), RUNTIME, 8, {4, 4}},
    {INTO(runtime.interpreters_head), RUNTIME, 8, {5, 5}},
    {INTO(interpreter.next), INTERPRETER, 8, {8, 8}},
    {INTO(interpreter.threads_head), INTERPRETER, 8, {9, 9}},
    {INTO(interpreter.code_generation), INTERPRETER, 8, {NO_WORD, 20}},
    {INTO(thread.next), THREAD, 8, {21, 24}},
    {INTO(thread.interp), THREAD, 8, {22, 25}},
    {INTO(thread.frame), THREAD, 8, {23, 26}},
    {INTO(thread.native_id), THREAD, 8, {25, 28}},
    {INTO(thread.chunk), THREAD, 8, {26, 29}},
    {INTO(frame.previous), FRAME, 8, {29, 32}},
    {INTO(frame.code), FRAME, 8, {30, 33}},
    {INTO(frame.ip), FRAME, 8, {31, 34}},
    {INTO(frame.owner), FRAME, 1, {33, 36}},
    {INTO(code.filename), CODE, 8, {35, 40}},
    {INTO(code.qualname), CODE, 8, {37, 42}},
    {INTO(code.linetable), CODE, 8, {38, 43}},
    {INTO(code.first_line), CODE, 4, {39, 44}},
    {INTO(code.instructions), CODE, 2, {43, 48}},
    {INTO(object.type), OBJECT, 8, {45, 51}},
    {INTO(object.name), TYPE, 8, {47, 53}},
    {INTO(bytes.size), BYTES, 8, {65, 75}},
    {INTO(bytes.data), BYTES, 1, {66, 76}},
    {INTO(unicode.state), UNICODE, 4, {68, 78}},
    {INTO(unicode.length), UNICODE, 8, {69, 79}},
    {INTO(unicode.ascii_bytes), UNICODE, 8, {70, 80}},
};

static int find_version(uint32_t version, bool free_threaded)
{
    if (version >> 24 != 3 || free_threaded)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
        if (versions[i].minor == ((version >> 16) & 0xff))
            return (int)i;
    return -1;
}

bool python_layout_is_supported(uint32_t version, bool free_threaded)
{
    return find_version(version, free_threaded) >= 0;
}

size_t python_layout_debug_bytes(uint32_t version)
{
    int at = find_version(version, false);
    return at < 0 ? 0 : versions[at].debug_bytes;
}

static bool overlay(struct python_layout *layout, unsigned column, const uint8_t *debug)
{
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        unsigned word = fields[i].word[column];
        if (word == NO_WORD)
            continue;
        unsigned group = fields[i].group, bytes = fields[i].field_bytes;
        uint64_t size = load_u64(debug + 8 * (size_t)groups[group].size_word[column]);
        uint64_t offset = load_u64(debug + 8 * (size_t)word);
        if (size > groups[group].bytes_max || offset > size || bytes > size - offset ||
            offset % bytes != 0)
            return false;
        uint32_t value = (uint32_t)offset;
        memcpy((char *)layout + fields[i].into, &value, sizeof(value));
    }
    return true;
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
    end = end_of(end, thread->cframe, 8);
    end = end_of(end, thread->native_id, 8);
    thread->bytes = end_of(end, thread->chunk, 24);

    typeof(layout->frame) *frame = &layout->frame;
    end = end_of(0, frame->code, 8);
    end = end_of(end, frame->previous, 8);
    end = end_of(end, frame->ip, 8);
    end = end_of(end, frame->is_entry, 1);
    frame->bytes = end_of(end, frame->owner, 1);

    typeof(layout->code) *code = &layout->code;
    end = end_of(0, layout->object.type, 8);
    end = end_of(end, code->units, 8);
    end = end_of(end, code->first_line, 4);
    end = end_of(end, code->first_traceable, 4);
    end = end_of(end, code->filename, 8);
    end = end_of(end, code->qualname, 8);
    code->bytes = end_of(end, code->linetable, 8);

    return thread->bytes <= PYTHON_THREAD_BYTES_MAX && frame->bytes <= PYTHON_FRAME_BYTES_MAX &&
           code->bytes <= PYTHON_CODE_BYTES_MAX && code->instructions >= code->bytes &&
           layout->interpreter.threads_head >= 8 &&
           layout->unicode.ascii_bytes <= layout->unicode.compact_bytes;
}

bool python_layout_init(uint32_t version, bool free_threaded, const uint8_t *debug,
                        size_t debug_bytes, struct python_layout *ret_layout)
{
    int at = find_version(version, free_threaded);
    if (at < 0)
        return false;
    struct python_layout layout = *versions[at].layout;
    if (versions[at].debug_bytes) {
        if (debug_bytes < versions[at].debug_bytes ||
            !overlay(&layout, versions[at].minor - DEBUG_MINOR_FIRST, debug))
            return false;
    }
    if (!measure(&layout))
        return false;
    *ret_layout = layout;
    return true;
}
