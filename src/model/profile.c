/* The door to the model: puts its parts together. */
#include "model/profile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "calltree.h"
#include "changes.h"
#include "frames.h"
#include "growth.h"
#include "rows.h"
#include "timeline.h"
#include "unwound.h"

static void fill_python_version(struct profile *profile)
{
    /* PY_VERSION_HEX, as in CPython's patchlevel.h: major, minor, micro, level and serial. */
    static const char *const levels[16] = {[0xa] = "a", [0xb] = "b", [0xc] = "rc"};
    uint32_t version = profile->python.version;
    const char *level = levels[version >> 4 & 0xf];
    int n = snprintf(profile->python_version, sizeof(profile->python_version), "%u.%u.%u",
                     version >> 24, version >> 16 & 0xff, version >> 8 & 0xff);
    if (level)
        snprintf(profile->python_version + n, sizeof(profile->python_version) - (size_t)n, "%s%u",
                 level, version & 0xf);
}

static void fill_facts(const struct recording *recording, struct profile *profile)
{
    struct recording_cursor cursor;
    struct event event;
    for (recording_rewind(recording, &cursor); recording_next(&cursor, &event);) {
        if (event.kind == EVENT_TARGET) {
            profile->target = event.target;
        } else if (event.kind == EVENT_PYTHON) {
            profile->has_python = true;
            profile->python = event.python;
        } else if (event.kind == EVENT_END) {
            profile->end_reason = event.end.reason;
            profile->end_status = event.end.status;
            profile->tracer_cpu_ns = event.end.tracer_cpu_ns;
            profile->tracer_rss_bytes = event.end.tracer_rss_bytes;
        } else if (event.kind == EVENT_PAGES) {
            profile->looks += event.pages.last;
        }
    }
    if (profile->has_python)
        fill_python_version(profile);
    const char *slash = strrchr(profile->target.program, '/');
    const char *name = slash && slash[1] ? slash + 1 : profile->target.program;
    size_t length = strlen(name);
    if (length >= sizeof(profile->program))
        for (length = sizeof(profile->program) - 1; ((uint8_t)name[length] & 0xc0) == 0x80;)
            length--; /* not in the middle of a letter */
    memcpy(profile->program, name, length);
    memcpy(profile->cut, recording->cut, sizeof(profile->cut));
    profile->totals.run_ns = recording->last_time_ns;
}

static void fill_growth_totals(struct profile *profile)
{
    const struct profile_node *nodes = profile->nodes;
    profile->totals.grown_bytes = nodes[CALLTREE_ROOT].total.grown_bytes;
    profile->totals.released_bytes = nodes[CALLTREE_ROOT].total.released_bytes;
    profile->totals.certain_bytes = nodes[CALLTREE_ROOT].total.certain_bytes;
    profile->totals.unattributed_bytes = nodes[CALLTREE_UNATTRIBUTED].self.grown_bytes;
    profile->totals.native_bytes = nodes[CALLTREE_NATIVE].total.grown_bytes;
}

uint32_t profile_python_node(const struct profile *profile, uint32_t node)
{
    while (profile->nodes[node].kind == NODE_FRAME &&
           profile->frames[profile->nodes[node].frame].module)
        node = profile->nodes[node].parent;
    return node;
}

static int build(const struct recording *recording, const struct profile_options *options,
                 struct profile *profile)
{
    struct timeline timeline = {0};
    struct frames frames = {0};
    struct calltree tree = {0};
    fill_facts(recording, profile);
    int r = unwound_count(recording, profile);
    if (r >= 0)
        r = timeline_build(recording, profile, &timeline);
    if (r >= 0)
        r = frames_build(recording, profile, &frames);
    if (r >= 0)
        r = calltree_init(&tree, recording);
    tree.frames = &frames;
    tree.profile_frames = profile->frames;
    tree.internals = options->internals;
    if (r >= 0)
        r = growth_attribute(recording, &timeline, &tree, profile);
    profile->nodes = take_pointer(tree.nodes);
    profile->node_count = tree.count;
    if (r >= 0)
        r = rows_build(profile, tree.seen);
    if (r >= 0)
        fill_growth_totals(profile);
    timeline_deinit(&timeline);
    calltree_deinit(&tree);
    frames_deinit(&frames);
    return r;
}

int profile_create(const struct recording *recording, struct profile **ret_profile,
                   struct error *error)
{
    return profile_create_with(recording, &(struct profile_options){0}, ret_profile, error);
}

int profile_create_with(const struct recording *recording, const struct profile_options *options,
                        struct profile **ret_profile, struct error *error)
{
    struct profile *profile = calloc(1, sizeof(*profile));
    int r = profile ? build(recording, options, profile) : -ENOMEM;
    if (r < 0) {
        profile_destroy(profile);
        return r == -ENODATA
                   ? error_set(error, r, "the recording holds no reading of the target's memory")
                   : error_set(error, r, "out of memory while the recording was evaluated");
    }
    *ret_profile = profile;
    return 0;
}

void profile_destroy(struct profile *profile)
{
    if (!profile)
        return;
    free(profile->frames);
    free(profile->functions);
    free(profile->lines);
    free(profile->culprits);
    free(profile->source_lines);
    free(profile->nodes);
    free(profile->points);
    free(profile->changes);
    free(profile->threads);
    free(profile->node_kinds);
    free(profile->unwound_modules);
    free(profile);
}

/* Gathers the changes of each point at the kept point that follows it. */
static int thin_changes(struct profile *profile, const size_t *kept, struct changes *thinned)
{
    size_t to = 0;
    for (size_t i = 0; i < profile->change_count; i++) {
        const struct profile_change *change = &profile->changes[i];
        while (kept[to] < change->point)
            to++;
        struct profile_change moved = *change;
        moved.point = (uint32_t)to;
        int r = changes_add(thinned, &moved);
        if (r < 0)
            return r;
    }
    changes_finish(thinned);
    return 0;
}

static void thin_points(struct profile *profile, const size_t *kept, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (kept[i] == profile->peak_point)
            profile->peak_point = i;
        if (kept[i] == profile->end_point)
            profile->end_point = i;
        profile->points[i] = profile->points[kept[i]];
    }
    profile->point_count = count;
}

int profile_thin(struct profile *profile, size_t points_max)
{
    if (points_max < 8)
        points_max = 8;
    if (profile->point_count <= points_max)
        return 0;
    size_t last = profile->point_count - 1;
    const size_t must[4] = {0, profile->peak_point, profile->end_point, last};
    struct changes thinned = {0};
    struct timeline_chooser *chooser;
    _cleanup_(freep) size_t *kept = calloc(points_max, sizeof(*kept));
    int r = kept ? timeline_chooser_create(profile->points[0].time_ns,
                                           profile->points[last].time_ns, points_max, &chooser)
                 : -ENOMEM;
    if (r < 0)
        return r;
    for (size_t i = 0; i <= last; i++)
        timeline_chooser_see(chooser, i, profile->points[i].time_ns, profile->points[i].rss_bytes);
    size_t count = timeline_chooser_finish(chooser, must, kept);
    timeline_chooser_destroy(chooser);

    r = thin_changes(profile, kept, &thinned);
    changes_deinit(&thinned);
    if (r < 0) {
        free(thinned.list);
        return r;
    }
    free(profile->changes);
    profile->changes = thinned.list;
    profile->change_count = thinned.count;
    thin_points(profile, kept, count);
    return 0;
}
