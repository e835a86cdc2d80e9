/* Golden reports: a recording made here, and the one that is stored, both give exactly the stored
 * outputs. The stored recording shows that old files stay readable and keep their meaning; after a
 * change that is wanted: test-golden DIRECTORY update */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"
#include "made.h"
#include "render/render.h"

#define RECORDING "job.recording"

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

/* Renders a recording in each format and compares. Returns the number of differences. */
static int check(const char *recording_path, bool update)
{
    static const struct {
        const char *format, *path;
    } outputs[] = {{"json", "job.json"}, {"text", "job.txt"}, {NULL, "job.summary.txt"}};
    struct recording *recording;
    struct error error = {""};
    int failures = 0;
    if (recording_read(recording_path, &recording, &error) < 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    for (size_t i = 0; i < sizeof(outputs) / sizeof(outputs[0]); i++) {
        struct profile *profile;
        char *text = NULL;
        size_t length = 0;
        FILE *out = open_memstream(&text, &length);
        if (!out || profile_create(recording, &profile, &error) < 0)
            abort();
        if (outputs[i].format)
            failures += render_format_find(outputs[i].format)->render(profile, out, &error) < 0;
        else
            render_summary(profile, "job.html", 100, out);
        fclose(out);
        failures += compare(outputs[i].path, text, update);
        free(text);
        profile_destroy(profile);
    }
    recording_destroy(recording);
    return failures;
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
    bool update = argc == 3 && strcmp(argv[2], "update") == 0;
    if (argc < 2 || chdir(argv[1]) < 0) { /* sources are found beside the recording */
        perror("golden");
        return 2;
    }
    make_recording(&made);
    if (recording_writer_destroy(made.writer) < 0)
        abort();
    int failures = update ? copy(made.path, RECORDING) : 0;
    failures += check(made.path, update);
    failures += check(RECORDING, false);
    unlink(made.path);
    return failures ? 1 : 0;
}
