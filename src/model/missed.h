/* Rows of pages that no sample met, known by the window in which that came out and their first page.
 *
 * Whose they were comes out later: what was taken together goes together, and what stays lies beside its own kind. So a
 * first walk over the recording watches what becomes of them, and tells a second one. */
#ifndef MEMSAMPLE_MODEL_MISSED_H
#define MEMSAMPLE_MODEL_MISSED_H

#include "pages.h"

struct missed_row {
    uint32_t window;
    uint64_t first, count;
    uint32_t owner; /* PAGES_NOBODY: it never came out */
    uint64_t votes; /* pages that speak for this owner */
};

/* Zero-initialised is empty. */
struct missed {
    struct missed_row *rows;
    size_t count, cap;
    struct pages numbers; /* by page: the row that it came in, while it is there */
};

void missed_deinit(struct missed *missed);
/* A row came that nobody was met in. 0 or a negative errno. */
int missed_add(struct missed *missed, uint32_t window, uint64_t first, uint64_t count);
/* A sample of this window met its growth in a row of the window before, which came just before the
 * look: the row is its owner's. */
void missed_claim(struct missed *missed, uint32_t window, uint64_t page, uint32_t owner);
/* A row goes, and `owners` still knows whose pages are whose. 0 or a negative errno. */
int missed_went(struct missed *missed, struct pages *owners, uint64_t first, uint64_t count);
/* The end: what is left lies where it lies. Nothing can be added any more. */
void missed_finish(struct missed *missed, struct pages *owners);
/* After that: whose the row is, or PAGES_NOBODY. */
uint32_t missed_owner(const struct missed *missed, uint32_t window, uint64_t first);

#endif
