/* A made-up target: one flat piece of memory that holds a runtime, a thread and its frames, laid
 * out as a version of CPython would. Tests then break it. */
#ifndef MEMSAMPLE_TESTS_FAKE_H
#define MEMSAMPLE_TESTS_FAKE_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "proc/memory.h"
#include "python/runtime.h"

#define FAKE_BASE  UINT64_C(0x10000000)
#define FAKE_BYTES (384u << 10)
#define FAKE_TID   4242

#define FAKE_RUNTIME     (FAKE_BASE + 0x1000)
#define FAKE_INTERPRETER (FAKE_BASE + 0x4000)
#define FAKE_THREAD      (FAKE_BASE + 0x8000)
#define FAKE_TYPES       (FAKE_BASE + 0x9000)
#define FAKE_C_STACK     (FAKE_BASE + 0xa000)
#define FAKE_HEAP        (FAKE_BASE + 0x10000)
#define FAKE_CHUNK       (FAKE_BASE + 0x20000)
#define FAKE_CHUNK_BYTES 0x40000
#define FAKE_FRAME_BYTES 0x80

struct fake {
    uint8_t data[FAKE_BYTES];
    remote_addr heap_next, frame_next;
    remote_addr last_frame;
    size_t hole_start, hole_end; /* offsets that cannot be read */
    size_t reads;
    struct memory memory;
    struct python_runtime runtime;
};

static inline void fake_put(struct fake *fake, remote_addr at, const void *data, size_t length)
{
    memcpy(fake->data + (at - FAKE_BASE), data, length);
}

static inline void fake_put_u64(struct fake *fake, remote_addr at, uint64_t value)
{
    fake_put(fake, at, &value, sizeof(value));
}

static inline void fake_put_u32(struct fake *fake, remote_addr at, uint32_t value)
{
    fake_put(fake, at, &value, sizeof(value));
}

static inline int fake_read_spans(void *context, const struct memory_span *spans, size_t count)
{
    struct fake *fake = context;
    fake->reads++;
    for (size_t i = 0; i < count; i++) {
        uint64_t at = spans[i].address - FAKE_BASE, length = spans[i].length;
        bool in_hole = at < fake->hole_end && at + length > fake->hole_start;
        if (at > FAKE_BYTES || length > FAKE_BYTES - at || in_hole)
            return i ? (int)i : -EFAULT;
        memcpy(spans[i].into, fake->data + at, length);
    }
    return (int)count;
}

/* The words of _Py_DebugOffsets that memsample uses, as 3.13.0 and 3.14.8 have them. */
static inline size_t fake_debug_offsets(unsigned minor, uint8_t *ret_debug)
{
    static const struct {
        uint8_t word[2];
        uint32_t value[2];
    } words[] = {
        {{3, 3}, {283320, 316616}}, {{4, 4}, {608, 784}},   {{5, 5}, {632, 808}},
        {{6, 6}, {194968, 225864}}, {{8, 8}, {7264, 7272}}, {{9, 9}, {7344, 7344}},
        {{0, 20}, {0, 7400}},       {{19, 22}, {304, 832}}, {{21, 24}, {8, 8}},
        {{22, 25}, {16, 16}},       {{23, 26}, {72, 72}},   {{25, 28}, {160, 160}},
        {{26, 29}, {232, 232}},     {{28, 31}, {80, 88}},   {{29, 32}, {8, 8}},
        {{30, 33}, {0, 0}},         {{31, 34}, {56, 56}},   {{33, 36}, {70, 74}},
        {{34, 39}, {208, 216}},     {{35, 40}, {112, 112}}, {{37, 42}, {128, 128}},
        {{38, 43}, {136, 136}},     {{39, 44}, {68, 68}},   {{43, 48}, {200, 208}},
        {{44, 50}, {16, 16}},       {{45, 51}, {8, 8}},     {{46, 52}, {416, 416}},
        {{47, 53}, {24, 24}},       {{64, 74}, {40, 40}},   {{65, 75}, {16, 16}},
        {{66, 76}, {32, 32}},       {{67, 77}, {64, 64}},   {{68, 78}, {32, 32}},
        {{69, 79}, {16, 16}},       {{70, 80}, {40, 40}},
    };
    unsigned column = minor - 13;
    size_t length = column == 0 ? 584 : 760;
    memset(ret_debug, 0, length);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        uint64_t value = words[i].value[column];
        if (words[i].word[column])
            memcpy(ret_debug + 8 * (size_t)words[i].word[column], &value, sizeof(value));
    }
    return length;
}

static inline remote_addr fake_alloc(struct fake *fake, size_t length)
{
    remote_addr at = fake->heap_next;
    fake->heap_next += (length + 15) & ~(size_t)15;
    return at;
}

static inline remote_addr fake_text(struct fake *fake, const char *ascii)
{
    remote_addr at = fake_alloc(fake, 64 + strlen(ascii));
    fake_put_u64(fake, at + fake->runtime.layout.unicode.length, strlen(ascii));
    fake_put_u32(fake, at + fake->runtime.layout.unicode.state, 1u << 2 | 1u << 5 | 1u << 6);
    fake_put(fake, at + fake->runtime.layout.unicode.ascii_bytes, ascii, strlen(ascii));
    return at;
}

