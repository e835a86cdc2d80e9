/* The stable machine form, schema "memsample-report/1". Sizes in bytes, times in ns, all whole
 * numbers. Fields may be added; none goes or changes its meaning under the same schema name. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/paths.h"
#include "formats.h"
#include "kinds.h"
#include "wording.h"

#define SCHEMA     "memsample-report/1"
#define POINTS_MAX 1000
#define SERIES_MAX 8 /* functions with a series of their own */

enum {
    SERIES_OTHER = SERIES_MAX,
    SERIES_NATIVE,
    SERIES_UNATTRIBUTED,
    SERIES_BASELINE,
    SERIES_COUNT
};

static json_t *integer(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *text_or_null(const char *text)
{
    return text[0] ? json_string(text) : json_null();
}

static json_t *target_json(const struct profile *profile)
{
    const struct event_target *target = &profile->target;
    bool exited = profile->end_reason == END_EXITED;
    bool signaled = profile->end_reason == END_SIGNALED;
    json_t *object =
        json_pack("{s:i, s:s, s:s, s:o, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "pid", target->pid,
                  "program", profile->program, "command", target->command, "python_version",
                  text_or_null(profile->python_version), "directory", target->directory, "kernel",
                  target->kernel, "how", target->attached ? "attach" : "run", "end_reason",
                  wording_end_reason(profile), "exit_status",
                  exited ? json_integer(profile->end_status) : json_null(), "signal",
                  signaled ? json_integer(profile->end_status) : json_null(), "start_unix_ns",
                  integer(target->start_unix_ns));
    if (object && target->inner_pid) /* only where it has a PID namespace of its own */
        json_object_set_new(object, "inner_pid", json_integer(target->inner_pid));
    return object;
}

static json_t *clock_details_json(const struct profile *profile)
{
    const struct event_target *target = &profile->target;
    return json_pack("{s:s, s:o, s:o, s:f}", "reason", target->clock_reason, "tick_ns",
                     integer(target->tick_ns), "step_bytes", integer(target->step_bytes),
                     "budget_percent", target->budget_percent);
}

/* An object of whole numbers. */
struct number {
    const char *name;
    uint64_t value;
};

static json_t *numbers_json(const struct number *numbers, size_t count)
{
    json_t *object = json_object();
    for (size_t i = 0; object && i < count; i++)
        json_object_set_new(object, numbers[i].name, integer(numbers[i].value));
    return object;
}

static json_t *samples_json(const struct profile *profile)
{
    const struct number numbers[] = {
        {"stops", profile->samples.stops},
        {"samples", profile->samples.samples},
        {"glimpses", profile->samples.glimpses},
        {"torn", profile->samples.torn},
        {"truncated", profile->samples.truncated},
        {"unattributed", profile->samples.unattributed},
        {"looks", profile->looks},
    };
    return numbers_json(numbers, ARRAY_SIZE(numbers));
}

static json_t *pause_json(const struct profile *profile)
{
    const struct number numbers[] = {
        {"count", profile->pause.count},   {"total_ns", profile->pause.total_ns},
        {"p50_ns", profile->pause.p50_ns}, {"p99_ns", profile->pause.p99_ns},
        {"max_ns", profile->pause.max_ns},
    };
    return numbers_json(numbers, ARRAY_SIZE(numbers));
}

static json_t *totals_json(const struct profile *profile)
{
    const struct number numbers[] = {
        {"duration_ns", profile->totals.duration_ns},
        {"run_ns", profile->totals.run_ns},
        {"baseline_bytes", profile->totals.baseline_bytes},
        {"peak_rss_bytes", profile->totals.peak_rss_bytes},
        {"peak_time_ns", profile->totals.peak_time_ns},
        {"end_rss_bytes", profile->totals.end_rss_bytes},
        {"end_time_ns", profile->totals.end_time_ns},
        {"grown_bytes", profile->totals.grown_bytes},
        {"released_bytes", profile->totals.released_bytes},
        {"certain_bytes", profile->totals.certain_bytes},
        {"unattributed_bytes", profile->totals.unattributed_bytes},
        {"native_bytes", profile->totals.native_bytes},
        {"peak_swap_bytes", profile->totals.peak_swap_bytes},
        {"peak_reserved_bytes", profile->totals.peak_reserved_bytes},
        {"high_water_bytes", profile->totals.high_water_bytes},
        {"tracer_cpu_ns", profile->tracer_cpu_ns},
        {"tracer_rss_bytes", profile->tracer_rss_bytes},
    };
    return numbers_json(numbers, ARRAY_SIZE(numbers));
}

/* Kinds that grew, by name. */
static json_t *kinds_json(const struct profile_kinds *kinds)
{
    json_t *object = json_object();
    for (unsigned i = 0; object && i < PLACE_KINDS_END; i++)
        if (kinds->grown_bytes[i])
            json_object_set_new(object, kinds_name(i), integer(kinds->grown_bytes[i]));
    if (object && kinds->huge_bytes)
        json_object_set_new(object, "huge_pages", integer(kinds->huge_bytes));
    return object;
}

static json_t *all_kinds_json(const struct profile *profile)
{
    json_t *array = json_array();
    for (unsigned i = 0; array && i < PLACE_KINDS_END; i++)
        if (profile->kinds.grown_bytes[i])
            json_array_append_new(array,
                                  json_pack("{s:s, s:o, s:o}", "kind", kinds_name(i), "grown_bytes",
                                            integer(profile->kinds.grown_bytes[i]), "mappings",
                                            integer(profile->kind_regions[i])));
    return json_pack("{s:o, s:o}", "kinds", array, "huge_pages_bytes",
                     integer(profile->kinds.huge_bytes));
}

static json_t *native_json(const struct profile *profile)
{
    const struct number numbers[] = {
        {"stacks", profile->unwound.stacks},
        {"whole", profile->unwound.whole},
        {"cut", profile->unwound.cut},
        {"no_unwind_information", profile->unwound.no_info},
        {"broken", profile->unwound.broken},
        {"not_read", profile->unwound.not_read},
        {"uncertain", profile->unwound.uncertain},
        {"by_frame_pointer", profile->unwound.by_pointer},
    };
    json_t *object = numbers_json(numbers, ARRAY_SIZE(numbers)), *modules = json_array();
    for (size_t i = 0; i < profile->unwound_module_count; i++) {
        const struct profile_unwound_module *module = &profile->unwound_modules[i];
        json_array_append_new(modules, json_pack("{s:s, s:o, s:o, s:o}", "module", module->path,
                                                 "no_unwind_information", integer(module->no_info),
                                                 "broken", integer(module->broken),
                                                 "by_frame_pointer", integer(module->by_pointer)));
    }
    json_object_set_new(object, "modules", modules);
    return object;
}

static json_t *row_json(const struct profile_row *row, bool has_kinds)
{
    const struct number numbers[] = {
        {"grown_bytes", row->self.grown_bytes},
        {"released_bytes", row->self.released_bytes},
        {"held_at_peak_bytes", row->self.held_at_peak_bytes},
        {"held_at_end_bytes", row->self.held_at_end_bytes},
        {"certain_bytes", row->self.certain_bytes},
        {"freed_bytes", row->self.freed_bytes},
        {"total_grown_bytes", row->total.grown_bytes},
        {"total_released_bytes", row->total.released_bytes},
        {"total_held_at_peak_bytes", row->total.held_at_peak_bytes},
        {"total_held_at_end_bytes", row->total.held_at_end_bytes},
        {"total_certain_bytes", row->total.certain_bytes},
        {"total_freed_bytes", row->total.freed_bytes},
        {"samples", row->sample_count},
    };
    json_t *object = json_pack("{s:o, s:i, s:s, s:b}", "file", text_or_null(row->file), "line",
                               row->line, "function", row->function, "user", row->user);
    for (size_t i = 0; object && i < ARRAY_SIZE(numbers); i++)
        json_object_set_new(object, numbers[i].name, integer(numbers[i].value));
    if (has_kinds)
        json_object_set_new(object, "kinds", kinds_json(&row->kinds));
    if (row->module)
        json_object_set_new(object, "module", json_string(row->module));
    return object;
}

static json_t *rows_json(const struct profile *profile, const struct profile_row *rows,
                         size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++)
        json_array_append_new(array, row_json(&rows[i], profile->has_kinds));
    return array;
}

