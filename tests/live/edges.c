/* Takes many stacks of a thread that runs, and prints each pair of a function and its caller that
 * was in one, with how often: "COUNT<tab>FUNCTION<tab>CALLER" (the outermost has the caller "").
 *
 *     stack-edges [-s] -n COUNT PID
 *
 * -s: stops the thread for each, as the sampler does when it must be sure. Without: reads it as it
 * runs, twice, as the sampler does when it must be quick. Then one line of outcomes. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

#include "base/cleanup.h"
#include "python/stack.h"
#include "trace/tracer.h"

#define EDGES_SLOTS (1u << 14)
#define PAUSE_NS    40000 /* at most, between two stacks */
#define NOBODY      UINT32_MAX

struct edge {
    uint32_t callee, caller; /* numbers of code objects */
    const char *callee_name, *caller_name;
    uint64_t count; /* 0: free slot */
};

struct edges {
    struct edge slots[EDGES_SLOTS];
    uint64_t good, torn, moved, other;
};

static void add(struct edges *edges, const struct python_frame *callee,
                const struct python_frame *caller)
{
    uint32_t of = callee->code_id, by = caller ? caller->code_id : NOBODY;
    size_t at = (of * UINT32_C(0x9e3779b1) ^ by * UINT32_C(0x85ebca6b)) % EDGES_SLOTS;
    for (size_t tried = 0; tried < EDGES_SLOTS; tried++, at = (at + 1) % EDGES_SLOTS) {
        struct edge *edge = &edges->slots[at];
        if (edge->count && (edge->callee != of || edge->caller != by))
            continue;
        *edge = (struct edge){of, by, callee->function, caller ? caller->function : "",
                              edge->count + 1};
        return;
    }
}

static void add_stack(struct edges *edges, const struct python_stack *stack)
{
    for (size_t i = 0; i < stack->count; i++)
        add(edges, &stack->frames[i], i + 1 < stack->count ? &stack->frames[i + 1] : NULL);
}

static int capture(struct python_reader *reader, struct tracer *tracer, pid_t pid,
                   struct edges *edges)
{
    uint64_t running_ns;
    int outcome;
    if (!tracer) {
        outcome = python_stack_capture(reader, pid);
        if (outcome == 0 && python_stack_confirm(reader) != 0) {
            edges->moved++;
            return 1;
        }
        return outcome;
    }
    outcome = tracer_stop_thread(tracer, pid, &running_ns);
    if (outcome != 0)
        return outcome == TRACER_GONE ? -ESRCH : 1;
    outcome = python_stack_capture(reader, pid);
    tracer_resume_thread(tracer, pid);
    tracer_dispatch(tracer);
    return outcome;
}

static int take(struct python_reader *reader, struct tracer *tracer, pid_t pid, long count,
                struct edges *edges)
{
    srandom(1);
    for (long i = 0; i < count; i++) {
        struct python_stack stack;
        int outcome = capture(reader, tracer, pid, edges);
        if (outcome < 0 && outcome != -EFAULT)
            return outcome;
        if (outcome == 0 && python_stack_resolve(reader, &stack) == 0) {
            add_stack(edges, &stack);
            edges->good++;
        } else if (outcome == PYTHON_STACK_TORN) {
            edges->torn++;
        } else {
            edges->other++;
        }
        nanosleep(&(struct timespec){.tv_nsec = random() % PAUSE_NS}, NULL);
    }
    return 0;
}

static void print(const struct edges *edges)
{
    for (size_t i = 0; i < EDGES_SLOTS; i++)
        if (edges->slots[i].count)
            printf("%" PRIu64 "\t%s\t%s\n", edges->slots[i].count, edges->slots[i].callee_name,
                   edges->slots[i].caller_name);
    printf("good %" PRIu64 " torn %" PRIu64 " moved %" PRIu64 " other %" PRIu64 "\n", edges->good,
           edges->torn, edges->moved, edges->other - edges->moved);
}

static int run(pid_t pid, long count, bool stop)
{
    static struct edges edges;
    _cleanup_(modules_deinit) struct modules modules = {0};
    struct python_runtime runtime;
    struct process_memory process;
    struct python_reader *reader;
    struct tracer tracer;
    struct memory memory;
    struct error error = {0};
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    process_memory_init(&process, pid, &memory);
    int r = modules_read(pid, &modules);
    if (r == 0)
        r = python_runtime_find(&modules, &memory, &runtime, &error);
    if (r == 0)
        r = python_reader_create(&runtime, &memory, &reader);
    if (r == 0 && stop)
        r = tracer_init(&tracer, pid, signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK), 0);
    if (r == 0)
        r = take(reader, stop ? &tracer : NULL, pid, count, &edges);
    if (r != 0) {
        fprintf(stderr, "stack-edges: %d %s\n", r, error.text);
        return 1;
    }
    print(&edges);
    return 0;
}

int main(int argc, char **argv)
{
    bool stop = false;
    long count = 0;
    int option;
    while ((option = getopt(argc, argv, "sn:")) != -1) {
        if (option == 's')
            stop = true;
        else if (option == 'n')
            count = strtol(optarg, NULL, 10);
        else
            return 2;
    }
    if (optind + 1 != argc || count < 1) {
        fprintf(stderr, "usage: stack-edges [-s] -n COUNT PID\n");
        return 2;
    }
    return run((pid_t)strtol(argv[optind], NULL, 10), count, stop);
}
