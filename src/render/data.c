/* The page's data block, schema "memsample-page/1" (web/data.md). Written by hand, column by
 * column, straight into the packer: a document tree of it would take more memory than all the rest
 * of memsample. */
#include "data.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "emit.h"
#include "excerpts.h"
#include "kinds.h"
#include "wording.h"

#define THREADS_MAX      200
#define CHANGE_BYTES_MIN 4 /* packed, less than a change has ever taken: saves trying */

struct data {
    const struct profile *profile;
    const struct fold *fold;
    struct emit emit;
    uint32_t *frame_place; /* by frame of the profile: place + 1 in the block */
    uint32_t *frames;      /* by place */
    size_t frame_count;
};

static void data_deinit(struct data *data)
{
    emit_deinit(&data->emit);
    free(data->frame_place);
    free(data->frames);
}

static void put_target(struct data *data)
{
    struct emit *emit = &data->emit;
    const struct profile *profile = data->profile;
    const struct event_target *target = &profile->target;
    char start[24];
    snprintf(start, sizeof(start), "%" PRIu64, target->start_unix_ns);
    emit_name(emit, "target");
    emit_raw(emit, "{");
    emit_named_integer(emit, "pid", (uint64_t)target->pid);
    if (target->inner_pid)
        emit_named_integer(emit, "inner_pid", (uint64_t)target->inner_pid);
    emit_named_string(emit, "program", profile->program);
    emit_named_string(emit, "command", target->command);
    emit_named_string(emit, "python_version", profile->python_version);
    emit_named_string(emit, "directory", target->directory);
    emit_named_string(emit, "kernel", target->kernel);
    emit_named_string(emit, "how", target->attached ? "attach" : "run");
    emit_named_string(emit, "end_reason", wording_end_reason(profile));
    emit_name(emit, "exit_status");
    if (profile->end_reason == END_EXITED)
        emit_integer(emit, profile->end_status);
    else
        emit_raw(emit, "null");
    emit_name(emit, "signal");
    if (profile->end_reason == END_SIGNALED)
        emit_integer(emit, profile->end_status);
    else
        emit_raw(emit, "null");
    emit_named_string(emit, "start_unix_ns", start);
    emit_named_string(emit, "cut", profile->cut);
    emit_raw(emit, "}");
}

static void put_clock(struct data *data)
{
    struct emit *emit = &data->emit;
    const struct event_target *target = &data->profile->target;
    char percent[40];
    /* In thousandths, whole: the locale's decimal point must not get in. */
    uint64_t thousandths = (uint64_t)(target->budget_percent * 1000 + 0.5);
    snprintf(percent, sizeof(percent), "%" PRIu64 ".%03" PRIu64, thousandths / 1000,
             thousandths % 1000);
    emit_name(emit, "clock");
    emit_raw(emit, "{");
    emit_named_string(emit, "name", target->clock);
    emit_named_string(emit, "reason", target->clock_reason);
    emit_named_integer(emit, "tick_ns", target->tick_ns);
    emit_named_integer(emit, "step_bytes", target->step_bytes);
    emit_name(emit, "budget_percent");
    emit_raw(emit, percent);
    emit_raw(emit, "}");
}

static void put_counts(struct data *data)
{
    struct emit *emit = &data->emit;
    const struct profile *profile = data->profile;
    emit_name(emit, "samples");
    emit_raw(emit, "{");
    emit_named_integer(emit, "stops", profile->samples.stops);
    emit_named_integer(emit, "samples", profile->samples.samples);
    emit_named_integer(emit, "glimpses", profile->samples.glimpses);
    emit_named_integer(emit, "torn", profile->samples.torn);
    emit_named_integer(emit, "truncated", profile->samples.truncated);
    emit_named_integer(emit, "unattributed", profile->samples.unattributed);
    emit_named_integer(emit, "looks", profile->looks);
    emit_raw(emit, "}");
    emit_name(emit, "pause");
    emit_raw(emit, "{");
    emit_named_integer(emit, "count", profile->pause.count);
    emit_named_integer(emit, "total_ns", profile->pause.total_ns);
    emit_named_integer(emit, "p50_ns", profile->pause.p50_ns);
    emit_named_integer(emit, "p99_ns", profile->pause.p99_ns);
    emit_named_integer(emit, "max_ns", profile->pause.max_ns);
    emit_raw(emit, "}");
}

