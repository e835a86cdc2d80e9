/* A dump as text for people and as JSON for programs. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "base/utf8.h"
#include "cli/dump.h"

#define SCHEMA        "memsample-dump/1"
#define MAPPINGS_TEXT 8 /* the largest */
#define MAPPINGS_JSON 1000
#define FRAMES_TEXT   100 /* innermost; deeper ones are counted */
#define TASKS_TEXT    100

/* Names come from the target: nothing in them may steer a terminal (C0, DEL, and C1 as UTF-8). */
static void put_name(FILE *out, const char *name)
{
    for (const unsigned char *at = (const unsigned char *)name; *at; at++) {
        bool c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0;
        if (*at < 0x20 || *at == 0x7f || c1)
            fputc('?', out);
        else
            fputc(*at, out);
        at += c1;
    }
}

static const char *state_word(char state)
{
    switch (state) {
    case 'R':
        return "running";
    case 'S':
        return "asleep";
    case 'D':
        return "waiting for the disk";
    case 'T':
        return "stopped by a signal";
    case 't':
        return "stopped by a debugger";
    case 'Z':
    case 'X':
        return "ended";
    }
    return "in an unknown state";
}

static const char *how_word(enum dump_how how)
{
    static const char *const words[] = {
        [DUMP_STOPPED] = "stopped", [DUMP_ASLEEP] = "asleep", [DUMP_RUNNING] = "running",
        [DUMP_TORN] = "torn",       [DUMP_GONE] = "gone",     [DUMP_NO_PYTHON] = "no python",
    };
    return words[how];
}

static void print_memory(const struct dump *dump, FILE *out)
{
    char rss[UNITS_TEXT_MAX], anonymous[UNITS_TEXT_MAX], file[UNITS_TEXT_MAX],
        shared[UNITS_TEXT_MAX], swap[UNITS_TEXT_MAX], peak[UNITS_TEXT_MAX];
    const struct process_status *status = &dump->status;
    uint64_t rss_bytes = dump->memory.rss_bytes;
    uint64_t other = status->file_bytes + status->shmem_bytes;
    fprintf(out, "memory   RSS %s: anonymous %s, files %s, shared memory %s; swapped %s; peak %s\n",
            units_format_bytes(rss_bytes, rss),
            units_format_bytes(rss_bytes > other ? rss_bytes - other : 0, anonymous),
            units_format_bytes(status->file_bytes, file),
            units_format_bytes(status->shmem_bytes, shared),
            units_format_bytes(status->swap_bytes, swap),
            units_format_bytes(status->high_water_bytes, peak));
}

static void print_mappings(const struct dump *dump, FILE *out)
{
    if (!dump->has_mappings)
        return;
    fprintf(out, "mappings, largest resident first\n");
    for (size_t i = 0; i < dump->mappings.count && i < MAPPINGS_TEXT; i++) {
        const struct mapping *mapping = &dump->mappings.items[i];
        char rss[UNITS_TEXT_MAX], size[UNITS_TEXT_MAX];
        if (mapping->rss_bytes == 0)
            break;
        fprintf(out, "  %10s of %10s  ", units_format_bytes(mapping->rss_bytes, rss),
                units_format_bytes(mapping->size_bytes, size));
        if (mapping->name[0])
            put_name(out, mapping->name);
        else
            fprintf(out, "anonymous, at %" PRIx64, mapping->start);
        fputc('\n', out);
    }
}

static struct dump_frame of_python(const struct python_frame *frame)
{
    return (struct dump_frame){.function = frame->function,
                               .file = frame->file,
                               .line = frame->line,
                               .first_line = frame->first_line};
}

static void print_frame(const struct dump_frame *frame, FILE *out)
{
    fputs("    ", out);
    put_name(out, frame->function);
    fputs("  ", out);
    put_name(out, frame->file);
    if (frame->line)
        fprintf(out, ":%d", (int)frame->line);
    if (frame->module) {
        fputs(frame->file[0] ? "  in " : "in ", out);
        put_name(out, frame->module);
    }
    fputc('\n', out);
}

