/* The GIL's two fields that tell who has it. One for the whole runtime up to 3.11, one for each
 * interpreter later; free-threaded builds have one that is switched off. */
#include "gil.h"

#include "python/stack.h"

#include <errno.h>

static bool is_address(remote_addr address)
{
    return address >= 4096 && address < UINT64_C(1) << 56 && address % 8 == 0;
}

int gil_find_holder(const struct python_runtime *runtime, const struct memory *memory,
                    remote_addr interpreter, remote_addr *ret_holder)
{
    typeof(runtime->layout.gil) at = runtime->layout.gil;
    remote_addr gil = runtime->address, holder;
    uint32_t locked, enabled = 1;
    int r = 0;
    if (at.pointer != PYTHON_ABSENT)
        r = memory_read_u64(memory, interpreter + at.pointer, &gil);
    if (r == 0 && !is_address(gil))
        return PYTHON_STACK_TORN;
    if (r == 0 && at.enabled != PYTHON_ABSENT)
        r = memory_read_u32(memory, gil + at.enabled, &enabled);
    if (r == 0)
        r = memory_read_u32(memory, gil + at.locked, &locked);
    if (r == 0)
        r = memory_read_u64(memory, gil + at.holder, &holder);
    if (r < 0)
        return r == -EFAULT ? PYTHON_STACK_TORN : r;
    if (!enabled)
        return PYTHON_STACK_NO_GIL;
    *ret_holder = locked == 1 ? holder : 0; /* -1 before it was first taken */
    return 0;
}
