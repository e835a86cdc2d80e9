/* Pieces of the target's memory, copied once during a capture.
 *
 * A system call costs as much as copying several KiB, and frames lie close together: in the chunks of the data
 * stack, and the shims of eval loops on the C stack. So a miss copies the surroundings too. */
#ifndef MEMSAMPLE_PYTHON_WINDOWS_H
#define MEMSAMPLE_PYTHON_WINDOWS_H

#include <stddef.h>
#include <stdint.h>

#include "proc/memory.h"

#define WINDOWS_COUNT       16
#define WINDOW_BYTES        8192
#define WINDOW_CHUNK_BYTES  (64 << 10)
#define WINDOW_REQUEST_MAX  1024 /* bytes that one windows_get may ask for */

struct window {
    remote_addr start;
    size_t length; /* 0: empty */
};

struct windows {
    const struct memory *memory;
    remote_addr chunk_start, chunk_end; /* where the data-stack chunk that is walked is believed to lie */
    struct window chunk, small[WINDOWS_COUNT];
    size_t next; /* of small[], to be replaced */
    uint8_t chunk_data[WINDOW_CHUNK_BYTES];
    uint8_t small_data[WINDOWS_COUNT][WINDOW_BYTES];
};

/* Forgets all copies. */
void windows_begin(struct windows *windows, const struct memory *memory);
/* Reads in [start, end) come with everything between its start and them. A hint: it may be wrong. */
void windows_set_chunk(struct windows *windows, remote_addr start, remote_addr end);
/* The target's bytes at `address`, good until the next call. 0 or a negative errno. */
int windows_get(struct windows *windows, remote_addr address, size_t length,
                const uint8_t **ret_data);

#endif
