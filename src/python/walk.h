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
    remote_addr address;
    remote_addr generator; /* that it belongs to; 0: none */
    /* Of the outermost frame of an evaluation loop, where the loop left its mark on the C stack: its shim. In 3.11, which
     * has none, the innermost cframe of the thread state, and how many are to be followed from there. Up to 3.10 1 for
     * each frame that runs. 0: another frame. */
    remote_addr loop;
    uint32_t loop_depth;
    uint32_t task; /* no frame, but where a task begins: its number from 1 on, see tasks.h */
};

/* The frames of one thread state. */
struct walk_part {
    size_t start, count;
    size_t state;      /* number of the thread state, in the order of walk_frames */
    remote_addr entry; /* where the innermost eval loop has its first frame or cframe on the C
                          stack; 0: not told */
    remote_addr head;  /* innermost frame or shim; 0: none */
    remote_addr head_code, head_previous;
};

struct walk {
    struct addresses visited;
    struct chain chain; /* frames on the heap, see there */
    struct walk_frame frames[WALK_FRAMES_MAX];
    size_t count;
    bool truncated;
    struct walk_part parts[THREAD_STATES_MAX]; /* the innermost first, after walk_order */
    size_t parts_count;
    struct walk_frame moved[WALK_FRAMES_MAX]; /* scratch of walk_order */
};

void walk_begin(struct walk *walk);
/* Follows the frames of `state`, innermost first, behind what there is, and notes their code
 * objects. At most THREAD_STATES_MAX times. 0, PYTHON_STACK_TORN or a negative errno. */
int walk_frames(struct walk *walk, const struct python_layout *layout,
                const struct thread_state *state, struct windows *windows, struct codes *codes);
/* Puts the thread states' frames in the order in which one called the other. */
void walk_order(struct walk *walk);

#endif