static void put_totals(struct data *data)
{
    struct emit *emit = &data->emit;
    const struct profile *profile = data->profile;
    emit_name(emit, "totals");
    emit_raw(emit, "{");
    emit_named_integer(emit, "duration_ns", profile->totals.duration_ns);
    emit_named_integer(emit, "run_ns", profile->totals.run_ns);
    emit_named_integer(emit, "baseline_bytes", profile->totals.baseline_bytes);
    emit_named_integer(emit, "peak_rss_bytes", profile->totals.peak_rss_bytes);
    emit_named_integer(emit, "peak_time_ns", profile->totals.peak_time_ns);
    emit_named_integer(emit, "end_rss_bytes", profile->totals.end_rss_bytes);
    emit_named_integer(emit, "end_time_ns", profile->totals.end_time_ns);
    emit_named_integer(emit, "grown_bytes", profile->totals.grown_bytes);
    emit_named_integer(emit, "released_bytes", profile->totals.released_bytes);
    emit_named_integer(emit, "certain_bytes", profile->totals.certain_bytes);
    emit_named_integer(emit, "unattributed_bytes", profile->totals.unattributed_bytes);
    emit_named_integer(emit, "native_bytes", profile->totals.native_bytes);
    emit_named_integer(emit, "peak_swap_bytes", profile->totals.peak_swap_bytes);
    emit_named_integer(emit, "peak_reserved_bytes", profile->totals.peak_reserved_bytes);
    emit_named_integer(emit, "high_water_bytes", profile->totals.high_water_bytes);
    emit_named_integer(emit, "tracer_cpu_ns", profile->tracer_cpu_ns);
    emit_named_integer(emit, "tracer_rss_bytes", profile->tracer_rss_bytes);
    emit_raw(emit, "}");
}

#define POINT_COLUMN(field)                                                                        \
    static int64_t point_##field(void *context, size_t i)                                          \
    {                                                                                              \
        const struct data *data = context;                                                         \
        return (int64_t)data->profile->points[i].field;                                            \
    }
POINT_COLUMN(time_ns)
POINT_COLUMN(rss_bytes)
POINT_COLUMN(anon_bytes)
POINT_COLUMN(file_bytes)
POINT_COLUMN(shmem_bytes)
POINT_COLUMN(swap_bytes)
POINT_COLUMN(reserved_bytes)

static void put_timeline(struct data *data)
{
    struct emit *emit = &data->emit;
    size_t count = data->profile->point_count;
    emit_name(emit, "timeline");
    emit_raw(emit, "{");
    emit_column(emit, "time_ns", count, point_time_ns, data);
    emit_column(emit, "rss_bytes", count, point_rss_bytes, data);
    emit_column(emit, "anon_bytes", count, point_anon_bytes, data);
    emit_column(emit, "file_bytes", count, point_file_bytes, data);
    emit_column(emit, "shmem_bytes", count, point_shmem_bytes, data);
    emit_column(emit, "swap_bytes", count, point_swap_bytes, data);
    emit_column(emit, "reserved_bytes", count, point_reserved_bytes, data);
    emit_named_integer(emit, "peak", data->profile->peak_point);
    emit_named_integer(emit, "end", data->profile->end_point);
    emit_raw(emit, "}");
}

/* Frames, nodes, changes --------------------------------------------------------------------------
 */

static int choose_frames(struct data *data)
{
    const struct profile *profile = data->profile;
    data->frame_place = calloc(profile->frame_count + 1, sizeof(*data->frame_place));
    data->frames = calloc(profile->frame_count + 1, sizeof(*data->frames));
    if (!data->frame_place || !data->frames)
        return -ENOMEM;
    for (size_t i = 0; i < data->fold->count; i++) {
        uint32_t index = data->fold->nodes[i].node;
        if (index == FOLD_SMALLER || profile->nodes[index].kind != NODE_FRAME)
            continue;
        uint32_t frame = profile->nodes[index].frame;
        if (data->frame_place[frame])
            continue;
        data->frames[data->frame_count] = frame;
        data->frame_place[frame] = (uint32_t)++data->frame_count;
    }
    return 0;
}

static int64_t text_id(struct data *data, const char *text)
{
    return emit_string_id(&data->emit, text, strlen(text));
}

static const struct profile_frame *frame_at(struct data *data, size_t i)
{
    return &data->profile->frames[data->frames[i]];
}

static int64_t frame_function(void *context, size_t i)
{
    struct data *data = context;
    return text_id(data, frame_at(data, i)->function);
}

static int64_t frame_file(void *context, size_t i)
{
    struct data *data = context;
    return text_id(data, frame_at(data, i)->file);
}

static int64_t frame_line(void *context, size_t i)
{
    struct data *data = context;
    return frame_at(data, i)->line;
}

static int64_t frame_first_line(void *context, size_t i)
{
    struct data *data = context;
    return frame_at(data, i)->first_line;
}

