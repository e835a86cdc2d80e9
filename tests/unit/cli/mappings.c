#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/mappings.h"

static void parse(const char *text, struct mappings *mappings)
{
    assert_int_equal(mappings_parse(strdup(text), mappings), 0);
}

static void test_files_are_summed_and_anonymous_memory_is_not(void **state)
{
    (void)state;
    struct mappings mappings;
    parse("1000-3000 r-xp 00000000 fe:01 77    /usr/lib/a b.so\n"
          "Size:   8 kB\nRss:   4 kB\nAnonymous:  0 kB\nSwap:  0 kB\nVmFlags: rd ex mr\n"
          "4000-5000 rw-p 00000000 00:00 0 \n"
          "Rss:   4 kB\nAnonymous:   4 kB\nSwap:   8 kB\n"
          "6000-9000 rw-p 00002000 fe:01 77    /usr/lib/a b.so\n"
          "Rss:   12 kB\nAnonymous:  8 kB\n"
          "a000-1a000 rw-p 00000000 00:00 0 \n"
          "Rss:   64 kB\n",
          &mappings);
    assert_int_equal(mappings.count, 3);
    assert_string_equal(mappings.items[0].name, "");
    assert_int_equal(mappings.items[0].start, 0xa000);
    assert_int_equal(mappings.items[0].rss_bytes, 64 << 10);
    assert_string_equal(mappings.items[1].name, "/usr/lib/a b.so");
    assert_int_equal(mappings.items[1].size_bytes, 0x5000);
    assert_int_equal(mappings.items[1].rss_bytes, 16 << 10);
    assert_int_equal(mappings.items[1].anonymous_bytes, 8 << 10);
    assert_int_equal(mappings.items[2].swap_bytes, 8 << 10);
    mappings_deinit(&mappings);
}

static void test_what_is_no_smaps(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "Rss: 4 kB\n", "5000-1000 rw-p 00000000 00:00 0 \n",
                                        "xyz\n\n\n", "1000-"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct mappings mappings;
        parse(texts[i], &mappings);
        assert_int_equal(mappings.count, 0);
        mappings_deinit(&mappings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_summed_and_anonymous_memory_is_not),
        cmocka_unit_test(test_what_is_no_smaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
