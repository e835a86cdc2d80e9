/* The page's data block: see web/data.md. */
#ifndef MEMSAMPLE_RENDER_DATA_H
#define MEMSAMPLE_RENDER_DATA_H

#include "base/bytes.h"
#include "fold.h"
#include "model/profile.h"

/* Appends the block, packed, to `out`. 0, -ENOMEM, or -EFBIG when it would be more than
 * `bytes_max`. */
int data_put_packed(const struct profile *profile, const struct fold *fold, size_t bytes_max,
                    struct buffer *out);

#endif
