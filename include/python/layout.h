/* Where CPython keeps what memsample reads: offsets in bytes, by version.
 *
 * One struct for all versions. Up to 3.12 it comes from a table per minor version (printed by
 * scripts/offsets); from 3.13 on the target's own _Py_DebugOffsets overlay the table and are
 * validated as hostile input. */
#ifndef MEMSAMPLE_PYTHON_LAYOUT_H
#define MEMSAMPLE_PYTHON_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PYTHON_ABSENT UINT32_MAX /* this version has no such field */

/* What one read of such an object may cost at most; python_layout_init keeps every field below. */
#define PYTHON_THREAD_BYTES_MAX 1024
#define PYTHON_FRAME_BYTES_MAX  256
#define PYTHON_CODE_BYTES_MAX   256
#define PYTHON_TEXT_BYTES_MAX   128
#define PYTHON_DEBUG_BYTES_MAX  1024 /* of _Py_DebugOffsets */

/* How a code object says which line an instruction stands on. */
enum python_line_table {
    PYTHON_LINES_LNOTAB,    /* co_lnotab of 3.8 and 3.9 */
    PYTHON_LINES_RANGES,    /* co_linetable of 3.10 */
    PYTHON_LINES_LOCATIONS, /* co_linetable of 3.11 and later */
};

struct python_layout {
    struct {
        uint32_t interpreters_head; /* newest PyInterpreterState */
        uint32_t finalizing;        /* PyThreadState that tears the runtime down, or 0 */
    } runtime;
    struct {
        uint32_t next;
        uint32_t threads_head;    /* newest PyThreadState */
        uint32_t threads_made;    /* u64, counts thread states ever made */
        uint32_t code_generation; /* u64, changes whenever a code object dies (3.14+) */
    } interpreter;
    struct {
        uint32_t next, interp;
        uint32_t frame;      /* running frame, or absent: it hangs on the cframe */
        uint32_t base_frame; /* frame that stands for "none runs" (3.15) */
        uint32_t cframe;     /* struct on the C stack of the innermost eval loop (3.11, 3.12) */
        uint32_t native_id;  /* u64, gettid(), or absent: it is in what pthread_self() gave (3.8
                                to 3.10) */
        uint32_t pthread;    /* u64, pthread_self() */
        uint32_t chunk; /* current data-stack chunk; then its top (first free byte) and its limit */
        uint32_t bytes; /* covers the fields above */
    } thread;
    struct {
        uint32_t frame, previous;
    } cframe;
    struct {
        uint32_t code, previous;
        uint32_t ip;         /* address of an instruction, or */
        uint32_t last;       /* i32, number of the last instruction (3.8 to 3.10) */
        uint32_t tlbc_index; /* i32, which copy of the code it runs (free-threaded 3.14+) */
        uint32_t owner;      /* u8 */
        uint32_t is_entry;   /* u8, first frame of an eval loop: 3.11, which has no shim frames */
        uint32_t generator;  /* generator that it belongs to (3.8 to 3.10; later it is part of it) */
        uint32_t locals;     /* its local variables; from 3.11 on its value stack follows them */
        uint32_t stack_end;  /* behind the newest value of its value stack (3.8, 3.9, 3.14+), or */
        uint32_t stack_count; /* i32, how many values there are, locals included from 3.11 on */
        uint32_t stack;       /* and where they begin (3.10) */
        uint32_t state;       /* i8, whether it runs: enum _framestate (3.10; later its generator's) */
        uint32_t bytes;
    } frame;
    struct {
        uint32_t type; /* ob_type of any object */
        uint32_t name; /* tp_name of a type */
        uint32_t base; /* tp_base of a type */
    } object;
    struct {
        uint32_t frame;   /* its frame, inline, or absent: */
        uint32_t pointer; /* to it (3.8 to 3.10) */
        uint32_t state;   /* i8, whether it runs: enum _framestate (3.11+) */
    } generator;          /* and coroutines */
    struct {
        uint32_t closure;
    } function;
    struct {
        uint32_t used, table, mask; /* entries in use, its slots, their number less one (3.14+) */
    } set;
    struct {
        uint32_t units; /* ob_size: code units of two bytes */
        uint32_t first_line, first_traceable;
        uint32_t filename, qualname, linetable;
        uint32_t
            instructions; /* the code itself, inline; absent: an object of its own, a `bytes` at */
        uint32_t bytecode; /* (3.8 to 3.10) */
        uint32_t tlbc;    /* array of the threads' copies of it: their count, their addresses */
        uint32_t bytes;
    } code;
    struct {
        uint32_t length, state;
        uint32_t ascii_bytes;   /* header of an ASCII string, its text follows */
        uint32_t compact_bytes; /* header of other strings; the text follows or, legacy, a pointer
                                   to it */
        uint32_t state_shift;   /* bit of `state` at which kind (3), compact (1), ascii (1) begin */
    } unicode;
    struct {
        uint32_t size, data;
    } bytes;
    struct {
        uint32_t pointer; /* in the interpreter, to its GIL; absent: one GIL, in the runtime */
        uint32_t enabled; /* i32, whether there is one at all (free-threaded builds) */
        uint32_t holder;  /* thread state that had it last */
        uint32_t locked;  /* i32 */
    } gil;
    struct {
        uint32_t runtime_lists; /* of objects that the collector follows, in the runtime (3.8), or */
        uint32_t lists;         /* in each interpreter (3.9 to 3.12; 3.13: its whole state) */
    } gc;
    uint8_t minor; /* of the version */
    enum python_line_table line_table;
    uint32_t last_unit_bytes; /* what frame.last counts in */
    uint64_t tag_mask;        /* bits to clear in a frame's code reference (stackrefs, 3.14+) */
    bool has_shims; /* each eval loop starts with a frame that is no Python code (3.12+) */
    bool holds_any; /* a frame may have another object in its code's place (3.13+) */
};

/* Whether this kind of interpreter can be read at all. */
bool python_layout_is_supported(uint32_t version, bool free_threaded);
/* Bytes of _Py_DebugOffsets to hand to python_layout_init; 0 before 3.13. */
size_t python_layout_debug_bytes(uint32_t version);
/* `debug` are the first bytes of _PyRuntime from 3.13 on. False when the version is not supported
 * or its offsets contradict themselves. */
bool python_layout_init(uint32_t version, bool free_threaded, const uint8_t *debug,
                        size_t debug_bytes, struct python_layout *ret_layout);

#endif
