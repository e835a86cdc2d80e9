/* A made-up target: one flat piece of memory that holds a runtime, a thread and its frames, laid
 * out as a version of CPython would. Tests then break it. */
#ifndef MEMSAMPLE_TESTS_FAKE_H
#define MEMSAMPLE_TESTS_FAKE_H

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "proc/memory.h"
#include "python/runtime.h"

#define FAKE_BASE  UINT64_C(0x10000000)
#define FAKE_BYTES (384u << 10)
#define FAKE_TID   4242

#define FAKE_RUNTIME     (FAKE_BASE + 0x1000)
#define FAKE_INTERPRETER (FAKE_BASE + 0x4000)
#define FAKE_THREAD      (FAKE_BASE + 0x8000)
#define FAKE_PTHREAD     (FAKE_BASE + 0x8800)
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

/* The builds that the tests go through. */
static const struct fake_build {
    uint8_t minor;
    bool free_threaded;
} fake_builds[] = {{8, false},  {9, false},  {10, false}, {11, false}, {12, false}, {13, false},
                   {14, false}, {15, false}, {13, true},  {14, true},  {15, true}};
#define FAKE_BUILDS (sizeof(fake_builds) / sizeof(fake_builds[0]))

/* The words of _Py_DebugOffsets that memsample uses, as 3.13.0, 3.14.8 and 3.15.0 have them, with
 * the GIL and without. */
