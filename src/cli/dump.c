/* `memsample dump --pid PID`: looks at each thread once, as the sampler would: sleeping threads are
 * read where they sleep, others stand still for some 50 us. */
#include "cli/dump.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/dump_native.h"
#include "elf/modules.h"
#include "proc/file.h"
#include "python/tasks.h"
#include "trace/permission.h"
#include "trace/tracer.h"

#define FIND_TRIES    5
#define FIND_WAIT_NS  (40 * NS_PER_MS)
#define THREAD_TRIES  8 /* a torn stack, or a thread that woke up meanwhile */
#define NO_PYTHON_YET "there is no CPython in the process"

struct look {
    struct dump dump;
    struct tracer tracer;
    bool can_stop; /* the process could be seized; if not, another tracer has it */
    int seize_code;
    int sigchld_fd;
    struct process_memory process_memory;
    struct memory memory;
    struct python_reader *reader;
    struct dump_native *native; /* NULL: Python alone was asked for */
    struct error reason;
};

static enum dump_how how_of(int outcome, enum dump_how read)
{
    return outcome == 0                        ? read
           : outcome == PYTHON_STACK_NO_THREAD ? DUMP_NO_PYTHON
           : outcome == PYTHON_STACK_TORN      ? DUMP_TORN
                                               : DUMP_GONE;
}

static void note_gil(const struct look *look, struct dump_thread *thread)
{
    bool holds;
    int r = python_stack_holds_gil(look->reader, &holds);
    thread->gil = r == 0                     ? (holds ? DUMP_GIL_HELD : DUMP_GIL_FREE)
                  : r == PYTHON_STACK_NO_GIL ? DUMP_GIL_NONE
                                             : DUMP_GIL_UNKNOWN;
}

static int capture_python(struct look *look, struct dump_thread *thread)
{
    int outcome = look->reader ? python_stack_capture(look->reader, thread->inner_tid)
                               : PYTHON_STACK_NO_THREAD;
    if (outcome == 0)
        note_gil(look, thread);
    return outcome;
}

/* Reads a thread that sleeps. False when it ran meanwhile. */
static bool take_asleep(struct look *look, struct dump_thread *thread,
                        const struct process_status *before)
{
    struct process_status after;
    int outcome = capture_python(look, thread);
    if (look->native)
        dump_native_capture_asleep(look->native, look->dump.pid, thread->tid, &look->memory);
    if (process_status_read(look->dump.pid, thread->tid, &after) < 0) {
        thread->how = DUMP_GONE;
        return true;
    }
    thread->how = how_of(outcome, DUMP_ASLEEP);
    return after.state == before->state && after.switches == before->switches;
}

/* A thread that nobody can stop now: its stack counts if it looks the same twice. */
static void take_running(struct look *look, struct dump_thread *thread)
{
    int outcome = capture_python(look, thread);
    if (outcome == 0) {
        outcome = python_stack_confirm(look->reader);
    }
    thread->how = how_of(outcome, DUMP_RUNNING);
}

static void take_stopped(struct look *look, struct dump_thread *thread)
{
    uint64_t running_ns;
    int r = tracer_stop_thread(&look->tracer, thread->tid, &running_ns);
    if (r == TRACER_GONE) {
        thread->how = DUMP_GONE;
    } else if (r != 0) {
        take_running(look, thread);
    } else {
        int outcome = capture_python(look, thread);
        if (look->native)
            dump_native_capture_stopped(look->native, thread->tid, &look->memory);
        tracer_resume_thread(&look->tracer, thread->tid);
        thread->how = how_of(outcome, DUMP_STOPPED);
    }
}

/* Captures a thread's stack into the reader, in the way that its state allows. */
static void capture(struct look *look, struct dump_thread *thread)
{
    for (int i = 0; i < THREAD_TRIES; i++) {
        struct process_status status;
        thread->gil = DUMP_GIL_UNKNOWN;
        thread->how = DUMP_GONE;
        if (process_status_read(look->dump.pid, thread->tid, &status) < 0)
            return;
        thread->state = status.state;
        if (status.state == 'Z' || status.state == 'X')
            return;
        if (status.state == 'S' || status.state == 'T' || status.state == 't') {
            if (!take_asleep(look, thread, &status))
                thread->how = DUMP_TORN;
        } else if (look->can_stop) {
            take_stopped(look, thread);
        } else {
            take_running(look, thread);
        }
        if (thread->how != DUMP_TORN)
            return;
    }
}

