/* Single words of the target during a capture, out of cells. Any address may be asked for;
 * false: it cannot be read. */
#ifndef MEMSAMPLE_PYTHON_PEEK_H
#define MEMSAMPLE_PYTHON_PEEK_H

#include "base/bytes.h"
#include "cells.h"

/* Objects are aligned, lie in user space and not on the first page. */
static inline bool is_object(remote_addr address)
{
    return address >= 4096 && address < UINT64_C(1) << 56 && address % 8 == 0;
}

static inline bool peek_u64(struct cells *cells, remote_addr address, uint64_t *ret_value)
{
    return cells_read(cells, address, ret_value, sizeof(*ret_value));
}

static inline bool peek_u32(struct cells *cells, remote_addr address, uint32_t *ret_value)
{
    return cells_read(cells, address, ret_value, sizeof(*ret_value));
}

static inline bool peek_u8(struct cells *cells, remote_addr address, uint8_t *ret_value)
{
    return cells_read(cells, address, ret_value, sizeof(*ret_value));
}

/* A pointer to an object, which may not be one. */
static inline bool peek_object(struct cells *cells, remote_addr address, remote_addr *ret_object)
{
    return peek_u64(cells, address, ret_object) && is_object(*ret_object);
}

#endif
