/* How well native frames could be had. */
#ifndef MEMSAMPLE_MODEL_UNWOUND_H
#define MEMSAMPLE_MODEL_UNWOUND_H

#include "model/profile.h"

/* Fills the profile's `unwound` and its modules from the recording. 0 or -ENOMEM. */
int unwound_count(const struct recording *recording, struct profile *profile);

#endif
