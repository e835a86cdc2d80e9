/* Which native frames are folded away. */
#include "../test.h"

#include "base/array.h"
#include "model/internals.h"

/* A stack innermost first: "p" Python, "i:name" of the interpreter, "l:name" of a library. Returns
 * those that stay. */
static void expect(const char *const *stack, size_t count, const char *wanted)
{
    struct internals_frame frames[16] = {0};
    char text[400] = "";
    for (size_t i = 0; i < count; i++)
        frames[i] = (struct internals_frame){.native = stack[i][0] != 'p',
                                             .interpreter = stack[i][0] == 'i',
                                             .function = stack[i][0] == 'p' ? "" : stack[i] + 2};
    internals_mark(frames, count);
    for (size_t i = 0; i < count; i++)
        if (!frames[i].hidden)
            strcat(strcat(text, text[0] ? " " : ""), stack[i]);
    assert_string_equal(text, wanted);
}
#define EXPECT(wanted, ...)                                                                        \
    do {                                                                                           \
        static const char *const stack[] = {__VA_ARGS__};                                          \
        expect(stack, ARRAY_SIZE(stack), wanted);                                                  \
    } while (0)

static void test_stacks(void **state)
{
    (void)state;
    EXPECT("l:memset i:bytearray_init p", "l:memset", "i:bytearray_init", "i:type_call",
           "i:_PyObject_MakeTpCall", "p", "i:Py_RunMain", "i:main", "l:__libc_start_call_main",
           "l:__libc_start_main@@GLIBC_2.34", "l:_start");
    /* Between two Python frames all of the interpreter's goes, a library's stays. */
    EXPECT("p l:call_back p", "p", "i:list_sort", "i:_PyEval_Vector", "l:call_back",
           "i:cfunction_vectorcall_O", "p");
    /* Without names there is nothing to tell a reader. */
    EXPECT("p", "i:<python3.11+0x1234>", "p");
    /* An instruction that is a function of its own. */
    EXPECT("i:list_resize p", "i:list_resize", "i:_TAIL_CALL_LIST_APPEND", "p");
    /* A thread without Python. */
    EXPECT("l:memset l:work", "l:memset", "l:work", "l:start_thread", "l:__clone3");
    /* A program of somebody's own around Python. */
    EXPECT("p l:run_script", "p", "i:PyRun_SimpleString", "l:run_script", "l:main", "l:_start");
    /* What is innermost always stays. */
    EXPECT("l:main", "l:main", "l:_start");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stacks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
