/* Kinds of memory: which node grew in which. */
#ifndef MEMSAMPLE_MODEL_KINDS_H
#define MEMSAMPLE_MODEL_KINDS_H

#include "model/profile.h"

struct kinds_range { /* of pages; ranges do not overlap */
    uint64_t first, end;
    uint32_t region; /* number of the mapping: one per place event with a beginning of its own */
    uint8_t kind;
    bool huge;
};

struct kinds {
    struct kinds_range *ranges; /* in the order of addresses */
    size_t count, cap;
    struct profile_kinds *of_node;
    size_t node_count, node_cap;
    struct profile_kinds total;
    bool *met[PLACE_KINDS_END]; /* by region: something grew there */
    size_t met_cap[PLACE_KINDS_END];
    uint64_t regions[PLACE_KINDS_END]; /* how many that are */
    uint32_t region_count;
};

void kinds_deinit(struct kinds *kinds);
/* From now on these pages are of this kind. 0 or -ENOMEM. */
int kinds_see_place(struct kinds *kinds, const struct event_place *place);
/* A node grew at a page (0: not known where). 0 or -ENOMEM. */
int kinds_charge(struct kinds *kinds, uint32_t node, uint64_t page, uint64_t grown_bytes);

#endif