static int keep_python(struct dump_thread *thread, const struct python_stack *stack)
{
    thread->frames = calloc(stack->count + 1, sizeof(*thread->frames));
    if (!thread->frames)
        return -ENOMEM;
    for (size_t i = 0; i < stack->count; i++) {
        const struct python_frame *frame = &stack->frames[i];
        thread->frames[i] = (struct dump_frame){.function = frame->function,
                                                .file = frame->file,
                                                .line = frame->line,
                                                .first_line = frame->first_line};
    }
    thread->count = stack->count;
    return 0;
}

static int resolve(struct look *look, struct dump_thread *thread)
{
    struct python_stack stack = {0};
    bool python =
        thread->how != DUMP_TORN && thread->how != DUMP_NO_PYTHON && thread->how != DUMP_GONE;
    int r = python ? python_stack_resolve(look->reader, &stack) : 0;
    if (r != 0)
        return r < 0 ? r : 0;
    thread->truncated = stack.truncated;
    if (look->native && (python || thread->how == DUMP_NO_PYTHON))
        return dump_native_resolve(look->native, python ? look->reader : NULL,
                                   &look->dump.runtime.code, &stack, thread);
    return keep_python(thread, &stack);
}

static int take_thread(struct look *look, pid_t tid)
{
    struct dump *dump = &look->dump;
    if (array_reserve(&dump->threads, &dump->cap, dump->count + 1, sizeof(*dump->threads)) < 0)
        return -ENOMEM;
    struct dump_thread *thread = &dump->threads[dump->count++];
    *thread = (struct dump_thread){
        .tid = tid, .inner_tid = process_inner_id(dump->pid, tid, NULL), .state = '?'};
    process_thread_name(dump->pid, tid, thread->name, sizeof(thread->name));
    if (!look->reader && !look->native) {
        struct process_status status;
        thread->how = DUMP_NO_PYTHON;
        if (process_status_read(dump->pid, tid, &status) == 0)
            thread->state = status.state;
        return 0;
    }
    capture(look, thread);
    return resolve(look, thread);
}

/* Where asyncio's tasks are, if there are any. */
static void find_tasks(struct look *look)
{
    _cleanup_(modules_deinit) struct modules modules = {0};
    if (modules_read(look->dump.pid, &modules) == 0)
        python_tasks_find(look->reader, &modules);
}

/* 0 (then there may be no Python, with `reason` set) or a negative errno. */
static int find_python(struct look *look)
{
    struct dump *dump = &look->dump;
    int r = PYTHON_RUNTIME_NOT_READY;
    for (int i = 0; i < FIND_TRIES && r == PYTHON_RUNTIME_NOT_READY; i++) {
        _cleanup_(modules_deinit) struct modules modules = {0};
        if (i)
            nanosleep(&(struct timespec){.tv_nsec = (long)FIND_WAIT_NS}, NULL);
        error_set(&look->reason, 0, NO_PYTHON_YET);
        r = modules_read(dump->pid, &modules);
        if (r == 0)
            r = python_runtime_find(&modules, &look->memory, &dump->runtime, &look->reason);
    }
    if (r == 0)
        r = python_reader_create(&dump->runtime, &look->memory, &look->reader);
    if (r == 0)
        find_tasks(look);
    dump->has_python = r == 0;
    dump->reason = r == 0 ? NULL : look->reason.text;
    return r < 0 ? r : 0;
}

static int read_memory(struct dump *dump)
{
    _cleanup_(fd_closep) int fd = counters_memory_open(dump->pid);
    if (fd < 0)
        return fd;
    int r = counters_memory_read(fd, (uint64_t)sysconf(_SC_PAGESIZE), &dump->memory);
    if (r < 0)
        return r;
    dump->has_mappings = mappings_read(dump->pid, &dump->mappings) == 0;
    return 0;
}

/* Seizes the process. Where another tracer has it already, sleeping threads can be read all the
 * same. */
static int seize(struct look *look, struct error *error)
{
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    signal(SIGCHLD, SIG_DFL); /* ignored, the kernel would not tell of stops */
    look->sigchld_fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (look->sigchld_fd < 0)
        return error_set(error, -errno, "cannot wait for signals (%s)", strerror(errno));
    look->seize_code = tracer_init(&look->tracer, look->dump.pid, look->sigchld_fd, 0);
    look->can_stop = look->seize_code == 0;
    if (look->can_stop || look->dump.status.tracer_pid)
        return 0;
    return permission_explain(look->dump.pid, look->seize_code, error);
}

