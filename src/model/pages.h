/* Which node each page of the target belongs to.
 *
 * A page table in two levels: chunks of 512 pages (2 MiB of small pages), found by number. A chunk that belongs to one
 * node needs no table of its own. */
#ifndef MEMSAMPLE_MODEL_PAGES_H
#define MEMSAMPLE_MODEL_PAGES_H

#include <stddef.h>
#include <stdint.h>

#include "base/intern.h"

#define PAGES_NOBODY UINT32_MAX

struct pages_chunk {
    uint32_t whole;   /* owner of all its pages, unless there is a table */
    uint32_t *owners; /* by page */
};

/* Zero-initialised is empty. */
struct pages {
    struct intern numbers;
    struct pages_chunk *chunks;
    size_t chunks_cap;
    uint64_t *owned; /* pages by node */
    size_t owned_count, owned_cap;
    uint64_t visits; /* chunks that were touched, in all */
};

void pages_deinit(struct pages *pages);
/* Gives pages to a node, or to PAGES_NOBODY, whoever had them. 0, -ENOMEM, or -E2BIG for more pages than any process has. */
int pages_give(struct pages *pages, uint64_t first, uint64_t count, uint32_t node);
uint32_t pages_owner(struct pages *pages, uint64_t page);
/* How many pages a node has. */
uint64_t pages_owned(const struct pages *pages, uint32_t node);

#endif
