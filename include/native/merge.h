/* One stack out of a thread's native frames and its Python frames. Pure: numbers in, an order out. */
#ifndef MEMSAMPLE_NATIVE_MERGE_H
#define MEMSAMPLE_NATIVE_MERGE_H

#include "native/stack.h"

/* A C evaluation loop and the Python frames that it runs, innermost first: see struct python_entry. */
struct merge_entry {
    remote_addr anchor;
    size_t frames_end;
};

struct merge_range {
    remote_addr start, end;
};

struct merge_input {
    const struct native_stack *native;
    size_t python_frames;
    const struct merge_entry *entries; /* innermost first */
    size_t entry_count;
    struct merge_range interpreter; /* its file's code */
    const struct merge_range *eval; /* code of the evaluation function, which takes the place of anchors that are 0 */
    size_t eval_count;
};

struct merge_frame {
    bool native;
    uint32_t index; /* into the native frames, or the Python frames */
};

/* How the two fit. */
enum merge_fit {
    MERGE_EXACT,     /* each Python frame stands where its C frame stood */
    MERGE_UNCERTAIN, /* they contradict each other: the Python stack is whole, with the native leaf below it */
};

/* Fills `ret_frames` (room for all frames of both), innermost first. */
enum merge_fit merge_stacks(const struct merge_input *input, struct merge_frame *ret_frames, size_t *ret_count);

#endif
