/* Frames that are objects on the heap (3.8 to 3.10), copied ahead.
 *
 * They lie anywhere, so that each costs a system call of its own, as much as copying several KiB.
 * But most of a thread's frames are those of its last capture, which one vectored read can fetch.
 */
#ifndef MEMSAMPLE_PYTHON_CHAIN_H
#define MEMSAMPLE_PYTHON_CHAIN_H

#include "addresses.h"
#include "python/layout.h"

#define CHAIN_FRAMES_MAX MEMORY_SPANS_MAX

struct chain {
    remote_addr thread; /* whose frames these are */
    remote_addr met[CHAIN_FRAMES_MAX];
    size_t met_count;
    struct addresses copied; /* number: place in `data` */
    size_t copied_count;
    size_t frame_bytes;
    uint8_t data[CHAIN_FRAMES_MAX * PYTHON_FRAME_BYTES_MAX];
};

/* Begins a capture of the thread with this state: copies the frames that were met in its last one.
 */
void chain_begin(struct chain *chain, const struct memory *memory, remote_addr thread,
                 size_t frame_bytes);
/* The copy of a frame, or NULL. The frame is noted for the next capture. */
const uint8_t *chain_get(struct chain *chain, remote_addr frame);

#endif