static inline remote_addr fake_bytes(struct fake *fake, const void *data, size_t length)
{
    remote_addr at = fake_alloc(fake, 40 + length);
    fake_put_u64(fake, at + fake->runtime.layout.bytes.size, length);
    fake_put(fake, at + fake->runtime.layout.bytes.data, data, length);
    return at;
}

/* A code object of 8 code units: line `first_line` for the first two, the next line for the others.
 */
static inline remote_addr fake_code(struct fake *fake, const char *name, uint32_t first_line)
{
    static const uint8_t table[] = {0x80 | 13 << 3 | 1, 0, 0x80 | 13 << 3 | 5, 2};
    const struct python_layout *layout = &fake->runtime.layout;
    remote_addr file = fake_text(fake, "file.py"), function = fake_text(fake, name);
    remote_addr lines = fake_bytes(fake, table, sizeof(table));
    remote_addr at = fake_alloc(fake, layout->code.instructions + 16);
    fake_put_u64(fake, at + layout->object.type, FAKE_TYPES);
    fake_put_u64(fake, at + layout->code.units, 8);
    fake_put_u32(fake, at + layout->code.first_line, first_line);
    fake_put_u32(fake, at + layout->code.first_traceable, 1);
    fake_put_u64(fake, at + layout->code.filename, file);
    fake_put_u64(fake, at + layout->code.qualname, function);
    fake_put_u64(fake, at + layout->code.linetable, lines);
    return at;
}

static inline void fake_set_frame(struct fake *fake, remote_addr frame)
{
    const struct python_layout *layout = &fake->runtime.layout;
    fake->last_frame = frame;
    if (layout->thread.frame != PYTHON_ABSENT)
        fake_put_u64(fake, FAKE_THREAD + layout->thread.frame, frame);
    else
        fake_put_u64(fake, FAKE_C_STACK + layout->cframe.frame, frame);
}

/* Pushes a frame that stands at code unit `unit`; owner 3 makes a shim. Returns its address. */
static inline remote_addr fake_push(struct fake *fake, remote_addr code, unsigned unit,
                                    uint8_t owner)
{
    const struct python_layout *layout = &fake->runtime.layout;
    remote_addr at = fake->frame_next;
    uint8_t entry = fake->last_frame == 0;
    fake->frame_next += FAKE_FRAME_BYTES;
    fake_put_u64(fake, at + layout->frame.code, code);
    fake_put_u64(fake, at + layout->frame.previous, fake->last_frame);
    fake_put_u64(fake, at + layout->frame.ip,
                 code + layout->code.instructions + 2 * (uint64_t)unit);
    fake_put(fake, at + layout->frame.owner, &owner, 1);
    if (layout->frame.is_entry != PYTHON_ABSENT)
        fake_put(fake, at + layout->frame.is_entry, &entry, 1);
    fake_set_frame(fake, at);
    return at;
}

/* A process of CPython 3.`minor` with one thread that has entered an eval loop and no more. */
static inline bool fake_init(struct fake *fake, unsigned minor)
{
    uint8_t debug[PYTHON_DEBUG_BYTES_MAX];
    memset(fake, 0, sizeof(*fake));
    fake->memory = (struct memory){.read_spans = fake_read_spans, .context = fake};
    fake->heap_next = FAKE_HEAP;
    fake->frame_next = FAKE_CHUNK + 24;
    fake->runtime.address = FAKE_RUNTIME;
    fake->runtime.version = 0x030000f0u | minor << 16;
    size_t length = minor >= 13 ? fake_debug_offsets(minor, debug) : 0;
    if (!python_layout_init(fake->runtime.version, false, debug, length, &fake->runtime.layout))
        return false;

    const struct python_layout *layout = &fake->runtime.layout;
    fake_put_u64(fake, FAKE_RUNTIME + layout->runtime.interpreters_head, FAKE_INTERPRETER);
    fake_put_u64(fake, FAKE_INTERPRETER + layout->interpreter.threads_head, FAKE_THREAD);
    fake_put_u64(fake, FAKE_THREAD + layout->thread.interp, FAKE_INTERPRETER);
    fake_put_u64(fake, FAKE_THREAD + layout->thread.native_id, FAKE_TID);
    fake_put_u64(fake, FAKE_THREAD + layout->thread.chunk, FAKE_CHUNK);
    fake_put_u64(fake, FAKE_THREAD + layout->thread.chunk + 16, FAKE_CHUNK + FAKE_CHUNK_BYTES);
    fake_put_u64(fake, FAKE_CHUNK + 8, FAKE_CHUNK_BYTES);
    if (layout->thread.cframe != PYTHON_ABSENT) {
        fake_put_u64(fake, FAKE_THREAD + layout->thread.cframe, FAKE_C_STACK);
        fake_put_u64(fake, FAKE_C_STACK + layout->cframe.previous, FAKE_C_STACK + 64);
    }
    /* Two types: code objects', and that of types. */
    fake_put_u64(fake, FAKE_TYPES + layout->object.type, FAKE_TYPES + 0x100);
    fake_put_u64(fake, FAKE_TYPES + 0x100 + layout->object.type, FAKE_TYPES + 0x100);
    fake_put_u64(fake, FAKE_TYPES + layout->object.name, FAKE_TYPES + 0x200);
    fake_put(fake, FAKE_TYPES + 0x200, "code", 5);
    if (layout->has_shims)
        fake_push(fake, fake_code(fake, "shim", 1), 0, 3);
    return true;
}

#endif
