/* Points of the timeline. Knows readings, splits and phases; must not know stacks. */
#include "timeline.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

struct extreme {
    size_t low, high; /* indices + 1; 0: nothing seen */
    uint64_t low_bytes, high_bytes;
};

struct timeline_chooser {
    uint64_t first_ns, span_ns;
    size_t count;
    struct extreme stretches[];
};

int timeline_chooser_create(uint64_t first_ns, uint64_t last_ns, size_t points_max,
                            struct timeline_chooser **ret_chooser)
{
    size_t count = points_max > 8 ? (points_max - 4) / 2 : 2;
    struct timeline_chooser *chooser =
        calloc(1, sizeof(*chooser) + count * sizeof(chooser->stretches[0]));
    if (!chooser)
        return -ENOMEM;
    chooser->first_ns = first_ns;
    chooser->span_ns = last_ns - first_ns + 1;
    chooser->count = count;
    *ret_chooser = chooser;
    return 0;
}

void timeline_chooser_destroy(struct timeline_chooser *chooser)
{
    free(chooser);
}

void timeline_chooser_see(struct timeline_chooser *chooser, size_t index, uint64_t time_ns,
                          uint64_t rss_bytes)
{
    unsigned __int128 scaled = (unsigned __int128)(time_ns - chooser->first_ns) * chooser->count;
    struct extreme *stretch = &chooser->stretches[(size_t)(scaled / chooser->span_ns)];
    if (!stretch->low || rss_bytes < stretch->low_bytes) {
        stretch->low = index + 1;
        stretch->low_bytes = rss_bytes;
    }
    if (!stretch->high || rss_bytes > stretch->high_bytes) {
        stretch->high = index + 1;
        stretch->high_bytes = rss_bytes;
    }
}

static int compare_sizes(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

size_t timeline_chooser_finish(const struct timeline_chooser *chooser, const size_t must[4],
                               size_t *ret_kept)
{
    size_t count = 0, distinct = 0;
    for (size_t i = 0; i < chooser->count; i++)
        if (chooser->stretches[i].low) {
            ret_kept[count++] = chooser->stretches[i].low - 1;
            ret_kept[count++] = chooser->stretches[i].high - 1;
        }
    for (size_t i = 0; i < 4; i++)
        ret_kept[count++] = must[i];
    qsort(ret_kept, count, sizeof(*ret_kept), compare_sizes);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || ret_kept[i] != ret_kept[distinct - 1])
            ret_kept[distinct++] = ret_kept[i];
    return distinct;
}

const struct event_memory *timeline_memory(const struct event *event)
{
    return event->kind == EVENT_READING                                ? &event->reading
           : event->kind == EVENT_SAMPLE || event->kind == EVENT_FREED ? &event->sample.memory
                                                                       : NULL;
}

void timeline_deinit(struct timeline *timeline)
{
    free(timeline->kept);
    *timeline = (struct timeline){0};
}

/* What the first look at all readings finds out. */
struct survey {
    struct timeline timeline;
    struct event_split first_split;
    bool has_split, finalizing;
    size_t last_good, peak; /* so far */
    uint64_t peak_bytes;
};

static void survey_reading(struct survey *survey, uint64_t time_ns, uint64_t rss_bytes)
{
    struct timeline *timeline = &survey->timeline;
    size_t index = timeline->reading_count++;
    if (index == 0)
        timeline->first_ns = time_ns;
    timeline->last_ns = time_ns;
    if (rss_bytes > survey->peak_bytes) {
        survey->peak_bytes = rss_bytes;
        survey->peak = index;
    }
    if (rss_bytes > 0) /* a process without memory has gone already */
        survey->last_good = index;
}

static void survey_end(struct survey *survey)
{
    survey->timeline.end_reading = survey->last_good;
    survey->timeline.peak_reading = survey->peak;
}

static void survey_recording(const struct recording *recording, struct survey *survey)
{
    struct recording_cursor cursor;
    struct event event;
    for (recording_rewind(recording, &cursor); recording_next(&cursor, &event);) {
        const struct event_memory *memory = timeline_memory(&event);
        if (memory) {
            survey_reading(survey, event.time_ns, memory->rss_bytes);
        } else if (event.kind == EVENT_SPLIT && !survey->has_split) {
            survey->has_split = true;
            survey->first_split = event.split;
        } else if (event.kind == EVENT_PHASE && event.phase == PHASE_FINALIZING &&
                   !survey->finalizing) {
            survey->finalizing = true;
            survey_end(survey);
        } else if (event.kind == EVENT_PHASE && event.phase == PHASE_EXEC) {
            survey->finalizing = false; /* a new program: its end is still to come */
        }
    }
    if (!survey->finalizing)
        survey_end(survey);
}

static int choose_all(struct timeline *timeline)
{
    timeline->kept = malloc(timeline->reading_count * sizeof(*timeline->kept));
    if (!timeline->kept)
        return -ENOMEM;
    for (size_t i = 0; i < timeline->reading_count; i++)
        timeline->kept[i] = i;
    timeline->count = timeline->reading_count;
    return 0;
}

