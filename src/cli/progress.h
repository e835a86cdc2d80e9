/* The line that rewrites itself while a session runs, on a terminal only. */
#ifndef MEMSAMPLE_CLI_PROGRESS_H
#define MEMSAMPLE_CLI_PROGRESS_H

#include <stdint.h>

#include "sampler/session.h"

#define PROGRESS_POINTS 24

struct progress_line {
    uint64_t rss_bytes[PROGRESS_POINTS]; /* oldest first */
    unsigned count;
    bool shown;
};

void progress_draw(struct progress_line *line, struct session_progress *progress);
void progress_clear(struct progress_line *line);

#endif
