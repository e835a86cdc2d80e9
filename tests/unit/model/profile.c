/* The model: who gets which byte, by construction. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "books.h"

static void test_interval_is_shared(void **state)
{
    (void)state;
    struct made made;
    made_start(&made);
    uint32_t a = made_stack(&made, 0, "/srv/job.py", "a", 10);
    uint32_t b = made_stack(&made, 0, "/srv/job.py", "b", 20);
    made_reading(&made, 0, 1000, 0);
    made_reading(&made, 1 * MS, 100, 0); /* pending */
    made_reading(&made, 2 * MS, 31, 0);  /* pending */
    const struct event_owner two[] = {{.tid = 1, .faults = 1, .stack_id = a},
                                      {.tid = 2, .faults = 3, .stack_id = b}};
    made_sample(&made, 3 * MS, 40, 0, two, 2);
    const struct event_owner idle[] = {{.tid = 1, .faults = 0, .stack_id = a},
                                       {.tid = 2, .faults = 0, .stack_id = b}};
    made_sample(&made, 4 * MS, 11, 0, idle, 2);
    made_end(&made, 5 * MS);
    made_finish(&made);
    /* 25 of 100, 7 of 31 (24 to the larger), 10 of 40; then 6 and 5 of 11. */
    assert_int_equal(made_line(&made, "a", 10)->self.grown_bytes, 25 + 7 + 10 + 6);
    assert_int_equal(made_line(&made, "b", 20)->self.grown_bytes, 75 + 24 + 30 + 5);
    assert_int_equal(made_line(&made, "<baseline>", 0)->self.held_at_end_bytes, 1000);
    assert_int_equal(made_line(&made, "<baseline>", 0)->self.grown_bytes, 0);
    assert_int_equal(made.profile->totals.grown_bytes, 182);
    assert_int_equal(made.profile->point_count, 5);
    assert_int_equal(made.profile->thread_count, 2);
    assert_int_equal(made.profile->threads[0].grown_bytes, 134);
    expect_consistent(made.profile);
    made_free(&made);
}

static void test_special_owners(void **state)
{
    (void)state;
    struct made made;
    made_start(&made);
    uint32_t a = made_stack(&made, 0, "/srv/job.py", "a", 10);
    made_reading(&made, 0, 1000, 0);
    const struct event_owner mixed[] = {{.tid = 1, .faults = 5, .stack_id = a},
                                        {.tid = 2, .faults = 3, .state = STACK_NO_PYTHON},
                                        {.tid = 3, .faults = 1, .state = STACK_TORN},
                                        {.tid = 4, .faults = 1, .state = STACK_GONE}};
    made_sample(&made, 1 * MS, 1000, 0, mixed, 4);
    made_sample(&made, 2 * MS, 70, 0, NULL, 0); /* nobody could be named */
    made_sample(&made, 3 * MS, 0, 0, NULL, 0);  /* nothing grew: nothing to charge */
    made_reading(&made, 4 * MS, 7, 0);          /* still pending at the end */
    made_finish(&made);
    assert_int_equal(made_line(&made, "a", 10)->self.grown_bytes, 500);
    assert_int_equal(made.profile->totals.native_bytes, 300);
    assert_int_equal(made.profile->totals.unattributed_bytes, 277);
    assert_int_equal(made.profile->samples.samples, 3);
    assert_int_equal(made.profile->samples.torn, 1);
    assert_int_equal(made.profile->samples.unattributed, 2);
    assert_int_equal(made.profile->end_reason, 0);
    assert_non_null(strstr(made.profile->cut, "was not closed"));
    expect_consistent(made.profile);
    made_free(&made);
}