static int choose_some(const struct recording *recording, struct timeline *timeline)
{
    struct timeline_chooser *chooser;
    struct recording_cursor cursor;
    struct event event;
    size_t index = 0;
    int r = timeline_chooser_create(timeline->first_ns, timeline->last_ns, TIMELINE_POINTS_MAX,
                                    &chooser);
    if (r < 0)
        return r;
    timeline->kept = malloc(TIMELINE_POINTS_MAX * sizeof(*timeline->kept));
    if (!timeline->kept) {
        timeline_chooser_destroy(chooser);
        return -ENOMEM;
    }
    for (recording_rewind(recording, &cursor); recording_next(&cursor, &event);) {
        const struct event_memory *memory = timeline_memory(&event);
        if (memory)
            timeline_chooser_see(chooser, index++, event.time_ns, memory->rss_bytes);
    }
    const size_t must[4] = {0, timeline->peak_reading, timeline->end_reading, index - 1};
    timeline->count = timeline_chooser_finish(chooser, must, timeline->kept);
    timeline_chooser_destroy(chooser);
    return 0;
}

static uint64_t less(uint64_t from, uint64_t bytes)
{
    return from > bytes ? from - bytes : 0;
}

/* File and shmem pages are told apart only at a low rate: in between the last word holds. */
static struct profile_point point_of(uint64_t time_ns, const struct event_memory *memory,
                                     const struct event_split *split)
{
    uint64_t rss = memory->rss_bytes;
    uint64_t shared = memory->shared_bytes < rss ? memory->shared_bytes : rss;
    uint64_t shmem = split->shmem_bytes < shared ? split->shmem_bytes : shared;
    return (struct profile_point){
        .time_ns = time_ns,
        .rss_bytes = rss,
        .anon_bytes = rss - shared,
        .file_bytes = shared - shmem,
        .shmem_bytes = shmem,
        .swap_bytes = split->swap_bytes,
        .reserved_bytes = less(memory->writable_bytes, rss - shared + split->swap_bytes),
    };
}

static void raise_to(uint64_t *value, uint64_t to)
{
    if (to > *value)
        *value = to;
}

static void fill_points(const struct recording *recording, struct survey *survey,
                        struct profile *profile)
{
    const struct timeline *timeline = &survey->timeline;
    struct event_split split = survey->first_split;
    struct recording_cursor cursor;
    struct event event;
    size_t index = 0, point = 0;
    for (recording_rewind(recording, &cursor); recording_next(&cursor, &event);) {
        const struct event_memory *memory = timeline_memory(&event);
        if (event.kind == EVENT_SPLIT) {
            split = event.split;
            raise_to(&profile->totals.high_water_bytes, split.high_water_bytes);
        }
        if (!memory)
            continue;
        struct profile_point here = point_of(event.time_ns, memory, &split);
        if (index <= timeline->end_reading) {
            raise_to(&profile->totals.peak_swap_bytes, here.swap_bytes);
            raise_to(&profile->totals.peak_reserved_bytes, here.reserved_bytes);
        }
        if (point < timeline->count && index == timeline->kept[point]) {
            if (index == timeline->peak_reading)
                profile->peak_point = point;
            if (index == timeline->end_reading)
                profile->end_point = point;
            profile->points[point++] = here;
        }
        index++;
    }
    profile->point_count = point;
}

static void fill_totals(struct profile *profile)
{
    const struct profile_point *first = &profile->points[0];
    const struct profile_point *peak = &profile->points[profile->peak_point];
    const struct profile_point *end = &profile->points[profile->end_point];
    profile->totals.baseline_bytes = first->rss_bytes;
    profile->totals.peak_rss_bytes = peak->rss_bytes;
    profile->totals.peak_time_ns = peak->time_ns;
    profile->totals.end_rss_bytes = end->rss_bytes;
    profile->totals.end_time_ns = end->time_ns;
    profile->totals.duration_ns = end->time_ns - first->time_ns;
}

int timeline_build(const struct recording *recording, struct profile *profile,
                   struct timeline *ret_timeline)
{
    struct survey survey = {0};
    survey_recording(recording, &survey);
    if (survey.timeline.reading_count == 0)
        return -ENODATA;
    int r = survey.timeline.reading_count <= TIMELINE_POINTS_MAX
                ? choose_all(&survey.timeline)
                : choose_some(recording, &survey.timeline);
    if (r >= 0) {
        profile->points = calloc(survey.timeline.count, sizeof(*profile->points));
        r = profile->points ? 0 : -ENOMEM;
    }
    if (r < 0) {
        timeline_deinit(&survey.timeline);
        return r;
    }
    fill_points(recording, &survey, profile);
    fill_totals(profile);
    *ret_timeline = survey.timeline;
    return 0;
}
