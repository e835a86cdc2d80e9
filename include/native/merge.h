/* One stack out of a thread's native frames and its Python frames. Pure: numbers in, an order out.
 */
#ifndef MEMSAMPLE_NATIVE_MERGE_H
#define MEMSAMPLE_NATIVE_MERGE_H

#include "native/stack.h"
#include "python/stack.h"

struct merge_input {
    const struct native_stack *native;
    size_t python_frames;
    const struct python_entry *entries; /* innermost first */
    size_t entry_count;
    struct python_code code;
};

struct merge_frame {
    bool native;
    uint32_t index; /* into the native frames, or the Python frames */
};

/* How the two fit. */
enum merge_fit {
    MERGE_EXACT,     /* each Python frame stands where its C frame stood */
    MERGE_UNCERTAIN, /* they contradict each other: the Python stack is whole, with the native leaf
                        below it */
};

/* Fills `ret_frames` (room for all frames of both), innermost first. */
enum merge_fit merge_stacks(const struct merge_input *input, struct merge_frame *ret_frames,
                            size_t *ret_count);

/* The most frames of both together. */
#define MERGE_FRAMES_MAX (NATIVE_FRAMES_MAX + PYTHON_FRAMES_MAX)

/* Where the merged stack of one thread is made. */
struct merger {
    struct native_stack native; /* as unwound */
    bool unwound;               /* there were native frames to merge */
    enum merge_fit fit;
    struct merge_frame frames[MERGE_FRAMES_MAX]; /* innermost first */
    size_t count;
    struct python_entry entries[PYTHON_FRAMES_MAX];
};

/* Unwinds the last capture of `unwinder`, if there is one, and merges it with the last capture of
 * `reader` (NULL: no Python), which has `python_frames`. */
void merger_run(struct merger *merger, struct native_unwinder *unwinder,
                const struct python_reader *reader, const struct python_code *code,
                size_t python_frames);

#endif
