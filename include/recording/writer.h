/* Writing a recording.
 *
 * The file is a row of standard Zstandard frames (RFC 8878), the first a skippable frame with magic
 * and version, so that it can be looked at with common tools. Every flush closes a frame with a
 * checksum: what was flushed stays readable whatever happens next. Strings, frames and stacks are
 * written at first use. */
#ifndef MEMSAMPLE_RECORDING_WRITER_H
#define MEMSAMPLE_RECORDING_WRITER_H

#include "base/error.h"
#include "recording/event.h"

struct recording_writer;

/* Creates the file at `path`; with `replace` false an existing file is refused (-EEXIST).
 * 0 or a negative errno with `error` filled. */
int recording_writer_create(const char *path, bool replace, struct recording_writer **ret_writer,
                            struct error *error);

/* The number of the stack that adds one frame below `parent_id` (0: the empty stack). `file` and
 * `function` are UTF-8; line 0 is "not known". Stacks are built from the outermost frame inwards.
 * Beyond 4096 frames in one stack, or a million stacks in all, the parent itself is returned: its
 * callees count as its own. 0 or -ENOMEM. */
int recording_writer_stack(struct recording_writer *writer, uint32_t parent_id, const char *file,
                           const char *function, int32_t line, int32_t first_line,
                           uint32_t *ret_stack_id);

/* A stack as the stack below its innermost frame and that frame. `stack_id` is not 0. */
struct recording_writer_link {
    uint32_t parent_id, frame_id;
};
struct recording_writer_link recording_writer_link(const struct recording_writer *writer,
                                                   uint32_t stack_id);
/* Whether two frames are of the same function, at whatever lines. */
bool recording_writer_same_function(const struct recording_writer *writer, uint32_t frame_id,
                                    uint32_t other_id);
/* As recording_writer_stack, with a frame of another stack. */
int recording_writer_push(struct recording_writer *writer, uint32_t parent_id, uint32_t frame_id,
                          uint32_t *ret_stack_id);

/* The number of a file with native code; `path` "" stands for code that is in no file. 0; -ENOMEM;
 * -EINVAL for a build-id of more than 64 bytes; -ENOBUFS when there are 65,536 already. */
struct recording_writer_file {
    const char *path;
    bool interpreter; /* it holds CPython itself */
    const uint8_t *build_id;
    size_t build_id_bytes; /* 0: none */
};
int recording_writer_module(struct recording_writer *writer,
                            const struct recording_writer_file *file, uint32_t *ret_module);

/* As recording_writer_stack, for a native frame: `address` is a virtual address in the module's
 * file. */
int recording_writer_native(struct recording_writer *writer, uint32_t parent_id, uint32_t module,
                            uint64_t address, uint32_t *ret_stack_id);

/* Appends an event. Time must not run backwards (it is raised to the last one). Where grown,
 * released and the RSS before contradict each other, RSS is believed and the books are mended.
 * Nothing is written to the file before a flush. 0; -ENOMEM, after which nothing more can be added;
 * -ENOBUFS while 8 MiB wait for a flush that fails; -EINVAL for an event that makes no sense (it is
 * left out). */
int recording_writer_add(struct recording_writer *writer, const struct event *event);

/* Writes what was added as one checksummed frame. 0 or a negative errno (-ENOSPC: disk full), after
 * which the file still ends at the last good frame and later flushes try again. */
int recording_writer_flush(struct recording_writer *writer);

/* Bytes in the file so far. */
uint64_t recording_writer_bytes(const struct recording_writer *writer);

/* Flushes, closes and frees. 0 or a negative errno of the last flush. */
int recording_writer_destroy(struct recording_writer *writer);

#endif
