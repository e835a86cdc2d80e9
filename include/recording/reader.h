/* Reading a recording: hostile input. */
#ifndef MEMSAMPLE_RECORDING_READER_H
#define MEMSAMPLE_RECORDING_READER_H

#include "base/error.h"
#include "base/intern.h"
#include "recording/event.h"

struct recording_frame {
    const char *file, *function; /* valid UTF-8, owned by the recording */
    int32_t line, first_line;
};

struct recording_stack {
    uint32_t parent_id; /* always smaller than the stack's own id */
    uint32_t frame_id;
};

/* A whole recording in memory. Names first, then events in order of time. */
struct recording {
    struct recording_frame *frames;
    size_t frame_count;
    struct recording_stack *stacks; /* by id; [0] is the empty stack */
    size_t stack_count;
    struct event *events;
    size_t event_count;
    bool complete;      /* the last event is EVENT_END */
    char cut[160];      /* "" or why reading stopped early, as half a sentence: "is cut off after 12.3 s" */
};

/* Reads the file at `path` up to the last good frame. 0; or a negative errno with `error` filled: -EINVAL for
 * a file that is no recording, -EPROTONOSUPPORT for a newer version, -ENODATA for one without a target event. */
int recording_read(const char *path, struct recording **ret_recording, struct error *error);
/* The same from memory, for tests and fuzzing; `name` is used in errors. */
int recording_read_bytes(const void *data, size_t length, const char *name,
                         struct recording **ret_recording, struct error *error);
void recording_destroy(struct recording *recording);

#endif
