/* The index of a file's unwind information: where functions begin. */
#ifndef MEMSAMPLE_NATIVE_INDEX_H
#define MEMSAMPLE_NATIVE_INDEX_H

#include "elf/image.h"

#define INDEX_HEAD_BYTES  12
#define INDEX_ENTRY_BYTES 8

struct unwind_index {
    struct image_part part; /* length 0: there is none that can be searched */
    uint64_t entries;       /* all of which lie in it */
};

void index_open(const struct image *image, struct unwind_index *ret_index);
/* The beginning of the last function that begins at or before `address` (virtual addresses of the
 * file). */
bool index_find_function(const struct unwind_index *index, uint64_t address, uint64_t *ret_start);

#endif
