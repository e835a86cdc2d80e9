/* Deflate and base64. Must not know what is packed. */
#include "pack.h"

#include <errno.h>
#include <stdlib.h>
#include <zlib.h>

#define CHUNK_BYTES 16384

struct packer {
    z_stream stream;
    struct buffer packed;
    size_t packed_max;
};

int packer_create(size_t bytes_max, struct packer **ret_packer)
{
    struct packer *packer = calloc(1, sizeof(*packer));
    if (!packer)
        return -ENOMEM;
    /* A negative window: raw, without zlib's header, as DecompressionStream("deflate-raw") reads
     * it. */
    if (deflateInit2(&packer->stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 9,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(packer);
        return -ENOMEM;
    }
    packer->packed_max = bytes_max / 4 * 3;
    *ret_packer = packer;
    return 0;
}

void packer_destroy(struct packer *packer)
{
    if (!packer)
        return;
    deflateEnd(&packer->stream);
    buffer_deinit(&packer->packed);
    free(packer);
}

static int deflate_all(struct packer *packer, const uint8_t *data, size_t length, int flush)
{
    uint8_t chunk[CHUNK_BYTES];
    int r;
    if (length > UINT32_MAX)
        return -ENOMEM;
    packer->stream.next_in = (uint8_t *)(uintptr_t)data; /* zlib only reads from it */
    packer->stream.avail_in = (uInt)length;
    do {
        packer->stream.next_out = chunk;
        packer->stream.avail_out = sizeof(chunk);
        r = deflate(&packer->stream, flush);
        buffer_put(&packer->packed, chunk, sizeof(chunk) - packer->stream.avail_out);
    } while (r == Z_OK && packer->stream.avail_out == 0);
    if (packer->packed.failed || r == Z_STREAM_ERROR)
        return -ENOMEM;
    return packer->packed.length > packer->packed_max ? -EFBIG : 0;
}

int packer_take(struct packer *packer, struct buffer *text)
{
    if (text->failed)
        return -ENOMEM;
    int r = text->length ? deflate_all(packer, text->data, text->length, Z_NO_FLUSH) : 0;
    buffer_clear(text);
    return r;
}

static void put_base64(const uint8_t *data, size_t length, struct buffer *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        size_t n = length - i < 3 ? length - i : 3;
        uint32_t group = (uint32_t)data[i] << 16 | (n > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                         (n > 2 ? data[i + 2] : 0);
        char coded[4] = {letters[group >> 18], letters[group >> 12 & 63],
                         n > 1 ? letters[group >> 6 & 63] : '=', n > 2 ? letters[group & 63] : '='};
        buffer_put(out, coded, sizeof(coded));
    }
}

int packer_finish(struct packer *packer, struct buffer *out)
{
    int r = deflate_all(packer, NULL, 0, Z_FINISH);
    if (r < 0)
        return r;
    put_base64(packer->packed.data, packer->packed.length, out);
    return out->failed ? -ENOMEM : 0;
}
