/* The waist: everything that crosses from a live process into a file, and nothing else.
 *
 * Events are facts as they were seen, in the order of time; what they mean is decided by the model, as late
 * as possible. Times are in ns since the recording began (CLOCK_MONOTONIC). Memory is in bytes.
 *
 * Books: every reading carries what grew and what was released since the reading before it, so that
 * rss = previous rss + grown - released, exactly. A writer keeps this; a reader may rely on it. */
#ifndef MEMSAMPLE_RECORDING_EVENT_H
#define MEMSAMPLE_RECORDING_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_kind {
    EVENT_TARGET = 1, /* first event of a file; once more after an exec */
    EVENT_PYTHON,     /* an interpreter was found in the target */
    EVENT_THREAD,     /* a thread's name, at first sight and when it changes */
    EVENT_READING,    /* memory at a moment, no stack: a point of the timeline */
    EVENT_SPLIT,      /* what the resident memory consists of, at a low rate */
    EVENT_SAMPLE,     /* memory at a moment with the stacks of those who moved it */
    EVENT_PHASE,      /* something that happened at a moment */
    EVENT_END,        /* last event of a file that was closed in order */
    EVENT_PAGES,      /* which pages came and went since the look before */
    EVENT_FREED,      /* a sample for what was given back only: growth before it is left to the next
                         EVENT_SAMPLE */
    EVENT_UNWOUND, /* how the native frames of a thread in the next sample were had; has the time of
                      the event before */
    EVENT_PLACE,   /* what kind of memory some pages are, from now on; has the time of the event
                      before */
    EVENT_KINDS_END,
};

struct event_target {
    int32_t pid;
    bool attached;        /* --pid; otherwise memsample launched it */
    uint64_t start_unix_ns; /* wall clock at time 0 */
    uint64_t page_bytes;
    uint64_t step_bytes;  /* least growth between two samples */
    uint64_t tick_ns;
    double budget_percent;
    const char *program;  /* what a person calls it: "job.py", "gunicorn" */
    const char *command;  /* the whole command line, arguments separated by spaces */
    const char *directory; /* its working directory, to find relative file names */
    const char *clock;    /* "ring", "trap", "poll", "tick" */
    const char *clock_reason;
    const char *kernel;   /* "Linux 6.1.0" */
    const char *memsample_version;
    int32_t inner_pid; /* what it calls itself, where it has a PID namespace of its own; 0: the same */
};

struct event_python {
    uint32_t version; /* PY_VERSION_HEX */
    bool free_threaded;
    const char *executable; /* the file that holds the runtime */
};

struct event_thread {
    int32_t tid;
    const char *name; /* as the kernel has it (comm), or Python's name where it is known */
};

/* statm at one moment, and gross moves since the reading (or sample) before. */
struct event_memory {
    uint64_t rss_bytes;
    uint64_t shared_bytes;    /* resident file and shmem pages */
    uint64_t writable_bytes;  /* private writable address space: anonymous memory that was asked for */
    uint64_t grown_bytes, released_bytes; /* as far as seen: rss = previous rss + grown - released */
};

struct event_split {
    uint64_t file_bytes, shmem_bytes, swap_bytes;
    uint64_t high_water_bytes; /* VmHWM: the kernel's own peak */
};

/* How the stack of one thread was had. */
enum event_stack_state {
    STACK_STOPPED = 0, /* read while the thread was stopped */
    STACK_ASLEEP,      /* read while it slept: it cannot have moved */
    STACK_NO_PYTHON,   /* a thread without Python frames; stack id 0, or native frames alone */
    STACK_TORN,        /* could not be read consistently; stack id 0 */
    STACK_GONE,        /* the thread ended or left before it could be stopped; stack id 0 */
    STACK_LATER,       /* it faulted and was not stopped: its own next stack tells where; stack id 0 */
    STACK_RUNNING,     /* read while it ran, with the innermost frame the same before and after */
    STACK_IN_ACT,      /* read in the act of a page fault: the thread stood still at the instruction that faulted */
    STACK_LATE,        /* its fault was reported, and by then it may have gone on: known on average only; stack id 0 */
    STACK_GLIMPSED,    /* not read: the kernel wrote the fault down, with the top of the C stack, and
                          this stack was read at a fault where that was alike */
    STACK_STATES,
};

/* A thread that faulted since the sample before. */
struct event_owner {
    int32_t tid;
    uint64_t faults;   /* minor faults since the sample before: its share of the growth */
    uint32_t stack_id; /* see `struct recording_names`; 0 is the empty stack */
    uint8_t state;     /* enum event_stack_state */
    bool truncated;    /* outermost frames are missing */
    uint64_t fault_address; /* of the fault at which it was met, or 0 */
};