/* Rows of functions that are tasks of asyncio: everything below them was taken on their behalf. */
static json_t *tasks_json(const struct profile *profile)
{
    json_t *array = json_array();
    for (size_t i = 0; i < profile->function_count; i++) {
        const struct profile_row *row = &profile->functions[i];
        if (path_is_task(row->file))
            json_array_append_new(array, row_json(row, profile->has_kinds));
    }
    return array;
}

static json_t *threads_json(const struct profile *profile)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < profile->thread_count; i++)
        json_array_append_new(array, json_pack("{s:i, s:s, s:o}", "tid", profile->threads[i].tid,
                                               "name", profile->threads[i].name, "grown_bytes",
                                               integer(profile->threads[i].grown_bytes)));
    return array;
}

/* What each function holds at each point. A stack counts for its innermost function. */
struct series {
    const struct profile_row *rows[SERIES_MAX];
    size_t row_count;
    uint64_t held_bytes[SERIES_COUNT];
    json_t *columns[SERIES_COUNT];
};

static bool self_before(const struct profile_row *a, const struct profile_row *b)
{
    if (a->self.held_at_peak_bytes != b->self.held_at_peak_bytes)
        return a->self.held_at_peak_bytes > b->self.held_at_peak_bytes;
    return a->self.grown_bytes > b->self.grown_bytes;
}

