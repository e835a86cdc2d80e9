/* Which thread state belongs to a thread. */
#ifndef MEMSAMPLE_PYTHON_THREADS_H
#define MEMSAMPLE_PYTHON_THREADS_H

#include <stdbool.h>

#include "python/runtime.h"
#include "python/stack.h"

#define THREADS_MAX      8192
#define INTERPRETERS_MAX 64
/* PyThreadState.root_cframe lies below this offset (3.11: 336, 3.12: 272). */
#define THREAD_ROOT_CFRAME_MAX 512
/* Thread states ever made and the newest of them: changes whenever one is added. */
#define MARK_BYTES 16

struct thread_entry {
    pid_t tid;
    uint32_t interpreter; /* index */
    remote_addr state;
    remote_addr pthread; /* where libc keeps its number, 3.8 to 3.10; 0: the state has it */
};

struct interpreter_entry {
    remote_addr address;
    uint8_t mark[MARK_BYTES];
};

/* The list as it was when it was last walked. */
struct threads {
    struct thread_entry entries[THREADS_MAX];
    size_t count;
    struct interpreter_entry interpreters[INTERPRETERS_MAX];
    size_t interpreters_count;
    remote_addr head;
    bool is_known;   /* the list was walked to its end */
    bool is_settled; /* and each state had a thread of its own: who is not in it has none */
};

/* A thread state, fresh from the target. */
struct thread_state {
    remote_addr address, interpreter;
    uint64_t code_generation; /* of its interpreter; 0 where there is none */
    remote_addr chunk, chunk_top, chunk_limit;
    remote_addr frame;  /* 0: none; or */
    remote_addr cframe; /* see struct python_layout */
    remote_addr base_frame;
};

#define THREAD_STATES_MAX 8 /* of one thread: one in each interpreter that it entered */

/* Those that run code, or one that does not. */
struct thread_states {
    struct thread_state items[THREAD_STATES_MAX]; /* that of the newest interpreter first */
    size_t count;
};

/* What else to read in the same system call as the thread state. */
struct thread_extras {
    const struct memory_span *spans;
    size_t count;
    size_t done; /* how many of them, from the first, were read */
};
#define THREAD_EXTRAS_MAX 16

/* Walks the whole list. 0, PYTHON_STACK_TORN or a negative errno. */
int python_threads_walk(struct threads *threads, const struct python_runtime *runtime,
                        const struct memory *memory);
/* Finds the thread states of `tid`: at least one. 0, PYTHON_STACK_NO_THREAD, PYTHON_STACK_TORN or a
 * negative errno. */
int python_threads_find(struct threads *threads, const struct python_runtime *runtime,
                        const struct memory *memory, pid_t tid, struct thread_extras *extras,
                        struct thread_states *ret_states);

#endif
