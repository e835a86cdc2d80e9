/* Pauses: their number, sum and percentiles. */
#include "pauses.h"

#include <stdlib.h>

#include "base/array.h"

void pauses_deinit(struct pauses *pauses)
{
    free(pauses->list);
    *pauses = (struct pauses){0};
}

int pauses_count(struct pauses *pauses, struct profile *profile, const struct event_sample *sample)
{
    if (sample->pause_ns == 0)
        return 0;
    uint32_t stops = sample->pauses ? sample->pauses : 1;
    int r = array_reserve(&pauses->list, &pauses->cap, pauses->count + 1, sizeof(*pauses->list));
    if (r < 0)
        return r;
    pauses->list[pauses->count++] = sample->pause_ns / stops;
    profile->pause.count += stops;
    profile->pause.total_ns += sample->pause_ns;
    return 0;
}

static int compare_ns(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* The smallest value that at least this share of all values does not exceed. */
static uint64_t percentile(const struct pauses *pauses, unsigned percent)
{
    return pauses->list[(pauses->count * percent + 99) / 100 - 1];
}

void pauses_finish(struct pauses *pauses, struct profile *profile)
{
    if (pauses->count == 0)
        return;
    qsort(pauses->list, pauses->count, sizeof(*pauses->list), compare_ns);
    profile->pause.p50_ns = percentile(pauses, 50);
    profile->pause.p99_ns = percentile(pauses, 99);
    profile->pause.max_ns = pauses->list[pauses->count - 1];
    profile->samples.stops = profile->pause.count;
}
