/* Writes a recording. Knows the file and its compression; must not know what events mean.
 *
 * Everything is gathered in `pending` and becomes one frame at a flush, so a reader sees all of it
 * or none. */
#include "recording/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/intern.h"
#include "format.h"

#define COMPRESSION_LEVEL 3
#define PENDING_MAX       (UINT64_C(8) << 20) /* what may wait for a disk that is full */
#define STACKS_MAX        (UINT32_C(1) << 20) /* in one recording: about 40 MB of the writer's memory */

struct recording_writer {
    int fd;
    uint64_t file_bytes; /* up to the last good frame */
    struct buffer pending, body, compressed;
    ZSTD_CCtx *compressor;
    struct intern strings, frames, stacks, modules;
    uint32_t *module_paths; /* string ids, by module */
    size_t module_paths_cap;
    uint16_t *depths; /* by stack id */
    size_t depths_cap;
    struct format_state state;
    int broken; /* out of memory half way through a record: nothing more can be added */
};

static int write_all(int fd, const uint8_t *data, size_t length, uint64_t offset)
{
    while (length > 0) {
        ssize_t n = pwrite(fd, data, length, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        offset += (uint64_t)n;
        length -= (size_t)n;
    }
    return 0;
}

/* Appends to the file, or leaves it as it was. */
static int append(struct recording_writer *writer, const void *data, size_t length)
{
    int r = write_all(writer->fd, data, length, writer->file_bytes);
    if (r < 0) {
        /* A rest that cannot be cut off is harmless: the next try overwrites it, and readers stop
         * there. */
        if (ftruncate(writer->fd, (off_t)writer->file_bytes) < 0)
            return r;
        return r;
    }
    writer->file_bytes += length;
    return 0;
}

static int write_header(struct recording_writer *writer)
{
    buffer_clear(&writer->body);
    buffer_put_u32(&writer->body, FORMAT_SKIPPABLE_MAGIC);
    buffer_put_u32(&writer->body, (uint32_t)FORMAT_NAME_BYTES + 4);
    buffer_put(&writer->body, FORMAT_NAME, FORMAT_NAME_BYTES);
    buffer_put_u32(&writer->body, FORMAT_VERSION);
    if (writer->body.failed)
        return -ENOMEM;
    return append(writer, writer->body.data, writer->body.length);
}

static int create_compressor(ZSTD_CCtx **ret_compressor)
{
    ZSTD_CCtx *compressor = ZSTD_createCCtx();
    if (!compressor)
        return -ENOMEM;
    if (ZSTD_isError(
            ZSTD_CCtx_setParameter(compressor, ZSTD_c_compressionLevel, COMPRESSION_LEVEL)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(compressor, ZSTD_c_windowLog, FORMAT_WINDOW_LOG)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(compressor, ZSTD_c_contentSizeFlag, 1)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(compressor, ZSTD_c_checksumFlag, 1))) {
        ZSTD_freeCCtx(compressor);
        return -EINVAL;
    }
    *ret_compressor = compressor;
    return 0;
}

static void writer_free(struct recording_writer *writer)
{
    if (!writer)
        return;
    if (writer->fd >= 0)
        close(writer->fd);
    ZSTD_freeCCtx(writer->compressor);
    intern_deinit(&writer->strings);
    intern_deinit(&writer->frames);
    intern_deinit(&writer->stacks);
    intern_deinit(&writer->modules);
    free(writer->module_paths);
    buffer_deinit(&writer->pending);
    buffer_deinit(&writer->body);
    buffer_deinit(&writer->compressed);
    free(writer->depths);
    free(writer);
}

static void writer_freep(struct recording_writer **writer)
{
    writer_free(*writer);
}

int recording_writer_create(const char *path, bool replace, struct recording_writer **ret_writer,
                            struct error *error)
{
    _cleanup_(writer_freep) struct recording_writer *writer = calloc(1, sizeof(*writer));
    if (!writer)
        return error_set(error, -ENOMEM, "out of memory");
    writer->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (replace ? O_TRUNC : O_EXCL), 0666);
    if (writer->fd < 0 && errno == EEXIST)
        return error_set(error, -EEXIST,
                         "the recording '%s' exists already; name another file or remove it", path);
    if (writer->fd < 0) {
        int r = -errno;
        return error_set(error, r, "cannot create the recording '%s': %s", path, strerror(-r));
    }

    int r = create_compressor(&writer->compressor);
    /* The empty stack is number 0. */
    if (r >= 0)
        r = array_reserve(&writer->depths, &writer->depths_cap, 1, sizeof(*writer->depths));
    if (r >= 0) {
        writer->depths[0] = 0;
        r = write_header(writer);
    }
    if (r < 0) {
        if (!replace)
            unlink(path);
        return error_set(error, r, "cannot write the recording '%s': %s", path, strerror(-r));
    }
    *ret_writer = take_pointer(writer);
    return 0;
}