static void choose_series(const struct profile *profile, struct series *series)
{
    for (size_t i = 0; i < profile->function_count; i++) {
        const struct profile_row *row = &profile->functions[i];
        if (!row->file[0] || row->module || row->self.grown_bytes == 0)
            continue;
        size_t at = series->row_count;
        if (at < SERIES_MAX)
            series->row_count++;
        else if (!self_before(row, series->rows[--at]))
            continue;
        for (; at > 0 && self_before(row, series->rows[at - 1]); at--)
            series->rows[at] = series->rows[at - 1];
        series->rows[at] = row;
    }
}

static size_t series_of(const struct profile *profile, const struct series *series, uint32_t index)
{
    const struct profile_node *node = &profile->nodes[profile_python_node(profile, index)];
    if (node->kind == NODE_NATIVE)
        return SERIES_NATIVE;
    if (node->kind == NODE_UNATTRIBUTED)
        return SERIES_UNATTRIBUTED;
    if (node->kind == NODE_BASELINE)
        return SERIES_BASELINE;
    const struct profile_row *row =
        &profile->functions[profile->frames[node->frame].function_index];
    for (size_t i = 0; i < series->row_count; i++)
        if (series->rows[i] == row)
            return i;
    return SERIES_OTHER;
}

static void fill_series(const struct profile *profile, struct series *series)
{
    size_t next = 0;
    for (size_t i = 0; i < SERIES_COUNT; i++)
        series->columns[i] = json_array();
    for (size_t point = 0; point < profile->point_count; point++) {
        for (; next < profile->change_count && profile->changes[next].point == point; next++) {
            const struct profile_change *change = &profile->changes[next];
            series->held_bytes[series_of(profile, series, change->node)] +=
                change->grown_bytes - change->released_bytes;
        }
        for (size_t i = 0; i < SERIES_COUNT; i++)
            json_array_append_new(series->columns[i], integer(series->held_bytes[i]));
    }
}

