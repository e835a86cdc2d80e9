/* The chain of frames of one thread. */
#ifndef MEMSAMPLE_PYTHON_WALK_H
#define MEMSAMPLE_PYTHON_WALK_H

#include <stdbool.h>

#include "addresses.h"
#include "chain.h"
#include "code.h"
#include "threads.h"
#include "windows.h"

#define WALK_FRAMES_MAX (PYTHON_FRAMES_MAX + 256) /* some are dropped once their code is known */
#define WALK_STEPS_MAX  (2 * WALK_FRAMES_MAX)     /* frames and shims */

_Static_assert(WALK_STEPS_MAX <= ADDRESSES_MAX, "each step is remembered");
_Static_assert(WALK_FRAMES_MAX <= CODES_MET_MAX, "each frame may have code of its own");

struct walk_frame {
    uint32_t met;        /* index of its code object, see codes_meet */
    bool is_complete;    /* never half made, as a generator's frame is not */
    uint32_t tlbc_index; /* which copy of the code `offset` should be counted in */
    int64_t offset;      /* of the instruction in the code object's own code, in bytes */
};

/* A C evaluation loop, innermost first. */
struct walk_entry {
    remote_addr anchor; /* its shim frame, which lies in its part of the C stack; 0 in 3.11, which
                           has none */
    uint32_t frames;    /* frames up to it: those behind the entry before are run by this one */
};

struct walk {
    struct addresses visited;
    struct chain chain; /* frames on the heap, see there */
    struct walk_frame frames[WALK_FRAMES_MAX];
    size_t count;
    struct walk_entry entries[WALK_STEPS_MAX];
    size_t entry_count;
    bool truncated;
    remote_addr head; /* innermost frame or shim; 0: none */
    remote_addr head_code, head_previous;
};

/* Follows the frames of `state`, innermost first, and notes their code objects. 0,
 * PYTHON_STACK_TORN or a negative errno. */
int walk_frames(struct walk *walk, const struct python_layout *layout,
                const struct thread_state *state, struct windows *windows, struct codes *codes);

#endif
