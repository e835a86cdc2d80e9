#include "../test.h"
#include "base/units.h"

static void bytes_have_three_digits(void **state)
{
    (void)state;
    char text[UNITS_TEXT_MAX];
    assert_string_equal(units_format_bytes(0, text), "0 B");
    assert_string_equal(units_format_bytes(1023, text), "1023 B");
    assert_string_equal(units_format_bytes(1024, text), "1.00 KiB");
    assert_string_equal(units_format_bytes(10189, text), "9.95 KiB");
    assert_string_equal(units_format_bytes(96 * MIB, text), "96.0 MiB");
    assert_string_equal(units_format_bytes(312 * MIB, text), "312 MiB");
    assert_string_equal(units_format_bytes(1024 * MIB - 1, text), "1.00 GiB");
    assert_string_equal(units_format_bytes((uint64_t)(1.92 * (double)GIB), text), "1.92 GiB");
    assert_string_equal(units_format_bytes(UINT64_MAX, text), "16.0 EiB");
}

static void durations_read_well(void **state)
{
    (void)state;
    char text[UNITS_TEXT_MAX];
    assert_string_equal(units_format_duration(27300, text), "27.3 us");
    assert_string_equal(units_format_duration(12400000, text), "12.4 ms");
    assert_string_equal(units_format_duration(420 * NS_PER_MS, text), "0.42 s");
    assert_string_equal(units_format_duration(18230 * NS_PER_MS, text), "18.2 s");
    assert_string_equal(units_format_duration(99970 * NS_PER_MS, text), "100 s");
    assert_string_equal(units_format_duration(184 * NS_PER_S, text), "3 min 04 s");
    assert_string_equal(units_format_duration(7500 * NS_PER_S, text), "2 h 05 min");
}

static void shares(void **state)
{
    (void)state;
    char text[UNITS_TEXT_MAX];
    assert_string_equal(units_format_share(0, 10, text), "0 %");
    assert_string_equal(units_format_share(4, 1000, text), "0.4 %");
    assert_string_equal(units_format_share(73, 100, text), "73 %");
    assert_string_equal(units_format_share(1, 0, text), "0 %");
}

static void sizes_are_parsed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"4096", 4096},          {"64k", 65536},     {"64K", 65536},
                {"1.5M", 3 * MIB / 2},   {"2GiB", 2 * GIB},  {"10kb", 10240},
                {"1T", UINT64_C(1) << 40}, {"12B", 12}};
    static const char *const bad[] = {"", "k", "-1", "0", "1x", "1kk", "nan", "inf", "1e30", "64 k", "1kib!"};
    uint64_t bytes;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(units_parse_bytes(good[i].text, &bytes));
        assert_true(bytes == good[i].bytes);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(units_parse_bytes(bad[i], &bytes));
}

static void numbers_are_parsed(void **state)
{
    (void)state;
    double value;
    assert_true(units_parse_number("2.5", 0, 10, &value));
    assert_true(value == 2.5);
    assert_false(units_parse_number("11", 0, 10, &value));
    assert_false(units_parse_number("2x", 0, 10, &value));
    assert_false(units_parse_number("", 0, 10, &value));
    assert_false(units_parse_number("nan", 0, 10, &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_have_three_digits), cmocka_unit_test(durations_read_well),
        cmocka_unit_test(shares),                  cmocka_unit_test(sizes_are_parsed),
        cmocka_unit_test(numbers_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
