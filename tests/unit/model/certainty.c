/* Rows of samples on one line. */
#include "books.h"

#include "certainty.h"

#define KB UINT64_C(1024)

struct step { /* a sample of one thread */
    int32_t tid;
    char line; /* 'a' to 'd' (d is on a's line), or a state: '-' no Python, 't' torn, 'l' later */
    bool certain;
};

static struct event_owner owner_of(const struct step *step, const uint32_t stacks[4])
{
    struct event_owner owner = {.tid = step->tid, .faults = 1, .state = STACK_RUNNING};
    if (step->line == '-')
        owner.state = STACK_NO_PYTHON;
    else if (step->line == 't')
        owner.state = STACK_TORN;
    else if (step->line == 'l')
        owner.state = STACK_LATER;
    else
        owner.stack_id = stacks[step->line - 'a'];
    return owner;
}

static void expect(const struct step *steps, size_t count)
{
    struct made made;
    struct certainty certainty;
    uint32_t stacks[4];
    made_start(&made);
    for (int32_t i = 0; i < 3; i++)
        stacks[i] = made_stack(&made, 0, "/srv/job.py", "f", 10 + i);
    uint32_t caller = made_stack(&made, 0, "/srv/job.py", "caller", 99);
    stacks[3] = made_stack(&made, caller, "/srv/job.py", "f", 10);
    made_reading(&made, 0, 1000 * KB, 0);
    for (size_t i = 0; i < count; i++) {
        struct event_owner owner = owner_of(&steps[i], stacks);
        made_sample(&made, (i + 1) * MS, 4 * KB, 0, &owner, 1);
    }
    made_finish(&made);
    assert_int_equal(certainty_init(&certainty, made.recording), 0);
    assert_int_equal(certainty.count, count);
    for (size_t i = 0; i < count; i++)
        if (certainty_next(&certainty) != steps[i].certain)
            fail_msg("sample %zu is %scertain", i, steps[i].certain ? "not " : "");
    assert_false(certainty_next(&certainty)); /* there are no more */
    certainty_deinit(&certainty);
    expect_consistent(made.profile);
    made_free(&made);
}

#define EXPECT(...)                                                                                \
    do {                                                                                           \
        static const struct step steps[] = {__VA_ARGS__};                                          \
        expect(steps, sizeof(steps) / sizeof(steps[0]));                                           \
    } while (0)

static void a_row_is_certain_but_for_its_first(void **state)
{
    (void)state;
    EXPECT({1, 'a', false}, {1, 'a', true}, {1, 'a', true}, {1, 'a', true}, {1, 'a', true},
           {1, 'a', true}, {1, 'a', true}, {1, 'b', false});
}

static void a_short_row_is_not(void **state)
{
    (void)state;
    EXPECT({1, 'a', false}, {1, 'a', false}, {1, 'a', false}, {1, 'a', false}, {1, 'b', false},
           {1, 'a', false}, {1, 'a', false}, {1, 'a', false}, {1, 'a', false});
    EXPECT({1, 'a', false});
}

static void lines_that_take_turns_are_not(void **state)
{
    (void)state;
    static struct step steps[40];
    for (size_t i = 0; i < 40; i++)
        steps[i] = (struct step){1, "abc"[i % 3], false};
    expect(steps, 40);
}

static void callers_make_no_difference(void **state)
{
    (void)state;
    EXPECT({1, 'a', false}, {1, 'd', true}, {1, 'a', true}, {1, 'd', true}, {1, 'a', true});
}

static void threads_have_rows_of_their_own(void **state)
{
    (void)state;
    EXPECT({1, 'a', false}, {2, 'b', false}, {1, 'a', true}, {2, 'b', false}, {1, 'a', true},
           {2, 'b', false}, {1, 'a', true}, {2, 'c', false}, {1, 'a', true}, {2, 'b', false});
}

static void a_stack_that_is_not_known_ends_a_row(void **state)
{
    (void)state;
    EXPECT({1, 'a', false}, {1, 'a', false}, {1, 'a', false}, {1, 't', false}, {1, 'a', false},
           {1, 'a', false}, {1, 'a', false});
    EXPECT({1, '-', false}, {1, '-', false}, {1, '-', false}, {1, '-', false}, {1, '-', false},
           {1, '-', false});
}

static void a_stack_that_comes_later_does_not(void **state)
{
    (void)state;
    EXPECT({1, 'a', false}, {1, 'a', true}, {1, 'l', false}, {1, 'a', true}, {1, 'l', false},
           {1, 'a', true}, {1, 'a', true});
}

static void nothing_to_look_at(void **state)
{
    (void)state;
    expect(NULL, 0);
}

/* What the books say of it: of a row all but the first, of the act of a fault its page. */
static void bytes(void **state)
{
    (void)state;
    struct made made;
    made_start(&made);
    uint32_t a = made_stack(&made, 0, "/srv/job.py", "a", 10);
    uint32_t b = made_stack(&made, 0, "/srv/job.py", "b", 20);
    uint32_t c = made_stack(&made, 0, "/srv/job.py", "c", 30);
    made_reading(&made, 0, 1000 * KB, 0);
    made_one(&made, 1 * MS, 40 * KB, 0, a);
    for (uint64_t i = 2; i <= 6; i++)
        made_one(&made, i * MS, i * 4 * KB, 0, a);
    made_met(&made, 7 * MS, 100 * KB, 0, b, 5000);
    made_met(&made, 8 * MS, 3 * KB, 0, b, 5100); /* less than the page */
    made_one(&made, 9 * MS, 100 * KB, 0, c);
    made_finish(&made);
    assert_int_equal(made_line(&made, "a", 10)->self.certain_bytes, (2 + 3 + 4 + 5 + 6) * 4 * KB);
    assert_int_equal(made_line(&made, "b", 20)->self.certain_bytes, 4 * KB + 3 * KB);
    assert_int_equal(made_line(&made, "c", 30)->self.certain_bytes, 0);
    expect_consistent(made.profile);
    made_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_certain_but_for_its_first),
        cmocka_unit_test(a_short_row_is_not),
        cmocka_unit_test(lines_that_take_turns_are_not),
        cmocka_unit_test(callers_make_no_difference),
        cmocka_unit_test(threads_have_rows_of_their_own),
        cmocka_unit_test(a_stack_that_is_not_known_ends_a_row),
        cmocka_unit_test(a_stack_that_comes_later_does_not),
        cmocka_unit_test(nothing_to_look_at),
        cmocka_unit_test(bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
