/* The least that stopping a thread can cost: seizes one thread and does nothing but PTRACE_INTERRUPT, waitpid and PTRACE_CONT.
 * usage: bench_floor TID COUNT INTERVAL_NS        prints the median and the 99th percentile in ns */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    pid_t tid = (pid_t)atol(argv[1]);
    size_t count = (size_t)atol(argv[2]), done = 0;
    uint64_t interval = (uint64_t)atoll(argv[3]);
    uint64_t *pauses = calloc(count ? count : 1, sizeof(*pauses));
    if (!pauses || ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0) {
        perror("bench_floor: seize");
        return 1;
    }
    while (done < count) {
        struct timespec wait = {(time_t)(interval / 1000000000u), (long)(interval % 1000000000u)};
        nanosleep(&wait, NULL);
        int status;
        uint64_t start = now_ns();
        if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 || waitpid(tid, &status, __WALL) < 0 ||
            !WIFSTOPPED(status))
            break;
        /* A signal on its way stops the thread too: it is passed on, and this round does not count. */
        int event = status >> 16, signal = event ? 0 : WSTOPSIG(status);
        ptrace(PTRACE_CONT, tid, NULL, (void *)(intptr_t)signal);
        if (event == PTRACE_EVENT_STOP)
            pauses[done++] = now_ns() - start;
    }
    if (!done) {
        fprintf(stderr, "bench_floor: the thread ended before it was stopped\n");
        return 1;
    }
    qsort(pauses, done, sizeof(*pauses), compare);
    printf("%llu %llu\n", (unsigned long long)pauses[done / 2],
           (unsigned long long)pauses[(done * 99) / 100]);
    free(pauses);
    return 0;
}
