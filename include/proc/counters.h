/* Counters that are read often: each is one pread on an fd that stays open. */
#ifndef MEMSAMPLE_PROC_COUNTERS_H
#define MEMSAMPLE_PROC_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* /proc/PID/statm, in bytes. On some kernels (6.2 up to about 6.16) the resident figures may lag by tens of
 * MiB on large machines: the kernel batches them per CPU (proc_pid_statm(5)). */
struct counters_memory {
    uint64_t rss_bytes;
    uint64_t shared_bytes;   /* resident file and shmem pages */
    uint64_t writable_bytes; /* private writable address space and stack: what could become anonymous memory */
};

/* Opens /proc/PID/statm. Returns an fd or a negative errno. */
int counters_memory_open(pid_t pid);
/* 0, or -ESRCH when the process is gone (also when it is a zombie, which has no memory). */
int counters_memory_read(int fd, uint64_t page_bytes, struct counters_memory *ret_memory);
bool counters_memory_parse(const char *text, uint64_t page_bytes,
                           struct counters_memory *ret_memory);

/* /proc/PID/task/TID/stat. */
struct counters_thread {
    char state;            /* 'R', 'S', 'D', 'T', 't', 'Z', 'X' */
    uint64_t minor_faults; /* this thread's own */
    uint64_t cpu_ticks;    /* user and system time, in clock ticks */
    uint32_t threads;      /* of the whole process */
    int cpu;               /* processor on which it runs or ran last */
};

int counters_thread_open(pid_t pid, pid_t tid);
/* 0, or -ESRCH when the thread is gone. */
int counters_thread_read(int fd, struct counters_thread *ret_thread);
bool counters_thread_parse(const char *text, size_t length, struct counters_thread *ret_thread);

#endif
