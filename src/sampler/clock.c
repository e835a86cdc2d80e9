/* The clocks: tick (a timer), poll (memory counters read at a rate that follows the growth), trap
 * and ring (the kernel tells of page faults as they happen). */
#include "sampler/clock.h"

#include <string.h>

#include "base/units.h"

/* Falling asleep and waking costs some 60 us (measured): shorter waits are spent reading. */
#define WAKE_NS          (80 * NS_PER_US)
#define SPIN_MAX_NS      (250 * NS_PER_US) /* then the prediction was wrong: go on by sleeping */
#define SPIN_WAIT_MAX_NS (64 * NS_PER_MS)
#define POLL_LEAST_NS    (100 * NS_PER_US)
/* Longest sleep while memory moves: what comes and goes within it is not seen (a table that grows
 * is filled, then the old one is freed). */
#define POLL_GROWTH_NS (500 * NS_PER_US)
/* Trap and ring clock: so much growth without a fault that was reported came in another way. */
#define UNFAULTED_STEPS   4
#define UNFAULTED_LOOK_NS (5 * NS_PER_MS)
#define GLIMPSED_LOOK_NS  (2 * NS_PER_MS) /* from another processor */
#define BEHIND_LOOK_NS    (500 * NS_PER_US)
#define POLL_SPENT_NS     (1 * NS_PER_MS) /* ...and while our own share of a processor is used up */
#define CALM_SHARE                                                                                 \
    32 /* when flat for t, sleep t / 32: growth is noticed within 3 % of the calm before it */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t until_tick(const struct clock_view *view)
{
    return view->next_tick_ns > view->now_ns ? view->next_tick_ns - view->now_ns : 0;
}

static uint64_t tick_sleep_ns(struct clock *clock, const struct clock_view *view)
{
    (void)clock;
    return until_tick(view);
}

static bool tick_is_due(struct clock *clock, const struct clock_view *view)
{
    if (view->now_ns < view->next_tick_ns || view->next_tick_ns == clock->sampled_tick_ns)
        return false;
    clock->sampled_tick_ns = view->next_tick_ns;
    return view->moved_bytes && pace_allows(clock->pace, view->now_ns);
}

/* Whether to read again at once. On a busy machine the target may need the very processor on which
 * this thread spins, and then never comes to the step: after a spin in vain, sleep for a while
 * instead. */
static bool spin_on(struct clock *clock, uint64_t now_ns)
{
    if (now_ns < clock->spin_again_ns)
        return false;
    if (clock->spin_until_ns == 0)
        clock->spin_until_ns = now_ns + SPIN_MAX_NS;
    if (now_ns < clock->spin_until_ns)
        return true;
    clock->spin_until_ns = 0;
    clock->spin_wait_ns =
        clock->spin_wait_ns ? least(2 * clock->spin_wait_ns, SPIN_WAIT_MAX_NS) : SPIN_MAX_NS;
    clock->spin_again_ns = now_ns + clock->spin_wait_ns;
    return false;
}

/* While memory moves: sleep until shortly before the step is expected to be full, then read without
 * pause, so that the thread is met where it was when it crossed the step. */
static uint64_t moving_sleep_ns(struct clock *clock, const struct clock_view *view)
{
    uint64_t step = pace_step_bytes(clock->pace, view->now_ns, view->moved_bytes);
    if (view->spent)
        return POLL_SPENT_NS;
    if (step <= view->moved_bytes) /* due, but the budget is spent */
        return POLL_GROWTH_NS;
    double rate = clock->pace->rate;
    double left_ns = rate > 0 ? (double)(step - view->moved_bytes) / rate : POLL_LEAST_NS;
    if (left_ns < (double)WAKE_NS)
        return spin_on(clock, view->now_ns) ? 0 : POLL_LEAST_NS;
    clock->spin_until_ns = 0;
    left_ns -= (double)WAKE_NS;
    return left_ns > (double)POLL_GROWTH_NS ? POLL_GROWTH_NS : (uint64_t)left_ns;
}

static uint64_t poll_sleep_ns(struct clock *clock, const struct clock_view *view)
{
    uint64_t calm_ns = view->now_ns - view->last_moved_ns;
    uint64_t sleep_ns = calm_ns / CALM_SHARE;
    if (sleep_ns < POLL_LEAST_NS)
        sleep_ns = moving_sleep_ns(clock, view);
    return least(sleep_ns, until_tick(view));
}

static bool poll_is_due(struct clock *clock, const struct clock_view *view)
{
    if (!view->moved_bytes ||
        view->moved_bytes < pace_step_bytes(clock->pace, view->now_ns, view->moved_bytes) ||
        !pace_allows(clock->pace, view->now_ns))
        return false;
    if (clock->spin_until_ns)
        clock->spin_wait_ns = 0; /* it paid */
    clock->spin_until_ns = 0;
    return true;
}

/* The kernel wakes us at faults. What comes without one is looked for now and then, and often while
 * faults are behind: then they bring in more than they did before. */
static uint64_t fault_sleep_ns(struct clock *clock, const struct clock_view *view)
{
    (void)clock;
    bool behind = (double)view->moved_bytes > 2 * (double)view->expected_bytes;
    uint64_t look_ns = behind             ? BEHIND_LOOK_NS
                       : view->in_the_way ? UNFAULTED_LOOK_NS
                                          : GLIMPSED_LOOK_NS;
    return least(look_ns, until_tick(view));
}

/* Faults inside system calls, of threads that block SIGTRAP, and pages that came without a fault.
 * Less than that is left to the next fault: it is the next of a row that meets every line in
 * proportion. */
static bool fault_is_due(struct clock *clock, const struct clock_view *view)
{
    return view->moved_bytes &&
           (double)view->moved_bytes > UNFAULTED_STEPS * (double)view->expected_bytes &&
           pace_allows(clock->pace, view->now_ns);
}

bool clock_init(struct clock *clock, const char *name, struct pace *pace)
{
    static const struct clock clocks[] = {
        {.name = "poll", .sleep_ns = poll_sleep_ns, .is_due = poll_is_due},
        {.name = "trap", .sleep_ns = fault_sleep_ns, .is_due = fault_is_due, .by_faults = true},
        {.name = "ring", .sleep_ns = fault_sleep_ns, .is_due = fault_is_due, .by_faults = true},
        {.name = "tick", .sleep_ns = tick_sleep_ns, .is_due = tick_is_due, .stops = true},
    };
    for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++)
        if (strcmp(clocks[i].name, name) == 0) {
            *clock = clocks[i];
            clock->pace = pace;
            return true;
        }
    return false;
}
