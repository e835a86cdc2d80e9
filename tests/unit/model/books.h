/* What every profile promises, whatever was recorded. */
#ifndef MEMSAMPLE_TESTS_MODEL_BOOKS_H
#define MEMSAMPLE_TESTS_MODEL_BOOKS_H

#include "../test.h"

#include "made.h"

/* Adds up what nodes hold at every point, independently of the model's own sums. */
static inline void expect_books(const struct profile *profile)
{
    uint64_t *held = calloc(profile->node_count, sizeof(*held));
    uint64_t sum = 0, freed = 0, released = 0;
    size_t next = 0;
    for (size_t point = 0; point < profile->point_count; point++) {
        for (; next < profile->change_count && profile->changes[next].point == point; next++) {
            const struct profile_change *change = &profile->changes[next];
            assert_true(next == 0 || change[-1].point < change->point ||
                        change[-1].node < change->node);
            assert_true(held[change->node] + change->grown_bytes >= change->released_bytes);
            held[change->node] += change->grown_bytes - change->released_bytes;
            sum += change->grown_bytes - change->released_bytes;
            assert_true(change->certain_bytes <= change->grown_bytes);
            freed += change->freed_bytes;
            released += change->released_bytes;
        }
        assert_int_equal(freed, released); /* whoever freed it: it was somebody's */
        const struct profile_point *here = &profile->points[point];
        assert_int_equal(sum, here->rss_bytes);
        assert_int_equal(here->anon_bytes + here->file_bytes + here->shmem_bytes, here->rss_bytes);
        if (point == profile->peak_point)
            for (size_t i = 0; i < profile->node_count; i++)
                assert_int_equal(held[i], profile->nodes[i].self.held_at_peak_bytes);
        if (point == profile->end_point)
            for (size_t i = 0; i < profile->node_count; i++)
                assert_int_equal(held[i], profile->nodes[i].self.held_at_end_bytes);
    }
    assert_int_equal(next, profile->change_count);
    free(held);
}

static inline void expect_table(const struct profile *profile, const struct profile_row *rows,
                                size_t count)
{
    struct figures sum = {0};
    for (size_t i = 0; i < count; i++) {
        sum.grown_bytes += rows[i].self.grown_bytes;
        sum.released_bytes += rows[i].self.released_bytes;
        sum.certain_bytes += rows[i].self.certain_bytes;
        sum.freed_bytes += rows[i].self.freed_bytes;
        sum.held_at_peak_bytes += rows[i].self.held_at_peak_bytes;
        sum.held_at_end_bytes += rows[i].self.held_at_end_bytes;
        assert_true(rows[i].total.grown_bytes >= rows[i].self.grown_bytes);
        if (i > 0)
            assert_true(rows[i - 1].total.held_at_peak_bytes >= rows[i].total.held_at_peak_bytes);
    }
    assert_int_equal(sum.grown_bytes, profile->totals.grown_bytes);
    assert_int_equal(sum.released_bytes, profile->totals.released_bytes);
    assert_int_equal(sum.freed_bytes, profile->totals.released_bytes);
    assert_true(sum.certain_bytes <= profile->totals.grown_bytes);
    assert_int_equal(sum.held_at_peak_bytes, profile->totals.peak_rss_bytes);
    assert_int_equal(sum.held_at_end_bytes, profile->totals.end_rss_bytes);
}

static inline void expect_consistent(const struct profile *profile)
{
    expect_books(profile);
    expect_table(profile, profile->lines, profile->line_count);
    expect_table(profile, profile->functions, profile->function_count);
    expect_table(profile, profile->culprits, profile->culprit_count);
    expect_table(profile, profile->source_lines, profile->source_line_count);
    assert_int_equal(profile->totals.baseline_bytes + profile->totals.grown_bytes -
                         profile->totals.released_bytes,
                     profile->totals.end_rss_bytes);
}

#endif
