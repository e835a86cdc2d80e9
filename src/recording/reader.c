/* Reads a recording. Knows the file, its frames and their checksums; must not know what records
 * mean.
 *
 * A frame counts only when all of it is there and its checksum is right; the first one that is not
 * ends the reading, and what stood before it is kept. */
#include "recording/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "format.h"
#include "payload.h"

#define CHUNK_BYTES (UINT64_C(64) << 10)

/* Bytes from a file or from memory. */
struct source {
    int fd; /* -1: memory */
    struct bytes memory;
    uint8_t *chunk;
    ZSTD_inBuffer in;
};

struct reader {
    struct source source;
    ZSTD_DCtx *decompressor;
    struct buffer payload;
    uint64_t total_bytes;
    struct loading loading;
};

/* 0 at the end of the data, 1 when there is some, or a negative errno. */
static int source_fill(struct source *source)
{
    if (source->in.pos < source->in.size)
        return 1;
    if (source->fd < 0) {
        source->in = (ZSTD_inBuffer){.src = source->memory.data, .size = source->memory.left};
        source->memory.left = 0;
        return source->in.size > 0;
    }
    ssize_t n;
    do
        n = read(source->fd, source->chunk, CHUNK_BYTES);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    source->in = (ZSTD_inBuffer){.src = source->chunk, .size = (size_t)n};
    return n > 0;
}

static int source_take(struct source *source, uint8_t *into, size_t length)
{
    for (size_t got = 0; got < length;) {
        int r = source_fill(source);
        if (r <= 0)
            return r < 0 ? r : -ENODATA;
        size_t n = source->in.size - source->in.pos;
        if (n > length - got)
            n = length - got;
        memcpy(into + got, (const uint8_t *)source->in.src + source->in.pos, n);
        source->in.pos += n;
        got += n;
    }
    return 0;
}

static int check_header(struct source *source, const char *name, struct error *error)
{
    uint8_t header[FORMAT_HEADER_BYTES];
    int r = source_take(source, header, sizeof(header));
    if (r < 0 && r != -ENODATA)
        return error_set(error, r, "cannot read '%s': %s", name, strerror(-r));
    if (r < 0 || load_u32(header) != FORMAT_SKIPPABLE_MAGIC ||
        load_u32(header + 4) != FORMAT_NAME_BYTES + 4 ||
        memcmp(header + 8, FORMAT_NAME, FORMAT_NAME_BYTES) != 0)
        return error_set(error, -EINVAL, "'%s' is not a memsample recording", name);
    uint32_t version = load_u32(header + 8 + FORMAT_NAME_BYTES);
    if (version == 0 || version > FORMAT_VERSION)
        return error_set(error, -EPROTONOSUPPORT,
                         "'%s' was written by a newer memsample (format %u, this one reads %u); "
                         "use that memsample to report it",
                         name, version, FORMAT_VERSION);
    return 0;
}

/* Unpacks the next frame into reader->payload. 1; 0 at the end of the data; -ENODATA in the middle
 * of a frame; -EBADMSG for a damaged one; another negative errno when reading fails. */
static int next_payload(struct reader *reader)
{
    buffer_clear(&reader->payload);
    int r = source_fill(&reader->source);
    if (r <= 0)
        return r;
    ZSTD_DCtx_reset(reader->decompressor, ZSTD_reset_session_only);
    for (;;) {
        struct buffer *payload = &reader->payload;
        uint64_t limit = FORMAT_FRAME_MAX;
        if (FORMAT_TOTAL_MAX - reader->total_bytes < limit)
            limit = FORMAT_TOTAL_MAX - reader->total_bytes;
        if (array_reserve(&payload->data, &payload->capacity, payload->length + CHUNK_BYTES, 1) < 0)
            return -ENOMEM;
        ZSTD_outBuffer out = {
            .dst = payload->data, .size = payload->capacity, .pos = payload->length};
        size_t in_before = reader->source.in.pos, out_before = out.pos;
        size_t hint = ZSTD_decompressStream(reader->decompressor, &out, &reader->source.in);
        if (ZSTD_isError(hint))
            return -EBADMSG;
        payload->length = out.pos;
        if (payload->length > limit)
            return -EFBIG;
        if (hint == 0) {
            reader->total_bytes += payload->length;
            return 1;
        }
        if (out.pos < out.size || (in_before == reader->source.in.pos && out_before == out.pos)) {
            r = source_fill(&reader->source);
            if (r <= 0)
                return r < 0 ? r : -ENODATA;
        }
    }
}

