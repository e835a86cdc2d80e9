/* .eh_frame_hdr in the one form that linkers write (Linux Standard Base 5.0, 10.6.2): version 1, a
 * 4-byte distance, a 4-byte count, then a table sorted by address: 4-byte distances from the index
 * itself to a function and to its unwind information. libunwind searches no other form. */
#include "index.h"

#include <string.h>

#include "base/bytes.h"

static const uint8_t head[4] = {1, 0x1b, 0x03, 0x3b};

void index_open(const struct image *image, struct unwind_index *ret_index)
{
    struct image_part part;
    *ret_index = (struct unwind_index){0};
    if (!image_unwind_index(image, &part) || part.length < INDEX_HEAD_BYTES ||
        memcmp(part.data, head, sizeof(head)) != 0)
        return;
    uint32_t entries = load_u32(part.data + 8);
    if (entries <= (part.length - INDEX_HEAD_BYTES) / INDEX_ENTRY_BYTES)
        *ret_index = (struct unwind_index){.part = part, .entries = entries};
}

static uint64_t function_at(const struct unwind_index *index, uint64_t entry)
{
    const uint8_t *at = index->part.data + INDEX_HEAD_BYTES + entry * INDEX_ENTRY_BYTES;
    return index->part.address + (uint64_t)(int64_t)(int32_t)load_u32(at);
}

bool index_find_function(const struct unwind_index *index, uint64_t address, uint64_t *ret_start)
{
    uint64_t low = 0, high = index->entries; /* the first function behind `address` is in there */
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (function_at(index, middle) <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    *ret_start = function_at(index, low - 1);
    return true;
}
