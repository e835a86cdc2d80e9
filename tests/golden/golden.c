/* Golden reports: each stored recording gives exactly the outputs that are stored beside it, and so
 * does a recording of `job` that is made here. Stored recordings show that old files stay readable
 * and keep their meaning.
 *
 *     test-golden DIRECTORY               compares
 *     test-golden DIRECTORY update        after a change that is wanted: stores the outputs, and
 * `job` test-golden DIRECTORY adopt FILE NAME   stores a recording of NAME.py, without what tells
 * of the machine it was made on; then `update` */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "made.h"
#include "render/render.h"

#define POINTS_MAX 40 /* of real recordings: what can be read in a comparison */

static const char *const names[] = {"job",     "sawtooth",  "interleaved",
                                    "threads", "recursion", "arrays"};

struct stacks {
    uint32_t module, main_load, main_scratch, load, load_list, scratch_list, main_walk, walk[4],
        ones, native_caller;
};

static void make_stacks(struct made *made, struct stacks *stacks)
{
    static const char library[] = "/nonexistent/site-packages/numpy/numeric.py";
    stacks->module = made_stack(made, 0, "job.py", "<module>", 23);
    stacks->main_load = made_stack(made, stacks->module, "job.py", "main", 16);
    stacks->main_scratch = made_stack(made, stacks->module, "job.py", "main", 18);
    stacks->load = made_stack(made, stacks->main_load, "job.py", "load", 6);
    stacks->load_list = made_stack(made, stacks->load, "job.py", "load.<locals>.<listcomp>", 6);
    stacks->scratch_list = made_stack(made, stacks->main_scratch, "job.py", "load", 6);
    stacks->main_walk = made_stack(made, stacks->module, "job.py", "main", 20);
    stacks->walk[0] = made_stack(made, stacks->main_walk, "job.py", "walk", 12);
    for (int i = 1; i < 4; i++)
        stacks->walk[i] = made_stack(made, stacks->walk[i - 1], "job.py", "walk", i < 3 ? 12 : 11);
    stacks->ones = made_stack(made, stacks->walk[3], library, "ones", 191);
    stacks->native_caller = made_stack(made, 0, "<frozen importlib._bootstrap>", "_load", 241);
}

/* Moves of every kind, by construction and not at random. */
static void make_moves(struct made *made, const struct stacks *stacks)
{
    uint64_t now = 0;
    made_reading(made, now, 9 << 20, 0);
    made_one(made, now += 20 * MS, 2 << 20, 0, stacks->native_caller);
    for (int i = 0; i < 25; i++) {
        made_reading(made, now += 7 * MS, 1 << 20, 0);
        made_one(made, now += 3 * MS, 3 << 20, 0, stacks->load_list);
    }
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < 5; i++)
            made_one(made, now += 9 * MS + (uint64_t)i, 10 << 20, 0, stacks->scratch_list);
        made_one(made, now += 2 * MS, 0, 50 << 20, stacks->main_scratch);
    }
    made_add(made, (struct event){.kind = EVENT_SPLIT,
                                  .time_ns = now,
                                  .split = {12 << 20, 1 << 20, 2 << 20, 162 << 20}});
    const struct event_owner owners[] = {
        {.tid = 4242, .faults = 2048, .stack_id = stacks->ones},
        {.tid = 4243, .faults = 512, .state = STACK_NO_PYTHON},
        {.tid = 4244, .faults = 100, .state = STACK_TORN},
        {.tid = 4245,
         .faults = 3,
         .stack_id = stacks->walk[2],
         .state = STACK_ASLEEP,
         .truncated = true},
    };
    made_sample(made, now += 5 * MS, 11000011, 0, owners, 4);
    for (int i = 0; i < 3; i++)
        made_one(made, now += 4 * MS, (uint64_t)(i + 1) * 4096, 4096, stacks->walk[i]);
    made_reading(made, now += 1 * MS, 4096, 0);
    made_phase(made, now += 1 * MS, PHASE_FINALIZING);
    made_reading(made, now += 8 * MS, 0, 100 << 20);
    made_end(made, now += 2 * MS);
}

static void make_recording(struct made *made)
{
    struct stacks stacks;
    made_start_for(made, "job.py", "");
    made_add(made,
             (struct event){.kind = EVENT_THREAD, .thread = {.tid = 4242, .name = "MainThread"}});
    make_stacks(made, &stacks);
    make_moves(made, &stacks);
}

/* All of a file, or an empty buffer. */
static void read_all(const char *path, struct buffer *ret_text)
{
    _cleanup_(fclosep) FILE *file = fopen(path, "re");
    uint8_t chunk[4096];
    *ret_text = (struct buffer){0};
    for (size_t n; file && (n = fread(chunk, 1, sizeof(chunk), file)) > 0;)
        buffer_put(ret_text, chunk, n);
    buffer_put_u8(ret_text, 0);
}

