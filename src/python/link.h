/* One frame, copied out: _PyInterpreterFrame, or PyFrameObject before 3.11. */
#ifndef MEMSAMPLE_PYTHON_LINK_H
#define MEMSAMPLE_PYTHON_LINK_H

#include <stdbool.h>

#include "proc/memory.h"
#include "python/layout.h"

#define LINK_OWNER_GENERATOR                                                                       \
    1 /* enum _frameowner, Include/internal/pycore_frame.h (3.11: pycore_frame.h) */
#define LINK_OWNER_SHIM 3 /* and above: FRAME_OWNED_BY_CSTACK, FRAME_OWNED_BY_INTERPRETER */
#define LINK_OWNER_MAX  4

struct link {
    remote_addr code, previous;
    remote_addr generator; /* that the frame at this address belongs to; 0: none */
    int64_t offset;        /* of its instruction, in bytes */
    uint32_t tlbc_index;
    uint8_t owner;
    bool is_entry;
};

/* `data` are layout->frame.bytes at `address`. */
void link_parse(const struct python_layout *layout, remote_addr address, const uint8_t *data,
                struct link *ret_link);

#endif