static void put_record(struct recording_writer *writer, uint8_t kind)
{
    buffer_put_u8(&writer->pending, kind);
    buffer_put_varint(&writer->pending, writer->body.length);
    buffer_put(&writer->pending, writer->body.data, writer->body.length);
}

/* A record in part would spoil all that follows it: cut it off, and take no more. */
static int give_up(struct recording_writer *writer, size_t good_length)
{
    writer->pending.length = good_length;
    writer->pending.failed = false;
    writer->broken = -ENOMEM;
    return -ENOMEM;
}

static int intern_text(void *context, const char *text, uint32_t *ret_id)
{
    struct recording_writer *writer = context;
    size_t length = strnlen(text, FORMAT_TEXT_MAX);
    bool added;
    int r = intern_add(&writer->strings, text, length, ret_id, &added);
    if (r < 0 || !added)
        return r;
    buffer_put_u8(&writer->pending, RECORD_STRING);
    buffer_put_varint(&writer->pending, length);
    buffer_put(&writer->pending, text, length);
    return writer->pending.failed ? -ENOMEM : 0;
}

struct frame_key { /* without padding: compared as bytes */
    uint32_t file, function;
    int32_t line, first_line;
    uint64_t module; /* + 1; 0: Python */
    uint64_t address;
};

static int intern_frame(struct recording_writer *writer, const struct frame_key *key,
                        uint32_t *ret_id)
{
    bool added;
    int r = intern_add(&writer->frames, key, sizeof(*key), ret_id, &added);
    if (r < 0 || !added)
        return r;
    buffer_clear(&writer->body);
    buffer_put_varint(&writer->body, key->file);
    buffer_put_varint(&writer->body, key->function);
    buffer_put_svarint(&writer->body, key->line);
    buffer_put_svarint(&writer->body, (int64_t)key->first_line - key->line);
    if (key->module) {
        buffer_put_varint(&writer->body, key->module);
        buffer_put_varint(&writer->body, key->address);
    }
    put_record(writer, RECORD_FRAME);
    return writer->body.failed || writer->pending.failed ? -ENOMEM : 0;
}

static int intern_stack(struct recording_writer *writer, uint32_t parent_id, uint32_t frame_id,
                        uint32_t *ret_stack_id)
{
    const uint32_t key[] = {parent_id, frame_id};
    uint32_t index;
    bool added;
    int r = intern_add(&writer->stacks, key, sizeof(key), &index, &added);
    if (r < 0)
        return r;
    if (added) {
        r = array_reserve(&writer->depths, &writer->depths_cap, (size_t)index + 2,
                          sizeof(*writer->depths));
        if (r < 0)
            return r;
        writer->depths[index + 1] = (uint16_t)(writer->depths[parent_id] + 1);
        buffer_clear(&writer->body);
        buffer_put_varint(&writer->body, parent_id);
        buffer_put_varint(&writer->body, frame_id);
        put_record(writer, RECORD_STACK);
        if (writer->body.failed || writer->pending.failed)
            return -ENOMEM;
    }
    *ret_stack_id = index + 1;
    return 0;
}

