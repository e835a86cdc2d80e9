/* Small pieces of the target's heap, copied during a capture.
 *
 * Objects lie anywhere, and each leads to the next, so each costs a system call of its own. But the
 * next capture is likely to need the same ones: those are fetched with one call before. */
#ifndef MEMSAMPLE_PYTHON_CELLS_H
#define MEMSAMPLE_PYTHON_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/memory.h"

#define CELL_BYTES  256 /* and so aligned: never on two pages */
#define CELLS_MAX   192 /* one more, and all are forgotten */
#define CELLS_SLOTS 512 /* power of two */

struct cells {
    const struct memory *memory;
    size_t count;
    remote_addr addresses[CELLS_MAX];
    bool used[CELLS_MAX];        /* not only fetched ahead */
    uint16_t slots[CELLS_SLOTS]; /* open addressing: number of a cell + 1, or 0 */
    uint8_t data[CELLS_MAX][CELL_BYTES];
};

/* Begins a capture: forgets all copies, and with `again` fetches anew what the last one used. */
void cells_begin(struct cells *cells, const struct memory *memory, bool again);
/* Copies bytes of the target. False when they cannot be read. */
bool cells_read(struct cells *cells, remote_addr address, void *into, size_t length);

#endif
