#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake.h"

static void test_versions(void **state)
{
    (void)state;
    struct python_layout layout;
    assert_true(python_layout_init(0x030b02f0, false, NULL, 0, &layout));
    assert_true(python_layout_init(0x030c03f0, false, NULL, 0, &layout));
    assert_false(python_layout_init(0x030a00f0, false, NULL, 0, &layout));
    assert_false(python_layout_init(0x020c00f0, false, NULL, 0, &layout));
    assert_false(python_layout_is_supported(0x030d00f0, true));
    assert_int_equal(python_layout_debug_bytes(0x030c00f0), 0);
    assert_int_equal(python_layout_debug_bytes(0x030d00f0), 584);
}

static void test_debug_offsets_overlay(void **state)
{
    (void)state;
    for (unsigned minor = 13; minor <= 14; minor++) {
        uint8_t debug[PYTHON_DEBUG_BYTES_MAX];
        struct python_layout layout;
        size_t length = fake_debug_offsets(minor, debug);
        assert_false(
            python_layout_init(0x03000000u | minor << 16, false, debug, length - 1, &layout));
        assert_true(python_layout_init(0x03000000u | minor << 16, false, debug, length, &layout));
        assert_int_equal(layout.thread.native_id, 160);
        assert_int_equal(layout.thread.cframe, PYTHON_ABSENT);
        assert_int_equal(layout.code.first_traceable + 16, layout.code.instructions);
        assert_int_equal(layout.frame.owner, minor == 13 ? 70 : 74);
        assert_int_equal(layout.tag_mask, minor == 13 ? 0 : 3);
    }
}

/* Whatever one word says, the offsets that come out keep reads within bounds. */
static void test_hostile_debug_offsets(void **state)
{
    (void)state;
    static const uint64_t hostile[] = {
        1,         7, 255, 256, 1016, 1024, 4096, UINT32_MAX - 7, UINT64_C(1) << 32, UINT64_MAX - 7,
        UINT64_MAX};
    for (unsigned minor = 13; minor <= 14; minor++) {
        uint8_t debug[PYTHON_DEBUG_BYTES_MAX];
        size_t length = fake_debug_offsets(minor, debug);
        for (size_t word = 0; word < length / 8; word++) {
            for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
                struct python_layout layout;
                fake_debug_offsets(minor, debug);
                memcpy(debug + 8 * word, &hostile[i], 8);
                if (!python_layout_init(0x03000000u | minor << 16, false, debug, length, &layout))
                    continue;
                assert_true(layout.thread.bytes <= PYTHON_THREAD_BYTES_MAX);
                assert_true(layout.frame.bytes <= PYTHON_FRAME_BYTES_MAX);
                assert_true(layout.frame.owner < layout.frame.bytes);
                assert_true(layout.code.bytes <= PYTHON_CODE_BYTES_MAX);
                assert_true(layout.code.filename + 8 <= layout.code.bytes);
                assert_true(layout.unicode.state + 4 <= PYTHON_TEXT_BYTES_MAX);
                assert_true(layout.bytes.data <= PYTHON_TEXT_BYTES_MAX);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_debug_offsets_overlay),
        cmocka_unit_test(test_hostile_debug_offsets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
