/* Source text around the heaviest lines, for the page. */
#ifndef MEMSAMPLE_RENDER_EXCERPTS_H
#define MEMSAMPLE_RENDER_EXCERPTS_H

#include "emit.h"
#include "model/profile.h"

/* Emits `"sources": [...]` (web/data.md). An error is left in `emit`. */
void excerpts_put(struct emit *emit, const struct profile *profile);

#endif
