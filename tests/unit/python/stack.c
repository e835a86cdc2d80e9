#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake.h"
#include "python/stack.h"

static struct fake fake;
static struct python_reader *reader;

static void start(struct fake_build build)
{
    assert_true(fake_init(&fake, build));
    assert_int_equal(python_reader_create(&fake.runtime, &fake.memory, &reader), 0);
}

static void stop(void)
{
    python_reader_destroy(reader);
    reader = NULL;
}

static void test_names_and_lines(void **state)
{
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        start(fake_builds[b]);
        fake_push(&fake, fake_code(&fake, "outer", 10), 1, 0);
        bool hides = fake.runtime.layout.code.first_traceable != PYTHON_ABSENT;
        if (hides)
            fake_push(&fake, fake_code(&fake, "entered", 20), 0, 0); /* not begun: hidden */
        fake_push(&fake, fake_code(&fake, "inner", 30), 4, 0);
        struct python_stack stack;
        for (int round = 0; round < 3; round++) {
            fake.reads = 0;
            assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
            if (round)
                assert_in_range(fake.reads, 1, 6);
            assert_int_equal(python_stack_resolve(reader, &stack), 0);
            assert_int_equal(stack.count, 2);
            assert_false(stack.truncated);
            assert_string_equal(stack.frames[0].function, "inner");
            assert_string_equal(stack.frames[0].file, "file.py");
            assert_int_equal(stack.frames[0].line, 31);
            assert_int_equal(stack.frames[0].first_line, 30);
            assert_string_equal(stack.frames[1].function, "outer");
            assert_int_equal(stack.frames[1].line, 10);
        }
        assert_int_equal(python_stack_capture(reader, FAKE_TID + 1), PYTHON_STACK_NO_THREAD);
        assert_int_equal(python_stack_resolve(reader, &stack), PYTHON_STACK_TORN);
        stop();
    }
}

/* A thread that runs on between the capture and the look back. */
static void test_a_head_that_moved_is_noticed(void **state)
{
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        start(fake_builds[b]);
        const struct python_layout *layout = &fake.runtime.layout;
        assert_int_equal(python_stack_confirm(reader), PYTHON_STACK_TORN); /* nothing captured */
        remote_addr outer = fake_push(&fake, fake_code(&fake, "outer", 10), 1, 0);
        remote_addr code = fake_code(&fake, "inner", 30);
        remote_addr inner = fake_push(&fake, code, 4, 0);

        assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
        assert_int_equal(python_stack_confirm(reader), 0);
        fake_set_unit(&fake, inner, code, 5); /* on to its next instruction */
        assert_int_equal(python_stack_confirm(reader), 0);
        fake_set_frame(&fake, outer); /* returned */
        assert_int_equal(python_stack_confirm(reader), PYTHON_STACK_TORN);
        fake_set_frame(&fake, inner); /* another function in its place */
        fake_put_u64(&fake, inner + layout->frame.code, code + 64);
        assert_int_equal(python_stack_confirm(reader), PYTHON_STACK_TORN);
        fake_put_u64(&fake, inner + layout->frame.code, code);
        assert_int_equal(python_stack_confirm(reader), 0);
        fake_put_u64(&fake, inner + layout->frame.previous, outer + 8); /* called by another */
        assert_int_equal(python_stack_confirm(reader), PYTHON_STACK_TORN);
        stop();
    }
}

static void test_code_replaced_at_its_address(void **state)
{
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        start(fake_builds[b]);
        const struct python_layout *layout = &fake.runtime.layout;
        remote_addr code = fake_code(&fake, "before", 10);
        fake_push(&fake, code, 4, 0);
        struct python_stack stack;
        assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
        assert_int_equal(python_stack_resolve(reader, &stack), 0);
        const char *before = stack.frames[0].function;
        uint32_t id = stack.frames[0].code_id;

        fake_put_u64(&fake, code + layout->code.qualname, fake_text(&fake, "after"));
        if (layout->interpreter.code_generation != PYTHON_ABSENT)
            fake_put_u64(&fake, FAKE_INTERPRETER + layout->interpreter.code_generation, 1);
        assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
        assert_int_equal(python_stack_resolve(reader, &stack), 0);
        assert_string_equal(stack.frames[0].function, "after");
        assert_string_equal(before, "before"); /* texts stay */
        assert_int_not_equal(stack.frames[0].code_id, id);
        stop();
    }
}

