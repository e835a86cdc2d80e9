/* `memsample dump`: what a process is doing and how large it is, at one moment. */
#ifndef MEMSAMPLE_CLI_DUMP_H
#define MEMSAMPLE_CLI_DUMP_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/mappings.h"
#include "proc/counters.h"
#include "proc/process.h"
#include "python/tasks.h"

enum dump_how { /* how a thread's stack was had */
                DUMP_STOPPED,
                DUMP_ASLEEP,    /* it slept before and after: nothing can have moved */
                DUMP_RUNNING,   /* it could not be stopped; read as it ran */
                DUMP_TORN,      /* what was read contradicts itself */
                DUMP_NO_PYTHON, /* the thread has no Python */
                DUMP_GONE,
};

struct dump_frame {
    const char *function, *file;
    int32_t line, first_line; /* 0: not known */
    const char *module;       /* of native frames; NULL: Python */
};

struct dump_thread {
    pid_t tid, inner_tid; /* as seen here, and as the thread sees itself */
    char name[64];
    char state; /* 'R', 'S', 'D', 'T', 't', 'Z', 'X' */
    enum dump_how how;
    enum { DUMP_GIL_UNKNOWN, DUMP_GIL_NONE, DUMP_GIL_HELD, DUMP_GIL_FREE } gil;
    bool truncated;
    bool native;               /* native frames are among them */
    const char *doubt;         /* why some may be missing or out of place; NULL: nothing is */
    struct dump_frame *frames; /* innermost first; texts belong to the reader, and to the names */
    size_t count;
};

struct dump_task {
    struct python_task_place place;
    char *name;
    remote_addr *awaiters; /* of which there may be more */
    size_t awaiters_count;
    struct python_frame *frames; /* its coroutines, innermost first: none while it runs */
    size_t count;
};

struct dump {
    pid_t pid, inner_pid;
    char *command, *executable;
    struct process_status status;
    struct counters_memory memory;
    struct mappings mappings;
    bool has_mappings;
    bool has_python;
    const char *reason; /* why it has not */
    struct python_runtime runtime;
    struct dump_thread *threads;
    size_t count, cap;
    struct dump_task *tasks;
    size_t task_count, task_cap;
    bool has_tasks; /* they could be looked for */
};

/* Lists the tasks of asyncio into `dump`; texts belong to the reader. 0 or a negative errno. */
int dump_take_tasks(struct dump *dump, struct python_reader *reader);
void dump_free_tasks(struct dump *dump);

void dump_print_text(const struct dump *dump, FILE *out);
/* 0 or -ENOMEM. */
int dump_print_json(const struct dump *dump, FILE *out);

/* argv[0] is "dump". Returns the exit status. */
int dump_main(int argc, char **argv);

#endif