#define EVENT_OWNERS_MAX 64 /* in one sample; beyond that the smallest are left to the others */

struct event_sample {
    struct event_memory memory;
    uint64_t pause_ns;   /* how long threads stood still for it, in all; 0: nobody was stopped */
    uint32_t pauses;     /* how many stops that was */
    uint32_t owner_count; /* 0: nobody could be named */
    const struct event_owner *owners; /* owned by whoever made the event */
};

/* What became of a row of neighbouring pages between two looks at the target's page table. */
enum event_page_change {
    PAGES_CAME = 0, /* resident now; not at the look before */
    PAGES_WENT,     /* not in memory any more */
    PAGES_SWAPPED,  /* moved out to swap: not resident, and not given back either */
    PAGES_CHANGES,
};

struct event_page_run {
    uint64_t first, count; /* addresses divided by the target's page size */
    uint8_t change;        /* enum event_page_change */
};

#define EVENT_PAGE_RUNS_MAX 256
#define EVENT_PAGE_MAX      (UINT64_C(1) << 52)

/* A part of one look. Runs are in the order of addresses, without overlap, over all parts. The first look of a recording
 * tells of every page as one that came. */
struct event_pages {
    uint32_t count;
    bool last; /* the look is complete */
    const struct event_page_run *runs; /* owned by whoever made the event */
};

/* Where the unwinding of native frames ended. */
enum event_unwound_end {
    UNWOUND_WHOLE = 0,
    UNWOUND_CUT,     /* deeper than what is looked at */
    UNWOUND_NO_INFO, /* `module` has no unwind information for what it ran, nor a frame pointer that
                        holds */
    UNWOUND_BROKEN,  /* that of `module` contradicts the stack */
    UNWOUND_NOT_READ, /* registers or stack could not be had: the stack is Python's alone */
    UNWOUND_ENDS,
};

struct event_unwound {
    uint8_t end;     /* enum event_unwound_end */
    bool uncertain;  /* where Python's frames stand among them: they stand below all of Python's */
    bool by_pointer; /* a frame was found by its frame pointer, without unwind information */
    uint32_t module; /* number of recording_writer_module + 1 of the last frame, or 0 */
    uint32_t by_pointer_module; /* the same of the first frame whose caller was found so, or 0 */
};

/* What a range of memory is, by the mapping that it is in. */
enum event_place_kind {
    PLACE_HEAP = 1,  /* grown by brk(2): small blocks of malloc's main arena */
    PLACE_ARENA,     /* another arena of glibc's malloc: small blocks of a thread */
    PLACE_ANONYMOUS, /* mapped by whoever wanted it: large blocks, Python's own arenas, stacks that
                        were not met */
    PLACE_STACK,     /* the stack of a thread */
    PLACE_FILE,      /* pages of a file */
    PLACE_LIBRARY_DATA, /* private writable part of a library or program: its variables, relocations
                         */
    PLACE_SHARED,       /* shared memory: shmem, memfd, anonymous MAP_SHARED */
    PLACE_OTHER,        /* of the kernel: [vdso] and so on */
    PLACE_KINDS_END,
};

struct event_place {
    uint64_t first, count; /* addresses divided by the target's page size */
    uint8_t kind;          /* enum event_place_kind */
    bool huge;             /* the page that was met is a huge one */
    const char *name;      /* the file's path, or the kernel's name such as [heap]; "" */
};

enum event_phase {
    PHASE_FINALIZING = 1, /* the interpreter began to tear itself down: "the end" is just before */
    PHASE_EXEC,           /* the process replaced its program */
    PHASES_END,
};

enum event_end_reason {
    END_EXITED = 1, /* status: exit status */
    END_SIGNALED,   /* status: signal number */
    END_DETACHED,   /* asked to, or the duration was over */
    END_LOST,       /* the target could not be followed any more */
    END_REASONS_END,
};

struct event_end {
    uint8_t reason;
    int32_t status;
    uint64_t tracer_cpu_ns;   /* memsample's own CPU time */
    uint64_t tracer_rss_bytes; /* memsample's own peak resident memory */
};

struct event {
    enum event_kind kind;
    uint64_t time_ns;
    union {
        struct event_target target;
        struct event_python python;
        struct event_thread thread;
        struct event_memory reading;
        struct event_split split;
        struct event_sample sample; /* EVENT_SAMPLE and EVENT_FREED */
        uint8_t phase; /* enum event_phase */
        struct event_end end;
        struct event_pages pages;
        struct event_unwound unwound;
        struct event_place place;
    };
};

#endif