static void test_cycle_is_torn(void **state)
{
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        start(fake_builds[b]);
        remote_addr code = fake_code(&fake, "f", 10);
        remote_addr first = fake_push(&fake, code, 4, 0);
        for (int i = 0; i < 700; i++)
            fake_push(&fake, code, 4, 0);
        fake_put_u64(&fake, first + fake.runtime.layout.frame.previous, fake.last_frame);
        assert_int_equal(python_stack_capture(reader, FAKE_TID), PYTHON_STACK_TORN);
        assert_int_equal(python_reader_can_retry(reader),
                         fake.runtime.layout.thread.cframe != PYTHON_ABSENT);
        stop();
    }
}

static void test_contradictions_are_torn(void **state)
{
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        for (int way = 0; way < 5; way++) {
            start(fake_builds[b]);
            const struct python_layout *layout = &fake.runtime.layout;
            remote_addr code = fake_code(&fake, "f", 10);
            remote_addr outer = fake_push(&fake, code, 4, 0);
            remote_addr inner = fake_push(&fake, code, 4, 0);
            uint8_t owner = 77;
            if (way == 0) /* frame out of memory */
                fake_put_u64(&fake, inner + layout->frame.previous, UINT64_C(0x7000000000));
            else if (way == 1) /* unaligned */
                fake_put_u64(&fake, inner + layout->frame.previous, outer + 1);
            else if (way == 2) /* outside of its code */
                fake_set_unit(&fake, inner, code, INT32_MAX / 2);
            else if (way == 3) /* no code object, and no object at all */
                fake_put_u64(&fake, inner + layout->frame.code, FAKE_C_STACK);
            else if (layout->frame.owner != PYTHON_ABSENT)
                fake_put(&fake, inner + layout->frame.owner, &owner, 1);
            else
                fake_put_u64(&fake, inner + layout->frame.code, 0);
            assert_int_equal(python_stack_capture(reader, FAKE_TID), PYTHON_STACK_TORN);
            stop();
        }
    }
}

static void test_unreadable_frame_is_torn(void **state)
{
    (void)state;
    start((struct fake_build){13, false});
    remote_addr code = fake_code(&fake, "f", 10);
    remote_addr first = fake_push(&fake, code, 4, 0);
    fake_push(&fake, code, 4, 0);
    fake.hole_start = first - FAKE_BASE;
    fake.hole_end = fake.hole_start + 8;
    assert_int_equal(python_stack_capture(reader, FAKE_TID), PYTHON_STACK_TORN);
    assert_false(python_reader_can_retry(reader));
    stop();
}

static void test_cframe_not_filled_in(void **state)
{
    (void)state;
    for (size_t b = 3; b <= 4; b++) { /* 3.11 and 3.12 */
        start(fake_builds[b]);
        const struct python_layout *layout = &fake.runtime.layout;
        fake_push(&fake, fake_code(&fake, "f", 10), 4, 0);
        /* The eval loop around this one stands elsewhere than this chain says. */
        fake_put_u64(&fake, FAKE_C_STACK + 64 + layout->cframe.frame, FAKE_CHUNK + 0x800);
        assert_int_equal(python_stack_capture(reader, FAKE_TID), PYTHON_STACK_TORN);
        assert_true(python_reader_can_retry(reader));
        fake_put_u64(&fake, FAKE_C_STACK + 64 + layout->cframe.frame, 0);
        fake_put_u64(&fake, FAKE_C_STACK + layout->cframe.frame, 0);
        assert_int_equal(python_stack_capture(reader, FAKE_TID), PYTHON_STACK_TORN);
        stop();
    }
}

