/* Merging: Python frames stand where their evaluation loops stood. Stacks are drawn innermost
 * first. */
#include "../test.h"

#include "native/merge.h"

#define EVAL        0x1000 /* code of the evaluation function */
#define INTERPRETER 0x1800 /* other code of the interpreter */
#define LIBRARY     0x9000

static const struct python_code code = {
    .module = {0x1000, 0x2000},
    .eval = {{EVAL, EVAL + 0x100}, {0x1f00, 0x1f10}},
};

struct drawing {
    struct native_frame frames[8];
    size_t frame_count;
    struct python_entry entries[4];
    size_t entry_count;
    size_t python_frames;
    enum native_end end;
};

/* "n0" is the native frame 0, "p1" the Python frame 1. */
static enum merge_fit merge(const struct drawing *drawing, char *text)
{
    struct native_frame frames[8];
    struct merge_frame merged[32];
    size_t count;
    memcpy(frames, drawing->frames, sizeof(frames));
    struct native_stack native = {
        .frames = frames, .count = drawing->frame_count, .end = drawing->end};
    struct merge_input input = {.native = &native,
                                .python_frames = drawing->python_frames,
                                .entries = drawing->entries,
                                .entry_count = drawing->entry_count,
                                .code = code};
    enum merge_fit fit = merge_stacks(&input, merged, &count);
    for (size_t i = 0; i < count; i++) {
        *text++ = merged[i].native ? 'n' : 'p';
        *text++ = (char)('0' + merged[i].index);
    }
    *text = 0;
    return fit;
}

static void expect(const struct drawing *drawing, enum merge_fit fit, const char *wanted)
{
    char text[80];
    assert_int_equal(merge(drawing, text), fit);
    assert_string_equal(text, wanted);
}

static void test_one_loop_runs_many(void **state)
{
    (void)state;
    const struct drawing drawing = {
        .frames = {{.pc = LIBRARY, .sp = 100}, {.pc = EVAL, .sp = 200}, {.pc = LIBRARY, .sp = 300}},
        .frame_count = 3,
        .entries = {{.anchor = 240, .frames_end = 3}},
        .entry_count = 1,
        .python_frames = 3,
    };
    expect(&drawing, MERGE_EXACT, "n0p0p1p2n2");
}

/* The loop is known by what it left on the stack, whatever its code is called. */
static void test_callback_without_names(void **state)
{
    (void)state;
    const struct drawing drawing = {
        .frames = {{.pc = LIBRARY, .sp = 100},
                   {.pc = INTERPRETER, .sp = 200},
                   {.pc = LIBRARY, .sp = 300},
                   {.pc = INTERPRETER, .sp = 400},
                   {.pc = LIBRARY, .sp = 500}},
        .frame_count = 5,
        .entries = {{.anchor = 216, .frames_end = 1}, {.anchor = 480, .frames_end = 4}},
        .entry_count = 2,
        .python_frames = 4,
    };
    expect(&drawing, MERGE_EXACT, "n0p0n2p1p2p3n4");
}

/* 3.15: the loop that stands for "none runs" is elsewhere, and runs nothing. */
static void test_idle_loop(void **state)
{
    (void)state;
    struct drawing drawing = {
        .frames = {{.pc = LIBRARY, .sp = 100}, {.pc = EVAL, .sp = 200}, {.pc = LIBRARY, .sp = 300}},
        .frame_count = 3,
        .entries = {{.anchor = 240, .frames_end = 1}, {.anchor = 8, .frames_end = 1}},
        .entry_count = 2,
        .python_frames = 1,
    };
    expect(&drawing, MERGE_EXACT, "n0p0n2");
    drawing.entries[1].anchor = 100000;
    expect(&drawing, MERGE_EXACT, "n0p0n2");
}

/* What unwinding did not reach is further out: Python's frames stay whole. */
static void test_cut(void **state)
{
    (void)state;
    const struct drawing drawing = {
        .frames = {{.pc = LIBRARY, .sp = 100}, {.pc = EVAL, .sp = 200}, {.pc = LIBRARY, .sp = 300}},
        .frame_count = 3,
        .entries = {{.anchor = 240, .frames_end = 1}, {.anchor = 900, .frames_end = 2}},
        .entry_count = 2,
        .python_frames = 2,
        .end = NATIVE_CUT,
    };
    expect(&drawing, MERGE_EXACT, "n0p0n2p1");
}

/* A frame whose caller was found by its frame pointer may hide others: it is not taken for the
 * loop's. */
static void test_by_pointer(void **state)
{
    (void)state;
    const struct drawing drawing = {
        .frames = {{.pc = LIBRARY, .sp = 100, .by_pointer = true}, {.pc = LIBRARY, .sp = 300}},
        .frame_count = 2,
        .entries = {{.anchor = 240, .frames_end = 1}},
        .entry_count = 1,
        .python_frames = 1,
    };
    expect(&drawing, MERGE_EXACT, "n0p0n1");
}

static void test_contradiction(void **state)
{
    (void)state;
    const struct drawing drawing = {
        .frames = {{.pc = LIBRARY, .sp = 1000},
                   {.pc = INTERPRETER, .sp = 2000},
                   {.pc = LIBRARY, .sp = 3000}},
        .frame_count = 3,
        .entries = {{.anchor = 240,
                     .frames_end = 1}}, /* below the stack pointer: a loop that has returned */
        .entry_count = 1,
        .python_frames = 1,
    };
    expect(&drawing, MERGE_UNCERTAIN, "n0p0");
}

/* Up to 3.10: the n-th native frame of the evaluation function runs the n-th Python frame. */
static void test_one_loop_a_frame(void **state)
{
    (void)state;
    struct drawing drawing = {
        .frames = {{.pc = LIBRARY, .sp = 100},
                   {.pc = EVAL + 8, .sp = 200},
                   {.pc = INTERPRETER, .sp = 300},
                   {.pc = 0x1f08, .sp = 400},
                   {.pc = LIBRARY, .sp = 500}},
        .frame_count = 5,
        .entries = {{.frames_end = 1}, {.frames_end = 2}},
        .entry_count = 2,
        .python_frames = 2,
    };
    expect(&drawing, MERGE_EXACT, "n0p0n2p1n4");

    drawing.frames[3].pc = INTERPRETER; /* a part of it that is not known */
    expect(&drawing, MERGE_UNCERTAIN, "n0p0p1");
    drawing.end = NATIVE_NO_INFO; /* ...or that was not reached */
    expect(&drawing, MERGE_EXACT, "n0p0n2n3n4p1");
}

static void test_either_alone(void **state)
{
    (void)state;
    const struct drawing native = {.frames = {{.pc = LIBRARY, .sp = 100}, {.pc = EVAL, .sp = 200}},
                                   .frame_count = 2};
    const struct drawing python = {
        .entries = {{.anchor = 5, .frames_end = 2}}, .entry_count = 1, .python_frames = 2};
    expect(&native, MERGE_EXACT, "n0n1");
    expect(&python, MERGE_UNCERTAIN, "p0p1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_loop_runs_many), cmocka_unit_test(test_callback_without_names),
        cmocka_unit_test(test_idle_loop),          cmocka_unit_test(test_cut),
        cmocka_unit_test(test_by_pointer),         cmocka_unit_test(test_contradiction),
        cmocka_unit_test(test_one_loop_a_frame),   cmocka_unit_test(test_either_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
