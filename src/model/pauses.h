/* How long samples held threads up. */
#ifndef MEMSAMPLE_MODEL_PAUSES_H
#define MEMSAMPLE_MODEL_PAUSES_H

#include "model/profile.h"
#include "recording/event.h"

/* The mean pause of each sample that stopped anybody, in ns. Zero-initialised is empty. */
struct pauses {
    uint64_t *list;
    size_t count, cap;
};

void pauses_deinit(struct pauses *pauses);
/* Counts those of a sample into the profile. 0 or -ENOMEM. */
int pauses_count(struct pauses *pauses, struct profile *profile, const struct event_sample *sample);
/* Fills in how they are distributed. */
void pauses_finish(struct pauses *pauses, struct profile *profile);

#endif