static void test_deep_stack_keeps_the_innermost(void **state)
{
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        start(fake_builds[b]);
        remote_addr code = fake_code(&fake, "f", 10);
        fake_push(&fake, fake_code(&fake, "outermost", 10), 4, 0);
        for (int i = 0; i < 2000 - 1; i++)
            fake_push(&fake, code, 4, 0);
        fake_push(&fake, fake_code(&fake, "innermost", 10), 4, 0);
        struct python_stack stack;
        assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
        assert_int_equal(python_stack_resolve(reader, &stack), 0);
        assert_int_equal(stack.count, PYTHON_FRAMES_MAX);
        assert_true(stack.truncated);
        assert_string_equal(stack.frames[0].function, "innermost");
        assert_string_equal(stack.frames[stack.count - 1].function, "f");
        stop();
    }
}

static void test_more_new_code_than_fits(void **state)
{
    (void)state;
    start((struct fake_build){12, false});
    for (uint32_t i = 0; i < 150; i++)
        fake_push(&fake, fake_code(&fake, "f", 10 + i), 4, 0);
    struct python_stack stack;
    assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
    assert_int_equal(python_stack_resolve(reader, &stack), 0);
    assert_int_equal(stack.count, 150);
    assert_string_equal(stack.frames[149].function, "<unknown>");
    assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
    assert_int_equal(python_stack_resolve(reader, &stack), 0);
    assert_string_equal(stack.frames[149].function, "f");
    assert_int_equal(stack.frames[149].line, 11);
    stop();
}

/* Free-threaded 3.14 and later. */
static void test_broken_copies_of_code_are_torn(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        start((struct fake_build){14, true});
        const struct python_layout *layout = &fake.runtime.layout;
        remote_addr code = fake_code(&fake, "f", 10);
        remote_addr frame = fake_push(&fake, code, 4, 0);
        remote_addr array = load_u64(fake.data + (code + layout->code.tlbc - FAKE_BASE));
        if (way == 0) /* no copies at all */
            fake_put_u64(&fake, code + layout->code.tlbc, 0);
        else if (way == 1) /* a copy elsewhere */
            fake_put_u64(&fake, array + 16, FAKE_HEAP);
        else if (way == 2) /* an array that is not there */
            fake_put_u64(&fake, code + layout->code.tlbc, UINT64_C(0x7000000000));
        else
            fake_put_u32(&fake, frame + layout->frame.tlbc_index, UINT32_MAX);
        assert_int_equal(python_stack_capture(reader, FAKE_TID), PYTHON_STACK_TORN);
        stop();
    }
}

/* 3.8 to 3.10: the number of a thread is where libc has it. */
static void test_a_thread_that_is_not_that_thread_any_more(void **state)
{
    (void)state;
    start((struct fake_build){9, false});
    remote_addr tid_at = FAKE_PTHREAD + fake.runtime.pthread_tid;
    fake_push(&fake, fake_code(&fake, "f", 10), 4, 0);
    assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
    fake_put_u32(&fake, tid_at, 77); /* it ended, another thread got its stack */
    assert_int_equal(python_stack_capture(reader, FAKE_TID), PYTHON_STACK_NO_THREAD);
    assert_int_equal(python_stack_capture(reader, 77), 0);
    fake.hole_start = FAKE_PTHREAD - FAKE_BASE; /* its stack was unmapped */
    fake.hole_end = fake.hole_start + 1024;
    assert_int_equal(python_stack_capture(reader, 77), PYTHON_STACK_NO_THREAD);
    stop();
}

/* 3.8 to 3.10: frames of the last capture are fetched ahead; those that have gone must not matter.
 */
static void test_frames_that_were_fetched_ahead_in_vain(void **state)
{
    (void)state;
    start((struct fake_build){8, false});
    struct python_stack stack;
    remote_addr code = fake_code(&fake, "f", 10), outer = 0;
    for (int i = 0; i < 20; i++)
        outer = fake_push(&fake, code, 4, 0);
    fake.frame_next = FAKE_CHUNK + (4 << 12); /* on a page of its own */
    remote_addr inner = fake_push(&fake, code, 4, 0);
    assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
    assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
    fake_set_frame(&fake, outer);
    fake.hole_start = inner - FAKE_BASE;
    fake.hole_end = fake.hole_start + 4096;
    fake.frame_next = FAKE_CHUNK + (8 << 12);
    assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
    assert_int_equal(python_stack_resolve(reader, &stack), 0);
    assert_int_equal(stack.count, 20);
    fake_push(&fake, fake_code(&fake, "new", 50), 4, 0);
    assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
    assert_int_equal(python_stack_resolve(reader, &stack), 0);
    assert_int_equal(stack.count, 21);
    assert_string_equal(stack.frames[0].function, "new");
    stop();
}