static void test_later_stacks(void **state)
{
    (void)state;
    struct made made;
    made_start(&made);
    uint32_t a = made_stack(&made, 0, "/srv/job.py", "a", 10);
    uint32_t b = made_stack(&made, 0, "/srv/job.py", "b", 20);
    uint32_t c = made_stack(&made, 0, "/srv/job.py", "c", 30);
    made_reading(&made, 0, 1000, 0);
    const struct event_owner first[] = {{.tid = 1, .faults = 1, .stack_id = a},
                                        {.tid = 2, .faults = 3, .state = STACK_LATER}};
    const struct event_owner second[] = {{.tid = 2, .faults = 1, .stack_id = b}};
    const struct event_owner third[] = {{.tid = 2, .faults = 1, .stack_id = c},
                                        {.tid = 1, .faults = 1, .state = STACK_LATER}};
    made_sample(&made, 1 * MS, 400, 0, first,
                2); /* 100 to a, 300 to where thread 2 is seen next: b */
    made_sample(&made, 2 * MS, 50, 0, second, 1);
    made_sample(&made, 3 * MS, 80, 0, third,
                2); /* thread 1 is never seen again: 40 to where it was last */
    const struct event_owner fourth[] = {{.tid = 3, .faults = 1, .state = STACK_LATER}};
    made_sample(&made, 4 * MS, 7, 0, fourth, 1); /* and this one was never seen */
    made_finish(&made);
    assert_int_equal(made_line(&made, "a", 10)->self.grown_bytes, 140);
    assert_int_equal(made_line(&made, "a", 10)->sample_count, 1);
    assert_int_equal(made_line(&made, "b", 20)->self.grown_bytes, 350);
    assert_int_equal(made_line(&made, "b", 20)->sample_count, 1);
    assert_int_equal(made_line(&made, "c", 30)->self.grown_bytes, 40);
    assert_int_equal(made.profile->totals.unattributed_bytes, 7);
    expect_consistent(made.profile);
    made_free(&made);
}

/* A report that came too late tells no line: others of that thread, met in the act around it, do.
 */
static void test_late_reports(void **state)
{
    (void)state;
    struct made made;
    made_start(&made);
    uint32_t a = made_stack(&made, 0, "/srv/job.py", "a", 10);
    uint32_t b = made_stack(&made, 0, "/srv/job.py", "b", 20);
    made_reading(&made, 0, 1000, 0);
    enum { TURNS = 400 };
    uint64_t late = 0;
    for (uint64_t i = 0; i < TURNS;
         i++) { /* three of four faults at a; every fourth report is late */
        struct event_owner owner = {
            .tid = 1, .faults = 1, .state = STACK_IN_ACT, .stack_id = i % 4 == 3 ? b : a};
        if (i * 7 % 4 == 2) {
            owner.state = STACK_LATE;
            owner.stack_id = 0;
            late++;
        }
        made_sample(&made, (i + 1) * MS, 100, 0, &owner, 1);
    }
    const struct event_owner other = {.tid = 2, .faults = 1, .state = STACK_LATE};
    made_sample(&made, (TURNS + 1) * MS, 7, 0, &other, 1); /* never met at all */
    made_finish(&made);
    uint64_t of_a = made_line(&made, "a", 10)->self.grown_bytes;
    uint64_t of_b = made_line(&made, "b", 20)->self.grown_bytes;
    assert_int_equal(late, 100);
    assert_int_equal(of_a + of_b, TURNS * 100);
    /* Met in the act: 200 at a and 100 at b. Late: 100, by lot as two to one, 5 standard deviations
     * at most. */
    assert_in_range(of_a, (200 + 67 - 24) * 100, (200 + 67 + 24) * 100);
    assert_int_equal(made.profile->totals.unattributed_bytes, 7);
    expect_consistent(made.profile);
    made_free(&made);
}

static void test_last_in_first_out(void **state)
{
    (void)state;
    struct made made;
    made_start(&made);
    uint32_t keep = made_stack(&made, 0, "/srv/job.py", "keep", 10);
    uint32_t scratch = made_stack(&made, 0, "/srv/job.py", "scratch", 20);
    made_reading(&made, 0, 1000, 0);
    for (unsigned turn = 0; turn < 10; turn++) {
        made_one(&made, (turn * 4 + 1) * MS, 5, 0, keep);
        made_one(&made, (turn * 4 + 2) * MS, 600, 0, scratch);
        made_one(&made, (turn * 4 + 3) * MS, 0, 600,
                 keep); /* who runs does not matter for a release */
    }
    made_one(&made, 50 * MS, 30, 10, scratch); /* grows, then releases its own */
    made_one(&made, 51 * MS, 0, 200, scratch); /* scratch 20, keep 50, baseline 130 */
    made_finish(&made);
    const struct profile_row *kept = made_line(&made, "keep", 10);
    const struct profile_row *scratched = made_line(&made, "scratch", 20);
    assert_int_equal(kept->self.grown_bytes, 50);
    assert_int_equal(kept->self.released_bytes, 50);
    assert_int_equal(kept->self.held_at_peak_bytes, 50);
    assert_int_equal(kept->self.held_at_end_bytes, 0);
    assert_int_equal(scratched->self.grown_bytes, 6030);
    assert_int_equal(scratched->self.released_bytes, 6030);
    assert_int_equal(scratched->self.held_at_peak_bytes, 600);
    assert_int_equal(made_line(&made, "<baseline>", 0)->self.released_bytes, 130);
    assert_int_equal(made.profile->totals.peak_time_ns, 38 * MS);
    assert_int_equal(kept->sample_count, 20);
    assert_int_equal(scratched->last_time_ns, 51 * MS);
    assert_int_equal(scratched->last_rss_bytes, 870);
    expect_consistent(made.profile);
    made_free(&made);
}

