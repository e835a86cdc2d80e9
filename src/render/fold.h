/* Which nodes of the call tree a page shows one by one. */
#ifndef MEMSAMPLE_RENDER_FOLD_H
#define MEMSAMPLE_RENDER_FOLD_H

#include "model/profile.h"

#define FOLD_SMALLER UINT32_MAX /* in fold_node.node */

struct fold_node {
    uint32_t parent; /* index into nodes */
    uint32_t node;   /* of the profile, or FOLD_SMALLER: all that was too small below the parent */
};

/* The tree without stacks that never mattered. What those did counts for a node "smaller" below
 * their nearest caller that is shown, so that every caller's total, and every sum, stays what it
 * was. */
struct fold {
    struct fold_node *nodes; /* parents first */
    size_t count;
    uint32_t *place;                /* by node of the profile: where its own bytes are counted */
    struct profile_change *changes; /* of folded nodes; sorted by point, then node */
    size_t change_count;
    size_t left_out_lines;
    uint64_t left_out_bytes; /* most that they held at any moment */
};

/* Shows nodes that with all below them held at least `held_min` at some point, or grew by or gave
 * back `moved_min`. 0 or -ENOMEM. */
int fold_create(const struct profile *profile, uint64_t held_min, uint64_t moved_min,
                struct fold *ret_fold);
void fold_deinit(struct fold *fold);

#endif
