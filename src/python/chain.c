/* Frames of the last capture, fetched at once. Knows nothing of what is in them. */
#include "chain.h"

void chain_begin(struct chain *chain, const struct memory *memory, remote_addr thread,
                 size_t frame_bytes)
{
    struct memory_span spans[CHAIN_FRAMES_MAX];
    size_t count = chain->thread == thread ? chain->met_count : 0;
    chain->thread = thread;
    chain->met_count = 0;
    chain->frame_bytes = frame_bytes;
    addresses_clear(&chain->copied);
    for (size_t i = 0; i < count; i++) {
        uint32_t number;
        addresses_add(&chain->copied, chain->met[i], &number); /* no chain has a frame twice */
        spans[i] = (struct memory_span){chain->met[i], chain->data + i * frame_bytes, frame_bytes};
    }
    /* A frame that is gone ends the read; what is missing then is read when it is asked for. */
    int r = count ? memory_read_spans(memory, spans, count) : 0;
    chain->copied_count = r > 0 ? (size_t)r : 0;
}

const uint8_t *chain_get(struct chain *chain, remote_addr frame)
{
    uint32_t number;
    if (chain->met_count < CHAIN_FRAMES_MAX)
        chain->met[chain->met_count++] = frame;
    if (!addresses_find(&chain->copied, frame, &number) || number >= chain->copied_count)
        return NULL;
    return chain->data + number * chain->frame_bytes;
}
