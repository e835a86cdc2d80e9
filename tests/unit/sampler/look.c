/* What changed between two lists of pages. */
#include "../test.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/array.h"
#include "base/units.h"
#include "sampler/look.h"

struct seen { /* all parts together */
    struct event_page_run *runs;
    size_t count, cap, parts;
    size_t last_at; /* which part said that it is the last, from 1 */
    size_t stop_at; /* the part that fails, from 1 */
};

static int see_part(void *context, const struct event_pages *pages)
{
    struct seen *seen = context;
    assert_true(pages->count <= EVENT_PAGE_RUNS_MAX);
    assert_int_equal(seen->last_at, 0);
    if (++seen->parts == seen->stop_at)
        return -ENOSPC;
    assert_int_equal(
        array_reserve(&seen->runs, &seen->cap, seen->count + pages->count + 1, sizeof(*seen->runs)),
        0);
    for (uint32_t i = 0; i < pages->count; i++)
        seen->runs[seen->count++] = pages->runs[i];
    if (pages->last)
        seen->last_at = seen->parts;
    return 0;
}

static void compare(const struct pagemap_run *before, size_t before_count,
                    const struct pagemap_run *after, size_t after_count, struct seen *ret_seen)
{
    *ret_seen = (struct seen){0};
    assert_int_equal(look_compare(before, before_count, after, after_count, see_part, ret_seen), 0);
    assert_int_equal(ret_seen->last_at, ret_seen->parts);
    for (size_t i = 0; i < ret_seen->count; i++) {
        assert_true(ret_seen->runs[i].count > 0);
        if (i > 0)
            assert_true(ret_seen->runs[i - 1].first + ret_seen->runs[i - 1].count <=
                        ret_seen->runs[i].first);
    }
}

static void expect(const struct pagemap_run *before, size_t before_count,
                   const struct pagemap_run *after, size_t after_count,
                   const struct event_page_run *runs, size_t count)
{
    struct seen seen;
    compare(before, before_count, after, after_count, &seen);
    assert_int_equal(seen.parts, 1);
    assert_int_equal(seen.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(seen.runs[i].first, runs[i].first);
        assert_int_equal(seen.runs[i].count, runs[i].count);
        assert_int_equal(seen.runs[i].change, runs[i].change);
    }
    free(seen.runs);
}

#define EXPECT(before, after, ...)                                                                 \
    do {                                                                                           \
        static const struct event_page_run expected[] = {__VA_ARGS__};                             \
        expect(before, ARRAY_SIZE(before), after, ARRAY_SIZE(after), expected,                     \
               ARRAY_SIZE(expected));                                                              \
    } while (0)

static void a_first_look_tells_of_all(void **state)
{
    (void)state;
    static const struct pagemap_run after[] = {{10, 5, false}, {15, 5, true}, {30, 1, false}};
    static const struct event_page_run expected[] = {
        {10, 5, PAGES_CAME}, {15, 5, PAGES_SWAPPED}, {30, 1, PAGES_CAME}};
    expect(NULL, 0, after, 3, expected, 3);
    expect(NULL, 0, NULL, 0, NULL, 0);
}

static void nothing_changed(void **state)
{
    (void)state;
    static const struct pagemap_run runs[] = {{10, 5, false}, {20, 5, true}};
    /* the same pages in other pieces */
    static const struct pagemap_run pieces[] = {{10, 2, false}, {12, 3, false}, {20, 5, true}};
    expect(runs, 2, runs, 2, NULL, 0);
    expect(runs, 2, pieces, 3, NULL, 0);
}

static void parts_of_runs(void **state)
{
    (void)state;
    static const struct pagemap_run before[] = {{10, 10, false}, {40, 10, false}};
    static const struct pagemap_run after[] = {{5, 10, false}, {44, 2, false}, {60, 1, false}};
    EXPECT(before, after, {5, 5, PAGES_CAME}, {15, 5, PAGES_WENT}, {40, 4, PAGES_WENT},
           {46, 4, PAGES_WENT}, {60, 1, PAGES_CAME});
}

static void swap_out_and_in(void **state)
{
    (void)state;
    static const struct pagemap_run before[] = {{10, 4, false}, {14, 4, true}, {18, 4, true}};
    static const struct pagemap_run after[] = {{10, 2, false}, {12, 2, true}, {14, 4, false}};
    EXPECT(before, after, {12, 2, PAGES_SWAPPED}, {14, 4, PAGES_CAME}, {18, 4, PAGES_WENT});
}

