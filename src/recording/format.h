/* The recording's private constants and the one place where events become bytes and back. Knows the
 * layout; must not know files, compression, or what events mean.
 *
 * A frame's payload is a row of records: kind (u8), length (varint), body. Kinds that are not known
 * and bytes behind the known part of a body are skipped, so that a later memsample can add both.
 *
 *   RECORD_STRING  the text's bytes
 *   RECORD_FRAME   file string id, function string id, line (signed), first line (signed, from
 * line); of native frames then module id + 1, address in the file. An older memsample takes these
 * for functions called <native>. RECORD_STACK   parent stack id, frame id RECORD_MODULE  path
 * string id, flags, build-id (length, bytes) RECORD_EVENT + enum event_kind: time since the event
 * before, then see events.c
 *
 * Ids are given in order of definition: strings, frames and modules from 0, stacks from 1 (0 is the
 * empty one). Whatever is defined stays defined, and whatever is coded as a difference goes on,
 * across frames. */
#ifndef MEMSAMPLE_RECORDING_FORMAT_H
#define MEMSAMPLE_RECORDING_FORMAT_H

#include "base/bytes.h"
#include "recording/event.h"

#define FORMAT_SKIPPABLE_MAGIC                                                                     \
    UINT32_C(0x184D2A5B) /* RFC 8878, 3.1.2: one of the 16 skippable ones */
#define FORMAT_ZSTD_MAGIC   UINT32_C(0xFD2FB528)
#define FORMAT_NAME         "memsample recording"
#define FORMAT_NAME_BYTES   sizeof(FORMAT_NAME) /* with its NUL */
#define FORMAT_VERSION      UINT32_C(1)
#define FORMAT_HEADER_BYTES (4 + 4 + FORMAT_NAME_BYTES + 4)

#define FORMAT_WINDOW_LOG     18 /* what the writer uses: little memory on both sides */
#define FORMAT_WINDOW_LOG_MAX 23 /* what the reader accepts */
#define FORMAT_FRAME_MAX      (UINT64_C(64) << 20) /* payload bytes of one frame */
#define FORMAT_TOTAL_MAX      (UINT64_C(2) << 30)  /* payload bytes of a file: days at full rate */
#define FORMAT_NAMES_MAX      (UINT32_C(1) << 22)  /* strings, frames, stacks: each */
#define FORMAT_MODULES_MAX    (UINT32_C(1) << 16)
#define FORMAT_BUILD_ID_MAX   64 /* bytes */
#define FORMAT_NATIVE_NAME                                                                         \
    "<native>" /* what a native frame's function is called until it is named */
#define FORMAT_TEXT_MAX  (UINT32_C(64) << 10) /* bytes of one string */
#define FORMAT_DEPTH_MAX 4096                 /* frames of one stack */
#define FORMAT_BYTES_MAX (UINT64_C(1) << 52)  /* any amount of memory, and all growth together */
#define FORMAT_TIME_MAX  (UINT64_C(1) << 60)  /* ns: 36 years */

enum {
    RECORD_STRING = 1,
    RECORD_FRAME = 2,
    RECORD_STACK = 3,
    RECORD_MODULE = 4,
    RECORD_EVENT = 16,
};

/* What the differences refer to. The same on both sides after the same events. */
struct format_state {
    uint64_t time_ns;
    uint64_t rss_bytes, shared_bytes, writable_bytes;
    uint64_t grown_total, pause_total, faults_total; /* keeps every later sum free of overflow */
    int32_t tid;
    uint64_t fault_page;
};

/* Room for what an event refers to. */
struct format_room {
    struct event_owner *owners;  /* EVENT_OWNERS_MAX */
    struct event_page_run *runs; /* EVENT_PAGE_RUNS_MAX */
};

/* Where the decoder finds names. */
struct format_names {
    const char *const *strings;
    size_t string_count, stack_count, module_count;
};

enum { FORMAT_MODULE_INTERPRETER = 1 }; /* flags of a module */

/* Gives the id of a text that the event mentions, defining it first when it is new. */
typedef int (*format_intern_fn)(void *context, const char *text, uint32_t *ret_id);

/* Appends the body of `event` to `body`. Figures that break the books are mended on the way:
 * `grown` and `released` are stored as the change of RSS and what came and went beside it. 0,
 * -ENOMEM, or -EINVAL for an event that no reader would take. `state` is advanced. */
int format_encode_event(struct buffer *body, struct format_state *state, const struct event *event,
                        format_intern_fn intern, void *context);

/* The opposite. The event refers to `room`. False for a body that the encoder cannot have made;
 * `state` is undefined then. */
bool format_decode_event(struct bytes body, enum event_kind kind, struct format_state *state,
                         const struct format_names *names, const struct format_room *room,
                         struct event *ret_event);

#endif
