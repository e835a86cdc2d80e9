/* Unwinding and naming on this very program: a child that stands still in a place that is known. */
#include "../test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "native/names.h"
#include "native/stack.h"

#define DEPTH 20

__attribute__((noinline)) static void innermost(int depth);

__attribute__((noinline)) static void by_turns(int depth)
{
    innermost(depth - 1);
    __asm__ volatile(""); /* not a jump to it */
}

__attribute__((noinline)) static void innermost(int depth)
{
    if (depth)
        by_turns(depth);
    else
        __builtin_trap(); /* the tracer sees SIGILL here */
    __asm__ volatile("");
}

static pid_t stopped_child(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        innermost(DEPTH);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSTOPPED(status));
    return child;
}

static void end_child(pid_t child)
{
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void unwind_child(pid_t child, struct registers *registers,
                         struct native_unwinder **ret_unwinder, struct native_stack *ret_stack)
{
    struct process_memory process_memory;
    struct memory memory;
    process_memory_init(&process_memory, child, &memory);
    if (!registers->known)
        assert_int_equal(registers_read_stopped(child, registers), 0);
    assert_int_equal(native_unwinder_create(child, ret_unwinder), 0);
    assert_int_equal(native_capture(*ret_unwinder, &memory, registers), 0);
    assert_int_equal(native_unwind(*ret_unwinder, ret_stack), 0);
    process_memory_deinit(&process_memory);
}

static const char *name_of(struct names *names, const struct native_unwinder *unwinder,
                           const struct native_frame *frame)
{
    const struct native_module *module = native_find_module(unwinder, frame->module);
    struct names_place places[NAMES_INLINED_MAX];
    size_t count;
    assert_non_null(module);
    struct names_module file = {module->path, module->build_id, module->build_id_bytes};
    assert_int_equal(names_find(names, &file, frame->address, places, &count), 0);
    return places[count - 1].function;
}

static void test_frames_and_names(void **state)
{
    (void)state;
    struct registers registers = {0};
    struct native_unwinder *unwinder;
    struct native_stack stack;
    struct names *names;
    pid_t child = stopped_child();
    unwind_child(child, &registers, &unwinder, &stack);
    end_child(child); /* names need no process */
    assert_int_equal(stack.end, NATIVE_WHOLE);
    assert_true(stack.count > 2 * DEPTH + 1);
    assert_int_equal(names_create(&(struct names_options){0}, &names), 0);
    for (size_t i = 0; i <= 2 * DEPTH; i++) {
        assert_string_equal(name_of(names, unwinder, &stack.frames[i]),
                            i % 2 ? "by_turns" : "innermost");
        assert_true(i == 0 || stack.frames[i].sp > stack.frames[i - 1].sp);
        assert_false(stack.frames[i].by_pointer);
    }
    names_destroy(names);
    native_unwinder_destroy(unwinder);
}

/* Another file under the same path: no name is better than a wrong one. */
static void test_other_build(void **state)
{
    (void)state;
    struct names *names;
    struct names_place places[NAMES_INLINED_MAX];
    size_t count;
    uint8_t build_id[20] = {1, 2, 3};
    struct names_module file = {"/proc/self/exe", build_id, sizeof(build_id)};
    assert_int_equal(names_create(&(struct names_options){0}, &names), 0);
    assert_int_equal(names_find(names, &file, 0x1234, places, &count), 0);
    assert_int_equal(count, 1);
    assert_string_equal(places[0].function, "<exe>");
    names_destroy(names);
}

/* A register that is not known must end the stack where it is needed, not lead it astray. */
static void test_unknown_registers(void **state)
{
    (void)state;
    struct registers all = {0}, few;
    struct native_unwinder *unwinder;
    struct native_stack stack, fewer;
    static struct native_frame frames[NATIVE_FRAMES_MAX];
    pid_t child = stopped_child();
    unwind_child(child, &all, &unwinder, &stack);
    memcpy(frames, stack.frames, stack.count * sizeof(*frames));
    native_unwinder_destroy(unwinder);
    few = all;
    few.known = UINT64_C(1) << REGISTERS_SP | UINT64_C(1) << REGISTERS_PC;
    unwind_child(child, &few, &unwinder, &fewer);
    end_child(child);
    assert_true(fewer.count >= 1 && fewer.count <= stack.count);
    for (size_t i = 0; i < fewer.count; i++)
        assert_int_equal(fewer.frames[i].pc, frames[i].pc);
    native_unwinder_destroy(unwinder);
}

static void test_nothing_readable(void **state)
{
    (void)state;
    struct registers registers = {.known = UINT64_C(1) << REGISTERS_SP | UINT64_C(1)
                                                                             << REGISTERS_PC};
    struct process_memory process_memory;
    struct memory memory;
    struct native_unwinder *unwinder;
    struct native_stack stack;
    registers.values[REGISTERS_SP] = 1 << 20; /* nothing is mapped so low */
    process_memory_init(&process_memory, getpid(), &memory);
    assert_int_equal(native_unwinder_create(getpid(), &unwinder), 0);
    assert_true(native_capture(unwinder, &memory, &registers) < 0);
    assert_false(native_has_capture(unwinder));
    assert_true(native_unwind(unwinder, &stack) < 0);
    registers.known = 0;
    assert_true(native_capture(unwinder, &memory, &registers) < 0);
    native_unwinder_destroy(unwinder);
    process_memory_deinit(&process_memory);
}

static void test_syscall_registers(void **state)
{
    (void)state;
    struct registers registers;
    assert_true(registers_parse_syscall("232 0x4 0x7ffd 0x1 0xffffffff 0x0 0x0 0x7ffdc8 0x7f1234\n",
                                        &registers));
    assert_int_equal(registers.values[REGISTERS_SP], 0x7ffdc8);
    assert_int_equal(registers.values[REGISTERS_PC], 0x7f1234);
    assert_false(registers_has(&registers, REGISTERS_FP));
    assert_false(registers_parse_syscall("running\n", &registers));
    assert_false(registers_parse_syscall("-1 0x7ffd 0x7f12\n", &registers));
    assert_false(registers_parse_syscall("", &registers));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_and_names),  cmocka_unit_test(test_other_build),
        cmocka_unit_test(test_unknown_registers), cmocka_unit_test(test_nothing_readable),
        cmocka_unit_test(test_syscall_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
