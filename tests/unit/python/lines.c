#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lines.h"

#define ENTRY(kind, units) (uint8_t)(0x80 | (kind) << 3 | ((units)-1))

static int32_t find(const uint8_t *table, size_t length, int32_t first_line, int64_t offset)
{
    return python_line_find(PYTHON_LINES_LOCATIONS, bytes_of(table, length), first_line, offset);
}

static void test_each_kind_moves_the_line(void **state)
{
    (void)state;
    const uint8_t table[] = {
        ENTRY(0, 1),  0x11,                /* short form: same line */
        ENTRY(11, 2), 1,    2,             /* one line on */
        ENTRY(12, 1), 1,    2,             /* two lines on */
        ENTRY(13, 1), 0x14,                /* ten lines on, no columns */
        ENTRY(14, 8), 0x15, 0, 1, 0x41, 1, /* ten lines back; the last number has two bytes */
    };
    const int32_t lines[] = {100, 101, 101, 103, 113, 103, 103};
    for (size_t unit = 0; unit < 7; unit++)
        assert_int_equal(find(table, sizeof(table), 100, 2 * (int64_t)unit), lines[unit]);
    assert_int_equal(find(table, sizeof(table), 100, 2 * 12), 103);
}

static void test_no_location_takes_the_line_before(void **state)
{
    (void)state;
    const uint8_t table[] = {ENTRY(15, 1), ENTRY(11, 1), 0, 0, ENTRY(15, 2), ENTRY(11, 1), 0, 0};
    assert_int_equal(find(table, sizeof(table), 7, 0), 7);
    assert_int_equal(find(table, sizeof(table), 7, 2), 8);
    assert_int_equal(find(table, sizeof(table), 7, 6), 8);
    assert_int_equal(find(table, sizeof(table), 7, 8), 9);
}

static void test_outside_of_the_table(void **state)
{
    (void)state;
    const uint8_t table[] = {ENTRY(11, 1), 0, 0};
    assert_int_equal(find(table, sizeof(table), 7, -2), 7);
    assert_int_equal(find(table, sizeof(table), 7, 1000), 8);
    assert_int_equal(find(NULL, 0, 7, 0), 7);
    assert_int_equal(find(table, sizeof(table), -5, 0), 0); /* no line is below 1 */
}

static void test_broken_tables_end(void **state)
{
    (void)state;
    const uint8_t endless[] = {ENTRY(13, 1), 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f};
    assert_int_equal(find(endless, sizeof(endless), 7, 0), 7);
    const uint8_t cut[] = {ENTRY(14, 1), 2, 0};
    assert_int_equal(find(cut, sizeof(cut), 7, 0), 7);
    const uint8_t unmarked[] = {ENTRY(11, 1), 0, 0, 0x11, 0x11};
    assert_int_equal(find(unmarked, sizeof(unmarked), 7, 2), 8);
    const uint8_t far[] = {ENTRY(13, 1), 0x7e, 0x7f, 0x7f, 0x7f, 0x7f, 0x03};
    assert_int_equal(find(far, sizeof(far), INT32_MAX, 0), INT32_MAX);
}

static void test_lnotab(void **state)
{
    (void)state;
    const uint8_t table[] = {0, 1, 4, 2, 255, 0, 3, 0x80, 2, 5}; /* 0x80: 128 lines back */
    const struct bytes bytes = bytes_of(table, sizeof(table));
    const struct {
        int64_t offset;
        int32_t line;
    } wanted[] = {{-1, 200},  {0, 201},  {3, 201},  {4, 203},  {258, 203},
                  {261, 203}, {262, 75}, {264, 80}, {9000, 80}};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        assert_int_equal(python_line_find(PYTHON_LINES_LNOTAB, bytes, 200, wanted[i].offset),
                         wanted[i].line);
    assert_int_equal(python_line_find(PYTHON_LINES_LNOTAB, bytes_of(table, 3), 200, 8), 201);
    assert_int_equal(python_line_find(PYTHON_LINES_LNOTAB, bytes_of(NULL, 0), 200, 8), 200);
}

static void test_ranges(void **state)
{
    (void)state;
    /* Two instructions without a line; one on; a far step in two pairs; none again; the end. */
    const uint8_t table[] = {4, 0x80, 2, 1, 0, 127, 6, 3, 2, 0x80, 2, 0xff};
    const struct bytes bytes = bytes_of(table, sizeof(table));
    const int32_t wanted[] = {10, 10, 11, 141, 141, 141, 141, 140, 140};
    for (size_t unit = 0; unit < sizeof(wanted) / sizeof(wanted[0]); unit++)
        assert_int_equal(python_line_find(PYTHON_LINES_RANGES, bytes, 10, 2 * (int64_t)unit),
                         wanted[unit]);
    assert_int_equal(python_line_find(PYTHON_LINES_RANGES, bytes, 10, -2), 10);
    assert_int_equal(python_line_find(PYTHON_LINES_RANGES, bytes_of(table, 5), 10, 90), 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind_moves_the_line),
        cmocka_unit_test(test_no_location_takes_the_line_before),
        cmocka_unit_test(test_outside_of_the_table),
        cmocka_unit_test(test_broken_tables_end),
        cmocka_unit_test(test_lnotab),
        cmocka_unit_test(test_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