/* The version changes with every release: it is no part of the meaning. */
static void blank_version(char *text)
{
    static const char mark[] = "\"memsample_version\": \"";
    char *at = strstr(text, mark);
    if (!at)
        return;
    for (at += strlen(mark); *at && *at != '"'; at++)
        *at = '*';
    /* Versions differ in length: everything after the mark up to the line's end is one star. */
    char *star = strstr(text, mark) + strlen(mark);
    memmove(star + 1, at, strlen(at) + 1);
    *star = '*';
}

static int compare(const char *path, char *text, bool update)
{
    struct buffer expected;
    blank_version(text);
    if (update) {
        _cleanup_(fclosep) FILE *file = fopen(path, "we");
        return !file || fputs(text, file) < 0;
    }
    read_all(path, &expected);
    int differs = strcmp((const char *)expected.data, text) != 0;
    if (differs)
        fprintf(stderr, "%s differs; what came out:\n%s\n", path, text);
    buffer_deinit(&expected);
    return differs;
}

/* Renders a recording in one format, NULL being the summary, and compares. */
static int check_format(const struct recording *recording, const char *name, const char *format,
                        const char *ending, bool update)
{
    struct profile *profile;
    struct error error = {""};
    char *text = NULL, path[64];
    size_t length = 0;
    int failures = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out || profile_create(recording, &profile, &error) < 0 ||
        (strcmp(name, "job") != 0 && profile_thin(profile, POINTS_MAX) < 0))
        abort();
    if (format)
        failures += render_format_find(format)->render(profile, out, &error) < 0;
    else
        render_summary(profile, "job.html", 100, out);
    fclose(out);
    snprintf(path, sizeof(path), "%s.%s", name, ending);
    failures += compare(path, text, update);
    free(text);
    profile_destroy(profile);
    return failures;
}

/* In each format. Returns the number of differences. */
static int check(const char *recording_path, const char *name, bool update)
{
    struct recording *recording;
    struct error error = {""};
    if (recording_read(recording_path, &recording, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    int failures = check_format(recording, name, "json", "json", update) +
                   check_format(recording, name, "text", "txt", update) +
                   check_format(recording, name, NULL, "summary.txt", update);
    recording_destroy(recording);
    return failures;
}

/* ---- adopting ---- */

/* Files of the recorded directory by their names in it. */
static const char *neutral_file(const char *file, const char *directory)
{
    size_t length = strlen(directory);
    return length && strncmp(file, directory, length) == 0 && file[length] == '/'
               ? file + length + 1
               : file;
}

static void adopt_stacks(const struct recording *recording, struct recording_writer *writer)
{
    uint32_t id;
    for (size_t i = 1; i < recording->stack_count; i++) {
        const struct recording_stack *stack = &recording->stacks[i];
        const struct recording_frame *frame = &recording->frames[stack->frame_id];
        const char *file = neutral_file(frame->file, recording->target.directory);
        if (recording_writer_stack(writer, stack->parent_id, file, frame->function, frame->line,
                                   frame->first_line, &id) < 0 ||
            id != i)
            abort(); /* stacks are told apart by file, function and line: none can become another */
    }
}

static int adopt(const char *path, const char *name)
{
    struct recording *recording;
    struct recording_writer *writer;
    struct recording_cursor cursor;
    struct event event;
    struct error error = {""};
    char to[64], script[64], command[96];
    snprintf(to, sizeof(to), "%s.recording", name);
    snprintf(script, sizeof(script), "%s.py", name);
    snprintf(command, sizeof(command), "python %s.py", name);
    if (recording_read(path, &recording, &error) < 0 ||
        recording_writer_create(to, true, &writer, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    adopt_stacks(recording, writer);
    for (recording_rewind(recording, &cursor); recording_next(&cursor, &event);) {
        if (event.kind == EVENT_TARGET) {
            event.target.start_unix_ns = MADE_START_NS;
            event.target.program = script;
            event.target.command = command;
            event.target.directory = "";
            event.target.kernel = "Linux";
        } else if (event.kind == EVENT_PYTHON) {
            event.python.executable = "/usr/bin/python";
        }
        if (recording_writer_add(writer, &event) < 0)
            abort();
    }
    recording_destroy(recording);
    return recording_writer_destroy(writer) < 0;
}

static int copy(const char *from, const char *to)
{
    struct buffer data;
    read_all(from, &data);
    _cleanup_(fclosep) FILE *file = fopen(to, "we");
    int failed = !file || fwrite(data.data, 1, data.length - 1, file) != data.length - 1;
    buffer_deinit(&data);
    return failed;
}

int main(int argc, char **argv)
{
    struct made made;
    char path[64];
    bool update = argc == 3 && strcmp(argv[2], "update") == 0;
    if (argc < 2 || chdir(argv[1]) < 0) { /* sources are found beside the recordings */
        perror("golden");
        return 2;
    }
    if (argc == 5 && strcmp(argv[2], "adopt") == 0)
        return adopt(argv[3], argv[4]);
    make_recording(&made);
    if (recording_writer_destroy(made.writer) < 0)
        abort();
    int failures = update ? copy(made.path, "job.recording") : 0;
    failures += check(made.path, "job", update);
    unlink(made.path);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof(path), "%s.recording", names[i]);
        failures += check(path, names[i], update && i > 0);
    }
    return failures ? 1 : 0;
}
