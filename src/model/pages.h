/* Which node each page of the target belongs to.
 *
 * A page table in two levels: chunks of 512 pages (2 MiB of small pages), found by number. A chunk that belongs to one
 * node needs no table of its own. */
#ifndef MEMSAMPLE_MODEL_PAGES_H
#define MEMSAMPLE_MODEL_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGES_NOBODY UINT32_MAX

struct pages_chunk {
    uint64_t key;     /* number + 1, or 0: the slot is free */
    uint32_t whole;   /* owner of all its pages, unless there is a table */
    uint32_t *owners; /* by page */
};

/* Zero-initialised is empty. */
struct pages {
    struct pages_chunk *slots; /* open addressing */
    size_t slots_count, chunk_count, table_count;
    uint64_t *owned; /* pages by node */
    size_t owned_count, owned_cap;
    uint64_t work;      /* done so far, in about 10 ns */
    uint64_t work_more; /* allowed beyond what every recording may ask for */
};

void pages_deinit(struct pages *pages);
/* Gives pages to a node, or to PAGES_NOBODY, whoever had them. 0, -ENOMEM, or -E2BIG for more pages than any process has,
 * and for more work than is allowed: then it is done in part. */
int pages_give(struct pages *pages, uint64_t first, uint64_t count, uint32_t node);
/* The owner of a page, and how many pages from there on belong to the same one as far as can be told at once: at least
 * one, at most `most`. Down: towards lower addresses. */
uint32_t pages_owner_of_row(struct pages *pages, uint64_t page, uint64_t most, bool down,
                            uint64_t *ret_count);
uint32_t pages_owner(struct pages *pages, uint64_t page);
/* How many pages a node has. */
uint64_t pages_owned(const struct pages *pages, uint32_t node);

#endif
