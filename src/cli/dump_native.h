/* Native frames for `memsample dump --native`. */
#ifndef MEMSAMPLE_CLI_DUMP_NATIVE_H
#define MEMSAMPLE_CLI_DUMP_NATIVE_H

#include "cli/dump.h"
#include "native/stack.h"

struct dump_native;

struct dump_native_options {
    bool wanted;
    bool debuginfod; /* names may be fetched */
    bool all;        /* the interpreter's own frames, too */
};

/* 0 or -ENOMEM. */
int dump_native_create(pid_t pid, const struct dump_native_options *options,
                       struct dump_native **ret_native);
void dump_native_destroy(struct dump_native *native);

/* Copies the stack of a thread in a ptrace stop, or of one that sleeps. A failure shows when it is
 * resolved. */
void dump_native_capture_stopped(struct dump_native *native, pid_t tid,
                                 const struct memory *memory);
void dump_native_capture_asleep(struct dump_native *native, pid_t pid, pid_t tid,
                                const struct memory *memory);

/* Fills the thread's frames from the last capture and the Python stack that was captured with it
 * (`reader` NULL: none). 0 or -ENOMEM. */
int dump_native_resolve(struct dump_native *native, const struct python_reader *reader,
                        const struct python_code *code, const struct python_stack *stack,
                        struct dump_thread *thread);

#endif
