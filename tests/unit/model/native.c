/* Native frames in the model: below the lines that called them, on top of their figures; kinds of
 * memory. */
#include "../test.h"

#include "base/array.h"
#include "made.h"

#define PAGE 4096

static uint32_t native(struct made *made, uint32_t parent, uint32_t module, uint64_t address)
{
    uint32_t stack;
    if (recording_writer_native(made->writer, parent, module, address, &stack) != 0)
        abort();
    return stack;
}

static uint32_t module(struct made *made, const char *path, bool interpreter)
{
    uint32_t number;
    const struct recording_writer_file file = {.path = path, .interpreter = interpreter};
    if (recording_writer_module(made->writer, &file, &number) != 0)
        abort();
    return number;
}

/* Names by address, as they would come from the files. */
static void name_all(struct recording *recording)
{
    static const struct {
        uint64_t address;
        struct recording_place places[2];
        size_t count;
    } names[] = {
        {0x10, {{"_PyEval_EvalFrameDefault", "", 0, 0}}, 1},
        {0x11, {{"main", "", 0, 0}}, 1},
        {0x20, {{"grow", "x.c", 7, 5}}, 1},
        {0x24, {{"grow", "x.c", 7, 5}}, 1}, /* the same line */
        {0x30, {{"grow", "x.c", 8, 5}, {"fill", "x.h", 3, 1}}, 2},
        {0x40, {{"start_thread", "", 0, 0}}, 1},
        {0x50, {{"work", "x.c", 20, 18}}, 1},
    };
    for (size_t i = 0; i < recording->frame_count; i++)
        for (size_t k = 0; k < ARRAY_SIZE(names); k++)
            if (recording->frames[i].module && recording->frames[i].address == names[k].address)
                assert_int_equal(
                    recording_name_frame(recording, i, names[k].places, names[k].count), 0);
}

static const struct profile_row *row(const struct profile_row *rows, size_t count,
                                     const char *function, int32_t line)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].function, function) == 0 && (line < 0 || rows[i].line == line))
            return &rows[i];
    return NULL;
}
#define LINE(function, line) row(profile->lines, profile->line_count, function, line)
#define FUNCTION(function)   row(profile->functions, profile->function_count, function, -1)
#define CULPRIT(function)    row(profile->culprits, profile->culprit_count, function, -1)

static void make(struct made *made, bool internals, struct profile **ret_profile)
{
    made_start(made);
    uint32_t python = module(made, "/usr/bin/python", true),
             library = module(made, "/lib/x.so", false);
    uint32_t main_line = native(made, native(made, 0, python, 0x11), python, 0x10);
    uint32_t caller = made_stack(made, main_line, "/srv/job.py", "a", 10);
    uint32_t first = native(made, caller, library, 0x20),
             second = native(made, caller, library, 0x24);
    uint32_t inlined = native(made, native(made, caller, python, 0x10), library, 0x30);
    uint32_t thread = native(made, native(made, 0, library, 0x40), library, 0x50);
    made_reading(made, 0, 1000 * PAGE, 0);
    made_add(made, (struct event){.kind = EVENT_PLACE, .place = {100, 50, PLACE_ARENA, false, ""}});
    made_add(made,
             (struct event){.kind = EVENT_PLACE, .place = {200, 50, PLACE_ANONYMOUS, true, ""}});
    made_add(made, (struct event){.kind = EVENT_UNWOUND,
                                  .unwound = {.end = UNWOUND_NO_INFO, .module = 2}});
    const struct event_owner owners[][1] = {
        {{.tid = 1,
          .faults = 1,
          .stack_id = first,
          .state = STACK_IN_ACT,
          .fault_address = 101 * PAGE}},
        {{.tid = 1,
          .faults = 1,
          .stack_id = second,
          .state = STACK_IN_ACT,
          .fault_address = 102 * PAGE}},
        {{.tid = 1,
          .faults = 1,
          .stack_id = inlined,
          .state = STACK_IN_ACT,
          .fault_address = 201 * PAGE}},
        {{.tid = 1,
          .faults = 1,
          .stack_id = caller,
          .state = STACK_IN_ACT,
          .fault_address = 300 * PAGE}},
        {{.tid = 2, .faults = 1, .stack_id = thread, .state = STACK_NO_PYTHON}},
    };
    static const uint64_t pages[] = {3, 4, 5, 6, 7};
    for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
        made_sample(made, (i + 1) * MS, pages[i] * PAGE, 0, owners[i], 1);
    made_end(made, 9 * MS);
    assert_int_equal(recording_writer_destroy(made->writer), 0);
    assert_int_equal(recording_read(made->path, &made->recording, NULL), 0);
    unlink(made->path);
    name_all(made->recording);
    const struct profile_options options = {.internals = internals};
    assert_int_equal(profile_create_with(made->recording, &options, ret_profile, NULL), 0);
}

