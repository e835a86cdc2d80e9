#include "../test.h"
#include "base/units.h"
#include "sampler/clock.h"
#include "sampler/pace.h"

#define BUDGET ((struct pace_budget){2, 2, 2.5})

/* A target that grows at a fixed rate for `seconds`, looked at every 10 us; a stop takes `pause_ns`.
 * Returns the share of time that was spent in stops. */
static double simulate(struct pace *pace, double bytes_per_s, double seconds, uint64_t pause_ns,
                       uint64_t *ret_stops, uint64_t *ret_step_max)
{
    uint64_t now_ns = pace->credited_ns, start_ns = now_ns, paused_ns = 0;
    double moved = 0;
    *ret_stops = *ret_step_max = 0;
    while ((double)(now_ns - start_ns) < seconds * 1e9) {
        now_ns += 10 * NS_PER_US;
        moved += bytes_per_s * 1e-5;
        if (moved < (double)pace_step_bytes(pace, now_ns, (uint64_t)moved) || !pace_allows(pace, now_ns))
            continue;
        if ((uint64_t)moved > *ret_step_max)
            *ret_step_max = (uint64_t)moved;
        now_ns += pause_ns;
        paused_ns += pause_ns;
        pace_spend(pace, now_ns, pause_ns, (uint64_t)moved);
        moved = 0;
        ++*ret_stops;
    }
    return (double)paused_ns / (double)(now_ns - start_ns);
}

static void the_budget_holds_at_any_growth_rate(void **state)
{
    (void)state;
    static const double rates[] = {1e5, 1e7, 1e8, 1e9, 2e10};
    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct pace pace;
        uint64_t stops, step_max;
        pace_init(&pace, BUDGET, 64 * KIB, 1000);
        /* 30 ms of credit at the start are 0.3 % of 10 s */
        double share = simulate(&pace, rates[i], 10, 40 * NS_PER_US, &stops, &step_max);
        assert_true(share <= 0.0235);
        assert_true(stops > 5);
    }
}

static void a_slow_leak_is_met_at_the_least_step(void **state)
{
    (void)state;
    struct pace pace;
    uint64_t stops, step_max;
    pace_init(&pace, BUDGET, 64 * KIB, 1000);
    simulate(&pace, 1e6, 10, 40 * NS_PER_US, &stops, &step_max);
    assert_true(step_max <= 3 * 64 * KIB / 2 + 4096);
    assert_true(stops >= 100 && stops <= 320); /* 10 MB in steps of 32 to 96 KiB */
}

static void growth_that_slows_down_is_not_forgotten(void **state)
{
    (void)state;
    struct pace pace;
    uint64_t stops, step_max;
    pace_init(&pace, BUDGET, 64 * KIB, 1000);
    simulate(&pace, 2e10, 5, 40 * NS_PER_US, &stops, &step_max);
    simulate(&pace, 1e6, 2, 40 * NS_PER_US, &stops, &step_max);
    assert_true(stops >= 10);
}

static void stops_never_take_more_than_a_fifth_of_a_burst(void **state)
{
    (void)state;
    struct pace pace;
    uint64_t stops, step_max;
    pace_init(&pace, BUDGET, 64 * KIB, 1000);
    double share = simulate(&pace, 2e9, 0.02, 40 * NS_PER_US, &stops, &step_max);
    assert_true(share <= 0.30); /* steps vary by half around a fifth */
    assert_true(stops > 25); /* each costs 80 us: at most a quarter of 20 ms were 62 */
}

static void one_long_pause_does_not_blind_for_seconds(void **state)
{
    (void)state;
    struct pace pace;
    uint64_t stops, step_max;
    pace_init(&pace, BUDGET, 64 * KIB, 1000);
    simulate(&pace, 1e8, 1, 40 * NS_PER_US, &stops, &step_max);
    uint64_t now_ns = pace.credited_ns + 100 * NS_PER_MS; /* the machine was suspended in a stop */
    pace_spend(&pace, now_ns, 100 * NS_PER_MS, 64 * KIB);
    assert_true(pace_allows(&pace, now_ns + 50 * NS_PER_MS));
}

static void the_poll_clock_sleeps_long_when_nothing_moves(void **state)
{
    (void)state;
    struct pace pace;
    struct clock clock;
    pace_init(&pace, BUDGET, 64 * KIB, 0);
    assert_true(clock_init(&clock, "poll", &pace));
    struct clock_view view = {.now_ns = 5 * NS_PER_S, .next_tick_ns = 5 * NS_PER_S + 10 * NS_PER_MS};
    assert_int_equal(clock.sleep_ns(&clock, &view), 10 * NS_PER_MS);
    assert_false(clock.is_due(&clock, &view));
    view.last_moved_ns = view.now_ns - 32 * NS_PER_MS;
    assert_int_equal(clock.sleep_ns(&clock, &view), 1 * NS_PER_MS);
    view.moved_bytes = 200 * KIB;
    assert_true(clock.is_due(&clock, &view));
}

static void the_tick_clock_is_due_once_a_tick_and_only_if_something_moved(void **state)
{
    (void)state;
    struct pace pace;
    struct clock clock;
    pace_init(&pace, BUDGET, 64 * KIB, 0);
    assert_true(clock_init(&clock, "tick", &pace));
    struct clock_view view = {.now_ns = 9 * NS_PER_MS, .next_tick_ns = 10 * NS_PER_MS,
                              .moved_bytes = 1 * GIB};
    assert_false(clock.is_due(&clock, &view));
    assert_int_equal(clock.sleep_ns(&clock, &view), 1 * NS_PER_MS);
    view.now_ns = 10 * NS_PER_MS;
    assert_true(clock.is_due(&clock, &view));
    assert_false(clock.is_due(&clock, &view));
    view.next_tick_ns = view.now_ns = 20 * NS_PER_MS;
    view.moved_bytes = 0;
    assert_false(clock.is_due(&clock, &view));
    assert_false(clock_init(&clock, "sundial", &pace));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_budget_holds_at_any_growth_rate),
        cmocka_unit_test(a_slow_leak_is_met_at_the_least_step),
        cmocka_unit_test(growth_that_slows_down_is_not_forgotten),
        cmocka_unit_test(stops_never_take_more_than_a_fifth_of_a_burst),
        cmocka_unit_test(one_long_pause_does_not_blind_for_seconds),
        cmocka_unit_test(the_poll_clock_sleeps_long_when_nothing_moves),
        cmocka_unit_test(the_tick_clock_is_due_once_a_tick_and_only_if_something_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
