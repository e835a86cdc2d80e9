/* Private to the reader: what one frame's payload adds to a recording. */
#ifndef MEMSAMPLE_RECORDING_PAYLOAD_H
#define MEMSAMPLE_RECORDING_PAYLOAD_H

#include "format.h"
#include "recording/reader.h"

/* A recording that is being read. */
struct loading {
    struct recording *recording;
    size_t frames_cap, stacks_cap, strings_cap, events_cap, depths_cap, modules_cap;
    uint16_t *depths; /* by stack id */
    struct format_state state;
    struct event_owner owners[EVENT_OWNERS_MAX];
    struct event_page_run runs[EVENT_PAGE_RUNS_MAX];
    struct buffer text;
    bool ended; /* EVENT_END was seen: nothing may follow */
};

/* Copies a text into the recording's own memory. NULL when out of memory. */
const char *recording_keep_text(struct recording *recording, const void *text, size_t length);

int loading_init(struct loading *loading, struct recording *recording);
void loading_deinit(struct loading *loading);

/* Takes all records of a payload. 0, -ENOMEM, or -EBADMSG at the first record that cannot be: what
 * stood before it is kept. */
int loading_take_payload(struct loading *loading, struct bytes payload);

#endif