static void print_thread(const struct dump *dump, const struct dump_thread *thread, FILE *out)
{
    fprintf(out, "\nthread %d", (int)thread->tid);
    if (thread->inner_tid != thread->tid)
        fprintf(out, " (inside: %d)", (int)thread->inner_tid);
    fputs("  \"", out);
    put_name(out, thread->name);
    fprintf(out, "\"  %s%s\n", state_word(thread->state),
            thread->gil == DUMP_GIL_HELD ? ", holds the GIL" : "");
    if (thread->how == DUMP_TORN)
        fprintf(out, "    its stack changed each time it was read\n");
    else if (thread->how == DUMP_GONE)
        fprintf(out, "    it has ended\n");
    else if (thread->count == 0)
        fprintf(out, dump->has_python ? "    no Python\n" : "");
    for (size_t i = 0; i < thread->count && i < FRAMES_TEXT; i++)
        print_frame(&thread->frames[i], out);
    if (thread->doubt)
        fprintf(out, "    (native frames: %s)\n", thread->doubt);
    if (thread->count > FRAMES_TEXT)
        fprintf(out, "    ... and %zu%s more\n", thread->count - FRAMES_TEXT,
                thread->truncated ? " or" : "");
    else if (thread->truncated)
        fprintf(out, "    ... and more\n");
}

static const struct dump_task *find_task(const struct dump *dump, remote_addr address)
{
    for (size_t i = 0; i < dump->task_count; i++)
        if (dump->tasks[i].place.task == address)
            return &dump->tasks[i];
    return NULL;
}

static void print_task(const struct dump *dump, const struct dump_task *task, FILE *out)
{
    fputs("  \"", out);
    put_name(out, task->name);
    fputs(task->count ? "\"  waits" : "\"  runs or has not begun", out);
    for (size_t i = 0; i < task->awaiters_count; i++) {
        const struct dump_task *awaiter = find_task(dump, task->awaiters[i]);
        fputs(i ? ", \"" : ", awaited by \"", out);
        put_name(out, awaiter ? awaiter->name : "?");
        fputc('"', out);
    }
    fputc('\n', out);
    for (size_t i = 0; i < task->count && i < FRAMES_TEXT; i++) {
        struct dump_frame frame = of_python(&task->frames[i]);
        print_frame(&frame, out);
    }
}

static void print_tasks(const struct dump *dump, FILE *out)
{
    if (!dump->task_count)
        return;
    fprintf(out, "\nasyncio tasks (%zu)\n", dump->task_count);
    for (size_t i = 0; i < dump->task_count && i < TASKS_TEXT; i++)
        print_task(dump, &dump->tasks[i], out);
    if (dump->task_count > TASKS_TEXT)
        fprintf(out, "  ... and %zu more\n", dump->task_count - TASKS_TEXT);
}

void dump_print_text(const struct dump *dump, FILE *out)
{
    char version[PYTHON_VERSION_TEXT_MAX];
    fprintf(out, "process  %d", (int)dump->pid);
    if (dump->inner_pid != dump->pid)
        fprintf(out, " (inside its namespace: %d)", (int)dump->inner_pid);
    fputs("  ", out);
    put_name(out, dump->command ? dump->command : "?");
    fprintf(out, "\npython   ");
    if (dump->has_python)
        fprintf(out, "%s  ",
                python_version_format(dump->runtime.version, dump->runtime.free_threaded, version));
    else
        fprintf(out, "none (%s)  ", dump->reason);
    put_name(out, dump->executable ? dump->executable : "?");
    fputc('\n', out);
    print_memory(dump, out);
    print_mappings(dump, out);
    for (size_t i = 0; i < dump->count; i++)
        print_thread(dump, &dump->threads[i], out);
    print_tasks(dump, out);
}

/* A string that JSON takes, whatever the bytes. */
static json_t *text_json(const char *text)
{
    _cleanup_(buffer_deinit) struct buffer clean = {0};
    if (!text)
        return json_null();
    utf8_append(&clean, text, strlen(text));
    buffer_put_u8(&clean, 0);
    return clean.failed ? NULL : json_string((const char *)clean.data);
}

static json_t *number_json(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *gil_json(const struct dump_thread *thread)
{
    if (thread->gil == DUMP_GIL_HELD || thread->gil == DUMP_GIL_FREE)
        return json_boolean(thread->gil == DUMP_GIL_HELD);
    return json_null();
}

static json_t *frame_json(const struct dump_frame *frame)
{
    json_t *object = json_pack("{s:o, s:o, s:i, s:i}", "file", text_json(frame->file), "function",
                               text_json(frame->function), "line", (int)frame->line, "first_line",
                               (int)frame->first_line);
    if (object && frame->module)
        json_object_set_new(object, "module", text_json(frame->module));
    return object;
}

/* Addresses are only names here, and JSON's numbers are not that long. */
static json_t *address_json(remote_addr address)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIx64, address);
    return json_string(text);
}

