/* Native stacks of threads, in two halves as for Python (python/stack.h): the first copies
 * registers and stack while the thread cannot move, the second unwinds the copy after the thread
 * was let go.
 *
 * Where there is no unwind information the frame pointer is followed as long as what it leads to
 * proves to be a frame; then the stack ends. A frame is never guessed. */
#ifndef MEMSAMPLE_NATIVE_STACK_H
#define MEMSAMPLE_NATIVE_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/memory.h"
#include "proc/registers.h"

#define NATIVE_FRAMES_MAX      1024 /* innermost first; deeper ones are cut off */
#define NATIVE_STACK_BYTES_MAX (256 << 10)
#define NATIVE_BUILD_ID_MAX    64
#define NATIVE_NO_MODULE       UINT32_MAX

/* A file with code, as the target has it mapped. */
struct native_module {
    const char *path; /* as in /proc/PID/maps; stable */
    uint8_t build_id[NATIVE_BUILD_ID_MAX];
    uint32_t build_id_bytes; /* 0: none */
};

struct native_frame {
    remote_addr pc;   /* the instruction; of callers an address inside of the call */
    remote_addr sp;   /* lowest address that belongs to the frame: the next frame's is above */
    uint32_t module;  /* number, or NATIVE_NO_MODULE: code that is in no file */
    uint64_t address; /* virtual address in the file, before the load bias */
    bool by_pointer;  /* its caller was found by the frame pointer */
};

enum native_end {
    NATIVE_WHOLE,   /* up to where the thread began */
    NATIVE_CUT,     /* deeper than what is copied or kept */
    NATIVE_NO_INFO, /* the last frame's module has no unwind information there, and no frame pointer
                       that holds */
    NATIVE_BROKEN,  /* the last frame's unwind information contradicts the stack */
};

struct native_stack {
    struct native_frame *frames; /* owned by the unwinder until the next native_unwind */
    size_t count;
    enum native_end end;
};

struct native_unwinder;

/* `pid` is the process whose files are read. 0 or -ENOMEM. */
int native_unwinder_create(pid_t pid, struct native_unwinder **ret_unwinder);
void native_unwinder_destroy(struct native_unwinder *unwinder);

/* Copies the stack above the stack pointer: for a thread that stands still. One read; no
 * allocation, no file. 0, or a negative errno: nothing can be unwound then. */
int native_capture(struct native_unwinder *unwinder, const struct memory *memory,
                   const struct registers *registers);
/* Forgets the last capture. */
void native_forget(struct native_unwinder *unwinder);
bool native_has_capture(const struct native_unwinder *unwinder);
/* Unwinds the last capture. Reads files; takes longer when libraries were loaded. 0 or a negative
 * errno. */
int native_unwind(struct native_unwinder *unwinder, struct native_stack *ret_stack);
/* A word of the captured stack. False when it is not among what was copied. */
bool native_stack_word(const struct native_unwinder *unwinder, remote_addr address,
                       uint64_t *ret_word);

/* The module of that number, or NULL. Good until the next native_unwind. */
const struct native_module *native_find_module(const struct native_unwinder *unwinder,
                                               uint32_t number);

#endif