static void test_totals_and_recursion(void **state)
{
    (void)state;
    struct made made;
    made_start(&made);
    uint32_t main_ = made_stack(&made, 0, "/srv/job.py", "main", 5);
    uint32_t f1 = made_stack(&made, main_, "/srv/job.py", "f", 10);
    uint32_t f2 = made_stack(&made, f1, "/srv/job.py", "f", 10);
    uint32_t f3 = made_stack(&made, f2, "/srv/job.py", "f", 11); /* same function, other line */
    uint32_t numpy =
        made_stack(&made, f2, "/usr/lib/python3.12/site-packages/numpy/x.py", "ones", 7);
    uint32_t frozen = made_stack(&made, 0, "<frozen importlib>", "load", 3);
    made_reading(&made, 0, 1000, 0);
    made_one(&made, 1 * MS, 1, 0, f1);
    made_one(&made, 2 * MS, 20, 0, f2);
    made_one(&made, 3 * MS, 300, 0, f3);
    made_one(&made, 4 * MS, 4000, 0, numpy);
    made_one(&made, 5 * MS, 50000, 0, frozen);
    made_end(&made, 6 * MS);
    made_finish(&made);
    const struct profile_row *line = made_line(&made, "f", 10);
    assert_int_equal(line->self.grown_bytes, 21);
    assert_int_equal(line->total.grown_bytes, 4321);
    assert_int_equal(line->sample_count, 4);
    assert_true(line->user);
    assert_int_equal(made_line(&made, "main", 5)->self.grown_bytes, 0);
    assert_int_equal(made_line(&made, "main", 5)->total.grown_bytes, 4321);
    const struct profile_row *function =
        made_row(made.profile->functions, made.profile->function_count, "f", 1);
    assert_int_equal(function->self.grown_bytes, 321);
    assert_int_equal(function->total.grown_bytes, 4321);
    assert_false(made_line(&made, "ones", 7)->user);
    /* The user's line answers for the library that it called; code without a user's line for
     * itself. */
    const struct profile_row *culprits = made.profile->culprits;
    size_t count = made.profile->culprit_count;
    assert_int_equal(made_row(culprits, count, "f", 10)->self.grown_bytes, 4021);
    assert_int_equal(made_row(culprits, count, "f", 11)->self.grown_bytes, 300);
    assert_int_equal(made_row(culprits, count, "load", 3)->self.grown_bytes, 50000);
    assert_int_equal(made_row(culprits, count, "ones", 7)->self.grown_bytes, 0);
    for (size_t i = 0; i < made.profile->frame_count; i++) {
        const struct profile_frame *frame = &made.profile->frames[i];
        if (strcmp(frame->function, "<truncated>") == 0)
            continue; /* stands in no stack here */
        const struct profile_row *row = &made.profile->lines[frame->line_index];
        assert_string_equal(row->function, frame->function);
        assert_int_equal(row->line, frame->line);
        assert_string_equal(made.profile->functions[frame->function_index].function,
                            frame->function);
    }
    expect_consistent(made.profile);
    made_free(&made);
}

/* In Python up to 3.11 a comprehension is a function of its own, on the line of the one around it.
 */
static void test_one_line_two_functions(void **state)
{
    (void)state;
    struct made made;
    made_start(&made);
    uint32_t load = made_stack(&made, 0, "/srv/job.py", "load", 3);
    uint32_t inner = made_stack(&made, load, "/srv/job.py", "load.<locals>.<listcomp>", 3);
    uint32_t inner_below = made_stack(&made, inner, "/usr/lib/python3.11/json.py", "loads", 9);
    made_reading(&made, 0, 1000, 0);
    made_one(&made, 1 * MS, 1, 0, load);
    made_one(&made, 2 * MS, 20, 0, inner);
    made_one(&made, 3 * MS, 300, 0, inner_below);
    made_finish(&made);
    const struct profile *profile = made.profile;
    assert_int_equal(made_line(&made, "load", 3)->self.grown_bytes, 1);
    assert_int_equal(
        made_row(profile->culprits, profile->culprit_count, "load", 3)->self.grown_bytes, 321);
    const struct profile_row *line =
        made_row(profile->source_lines, profile->source_line_count, "load", 3);
    assert_int_equal(line->self.grown_bytes, 21);
    assert_int_equal(line->total.grown_bytes, 321);
    assert_int_equal(line->sample_count, 3);
    expect_consistent(profile);
    made_free(&made);
}

