/* Text in, base64 of a raw deflate stream out, piece by piece. */
#ifndef MEMSAMPLE_RENDER_PACK_H
#define MEMSAMPLE_RENDER_PACK_H

#include "base/bytes.h"

struct packer;

/* More than `bytes_max` of base64 will not be made. */
int packer_create(size_t bytes_max, struct packer **ret_packer);
void packer_destroy(struct packer *packer);

/* Takes what is in `text` and clears it. 0, -ENOMEM, or -EFBIG as soon as it is clear that it will
 * be too much. */
int packer_take(struct packer *packer, struct buffer *text);
/* Ends the stream and appends its base64 to `out`. 0, -ENOMEM or -EFBIG. */
int packer_finish(struct packer *packer, struct buffer *out);

#endif
