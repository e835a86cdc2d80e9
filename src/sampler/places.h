/* What kind of memory a fault brought in. */
#ifndef MEMSAMPLE_SAMPLER_PLACES_H
#define MEMSAMPLE_SAMPLER_PLACES_H

#include "proc/mapping.h"
#include "recording/event.h"

#define PLACES_NOTED 8
#define PLACES_KNOWN 64 /* written down last; one that comes again is written again: harmless */

struct sampler;

struct places {
    struct mapping_finder finder;
    struct event_place known[PLACES_KNOWN]; /* names are not kept: hashed */
    uint64_t name_hash[PLACES_KNOWN];
    unsigned next;
    struct {
        uint64_t first, count; /* pages */
    } noted[PLACES_NOTED];     /* mappings that this sample looked up already */
    unsigned noted_count;
};

/* The kind of a mapping by itself; `before` is the one that ends where it starts, or NULL. Pure. */
uint8_t places_kind(const struct map *map, const struct map *before, remote_addr stack_pointer);

/* Mappings may be others from now on. */
static inline void places_begin(struct places *places)
{
    places->noted_count = 0;
}
/* Writes down what the page at `address` is, unless that was done. `stack_pointer` of the thread,
 * 0: not known. */
void sampler_note_place(struct sampler *sampler, remote_addr address, remote_addr stack_pointer);

#endif
