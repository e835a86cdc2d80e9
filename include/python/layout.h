/* Where CPython keeps what memsample reads: offsets in bytes, by version.
 *
 * One struct for all versions. Up to 3.12 it comes from a table per minor version; from 3.13 on the target's
 * own _Py_DebugOffsets overlay the table and are validated as hostile input. Adding a version is adding a
 * table, or nothing. */
#ifndef MEMSAMPLE_PYTHON_LAYOUT_H
#define MEMSAMPLE_PYTHON_LAYOUT_H

#include <stdint.h>

struct python_layout {
    int placeholder; /* to be written with the module */
};

#endif
