/* Records into a recording. Knows which records may follow which; must not know files or
 * compression. Everything here is untrusted: each id is checked when it is met, so that nothing
 * later needs to. */
#include "payload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/utf8.h"

#define BLOCK_BYTES (UINT64_C(64) << 10)

/* Text lives in blocks, so that pointers to it stay good while more comes. */
struct recording_block {
    struct recording_block *next;
    size_t used, size;
    char data[];
};

const char *recording_keep_text(struct recording *recording, const void *text, size_t length)
{
    struct recording_block *block = recording->blocks;
    if (!block || block->size - block->used < length + 1) {
        size_t size = length + 1 > BLOCK_BYTES ? length + 1 : BLOCK_BYTES;
        block = malloc(sizeof(*block) + size);
        if (!block)
            return NULL;
        block->next = recording->blocks;
        block->used = 0;
        block->size = size;
        recording->blocks = block;
    }
    char *kept = block->data + block->used;
    if (length)
        memcpy(kept, text, length);
    kept[length] = 0;
    block->used += length + 1;
    return kept;
}

void recording_destroy(struct recording *recording)
{
    if (!recording)
        return;
    for (struct recording_block *block = recording->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(recording->frames);
    free(recording->stacks);
    free(recording->modules);
    free(recording->places);
    free(recording->place_text);
    intern_deinit(&recording->place_texts);
    free(recording->strings);
    free(recording->events);
    free(recording);
}

int loading_init(struct loading *loading, struct recording *recording)
{
    *loading = (struct loading){.recording = recording};
    if (array_reserve(&recording->stacks, &loading->stacks_cap, 1, sizeof(*recording->stacks)) <
            0 ||
        array_reserve(&loading->depths, &loading->depths_cap, 1, sizeof(*loading->depths)) < 0)
        return -ENOMEM;
    recording->stacks[0] = (struct recording_stack){0};
    recording->stack_count = 1;
    loading->depths[0] = 0;
    return 0;
}

void loading_deinit(struct loading *loading)
{
    free(loading->depths);
    buffer_deinit(&loading->text);
}

static int take_string(struct loading *loading, struct bytes body)
{
    struct recording *recording = loading->recording;
    if (body.left > FORMAT_TEXT_MAX || recording->string_count >= FORMAT_NAMES_MAX)
        return -EBADMSG;
    if (array_reserve(&recording->strings, &loading->strings_cap, recording->string_count + 1,
                      sizeof(*recording->strings)) < 0)
        return -ENOMEM;
    buffer_clear(&loading->text);
    utf8_append(&loading->text, body.data, body.left);
    if (loading->text.failed)
        return -ENOMEM;
    const char *text = recording_keep_text(recording, loading->text.data, loading->text.length);
    if (!text)
        return -ENOMEM;
    recording->strings[recording->string_count++] = text;
    return 0;
}

static int take_frame(struct loading *loading, struct bytes body)
{
    struct recording *recording = loading->recording;
    uint64_t file, function, module = 0, address = 0;
    int64_t line, first_change, first_line;
    if (recording->frame_count >= FORMAT_NAMES_MAX || !bytes_take_varint(&body, &file) ||
        !bytes_take_varint(&body, &function) || !bytes_take_svarint(&body, &line) ||
        !bytes_take_svarint(&body, &first_change) || file >= recording->string_count ||
        function >= recording->string_count || line < INT32_MIN || line > INT32_MAX ||
        __builtin_add_overflow(line, first_change, &first_line) || first_line < INT32_MIN ||
        first_line > INT32_MAX)
        return -EBADMSG;
    if (body.left && (!bytes_take_varint(&body, &module) || module == 0 ||
                      module > recording->module_count || !bytes_take_varint(&body, &address)))
        return -EBADMSG;
    if (array_reserve(&recording->frames, &loading->frames_cap, recording->frame_count + 1,
                      sizeof(*recording->frames)) < 0)
        return -ENOMEM;
    /* A line below 1 means that it is not known, however it was written. */
    recording->frames[recording->frame_count++] = (struct recording_frame){
        .file = recording->strings[file],
        .function = recording->strings[function],
        .line = line > 0 ? (int32_t)line : 0,
        .first_line = first_line > 0 ? (int32_t)first_line : 0,
        .module = (uint32_t)module,
        .address = address,
    };
    return 0;
}

static int take_module(struct loading *loading, struct bytes body)
{
    struct recording *recording = loading->recording;
    uint64_t path, flags, build_id_bytes;
    const uint8_t *build_id;
    if (recording->module_count >= FORMAT_MODULES_MAX || !bytes_take_varint(&body, &path) ||
        !bytes_take_varint(&body, &flags) || !bytes_take_varint(&body, &build_id_bytes) ||
        path >= recording->string_count || build_id_bytes > FORMAT_BUILD_ID_MAX ||
        !bytes_take(&body, (size_t)build_id_bytes, &build_id))
        return -EBADMSG;
    if (array_reserve(&recording->modules, &loading->modules_cap, recording->module_count + 1,
                      sizeof(*recording->modules)) < 0)
        return -ENOMEM;
    struct recording_module *module = &recording->modules[recording->module_count++];
    *module = (struct recording_module){.path = recording->strings[path],
                                        .interpreter = flags & FORMAT_MODULE_INTERPRETER,
                                        .build_id_bytes = (uint32_t)build_id_bytes};
    if (build_id_bytes)
        memcpy(module->build_id, build_id, (size_t)build_id_bytes);
    return 0;
}

static int take_stack(struct loading *loading, struct bytes body)
{
    struct recording *recording = loading->recording;
    uint64_t parent, frame;
    if (recording->stack_count >= FORMAT_NAMES_MAX || !bytes_take_varint(&body, &parent) ||
        !bytes_take_varint(&body, &frame) || parent >= recording->stack_count ||
        frame >= recording->frame_count || loading->depths[parent] >= FORMAT_DEPTH_MAX)
        return -EBADMSG;
    if (array_reserve(&recording->stacks, &loading->stacks_cap, recording->stack_count + 1,
                      sizeof(*recording->stacks)) < 0 ||
        array_reserve(&loading->depths, &loading->depths_cap, recording->stack_count + 1,
                      sizeof(*loading->depths)) < 0)
        return -ENOMEM;
    loading->depths[recording->stack_count] = (uint16_t)(loading->depths[parent] + 1);
    recording->stacks[recording->stack_count++] =
        (struct recording_stack){.parent_id = (uint32_t)parent, .frame_id = (uint32_t)frame};
    return 0;
}

static int keep_event(struct loading *loading, enum event_kind kind, struct bytes body)
{
    struct recording *recording = loading->recording;
    struct buffer events = {.data = recording->events,
                            .length = recording->events_bytes,
                            .capacity = loading->events_cap};
    buffer_put_u8(&events, (uint8_t)kind);
    buffer_put_varint(&events, body.left);
    buffer_put(&events, body.data, body.left);
    recording->events = events.data;
    loading->events_cap = events.capacity;
    if (events.failed)
        return -ENOMEM;
    recording->events_bytes = events.length;
    recording->event_count++;
    return 0;
}

static int take_event(struct loading *loading, enum event_kind kind, struct bytes body)
{
    struct recording *recording = loading->recording;
    struct format_names names = {.strings = recording->strings,
                                 .string_count = recording->string_count,
                                 .stack_count = recording->stack_count,
                                 .module_count = recording->module_count};
    struct event event;
    if (loading->ended || (recording->event_count == 0 && kind != EVENT_TARGET))
        return -EBADMSG;
    if (!format_decode_event(body, kind, &loading->state, &names,
                             &(struct format_room){loading->owners, loading->runs}, &event))
        return -EBADMSG;
    int r = keep_event(loading, kind, body);
    if (r < 0)
        return r;
    if (recording->event_count == 1)
        recording->target = event.target;
    recording->last_time_ns = event.time_ns;
    loading->ended = kind == EVENT_END;
    return 0;
}

static int take_record(struct loading *loading, uint8_t kind, struct bytes body)
{
    switch (kind) {
    case RECORD_STRING:
        return take_string(loading, body);
    case RECORD_FRAME:
        return take_frame(loading, body);
    case RECORD_STACK:
        return take_stack(loading, body);
    case RECORD_MODULE:
        return take_module(loading, body);
    }
    if (kind >= RECORD_EVENT + EVENT_TARGET && kind < RECORD_EVENT + EVENT_KINDS_END)
        return take_event(loading, (enum event_kind)(kind - RECORD_EVENT), body);
    return 0; /* from a later memsample */
}

int loading_take_payload(struct loading *loading, struct bytes payload)
{
    while (payload.left > 0) {
        uint8_t kind;
        uint64_t length;
        const uint8_t *data;
        if (!bytes_take_u8(&payload, &kind) || !bytes_take_varint(&payload, &length) ||
            length > payload.left || !bytes_take(&payload, (size_t)length, &data))
            return -EBADMSG;
        int r = take_record(loading, kind, bytes_of(data, (size_t)length));
        if (r < 0)
            return r;
    }
    return 0;
}

void recording_rewind(const struct recording *recording, struct recording_cursor *cursor)
{
    *cursor = (struct recording_cursor){.recording = recording};
}

bool recording_next(struct recording_cursor *cursor, struct event *ret_event)
{
    const struct recording *recording = cursor->recording;
    struct bytes left =
        bytes_of(recording->events + cursor->offset, recording->events_bytes - cursor->offset);
    uint8_t kind;
    uint64_t length;
    const uint8_t *data;
    if (left.left == 0 || !bytes_take_u8(&left, &kind) || !bytes_take_varint(&left, &length) ||
        length > left.left || !bytes_take(&left, (size_t)length, &data))
        return false;

    struct format_names names = {.strings = recording->strings,
                                 .string_count = recording->string_count,
                                 .stack_count = recording->stack_count,
                                 .module_count = recording->module_count};
    struct format_state state = {
        .time_ns = cursor->time_ns,
        .rss_bytes = cursor->rss_bytes,
        .shared_bytes = cursor->shared_bytes,
        .writable_bytes = cursor->writable_bytes,
        .grown_total = cursor->grown_bytes,
        .pause_total = cursor->pause_ns,
        .faults_total = cursor->faults,
        .tid = cursor->tid,
        .fault_page = cursor->fault_page,
    };
    if (!format_decode_event(bytes_of(data, (size_t)length), (enum event_kind)kind, &state, &names,
                             &(struct format_room){cursor->owners, cursor->runs}, ret_event))
        return false;
    cursor->time_ns = state.time_ns;
    cursor->rss_bytes = state.rss_bytes;
    cursor->shared_bytes = state.shared_bytes;
    cursor->writable_bytes = state.writable_bytes;
    cursor->grown_bytes = state.grown_total;
    cursor->pause_ns = state.pause_total;
    cursor->faults = state.faults_total;
    cursor->tid = state.tid;
    cursor->fault_page = state.fault_page;
    cursor->offset = recording->events_bytes - left.left;
    return true;
}
