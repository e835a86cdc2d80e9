/* Recordings from anybody, through reader and model. The first byte chooses how much of the file's
 * shape is given: none; a file around the input as payload; or records whose bodies the input
 * fills, which get far. */
#include <stdint.h>
#include <stdlib.h>
#include <zstd.h>

#include "base/bytes.h"
#include "model/profile.h"
#include "recording/reader.h"

#define PAYLOAD_MAX 65536
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
    uint64_t sum = 0;
    size_t next = 0;
    for (size_t point = 0; point < profile->point_count; point++) {
        for (; next < profile->change_count && profile->changes[next].point == point; next++)
            sum += profile->changes[next].grown_bytes - profile->changes[next].released_bytes;
        require(sum == profile->points[point].rss_bytes);
    }
    require(next == profile->change_count);
    uint64_t held = 0;
    for (size_t i = 0; i < profile->line_count; i++)
        held += profile->lines[i].self.held_at_end_bytes;
    require(held == profile->totals.end_rss_bytes);
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
    buffer_put_u8(payload, 16 + EVENT_TARGET);
    buffer_put_u8(payload, sizeof(target));
    buffer_put(payload, target, sizeof(target));
}

static void put_records(struct buffer *payload, struct bytes input)
{
    static const uint8_t kinds[] = {1,
                                    2,
                                    3,
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_of(data, size);
    struct buffer made = {0};
    uint8_t mode;
    if (!bytes_take_u8(&input, &mode))
        return 0;
    if (mode % 4 == 0) {
        buffer_put(&made, input.data, input.left);
        read_file(&made);
    } else {
        put_beginning(&made);
        if (mode % 4 == 1)
            buffer_put(&made, input.data, input.left);
        else
            put_records(&made, input);
        read_payload(&made);
    }
    buffer_deinit(&made);
    return 0;
}
