/* Python stacks of threads, in two halves.
 *
 * The first half (python_stack_capture) is for a thread that cannot move: stopped or asleep. It
 * only reads memory into buffers that exist already: few reads, each large; no allocation, no file,
 * no name. The second half (python_stack_resolve) runs after the thread was let go and turns what
 * was captured into names and lines through caches. */
#ifndef MEMSAMPLE_PYTHON_STACK_H
#define MEMSAMPLE_PYTHON_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/memory.h"
#include "python/runtime.h"

#define PYTHON_FRAMES_MAX                                                                          \
    1024 /* the innermost frames that are kept; deeper stacks are `truncated` */

/* A reader keeps the thread list, the code objects it met and the scratch memory for one runtime.
 */
struct python_reader;

/* `memory` must outlive the reader. 0 or -ENOMEM. */
int python_reader_create(const struct python_runtime *runtime, const struct memory *memory,
                         struct python_reader **ret_reader);
void python_reader_destroy(struct python_reader *reader);

/* Outcomes of python_stack_capture. */
enum {
    PYTHON_STACK_NO_THREAD = 1, /* no thread state belongs to this thread: no Python here */
    PYTHON_STACK_TORN = 2,      /* what was read contradicts itself: counted, never shown */
};

/* Captures the stack of thread `tid` into the reader. `tid` is what the thread itself gets from
 * gettid(): in another PID namespace that is the last number in the line NSpid of its
 * /proc/PID/task/TID/status. An empty stack is a success (a thread state without frames). 0, an
 * outcome above, or a negative errno (-ESRCH: the process is gone). */
int python_stack_capture(struct python_reader *reader, pid_t tid);

/* For a capture of a thread that was neither stopped nor asleep: whether the innermost frame is still the one that was captured, called
 * by the same frame. Then the frames below it cannot have moved in between, unless it returned and was called anew within the few
 * microseconds. 0, PYTHON_STACK_TORN or a negative errno. One read. */
int python_stack_confirm(const struct python_reader *reader);

/* The `file` of a frame that is none: it stands where a task of asyncio begins, between its
 * coroutines and those of the task that awaits it or the event loop. `function` is "task NAME
 * (COROUTINE)", without the name when asyncio made it up, `line` is 0. */
#define PYTHON_TASK_FILE "<task>"

/* A frame with its names. Text is valid UTF-8, NUL-terminated, owned by the reader and stable until
 * the reader is destroyed: the same code object gives the same pointers. */
struct python_frame {
    const char *file;     /* co_filename */
    const char *function; /* co_qualname */
    int32_t line;         /* 0: not known */
    int32_t first_line;   /* co_firstlineno */
    uint32_t code_id;     /* small number of this code object's contents, stable for the reader */
};

struct python_stack {
    const struct python_frame
        *frames; /* innermost first; owned by the reader until the next resolve */
    size_t count;
    bool truncated; /* outermost frames are missing */
};

/* Turns the last successful capture into names. 0, PYTHON_STACK_TORN, or a negative errno. */
int python_stack_resolve(struct python_reader *reader, struct python_stack *ret_stack);

/* The bytecode that the innermost frame of the last resolved capture runs. */
struct python_bytecode {
    remote_addr start;
    uint64_t bytes;
    uint32_t code_id; /* see struct python_frame */
};

/* 0, PYTHON_STACK_TORN when there is none, or a negative errno. */
int python_stack_bytecode(struct python_reader *reader, struct python_bytecode *ret_bytecode);

/* A frame that runs the instruction at `offset`, in bytes, of a code object that was met before. */
void python_code_frame(struct python_reader *reader, uint32_t code_id, int32_t offset,
                       struct python_frame *ret_frame);

/* A C evaluation loop of the last capture, innermost first: it runs the frames of the resolved
 * stack from the end of the entry before up to `frames_end`. */
struct python_entry {
    remote_addr anchor; /* an address in the loop's own part of the C stack; 0: not known (3.8
                           to 3.10: one loop a frame) */
    size_t frames_end;
};

/* Reads a word of the captured thread's C stack as it was then. */
typedef bool (*python_word_fn)(void *context, remote_addr address, uint64_t *ret_word);

/* The entries of the last capture; at most `entries_max`, the innermost. Returns how many. */
size_t python_stack_entries(const struct python_reader *reader, python_word_fn read_word,
                            void *context, struct python_entry *ret_entries, size_t entries_max);

/* Whether the captured thread holds the GIL of its interpreter. 0, PYTHON_STACK_TORN, or a negative
 * errno; PYTHON_STACK_NO_GIL when this process has none. */
enum { PYTHON_STACK_NO_GIL = 3 };
int python_stack_holds_gil(const struct python_reader *reader, bool *ret_holds);

/* Whether the captured thread sits in a state in which CPython 3.11 and 3.12 have not linked the
 * running frame yet (field "cframe" stored before it is filled): stepping the thread by a few
 * instructions and capturing again gives the stack. Meaningful after PYTHON_STACK_TORN. */
bool python_reader_can_retry(const struct python_reader *reader);

#endif
