/* Reading a recording: hostile input. */
#ifndef MEMSAMPLE_RECORDING_READER_H
#define MEMSAMPLE_RECORDING_READER_H

#include "base/error.h"
#include "base/intern.h"
#include "recording/event.h"

struct recording_frame {
    const char *file, *function; /* valid UTF-8 without NUL, owned by the recording */
    int32_t line, first_line;
    uint32_t module;  /* of native frames index + 1, and `file` is the module's path; 0: Python */
    uint64_t address; /* of native frames: virtual address in the module's file */
    size_t first_place,
        place_count; /* what stands there, once it was named: see recording_name_frame */
};

/* A function at a native frame's address. */
struct recording_place {
    const char *function, *file; /* file "": not known */
    int32_t line, first_line;    /* 0: not known */
};

/* A file with native code. */
struct recording_module {
    const char *path; /* "": code that is in no file */
    bool interpreter; /* it holds CPython itself */
    uint8_t build_id[64];
    uint32_t build_id_bytes; /* 0: none */
};

struct recording_stack {
    uint32_t parent_id; /* always smaller than the stack's own id */
    uint32_t frame_id;
};

/* A whole recording in memory: names, and the events in the form in which they were written,
 * checked but not unpacked (about 20 bytes a sample); recording_next unpacks one at a time. */
struct recording {
    struct recording_frame *frames;
    size_t frame_count;
    struct recording_stack *stacks; /* by id; [0] is the empty stack */
    size_t stack_count;
    const char **strings;
    size_t string_count;
    struct recording_module *modules;
    size_t module_count;
    struct recording_place *places; /* of native frames */
    size_t place_count, places_cap;
    struct intern place_texts; /* private: each text once */
    const char **place_text;   /* private, by number there */
    size_t place_text_cap;
    struct event_target target; /* the first event */
    uint8_t *events;
    size_t events_bytes, event_count;
    uint64_t last_time_ns; /* of the last event */
    bool complete;         /* the last event is EVENT_END */
    char cut[160]; /* "" or why reading stopped early, as half a sentence: "is cut off after 12.3 s"
                    */
    struct recording_block *blocks; /* private: the memory of the strings */
};

/* Where a walk over the events stands. Several may be under way at once. */
struct recording_cursor {
    const struct recording *recording;
    size_t offset;
    uint64_t time_ns, rss_bytes, shared_bytes, writable_bytes, grown_bytes, pause_ns, faults;
    int32_t tid;
    uint64_t fault_page;
    struct event_owner owners[EVENT_OWNERS_MAX];
    struct event_page_run runs[EVENT_PAGE_RUNS_MAX];
};

/* Puts the cursor before the first event. */
void recording_rewind(const struct recording *recording, struct recording_cursor *cursor);
/* The next event, or false at the end. Owners and runs of pages live in the cursor until the next call, text in the
 * recording. Times never run backwards; the first event is EVENT_TARGET; rss = previous rss + grown
 * - released, where the first reading follows on nothing (its `grown` is its RSS); all growth
 * together is below 2^53 bytes. */
bool recording_next(struct recording_cursor *cursor, struct event *ret_event);

/* Says what stands at a native frame's address, outermost first: several functions where some were
 * inlined. Texts are copied. 0 or -ENOMEM. */
int recording_name_frame(struct recording *recording, size_t frame,
                         const struct recording_place *places, size_t count);

/* Reads the file at `path` up to the last good frame. 0; or a negative errno with `error` filled:
 * -EINVAL for a file that is no recording, -EPROTONOSUPPORT for a newer version, -ENODATA for one
 * without a target event. */
int recording_read(const char *path, struct recording **ret_recording, struct error *error);
/* The same from memory, for tests and fuzzing; `name` is used in errors. */
int recording_read_bytes(const void *data, size_t length, const char *name,
                         struct recording **ret_recording, struct error *error);
void recording_destroy(struct recording *recording);

#endif
