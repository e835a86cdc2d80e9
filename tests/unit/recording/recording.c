/* Recordings: what is written comes back; what is cut or damaged is kept up to the damage. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <signal.h>
#include <cmocka.h>
#include <zstd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "recording/reader.h"
#include "recording/writer.h"

static char directory[] = "/tmp/memsample-recording-XXXXXX";
static char path[256];

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof(path), "%s/a.memsample", directory);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static struct recording_writer *writer_new(void)
{
    struct recording_writer *writer = NULL;
    struct error error;
    assert_int_equal(recording_writer_create(path, true, &writer, &error), 0);
    return writer;
}

static void add(struct recording_writer *writer, struct event event)
{
    assert_int_equal(recording_writer_add(writer, &event), 0);
}

static struct event target_event(void)
{
    return (struct event){.kind = EVENT_TARGET,
                          .target = {.pid = 4242,
                                     .inner_pid = 7,
                                     .start_unix_ns = 1700000000123456789u,
                                     .page_bytes = 4096,
                                     .step_bytes = 65536,
                                     .tick_ns = 10000000,
                                     .budget_percent = 2.5,
                                     .program = "job.py",
                                     .command = "python job.py",
                                     .directory = "/tmp",
                                     .clock = "poll",
                                     .clock_reason = "perf refused",
                                     .kernel = "Linux 6.1",
                                     .memsample_version = "0.1.0"}};
}

static struct event reading(uint64_t time_ns, uint64_t rss, uint64_t grown, uint64_t released)
{
    return (struct event){.kind = EVENT_READING,
                          .time_ns = time_ns,
                          .reading = {.rss_bytes = rss,
                                      .shared_bytes = 4096,
                                      .writable_bytes = rss + 12345,
                                      .grown_bytes = grown,
                                      .released_bytes = released}};
}

static void read_file(struct buffer *data)
{
    _cleanup_(fclosep) FILE *file = fopen(path, "re");
    uint8_t chunk[4096];
    assert_non_null(file);
    for (size_t n; (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
        buffer_put(data, chunk, n);
}

/* A recording of three flushes; ret_ends says where each frame ends in the file. */
static void write_small(uint64_t ret_ends[3])
{
    struct recording_writer *writer = writer_new();
    struct event_owner owners[] = {
        {.tid = 4242, .faults = 7, .stack_id = 2, .state = STACK_STOPPED},
        {.tid = 4250, .faults = 1, .stack_id = 0, .state = STACK_NO_PYTHON, .truncated = true},
    };
    uint32_t outer, inner;
    add(writer, target_event());
    add(writer, (struct event){.kind = EVENT_PYTHON,
                               .time_ns = 5,
                               .python = {.version = 0x030c01f0, .executable = "/usr/bin/python"}});
    add(writer, (struct event){
                    .kind = EVENT_THREAD, .time_ns = 6, .thread = {.tid = 4250, .name = "worker"}});
    add(writer, reading(1000, 40960, 40960, 0));
    assert_int_equal(recording_writer_flush(writer), 0);
    ret_ends[0] = recording_writer_bytes(writer);

    assert_int_equal(recording_writer_stack(writer, 0, "a.py", "main", 10, 3, &outer), 0);
    assert_int_equal(recording_writer_stack(writer, outer, "a.py", "f", 20, 30, &inner), 0);
    assert_int_equal(outer, 1);
    assert_int_equal(inner, 2);
    assert_int_equal(recording_writer_stack(writer, 0, "a.py", "main", 10, 3, &outer), 0);
    assert_int_equal(outer, 1);
    struct event sample = {.kind = EVENT_SAMPLE, .time_ns = 2000};
    sample.sample = (struct event_sample){.memory = reading(0, 81920, 45056, 4096).reading,
                                          .pause_ns = 27123,
                                          .pauses = 1,
                                          .owner_count = 2,
                                          .owners = owners};
    add(writer, sample);
    add(writer,
        (struct event){.kind = EVENT_SPLIT, .time_ns = 2000, .split = {4096, 8192, 100, 81920}});
    assert_int_equal(recording_writer_flush(writer), 0);
    ret_ends[1] = recording_writer_bytes(writer);

    add(writer, (struct event){.kind = EVENT_PHASE, .time_ns = 2500, .phase = PHASE_FINALIZING});
    add(writer, reading(3000, 999, 1, 80922));
    add(writer, (struct event){.kind = EVENT_END,
                               .time_ns = 3001,
                               .end = {END_SIGNALED, 11, 12345678, 9 << 20}});
    assert_int_equal(recording_writer_flush(writer), 0);
    ret_ends[2] = recording_writer_bytes(writer);
    assert_int_equal(recording_writer_destroy(writer), 0);
}

