#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "text.h"

static struct python_layout layout;

static void put_header(uint8_t *header, uint64_t length, uint32_t state)
{
    memset(header, 0, 128);
    memcpy(header + layout.unicode.length, &length, sizeof(length));
    memcpy(header + layout.unicode.state, &state, sizeof(state));
}

static int setup(void **state)
{
    (void)state;
    return python_layout_init(0x030c01f0, false, NULL, 0, &layout) ? 0 : -1;
}

static void test_shapes(void **state)
{
    (void)state;
    uint8_t header[128];
    struct python_text text;
    put_header(header, 3, 1u << 2 | 1u << 5 | 1u << 6);
    assert_true(python_text_parse(&layout, header, 40, &text));
    assert_true(text.is_inline);
    assert_int_equal(text.unit_bytes, 1);
    assert_int_equal(text.inline_at, 40);

    put_header(header, 3, 4u << 2 | 1u << 5);
    assert_true(python_text_parse(&layout, header, 128, &text));
    assert_int_equal(text.unit_bytes, 4);
    assert_int_equal(text.inline_at, 56);

    put_header(header, 3, 2u << 2);
    uint64_t pointer = 0x1234560;
    memcpy(header + 56, &pointer, sizeof(pointer));
    assert_true(python_text_parse(&layout, header, 64, &text));
    assert_false(text.is_inline);
    assert_int_equal(text.pointer, 0x1234560);
    assert_false(python_text_parse(&layout, header, 63, &text));
}

static void test_what_is_no_text(void **state)
{
    (void)state;
    uint8_t header[128];
    struct python_text text;
    put_header(header, 3, 3u << 2 | 1u << 5);
    assert_false(python_text_parse(&layout, header, 128, &text));
    put_header(header, 3, 2u << 2 | 1u << 5 | 1u << 6);
    assert_false(python_text_parse(&layout, header, 128, &text));
    put_header(header, UINT64_MAX, 1u << 2 | 1u << 5);
    assert_false(python_text_parse(&layout, header, 128, &text));
    assert_false(python_text_parse(&layout, header, 20, &text));
}

static void check_decode(const void *characters, uint64_t count, unsigned unit_bytes,
                         const char *wanted)
{
    _cleanup_(buffer_deinit) struct buffer out = {0};
    python_text_decode(&out, characters, count, unit_bytes);
    buffer_put_u8(&out, 0);
    assert_string_equal((char *)out.data, wanted);
}

static void test_decoding(void **state)
{
    (void)state;
    const uint16_t two[] = {'a', 0x65e5, 0xd800, 0};
    const uint32_t four[] = {0x10348, 0x110000};
    check_decode("caf\xe9", 4, 1, "caf\xc3\xa9");
    check_decode(two, 4, 2, "a\xe6\x97\xa5\xef\xbf\xbd\xef\xbf\xbd");
    check_decode(four, 2, 4, "\xf0\x90\x8d\x88\xef\xbf\xbd");
    check_decode(NULL, 0, 1, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_what_is_no_text),
        cmocka_unit_test(test_decoding),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
