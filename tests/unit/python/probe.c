/* A developer's tool, not installed: shows the Python stack of a thread and what the capture costs.
 *
 *     python-stack-probe [-n STOPS] [-b FUNCTION] [-v] PID [TID]
 *
 * Stops the thread STOPS times at random instants and prints the last stack, the outcomes and the
 * time a capture takes. -b: count stacks whose outermost function is another (garbage). -v: print
 * each function met, with how often. A capture that fails in a way that python_reader_can_retry
 * knows is repeated after single steps. */
#include "base/cleanup.h"
#include "python/stack.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#define STEPS_MAX     200
#define STOPS_MAX     1000000
#define FUNCTIONS_MAX 4096

struct probe {
    pid_t pid, tid;
    long stops;
    const char *bottom;
    bool verbose;
    struct python_reader *reader;
    uint64_t *capture_ns;
    long captured, torn, recovered, lost, empty, garbage, truncated, none;
    int steps_max;
    struct {
        const char *file, *function;
        long count;
    } met[FUNCTIONS_MAX];
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Waits until the thread is in a ptrace stop; hands signals on. 0, or -ESRCH when it is gone. */
static int await_stop(pid_t tid, int *ret_signal)
{
    int status;
    *ret_signal = 0;
    while (waitpid(tid, &status, __WALL) < 0)
        if (errno != EINTR)
            return -ESRCH;
    if (!WIFSTOPPED(status))
        return -ESRCH;
    if (status >> 16 == 0 && WSTOPSIG(status) != SIGTRAP)
        *ret_signal = WSTOPSIG(status);
    return 0;
}

/* Steps on until the stack can be read. The outcome of the last capture. */
static int retry(struct probe *probe, int outcome)
{
    for (int i = 1; i <= STEPS_MAX && outcome == PYTHON_STACK_TORN; i++) {
        int signal;
        if (!python_reader_can_retry(probe->reader) ||
            ptrace(PTRACE_SINGLESTEP, probe->tid, 0, 0) < 0 || await_stop(probe->tid, &signal) < 0)
            return outcome;
        outcome = python_stack_capture(probe->reader, probe->tid);
        if (i > probe->steps_max)
            probe->steps_max = i;
    }
    return outcome;
}

static void note_stack(struct probe *probe, const struct python_stack *stack)
{
    if (stack->count == 0)
        probe->empty++;
    else if (probe->bottom &&
             strcmp(stack->frames[stack->count - 1].function, probe->bottom) != 0 &&
             !stack->truncated)
        probe->garbage++;
    probe->truncated += stack->truncated;
    for (size_t i = 0; probe->verbose && i < stack->count; i++) {
        size_t id = stack->frames[i].code_id;
        if (id >= FUNCTIONS_MAX)
            continue;
        probe->met[id].file = stack->frames[i].file;
        probe->met[id].function = stack->frames[i].function;
        probe->met[id].count++;
    }
}

static int probe_once(struct probe *probe, struct python_stack *ret_stack)
{
    uint64_t start = now_ns();
    int r = python_stack_capture(probe->reader, probe->tid);
    uint64_t spent_ns = now_ns() - start;
    if (r == PYTHON_STACK_TORN) {
        probe->torn++;
        r = retry(probe, r);
        if (r == 0)
            probe->recovered++;
        else
            probe->lost++;
    }
    if (r == PYTHON_STACK_NO_THREAD)
        probe->none++;
    if (r < 0) {
        fprintf(stderr, "capture: %s\n", strerror(-r));
        return r;
    }
    if (r > 0)
        return 0;
    probe->capture_ns[probe->captured++] = spent_ns;
    r = python_stack_resolve(probe->reader, ret_stack);
    if (r == 0)
        note_stack(probe, ret_stack);
    return r;
}

static int run(struct probe *probe, struct python_stack *ret_stack)
{
    if (ptrace(PTRACE_SEIZE, probe->tid, 0, 0) < 0) {
        perror("PTRACE_SEIZE");
        return -errno;
    }
    srandom((unsigned)probe->tid);
    for (long i = 0; i < probe->stops; i++) {
        struct timespec pause = {.tv_nsec = random() % 1500000};
        int signal;
        if (probe->stops > 1)
            nanosleep(&pause, NULL);
        if (ptrace(PTRACE_INTERRUPT, probe->tid, 0, 0) < 0 || await_stop(probe->tid, &signal) < 0)
            return -ESRCH;
        int r = probe_once(probe, ret_stack);
        if (ptrace(PTRACE_CONT, probe->tid, 0, signal) < 0 || r < 0)
            return r < 0 ? r : -ESRCH;
    }
    return 0;
}

static int compare_ns(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void report(struct probe *probe, const struct python_stack *stack)
{
    for (size_t i = 0; i < stack->count; i++)
        printf("%s %s:%d\n", stack->frames[i].function, stack->frames[i].file,
               stack->frames[i].line);
    if (stack->truncated)
        printf("...\n");
    for (size_t id = 0; probe->verbose && id < FUNCTIONS_MAX; id++)
        if (probe->met[id].count)
            printf("%8ld %s %s\n", probe->met[id].count, probe->met[id].function,
                   probe->met[id].file);
    if (!probe->captured)
        return;
    qsort(probe->capture_ns, (size_t)probe->captured, sizeof(*probe->capture_ns), compare_ns);
    fprintf(stderr,
            "stops %ld captured %ld torn %ld recovered %ld (steps <= %d) lost %ld no-thread %ld "
            "empty %ld garbage %ld truncated %ld; capture median %.1f us p99 %.1f us max %.1f us\n",
            probe->stops, probe->captured, probe->torn, probe->recovered, probe->steps_max,
            probe->lost, probe->none, probe->empty, probe->garbage, probe->truncated,
            (double)probe->capture_ns[probe->captured / 2] / 1e3,
            (double)probe->capture_ns[probe->captured * 99 / 100] / 1e3,
            (double)probe->capture_ns[probe->captured - 1] / 1e3);
}

static int probe_process(struct probe *probe)
{
    _cleanup_(modules_deinit) struct modules modules = {0};
    struct python_runtime runtime;
    struct process_memory process;
    struct python_stack stack = {0};
    struct memory memory;
    struct error error = {0};

    process_memory_init(&process, probe->pid, &memory);
    int r = modules_read(probe->pid, &modules);
    if (r < 0) {
        fprintf(stderr, "modules: %s\n", strerror(-r));
        return 1;
    }
    uint64_t start = now_ns();
    r = python_runtime_find(&modules, &memory, &runtime, &error);
    if (r != 0) {
        fprintf(stderr, "%d: %s\n", r, error.text);
        return 1;
    }
    char text[PYTHON_VERSION_TEXT_MAX];
    fprintf(stderr,
            "Python %s, _PyRuntime at %#" PRIx64 ", found in %" PRIu64 " us among %zu modules\n",
            python_version_format(runtime.version, runtime.free_threaded, text), runtime.address,
            (now_ns() - start) / 1000, modules.count);
    if (python_reader_create(&runtime, &memory, &probe->reader) < 0)
        return 1;
    r = run(probe, &stack);
    report(probe, &stack);
    python_reader_destroy(probe->reader);
    process_memory_deinit(&process);
    return r < 0 || probe->lost || probe->garbage;
}

int main(int argc, char **argv)
{
    static struct probe probe = {.stops = 1};
    int option;
    while ((option = getopt(argc, argv, "n:b:v")) != -1) {
        if (option == 'n')
            probe.stops = strtol(optarg, NULL, 10);
        else if (option == 'b')
            probe.bottom = optarg;
        else if (option == 'v')
            probe.verbose = true;
        else
            return 2;
    }
    if (optind >= argc || probe.stops < 1 || probe.stops > STOPS_MAX) {
        fprintf(stderr, "usage: python-stack-probe [-n STOPS] [-b FUNCTION] [-v] PID [TID]\n");
        return 2;
    }
    probe.pid = (pid_t)strtol(argv[optind], NULL, 10);
    probe.tid = optind + 1 < argc ? (pid_t)strtol(argv[optind + 1], NULL, 10) : probe.pid;
    probe.capture_ns = calloc((size_t)probe.stops, sizeof(*probe.capture_ns));
    if (!probe.capture_ns)
        return 1;
    int status = probe_process(&probe);
    free(probe.capture_ns);
    return status;
}
