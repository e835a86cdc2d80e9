/* Which native frames are the interpreter's own affair: how it calls a function, not what the
 * function is for. They are folded away unless a reader asks for them. */
#ifndef MEMSAMPLE_MODEL_INTERNALS_H
#define MEMSAMPLE_MODEL_INTERNALS_H

#include <stdbool.h>
#include <stddef.h>

struct internals_frame {
    bool native;
    bool interpreter;     /* in the interpreter's own file */
    const char *function; /* of native ones */
    bool hidden;          /* what internals_mark says */
};

/* Marks the frames of one stack, innermost first. */
void internals_mark(struct internals_frame *frames, size_t count);

#endif