static void neighbours_are_one_row(void **state)
{
    (void)state;
    /* each list has borders where the other has none */
    static const struct pagemap_run before[] = {{100, 3, false}, {103, 3, true}};
    static const struct pagemap_run after[] = {{50, 10, false}, {60, 10, false}};
    EXPECT(before, after, {50, 20, PAGES_CAME}, {100, 6, PAGES_WENT});
}

static void the_end_of_all_addresses(void **state)
{
    (void)state;
    static const struct pagemap_run before[] = {{0, 1, false}};
    static const struct pagemap_run after[] = {{EVENT_PAGE_MAX - 1, 1, false}};
    EXPECT(before, after, {0, 1, PAGES_WENT}, {EVENT_PAGE_MAX - 1, 1, PAGES_CAME});
}

static void many_runs_come_in_parts(void **state)
{
    (void)state;
    enum { COUNT = 2 * EVENT_PAGE_RUNS_MAX + 3 };
    static struct pagemap_run after[COUNT];
    struct seen seen;
    for (size_t i = 0; i < COUNT; i++)
        after[i] = (struct pagemap_run){.first = 1000 + i * 3, .count = 1 + i % 2};
    static const size_t counts[] = {EVENT_PAGE_RUNS_MAX - 1, EVENT_PAGE_RUNS_MAX,
                                    EVENT_PAGE_RUNS_MAX + 1, COUNT};
    static const size_t parts[] = {1, 1, 2, 3};
    for (size_t k = 0; k < ARRAY_SIZE(counts); k++) {
        compare(NULL, 0, after, counts[k], &seen);
        assert_int_equal(seen.parts, parts[k]);
        assert_int_equal(seen.count, counts[k]);
        for (size_t i = 0; i < seen.count; i++) {
            assert_int_equal(seen.runs[i].first, after[i].first);
            assert_int_equal(seen.runs[i].count, after[i].count);
        }
        free(seen.runs);
    }
}

static void a_part_that_fails_ends_it(void **state)
{
    (void)state;
    static struct pagemap_run after[3 * EVENT_PAGE_RUNS_MAX];
    for (size_t i = 0; i < ARRAY_SIZE(after); i++)
        after[i] = (struct pagemap_run){.first = i * 2, .count = 1};
    struct seen seen = {.stop_at = 2};
    assert_int_equal(look_compare(NULL, 0, after, ARRAY_SIZE(after), see_part, &seen), -ENOSPC);
    assert_int_equal(seen.parts, 2);
    free(seen.runs);
    seen = (struct seen){.stop_at = 1};
    assert_int_equal(look_compare(after, 1, after, 1, see_part, &seen), -ENOSPC);
    free(seen.runs);
}

/* Every page by itself, against what the lists say of it. */
static void at_random_as_page_by_page(void **state)
{
    (void)state;
    enum { PAGES = 4000, RUNS = 1000 };
    uint64_t random = 88172645463325252u;
    for (unsigned turn = 0; turn < 50; turn++) {
        static struct pagemap_run lists[2][RUNS];
        uint8_t kinds[2][PAGES] = {{0}};
        size_t counts[2] = {0};
        for (unsigned list = 0; list < 2; list++)
            for (uint64_t at = 0; counts[list] < RUNS;) {
                random ^= random << 13, random ^= random >> 7, random ^= random << 17;
                uint64_t first = at + random % 4, count = 1 + (random >> 8) % (1 + turn % 7);
                if (first + count > PAGES)
                    break;
                bool swapped = random >> 32 & 1;
                lists[list][counts[list]++] = (struct pagemap_run){first, count, swapped};
                memset(&kinds[list][first], swapped ? 2 : 1, count);
                at = first + count;
            }
        struct seen seen;
        compare(lists[0], counts[0], lists[1], counts[1], &seen);
        for (size_t i = 0; i < seen.count; i++)
            for (uint64_t k = seen.runs[i].first; k < seen.runs[i].first + seen.runs[i].count;
                 k++) {
                assert_int_not_equal(kinds[0][k], kinds[1][k]);
                assert_int_equal(seen.runs[i].change, kinds[1][k] == 0   ? PAGES_WENT
                                                      : kinds[1][k] == 1 ? PAGES_CAME
                                                                         : PAGES_SWAPPED);
                kinds[0][k] = kinds[1][k];
            }
        assert_memory_equal(kinds[0], kinds[1], PAGES);
        free(seen.runs);
    }
}

