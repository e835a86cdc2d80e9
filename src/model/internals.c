/* The policy of folding. Knows names of CPython's functions (3.8 to 3.15) and of how C libraries
 * start threads. */
#include "model/internals.h"

#include <string.h>

#include "base/array.h"

/* Beginnings of names of functions that only pass a call on, or enter the evaluation loop. */
static const char *const machinery[] = {
    "_PyEval_",
    "PyEval_",
    "_TAIL_CALL_",
    "_PyFunction_",
    "function_code_fastcall",
    "call_function",
    "_PyObject_Vectorcall",
    "PyObject_Vectorcall",
    "_PyObject_Call",
    "PyObject_Call",
    "_PyObject_FastCall",
    "_PyObject_MakeTpCall",
    "object_vacall",
    "_PyVectorcall_",
    "PyVectorcall_",
    "_PyCFunction_",
    "cfunction_",
    "method_vectorcall",
    "method_call",
    "method_descr",
    "_PyMethodDef_",
    "_PyMethodDescr_",
    "slot_tp_",
    "slot_nb_",
    "slot_sq_",
    "slot_mp_",
    "vectorcall_",
    "type_call",
    "type_vectorcall",
    "wrapperdescr_call",
    "wrapper_call",
    "wrap_",
    "gen_send",
    "gen_iternext",
    "_PyGen_",
    "builtin_exec",
    "builtin_eval",
    "do_call_core",
    "partial_vectorcall",
    "partial_call",
    "classmethoddescr_call",
    "_Py_Vectorcall",
    "_PyEntryFrame",
    "PyCFunction_Call",
    "cmpwrapper",
    "py_trampoline",
    "_PyPerfTrampoline",
};

/* How a program, or one of its threads, begins. */
static const char *const beginnings[] = {
    "_start",
    "__libc_start_main",
    "__libc_start_call_main",
    "__libc_start_main_impl",
    "main",
    "start_thread",
    "clone",
    "clone3",
    "__clone3",
    "__clone",
    "__GI___clone3",
    "thread_start",
    "start",
    "libc_start_main_stage2",
    "generic_start_main",
};

static bool begins_with_any(const char *function)
{
    for (size_t i = 0; i < ARRAY_SIZE(machinery); i++)
        if (strncmp(function, machinery[i], strlen(machinery[i])) == 0)
            return true;
    return false;
}

static bool is_beginning(const char *function)
{
    size_t length = strcspn(function, "@"); /* a symbol's version */
    for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++)
        if (strlen(beginnings[i]) == length && strncmp(function, beginnings[i], length) == 0)
            return true;
    return false;
}

/* `inner`: no Python frame is further in. */
static bool is_internal(const struct internals_frame *frame, bool inner)
{
    if (!frame->native || !frame->interpreter)
        return false;
    return !inner || frame->function[0] == '<' || begins_with_any(frame->function);
}

void internals_mark(struct internals_frame *frames, size_t count)
{
    bool inner = true, any_python = false;
    for (size_t i = 0; i < count; i++)
        any_python |= !frames[i].native;
    for (size_t i = 0; i < count; i++) {
        inner &= frames[i].native;
        frames[i].hidden = is_internal(&frames[i], inner && any_python);
    }
    /* From the outermost frame inwards: how it all began. */
    for (size_t i = count;
         i-- > 1 && frames[i].native && (frames[i].hidden || is_beginning(frames[i].function));)
        frames[i].hidden = true;
}
