/* Kinds of memory: the newest word on a page counts. */
#include "../test.h"

#include "base/units.h"
#include "kinds.h"

static void see(struct kinds *kinds, uint64_t first, uint64_t count, uint8_t kind, bool huge)
{
    struct event_place place = {
        .first = first, .count = count, .kind = kind, .huge = huge, .name = ""};
    assert_int_equal(kinds_see_place(kinds, &place), 0);
    for (size_t i = 0; i < kinds->count; i++) { /* in order, without overlap */
        assert_true(kinds->ranges[i].first < kinds->ranges[i].end);
        assert_true(i == 0 || kinds->ranges[i - 1].end <= kinds->ranges[i].first);
    }
}

static uint64_t of(const struct kinds *kinds, uint32_t node, uint8_t kind)
{
    return node < kinds->node_count ? kinds->of_node[node].grown_bytes[kind] : 0;
}

static void test_newest_counts(void **state)
{
    (void)state;
    struct kinds kinds = {0};
    see(&kinds, 100, 100, PLACE_ANONYMOUS, false);
    see(&kinds, 140, 10, PLACE_FILE, false); /* in the middle: three ranges */
    assert_int_equal(kinds.count, 3);
    assert_int_equal(kinds_charge(&kinds, 3, 120, 1000), 0);
    assert_int_equal(kinds_charge(&kinds, 3, 145, 200), 0);
    assert_int_equal(kinds_charge(&kinds, 3, 150, 30), 0);
    assert_int_equal(kinds_charge(&kinds, 5, 99, 4), 0);
    assert_int_equal(kinds_charge(&kinds, 5, 0, 5), 0); /* met nowhere */
    assert_int_equal(of(&kinds, 3, PLACE_ANONYMOUS), 1030);
    assert_int_equal(of(&kinds, 3, PLACE_FILE), 200);
    assert_int_equal(of(&kinds, 5, 0), 9);
    assert_int_equal(kinds.total.grown_bytes[PLACE_ANONYMOUS], 1030);
    see(&kinds, 50, 400, PLACE_HEAP, true); /* over them all */
    assert_int_equal(kinds.count, 1);
    assert_int_equal(kinds_charge(&kinds, 3, 145, 7), 0);
    assert_int_equal(of(&kinds, 3, PLACE_HEAP), 7);
    assert_int_equal(kinds.total.huge_bytes, 7);
    kinds_deinit(&kinds);
}

/* Mappings are counted once, however often they are told of and however they grow. */
static void test_counts_mappings(void **state)
{
    (void)state;
    struct kinds kinds = {0};
    for (uint64_t i = 0; i < 28; i++) {
        see(&kinds, i << 14, 1 << 10, PLACE_ARENA, false);
        see(&kinds, i << 14, 1 << 12, PLACE_ARENA, false);
        for (uint64_t page = 1; page < 5; page++)
            assert_int_equal(kinds_charge(&kinds, 1, (i << 14) + page, MIB), 0);
    }
    assert_int_equal(kinds.regions[PLACE_ARENA], 28);
    assert_int_equal(kinds.total.grown_bytes[PLACE_ARENA], 4 * 28 * MIB);
    kinds_deinit(&kinds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_newest_counts),
                                       cmocka_unit_test(test_counts_mappings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
