/* The renderers: hostile names, books that can be checked from outside, pages that stay small. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <zlib.h>

#include "base/bytes.h"
#include "made.h"
#include "render/render.h"

#define HOSTILE_FILE     "/srv/<script>alert(1)</script>\"'&\n\x1b[31m\xff.py"
#define HOSTILE_FUNCTION "</script><img src=x onerror=\"x\">\xc3\x28\xe2\x80\xae"

static char *render(struct made *made, const char *format, size_t *ret_length)
{
    char *text = NULL;
    size_t length = 0;
    struct error error = {""};
    FILE *out = open_memstream(&text, &length);
    if (render_format_find(format)->render(made->profile, out, &error) != 0) {
        print_error("%s\n", error.text);
        abort();
    }
    fclose(out);
    if (ret_length)
        *ret_length = length;
    return text;
}

static char *summarize(struct made *made, int width)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    render_summary(made->profile, "/srv/page.html", width, out);
    fclose(out);
    return text;
}

static void make_hostile(struct made *made)
{
    made_start(made);
    uint32_t outer = made_stack(made, 0, HOSTILE_FILE, HOSTILE_FUNCTION, 10);
    uint32_t inner = made_stack(made, outer, "<string>", "f", 2);
    made_reading(made, 0, 10 << 20, 0);
    made_one(made, 1 * MS, 64 << 20, 0, outer);
    made_one(made, 2 * MS, 32 << 20, 1 << 20, inner);
    struct event_owner native = {.tid = 9, .faults = 1, .state = STACK_NO_PYTHON};
    made_sample(made, 3 * MS, 5 << 20, 0, &native, 1);
    made_add(made, (struct event){.kind = EVENT_THREAD,
                                  .time_ns = 3 * MS,
                                  .thread = {.tid = 9, .name = "\x80</script>"}});
    made_end(made, 4 * MS);
    made_finish(made);
}

static uint64_t number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_true(json_is_integer(value));
    return (uint64_t)json_integer_value(value);
}

static uint64_t element(const json_t *object, const char *name, size_t index)
{
    return (uint64_t)json_integer_value(json_array_get(json_object_get(object, name), index));
}

static size_t count_of(const json_t *object, const char *name)
{
    return json_array_size(json_object_get(object, name));
}

/* The sum over all series is RSS at every point. */
static void expect_report_books(const json_t *report)
{
    const json_t *timeline = json_object_get(report, "timeline");
    const json_t *series = json_object_get(json_object_get(timeline, "held"), "functions");
    size_t points = count_of(timeline, "rss_bytes");
    assert_true(points > 0);
    for (size_t i = 0; i < points; i++) {
        uint64_t sum = 0;
        for (size_t k = 0; k < json_array_size(series); k++)
            sum += element(json_array_get(series, k), "held_bytes", i);
        assert_int_equal(sum, element(timeline, "rss_bytes", i));
    }
}

static void test_json(void **state)
{
    (void)state;
    struct made made;
    json_error_t error;
    make_hostile(&made);
    char *text = render(&made, "json", NULL);
    json_t *report = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(report);
    assert_string_equal(json_string_value(json_object_get(report, "schema")), "memsample-report/1");
    const json_t *totals = json_object_get(report, "totals");
    assert_int_equal(number(totals, "peak_rss_bytes"), 110 << 20);
    assert_int_equal(number(totals, "grown_bytes"), 101 << 20);
    assert_int_equal(number(totals, "released_bytes"), 1 << 20);
    assert_int_equal(number(json_object_get(report, "target"), "exit_status"), 0);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(report, "target"), "python_version")),
        "3.12.1");
    const json_t *lines = json_object_get(report, "lines"), *first = json_array_get(lines, 0);
    assert_string_equal(json_string_value(json_object_get(first, "file")),
                        "/srv/<script>alert(1)</script>\"'&\n\x1b[31m\xef\xbf\xbd.py");
    assert_int_equal(number(first, "grown_bytes"), 64 << 20);
    assert_int_equal(number(first, "total_grown_bytes"), 96 << 20);
    uint64_t held = 0;
    bool native = false;
    for (size_t i = 0; i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        held += number(line, "held_at_end_bytes");
        if (strcmp(json_string_value(json_object_get(line, "function")), "<native>") == 0) {
            native = true;
            assert_true(json_is_null(json_object_get(line, "file")));
        }
    }
    assert_true(native);
    assert_int_equal(held, number(totals, "end_rss_bytes"));
    expect_report_books(report);
    json_decref(report);
    free(text);
    made_free(&made);
}

