#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "version.h"

static uint32_t search(const char *text)
{
    uint32_t version = 0;
    return python_version_search((const uint8_t *)text, strlen(text), &version) ? version : 0;
}

static void test_search(void **state)
{
    (void)state;
    assert_int_equal(search("junk 1.2 3.9 3.9.18 (main, Jan  1 2024, 10:00:00) \n[GCC 12.2.0]"),
                     0x030912f0);
    assert_int_equal(search("3.12.1 (main) [Clang 17]"), 0x030c01f0);
    assert_int_equal(search("3.14.0rc2+ (heads/main:abc, x) [GCC]"), 0x030e00c2);
    assert_int_equal(search("2.7.18 (default, x) \n[GCC]"), 0x020712f0);
    assert_int_equal(search("3.12.1 (main"), 0);
    assert_int_equal(search("3.12.999 (main) [GCC]"), 0);
    assert_int_equal(search("3.12.1 () [GCC]"), 0);
    assert_int_equal(search("."), 0);
    assert_int_equal(search(""), 0);
}

static void test_format(void **state)
{
    (void)state;
    char text[PYTHON_VERSION_TEXT_MAX];
    assert_string_equal(python_version_format(0x030c01f0, false, text), "3.12.1");
    assert_string_equal(python_version_format(0x030e00c2, false, text), "3.14.0rc2");
    assert_string_equal(python_version_format(0x030d00f0, true, text), "3.13.0t");
    assert_string_equal(python_version_format(UINT32_MAX, true, text), "255.255.255t");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
