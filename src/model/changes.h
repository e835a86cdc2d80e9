/* A growing list of changes, one entry for each point and node. */
#ifndef MEMSAMPLE_MODEL_CHANGES_H
#define MEMSAMPLE_MODEL_CHANGES_H

#include "model/profile.h"

/* Zero-initialised is empty. Points come in ascending order. */
struct changes {
    struct profile_change *list;
    size_t count, cap;
    size_t *last; /* by node: the newest entry + 1, or 0 */
    size_t last_cap, last_count;
    size_t point_start; /* first entry of the newest point */
};

/* Frees all but `list`, which is left to the caller after changes_finish. */
void changes_deinit(struct changes *changes);
/* 0 or -ENOMEM. */
int changes_add(struct changes *changes, const struct profile_change *change);
/* Sorts what was added last. */
void changes_finish(struct changes *changes);

#endif
