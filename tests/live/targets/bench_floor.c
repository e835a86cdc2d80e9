/* The least that stopping a thread can cost: seizes one thread and does nothing but PTRACE_INTERRUPT, waitpid and PTRACE_CONT.
 * usage: bench_floor TID COUNT INTERVAL_NS
 * prints the median and the 99th percentile, in ns, of how long the thread was held (as in memsample's own report: from the last look at
 * which it was not seen to stand still, to its release), and of the whole stop from the request on. */
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

static void print(uint64_t *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    printf("%llu %llu\n", (unsigned long long)values[count / 2],
           (unsigned long long)values[count * 99 / 100]);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    pid_t tid = (pid_t)atol(argv[1]);
    size_t count = (size_t)atol(argv[2]), done = 0;
    uint64_t interval = (uint64_t)atoll(argv[3]);
    uint64_t *held = calloc(count ? count : 1, sizeof(*held));
    uint64_t *whole = calloc(count ? count : 1, sizeof(*whole));
    if (!held || !whole || ptrace(PTRACE_SEIZE, tid, NULL, NULL) < 0) {
        perror("bench_floor: seize");
        return 1;
    }
    while (done < count) {
        struct timespec wait = {(time_t)(interval / 1000000000u), (long)(interval % 1000000000u)};
        nanosleep(&wait, NULL);
        int status;
        pid_t seen;
        uint64_t request = now_ns(), start = request, look = request;
        if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0)
            break;
        do {
            start = look;
            look = now_ns();
            seen = waitpid(tid, &status, __WALL | WNOHANG);
        } while (seen == 0);
        if (seen < 0 || !WIFSTOPPED(status))
            break;
        /* A signal on its way stops the thread too: it is passed on, and this round does not count. */
        int event = status >> 16, signal = event ? 0 : WSTOPSIG(status);
        ptrace(PTRACE_CONT, tid, NULL, (void *)(intptr_t)signal);
        if (event == PTRACE_EVENT_STOP) {
            uint64_t end = now_ns();
            held[done] = end - start;
            whole[done++] = end - request;
        }
    }
    if (!done) {
        fprintf(stderr, "bench_floor: the thread ended before it was stopped\n");
        return 1;
    }
    print(held, done);
    print(whole, done);
    free(held);
    free(whole);
    return 0;
}