static json_t *task_json(const struct dump_task *task)
{
    json_t *frames = json_array();
    for (size_t i = 0; i < task->count; i++) {
        struct dump_frame frame = of_python(&task->frames[i]);
        json_array_append_new(frames, frame_json(&frame));
    }
    json_t *awaiters = json_array();
    const char *coroutine = task->count ? task->frames[task->count - 1].function : NULL;
    for (size_t i = 0; i < task->awaiters_count; i++)
        json_array_append_new(awaiters, address_json(task->awaiters[i]));
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "id", address_json(task->place.task), "name",
                     text_json(task->name), "coroutine", text_json(coroutine), "inner_tid",
                     task->place.tid ? number_json((uint64_t)task->place.tid) : json_null(),
                     "awaited_by", awaiters, "frames", frames);
}

/* null where tasks cannot be looked for. */
static json_t *tasks_json(const struct dump *dump)
{
    json_t *tasks = dump->has_tasks ? json_array() : json_null();
    for (size_t i = 0; i < dump->task_count; i++)
        json_array_append_new(tasks, task_json(&dump->tasks[i]));
    return tasks;
}

static json_t *thread_frames_json(const struct dump_thread *thread)
{
    json_t *frames = json_array();
    for (size_t i = 0; i < thread->count; i++)
        json_array_append_new(frames, frame_json(&thread->frames[i]));
    return frames;
}

static json_t *thread_json(const struct dump_thread *thread)
{
    char state[2] = {thread->state, 0};
    return json_pack("{s:i, s:i, s:o, s:o, s:s, s:o, s:b, s:o, s:b, s:o}", "tid", (int)thread->tid,
                     "inner_tid", (int)thread->inner_tid, "name", text_json(thread->name), "state",
                     text_json(state), "stack", how_word(thread->how), "holds_gil",
                     gil_json(thread), "truncated", (int)thread->truncated, "frames",
                     thread_frames_json(thread), "native", (int)thread->native, "native_doubt",
                     text_json(thread->doubt));
}

static json_t *mappings_json(const struct dump *dump)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < dump->mappings.count && i < MAPPINGS_JSON; i++) {
        const struct mapping *mapping = &dump->mappings.items[i];
        json_array_append_new(rows, json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name",
                                              text_json(mapping->name), "start",
                                              number_json(mapping->start), "size_bytes",
                                              number_json(mapping->size_bytes), "rss_bytes",
                                              number_json(mapping->rss_bytes), "anonymous_bytes",
                                              number_json(mapping->anonymous_bytes), "swap_bytes",
                                              number_json(mapping->swap_bytes)));
    }
    return rows;
}

static json_t *python_json(const struct dump *dump)
{
    char version[PYTHON_VERSION_TEXT_MAX];
    if (!dump->has_python)
        return json_null();
    python_version_format(dump->runtime.version, dump->runtime.free_threaded, version);
    return json_pack("{s:s, s:b}", "version", version, "free_threaded",
                     (int)dump->runtime.free_threaded);
}

int dump_print_json(const struct dump *dump, FILE *out)
{
    const struct process_status *status = &dump->status;
    json_t *threads = json_array();
    for (size_t i = 0; i < dump->count; i++)
        json_array_append_new(threads, thread_json(&dump->threads[i]));
    json_t *root = json_pack(
        "{s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o, s:o, s:o}, s:o, s:o, s:o}", "schema",
        SCHEMA, "pid", (int)dump->pid, "inner_pid", (int)dump->inner_pid, "command",
        text_json(dump->command), "executable", text_json(dump->executable), "python",
        python_json(dump), "python_missing", text_json(dump->reason), "memory", "rss_bytes",
        number_json(dump->memory.rss_bytes), "file_bytes", number_json(status->file_bytes),
        "shmem_bytes", number_json(status->shmem_bytes), "swap_bytes",
        number_json(status->swap_bytes), "peak_bytes", number_json(status->high_water_bytes),
        "mappings", mappings_json(dump), "threads", threads, "tasks", tasks_json(dump));
    /* A value that could not be had leaves its array short: jansson ignores it. */
    if (!root || json_array_size(threads) != dump->count) {
        json_decref(root);
        return -ENOMEM;
    }
    int r = json_dumpf(root, out, JSON_INDENT(1) | JSON_ENSURE_ASCII);
    json_decref(root);
    fputc('\n', out);
    return r < 0 ? -EIO : 0;
}