static void say_cut(struct recording *recording, const char *how)
{
    char when[UNITS_TEXT_MAX];
    if (recording->event_count == 0) {
        snprintf(recording->cut, sizeof(recording->cut), "%s before anything was recorded", how);
        return;
    }
    snprintf(recording->cut, sizeof(recording->cut), "%s after %s", how,
             units_format_duration(recording->last_time_ns, when));
}

/* All frames up to the first bad one. 0 or a negative errno that has nothing to do with the
 * contents. */
static int read_frames(struct reader *reader)
{
    struct recording *recording = reader->loading.recording;
    for (;;) {
        int r = next_payload(reader);
        if (r > 0)
            r = loading_take_payload(&reader->loading,
                                     bytes_of(reader->payload.data, reader->payload.length));
        else if (r == 0)
            break;
        if (r == 0)
            continue;
        if (r != -ENODATA && r != -EBADMSG && r != -EFBIG)
            return r;
        say_cut(recording, r == -ENODATA ? "is cut off"
                           : r == -EFBIG ? "is larger than memsample reads, and was left"
                                         : "is damaged");
        return 0;
    }
    recording->complete = reader->loading.ended;
    if (!recording->complete)
        say_cut(recording, "was not closed, and ends");
    return 0;
}

static void reader_deinit(struct reader *reader)
{
    loading_deinit(&reader->loading);
    buffer_deinit(&reader->payload);
    ZSTD_freeDCtx(reader->decompressor);
    free(reader->source.chunk);
}

static void recording_destroyp(struct recording **recording)
{
    recording_destroy(*recording);
}

static int read_source(struct reader *reader, const char *name, struct recording **ret_recording,
                       struct error *error)
{
    int r = check_header(&reader->source, name, error);
    if (r < 0)
        return r;
    _cleanup_(recording_destroyp) struct recording *recording = calloc(1, sizeof(*recording));
    reader->decompressor = ZSTD_createDCtx();
    if (!recording || !reader->decompressor ||
        ZSTD_isError(ZSTD_DCtx_setParameter(reader->decompressor, ZSTD_d_windowLogMax,
                                            FORMAT_WINDOW_LOG_MAX)) ||
        loading_init(&reader->loading, recording) < 0)
        return error_set(error, -ENOMEM, "out of memory while reading '%s'", name);
    r = read_frames(reader);
    if (r < 0)
        return error_set(error, r, "cannot read '%s': %s", name, strerror(-r));
    if (recording->event_count == 0)
        return error_set(error, -ENODATA, "the recording '%s' %s", name, recording->cut);
    uint8_t *events = realloc(recording->events, recording->events_bytes);
    if (events) /* arrays grow by doubling, and this one stays */
        recording->events = events;
    *ret_recording = take_pointer(recording);
    return 0;
}

int recording_read_bytes(const void *data, size_t length, const char *name,
                         struct recording **ret_recording, struct error *error)
{
    _cleanup_(reader_deinit) struct reader reader = {
        .source = {.fd = -1, .memory = bytes_of(data, length)}};
    return read_source(&reader, name, ret_recording, error);
}

int recording_read(const char *path, struct recording **ret_recording, struct error *error)
{
    _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        int r = -errno;
        return error_set(error, r, "cannot open the recording '%s': %s", path, strerror(-r));
    }
    _cleanup_(reader_deinit) struct reader reader = {.source = {.fd = fd}};
    reader.source.chunk = malloc(CHUNK_BYTES);
    if (!reader.source.chunk)
        return error_set(error, -ENOMEM, "out of memory while reading '%s'", path);
    return read_source(&reader, path, ret_recording, error);
}