/* Looks at this very process: what one look tells, the next does not repeat. */
static void two_looks_at_oneself(void **state)
{
    (void)state;
    struct look look;
    struct seen first = {0}, second = {0};
    look_init(&look, 10 * NS_PER_MS, 0);
    assert_true(look_is_due(&look, 0));
    int r = look_take(&look, getpid(), see_part, &first);
    if (r == -EPERM || r == -EACCES || r == -ENOENT)
        skip();
    assert_int_equal(r, 0);
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *memory =
        mmap(NULL, 64 * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    madvise(memory, 64 * page_bytes, MADV_NOHUGEPAGE);
    memset(memory + 8 * page_bytes, 1, 16 * page_bytes);
    assert_int_equal(look_take(&look, getpid(), see_part, &second), 0);
    uint64_t start = (uintptr_t)memory / page_bytes, came = 0;
    assert_true(first.count > 0);
    assert_true(second.count < first.count + 1000);
    for (size_t i = 0; i < second.count; i++)
        if (second.runs[i].first <= start + 8 &&
            second.runs[i].first + second.runs[i].count >= start + 24)
            came += second.runs[i].change == PAGES_CAME;
    assert_int_equal(came, 1);
    munmap(memory, 64 * page_bytes);
    look_deinit(&look);
    free(first.runs);
    free(second.runs);
}

static void looks_wait_for_something_to_see(void **state)
{
    (void)state;
    struct look look;
    uint64_t now_ns = 1000;
    look_init(&look, 10 * NS_PER_MS, now_ns);
    look.open = true;
    now_ns += NS_PER_S;
    look_note(&look, 100 * KIB, 100 * KIB);
    assert_false(look_is_due(&look, now_ns)); /* too little moved */
    look_note(&look, 56 * KIB, 0);
    assert_true(look_is_due(&look, now_ns));
    look_spend(&look, now_ns, 100 * NS_PER_US);
    assert_false(look_is_due(&look, now_ns + NS_PER_S));
    look_note(&look, 256 * KIB, 0);
    assert_false(look_is_due(&look, now_ns + 5 * NS_PER_MS)); /* growth is not urgent */
    look_note(&look, 0, 256 * KIB);
    assert_true(look_is_due(&look, now_ns + 5 * NS_PER_MS)); /* a fall is: pages are filled again */
    look_deinit(&look);
}

/* A target that moves as much as it can: looks take no more than their share. */
static void looks_keep_to_their_budget(void **state)
{
    (void)state;
    static const uint64_t costs[] = {50 * NS_PER_US, 2 * NS_PER_MS, 60 * NS_PER_MS};
    for (size_t i = 0; i < ARRAY_SIZE(costs); i++) {
        struct look look;
        uint64_t spent = 0, now_ns = 0;
        look_init(&look, 10 * NS_PER_MS, 0);
        look.open = true;
        for (; now_ns < 60 * NS_PER_S; now_ns += NS_PER_MS) {
            look_note(&look, 8 * MIB, 8 * MIB);
            if (!look_is_due(&look, now_ns))
                continue;
            look_spend(&look, now_ns, costs[i]);
            spent += costs[i];
        }
        assert_true(spent > 0);
        /* 1.5 % of the time and of one second's credit, and a few until it is known what they cost
         */
        assert_true((double)spent <= 0.015 * (double)(now_ns + NS_PER_S) + 6 * (double)costs[i]);
        look_deinit(&look);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_look_tells_of_all),
        cmocka_unit_test(nothing_changed),
        cmocka_unit_test(parts_of_runs),
        cmocka_unit_test(swap_out_and_in),
        cmocka_unit_test(neighbours_are_one_row),
        cmocka_unit_test(the_end_of_all_addresses),
        cmocka_unit_test(many_runs_come_in_parts),
        cmocka_unit_test(a_part_that_fails_ends_it),
        cmocka_unit_test(at_random_as_page_by_page),
        cmocka_unit_test(two_looks_at_oneself),
        cmocka_unit_test(looks_wait_for_something_to_see),
        cmocka_unit_test(looks_keep_to_their_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
