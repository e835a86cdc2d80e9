/* What kind of object lies at an address, by the name of its type. */
#ifndef MEMSAMPLE_PYTHON_OBJECTS_H
#define MEMSAMPLE_PYTHON_OBJECTS_H

#include "python/layout.h"
#include "cells.h"

enum object_kind {
    OBJECT_OTHER,
    OBJECT_COROUTINE,
    OBJECT_GENERATOR,
    OBJECT_ASYNC_GENERATOR,
    OBJECT_ASYNC_STEP, /* of an async generator: what its __anext__() and asend() give */
    OBJECT_AWAIT_STEP, /* of a coroutine: what its __await__() gives */
    OBJECT_TASK,       /* of the C implementation, and what is derived from it */
    OBJECT_FUTURE,     /* likewise, but no task */
    OBJECT_HANDLE,     /* of an event loop */
    OBJECT_TASK_CALL,  /* runs or wakes a task */
    OBJECT_TASK_GROUP,
    OBJECT_BUILTIN, /* method or function in C */
    OBJECT_FUNCTION,
    OBJECT_METHOD,
    OBJECT_PARTIAL, /* of functools */
    OBJECT_TEXT,
    OBJECT_NUMBER,
};

#define OBJECTS_SLOTS 512 /* power of two */

struct objects {
    const struct python_layout *layout;
    size_t count;
    struct {
        remote_addr type; /* 0: free */
        enum object_kind kind;
    } slots[OBJECTS_SLOTS];
};

void objects_init(struct objects *objects, const struct python_layout *layout);
/* Bytes of PyObject_HEAD: what a simple object has before its first field. */
static inline uint32_t objects_head_bytes(const struct python_layout *layout)
{
    return layout->object.type + 8;
}
/* OBJECT_OTHER also for what cannot be read. */
enum object_kind objects_kind(struct objects *objects, struct cells *cells, remote_addr object);

#endif
