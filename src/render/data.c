/* The page's data block, schema "memsample-page/1" (web/data.md). Written by hand, column by column, straight into
 * the packer: a document tree of it would take more memory than all the rest of memsample. */
#include "data.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/intern.h"
#include "pack.h"
#include "source.h"
#include "wording.h"

#define PIECE_BYTES      65536 /* of text, before it goes to the packer */
#define SOURCE_LINES_MAX 40    /* lines that are shown with what stands around them */
#define SOURCE_CONTEXT   3
#define THREADS_MAX      200
#define CHANGE_BYTES_MIN 4 /* packed, less than a change has ever taken: saves trying */

struct data {
    const struct profile *profile;
    const struct fold *fold;
    struct buffer text;
    struct packer *packer;
    struct intern strings;
    uint32_t *frame_place; /* by frame of the profile: place + 1 in the block */
    uint32_t *frames;      /* by place */
    size_t frame_count;
    uint8_t last; /* byte that was passed on */
    int result;   /* the first error */
};

static void data_deinit(struct data *data)
{
    buffer_deinit(&data->text);
    packer_destroy(data->packer);
    intern_deinit(&data->strings);
    free(data->frame_place);
    free(data->frames);
}

/* Hands text on when there is enough of it. */
static void data_pass(struct data *data, size_t enough)
{
    if (data->result < 0 || data->text.length < enough || data->text.length == 0)
        return;
    data->last = data->text.data[data->text.length - 1];
    data->result = packer_take(data->packer, &data->text);
}

static void put(struct data *data, const char *text)
{
    buffer_put_text(&data->text, text);
}

static void put_string(struct data *data, const char *text)
{
    buffer_put_u8(&data->text, '"');
    for (const char *at = text; *at; at++) {
        uint8_t c = (uint8_t)*at;
        if (c == '"' || c == '\\')
            buffer_printf(&data->text, "\\%c", c);
        else if (c < 0x20 || c == '<') /* `<`: harmless also where somebody unpacks it into markup */
            buffer_printf(&data->text, "\\u%04x", c);
        else
            buffer_put_u8(&data->text, c);
    }
    buffer_put_u8(&data->text, '"');
    data_pass(data, PIECE_BYTES);
}

static void put_integer(struct data *data, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof(digits), "%" PRId64, value);
    put(data, digits);
}

/* `"name":`, after a comma where one is due. */
static void put_name(struct data *data, const char *name)
{
    uint8_t last = data->text.length ? data->text.data[data->text.length - 1] : data->last;
    if (last != '{')
        put(data, ",");
    put_string(data, name);
    put(data, ":");
}

static void put_named_string(struct data *data, const char *name, const char *text)
{
    put_name(data, name);
    put_string(data, text);
}

static void put_named_integer(struct data *data, const char *name, uint64_t value)
{
    put_name(data, name);
    put_integer(data, (int64_t)value);
}

/* The number of a text in the block's table of strings. */
static int64_t string_id(struct data *data, const char *text, size_t length)
{
    uint32_t id = 0;
    int r = intern_add(&data->strings, text, length, &id, NULL);
    if (r < 0 && data->result >= 0)
        data->result = r;
    return id;
}

/* A column: `count` integers that `get` gives. */
static void put_column(struct data *data, const char *name, size_t count,
                       int64_t (*get)(struct data *data, size_t index))
{
    put_name(data, name);
    put(data, "[");
    for (size_t i = 0; i < count && data->result >= 0; i++) {
        if (i > 0)
            put(data, ",");
        put_integer(data, get(data, i));
        data_pass(data, PIECE_BYTES);
    }
    put(data, "]");
}

static void put_target(struct data *data)
{
    const struct profile *profile = data->profile;
    const struct event_target *target = &profile->target;
    char start[24];
    snprintf(start, sizeof(start), "%" PRIu64, target->start_unix_ns);
    put_name(data, "target");
    put(data, "{");
    put_named_integer(data, "pid", (uint64_t)target->pid);
    put_named_string(data, "program", profile->program);
    put_named_string(data, "command", target->command);
    put_named_string(data, "python_version", profile->python_version);
    put_named_string(data, "directory", target->directory);
    put_named_string(data, "kernel", target->kernel);
    put_named_string(data, "how", target->attached ? "attach" : "run");
    put_named_string(data, "end_reason", wording_end_reason(profile));
    put_name(data, "exit_status");
    if (profile->end_reason == END_EXITED)
        put_integer(data, profile->end_status);
    else
        put(data, "null");
    put_name(data, "signal");
    if (profile->end_reason == END_SIGNALED)
        put_integer(data, profile->end_status);
    else
        put(data, "null");
    put_named_string(data, "start_unix_ns", start);
    put_named_string(data, "cut", profile->cut);
    put(data, "}");
}