static void expect_small(const struct recording *recording, size_t event_count)
{
    static const enum event_kind kinds[] = {EVENT_TARGET,  EVENT_PYTHON,  EVENT_THREAD,
                                            EVENT_READING, EVENT_SAMPLE,  EVENT_SPLIT,
                                            EVENT_PHASE,   EVENT_READING, EVENT_END};
    struct recording_cursor cursor;
    struct event event;
    size_t i = 0;
    assert_int_equal(recording->event_count, event_count);
    for (recording_rewind(recording, &cursor); recording_next(&cursor, &event); i++)
        assert_int_equal(event.kind, kinds[i]);
    assert_int_equal(i, event_count);
}

static void test_round_trip(void **state)
{
    (void)state;
    uint64_t ends[3];
    struct recording *recording = NULL;
    struct recording_cursor cursor;
    struct error error;
    struct event event;
    write_small(ends);
    assert_int_equal(recording_read(path, &recording, &error), 0);
    assert_true(recording->complete);
    assert_string_equal(recording->cut, "");
    expect_small(recording, 9);
    assert_string_equal(recording->target.program, "job.py");

    recording_rewind(recording, &cursor);
    assert_true(recording_next(&cursor, &event));
    assert_int_equal(event.target.pid, 4242);
    assert_int_equal(event.target.inner_pid, 7);
    assert_int_equal(event.target.start_unix_ns, 1700000000123456789u);
    assert_true(event.target.budget_percent == 2.5);
    assert_string_equal(event.target.memsample_version, "0.1.0");
    assert_true(recording_next(&cursor, &event));
    assert_int_equal(event.python.version, 0x030c01f0);
    assert_true(recording_next(&cursor, &event));
    assert_string_equal(event.thread.name, "worker");
    assert_int_equal(event.thread.tid, 4250);
    assert_true(recording_next(&cursor, &event));
    assert_int_equal(event.time_ns, 1000);
    assert_int_equal(event.reading.rss_bytes, 40960);
    assert_int_equal(event.reading.writable_bytes, 40960 + 12345);
    assert_true(recording_next(&cursor, &event));
    assert_int_equal(event.sample.memory.grown_bytes, 45056);
    assert_int_equal(event.sample.memory.released_bytes, 4096);
    assert_int_equal(event.sample.pause_ns, 27123);
    assert_int_equal(event.sample.owner_count, 2);
    assert_int_equal(event.sample.owners[0].stack_id, 2);
    assert_int_equal(event.sample.owners[0].faults, 7);
    assert_int_equal(event.sample.owners[1].tid, 4250);
    assert_int_equal(event.sample.owners[1].state, STACK_NO_PYTHON);
    assert_true(event.sample.owners[1].truncated);
    assert_true(recording_next(&cursor, &event));
    assert_int_equal(event.split.swap_bytes, 100);
    assert_true(recording_next(&cursor, &event));
    assert_int_equal(event.phase, PHASE_FINALIZING);
    assert_true(recording_next(&cursor, &event));
    assert_int_equal(event.reading.rss_bytes, 999);
    assert_int_equal(event.reading.released_bytes, 80922);
    assert_true(recording_next(&cursor, &event));
    assert_int_equal(event.end.status, 11);
    assert_int_equal(event.end.tracer_rss_bytes, 9 << 20);
    assert_false(recording_next(&cursor, &event));

    assert_int_equal(recording->stack_count, 3);
    assert_int_equal(recording->stacks[2].parent_id, 1);
    assert_string_equal(recording->frames[recording->stacks[2].frame_id].function, "f");
    assert_int_equal(recording->frames[recording->stacks[2].frame_id].first_line, 30);
    recording_destroy(recording);
}

