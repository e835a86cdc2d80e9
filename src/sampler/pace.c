/* The budget of stops. Pure arithmetic: knows no process and no clock of its own. */
#include "sampler/pace.h"

#include "base/units.h"

#define CREDIT_AT_START  0.6  /* of the most, so that short jobs are seen well too */
#define PAUSE_GUESS_NS   80e3 /* cost of a stop before the first was measured */
#define GAP_LEAST_PAUSES 4.0  /* even in a burst stops cost no more than a fourth of the time */
/* A pause beyond so many usual ones is a machine that stood still, not sampling: it must not blind
 * memsample for seconds. It is recorded and reported in full. */
#define OUTLIER_PAUSES 8.0
#define MEAN_WEIGHT    0.2 /* of a new value in a running mean */

double pace_chance(struct pace *pace)
{
    /* xorshift64 (Marsaglia 2003): quality does not matter here, only that no program keeps step
     * with it */
    pace->random ^= pace->random << 13;
    pace->random ^= pace->random >> 7;
    pace->random ^= pace->random << 17;
    return (double)(pace->random >> 11) * 0x1p-53;
}

static double next_spread(struct pace *pace)
{
    return 0.5 + pace_chance(pace);
}

void pace_init(struct pace *pace, struct pace_budget budget, uint64_t least_bytes, uint64_t now_ns)
{
    double share = budget.percent / 100;
    double credit_max_ns = share * budget.credit_seconds * (double)NS_PER_S;
    *pace = (struct pace){
        .budget = share,
        .cost = budget.cost,
        .least_bytes = least_bytes,
        .credit_ns = credit_max_ns * CREDIT_AT_START,
        .credit_max_ns = credit_max_ns,
        .credited_ns = now_ns,
        .stopped_ns = now_ns,
        .pause_ns = PAUSE_GUESS_NS,
        .random = now_ns | 1,
    };
    pace->spread = next_spread(pace);
}

static void credit(struct pace *pace, uint64_t now_ns)
{
    if (now_ns <= pace->credited_ns)
        return;
    pace->credit_ns += pace->budget * (double)(now_ns - pace->credited_ns);
    if (pace->credit_ns > pace->credit_max_ns)
        pace->credit_ns = pace->credit_max_ns;
    pace->credited_ns = now_ns;
}

/* Time from one stop to the next: with full credit a few pauses, without credit what the budget
 * sustains. */
static double wanted_gap_ns(const struct pace *pace)
{
    double saved = pace->credit_ns > 0 ? pace->credit_ns / pace->credit_max_ns : 0;
    double most = 1 / pace->budget;
    if (most < GAP_LEAST_PAUSES)
        most = GAP_LEAST_PAUSES;
    double missing = (1 - saved) * (1 - saved) * (1 - saved);
    return pace->pause_ns * (GAP_LEAST_PAUSES + (most - GAP_LEAST_PAUSES) * missing);
}

uint64_t pace_step_bytes(struct pace *pace, uint64_t now_ns, uint64_t moved_bytes)
{
    credit(pace, now_ns);
    double rate = pace->rate;
    /* Growth that has slowed down since the last stop must not wait for a step meant for a burst.
     */
    if (now_ns > pace->stopped_ns) {
        double recent = 2 * (double)moved_bytes / (double)(now_ns - pace->stopped_ns);
        if (recent < rate)
            rate = recent;
    }
    double step = rate * wanted_gap_ns(pace);
    if (step < (double)pace->least_bytes)
        step = (double)pace->least_bytes;
    return (uint64_t)(step * pace->spread);
}

double pace_next_step_bytes(const struct pace *pace)
{
    return pace_mean_step_bytes(pace) * pace->spread;
}

double pace_mean_step_bytes(const struct pace *pace)
{
    double step = pace->rate * wanted_gap_ns(pace);
    return step > (double)pace->least_bytes ? step : (double)pace->least_bytes;
}

bool pace_allows(struct pace *pace, uint64_t now_ns)
{
    credit(pace, now_ns);
    return pace->credit_ns > 0;
}

void pace_spend(struct pace *pace, uint64_t now_ns, uint64_t pause_ns, uint64_t moved_bytes)
{
    credit(pace, now_ns);
    double spent_ns = pace->cost * (double)pause_ns;
    if (spent_ns > OUTLIER_PAUSES * pace->pause_ns)
        spent_ns = OUTLIER_PAUSES * pace->pause_ns;
    pace->credit_ns -= spent_ns;
    if (pause_ns)
        pace->pause_ns += MEAN_WEIGHT * (spent_ns - pace->pause_ns);
    if (now_ns > pace->stopped_ns) {
        double rate = (double)moved_bytes / (double)(now_ns - pace->stopped_ns);
        pace->rate += MEAN_WEIGHT * (rate - pace->rate);
    }
    pace->stopped_ns = now_ns;
    pace->spread = next_spread(pace);
}