static int64_t frame_module(void *context, size_t i)
{
    struct data *data = context;
    const char *module = frame_at(data, i)->module;
    return module ? text_id(data, module) : -1;
}

static int64_t frame_user(void *context, size_t i)
{
    struct data *data = context;
    return frame_at(data, i)->user;
}

static int64_t node_parent(void *context, size_t i)
{
    struct data *data = context;
    return i == 0 ? -1 : (int64_t)data->fold->nodes[i].parent;
}

static int64_t node_frame(void *context, size_t i)
{
    struct data *data = context;
    uint32_t index = data->fold->nodes[i].node;
    if (index == FOLD_SMALLER)
        return -5;
    const struct profile_node *node = &data->profile->nodes[index];
    switch (node->kind) {
    case NODE_ROOT:
        return -1;
    case NODE_NATIVE:
        return -2;
    case NODE_UNATTRIBUTED:
        return -3;
    case NODE_BASELINE:
        return -4;
    case NODE_FRAME:
        break;
    }
    return (int64_t)data->frame_place[node->frame] - 1;
}

static int64_t change_point(void *context, size_t i)
{
    struct data *data = context;
    return data->fold->changes[i].point;
}

static int64_t change_node(void *context, size_t i)
{
    struct data *data = context;
    return data->fold->changes[i].node;
}

static int64_t change_grown(void *context, size_t i)
{
    struct data *data = context;
    return (int64_t)data->fold->changes[i].grown_bytes;
}

static int64_t change_released(void *context, size_t i)
{
    struct data *data = context;
    return (int64_t)data->fold->changes[i].released_bytes;
}

static int64_t change_certain(void *context, size_t i)
{
    struct data *data = context;
    const struct profile_change *change = &data->fold->changes[i];
    bool all = change->grown_bytes > 0 && change->certain_bytes == change->grown_bytes;
    return all ? -1 : (int64_t)change->certain_bytes; /* one text for most of them packs well */
}

static int64_t change_freed(void *context, size_t i)
{
    struct data *data = context;
    return (int64_t)data->fold->changes[i].freed_bytes;
}

static void put_tree(struct data *data)
{
    struct emit *emit = &data->emit;
    emit_name(emit, "frames");
    emit_raw(emit, "{");
    emit_column(emit, "function", data->frame_count, frame_function, data);
    emit_column(emit, "file", data->frame_count, frame_file, data);
    emit_column(emit, "line", data->frame_count, frame_line, data);
    emit_column(emit, "first_line", data->frame_count, frame_first_line, data);
    emit_column(emit, "user", data->frame_count, frame_user, data);
    if (data->profile->unwound.stacks)
        emit_column(emit, "module", data->frame_count, frame_module, data);
    emit_raw(emit, "}");
    emit_name(emit, "nodes");
    emit_raw(emit, "{");
    emit_column(emit, "parent", data->fold->count, node_parent, data);
    emit_column(emit, "frame", data->fold->count, node_frame, data);
    emit_raw(emit, "}");
    emit_name(emit, "changes");
    emit_raw(emit, "{");
    emit_column(emit, "point", data->fold->change_count, change_point, data);
    emit_column(emit, "node", data->fold->change_count, change_node, data);
    emit_column(emit, "grown_bytes", data->fold->change_count, change_grown, data);
    emit_column(emit, "released_bytes", data->fold->change_count, change_released, data);
    emit_column(emit, "certain_bytes", data->fold->change_count, change_certain, data);
    emit_column(emit, "freed_bytes", data->fold->change_count, change_freed, data);
    emit_raw(emit, "}");
}

/* Kinds of memory ------------------------------------------------------------------------- */

/* What each node that is shown grew in each kind, only where it did. */
struct kind_entry {
    uint32_t node;
    uint8_t kind;
    uint64_t grown_bytes;
};

struct kind_entries {
    struct kind_entry *list;
    size_t count;
};

static int64_t kind_node(void *context, size_t i)
{
    const struct kind_entries *entries = context;
    return entries->list[i].node;
}

static int64_t kind_kind(void *context, size_t i)
{
    const struct kind_entries *entries = context;
    return entries->list[i].kind;
}

static int64_t kind_grown(void *context, size_t i)
{
    const struct kind_entries *entries = context;
    return (int64_t)entries->list[i].grown_bytes;
}

