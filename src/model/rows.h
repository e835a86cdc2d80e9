/* The tables: lines, functions, culprits. */
#ifndef MEMSAMPLE_MODEL_ROWS_H
#define MEMSAMPLE_MODEL_ROWS_H

#include "calltree.h"

/* Fills the nodes' figures from the profile's changes, and from them the frames' rows and the three
 * tables, sorted. Needs the profile's nodes, frames, points and changes. 0 or -ENOMEM. */
int rows_build(struct profile *profile, const struct calltree_seen *seen);

#endif