static inline size_t fake_debug_offsets(struct fake_build build, uint8_t *ret_debug)
{
    static const struct {
        uint8_t word[3];
        uint32_t value[6];
    } words[] = {
        {{3, 3, 3}, {283320, 316616, 346560, 328256, 362368, 406016}}, /* runtime_state.size */
        {{4, 4, 4}, {608, 784, 912, 608, 784, 912}},                   /* finalizing */
        {{5, 5, 5}, {632, 808, 936, 632, 808, 936}},                   /* interpreters_head */
        {{6, 6, 6}, {194968, 225864, 226232, 215616, 246720, 247040}}, /* interpreter_state.size */
        {{8, 8, 8}, {7264, 7272, 7264, 7264, 7272, 7264}},             /* next */
        {{9, 9, 9}, {7344, 7344, 7336, 7344, 7344, 7336}},             /* threads_head */
        {{10, 0, 0}, {7352, 0, 0, 7360, 0, 0}},                        /* gc */
        {{14, 15, 15}, {16, 16, 16, 16, 16, 16}},                      /* ceval_gil */
        {{15, 16, 16}, {7752, 7784, 7736, 7760, 7808, 7736}},          /* gil_runtime_state */
        {{17, 18, 18}, {7768, 7800, 7752, 7784, 7832, 7760}},          /* ..._locked */
        {{18, 19, 19}, {7760, 7792, 7744, 7776, 7824, 7752}},          /* ..._holder */
        {{0, 20, 20}, {0, 7992, 7944, 0, 8024, 7952}},                 /* code_object_generation */
        {{19, 22, 22}, {304, 832, 888, 304, 832, 888}},                /* thread_state.size */
        {{21, 24, 24}, {8, 8, 8, 8, 8, 8}},                            /* next */
        {{22, 25, 25}, {16, 16, 16, 16, 16, 16}},                      /* interp */
        {{23, 26, 26}, {72, 72, 72, 72, 72, 72}},                      /* current_frame */
        {{0, 0, 27}, {0, 0, 80, 0, 0, 80}},                            /* base_frame */
        {{25, 28, 31}, {160, 160, 184, 160, 160, 184}},                /* native_thread_id */
        {{26, 29, 32}, {232, 232, 256, 232, 232, 256}},                /* datastack_chunk */
        {{28, 31, 39}, {80, 88, 88, 80, 88, 88}},                      /* interpreter_frame.size */
        {{29, 32, 40}, {8, 8, 8, 8, 8, 8}},                            /* previous */
        {{30, 33, 41}, {0, 0, 0, 0, 0, 0}},                            /* executable */
        {{31, 34, 42}, {56, 56, 56, 56, 56, 56}},                      /* instr_ptr */
        {{33, 36, 44}, {70, 74, 74, 70, 78, 78}},                      /* owner */
        {{0, 38, 46}, {0, 0, 0, 0, 72, 72}},                           /* tlbc_index */
        {{32, 35, 43}, {72, 80, 80, 72, 80, 80}},                      /* localsplus */
        {{0, 37, 45}, {0, 64, 64, 0, 64, 64}},                         /* stackpointer */
        {{0, 62, 74}, {0, 200, 200, 0, 216, 216}},                     /* set_object.size */
        {{0, 63, 75}, {0, 24, 24, 0, 40, 40}},                         /* used */
        {{0, 64, 76}, {0, 40, 40, 0, 56, 56}},                         /* table */
        {{0, 65, 77}, {0, 32, 32, 0, 48, 48}},                         /* mask */
        {{0, 83, 99}, {0, 160, 160, 0, 176, 176}},                     /* gen_object.size */
        {{0, 85, 101}, {0, 72, 72, 0, 88, 88}},                        /* gi_iframe */
        {{0, 86, 102}, {0, 67, 67, 0, 83, 83}},                        /* gi_frame_state */
        {{34, 39, 47}, {208, 216, 216, 224, 240, 240}},                /* code_object.size */
        {{35, 40, 48}, {112, 112, 112, 128, 128, 128}},                /* filename */
        {{37, 42, 50}, {128, 128, 128, 144, 144, 144}},                /* qualname */
        {{38, 43, 51}, {136, 136, 136, 152, 152, 152}},                /* linetable */
        {{39, 44, 52}, {68, 68, 68, 84, 84, 84}},                      /* firstlineno */
        {{43, 48, 56}, {200, 208, 208, 216, 232, 232}},                /* co_code_adaptive */
        {{0, 49, 57}, {0, 0, 0, 0, 224, 224}},                         /* co_tlbc */
        {{44, 50, 58}, {16, 16, 16, 32, 32, 32}},                      /* pyobject.size */
        {{45, 51, 59}, {8, 8, 8, 24, 24, 24}},                         /* ob_type */
        {{46, 52, 60}, {416, 416, 424, 432, 432, 440}},                /* type_object.size */
        {{47, 53, 61}, {24, 24, 24, 40, 40, 40}},                      /* tp_name */
        {{64, 74, 86}, {40, 40, 40, 56, 56, 56}},                      /* bytes_object.size */
        {{65, 75, 87}, {16, 16, 16, 32, 32, 32}},                      /* ob_size */
        {{66, 76, 88}, {32, 32, 32, 48, 48, 48}},                      /* ob_sval */
        {{67, 77, 89}, {64, 64, 64, 80, 80, 80}},                      /* unicode_object.size */
        {{68, 78, 90}, {32, 32, 32, 48, 48, 48}},                      /* state */
        {{69, 79, 91}, {16, 16, 16, 32, 32, 32}},                      /* length */
        {{70, 80, 92}, {40, 40, 40, 56, 56, 56}},                      /* asciiobject_size */
    };
    static const uint16_t bytes[] = {584, 760, 888};
    unsigned column = build.minor - 13u;
    memset(ret_debug, 0, bytes[column]);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        uint64_t value = words[i].value[column + (build.free_threaded ? 3 : 0)];
        if (words[i].word[column])
            memcpy(ret_debug + 8 * (size_t)words[i].word[column], &value, sizeof(value));
    }
    return bytes[column];
}

static inline remote_addr fake_alloc(struct fake *fake, size_t length)
{
    remote_addr at = fake->heap_next;
    fake->heap_next += (length + 15) & ~(size_t)15;
    return at;
}

static inline remote_addr fake_text(struct fake *fake, const char *ascii)
{
    remote_addr at =
        fake_alloc(fake, fake->runtime.layout.unicode.ascii_bytes + 24 + strlen(ascii));
    fake_put_u64(fake, at + fake->runtime.layout.unicode.length, strlen(ascii));
    fake_put_u32(fake, at + fake->runtime.layout.unicode.state,
                 (1u | 1u << 3 | 1u << 4) << fake->runtime.layout.unicode.state_shift);
    fake_put(fake, at + fake->runtime.layout.unicode.ascii_bytes, ascii, strlen(ascii));
    return at;
}