static void expect_no_control(const char *text)
{
    for (; *text; text++)
        assert_true((unsigned char)*text >= 0x20 || *text == '\n');
    assert_null(strstr(text, "\x1b"));
}

static void test_text_and_summary(void **state)
{
    (void)state;
    struct made made;
    make_hostile(&made);
    char *text = render(&made, "text", NULL);
    expect_no_control(text);
    assert_null(strstr(text, "\xe2\x80\xae")); /* turns the direction of writing */
    assert_non_null(strstr(text, "Line #    Mem usage    Increment  Occurrences   Line Contents"));
    assert_non_null(strstr(text, "    10    105.0 MiB     95.0 MiB           2"));
    free(text);
    for (int width = 0; width < 250; width += 7) {
        char *summary = summarize(&made, width);
        expect_no_control(summary);
        assert_non_null(strstr(summary, "peak  110 MiB at 3.00 ms"));
        assert_non_null(strstr(summary, "page   /srv/page.html"));
        free(summary);
    }
    made_free(&made);
}

static uint8_t base64_value(char c)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return (uint8_t)(strchr(letters, c) - letters);
}

/* Unpacks the data block of a page, independently of the code that packed it. */
static json_t *unpack(const char *page)
{
    static const char mark[] = "id=\"memsample-data\">";
    const char *start = strstr(page, mark);
    assert_non_null(start);
    start += strlen(mark);
    const char *end = strstr(start, "</script>");
    assert_non_null(end);
    struct buffer packed = {0}, plain = {0};
    for (const char *at = start; at + 4 <= end; at += 4) {
        uint32_t group = 0;
        for (int i = 0; i < 4; i++)
            group = group << 6 | (at[i] == '=' ? 0 : base64_value(at[i]));
        uint8_t bytes[3] = {(uint8_t)(group >> 16), (uint8_t)(group >> 8), (uint8_t)group};
        buffer_put(&packed, bytes, at[2] == '=' ? 1 : at[3] == '=' ? 2 : 3);
    }
    z_stream stream = {.next_in = packed.data, .avail_in = (uInt)packed.length};
    assert_int_equal(inflateInit2(&stream, -MAX_WBITS), Z_OK);
    int r;
    do {
        uint8_t chunk[4096];
        stream.next_out = chunk;
        stream.avail_out = sizeof(chunk);
        r = inflate(&stream, Z_NO_FLUSH);
        buffer_put(&plain, chunk, sizeof(chunk) - stream.avail_out);
    } while (r == Z_OK);
    assert_int_equal(r, Z_STREAM_END);
    inflateEnd(&stream);
    json_error_t error;
    json_t *data =
        json_loadb((const char *)plain.data, plain.length, JSON_REJECT_DUPLICATES, &error);
    if (!data)
        print_error("%s at %d\n", error.text, error.position);
    assert_non_null(data);
    buffer_deinit(&packed);
    buffer_deinit(&plain);
    return data;
}

static void expect_page_books(const json_t *data)
{
    const json_t *timeline = json_object_get(data, "timeline");
    const json_t *changes = json_object_get(data, "changes"),
                 *nodes = json_object_get(data, "nodes");
    size_t node_count = count_of(nodes, "parent"), next = 0;
    uint64_t *held = calloc(node_count, sizeof(*held)), sum = 0;
    for (size_t i = 1; i < node_count; i++)
        assert_true(element(nodes, "parent", i) < i);
    for (size_t point = 0; point < count_of(timeline, "rss_bytes"); point++) {
        for (; next < count_of(changes, "point") && element(changes, "point", next) == point;
             next++) {
            uint64_t node = element(changes, "node", next);
            assert_true(node < node_count);
            uint64_t grown = element(changes, "grown_bytes", next);
            uint64_t released = element(changes, "released_bytes", next);
            assert_true(held[node] + grown >= released);
            held[node] += grown - released;
            sum += grown - released;
        }
        assert_int_equal(sum, element(timeline, "rss_bytes", point));
    }
    assert_int_equal(next, count_of(changes, "point"));
    free(held);
}