static void put_clock(struct data *data)
{
    const struct event_target *target = &data->profile->target;
    char percent[40];
    /* In thousandths, whole: the locale's decimal point must not get in. */
    uint64_t thousandths = (uint64_t)(target->budget_percent * 1000 + 0.5);
    snprintf(percent, sizeof(percent), "%" PRIu64 ".%03" PRIu64, thousandths / 1000,
             thousandths % 1000);
    put_name(data, "clock");
    put(data, "{");
    put_named_string(data, "name", target->clock);
    put_named_string(data, "reason", target->clock_reason);
    put_named_integer(data, "tick_ns", target->tick_ns);
    put_named_integer(data, "step_bytes", target->step_bytes);
    put_name(data, "budget_percent");
    put(data, percent);
    put(data, "}");
}

static void put_counts(struct data *data)
{
    const struct profile *profile = data->profile;
    put_name(data, "samples");
    put(data, "{");
    put_named_integer(data, "stops", profile->samples.stops);
    put_named_integer(data, "samples", profile->samples.samples);
    put_named_integer(data, "torn", profile->samples.torn);
    put_named_integer(data, "truncated", profile->samples.truncated);
    put_named_integer(data, "unattributed", profile->samples.unattributed);
    put(data, "}");
    put_name(data, "pause");
    put(data, "{");
    put_named_integer(data, "count", profile->pause.count);
    put_named_integer(data, "total_ns", profile->pause.total_ns);
    put_named_integer(data, "p50_ns", profile->pause.p50_ns);
    put_named_integer(data, "p99_ns", profile->pause.p99_ns);
    put_named_integer(data, "max_ns", profile->pause.max_ns);
    put(data, "}");
}

static void put_totals(struct data *data)
{
    const struct profile *profile = data->profile;
    put_name(data, "totals");
    put(data, "{");
    put_named_integer(data, "duration_ns", profile->totals.duration_ns);
    put_named_integer(data, "run_ns", profile->totals.run_ns);
    put_named_integer(data, "baseline_bytes", profile->totals.baseline_bytes);
    put_named_integer(data, "peak_rss_bytes", profile->totals.peak_rss_bytes);
    put_named_integer(data, "peak_time_ns", profile->totals.peak_time_ns);
    put_named_integer(data, "end_rss_bytes", profile->totals.end_rss_bytes);
    put_named_integer(data, "end_time_ns", profile->totals.end_time_ns);
    put_named_integer(data, "grown_bytes", profile->totals.grown_bytes);
    put_named_integer(data, "released_bytes", profile->totals.released_bytes);
    put_named_integer(data, "unattributed_bytes", profile->totals.unattributed_bytes);
    put_named_integer(data, "native_bytes", profile->totals.native_bytes);
    put_named_integer(data, "peak_swap_bytes", profile->totals.peak_swap_bytes);
    put_named_integer(data, "peak_reserved_bytes", profile->totals.peak_reserved_bytes);
    put_named_integer(data, "high_water_bytes", profile->totals.high_water_bytes);
    put_named_integer(data, "tracer_cpu_ns", profile->tracer_cpu_ns);
    put_named_integer(data, "tracer_rss_bytes", profile->tracer_rss_bytes);
    put(data, "}");
}

#define POINT_COLUMN(field)                                                                        \
    static int64_t point_##field(struct data *data, size_t i)                                      \
    {                                                                                              \
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
    size_t count = data->profile->point_count;
    put_name(data, "timeline");
    put(data, "{");
    put_column(data, "time_ns", count, point_time_ns);
    put_column(data, "rss_bytes", count, point_rss_bytes);
    put_column(data, "anon_bytes", count, point_anon_bytes);
    put_column(data, "file_bytes", count, point_file_bytes);
    put_column(data, "shmem_bytes", count, point_shmem_bytes);
    put_column(data, "swap_bytes", count, point_swap_bytes);
    put_column(data, "reserved_bytes", count, point_reserved_bytes);
    put_named_integer(data, "peak", data->profile->peak_point);
    put_named_integer(data, "end", data->profile->end_point);
    put(data, "}");
}

