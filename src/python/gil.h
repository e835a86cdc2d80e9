/* Who has the GIL. */
#ifndef MEMSAMPLE_PYTHON_GIL_H
#define MEMSAMPLE_PYTHON_GIL_H

#include "python/runtime.h"

/* The thread state that holds the GIL of an interpreter; 0: nobody. 0, PYTHON_STACK_NO_GIL,
 * PYTHON_STACK_TORN or a negative errno. */
int gil_find_holder(const struct python_runtime *runtime, const struct memory *memory,
                    remote_addr interpreter, remote_addr *ret_holder);

#endif