/* 0 to go on; 1 when the parent itself is the answer; -EINVAL or what broke the writer. */
static int check_parent(const struct recording_writer *writer, uint32_t parent_id,
                        uint32_t *ret_stack_id)
{
    if (writer->broken)
        return writer->broken;
    if (parent_id > writer->stacks.count)
        return -EINVAL;
    if (writer->depths[parent_id] < FORMAT_DEPTH_MAX && writer->stacks.count < STACKS_MAX)
        return 0;
    *ret_stack_id = parent_id;
    return 1;
}

int recording_writer_module(struct recording_writer *writer,
                            const struct recording_writer_file *file, uint32_t *ret_module)
{
    struct {
        uint32_t path, flags;
        uint8_t build_id[FORMAT_BUILD_ID_MAX];
    } key = {.flags = file->interpreter ? FORMAT_MODULE_INTERPRETER : 0};
    size_t good_length = writer->pending.length;
    bool added;
    if (writer->broken)
        return writer->broken;
    if (file->build_id_bytes > sizeof(key.build_id))
        return -EINVAL;
    if (writer->modules.count >= FORMAT_MODULES_MAX)
        return -ENOBUFS;
    if (file->build_id_bytes)
        memcpy(key.build_id, file->build_id, file->build_id_bytes);
    if (array_reserve(&writer->module_paths, &writer->module_paths_cap, writer->modules.count + 1,
                      sizeof(*writer->module_paths)) < 0 ||
        intern_text(writer, file->path, &key.path) < 0 ||
        intern_add(&writer->modules, &key, sizeof(key), ret_module, &added) < 0)
        return give_up(writer, good_length);
    if (!added)
        return 0;
    writer->module_paths[*ret_module] = key.path;
    buffer_clear(&writer->body);
    buffer_put_varint(&writer->body, key.path);
    buffer_put_varint(&writer->body, key.flags);
    buffer_put_varint(&writer->body, file->build_id_bytes);
    buffer_put(&writer->body, key.build_id, file->build_id_bytes);
    put_record(writer, RECORD_MODULE);
    return writer->body.failed || writer->pending.failed ? give_up(writer, good_length) : 0;
}

int recording_writer_native(struct recording_writer *writer, uint32_t parent_id, uint32_t module,
                            uint64_t address, uint32_t *ret_stack_id)
{
    int r = check_parent(writer, parent_id, ret_stack_id);
    if (r != 0)
        return r < 0 ? r : 0;
    if (module >= writer->modules.count)
        return -EINVAL;
    size_t good_length = writer->pending.length;
    struct frame_key key = {
        .file = writer->module_paths[module], .module = (uint64_t)module + 1, .address = address};
    uint32_t frame_id;
    if (intern_text(writer, FORMAT_NATIVE_NAME, &key.function) < 0 ||
        intern_frame(writer, &key, &frame_id) < 0 ||
        intern_stack(writer, parent_id, frame_id, ret_stack_id) < 0)
        return give_up(writer, good_length);
    return 0;
}

int recording_writer_stack(struct recording_writer *writer, uint32_t parent_id, const char *file,
                           const char *function, int32_t line, int32_t first_line,
                           uint32_t *ret_stack_id)
{
    int r = check_parent(writer, parent_id, ret_stack_id);
    if (r != 0)
        return r < 0 ? r : 0;
    size_t good_length = writer->pending.length;
    struct frame_key key = {.line = line, .first_line = first_line};
    uint32_t frame_id;
    if (intern_text(writer, file, &key.file) < 0 ||
        intern_text(writer, function, &key.function) < 0 ||
        intern_frame(writer, &key, &frame_id) < 0 ||
        intern_stack(writer, parent_id, frame_id, ret_stack_id) < 0)
        return give_up(writer, good_length);
    return 0;
}