/* Frames, nodes, changes -------------------------------------------------------------------------- */

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

static const struct profile_frame *frame_at(struct data *data, size_t i)
{
    return &data->profile->frames[data->frames[i]];
}

static int64_t frame_function(struct data *data, size_t i)
{
    return string_id(data, frame_at(data, i)->function, strlen(frame_at(data, i)->function));
}

static int64_t frame_file(struct data *data, size_t i)
{
    return string_id(data, frame_at(data, i)->file, strlen(frame_at(data, i)->file));
}

static int64_t frame_line(struct data *data, size_t i)
{
    return frame_at(data, i)->line;
}

static int64_t frame_first_line(struct data *data, size_t i)
{
    return frame_at(data, i)->first_line;
}

static int64_t frame_user(struct data *data, size_t i)
{
    return frame_at(data, i)->user;
}

static int64_t node_parent(struct data *data, size_t i)
{
    return i == 0 ? -1 : (int64_t)data->fold->nodes[i].parent;
}

static int64_t node_frame(struct data *data, size_t i)
{
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

static int64_t change_point(struct data *data, size_t i)
{
    return data->fold->changes[i].point;
}

static int64_t change_node(struct data *data, size_t i)
{
    return data->fold->changes[i].node;
}

static int64_t change_grown(struct data *data, size_t i)
{
    return (int64_t)data->fold->changes[i].grown_bytes;
}

static int64_t change_released(struct data *data, size_t i)
{
    return (int64_t)data->fold->changes[i].released_bytes;
}

static void put_tree(struct data *data)
{
    put_name(data, "frames");
    put(data, "{");
    put_column(data, "function", data->frame_count, frame_function);
    put_column(data, "file", data->frame_count, frame_file);
    put_column(data, "line", data->frame_count, frame_line);
    put_column(data, "first_line", data->frame_count, frame_first_line);
    put_column(data, "user", data->frame_count, frame_user);
    put(data, "}");
    put_name(data, "nodes");
    put(data, "{");
    put_column(data, "parent", data->fold->count, node_parent);
    put_column(data, "frame", data->fold->count, node_frame);
    put(data, "}");
    put_name(data, "changes");
    put(data, "{");
    put_column(data, "point", data->fold->change_count, change_point);
    put_column(data, "node", data->fold->change_count, change_node);
    put_column(data, "grown_bytes", data->fold->change_count, change_grown);
    put_column(data, "released_bytes", data->fold->change_count, change_released);
    put(data, "}");
}

/* Sources ----------------------------------------------------------------------------------------- */

/* A line worth showing. */
struct place {
    const char *file;
    int32_t line;
    uint64_t weight;
};

static int by_weight(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return x->weight > y->weight ? -1 : x->weight < y->weight;
}

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int r = strcmp(x->file, y->file);
    return r ? r : x->line < y->line ? -1 : x->line > y->line;
}

static uint64_t most(const struct figures *figures)
{
    uint64_t most = figures->grown_bytes;
    if (figures->held_at_peak_bytes > most)
        most = figures->held_at_peak_bytes;
    return figures->held_at_end_bytes > most ? figures->held_at_end_bytes : most;
}

/* The heaviest lines, in the order of files and lines. */
static int choose_places(const struct profile *profile, struct place **ret_places, size_t *ret_count)
{
    struct place *places = calloc(profile->line_count + 1, sizeof(*places));
    size_t count = 0;
    if (!places)
        return -ENOMEM;
    for (size_t i = 0; i < profile->line_count; i++) {
        const struct profile_row *row = &profile->lines[i];
        uint64_t weight = most(row->user ? &row->total : &row->self);
        if (row->file[0] && row->line > 0 && weight > 0)
            places[count++] = (struct place){row->file, row->line, weight};
    }
    qsort(places, count, sizeof(*places), by_weight);
    if (count > SOURCE_LINES_MAX)
        count = SOURCE_LINES_MAX;
    qsort(places, count, sizeof(*places), by_place);
    *ret_places = places;
    *ret_count = count;
    return 0;
}

