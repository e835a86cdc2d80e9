/* Whose memory goes away when RSS falls.
 *
 * An estimate, for recordings that do not say which pages went: last in, first out. Memory that was
 * taken most recently is returned first, as scratch memory is; what was there at the beginning goes
 * last. */
#ifndef MEMSAMPLE_MODEL_HOLDINGS_H
#define MEMSAMPLE_MODEL_HOLDINGS_H

#include <stddef.h>
#include <stdint.h>

/* Takes note of bytes that went away. 0 or a negative errno, which ends the release. */
typedef int (*holdings_released_fn)(void *context, uint32_t node, uint64_t bytes);

struct holdings_chunk {
    uint64_t bytes;
    uint32_t node;
};

/* Zero-initialised is empty. */
struct holdings {
    struct holdings_chunk *chunks; /* oldest first; neighbours have different owners */
    size_t count, cap, fold_at;
};

void holdings_deinit(struct holdings *holdings);
/* 0 or -ENOMEM. */
int holdings_grow(struct holdings *holdings, uint32_t node, uint64_t bytes);
/* Never releases more than is held. 0, or what `released` said. */
int holdings_release(struct holdings *holdings, uint64_t bytes, holdings_released_fn released,
                     void *context);

#endif
