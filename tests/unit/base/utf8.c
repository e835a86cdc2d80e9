#include "../test.h"
#include "base/utf8.h"

#define BAD "\xef\xbf\xbd"

static void assert_repaired(const char *text, size_t length, const char *expected)
{
    struct buffer buffer = {0};
    utf8_append(&buffer, text, length);
    assert_int_equal(buffer.length, strlen(expected));
    assert_memory_equal(buffer.data, expected, buffer.length);
    buffer_deinit(&buffer);
}

static void good_text_stays(void **state)
{
    (void)state;
    const char *text = "plain \"<script>\" \n Gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2 \xf0\x9f\x90\x8d";
    assert_repaired(text, strlen(text), text);
}

static void bad_bytes_are_replaced(void **state)
{
    (void)state;
    assert_repaired("a\xff"
                    "b",
                    3, "a" BAD "b");
    assert_repaired("\xc3", 1, BAD);                 /* cut off */
    assert_repaired("\xc0\x80", 2, BAD BAD);         /* overlong */
    assert_repaired("\xed\xa0\x80", 3, BAD BAD BAD); /* a surrogate */
    assert_repaired("\xf4\x90\x80\x80", 4, BAD BAD BAD BAD); /* over U+10FFFF */
    assert_repaired("a\0b", 3, "a" BAD "b");
}

static void code_points_are_coded(void **state)
{
    (void)state;
    static const uint32_t points[] = {'a', 0xfc, 0x6f22, 0x1f40d, 0xd800, 0x110000, 0};
    const char *expected = "a\xc3\xbc\xe6\xbc\xa2\xf0\x9f\x90\x8d" BAD BAD BAD;
    struct buffer buffer = {0};
    for (size_t i = 0; i < 7; i++)
        utf8_append_code_point(&buffer, points[i]);
    assert_int_equal(buffer.length, strlen(expected));
    assert_memory_equal(buffer.data, expected, buffer.length);
    buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_text_stays),
        cmocka_unit_test(bad_bytes_are_replaced),
        cmocka_unit_test(code_points_are_coded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
