/* What kind of memory a fault brought in. */
#ifndef MEMSAMPLE_SAMPLER_PLACES_H
#define MEMSAMPLE_SAMPLER_PLACES_H

#include "proc/mapping.h"
#include "recording/event.h"

#define PLACES_KNOWN 64 /* written down last; one that comes again is written again: harmless */

struct sampler;

struct places {
    struct mapping_finder finder;
    struct event_place known[PLACES_KNOWN]; /* names are not kept: hashed */
    uint64_t name_hash[PLACES_KNOWN];
    unsigned next;
};

/* The kind of a mapping by itself; `before` is the one that ends where it starts, or NULL. Pure. */
uint8_t places_kind(const struct map *map, const struct map *before, remote_addr stack_pointer);

/* Writes down what the page at `address` is, unless that was done. `stack_pointer` of the thread,
 * 0: not known. */
void sampler_note_place(struct sampler *sampler, remote_addr address, remote_addr stack_pointer);

#endif
