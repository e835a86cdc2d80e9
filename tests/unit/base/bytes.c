#include "../test.h"
#include "base/bytes.h"

static void varints_come_back(void **state)
{
    (void)state;
    static const uint64_t values[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
    struct buffer buffer = {0};
    for (size_t i = 0; i < 8; i++) {
        buffer_put_varint(&buffer, values[i]);
        buffer_put_svarint(&buffer, (int64_t)values[i]);
    }
    struct bytes bytes = bytes_of(buffer.data, buffer.length);
    for (size_t i = 0; i < 8; i++) {
        uint64_t value;
        int64_t signed_value;
        assert_true(bytes_take_varint(&bytes, &value));
        assert_true(bytes_take_svarint(&bytes, &signed_value));
        assert_true(value == values[i]);
        assert_true(signed_value == (int64_t)values[i]);
    }
    assert_int_equal(bytes.left, 0);
    buffer_deinit(&buffer);
}

static void short_input_is_refused_and_nothing_is_taken(void **state)
{
    (void)state;
    const uint8_t open_end[] = {0x80, 0x80, 0x80};
    const uint8_t too_large[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    const uint8_t *data;
    uint64_t value;
    uint32_t value32;
    struct bytes bytes = bytes_of(open_end, sizeof(open_end));
    assert_false(bytes_take_varint(&bytes, &value));
    assert_false(bytes_take_u32(&bytes, &value32));
    assert_false(bytes_take(&bytes, 4, &data));
    assert_int_equal(bytes.left, 3);
    bytes = bytes_of(too_large, sizeof(too_large));
    assert_false(bytes_take_varint(&bytes, &value));
    bytes = bytes_of(NULL, 0);
    assert_false(bytes_take_varint(&bytes, &value));
}

static void a_buffer_prints(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_put_text(&buffer, "a");
    buffer_printf(&buffer, "%d-%s", 7, "x");
    buffer_put_u32(&buffer, 0x01020304);
    assert_int_equal(buffer.length, 8);
    assert_memory_equal(buffer.data, "a7-x\4\3\2\1", 8);
    buffer_deinit(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(varints_come_back),
        cmocka_unit_test(short_input_is_refused_and_nothing_is_taken),
        cmocka_unit_test(a_buffer_prints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
