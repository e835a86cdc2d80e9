/* The target's threads: which of them faulted, and who is awake. Reads /proc only. */
#ifndef MEMSAMPLE_SAMPLER_THREADS_H
#define MEMSAMPLE_SAMPLER_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define THREAD_NAME_MAX 64

struct thread {
    pid_t tid;
    pid_t inner_tid; /* as the thread itself knows it, in its own PID namespace */
    int stat_fd;
    char state;            /* at the last look */
    uint64_t minor_faults; /* in all, at the last look */
    uint64_t faults;       /* since they were settled */
    uint64_t looked_ns;    /* up to when: CLOCK_MONOTONIC */
    bool ran;              /* used processor time, or was running, since the look before */
    uint64_t cpu_ticks;
    int cpu;               /* processor on which it runs or ran last */
    char name[THREAD_NAME_MAX];
    bool name_changed; /* and was not reported yet */
    bool followed;     /* its faults are reported, or cannot be */
};

struct threads {
    pid_t pid;
    bool nested; /* in another PID namespace than ours */
    struct thread *items;
    size_t count, cap;
    uint64_t looked_ns; /* threads_look_for: when all were last looked at */
};

void threads_init(struct threads *threads, pid_t pid);
void threads_deinit(struct threads *threads);

/* Reads every thread's counters; notices new and ended threads. 0 or a negative errno (-ESRCH:
 * process gone). */
int threads_look(struct threads *threads);
/* The same, but only of thread `tid` while there are many threads and all were looked at lately: reading the counters of a
 * hundred threads for each sample would take longer than the sample. */
int threads_look_for(struct threads *threads, pid_t tid, uint64_t now_ns);
/* Whether threads came or went since the last look, as far as their number tells. One read. */
bool threads_changed(const struct threads *threads);
/* Reads the names again: a thread may get one after it began. */
void threads_read_names(struct threads *threads);
/* A known thread, or NULL. Valid until the next look. */
struct thread *threads_find(const struct threads *threads, pid_t tid);
/* The processor on which a known thread runs or ran last, or -1. */
int threads_cpu(const struct threads *threads, pid_t tid);
/* What a thread calls itself, which is how the target's memory names it. */
pid_t threads_inner_tid(const struct threads *threads, pid_t tid);
/* What a known thread does now; 'X' when it is gone. */
char threads_state(const struct threads *threads, pid_t tid);
/* Faults up to the last look were charged: count from there. Returns how many those were. */
uint64_t threads_settle(struct threads *threads);

#endif
