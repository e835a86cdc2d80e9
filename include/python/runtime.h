/* Finding a CPython runtime in a process, and knowing its layout. */
#ifndef MEMSAMPLE_PYTHON_RUNTIME_H
#define MEMSAMPLE_PYTHON_RUNTIME_H

#include <stdbool.h>

#include "base/error.h"
#include "elf/modules.h"
#include "proc/memory.h"
#include "python/layout.h"

struct python_range {
    remote_addr start, end; /* both 0: not known */
};

/* The interpreter's own code. */
struct python_code {
    struct python_range module;  /* the file that holds the runtime */
    struct python_range eval[2]; /* the evaluation function, and its rarely used part elsewhere */
};

struct python_runtime {
    remote_addr address; /* of _PyRuntime */
    uint32_t version;    /* PY_VERSION_HEX: 0x030c01f0 is 3.12.1 final */
    bool free_threaded;
    uint32_t pthread_tid; /* offset of gettid() in what pthread_self() points to (3.8 to 3.10) */
    struct python_layout layout;
    struct python_code code;
};

/* Outcomes of python_runtime_find. */
enum {
    PYTHON_RUNTIME_NONE = 1, /* no module holds a CPython runtime */
    PYTHON_RUNTIME_NOT_READY =
        2, /* there is one, but no interpreter in it (yet): ask again later */
    PYTHON_RUNTIME_UNSUPPORTED = 3, /* a CPython that cannot be read; `error` says which */
};

/* Tries every module that has the runtime and keeps the one whose interpreter list is alive and
 * plausible. 0, an outcome above, or a negative errno. `error` is filled for everything but 0. */
int python_runtime_find(const struct modules *modules, const struct memory *memory,
                        struct python_runtime *ret_runtime, struct error *error);

/* "3.12.1", "3.14.0rc2", "3.13.0t". */
#define PYTHON_VERSION_TEXT_MAX 32
const char *python_version_format(uint32_t version, bool free_threaded,
                                  char text[PYTHON_VERSION_TEXT_MAX]);

/* Whether the interpreter has begun to tear itself down (runtime._finalizing is set: after the
 * atexit handlers, before modules are freed). 0 or a negative errno. One read. */
int python_runtime_is_finalizing(const struct python_runtime *runtime, const struct memory *memory,
                                 bool *ret_finalizing);

#endif
