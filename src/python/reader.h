/* What a reader keeps between its calls. */
#ifndef MEMSAMPLE_PYTHON_READER_H
#define MEMSAMPLE_PYTHON_READER_H

#include "python/stack.h"
#include "task_names.h"
#include "tasks.h"
#include "threads.h"
#include "walk.h"

#define LINES_SLOTS    8192 /* power of two */
#define BYTECODE_SLOTS 256

/* A frame of the last capture. */
struct captured {
    uint32_t met;
    int32_t offset; /* of the instruction, in bytes; may be negative: not started */
    uint32_t task;  /* see struct walk_frame */
    remote_addr loop; /* likewise */
    uint32_t loop_depth;
    remote_addr bytecode; /* where the code begins that it runs; 0: in an object of its own */
};

/* Where the bytecode of a code object is, looked up before (3.8 to 3.10). */
struct bytecode_slot {
    remote_addr code; /* 0: free */
    uint32_t code_id;
    remote_addr start;
    uint64_t bytes;
};

/* A line looked up before. */
struct line_slot {
    uint32_t code_id_plus_one; /* 0: free */
    int32_t offset;
    int32_t line;
};

struct python_reader {
    struct python_runtime runtime;
    const struct memory *memory;
    bool is_captured, can_retry;
    pid_t last_tid;
    struct thread_state state; /* of the last capture: that of the innermost interpreter */

    remote_addr copies[WALK_FRAMES_MAX]; /* of the frames' code, where they run one (TLBC) */
    struct captured captured[PYTHON_FRAMES_MAX];
    size_t captured_count;
    bool truncated;
    struct python_frame frames[PYTHON_FRAMES_MAX];
    struct line_slot lines[LINES_SLOTS];
    struct bytecode_slot bytecodes[BYTECODE_SLOTS];

    struct threads threads;
    struct walk walk;
    struct windows windows;
    struct cells cells;
    struct codes codes;
    struct tasks tasks;
    struct task_names task_names;
    uint64_t task_captures;
    struct buffer task_name; /* of the last task that was looked at */
};

/* Reads the code of the frames in the walk and keeps those that are Python code in execution. 0,
 * PYTHON_STACK_TORN or a negative errno. */
int reader_take_walk(struct python_reader *reader);

#endif
