/* Who awaits a task. */
#ifndef MEMSAMPLE_PYTHON_AWAITERS_H
#define MEMSAMPLE_PYTHON_AWAITERS_H

#include "tasks.h"

/* The tasks that go on when `callback` is called. Returns how many; the first `max` are in
 * `found`. */
size_t awaiters_of_callback(struct tasks *tasks, struct cells *cells, remote_addr callback,
                            remote_addr *found, size_t max);

#endif
