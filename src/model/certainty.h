/* Which growth is certain to be the line's that it is charged to.
 *
 * A sample says where a thread stood at one moment; its growth since the sample before may have been another line's. It is
 * certain when the thread stood on the same line at both ends, and did not just come by: in a row of at least
 * CERTAINTY_ROW of its samples. Lines that take turns are hardly ever met so often in a row. Of other samples that met the
 * thread in the act of a page fault, that page is certain. The rest is right on average, and uncertain. */
#ifndef MEMSAMPLE_MODEL_CERTAINTY_H
#define MEMSAMPLE_MODEL_CERTAINTY_H

#include <stdbool.h>

#include "recording/reader.h"

#define CERTAINTY_ROW 5

struct certainty {
    bool *certain; /* by owner, in the order of the recording */
    size_t count, cap, next;
};

/* Looks at all samples of the recording. 0 or -ENOMEM. */
int certainty_init(struct certainty *certainty, const struct recording *recording);
void certainty_deinit(struct certainty *certainty);
/* Whether the growth of the next owner, in the order of the recording, is certain. */
bool certainty_next(struct certainty *certainty);

#endif
