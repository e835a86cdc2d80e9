/* Source text, read when a report is made. */
#ifndef MEMSAMPLE_RENDER_SOURCE_H
#define MEMSAMPLE_RENDER_SOURCE_H

#include "base/bytes.h"
#include "model/profile.h"

#define SOURCE_LINE_MAX 300 /* bytes shown of one line */

struct source {
    const char *missing; /* "" or why there is no text */
    uint8_t *text;
    size_t length;
    size_t *starts; /* by line, from 0; one more than there are lines */
    size_t line_count;
};

/* Reads the file that the target knew as `file`. Not finding it is no failure: see `missing`. 0 or
 * -ENOMEM. */
int source_open(const struct profile *profile, const char *file, struct source *ret_source);
void source_close(struct source *source);

/* Appends line `line` (from 1) as valid UTF-8 without its line ending, clipped; false when there is
 * none. */
bool source_put_line(const struct source *source, int32_t line, struct buffer *out);

#endif
