/* Pieces of the target's memory, copied once during a capture.
 *
 * A system call costs as much as copying several KiB, and frames lie close together: in the chunks
 * of the data stack, and the shims of eval loops on the C stack. So a miss copies the surroundings
 * too. */
#ifndef MEMSAMPLE_PYTHON_WINDOWS_H
#define MEMSAMPLE_PYTHON_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/memory.h"

#define WINDOWS_COUNT      16
#define WINDOW_BYTES       8192
#define WINDOW_CHUNK_BYTES (64 << 10)
#define WINDOW_REQUEST_MAX 1024 /* bytes that one windows_get may ask for */
#define WINDOWS_WISHES_MAX 8

struct window {
    remote_addr start;
    size_t length;               /* 0: empty */
    size_t used_start, used_end; /* what was asked for of it, as offsets */
};

struct windows {
    const struct memory *memory;
    remote_addr chunk_start,
        chunk_end;    /* where the data-stack chunk that is walked is believed to lie */
    bool chunk_moved; /* it is no longer the innermost */
    struct window chunk, small[WINDOWS_COUNT];
    size_t next; /* of small[], to be replaced */
    struct {
        struct window *window;
        remote_addr start;
        size_t length;
    } wishes[WINDOWS_WISHES_MAX];
    size_t wishes_count;
    uint8_t chunk_data[WINDOW_CHUNK_BYTES];
    uint8_t small_data[WINDOWS_COUNT][WINDOW_BYTES];
};

/* Begins a capture: forgets all copies. With `again` it first notes what was used of them: the next
 * capture of the same thread is likely to need the same pieces, and can have them with its very
 * first read. Fills `spans` with them and returns how many; windows_grant then tells how many of
 * those were read. */
size_t windows_begin(struct windows *windows, const struct memory *memory, bool again,
                     struct memory_span spans[WINDOWS_WISHES_MAX]);
void windows_grant(struct windows *windows, size_t count);
/* Reads in [start, end) come with everything between its start and them. A hint: it may be wrong.
 */
void windows_set_chunk(struct windows *windows, remote_addr start, remote_addr end);
/* The target's bytes at `address`, good until the next call. 0 or a negative errno. */
int windows_get(struct windows *windows, remote_addr address, size_t length,
                const uint8_t **ret_data);

#endif
