/* Single words of the target during a capture, out of its windows. Any address may be asked for;
 * false: it cannot be read. */
#ifndef MEMSAMPLE_PYTHON_PEEK_H
#define MEMSAMPLE_PYTHON_PEEK_H

#include "base/bytes.h"
#include "windows.h"

/* Objects are aligned, lie in user space and not on the first page. */
static inline bool is_object(remote_addr address)
{
    return address >= 4096 && address < UINT64_C(1) << 56 && address % 8 == 0;
}

static inline bool peek_u64(struct windows *windows, remote_addr address, uint64_t *ret_value)
{
    const uint8_t *data;
    if (windows_get(windows, address, 8, &data) < 0)
        return false;
    *ret_value = load_u64(data);
    return true;
}

static inline bool peek_u32(struct windows *windows, remote_addr address, uint32_t *ret_value)
{
    const uint8_t *data;
    if (windows_get(windows, address, 4, &data) < 0)
        return false;
    *ret_value = load_u32(data);
    return true;
}

static inline bool peek_u8(struct windows *windows, remote_addr address, uint8_t *ret_value)
{
    const uint8_t *data;
    if (windows_get(windows, address, 1, &data) < 0)
        return false;
    *ret_value = data[0];
    return true;
}

/* A pointer to an object, which may not be one. */
static inline bool peek_object(struct windows *windows, remote_addr address,
                               remote_addr *ret_object)
{
    return peek_u64(windows, address, ret_object) && is_object(*ret_object);
}

#endif
