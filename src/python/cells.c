/* Copies of the heap by aligned address. Knows nothing of what they hold. */
#include "cells.h"
#include "addresses.h"

#include <string.h>

static uint16_t *find_slot(struct cells *cells, remote_addr address)
{
    size_t at = address_hash(address) & (CELLS_SLOTS - 1);
    while (cells->slots[at] && cells->addresses[cells->slots[at] - 1] != address)
        at = (at + 1) & (CELLS_SLOTS - 1);
    return &cells->slots[at];
}

static void forget(struct cells *cells)
{
    memset(cells->slots, 0, sizeof(cells->slots));
    cells->count = 0;
}

void cells_begin(struct cells *cells, const struct memory *memory, bool again)
{
    struct memory_span spans[CELLS_MAX];
    remote_addr wanted[CELLS_MAX];
    size_t count = 0;
    for (size_t i = 0; again && i < cells->count; i++)
        if (cells->used[i])
            wanted[count++] = cells->addresses[i];
    forget(cells);
    cells->memory = memory;
    for (size_t i = 0; i < count; i++)
        spans[i] = (struct memory_span){wanted[i], cells->data[i], CELL_BYTES};
    int r = count ? memory_read_spans(memory, spans, count) : 0;
    for (int i = 0; i < r; i++) {
        cells->addresses[i] = wanted[i];
        cells->used[i] = false;
        *find_slot(cells, wanted[i]) = (uint16_t)(i + 1);
        cells->count++;
    }
}

/* The copy of an aligned piece, or NULL. */
static const uint8_t *get(struct cells *cells, remote_addr address)
{
    uint16_t *slot = find_slot(cells, address);
    if (!*slot) {
        if (cells->count == CELLS_MAX) {
            forget(cells);
            slot = find_slot(cells, address);
        }
        if (memory_read(cells->memory, address, cells->data[cells->count], CELL_BYTES) < 0)
            return NULL;
        cells->addresses[cells->count++] = address;
        *slot = (uint16_t)cells->count;
    }
    cells->used[*slot - 1] = true;
    return cells->data[*slot - 1];
}

bool cells_read(struct cells *cells, remote_addr address, void *into, size_t length)
{
    uint8_t *out = into;
    while (length) {
        size_t skip = address % CELL_BYTES;
        size_t part = CELL_BYTES - skip < length ? CELL_BYTES - skip : length;
        const uint8_t *data = get(cells, address - skip);
        if (!data)
            return false;
        memcpy(out, data + skip, part);
        out += part;
        address += part;
        length -= part;
    }
    return true;
}