static void test_who_holds_the_gil(void **state)
{
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        start(fake_builds[b]);
        typeof(fake.runtime.layout.gil) at = fake.runtime.layout.gil;
        remote_addr gil = FAKE_RUNTIME;
        bool holds = false;
        fake_push(&fake, fake_code(&fake, "f", 10), 4, 0);
        assert_int_equal(python_stack_holds_gil(reader, &holds), PYTHON_STACK_TORN);
        assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
        if (at.pointer != PYTHON_ABSENT) {
            assert_int_equal(python_stack_holds_gil(reader, &holds), PYTHON_STACK_TORN);
            gil = fake_alloc(&fake, 64);
            fake_put_u64(&fake, FAKE_INTERPRETER + at.pointer, gil);
        }
        fake_put_u64(&fake, gil + at.holder, FAKE_THREAD);
        if (at.enabled != PYTHON_ABSENT) {
            assert_int_equal(python_stack_holds_gil(reader, &holds), PYTHON_STACK_NO_GIL);
            fake_put_u32(&fake, gil + at.enabled, 1);
        }
        assert_int_equal(python_stack_holds_gil(reader, &holds), 0);
        assert_false(holds);
        fake_put_u32(&fake, gil + at.locked, 1);
        assert_int_equal(python_stack_holds_gil(reader, &holds), 0);
        assert_true(holds);
        fake_put_u64(&fake, gil + at.holder, FAKE_THREAD + 8);
        assert_int_equal(python_stack_holds_gil(reader, &holds), 0);
        assert_false(holds);
        stop();
    }
}

static void test_no_frames(void **state)
{
    (void)state;
    start((struct fake_build){13, false});
    fake_set_frame(&fake, 0);
    struct python_stack stack;
    assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
    assert_int_equal(python_stack_resolve(reader, &stack), 0);
    assert_int_equal(stack.count, 0);
    stop();
}

static void test_finalizing(void **state)
{
    (void)state;
    bool finalizing;
    assert_true(fake_init(&fake, (struct fake_build){12, false}));
    assert_int_equal(python_runtime_is_finalizing(&fake.runtime, &fake.memory, &finalizing), 0);
    assert_false(finalizing);
    fake_put_u64(&fake, FAKE_RUNTIME + fake.runtime.layout.runtime.finalizing, FAKE_THREAD);
    assert_int_equal(python_runtime_is_finalizing(&fake.runtime, &fake.memory, &finalizing), 0);
    assert_true(finalizing);
}

/* An object that begins shortly before the end of a page. */
static void test_text_at_the_end_of_a_page(void **state)
{
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        start(fake_builds[b]);
        fake.heap_next = (fake.heap_next | 4095) + 1 - 48;
        fake_push(&fake, fake_code(&fake, "late", 10), 4, 0);
        struct python_stack stack;
        assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
        assert_int_equal(python_stack_resolve(reader, &stack), 0);
        assert_int_equal(stack.count, 1);
        assert_string_equal(stack.frames[0].file, "file.py");
        stop();
    }
}

#define OTHER_INTERPRETER (FAKE_CHUNK + 0x30000)
#define OTHER_THREAD      (FAKE_CHUNK + 0x34000)

/* A second interpreter, newer than the first, in which the same thread runs `function`. Its eval
 * loop is inside the first one's, or around it. */
