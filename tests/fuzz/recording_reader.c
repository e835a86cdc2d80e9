/* Recordings from anybody, through reader and model. The first byte chooses how much of the file's
 * shape is given: none; a file around the input as payload; records whose bodies the input fills;
 * or events that are all right by themselves, in any order, which get furthest. A whole recording
 * is read as it is, and with bytes changed here and there. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/bytes.h"
#include "model/profile.h"
#include "recording/reader.h"

#define PAYLOAD_MAX (UINT32_C(1) << 20)
#define CHANGED_MAX 60 /* versions of a whole recording */
#define BODY_MAX    24

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

/* What the model promises for any recording that the reader lets through. */
static void check_books(const struct profile *profile)
{
    uint64_t *held = calloc(profile->node_count, sizeof(*held)), sum = 0, at_end = 0;
    size_t next = 0;
    require(held != NULL);
    for (size_t point = 0; point < profile->point_count; point++) {
        for (; next < profile->change_count && profile->changes[next].point == point; next++) {
            const struct profile_change *change = &profile->changes[next];
            sum += change->grown_bytes - change->released_bytes;
            require(change->certain_bytes <= change->grown_bytes);
            require(held[change->node] + change->grown_bytes >= change->released_bytes);
            held[change->node] += change->grown_bytes - change->released_bytes;
        }
        require(sum == profile->points[point].rss_bytes);
    }
    require(next == profile->change_count);
    free(held);
    for (size_t i = 0; i < profile->line_count; i++)
        if (!profile->lines[i]
                 .module) /* what native functions did counts for the line that called them */
            at_end += profile->lines[i].self.held_at_end_bytes;
    require(at_end == profile->totals.end_rss_bytes);
    require(profile->totals.baseline_bytes + profile->totals.grown_bytes -
                profile->totals.released_bytes ==
            profile->totals.end_rss_bytes);
}

static void check_recording(const struct recording *recording)
{
    struct recording_cursor cursor;
    struct event event;
    struct profile *profile;
    size_t count = 0;
    for (recording_rewind(recording, &cursor); recording_next(&cursor, &event);)
        count++;
    require(count == recording->event_count);
    if (profile_create(recording, &profile, NULL) < 0)
        return;
    check_books(profile);
    require(profile_thin(profile, 9) == 0);
    check_books(profile);
    profile_destroy(profile);
}

static void read_file(const struct buffer *file)
{
    struct recording *recording;
    if (file->failed ||
        recording_read_bytes(file->data, file->length, "fuzz", &recording, NULL) < 0)
        return;
    check_recording(recording);
    recording_destroy(recording);
}

static void read_payload(const struct buffer *payload)
{
    static uint8_t frame[ZSTD_COMPRESSBOUND(PAYLOAD_MAX)];
    struct buffer file = {0};
    if (payload->failed || payload->length > PAYLOAD_MAX)
        return;
    buffer_put_u32(&file, 0x184D2A5B);
    buffer_put_u32(&file, 24);
    buffer_put(&file, "memsample recording", 20);
    buffer_put_u32(&file, 1);
    size_t length = ZSTD_compress(frame, sizeof(frame), payload->data, payload->length, 1);
    require(!ZSTD_isError(length));
    buffer_put(&file, frame, length);
    read_file(&file);
    buffer_deinit(&file);
}

