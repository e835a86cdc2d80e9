/* The points of the timeline, and which of them stay when there are too many. */
#ifndef MEMSAMPLE_MODEL_TIMELINE_H
#define MEMSAMPLE_MODEL_TIMELINE_H

#include "model/profile.h"

#define TIMELINE_POINTS_MAX 65536 /* 4 MB of points; a page shows a thousand */

/* The readings (and samples) that are kept as points. Readings are numbered from 0 in the order of
 * time. */
struct timeline {
    size_t *kept; /* numbers of readings, by point */
    size_t count;
    size_t reading_count, end_reading, peak_reading;
    uint64_t first_ns, last_ns;
};

void timeline_deinit(struct timeline *timeline);

/* Fills the profile's points, peak, end and the totals that concern memory over time. 0, -ENOMEM,
 * or -ENODATA without any reading. */
int timeline_build(const struct recording *recording, struct profile *profile,
                   struct timeline *ret_timeline);

/* The memory of an event that is a reading, or NULL. */
const struct event_memory *timeline_memory(const struct event *event);

/* Chooses points one by one as they come, in the order of time. */
struct timeline_chooser;

int timeline_chooser_create(uint64_t first_ns, uint64_t last_ns, size_t points_max,
                            struct timeline_chooser **ret_chooser);
void timeline_chooser_destroy(struct timeline_chooser *chooser);
void timeline_chooser_see(struct timeline_chooser *chooser, size_t index, uint64_t time_ns,
                          uint64_t rss_bytes);
/* Indices in ascending order, with the four of `must` among them; `ret_kept` has room for
 * points_max. */
size_t timeline_chooser_finish(const struct timeline_chooser *chooser, const size_t must[4],
                               size_t *ret_kept);

#endif