struct recording_writer_link recording_writer_link(const struct recording_writer *writer,
                                                   uint32_t stack_id)
{
    struct recording_writer_link link;
    size_t length;
    memcpy(&link, intern_get(&writer->stacks, stack_id - 1, &length), sizeof(link));
    return link;
}

bool recording_writer_same_function(const struct recording_writer *writer, uint32_t frame_id,
                                    uint32_t other_id)
{
    struct frame_key key, other;
    size_t length;
    memcpy(&key, intern_get(&writer->frames, frame_id, &length), sizeof(key));
    memcpy(&other, intern_get(&writer->frames, other_id, &length), sizeof(other));
    return key.file == other.file && key.function == other.function &&
           key.first_line == other.first_line && key.module == other.module &&
           key.address == other.address;
}

int recording_writer_push(struct recording_writer *writer, uint32_t parent_id, uint32_t frame_id,
                          uint32_t *ret_stack_id)
{
    int r = check_parent(writer, parent_id, ret_stack_id);
    if (r != 0)
        return r < 0 ? r : 0;
    if (frame_id >= writer->frames.count)
        return -EINVAL;
    size_t good_length = writer->pending.length;
    if (intern_stack(writer, parent_id, frame_id, ret_stack_id) < 0)
        return give_up(writer, good_length);
    return 0;
}

int recording_writer_add(struct recording_writer *writer, const struct event *event)
{
    if (writer->broken)
        return writer->broken;
    if (writer->pending.length > PENDING_MAX)
        return -ENOBUFS;
    if (event->kind == EVENT_SAMPLE || event->kind == EVENT_FREED)
        for (uint32_t i = 0; i < event->sample.owner_count; i++)
            if (event->sample.owners[i].stack_id > writer->stacks.count)
                return -EINVAL;
    if (event->kind == EVENT_UNWOUND && (event->unwound.module > writer->modules.count ||
                                         event->unwound.by_pointer_module > writer->modules.count))
        return -EINVAL;

    size_t good_length = writer->pending.length;
    struct format_state before = writer->state;
    buffer_clear(&writer->body);
    int r = format_encode_event(&writer->body, &writer->state, event, intern_text, writer);
    if (r == -EINVAL) {
        writer->state = before; /* strings that it named stay defined: harmless */
        return r;
    }
    put_record(writer, (uint8_t)(RECORD_EVENT + event->kind));
    if (r < 0 || writer->body.failed || writer->pending.failed)
        return give_up(writer, good_length);
    return 0;
}

int recording_writer_flush(struct recording_writer *writer)
{
    if (writer->pending.length == 0)
        return writer->broken;
    size_t bound = ZSTD_compressBound(writer->pending.length);
    if (array_reserve(&writer->compressed.data, &writer->compressed.capacity, bound, 1) < 0)
        return -ENOMEM;
    size_t length = ZSTD_compress2(writer->compressor, writer->compressed.data, bound,
                                   writer->pending.data, writer->pending.length);
    if (ZSTD_isError(length))
        return -ENOMEM; /* with a buffer of this size nothing else can be wrong */
    int r = append(writer, writer->compressed.data, length);
    if (r < 0)
        return r;
    buffer_clear(&writer->pending);
    return writer->broken;
}

uint64_t recording_writer_bytes(const struct recording_writer *writer)
{
    return writer->file_bytes;
}

int recording_writer_destroy(struct recording_writer *writer)
{
    if (!writer)
        return 0;
    int r = recording_writer_flush(writer);
    int fd = writer->fd;
    writer->fd = -1;
    if (close(fd) < 0 && r >= 0 && errno != EINTR)
        r = -errno; /* network file systems report a full disk here */
    writer_free(writer);
    return r;
}
