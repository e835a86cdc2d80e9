/* The frames of a recording as a profile shows them. A native one stands for as many as were
 * inlined there. */
#ifndef MEMSAMPLE_MODEL_FRAMES_H
#define MEMSAMPLE_MODEL_FRAMES_H

#include "model/profile.h"

struct frames {
    uint32_t *first; /* by frame of the recording, and one more: where its own begin in `ids` */
    uint32_t *ids;   /* indices into the profile's frames, outermost first */
};

/* Fills the profile's frames: those of the recording that are Python's keep their index, then comes
 * `<truncated>`, then native ones. 0 or -ENOMEM. */
int frames_build(const struct recording *recording, struct profile *profile,
                 struct frames *ret_frames);
void frames_deinit(struct frames *frames);

#endif