static int look_at(struct look *look, struct error *error)
{
    struct dump *dump = &look->dump;
    _cleanup_(freep) pid_t *tids = NULL;
    size_t count = 0;
    int r = process_status_read(dump->pid, 0, &dump->status);
    if (r < 0)
        return permission_explain(dump->pid, r, error);
    if (dump->status.tgid != dump->pid)
        return error_set(error, -EINVAL, "%d is a thread of process %d; give the process: --pid %d",
                         (int)dump->pid, (int)dump->status.tgid, (int)dump->status.tgid);
    r = seize(look, error);
    if (r < 0)
        return r;
    dump->inner_pid = process_inner_id(dump->pid, dump->pid, NULL);
    process_command_read(dump->pid, &dump->command);
    process_link_read(dump->pid, "exe", &dump->executable);
    r = read_memory(dump);
    if (r == 0)
        r = find_python(look);
    if (r < 0 && !look->can_stop)
        return permission_explain(dump->pid, look->seize_code, error);
    if (r == 0)
        r = process_threads_list(dump->pid, &tids, &count);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = take_thread(look, tids[i]);
    if (r == 0 && look->reader)
        r = dump_take_tasks(dump, look->reader);
    return r < 0 ? error_set(error, r, "cannot read process %d: %s", (int)dump->pid,
                             r == -ESRCH ? "it has ended" : strerror(-r))
                 : 0;
}

static void look_deinit(struct look *look)
{
    struct dump *dump = &look->dump;
    for (size_t i = 0; i < dump->count; i++)
        free(dump->threads[i].frames);
    free(dump->threads);
    dump_free_tasks(dump);
    free(dump->command);
    free(dump->executable);
    mappings_deinit(&dump->mappings);
    python_reader_destroy(look->reader);
    dump_native_destroy(look->native);
    process_memory_deinit(&look->process_memory);
    if (look->can_stop)
        tracer_deinit(&look->tracer);
    fd_closep(&look->sigchld_fd);
}

static int dump_process(pid_t pid, bool json, const struct dump_native_options *native)
{
    struct look look = {.dump = {.pid = pid}, .sigchld_fd = -1};
    struct error error = {""};
    int status = EXIT_OK;
    process_memory_init(&look.process_memory, pid, &look.memory);
    if (!process_numbers_hold())
        status = cli_fail(EXIT_FAILED, "/proc is of another PID namespace than memsample; run: "
                                       "mount -t proc proc /proc");
    else if (native->wanted && dump_native_create(pid, native, &look.native) < 0)
        status = cli_fail(EXIT_FAILED, "out of memory");
    else if (look_at(&look, &error) < 0) {
        status = cli_fail(EXIT_FAILED, "%s", error.text);
    } else {
        if (!json)
            dump_print_text(&look.dump, stdout);
        else if (dump_print_json(&look.dump, stdout) < 0)
            status = cli_fail(EXIT_FAILED, "out of memory");
        if (fflush(stdout) != 0 || ferror(stdout))
            status = cli_fail(EXIT_FAILED, "cannot write the output (%s)", strerror(errno));
        if (status == EXIT_OK && !look.dump.has_python)
            status = cli_fail(EXIT_FAILED, "no Python stacks: %s", look.dump.reason);
    }
    look_deinit(&look);
    return status;
}

int dump_main(int argc, char **argv)
{
    enum { OPTION_JSON = 256, OPTION_NATIVE, OPTION_DEBUGINFOD };
    static const struct option options[] = {
        {"pid", required_argument, NULL, 'p'},
        {"json", no_argument, NULL, OPTION_JSON},
        {"native", optional_argument, NULL, OPTION_NATIVE},
        {"debuginfod", no_argument, NULL, OPTION_DEBUGINFOD},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    struct dump_native_options native = {0};
    bool json = false;
    double pid = 0;
    int option;
    opterr = 0;
    optind = 1;
    while ((option = getopt_long(argc, argv, "+:p:h", options, NULL)) != -1) {
        if (option == 'h')
            return help_main(stdout);
        if (option == ':')
            return cli_usage("%s needs a value", argv[optind - 1]);
        if (option == '?')
            return cli_usage("there is no option %s", argv[optind - 1]);
        if (option == OPTION_JSON)
            json = true;
        else if (option == OPTION_DEBUGINFOD)
            native.debuginfod = true;
        else if (option == OPTION_NATIVE && optarg && strcmp(optarg, "all"))
            return cli_usage("--native knows only \"all\", not \"%s\"", optarg);
        else if (option == OPTION_NATIVE)
            native = (struct dump_native_options){true, native.debuginfod, optarg != NULL};
        else if (!units_parse_number(optarg, 1, INT32_MAX, &pid))
            return cli_usage("--pid takes the number of a process, not \"%s\"", optarg);
    }
    if (optind < argc)
        return cli_usage("\"%s\" does not belong here", argv[optind]);
    if (pid < 1)
        return cli_usage("dump needs a process: memsample dump --pid PID");
    return dump_process((pid_t)pid, json, &native);
}
