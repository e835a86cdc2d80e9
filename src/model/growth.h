/* All attribution policy: whose growth it was, and whose memory went away. See growth.c for the rules. */
#ifndef MEMSAMPLE_MODEL_GROWTH_H
#define MEMSAMPLE_MODEL_GROWTH_H

#include "calltree.h"
#include "timeline.h"

/* Walks over the recording and fills the tree, and the profile's changes, threads, and counts and pauses of
 * samples. 0 or -ENOMEM. */
int growth_attribute(const struct recording *recording, const struct timeline *timeline,
                     struct calltree *tree, struct profile *profile);

#endif