/* Names and a target, so that most records find what they refer to. */
static void put_beginning(struct buffer *payload)
{
    static const uint8_t target[] = {0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    buffer_put(payload, "\1\1a\1\1b\2\4\0\1\2\0\2\4\1\0\4\1\3\2\0\0\3\2\1\1\3\2\2\0", 30);
    /* Two files with code, one the interpreter's; a native frame in each; stacks 4 to 6 with them.
     */
    buffer_put(payload,
               "\4\4\0\1\1\7\4\3\1\0\0\2\6\0\1\0\0\1\5\2\6\0\1\0\0\2\6\3\2\3\3\3\2\4\2\3\2\0\3",
               39);
    buffer_put_u8(payload, 16 + EVENT_TARGET);
    buffer_put_u8(payload, sizeof(target));
    buffer_put(payload, target, sizeof(target));
}

static void put_records(struct buffer *payload, struct bytes input)
{
    static const uint8_t kinds[] = {1,
                                    2,
                                    3,
                                    4,
                                    16 + EVENT_UNWOUND,
                                    16 + EVENT_PLACE,
                                    16 + EVENT_READING,
                                    16 + EVENT_SAMPLE,
                                    16 + EVENT_SAMPLE,
                                    16 + EVENT_SAMPLE,
                                    16 + EVENT_THREAD,
                                    16 + EVENT_SPLIT,
                                    16 + EVENT_PHASE,
                                    16 + EVENT_PYTHON,
                                    16 + EVENT_TARGET,
                                    16 + EVENT_END,
                                    16 + EVENT_PAGES,
                                    16 + EVENT_PAGES,
                                    16 + EVENT_FREED,
                                    99};
    uint8_t choice;
    while (bytes_take_u8(&input, &choice)) {
        const uint8_t *body;
        size_t length = input.left < BODY_MAX ? input.left : BODY_MAX;
        if (!bytes_take(&input, length, &body))
            return;
        buffer_put_u8(payload, kinds[choice % sizeof(kinds)]);
        buffer_put_varint(payload, length);
        buffer_put(payload, body, length);
    }
}

/* A byte of the input, or 0. */
static uint64_t next_byte(struct bytes *input)
{
    uint8_t byte = 0;
    bytes_take_u8(input, &byte);
    return byte;
}

/* Mostly small, at times as large as can be. */
static uint64_t next_number(struct bytes *input)
{
    uint64_t byte = next_byte(input);
    return byte < 160 ? byte : byte << next_byte(input) % (byte < 254 ? 10 : 45);
}

static void put_memory(struct buffer *body, struct bytes *input, uint64_t *rss_pages)
{
    uint64_t pages = next_number(input) & 0xffffffff;
    bool fell = next_byte(input) % 2;
    if (fell && pages > *rss_pages)
        pages = *rss_pages;
    *rss_pages = fell ? *rss_pages - pages : *rss_pages + pages;
    buffer_put_varint(body, pages << 2 | fell);
    buffer_put_varint(body, next_byte(input) % 4 ? 0 : next_byte(input) << 1); /* came and went */
    buffer_put_varint(body, 0);
    buffer_put_varint(body, 0);
}

static void put_sample(struct buffer *body, struct bytes *input, uint64_t *rss_pages)
{
    put_memory(body, input, rss_pages);
    uint64_t count = next_byte(input) % 4;
    buffer_put_varint(body, 10);
    buffer_put_varint(body, 1);
    buffer_put_varint(body, count);
    for (uint64_t i = 0; i < count; i++) {
        uint8_t state = (uint8_t)(next_byte(input) % STACK_STATES);
        buffer_put_svarint(body, i == 0 ? 0 : 1);
        buffer_put_varint(body, next_byte(input));
        buffer_put_varint(body, next_byte(input) % 7);
        buffer_put_u8(body, (uint8_t)(0x80 | state << 1));
        /* mostly upwards, so that it stays above nothing */
        buffer_put_svarint(body, (int64_t)next_byte(input) - 40);
    }
}

static void put_pages(struct buffer *body, struct bytes *input)
{
    uint64_t count = next_byte(input) % 8;
    buffer_put_u8(body, next_byte(input) % 8 != 0);
    buffer_put_varint(body, count);
    for (uint64_t i = 0; i < count; i++) {
        buffer_put_varint(body, next_number(input));
        buffer_put_varint(body, 1 + next_number(input));
        buffer_put_u8(body, (uint8_t)(next_byte(input) % PAGES_CHANGES));
    }
}

static void put_place(struct buffer *body, struct bytes *input)
{
    buffer_put_varint(body, next_number(input));
    buffer_put_varint(body, 1 + next_number(input));
    buffer_put_u8(body, (uint8_t)((1 + next_byte(input) % (PLACE_KINDS_END - 1)) << 1 |
                                  (next_byte(input) & 1)));
    buffer_put_varint(body, 0);
}

static void put_unwound(struct buffer *body, struct bytes *input)
{
    buffer_put_u8(body, (uint8_t)(next_byte(input) % (UNWOUND_ENDS << 2)));
    buffer_put_varint(body, next_byte(input) % 3);
    buffer_put_varint(body, next_byte(input) % 3);
}

static void put_story(struct buffer *payload, struct bytes input)
{
    static const uint8_t kinds[] = {EVENT_SAMPLE, EVENT_PAGES,  EVENT_READING, EVENT_FREED,
                                    EVENT_SAMPLE, EVENT_PAGES,  EVENT_SAMPLE,  EVENT_PHASE,
                                    EVENT_PLACE,  EVENT_UNWOUND};
    struct buffer body = {0};
    uint64_t rss_pages = 0;
    while (input.left > 0) {
        uint8_t kind = kinds[next_byte(&input) % sizeof(kinds)];
        buffer_clear(&body);
        buffer_put_varint(&body, kind == EVENT_PLACE || kind == EVENT_UNWOUND ? 0 : 1);
        if (kind == EVENT_PHASE && next_byte(&input) % 8)
            continue;
        if (kind == EVENT_PHASE)
            buffer_put_u8(&body, (uint8_t)(1 + next_byte(&input) % 2));
        else if (kind == EVENT_PAGES)
            put_pages(&body, &input);
        else if (kind == EVENT_PLACE)
            put_place(&body, &input);
        else if (kind == EVENT_UNWOUND)
            put_unwound(&body, &input);
        else if (kind == EVENT_READING)
            put_memory(&body, &input, &rss_pages);
        else
            put_sample(&body, &input, &rss_pages);
        buffer_put_u8(payload, 16 + kind);
        buffer_put_varint(payload, body.length);
        buffer_put(payload, body.data, body.length);
    }
    buffer_deinit(&body);
}

/* The payload of a whole recording, behind its header. */
static void take_payload(const uint8_t *data, size_t size, struct buffer *ret_payload)
{
    static uint8_t frame[PAYLOAD_MAX];
    for (size_t at = 32; at < size;) {
        size_t length = ZSTD_findFrameCompressedSize(data + at, size - at);
        if (ZSTD_isError(length))
            return;
        size_t bytes = ZSTD_decompress(frame, sizeof(frame), data + at, length);
        if (!ZSTD_isError(bytes) && ret_payload->length + bytes <= PAYLOAD_MAX)
            buffer_put(ret_payload, frame, bytes);
        at += length;
    }
}

static void read_changed(const uint8_t *data, size_t size)
{
    struct buffer payload = {0};
    uint64_t random = 88172645463325252u;
    take_payload(data, size, &payload);
    for (unsigned i = 0; i < CHANGED_MAX && payload.length && !payload.failed; i++) {
        uint8_t *byte = NULL, old = 0;
        for (unsigned k = 0; k <= i % 3; k++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            byte = &payload.data[random % payload.length];
            old = *byte;
            *byte = (uint8_t)(random >> 40 & 1 ? old + UINT64_C(1) : random >> 48);
        }
        read_payload(&payload);
        *byte = old; /* the others stay: changes add up, slowly */
    }
    buffer_deinit(&payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    struct buffer made = {0};
    uint8_t mode;
    if (size > 32 && memcmp(data, "\x5b\x2a\x4d\x18", 4) == 0) {
        buffer_put(&made, data, size);
        read_file(&made);
        buffer_deinit(&made);
        read_changed(data, size);
        return 0;
    }
    if (!bytes_take_u8(&input, &mode))
        return 0;
    if (mode % 4 == 0) {
        buffer_put(&made, input.data, input.left);
        read_file(&made);
    } else {
        put_beginning(&made);
        if (mode % 4 == 1)
            buffer_put(&made, input.data, input.left);
        else if (mode % 4 == 2)
            put_records(&made, input);
        else
            put_story(&made, input);
        read_payload(&made);
    }
    buffer_deinit(&made);
    return 0;
}
