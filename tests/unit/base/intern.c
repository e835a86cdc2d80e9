#include "../test.h"
#include "base/intern.h"

#include <stdio.h>

static void ids_count_up_and_stay(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    struct intern intern = {0};
    char key[16];
    uint32_t id;
    bool is_new;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < COUNT; i++) {
            int length = snprintf(key, sizeof(key), "key %d", i);
            assert_int_equal(intern_add(&intern, key, (size_t)length, &id, &is_new), 0);
            assert_int_equal(id, i);
            assert_int_equal(is_new, round == 0);
        }
    size_t length;
    assert_string_equal((const char *)intern_get(&intern, 4321, &length), "key 4321");
    assert_int_equal(length, 8);
    intern_deinit(&intern);
}

static void keys_hold_any_bytes(void **state)
{
    (void)state;
    struct intern intern = {0};
    uint32_t a, b, c, empty;
    assert_int_equal(intern_add(&intern, "x\0y", 3, &a, NULL), 0);
    assert_int_equal(intern_add(&intern, "x\0z", 3, &b, NULL), 0);
    assert_int_equal(intern_add(&intern, "x", 1, &c, NULL), 0);
    assert_int_equal(intern_add(&intern, NULL, 0, &empty, NULL), 0);
    assert_true(a != b && b != c && c != empty);
    intern_deinit(&intern);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_count_up_and_stay),
        cmocka_unit_test(keys_hold_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
