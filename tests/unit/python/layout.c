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
    for (uint32_t minor = 8; minor <= 12; minor++) {
        assert_true(python_layout_init(0x030002f0 | minor << 16, false, NULL, 0, &layout));
        assert_false(python_layout_init(0x030002f0 | minor << 16, true, NULL, 0, &layout));
        assert_int_equal(python_layout_debug_bytes(0x030002f0 | minor << 16), 0);
    }
    assert_false(python_layout_init(0x030700f0, false, NULL, 0, &layout));
    assert_false(python_layout_init(0x020c00f0, false, NULL, 0, &layout));
    assert_false(python_layout_is_supported(0x031000f0, false));
    assert_true(python_layout_is_supported(0x030d00f0, true));
    assert_true(python_layout_is_supported(0x030f00c1, false));  /* 3.15.0rc1 */
    assert_false(python_layout_is_supported(0x030f00b4, false)); /* 3.15.0b4 */
    assert_int_equal(python_layout_debug_bytes(0x030d00f0), 584);
}

static uint32_t version_of(struct fake_build build)
{
    return 0x030000f0u | (uint32_t)build.minor << 16;
}

#define FIRST_WITH_DEBUG_OFFSETS 5 /* in fake_builds */

static void test_debug_offsets_overlay(void **state)
{
    (void)state;
    for (size_t b = FIRST_WITH_DEBUG_OFFSETS; b < FAKE_BUILDS; b++) {
        struct fake_build build = fake_builds[b];
        uint8_t debug[PYTHON_DEBUG_BYTES_MAX];
        struct python_layout layout;
        size_t length = fake_debug_offsets(build, debug);
        assert_int_equal(python_layout_debug_bytes(version_of(build)), length);
        assert_false(
            python_layout_init(version_of(build), build.free_threaded, debug, length - 1, &layout));
        assert_true(
            python_layout_init(version_of(build), build.free_threaded, debug, length, &layout));
        assert_int_equal(layout.thread.native_id, build.minor == 15 ? 184 : 160);
        assert_int_equal(layout.thread.cframe, PYTHON_ABSENT);
        assert_int_equal(layout.frame.last, PYTHON_ABSENT);
        assert_int_equal(layout.tag_mask, build.minor == 13 ? 0 : 3);
        assert_int_equal(layout.gil.locked, build.free_threaded ? 24 : 16);
        assert_int_equal(layout.gil.holder, build.free_threaded ? 16 : 8);
        bool has_copies = build.free_threaded && build.minor >= 14;
        assert_int_equal(layout.code.tlbc, has_copies ? 224 : PYTHON_ABSENT);
        assert_int_equal(layout.frame.tlbc_index, has_copies ? 72 : PYTHON_ABSENT);
        assert_int_equal(layout.unicode.state_shift, has_copies ? 8 : 2);
    }
}

/* Whatever one word says, the offsets that come out keep reads within bounds. */
static void test_hostile_debug_offsets(void **state)
{
    (void)state;
    static const uint64_t hostile[] = {
        1,         7, 255, 256, 1016, 1024, 4096, UINT32_MAX - 7, UINT64_C(1) << 32, UINT64_MAX - 7,
        UINT64_MAX};
    for (size_t b = FIRST_WITH_DEBUG_OFFSETS; b < FAKE_BUILDS; b++) {
        struct fake_build build = fake_builds[b];
        uint8_t debug[PYTHON_DEBUG_BYTES_MAX];
        size_t length = fake_debug_offsets(build, debug);
        for (size_t word = 0; word < length / 8; word++) {
            for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
                struct python_layout layout;
                fake_debug_offsets(build, debug);
                memcpy(debug + 8 * word, &hostile[i], 8);
                if (!python_layout_init(version_of(build), build.free_threaded, debug, length,
                                        &layout))
                    continue;
                assert_true(layout.thread.bytes <= PYTHON_THREAD_BYTES_MAX);
                assert_true(layout.frame.bytes <= PYTHON_FRAME_BYTES_MAX);
                assert_true(layout.frame.owner < layout.frame.bytes);
                assert_true(layout.code.bytes <= PYTHON_CODE_BYTES_MAX);
                assert_true(layout.code.filename + 8 <= layout.code.bytes);
                assert_true(layout.unicode.state + 4 <= PYTHON_TEXT_BYTES_MAX);
                assert_true(layout.bytes.data <= PYTHON_TEXT_BYTES_MAX);
                assert_true(layout.gil.holder < 256 && layout.gil.locked < 256);
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
