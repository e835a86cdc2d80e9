/* From an instruction to a source line. */
#ifndef MEMSAMPLE_PYTHON_LINES_H
#define MEMSAMPLE_PYTHON_LINES_H

#include "base/bytes.h"
#include "python/layout.h"

/* The line of the instruction `offset` bytes into the code. An instruction without a line has that
 * of the nearest one before it that has; so does an offset behind the table. `first_line` where
 * there is none before. */
int32_t python_line_find(enum python_line_table kind, struct bytes table, int32_t first_line,
                         int64_t offset);

/* Walks a location table (3.11 and later) entry by entry: start from {0}. False at its end. */
struct python_line_entry {
    uint64_t end; /* offset behind the instructions it covers, in bytes */
    int32_t line; /* of this entry, or of the nearest before it */
    bool has_line;
    bool ever_had_line;
};
bool python_line_next(struct bytes *table, struct python_line_entry *entry);

#endif
