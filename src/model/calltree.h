/* The call tree: one node for each stack that owns memory, and its callers. */
#ifndef MEMSAMPLE_MODEL_CALLTREE_H
#define MEMSAMPLE_MODEL_CALLTREE_H

#include "base/intern.h"
#include "frames.h"
#include "model/internals.h"

/* Always there. */
enum {
    CALLTREE_ROOT,
    CALLTREE_BASELINE,
    CALLTREE_NATIVE,
    CALLTREE_UNATTRIBUTED,
    CALLTREE_SPECIALS,
};

/* What was seen of a node, beside its memory. */
struct calltree_seen {
    uint64_t samples, last_ns, last_rss_bytes;
};

struct calltree {
    const struct recording *recording;
    struct profile_node *nodes;
    struct calltree_seen *seen; /* by node */
    size_t count, nodes_cap, seen_cap;
    uint32_t *by_stack, *by_stack_truncated; /* node + 1, or 0 */
    uint32_t truncated_root;                 /* node + 1 */
    uint32_t *path;                          /* scratch */
    size_t path_cap;

    /* Recordings with native frames: several of their stacks may be one node's. */
    const struct frames *frames;
    const struct profile_frame *profile_frames;
    bool internals;         /* show all */
    struct intern children; /* parent and frame */
    uint32_t *child;        /* nodes, by number there */
    size_t child_cap;
    struct internals_frame *marks; /* scratch */
    size_t marks_cap;
};

int calltree_init(struct calltree *tree, const struct recording *recording);
void calltree_deinit(struct calltree *tree);

/* The node of a stack; one without Python frames stands below CALLTREE_NATIVE, a truncated one
 * stands below a frame `<truncated>`, which has the index recording->frame_count. 0 or -ENOMEM. */
int calltree_node(struct calltree *tree, uint32_t stack_id, bool truncated, uint32_t *ret_node);

#endif