static void put_source_lines(struct data *data, const struct source *source,
                             const struct place *places, size_t count)
{
    int32_t next = 1;
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        int32_t line = places[i].line - SOURCE_CONTEXT;
        for (line = line > next ? line : next; line <= places[i].line + SOURCE_CONTEXT; line++) {
            struct buffer text = {0};
            if (source_put_line(source, line, &text)) {
                put(data, first ? "[" : ",[");
                put_integer(data, line);
                put(data, ",");
                put_integer(data, string_id(data, text.length ? (const char *)text.data : "",
                                            text.length));
                put(data, "]");
                first = false;
            }
            buffer_deinit(&text);
        }
        next = line;
    }
}

static void put_sources(struct data *data)
{
    _cleanup_(freep) struct place *places = NULL;
    size_t count = 0;
    int r = choose_places(data->profile, &places, &count);
    put_name(data, "sources");
    put(data, "[");
    for (size_t i = 0, n; r >= 0 && i < count; i += n) {
        struct source source;
        for (n = 1; i + n < count && strcmp(places[i + n].file, places[i].file) == 0;)
            n++;
        r = source_open(data->profile, places[i].file, &source);
        if (r < 0)
            break;
        put(data, i > 0 ? ",{" : "{");
        put_named_integer(data, "file",
                          (uint64_t)string_id(data, places[i].file, strlen(places[i].file)));
        put_named_string(data, "missing", source.missing);
        put_name(data, "lines");
        put(data, "[");
        put_source_lines(data, &source, &places[i], n);
        put(data, "]}");
        source_close(&source);
    }
    put(data, "]");
    if (r < 0 && data->result >= 0)
        data->result = r;
}

/* Threads, strings, the whole ---------------------------------------------------------------------- */

static size_t threads_shown(const struct profile *profile)
{
    return profile->thread_count < THREADS_MAX ? profile->thread_count : THREADS_MAX;
}

static int64_t thread_tid(struct data *data, size_t i)
{
    return data->profile->threads[i].tid;
}

static int64_t thread_name(struct data *data, size_t i)
{
    return string_id(data, data->profile->threads[i].name, strlen(data->profile->threads[i].name));
}

static int64_t thread_grown(struct data *data, size_t i)
{
    return (int64_t)data->profile->threads[i].grown_bytes;
}

static void put_threads(struct data *data)
{
    size_t count = threads_shown(data->profile);
    put_name(data, "threads");
    put(data, "{");
    put_column(data, "tid", count, thread_tid);
    put_column(data, "name", count, thread_name);
    put_column(data, "grown_bytes", count, thread_grown);
    put(data, "}");
}

static void put_strings(struct data *data)
{
    put_name(data, "strings");
    put(data, "[");
    for (uint32_t i = 0; i < data->strings.count && data->result >= 0; i++) {
        if (i > 0)
            put(data, ",");
        put_string(data, (const char *)intern_get(&data->strings, i, NULL));
    }
    put(data, "]");
}

static void put_block(struct data *data)
{
    string_id(data, "", 0);
    put(data, "{");
    put_named_string(data, "schema", "memsample-page/1");
    put_named_string(data, "memsample_version", MEMSAMPLE_VERSION);
    put_target(data);
    put_clock(data);
    put_counts(data);
    put_totals(data);
    put_timeline(data);
    put_tree(data);
    put_sources(data);
    put_name(data, "left_out");
    put(data, "{");
    put_named_integer(data, "lines", data->fold->left_out_lines);
    put_named_integer(data, "bytes", data->fold->left_out_bytes);
    put(data, "}");
    put_threads(data);
    put_strings(data);
    put(data, "}");
}

int data_put_packed(const struct profile *profile, const struct fold *fold, size_t bytes_max,
                    struct buffer *out)
{
    _cleanup_(data_deinit) struct data data = {.profile = profile, .fold = fold};
    if (fold->change_count > bytes_max / CHANGE_BYTES_MIN)
        return -EFBIG;
    int r = packer_create(bytes_max, &data.packer);
    if (r >= 0)
        r = choose_frames(&data);
    if (r < 0)
        return r;
    put_block(&data);
    data_pass(&data, 0);
    return data.result < 0 ? data.result : packer_finish(data.packer, out);
}
