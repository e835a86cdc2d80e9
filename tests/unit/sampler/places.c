/* Kinds of mappings. */
#include "../test.h"

#include "sampler/places.h"

#define RW .readable = true, .writable = true

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        struct map map, before;
        remote_addr sp;
        uint8_t kind;
    } cases[] = {
        {{0x1000, 0x9000, RW, .path = "[heap]"}, {0}, 0, PLACE_HEAP},
        {{0x1000, 0x9000, RW, .path = "[stack]"}, {0}, 0, PLACE_STACK},
        {{0x1000, 0x9000, RW, .path = ""}, {0}, 0, PLACE_ANONYMOUS},
        {{0x1000, 0x9000, RW, .path = ""}, {0}, 0x8ff0, PLACE_STACK},
        {{0x1000, 0x9000, RW, .path = ""}, {0}, 0x9000, PLACE_ANONYMOUS},
        {{0x1000, 0x9000, RW, .shared = true, .path = ""}, {0}, 0, PLACE_SHARED},
        {{0x1000, 0x9000, RW, .path = "[anon:jemalloc]"}, {0}, 0, PLACE_ANONYMOUS},
        {{0x1000, 0x9000, .path = "[vdso]"}, {0}, 0, PLACE_OTHER},
        {{0x1000, 0x9000, RW, .shared = true, .path = "/dev/shm/psm_1"}, {0}, 0, PLACE_SHARED},
        {{0x1000, 0x9000, RW, .shared = true, .path = "/memfd:x (deleted)"}, {0}, 0, PLACE_SHARED},
        {{0x1000, 0x9000, .path = "/data/table.parquet"}, {0}, 0, PLACE_FILE},
        {{0x1000, 0x9000, RW, .path = "/data/table.npy"}, {0}, 0, PLACE_FILE},
        {{0x1000, 0x9000, .executable = true, .path = "/usr/lib/libz.so.1"}, {0}, 0, PLACE_FILE},
        {{0x1000, 0x9000, RW, .path = "/usr/lib/libz.so.1"}, {0}, 0, PLACE_LIBRARY_DATA},
        {{0x9000, 0xa000, RW, .path = ""},
         {0x1000, 0x9000, RW, .path = "/usr/lib/libz.so.1"},
         0,
         PLACE_LIBRARY_DATA},
        {{0x9000, 0xa000, RW, .path = ""},
         {0x1000, 0x9000, .path = "/usr/lib/libz.so.1"},
         0,
         PLACE_ANONYMOUS},
        {{0x9000, 0x9000 + (UINT64_C(1) << 30), RW, .path = ""},
         {0x1000, 0x9000, RW, .path = "/usr/lib/libz.so.1"},
         0,
         PLACE_ANONYMOUS},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct map *before = cases[i].before.path ? &cases[i].before : NULL;
        assert_int_equal(places_kind(&cases[i].map, before, cases[i].sp), cases[i].kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