static void enter_another(const char *function, bool inside)
{
    const struct python_layout *layout = &fake.runtime.layout;
    remote_addr chunk_next = fake.frame_next, c_stack = FAKE_C_STACK + (inside ? 0 : 256);
    memcpy(fake.data + (OTHER_THREAD - FAKE_BASE), fake.data + (FAKE_THREAD - FAKE_BASE),
           PYTHON_THREAD_BYTES_MAX);
    fake_put_u64(&fake, OTHER_THREAD + layout->thread.interp, OTHER_INTERPRETER);
    fake_put_u64(&fake, OTHER_INTERPRETER + layout->interpreter.next, FAKE_INTERPRETER);
    fake_put_u64(&fake, OTHER_INTERPRETER + layout->interpreter.threads_head, OTHER_THREAD);
    fake_put_u64(&fake, FAKE_RUNTIME + layout->runtime.interpreters_head, OTHER_INTERPRETER);
    fake.last_frame = 0;
    fake.frame_next = FAKE_CHUNK + (inside ? 0x1000 : 0x20000);
    if (layout->has_shims)
        fake_push(&fake, fake_code(&fake, "shim", 1), 0, 3);
    remote_addr frame = fake_push(&fake, fake_code(&fake, function, 50), 4, 0);
    fake.frame_next = chunk_next;
    if (layout->thread.cframe == PYTHON_ABSENT) {
        fake_put_u64(&fake, OTHER_THREAD + layout->thread.frame, frame);
    } else {
        fake_put_u64(&fake, OTHER_THREAD + layout->thread.cframe, c_stack);
        fake_put_u64(&fake, c_stack + layout->cframe.frame, frame);
    }
}

/* Both stacks, in the order in which one was called out of the other. */
static void test_a_thread_in_two_interpreters(void **state)
{
    (void)state;
    for (size_t b = 0; b < 2 * FAKE_BUILDS; b++) {
        bool inside = b % 2;
        start(fake_builds[b / 2]);
        const struct python_layout *layout = &fake.runtime.layout;
        if (!inside && layout->frame.owner == PYTHON_ABSENT) {
            stop(); /* nothing tells before 3.11 */
            continue;
        }
        /* The first interpreter's part of the C stack lies between the places of the other's. */
        fake.last_frame = 0;
        fake.frame_next = FAKE_CHUNK + 0x10000;
        if (layout->has_shims)
            fake_push(&fake, fake_code(&fake, "shim", 1), 0, 3);
        remote_addr first = fake_push(&fake, fake_code(&fake, "first", 10), 4, 0);
        if (layout->thread.cframe != PYTHON_ABSENT) {
            fake_put_u64(&fake, FAKE_THREAD + layout->thread.cframe, FAKE_C_STACK + 128);
            fake_put_u64(&fake, FAKE_C_STACK + 128 + layout->cframe.frame, first);
            fake_put_u64(&fake, FAKE_C_STACK + layout->cframe.previous, 0);
        }
        enter_another("other", inside);
        if (layout->thread.cframe == PYTHON_ABSENT)
            fake_put_u64(&fake, FAKE_THREAD + layout->thread.frame, first);
        struct python_stack stack;
        for (int round = 0; round < 2; round++) {
            assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
            assert_int_equal(python_stack_resolve(reader, &stack), 0);
            assert_int_equal(stack.count, 2);
            assert_string_equal(stack.frames[0].function, inside ? "other" : "first");
            assert_string_equal(stack.frames[1].function, inside ? "first" : "other");
            assert_int_equal(python_stack_confirm(reader), 0);
        }
        stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_lines),
        cmocka_unit_test(test_a_head_that_moved_is_noticed),
        cmocka_unit_test(test_code_replaced_at_its_address),
        cmocka_unit_test(test_cycle_is_torn),
        cmocka_unit_test(test_contradictions_are_torn),
        cmocka_unit_test(test_unreadable_frame_is_torn),
        cmocka_unit_test(test_cframe_not_filled_in),
        cmocka_unit_test(test_deep_stack_keeps_the_innermost),
        cmocka_unit_test(test_more_new_code_than_fits),
        cmocka_unit_test(test_broken_copies_of_code_are_torn),
        cmocka_unit_test(test_a_thread_that_is_not_that_thread_any_more),
        cmocka_unit_test(test_frames_that_were_fetched_ahead_in_vain),
        cmocka_unit_test(test_who_holds_the_gil),
        cmocka_unit_test(test_no_frames),
        cmocka_unit_test(test_finalizing),
        cmocka_unit_test(test_text_at_the_end_of_a_page),
        cmocka_unit_test(test_a_thread_in_two_interpreters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