static void test_truncated(void **state)
{
    (void)state;
    struct made made;
    made_start(&made);
    uint32_t a = made_stack(&made, 0, "/srv/job.py", "a", 10);
    struct event_owner owner = {.tid = 1, .faults = 1, .stack_id = a, .truncated = true};
    made_reading(&made, 0, 1000, 0);
    made_one(&made, 1 * MS, 10, 0, a);
    made_sample(&made, 2 * MS, 100, 0, &owner, 1);
    made_finish(&made);
    assert_int_equal(made_line(&made, "<truncated>", 0)->self.grown_bytes, 0);
    assert_int_equal(made_line(&made, "<truncated>", 0)->total.grown_bytes, 100);
    assert_int_equal(made_line(&made, "a", 10)->self.grown_bytes, 110);
    assert_int_equal(made.profile->samples.truncated, 1);
    expect_consistent(made.profile);
    made_free(&made);
}

static void test_finalization(void **state)
{
    (void)state;
    struct made made;
    made_start(&made);
    uint32_t a = made_stack(&made, 0, "/srv/job.py", "a", 10);
    made_reading(&made, 0, 1000, 0);
    made_one(&made, 1 * MS, 500, 0, a);
    made_reading(&made, 2 * MS, 60, 0); /* pending when finalization begins */
    made_phase(&made, 3 * MS, PHASE_FINALIZING);
    made_one(&made, 4 * MS, 9000, 0, a); /* higher than ever, but after the end */
    made_reading(&made, 5 * MS, 0, 10000);
    made_reading(&made, 6 * MS, 0, 560); /* nothing left */
    made_end(&made, 7 * MS);
    made_finish(&made);
    const struct profile *profile = made.profile;
    assert_int_equal(profile->totals.end_rss_bytes, 1560);
    assert_int_equal(profile->totals.end_time_ns, 2 * MS);
    assert_int_equal(profile->totals.peak_rss_bytes, 1560);
    assert_int_equal(profile->totals.grown_bytes, 560);
    assert_int_equal(profile->totals.released_bytes, 0);
    assert_int_equal(profile->totals.unattributed_bytes, 60);
    assert_int_equal(made_line(&made, "a", 10)->self.held_at_end_bytes, 500);
    assert_int_equal(profile->threads[0].grown_bytes, 500);
    assert_int_equal(profile->point_count, 6);
    assert_int_equal(profile->totals.run_ns, 7 * MS);
    expect_consistent(profile);
    made_free(&made);
}

static void test_exec_and_vanishing(void **state)
{
    (void)state;
    struct made made;
    made_start(&made);
    uint32_t a = made_stack(&made, 0, "/srv/job.py", "a", 10);
    made_reading(&made, 0, 1000, 0);
    made_phase(&made, 1 * MS, PHASE_FINALIZING);
    made_phase(&made, 2 * MS, PHASE_EXEC);
    made_one(&made, 3 * MS, 100, 900, a);
    made_one(&made, 4 * MS, 400, 0, a);
    made_reading(&made, 5 * MS, 0, 600); /* gone, without a word */
    made_finish(&made);
    assert_int_equal(made.profile->totals.end_rss_bytes, 600);
    assert_int_equal(made.profile->totals.peak_rss_bytes, 1000);
    assert_int_equal(made_line(&made, "a", 10)->self.held_at_end_bytes, 400);
    expect_consistent(made.profile);
    made_free(&made);
}