static json_t *held_json(const struct profile *profile)
{
    static const char *const specials[] = {
        [SERIES_OTHER] = "<other>",
        [SERIES_NATIVE] = "<native>",
        [SERIES_UNATTRIBUTED] = "<unattributed>",
        [SERIES_BASELINE] = "<baseline>",
    };
    struct series series = {0};
    json_t *array = json_array();
    choose_series(profile, &series);
    fill_series(profile, &series);
    for (size_t i = 0; i < SERIES_COUNT; i++) {
        const struct profile_row *row = i < series.row_count ? series.rows[i] : NULL;
        if (i < SERIES_MAX && !row) {
            json_decref(series.columns[i]);
            continue;
        }
        json_array_append_new(
            array, json_pack("{s:s, s:o, s:i, s:o}", "function", row ? row->function : specials[i],
                             "file", row ? text_or_null(row->file) : json_null(), "line",
                             row ? row->line : 0, "held_bytes", series.columns[i]));
    }
    return json_pack("{s:o}", "functions", array);
}

/* One column of the timeline: the field at `offset` of each point. */
static json_t *column_json(const struct profile *profile, size_t offset)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < profile->point_count; i++) {
        uint64_t value;
        memcpy(&value, (const char *)&profile->points[i] + offset, sizeof(value));
        json_array_append_new(array, integer(value));
    }
    return array;
}

static json_t *timeline_json(const struct profile *profile)
{
    static const struct {
        const char *name;
        size_t offset;
    } columns[] = {
        {"time_ns", offsetof(struct profile_point, time_ns)},
        {"rss_bytes", offsetof(struct profile_point, rss_bytes)},
        {"anon_bytes", offsetof(struct profile_point, anon_bytes)},
        {"file_bytes", offsetof(struct profile_point, file_bytes)},
        {"shmem_bytes", offsetof(struct profile_point, shmem_bytes)},
        {"swap_bytes", offsetof(struct profile_point, swap_bytes)},
        {"reserved_bytes", offsetof(struct profile_point, reserved_bytes)},
    };
    json_t *object = json_object();
    for (size_t i = 0; object && i < ARRAY_SIZE(columns); i++)
        json_object_set_new(object, columns[i].name, column_json(profile, columns[i].offset));
    json_object_set_new(object, "peak", integer(profile->peak_point));
    json_object_set_new(object, "end", integer(profile->end_point));
    json_object_set_new(object, "held", held_json(profile));
    return object;
}

static json_t *report_json(const struct profile *profile)
{
    json_t *report = json_pack(
        "{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "schema", SCHEMA,
        "memsample_version", MEMSAMPLE_VERSION, "target", target_json(profile), "clock",
        profile->target.clock, "clock_details", clock_details_json(profile), "samples",
        samples_json(profile), "pause", pause_json(profile), "totals", totals_json(profile),
        "recording", json_pack("{s:b, s:s}", "complete", !profile->cut[0], "cut", profile->cut),
        "lines", rows_json(profile, profile->lines, profile->line_count), "functions",
        rows_json(profile, profile->functions, profile->function_count), "culprits",
        rows_json(profile, profile->culprits, profile->culprit_count), "threads",
        threads_json(profile), "timeline", timeline_json(profile));
    json_t *tasks = tasks_json(profile);
    if (report && json_array_size(tasks)) /* only programs with asyncio have it */
        json_object_set(report, "tasks", tasks);
    json_decref(tasks);
    if (report && profile->has_kinds)
        json_object_set_new(report, "memory", all_kinds_json(profile));
    if (report && profile->unwound.stacks)
        json_object_set_new(report, "native", native_json(profile));
    return report;
}

int json_render(struct profile *profile, FILE *out, struct error *error)
{
    int r = profile_thin(profile, POINTS_MAX);
    if (r < 0)
        return error_set(error, r, "out of memory while the report was made");
    _cleanup_(json_decrefp) json_t *report = report_json(profile);
    if (!report)
        return error_set(error, -ENOMEM, "out of memory while the report was made");
    errno = 0;
    if (json_dumpf(report, out, JSON_INDENT(1)) < 0 || fputc('\n', out) < 0)
        return error_set(error, errno ? -errno : -EIO, "cannot write the report: %s",
                         strerror(errno ? errno : EIO));
    return 0;
}
