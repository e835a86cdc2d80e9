/* One step up the stack by the frame pointer, for code without unwind information. */
#ifndef MEMSAMPLE_NATIVE_POINTER_H
#define MEMSAMPLE_NATIVE_POINTER_H

#include "native/stack.h"
#include "space.h"

/* Where the frame's caller stands, its stack and its frame pointer (0: not known). */
struct pointer_step {
    remote_addr pc, sp, fp;
};

/* Follows `fp`. False unless it leads to a record in the stack above `sp` that holds the address
 * behind a call instruction: code that uses the register for something else is not taken for a
 * frame. */
bool pointer_follow(const struct native_unwinder *unwinder, const struct space *space,
                    remote_addr sp, remote_addr fp, struct pointer_step *ret_step);

#endif