static void test_figures(void **state)
{
    (void)state;
    struct made made;
    struct profile *profile;
    make(&made, false, &profile);
    /* What native functions did is the line's own, as it is without them. */
    assert_int_equal(LINE("a", 10)->self.grown_bytes, 18 * PAGE);
    assert_int_equal(LINE("a", 10)->total.grown_bytes, 18 * PAGE);
    assert_int_equal(CULPRIT("a")->self.grown_bytes, 18 * PAGE);
    /* A thread without Python stays <native>. */
    assert_int_equal(LINE("<native>", 0)->self.grown_bytes, 7 * PAGE);
    assert_int_equal(profile->totals.native_bytes, 7 * PAGE);
    assert_int_equal(CULPRIT("<native>")->self.grown_bytes, 7 * PAGE);
    /* Native rows come on top; two instructions of a line are one row. */
    assert_int_equal(LINE("grow", 7)->self.grown_bytes, 7 * PAGE);
    assert_string_equal(LINE("grow", 7)->module, "/lib/x.so");
    assert_int_equal(LINE("fill", 3)->self.grown_bytes, 5 * PAGE);
    assert_int_equal(FUNCTION("grow")->total.grown_bytes, 12 * PAGE);
    assert_int_equal(FUNCTION("work")->self.grown_bytes, 7 * PAGE);
    assert_null(FUNCTION("main"));
    assert_null(FUNCTION("_PyEval_EvalFrameDefault"));
    assert_null(FUNCTION("start_thread"));
    /* Python's rows alone add up to everything. */
    uint64_t grown = 0, held = 0;
    for (size_t i = 0; i < profile->line_count; i++) {
        grown += profile->lines[i].module ? 0 : profile->lines[i].self.grown_bytes;
        held += profile->lines[i].module ? 0 : profile->lines[i].self.held_at_end_bytes;
    }
    assert_int_equal(grown, profile->totals.grown_bytes);
    assert_int_equal(held, profile->totals.end_rss_bytes);
    profile_destroy(profile);
    recording_destroy(made.recording);
}

static void test_internals_on_request(void **state)
{
    (void)state;
    struct made made;
    struct profile *profile;
    make(&made, true, &profile);
    assert_int_equal(FUNCTION("main")->total.grown_bytes, 18 * PAGE);
    assert_int_equal(FUNCTION("_PyEval_EvalFrameDefault")->total.grown_bytes, 18 * PAGE);
    assert_int_equal(LINE("a", 10)->self.grown_bytes, 18 * PAGE);
    profile_destroy(profile);
    recording_destroy(made.recording);
}

static void test_kinds_and_ends(void **state)
{
    (void)state;
    struct made made;
    struct profile *profile;
    make(&made, false, &profile);
    assert_true(profile->has_kinds);
    assert_int_equal(profile->kinds.grown_bytes[PLACE_ARENA], 7 * PAGE);
    assert_int_equal(profile->kinds.grown_bytes[PLACE_ANONYMOUS], 5 * PAGE);
    assert_int_equal(profile->kinds.grown_bytes[0], 13 * PAGE);
    assert_int_equal(profile->kinds.huge_bytes, 5 * PAGE);
    assert_int_equal(profile->kind_regions[PLACE_ARENA], 1);
    assert_int_equal(LINE("a", 10)->kinds.grown_bytes[PLACE_ARENA], 7 * PAGE);
    assert_int_equal(CULPRIT("a")->kinds.grown_bytes[PLACE_ANONYMOUS], 5 * PAGE);
    assert_int_equal(FUNCTION("fill")->kinds.huge_bytes, 5 * PAGE);
    assert_int_equal(profile->unwound.stacks, 1);
    assert_int_equal(profile->unwound.no_info, 1);
    assert_int_equal(profile->unwound_module_count, 1);
    assert_string_equal(profile->unwound_modules[0].path, "/lib/x.so");
    profile_destroy(profile);
    recording_destroy(made.recording);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_figures),
                                       cmocka_unit_test(test_internals_on_request),
                                       cmocka_unit_test(test_kinds_and_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
