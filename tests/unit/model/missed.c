/* Rows of pages that no sample met: what becomes of them tells whose they were. */
#include "../test.h"

#include "missed.h"

#define A 10
#define B 11

struct rows {
    struct missed missed;
    struct pages owners;
};

static void deinit(struct rows *rows)
{
    missed_deinit(&rows->missed);
    pages_deinit(&rows->owners);
}

static void own(struct rows *rows, uint64_t first, uint64_t count, uint32_t node)
{
    assert_int_equal(pages_give(&rows->owners, first, count, node), 0);
}

static void add(struct rows *rows, uint64_t first, uint64_t count)
{
    uint32_t window = (uint32_t)rows->missed.count; /* one for each */
    assert_int_equal(missed_add(&rows->missed, window, first, count), 0);
}

static uint32_t owner_of(const struct rows *rows, uint32_t window)
{
    uint64_t first = window < rows->missed.count ? rows->missed.rows[window].first : 0;
    return missed_owner(&rows->missed, window, first);
}

static void go(struct rows *rows, uint64_t first, uint64_t count)
{
    assert_int_equal(missed_went(&rows->missed, &rows->owners, first, count), 0);
    own(rows, first, count, PAGES_NOBODY);
}

static void nothing_was_missed(void **state)
{
    (void)state;
    struct rows rows = {0};
    own(&rows, 100, 50, A);
    go(&rows, 100, 50);
    missed_finish(&rows.missed, &rows.owners);
    assert_int_equal(owner_of(&rows, 0), PAGES_NOBODY);
    deinit(&rows);
}

static void they_go_together(void **state)
{
    (void)state;
    struct rows rows = {0};
    own(&rows, 100, 50, A);
    add(&rows, 150, 30); /* above a */
    own(&rows, 300, 50, B);
    add(&rows, 280, 20);   /* below b */
    add(&rows, 1000, 500); /* goes by itself */
    go(&rows, 100, 80);
    go(&rows, 280, 70);
    go(&rows, 1000, 500);
    missed_finish(&rows.missed, &rows.owners);
    assert_int_equal(owner_of(&rows, 0), A);
    assert_int_equal(owner_of(&rows, 1), B);
    assert_int_equal(owner_of(&rows, 2), PAGES_NOBODY);
    assert_int_equal(owner_of(&rows, 3), PAGES_NOBODY);
    deinit(&rows);
}

/* Between two: the one below, for programs fill memory upwards. */
static void between_two_that_go(void **state)
{
    (void)state;
    struct rows rows = {0};
    own(&rows, 100, 50, A);
    add(&rows, 150, 30);
    own(&rows, 180, 50, B);
    go(&rows, 100, 130);
    assert_int_equal(owner_of(&rows, 0), A);
    deinit(&rows);
}

static void the_larger_part_tells(void **state)
{
    (void)state;
    struct rows rows = {0};
    own(&rows, 100, 50, A);
    add(&rows, 150, 100);
    own(&rows, 250, 50, B);
    go(&rows, 140, 30); /* 20 of them with a */
    assert_int_equal(owner_of(&rows, 0), A);
    go(&rows, 180, 100); /* 70 with b */
    missed_finish(&rows.missed, &rows.owners);
    assert_int_equal(owner_of(&rows, 0), B);
    deinit(&rows);
}

static void what_stays_is_the_nearest(void **state)
{
    (void)state;
    struct rows rows = {0};
    own(&rows, 100, 50, A);
    add(&rows, 150, 30);
    add(&rows, 180, 30); /* beside another one that was missed */
    own(&rows, 210, 50, B);
    add(&rows, 5000, 10);
    add(&rows, UINT64_C(1) << 40, 10); /* far from everything */
    own(&rows, 5010, 1, A); /* too little to be kin */
    own(&rows, 5011, 3, B);
    missed_finish(&rows.missed, &rows.owners);
    assert_int_equal(owner_of(&rows, 0), A);
    assert_int_equal(owner_of(&rows, 1), B);
    assert_int_equal(owner_of(&rows, 2), B);
    assert_int_equal(owner_of(&rows, 3), PAGES_NOBODY);
    deinit(&rows);
}

static void the_first_page_of_all(void **state)
{
    (void)state;
    struct rows rows = {0};
    add(&rows, 0, 5);
    own(&rows, 5, 5, A);
    missed_finish(&rows.missed, &rows.owners);
    assert_int_equal(owner_of(&rows, 0), PAGES_NOBODY); /* no process has it */
    deinit(&rows);
}

/* New memory at the place of an old row is another row. */
static void the_same_place_again(void **state)
{
    (void)state;
    struct rows rows = {0};
    own(&rows, 100, 50, A);
    add(&rows, 150, 30);
    go(&rows, 100, 80);
    own(&rows, 180, 50, B);
    add(&rows, 150, 30);
    go(&rows, 150, 80);
    assert_int_equal(owner_of(&rows, 0), A);
    assert_int_equal(owner_of(&rows, 1), B);
    deinit(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_was_missed),        cmocka_unit_test(they_go_together),
        cmocka_unit_test(between_two_that_go),       cmocka_unit_test(the_larger_part_tells),
        cmocka_unit_test(what_stays_is_the_nearest), cmocka_unit_test(the_first_page_of_all),
        cmocka_unit_test(the_same_place_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