static inline remote_addr fake_bytes(struct fake *fake, const void *data, size_t length)
{
    remote_addr at = fake_alloc(fake, fake->runtime.layout.bytes.data + 8 + length);
    fake_put_u64(fake, at + fake->runtime.layout.bytes.size, length);
    fake_put(fake, at + fake->runtime.layout.bytes.data, data, length);
    return at;
}

/* The same in each format: the first two code units have the first line, the others the next. */
static inline remote_addr fake_lines(struct fake *fake)
{
    static const uint8_t lnotab[] = {4, 1}, ranges[] = {4, 0, 12, 1};
    static const uint8_t locations[] = {0x80 | 13 << 3 | 1, 0, 0x80 | 13 << 3 | 5, 2};
    switch (fake->runtime.layout.line_table) {
    case PYTHON_LINES_LNOTAB:
        return fake_bytes(fake, lnotab, sizeof(lnotab));
    case PYTHON_LINES_RANGES:
        return fake_bytes(fake, ranges, sizeof(ranges));
    default:
        return fake_bytes(fake, locations, sizeof(locations));
    }
}

/* A code object of 8 code units: line `first_line` for the first two, the next line for the others.
 * Where threads have copies of code, there is one. */
static inline remote_addr fake_code(struct fake *fake, const char *name, uint32_t first_line)
{
    const struct python_layout *layout = &fake->runtime.layout;
    remote_addr file = fake_text(fake, "file.py"), function = fake_text(fake, name);
    remote_addr lines = fake_lines(fake);
    size_t header = layout->code.instructions == PYTHON_ABSENT ? 176 : layout->code.instructions;
    remote_addr at = fake_alloc(fake, header + 16);
    fake_put_u64(fake, at + layout->object.type, FAKE_TYPES);
    fake_put_u32(fake, at + layout->code.first_line, first_line);
    if (layout->code.units != PYTHON_ABSENT) {
        fake_put_u64(fake, at + layout->code.units, 8);
        fake_put_u32(fake, at + layout->code.first_traceable, 1);
    }
    if (layout->code.tlbc != PYTHON_ABSENT) {
        remote_addr array = fake_alloc(fake, 24);
        fake_put_u64(fake, array, 2);
        fake_put_u64(fake, array + 8, at + layout->code.instructions);
        fake_put_u64(fake, array + 16, fake_alloc(fake, 16));
        fake_put_u64(fake, at + layout->code.tlbc, array);
    }
    fake_put_u64(fake, at + layout->code.filename, file);
    fake_put_u64(fake, at + layout->code.qualname, function);
    fake_put_u64(fake, at + layout->code.linetable, lines);
    return at;
}

static inline void fake_set_frame(struct fake *fake, remote_addr frame)
{
    const struct python_layout *layout = &fake->runtime.layout;
    fake->last_frame = frame;
    if (layout->thread.cframe == PYTHON_ABSENT)
        fake_put_u64(fake, FAKE_THREAD + layout->thread.frame, frame);
    else
        fake_put_u64(fake, FAKE_C_STACK + layout->cframe.frame, frame);
}

/* Notes that a frame stands at code unit `unit` of `code`, in the thread's copy where there is one.
 */
static inline void fake_set_unit(struct fake *fake, remote_addr frame, remote_addr code,
                                 unsigned unit)
{
    const struct python_layout *layout = &fake->runtime.layout;
    remote_addr start = code + layout->code.instructions;
    if (layout->frame.last != PYTHON_ABSENT) {
        fake_put_u32(fake, frame + layout->frame.last, 2 * unit / layout->last_unit_bytes);
        return;
    }
    if (layout->frame.tlbc_index != PYTHON_ABSENT) {
        remote_addr array = load_u64(fake->data + (code + layout->code.tlbc - FAKE_BASE));
        fake_put_u32(fake, frame + layout->frame.tlbc_index, 1);
        start = load_u64(fake->data + (array + 16 - FAKE_BASE));
    }
    fake_put_u64(fake, frame + layout->frame.ip, start + 2 * (uint64_t)unit);
}

