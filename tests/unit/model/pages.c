/* Owners of pages: give and take. */
#include "../test.h"

#include <errno.h>
#include <stdlib.h>

#include "pages.h"

#define CHUNK 512 /* pages in a chunk, as pages.c has it */

static void expect_owned(const struct pages *pages, uint64_t a, uint64_t b, uint64_t c)
{
    assert_int_equal(pages_owned(pages, 1), a);
    assert_int_equal(pages_owned(pages, 2), b);
    assert_int_equal(pages_owned(pages, 3), c);
}

static void nothing_belongs_to_nobody(void **state)
{
    (void)state;
    struct pages pages = {0};
    assert_int_equal(pages_owner(&pages, 0), PAGES_NOBODY);
    assert_int_equal(pages_owner(&pages, UINT64_MAX), PAGES_NOBODY);
    assert_int_equal(pages_owned(&pages, 0), 0);
    assert_int_equal(pages_owned(&pages, PAGES_NOBODY), 0);
    assert_int_equal(pages_give(&pages, 7, 0, 1), 0);
    assert_int_equal(pages_give(&pages, 100, 5000, PAGES_NOBODY), 0);
    expect_owned(&pages, 0, 0, 0);
    pages_deinit(&pages);
}

static void a_part_of_a_chunk(void **state)
{
    (void)state;
    struct pages pages = {0};
    assert_int_equal(pages_give(&pages, 10, 20, 1), 0);
    assert_int_equal(pages_owner(&pages, 9), PAGES_NOBODY);
    assert_int_equal(pages_owner(&pages, 10), 1);
    assert_int_equal(pages_owner(&pages, 29), 1);
    assert_int_equal(pages_owner(&pages, 30), PAGES_NOBODY);
    assert_int_equal(pages_give(&pages, 25, 10, 2), 0); /* five of them were another's */
    expect_owned(&pages, 15, 10, 0);
    assert_int_equal(pages_give(&pages, 25, 10, 2), 0); /* its own already */
    expect_owned(&pages, 15, 10, 0);
    assert_int_equal(pages_give(&pages, 0, 28, PAGES_NOBODY), 0);
    expect_owned(&pages, 0, 7, 0);
    pages_deinit(&pages);
}

static void whole_chunks(void **state)
{
    (void)state;
    struct pages pages = {0};
    assert_int_equal(pages_give(&pages, 4 * CHUNK, 3 * CHUNK, 1), 0);
    expect_owned(&pages, 3 * CHUNK, 0, 0);
    assert_int_equal(pages_give(&pages, 4 * CHUNK + 100, 50, 1), 0); /* a part of its own */
    expect_owned(&pages, 3 * CHUNK, 0, 0);
    assert_int_equal(pages_give(&pages, 5 * CHUNK - 1, 2, 2), 0); /* across a border */
    expect_owned(&pages, 3 * CHUNK - 2, 2, 0);
    assert_int_equal(pages_owner(&pages, 5 * CHUNK - 2), 1);
    assert_int_equal(pages_owner(&pages, 5 * CHUNK - 1), 2);
    assert_int_equal(pages_owner(&pages, 5 * CHUNK), 2);
    assert_int_equal(pages_owner(&pages, 5 * CHUNK + 1), 1);
    assert_int_equal(pages_give(&pages, 4 * CHUNK, 2 * CHUNK, 3), 0); /* over a mixture */
    expect_owned(&pages, CHUNK, 0, 2 * CHUNK);
    assert_int_equal(pages_give(&pages, 0, 100 * CHUNK, PAGES_NOBODY), 0);
    expect_owned(&pages, 0, 0, 0);
    assert_int_equal(pages_owner(&pages, 4 * CHUNK), PAGES_NOBODY);
    pages_deinit(&pages);
}

static void far_apart(void **state)
{
    (void)state;
    struct pages pages = {0};
    static const uint64_t firsts[] = {0, UINT64_C(0x7ffffffff) - 4, UINT64_C(0xffffffffff)};
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(pages_give(&pages, firsts[i], 3, i + 1), 0);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(pages_owner(&pages, firsts[i] + 2), i + 1);
    expect_owned(&pages, 3, 3, 3);
    pages_deinit(&pages);
}