static void test_pauses(void **state)
{
    (void)state;
    struct made made;
    made_start(&made);
    made_reading(&made, 0, 1000, 0);
    for (unsigned i = 1; i <= 100; i++) {
        struct event event = {.kind = EVENT_SAMPLE, .time_ns = i * MS};
        event.sample = (struct event_sample){.memory = made_memory(&made, 0, 0),
                                             .pause_ns = 1000 * i * (i == 50 ? 2 : 1),
                                             .pauses = i == 50 ? 2 : 1};
        made_add(&made, event);
    }
    made_sample(&made, 200 * MS, 0, 0, NULL, 0);
    made.profile = NULL;
    made_finish(&made);
    assert_int_equal(made.profile->pause.count, 102);
    assert_int_equal(made.profile->samples.stops, 102);
    assert_int_equal(made.profile->pause.total_ns, 5050000 + 50000 + 30000);
    assert_int_equal(made.profile->pause.p50_ns, 50000);
    assert_int_equal(made.profile->pause.p99_ns, 99000);
    assert_int_equal(made.profile->pause.max_ns, 100000);
    made_free(&made);
}

static void test_no_reading(void **state)
{
    (void)state;
    struct made made;
    struct error error = {""};
    made_start(&made);
    recording_writer_destroy(made.writer);
    assert_int_equal(recording_read(made.path, &made.recording, NULL), 0);
    assert_int_equal(profile_create(made.recording, &made.profile, &error), -ENODATA);
    assert_non_null(strstr(error.text, "no reading"));
    unlink(made.path);
    recording_destroy(made.recording);
}

/* Many readings with random moves, more than the timeline keeps. */
static void make_random(struct made *made, unsigned count)
{
    uint64_t random = 88172645463325252u;
    uint32_t stacks[40];
    char function[16];
    made_start(made);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(function, sizeof(function), "f%u", i % 20);
        stacks[i] = made_stack(made, i < 5 ? 0 : stacks[i / 3], "/srv/job.py", function, (int)i);
    }
    made_reading(made, 0, 10 << 20, 0);
    for (unsigned i = 1; i < count; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        uint64_t grown = random % 3 ? random % 50000 : 0;
        uint64_t released = random % 5 == 0 ? random % made->rss_bytes / 8 : 0;
        uint64_t time_ns = i * UINT64_C(200000) + random % 100000;
        const struct event_owner owners[] = {
            {.tid = 1, .faults = random % 13, .stack_id = stacks[random % 40]},
            {.tid = 2,
             .faults = random % 7,
             .stack_id = stacks[random / 64 % 40],
             .state = random % 11 == 0 ? STACK_NO_PYTHON : STACK_ASLEEP}};
        if (random % 4 == 0)
            made_reading(made, time_ns, grown, released);
        else
            made_sample(made, time_ns, grown, released, owners, (uint32_t)(random % 3));
        if (i == count - count / 20)
            made_phase(made, time_ns, PHASE_FINALIZING);
        if (i % 10000 == 0 && recording_writer_flush(made->writer) != 0)
            abort();
    }
    made_finish(made);
}

static void test_thinning(void **state)
{
    (void)state;
    struct made made;
    make_random(&made, 5000);
    const struct profile *profile = made.profile;
    expect_consistent(profile);
    assert_int_equal(profile->point_count, 5000);
    uint64_t peak = profile->totals.peak_rss_bytes, end = profile->totals.end_rss_bytes;
    uint64_t last_ns = profile->points[4999].time_ns;
    static const size_t sizes[] = {1000, 999, 100, 9, 8, 1};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(profile_thin(made.profile, sizes[i]), 0);
        size_t most = sizes[i] < 8 ? 8 : sizes[i];
        assert_true(profile->point_count <= most);
        assert_true(profile->point_count >= 4);
        assert_int_equal(profile->points[profile->peak_point].rss_bytes, peak);
        assert_int_equal(profile->points[profile->end_point].rss_bytes, end);
        assert_int_equal(profile->points[0].time_ns, 0);
        assert_int_equal(profile->points[profile->point_count - 1].time_ns, last_ns);
        expect_consistent(profile);
    }
    made_free(&made);
}

static void test_long_run(void **state)
{
    (void)state;
    struct made made;
    make_random(&made, 150000);
    assert_true(made.profile->point_count <= 65536);
    assert_true(made.profile->point_count > 30000);
    expect_consistent(made.profile);
    made_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interval_is_shared),
        cmocka_unit_test(test_special_owners),
        cmocka_unit_test(test_later_stacks),
        cmocka_unit_test(test_late_reports),
        cmocka_unit_test(test_last_in_first_out),
        cmocka_unit_test(test_totals_and_recursion),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_one_line_two_functions),
        cmocka_unit_test(test_finalization),
        cmocka_unit_test(test_exec_and_vanishing),
        cmocka_unit_test(test_pauses),
        cmocka_unit_test(test_no_reading),
        cmocka_unit_test(test_thinning),
        cmocka_unit_test(test_long_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