static void test_page(void **state)
{
    (void)state;
    struct made made;
    make_hostile(&made);
    char *page = render(&made, "html", NULL);
    assert_null(strstr(page, "<script>alert"));
    assert_null(strstr(page, "<img src=x"));
    assert_null(strstr(page, "<!--memsample:"));
    assert_non_null(
        strstr(page, "&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;\\u000a\\u001b"));
    json_t *data = unpack(page);
    assert_string_equal(json_string_value(json_object_get(data, "schema")), "memsample-page/1");
    const json_t *frames = json_object_get(data, "frames");
    const json_t *file =
        json_array_get(json_object_get(data, "strings"), element(frames, "file", 0));
    assert_string_equal(json_string_value(file),
                        "/srv/<script>alert(1)</script>\"'&\n\x1b[31m\xef\xbf\xbd.py");
    expect_page_books(data);
    json_decref(data);
    free(page);
    made_free(&made);
}

/* 200,000 samples of 5,000 stacks that all matter about as little. */
static void make_huge(struct made *made)
{
    static uint32_t stacks[5000];
    uint64_t random = 88172645463325252u;
    char function[64], file[64];
    made_start(made);
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(function, sizeof(function), "function_with_a_long_name_%u", i * 7919 % 5000);
        snprintf(file, sizeof(file), "/srv/project/package_%u/module_%u.py", i % 50, i % 500);
        stacks[i] =
            made_stack(made, i < 50 ? 0 : stacks[i / 8], file, function, (int32_t)(i % 97 + 1));
    }
    made_reading(made, 0, 10 << 20, 0);
    for (unsigned i = 0; i < 200000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        uint64_t released = random % 16 == 0 ? random / 64 % (made->rss_bytes / 50) : 0;
        made_one(made, (i + 1) * UINT64_C(1600000) + random % 1000000, 65536 + random % 65536,
                 released, stacks[random / 1024 % 5000]);
        if (i % 600 == 0 && recording_writer_flush(made->writer) != 0)
            abort();
    }
    made_end(made, 400 * UINT64_C(1000000000));
    made_finish(made);
}

static void test_huge_page(void **state)
{
    (void)state;
    struct made made;
    size_t length;
    make_huge(&made);
    char *page = render(&made, "html", &length);
    json_t *data = unpack(page);
    print_message("huge page: %zu bytes, %zu nodes, %zu changes, %zu points\n", length,
                  count_of(json_object_get(data, "nodes"), "parent"),
                  count_of(json_object_get(data, "changes"), "point"),
                  count_of(json_object_get(data, "timeline"), "time_ns"));
    assert_true(length <= 2000000);
    assert_true(count_of(json_object_get(data, "timeline"), "time_ns") >= 100);
    expect_page_books(data);
    assert_true(number(json_object_get(data, "left_out"), "lines") > 0);
    json_decref(data);
    free(page);
    page = render(&made, "json", &length);
    json_error_t error;
    data = json_loads(page, 0, &error);
    assert_non_null(data);
    expect_report_books(data);
    json_decref(data);
    free(page);
    made_free(&made);
}

static void test_formats(void **state)
{
    (void)state;
    assert_null(render_format_find("xml"));
    assert_string_equal(render_format_find("html")->extension, ".html");
    assert_non_null(strstr(render_format_names(), "json"));
}

/* A disk that is full is an error, not half a report. */
static void test_full_disk(void **state)
{
    (void)state;
    struct made made;
    static const char *const names[] = {"html", "json", "text"};
    make_hostile(&made);
    for (size_t i = 0; i < 3; i++) {
        struct error error = {""};
        FILE *full = fopen("/dev/full", "w");
        setvbuf(full, NULL, _IONBF, 0);
        assert_int_equal(render_format_find(names[i])->render(made.profile, full, &error), -ENOSPC);
        assert_non_null(strstr(error.text, "No space left"));
        fclose(full);
    }
    made_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),          cmocka_unit_test(test_json),
        cmocka_unit_test(test_text_and_summary), cmocka_unit_test(test_page),
        cmocka_unit_test(test_full_disk),        cmocka_unit_test(test_huge_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