/* Pushes a frame that stands at code unit `unit`; owner 3 makes a shim. Returns its address. */
static inline remote_addr fake_push(struct fake *fake, remote_addr code, unsigned unit,
                                    uint8_t owner)
{
    const struct python_layout *layout = &fake->runtime.layout;
    remote_addr at = fake->frame_next;
    uint8_t entry = fake->last_frame == 0;
    fake->frame_next += FAKE_FRAME_BYTES;
    fake_put_u64(fake, at + layout->frame.code, code | (layout->tag_mask & 1));
    fake_put_u64(fake, at + layout->frame.previous, fake->last_frame);
    fake_set_unit(fake, at, code, unit);
    if (layout->frame.owner != PYTHON_ABSENT)
        fake_put(fake, at + layout->frame.owner, &owner, 1);
    if (layout->frame.is_entry != PYTHON_ABSENT)
        fake_put(fake, at + layout->frame.is_entry, &entry, 1);
    fake_set_frame(fake, at);
    return at;
}

/* A process of CPython with one thread that has entered an eval loop and no more. */
static inline bool fake_init(struct fake *fake, struct fake_build build)
{
    uint8_t debug[PYTHON_DEBUG_BYTES_MAX];
    memset(fake, 0, sizeof(*fake));
    fake->memory = (struct memory){.read_spans = fake_read_spans, .context = fake};
    fake->heap_next = FAKE_HEAP;
    fake->frame_next = FAKE_CHUNK + 24;
    fake->runtime.address = FAKE_RUNTIME;
    fake->runtime.version = 0x030000f0u | (uint32_t)build.minor << 16;
    fake->runtime.free_threaded = build.free_threaded;
    fake->runtime.pthread_tid = 720;
    size_t length = build.minor >= 13 ? fake_debug_offsets(build, debug) : 0;
    if (!python_layout_init(fake->runtime.version, build.free_threaded, debug, length,
                            &fake->runtime.layout))
        return false;

    const struct python_layout *layout = &fake->runtime.layout;
    fake_put_u64(fake, FAKE_RUNTIME + layout->runtime.interpreters_head, FAKE_INTERPRETER);
    fake_put_u64(fake, FAKE_INTERPRETER + layout->interpreter.threads_head, FAKE_THREAD);
    fake_put_u64(fake, FAKE_THREAD + layout->thread.interp, FAKE_INTERPRETER);
    if (layout->thread.native_id != PYTHON_ABSENT) {
        fake_put_u64(fake, FAKE_THREAD + layout->thread.native_id, FAKE_TID);
    } else {
        fake_put_u64(fake, FAKE_THREAD + layout->thread.pthread, FAKE_PTHREAD);
        fake_put_u32(fake, FAKE_PTHREAD + fake->runtime.pthread_tid, FAKE_TID);
    }
    if (layout->thread.chunk != PYTHON_ABSENT) {
        fake_put_u64(fake, FAKE_THREAD + layout->thread.chunk, FAKE_CHUNK);
        fake_put_u64(fake, FAKE_THREAD + layout->thread.chunk + 16, FAKE_CHUNK + FAKE_CHUNK_BYTES);
        fake_put_u64(fake, FAKE_CHUNK + 8, FAKE_CHUNK_BYTES);
    }
    if (layout->thread.cframe != PYTHON_ABSENT) {
        fake_put_u64(fake, FAKE_THREAD + layout->thread.cframe, FAKE_C_STACK);
        fake_put_u64(fake, FAKE_C_STACK + layout->cframe.previous, FAKE_C_STACK + 64);
    }
    /* Two types: code objects', and that of types. */
    fake_put_u64(fake, FAKE_TYPES + layout->object.type, FAKE_TYPES + 0x100);
    fake_put_u64(fake, FAKE_TYPES + 0x100 + layout->object.type, FAKE_TYPES + 0x100);
    fake_put_u64(fake, FAKE_TYPES + layout->object.name, FAKE_TYPES + 0x200);
    fake_put(fake, FAKE_TYPES + 0x200, "code", 5);
    if (layout->has_shims) {
        remote_addr base = fake_push(fake, fake_code(fake, "shim", 1), 0, 3);
        if (layout->thread.base_frame != PYTHON_ABSENT)
            fake_put_u64(fake, FAKE_THREAD + layout->thread.base_frame, base);
    }
    return true;
}

#endif