static int gather_kinds(const struct data *data, struct kind_entries *entries)
{
    const struct profile *profile = data->profile;
    uint64_t(*grown)[PLACE_KINDS_END] = calloc(data->fold->count, sizeof(*grown));
    entries->list = calloc(data->fold->count * PLACE_KINDS_END, sizeof(*entries->list));
    if (!grown || !entries->list) {
        free(grown);
        return -ENOMEM;
    }
    for (size_t i = 0; i < profile->node_count; i++)
        for (unsigned k = 0; k < PLACE_KINDS_END; k++)
            grown[data->fold->place[i]][k] += profile->node_kinds[i].grown_bytes[k];
    for (uint32_t i = 0; i < data->fold->count; i++)
        for (unsigned k = 0; k < PLACE_KINDS_END; k++)
            if (grown[i][k])
                entries->list[entries->count++] =
                    (struct kind_entry){.node = i, .kind = (uint8_t)k, .grown_bytes = grown[i][k]};
    free(grown);
    return 0;
}

static int64_t kind_title(void *context, size_t i)
{
    return text_id(context, kinds_title((unsigned)i));
}

static int64_t kind_regions(void *context, size_t i)
{
    const struct data *data = context;
    return (int64_t)data->profile->kind_regions[i];
}

static void put_kinds(struct data *data)
{
    struct emit *emit = &data->emit;
    struct kind_entries entries = {0};
    if (!data->profile->has_kinds)
        return;
    if (gather_kinds(data, &entries) < 0) {
        emit->result = emit->result < 0 ? emit->result : -ENOMEM;
        free(entries.list);
        return;
    }
    emit_name(emit, "kinds");
    emit_raw(emit, "{");
    emit_column(emit, "title", PLACE_KINDS_END, kind_title, data);
    emit_column(emit, "mappings", PLACE_KINDS_END, kind_regions, data);
    emit_named_integer(emit, "huge_bytes", data->profile->kinds.huge_bytes);
    emit_column(emit, "node", entries.count, kind_node, &entries);
    emit_column(emit, "kind", entries.count, kind_kind, &entries);
    emit_column(emit, "grown_bytes", entries.count, kind_grown, &entries);
    emit_raw(emit, "}");
    free(entries.list);
}

static void put_native(struct data *data)
{
    struct emit *emit = &data->emit;
    const struct profile *profile = data->profile;
    struct buffer text = {0};
    if (!profile->unwound.stacks)
        return;
    wording_put_native(&text, profile);
    buffer_put_u8(&text, 0);
    emit_named_string(emit, "native", text.failed ? "" : (const char *)text.data);
    buffer_deinit(&text);
}

/* Threads, the whole  ---------------------------------------------------------------------- */

static size_t threads_shown(const struct profile *profile)
{
    return profile->thread_count < THREADS_MAX ? profile->thread_count : THREADS_MAX;
}

static int64_t thread_tid(void *context, size_t i)
{
    struct data *data = context;
    return data->profile->threads[i].tid;
}

static int64_t thread_name(void *context, size_t i)
{
    struct data *data = context;
    return text_id(data, data->profile->threads[i].name);
}

static int64_t thread_grown(void *context, size_t i)
{
    struct data *data = context;
    return (int64_t)data->profile->threads[i].grown_bytes;
}

static void put_threads(struct data *data)
{
    struct emit *emit = &data->emit;
    size_t count = threads_shown(data->profile);
    emit_name(emit, "threads");
    emit_raw(emit, "{");
    emit_column(emit, "tid", count, thread_tid, data);
    emit_column(emit, "name", count, thread_name, data);
    emit_column(emit, "grown_bytes", count, thread_grown, data);
    emit_raw(emit, "}");
}

static void put_block(struct data *data)
{
    struct emit *emit = &data->emit;
    emit_string_id(emit, "", 0);
    emit_raw(emit, "{");
    emit_named_string(emit, "schema", "memsample-page/1");
    emit_named_string(emit, "memsample_version", MEMSAMPLE_VERSION);
    put_target(data);
    put_clock(data);
    put_counts(data);
    put_totals(data);
    put_timeline(data);
    put_tree(data);
    excerpts_put(emit, data->profile);
    emit_name(emit, "left_out");
    emit_raw(emit, "{");
    emit_named_integer(emit, "lines", data->fold->left_out_lines);
    emit_named_integer(emit, "bytes", data->fold->left_out_bytes);
    emit_raw(emit, "}");
    put_threads(data);
    put_kinds(data);
    put_native(data);
    emit_strings(emit, "strings");
    emit_raw(emit, "}");
}

int data_put_packed(const struct profile *profile, const struct fold *fold, size_t bytes_max,
                    struct buffer *out)
{
    _cleanup_(data_deinit) struct data data = {.profile = profile, .fold = fold};
    if (fold->change_count > bytes_max / CHANGE_BYTES_MIN)
        return -EFBIG;
    int r = emit_init(&data.emit, bytes_max);
    if (r >= 0)
        r = choose_frames(&data);
    if (r < 0)
        return r;
    put_block(&data);
    return emit_finish(&data.emit, out);
}