static void test_every_cut(void **state)
{
    (void)state;
    uint64_t ends[3];
    struct buffer data = {0};
    write_small(ends);
    read_file(&data);
    assert_int_equal(data.length, ends[2]);
    for (size_t length = 0; length < data.length; length++) {
        struct recording *recording = NULL;
        struct error error = {""};
        /* In memory of exactly that size, so that a sanitizer sees any read behind it. */
        uint8_t *part = malloc(length + !length);
        memcpy(part, data.data, length);
        int r = recording_read_bytes(part, length, "part", &recording, &error);
        free(part);
        if (length < ends[0]) {
            assert_true(r == -EINVAL || r == -ENODATA);
            assert_true(error.text[0]);
            continue;
        }
        assert_int_equal(r, 0);
        expect_small(recording, length < ends[1] ? 4 : 6);
        assert_false(recording->complete);
        assert_non_null(
            strstr(recording->cut, length < ends[1] ? "after 1.00 us" : "after 2.00 us"));
        recording_destroy(recording);
    }
    buffer_deinit(&data);
}

static void test_every_bit_flip(void **state)
{
    (void)state;
    uint64_t ends[3];
    struct buffer data = {0};
    write_small(ends);
    read_file(&data);
    for (size_t bit = 0; bit < data.length * 8; bit++) {
        struct recording *recording = NULL;
        data.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int r = recording_read_bytes(data.data, data.length, "flipped", &recording, NULL);
        if (r >= 0) {
            struct recording_cursor cursor;
            struct event event;
            for (recording_rewind(recording, &cursor); recording_next(&cursor, &event);)
                ;
            assert_int_equal(cursor.offset, recording->events_bytes);
            recording_destroy(recording);
        }
        data.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    buffer_deinit(&data);
}

static void test_refuses(void **state)
{
    (void)state;
    uint64_t ends[3];
    struct buffer data = {0};
    struct recording *recording = NULL;
    struct recording_writer *writer = NULL;
    struct error error = {""};
    write_small(ends);
    read_file(&data);
    data.data[28] = 9; /* the version */
    assert_int_equal(recording_read_bytes(data.data, data.length, "new", &recording, &error),
                     -EPROTONOSUPPORT);
    assert_non_null(strstr(error.text, "newer"));
    assert_int_equal(recording_read_bytes("hello", 5, "text", &recording, &error), -EINVAL);
    assert_int_equal(recording_read("/nonexistent/x", &recording, &error), -ENOENT);
    assert_int_equal(recording_read(directory, &recording, &error), -EISDIR);
    assert_int_equal(recording_writer_create(path, false, &writer, &error), -EEXIST);
    assert_int_equal(recording_writer_create("/nonexistent/x", false, &writer, &error), -ENOENT);
    buffer_deinit(&data);
}

static void test_books_are_mended(void **state)
{
    (void)state;
    struct recording *recording = NULL;
    struct recording_cursor cursor;
    struct event event;
    struct recording_writer *writer = writer_new();
    add(writer, target_event());
    add(writer, reading(10, 10 << 20, 0, 0));
    add(writer, reading(9, 12 << 20, 0, 0)); /* grew, and does not say so; time ran backwards */
    add(writer, reading(20, 11 << 20, 5 << 20, 0)); /* fell, and says it grew */
    assert_int_equal(recording_writer_destroy(writer), 0);
    assert_int_equal(recording_read(path, &recording, NULL), 0);
    recording_rewind(recording, &cursor);
    uint64_t rss = 0, time_ns = 0;
    for (int i = 0; recording_next(&cursor, &event); i++) {
        assert_true(event.time_ns >= time_ns);
        time_ns = event.time_ns;
        if (event.kind != EVENT_READING)
            continue;
        assert_int_equal(rss + event.reading.grown_bytes - event.reading.released_bytes,
                         event.reading.rss_bytes);
        rss = event.reading.rss_bytes;
    }
    assert_int_equal(rss, 11 << 20);
    recording_destroy(recording);
}

/* A file with one frame of our own making behind the header. */
static int read_payload(const void *payload, size_t length, struct recording **ret_recording)
{
    struct buffer file = {0};
    uint8_t frame[4096];
    buffer_put_u32(&file, 0x184D2A5B);
    buffer_put_u32(&file, 24);
    buffer_put(&file, "memsample recording", 20); /* with its NUL */
    buffer_put_u32(&file, 1);
    size_t n = ZSTD_compress(frame, sizeof(frame), payload, length, 1);
    buffer_put(&file, frame, n);
    int r = recording_read_bytes(file.data, file.length, "made", ret_recording, NULL);
    buffer_deinit(&file);
    return r;
}

static void put_target_records(struct buffer *payload)
{
    static const uint8_t body[] = {0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    buffer_put(payload, "\x01\x03job", 5);
    buffer_put_u8(payload, 16 + EVENT_TARGET);
    buffer_put_u8(payload, sizeof(body));
    buffer_put(payload, body, sizeof(body));
}

static void expect_damage(const char *record, size_t length)
{
    struct buffer payload = {0};
    struct recording *recording = NULL;
    put_target_records(&payload);
    buffer_put(&payload, record, length);
    assert_int_equal(read_payload(payload.data, payload.length, &recording), 0);
    assert_int_equal(recording->event_count, 1);
    assert_non_null(strstr(recording->cut, "is damaged"));
    recording_destroy(recording);
    buffer_deinit(&payload);
}

static void test_impossible_records(void **state)
{
    (void)state;
    struct recording *recording = NULL;
    struct buffer payload = {0};

    /* An unknown record is not damage, and neither are bytes behind a known body. */
    put_target_records(&payload);
    buffer_put(&payload,
               "\x77\x02zz"
               "\x14\x07\x01\x04\x00\x00\x00zz",
               4 + 9);
    assert_int_equal(read_payload(payload.data, payload.length, &recording), 0);
    assert_int_equal(recording->event_count, 2);
    assert_non_null(strstr(recording->cut, "was not closed"));
    recording_destroy(recording);
    buffer_deinit(&payload);

    expect_damage("\x14\x05\x01\x05\x00\x00\x00", 7); /* RSS falls below nothing */
    expect_damage("\x14\x04\x01\x05\x00\x00", 6);     /* a body too short */
    expect_damage("\x14\x50\x01", 3);                 /* a record longer than the payload */
    expect_damage("\x02\x04\x00\x05\x00\x00", 6);     /* a frame with an unknown string */
    expect_damage("\x03\x02\x00\x00", 4);             /* a stack with an unknown frame */
    expect_damage("\x02\x04\x00\x00\x00\x00\x03\x02\x01\x00",
                  10); /* a stack that is its own parent */
    expect_damage("\x16\x0c\x01\x04\x00\x00\x00\x00\x00\x01\x00\x01\x09\x00",
                  14);                                                         /* unknown stack */
    expect_damage("\x16\x09\x01\x04\x00\x00\x00\x00\x00\xff\x01", 11);         /* too many owners */
    expect_damage("\x14\x0b\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x00", 13); /* absurd size */
    assert_int_equal(read_payload("\x14\x05\x01\x04\x00\x00\x00", 7, &recording), -ENODATA);
}

static void add_pages(struct recording_writer *writer, uint64_t time_ns, bool last,
                      const struct event_page_run *runs, uint32_t count, int expected)
{
    struct event event = {.kind = EVENT_PAGES,
                          .time_ns = time_ns,
                          .pages = {.count = count, .last = last, .runs = runs}};
    assert_int_equal(recording_writer_add(writer, &event), expected);
}

static void expect_pages(struct recording_cursor *cursor, bool last,
                         const struct event_page_run *runs, uint32_t count)
{
    struct event event;
    assert_true(recording_next(cursor, &event));
    assert_int_equal(event.kind, EVENT_PAGES);
    assert_int_equal(event.pages.last, last);
    assert_int_equal(event.pages.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(event.pages.runs[i].first, runs[i].first);
        assert_int_equal(event.pages.runs[i].count, runs[i].count);
        assert_int_equal(event.pages.runs[i].change, runs[i].change);
    }
}

static void test_pages(void **state)
{
    (void)state;
    static const struct event_page_run mixed[] = {{0, 1, PAGES_CAME},
                                                  {1, 511, PAGES_WENT},
                                                  {0x7f0000000, 100000, PAGES_SWAPPED},
                                                  {EVENT_PAGE_MAX - 7, 7, PAGES_CAME}};
    static const struct event_page_run all[] = {{0, EVENT_PAGE_MAX, PAGES_CAME}};
    struct event_page_run many[EVENT_PAGE_RUNS_MAX];
    struct recording *recording = NULL;
    struct recording_cursor cursor;
    struct event event;
    struct recording_writer *writer = writer_new();
    for (uint32_t i = 0; i < EVENT_PAGE_RUNS_MAX; i++)
        many[i] = (struct event_page_run){i * UINT64_C(1000003), 1 + i * 7, i % PAGES_CHANGES};
    add(writer, target_event());
    add_pages(writer, 100, false, mixed, 4, 0);
    add_pages(writer, 100, false, many, EVENT_PAGE_RUNS_MAX, 0);
    add_pages(writer, 100, true, NULL, 0, 0);
    assert_int_equal(recording_writer_flush(writer), 0);
    add_pages(writer, 200, true, all, 1, 0);
    assert_int_equal(recording_writer_destroy(writer), 0);
    assert_int_equal(recording_read(path, &recording, NULL), 0);
    recording_rewind(recording, &cursor);
    assert_true(recording_next(&cursor, &event));
    expect_pages(&cursor, false, mixed, 4);
    expect_pages(&cursor, false, many, EVENT_PAGE_RUNS_MAX);
    expect_pages(&cursor, true, NULL, 0);
    expect_pages(&cursor, true, all, 1);
    assert_false(recording_next(&cursor, &event));
    recording_destroy(recording);
}

static void test_impossible_pages(void **state)
{
    (void)state;
    static const struct event_page_run impossible[][2] = {
        {{10, 5, PAGES_CAME}, {14, 1, PAGES_CAME}},         /* overlap */
        {{10, 5, PAGES_CAME}, {5, 1, PAGES_CAME}},          /* out of order */
        {{10, 0, PAGES_CAME}, {20, 1, PAGES_CAME}},         /* nothing */
        {{10, 1, PAGES_CAME}, {20, 1, PAGES_CHANGES}},      /* no such change */
        {{0, 1, PAGES_CAME}, {EVENT_PAGE_MAX, 1, 0}},       /* behind all addresses */
        {{10, 1, PAGES_CAME}, {20, EVENT_PAGE_MAX, 0}},     /* the same */
        {{UINT64_MAX, 1, PAGES_CAME}, {20, UINT64_MAX, 0}}, /* the same, and further */
    };
    struct event_page_run many[EVENT_PAGE_RUNS_MAX + 1];
    struct recording_writer *writer = writer_new();
    add(writer, target_event());
    for (size_t i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++)
        add_pages(writer, 1, true, impossible[i], 2, -EINVAL);
    for (uint32_t i = 0; i <= EVENT_PAGE_RUNS_MAX; i++)
        many[i] = (struct event_page_run){i * 2, 1, PAGES_CAME};
    add_pages(writer, 1, true, many, EVENT_PAGE_RUNS_MAX + 1, -EINVAL);
    assert_int_equal(recording_writer_destroy(writer), 0);

    /* time, last, count; gap, count and change of each run */
    expect_damage("\x19\x06\x01\x01\x01\x05\x00\x00", 8); /* nothing */
    expect_damage("\x19\x06\x01\x01\x01\x05\x01\x03", 8); /* no such change */
    expect_damage("\x19\x06\x01\x01\x02\x05\x01\x00", 8); /* one run is missing */
    expect_damage("\x19\x05\x01\x01\x81\x02\x00", 7);     /* too many */
    expect_damage("\x19\x0d\x01\x01\x01\x80\x80\x80\x80\x80\x80\x80\x08\x01\x00", 15); /* too far */
    expect_damage("\x19\x0d\x01\x01\x01\x01\x80\x80\x80\x80\x80\x80\x80\x08\x00",
                  15); /* too long */
}

static void test_fault_addresses(void **state)
{
    (void)state;
    static const struct event_owner owners[] = {
        {.tid = 7, .faults = 1, .state = STACK_IN_ACT, .fault_address = UINT64_C(0x7f1234567000)},
        {.tid = 8, .faults = 2, .state = STACK_RUNNING, .truncated = true},
        {.tid = 9, .faults = 3, .state = STACK_IN_ACT, .fault_address = UINT64_C(0x555000001000)},
        {.tid = 9,
         .faults = 4,
         .state = STACK_STOPPED,
         .truncated = true,
         .fault_address = UINT64_C(0xfffffffffffff000)},
        {.tid = 9, .faults = 5, .state = STACK_RUNNING, .fault_address = 0x1000},
    };
    struct recording *recording = NULL;
    struct recording_cursor cursor;
    struct event event;
    struct recording_writer *writer = writer_new();
    add(writer, target_event());
    for (uint64_t i = 1; i <= 2; i++) {
        event = (struct event){.kind = EVENT_SAMPLE, .time_ns = i};
        event.sample = (struct event_sample){
            .memory = reading(0, i * 4096, 4096, 0).reading, .owner_count = 5, .owners = owners};
        add(writer, event);
        assert_int_equal(recording_writer_flush(writer), 0);
    }
    assert_int_equal(recording_writer_destroy(writer), 0);
    assert_int_equal(recording_read(path, &recording, NULL), 0);
    recording_rewind(recording, &cursor);
    assert_true(recording_next(&cursor, &event));
    for (int turn = 0; turn < 2; turn++) {
        assert_true(recording_next(&cursor, &event));
        assert_int_equal(event.sample.owner_count, 5);
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(event.sample.owners[i].tid, owners[i].tid);
            assert_int_equal(event.sample.owners[i].faults, owners[i].faults);
            assert_int_equal(event.sample.owners[i].state, owners[i].state);
            assert_int_equal(event.sample.owners[i].truncated, owners[i].truncated);
            assert_int_equal(event.sample.owners[i].fault_address, owners[i].fault_address);
        }
    }
    recording_destroy(recording);

    /* one owner: tid 0, no faults, stack 0, the flag of a fault, and where it was */
    expect_damage("\x16\x0d\x01\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00\x80\x01",
                  15); /* below nothing */
    expect_damage("\x16\x0c\x01\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00\x80", 14); /* missing */
    expect_damage("\x16\x0c\x01\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00\x14",
                  14); /* no such state */
    expect_damage("\x16\x14\x01\x04\x00\x00\x00\x00\x00\x01\x00\x00\x00\x80"
                  "\x80\x80\x80\x80\x80\x80\x80\x10",
                  22); /* behind all addresses */
}

static void test_hostile_text(void **state)
{
    (void)state;
    struct recording *recording = NULL;
    struct recording_writer *writer = writer_new();
    uint32_t stack;
    add(writer, target_event());
    assert_int_equal(recording_writer_stack(writer, 0, "\xff<script>.py", "f\xc3", 1, 1, &stack),
                     0);
    assert_int_equal(recording_writer_destroy(writer), 0);
    assert_int_equal(recording_read(path, &recording, NULL), 0);
    assert_string_equal(recording->frames[0].file, "\xef\xbf\xbd<script>.py");
    assert_string_equal(recording->frames[0].function, "f\xef\xbf\xbd");
    recording_destroy(recording);
}

/* A full disk, by a limit on the size of files: the file ends at a good frame, and the next try has
 * it all. */
static void test_full_disk(void **state)
{
    (void)state;
    struct rlimit old, small;
    struct recording *recording = NULL;
    struct recording_writer *writer = writer_new();
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    add(writer, target_event());
    add(writer, reading(10, 4096, 4096, 0));
    assert_int_equal(recording_writer_flush(writer), 0);
    uint64_t good_bytes = recording_writer_bytes(writer);
    for (uint64_t i = 0; i < 1000; i++)
        add(writer, reading(20 + i * i, 4096 * (i * i % 777), 0, 0));
    small = old;
    small.rlim_cur = good_bytes + 100;
    setrlimit(RLIMIT_FSIZE, &small);
    assert_int_equal(recording_writer_flush(writer), -EFBIG);
    assert_int_equal(recording_writer_bytes(writer), good_bytes);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(recording_read(path, &recording, NULL), 0);
    assert_int_equal(recording->event_count, 2);
    recording_destroy(recording);
    assert_int_equal(recording_writer_destroy(writer), 0);
    assert_int_equal(recording_read(path, &recording, NULL), 0);
    assert_int_equal(recording->event_count, 1002);
    recording_destroy(recording);
}

/* A minute at 600 samples a second stays far under the megabyte that users were promised. */
static void test_size(void **state)
{
    (void)state;
    struct recording_writer *writer = writer_new();
    uint64_t random = 88172645463325252u, rss = 100 << 20, time_ns = 0;
    add(writer, target_event());
    for (unsigned i = 0; i < 36000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        uint32_t stack = 0;
        char function[32];
        for (unsigned depth = 0; depth < 12; depth++) {
            unsigned choice = depth < 8 ? 0 : (unsigned)(random >> 16) % 5;
            snprintf(function, sizeof(function), "function_%u_%u", depth, choice);
            assert_int_equal(recording_writer_stack(writer, stack, "/home/user/project/job.py",
                                                    function, (int32_t)(depth * 50 + choice), 1,
                                                    &stack),
                             0);
        }
        uint64_t grown = (16 + random % 64) * 4096, released = random % 7 == 0 ? grown + 8192 : 0;
        struct event_owner owner = {.tid = 4242, .faults = grown / 4096, .stack_id = stack};
        time_ns += 1500000 + random % 300000;
        rss += grown - released;
        struct event event = {.kind = EVENT_SAMPLE, .time_ns = time_ns};
        event.sample = (struct event_sample){.memory = {.rss_bytes = rss,
                                                        .shared_bytes = 10 << 20,
                                                        .writable_bytes = rss + (30 << 20),
                                                        .grown_bytes = grown,
                                                        .released_bytes = released},
                                             .pause_ns = 30000 + random % 20000,
                                             .pauses = 1,
                                             .owner_count = 1,
                                             .owners = &owner};
        add(writer, event);
        if (i % 600 == 599)
            assert_int_equal(recording_writer_flush(writer), 0);
    }
    print_message("a minute at 600 samples/s: %llu bytes\n",
                  (unsigned long long)recording_writer_bytes(writer));
    assert_true(recording_writer_bytes(writer) < 600000);
    assert_int_equal(recording_writer_destroy(writer), 0);
}

static void test_native(void **state)
{
    (void)state;
    struct recording_writer *writer = writer_new();
    struct recording *recording;
    struct recording_cursor cursor;
    struct event event;
    struct error error;
    uint32_t library, nowhere, again, stack = 0;
    const uint8_t build_id[] = {1, 2, 3, 4};
    const struct recording_writer_file file = {"/lib/x.so", true, build_id, sizeof(build_id)};
    add(writer, target_event());
    assert_int_equal(recording_writer_module(writer, &file, &library), 0);
    assert_int_equal(
        recording_writer_module(writer, &(struct recording_writer_file){.path = ""}, &nowhere), 0);
    assert_int_equal(recording_writer_module(writer, &file, &again), 0);
    assert_int_equal(again, library);
    assert_int_equal(recording_writer_stack(writer, 0, "a.py", "f", 3, 1, &stack), 0);
    assert_int_equal(recording_writer_native(writer, stack, library, 0x1234, &stack), 0);
    assert_int_equal(recording_writer_native(writer, stack, nowhere, 0, &stack), 0);
    assert_int_equal(recording_writer_native(writer, stack, 2, 0, &again), -EINVAL);
    add(writer, (struct event){.kind = EVENT_UNWOUND,
                               .time_ns = 900,
                               .unwound = {UNWOUND_NO_INFO, false, true, 2, 1}});
    add(writer, (struct event){.kind = EVENT_PLACE,
                               .time_ns = 900,
                               .place = {7, 9, PLACE_ARENA, true, "[anon]"}});
    event = (struct event){.kind = EVENT_UNWOUND, .unwound = {.module = 3}};
    assert_int_equal(recording_writer_add(writer, &event), -EINVAL);
    event = (struct event){.kind = EVENT_PLACE, .place = {.kind = PLACE_HEAP, .name = ""}};
    assert_int_equal(recording_writer_add(writer, &event), -EINVAL);
    assert_int_equal(recording_writer_destroy(writer), 0);

    assert_int_equal(recording_read(path, &recording, &error), 0);
    assert_int_equal(recording->module_count, 2);
    assert_string_equal(recording->modules[0].path, "/lib/x.so");
    assert_true(recording->modules[0].interpreter && !recording->modules[1].interpreter);
    assert_memory_equal(recording->modules[0].build_id, build_id, sizeof(build_id));
    assert_int_equal(recording->frame_count, 3);
    assert_int_equal(recording->frames[0].module, 0);
    assert_int_equal(recording->frames[1].module, 1);
    assert_int_equal(recording->frames[1].address, 0x1234);
    assert_int_equal(recording->frames[2].module, 2);
    /* Before it is named, and to an older memsample: */
    assert_string_equal(recording->frames[1].file, "/lib/x.so");
    assert_string_equal(recording->frames[1].function, "<native>");

    recording_rewind(recording, &cursor);
    assert_true(recording_next(&cursor, &event) && event.kind == EVENT_TARGET);
    assert_true(recording_next(&cursor, &event) && event.kind == EVENT_UNWOUND);
    assert_int_equal(event.time_ns, 0); /* it belongs to the next sample, and must not move time */
    assert_int_equal(event.unwound.end, UNWOUND_NO_INFO);
    assert_true(event.unwound.by_pointer && !event.unwound.uncertain);
    assert_int_equal(event.unwound.module, 2);
    assert_true(recording_next(&cursor, &event) && event.kind == EVENT_PLACE);
    assert_int_equal(event.place.first, 7);
    assert_int_equal(event.place.count, 9);
    assert_int_equal(event.place.kind, PLACE_ARENA);
    assert_true(event.place.huge);
    assert_string_equal(event.place.name, "[anon]");

    const struct recording_place places[] = {{"outer", "x.c", 4, 1}, {"inlined", "x.h", 9, 8}};
    assert_int_equal(recording_name_frame(recording, 1, places, 2), 0);
    assert_int_equal(recording->frames[1].place_count, 2);
    assert_string_equal(recording->places[recording->frames[1].first_place + 1].function,
                        "inlined");
    recording_destroy(recording);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_native),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_every_bit_flip),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_books_are_mended),
        cmocka_unit_test(test_impossible_records),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_impossible_pages),
        cmocka_unit_test(test_fault_addresses),
        cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_size),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