/* Against an array with one owner a page. */
static void at_random_as_a_plain_array(void **state)
{
    (void)state;
    enum { COUNT = 8 * CHUNK };
    struct pages pages = {0};
    uint32_t *plain = malloc(COUNT * sizeof(*plain));
    uint64_t random = 88172645463325252u;
    for (size_t i = 0; i < COUNT; i++)
        plain[i] = PAGES_NOBODY;
    for (unsigned turn = 0; turn < 3000; turn++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        uint64_t first = random % COUNT, most = random >> 20 & 1 ? 4 * CHUNK : 40;
        uint64_t count = (random >> 24) % most;
        if (count > COUNT - first)
            count = COUNT - first;
        if (random >> 50 & 1) { /* on borders of chunks */
            first &= ~(uint64_t)(CHUNK - 1);
            count &= ~(uint64_t)(CHUNK - 1);
        }
        uint32_t node = (uint32_t)(random >> 40) % 5;
        node = node == 0 ? PAGES_NOBODY : node;
        assert_int_equal(pages_give(&pages, first, count, node), 0);
        for (uint64_t i = first; i < first + count; i++)
            plain[i] = node;
        uint64_t owned[5] = {0};
        for (size_t i = 0; i < COUNT; i++) {
            if (plain[i] != PAGES_NOBODY)
                owned[plain[i]]++;
            if ((i + turn) % 61 == 0)
                assert_int_equal(pages_owner(&pages, i), plain[i]);
        }
        for (uint32_t i = 1; i < 5; i++)
            assert_int_equal(pages_owned(&pages, i), owned[i]);
    }
    free(plain);
    pages_deinit(&pages);
}

static void more_than_any_process_has(void **state)
{
    (void)state;
    struct pages pages = {0};
    assert_int_equal(pages_give(&pages, 0, UINT64_C(1) << 52, 1), -E2BIG);
    assert_int_equal(pages_give(&pages, 0, UINT64_C(1) << 52, PAGES_NOBODY), -E2BIG);
    expect_owned(&pages, 0, 0, 0);
    int r = 0;
    for (uint64_t i = 0; i < 100 && r == 0; i++)
        r = pages_give(&pages, i << 30, 1 << 27, 1);
    assert_int_equal(r, -E2BIG);
    assert_int_equal(pages_owned(&pages, 1), 1 << 28); /* up to there it was given */
    pages_deinit(&pages);
}

/* Rows of one owner, in both directions, are found piece by piece. */
static void rows(void **state)
{
    (void)state;
    struct pages pages = {0};
    uint64_t count;
    assert_int_equal(pages_owner_of_row(&pages, 1000, 50, false, &count), PAGES_NOBODY);
    assert_int_equal(count, 24); /* to the end of the chunk */
    assert_int_equal(pages_give(&pages, 100, 20, 1), 0);
    assert_int_equal(pages_give(&pages, 120, 3 * CHUNK, 2), 0);
    assert_int_equal(pages_owner_of_row(&pages, 105, 1000, false, &count), 1);
    assert_int_equal(count, 15);
    assert_int_equal(pages_owner_of_row(&pages, 105, 1000, true, &count), 1);
    assert_int_equal(count, 6);
    assert_int_equal(pages_owner_of_row(&pages, 99, 1000, true, &count), PAGES_NOBODY);
    assert_int_equal(count, 100);
    assert_int_equal(pages_owner_of_row(&pages, 130, 7, false, &count), 2);
    assert_int_equal(count, 7);
    assert_int_equal(pages_owner_of_row(&pages, CHUNK + 10, 4000, false, &count), 2);
    assert_int_equal(count, CHUNK - 10);
    assert_int_equal(pages_owner_of_row(&pages, CHUNK + 10, 4000, true, &count), 2);
    assert_int_equal(count, 11);
    pages_deinit(&pages);
}

/* A few bytes can tell of many pages: work is bounded, and what was done stays. */
static void work_is_bounded(void **state)
{
    (void)state;
    struct pages pages = {0};
    uint64_t turns = 0, count;
    int r = 0;
    for (; turns < 10000 && r == 0; turns++)
        r = pages_give(&pages, 0, 10000 * CHUNK, (uint32_t)turns % 3);
    assert_int_equal(r, -E2BIG);
    assert_true(turns > 100);
    assert_int_equal(pages_owned(&pages, 0) + pages_owned(&pages, 1) + pages_owned(&pages, 2),
                     10000 * CHUNK);
    assert_int_equal(pages_owner_of_row(&pages, 0, UINT64_C(1) << 50, false, &count), PAGES_NOBODY);
    assert_int_equal(count, UINT64_C(1) << 50); /* who goes along rows is through */
    pages.work_more = 20000;
    assert_int_equal(pages_give(&pages, 0, 10000 * CHUNK, 7), 0);
    assert_int_equal(pages_owned(&pages, 7), 10000 * CHUNK);
    pages_deinit(&pages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_belongs_to_nobody),
        cmocka_unit_test(a_part_of_a_chunk),
        cmocka_unit_test(whole_chunks),
        cmocka_unit_test(far_apart),
        cmocka_unit_test(at_random_as_a_plain_array),
        cmocka_unit_test(more_than_any_process_has),
        cmocka_unit_test(rows),
        cmocka_unit_test(work_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
