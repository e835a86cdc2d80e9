/* The target's threads, from /proc/PID/task. */
#include "sampler/threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/units.h"
#include "proc/counters.h"
#include "proc/process.h"

#define FEW            8 /* threads: all of them are looked at each time */
#define LOOK_AT_ALL_NS (10 * NS_PER_MS)

void threads_init(struct threads *threads, pid_t pid)
{
    *threads = (struct threads){.pid = pid};
    process_inner_id(pid, pid, &threads->nested);
}

static void thread_deinit(struct thread *thread)
{
    fd_closep(&thread->stat_fd);
}

void threads_deinit(struct threads *threads)
{
    for (size_t i = 0; i < threads->count; i++)
        thread_deinit(&threads->items[i]);
    free(threads->items);
    *threads = (struct threads){0};
}

struct thread *threads_find(const struct threads *threads, pid_t tid)
{
    for (size_t i = 0; i < threads->count; i++)
        if (threads->items[i].tid == tid)
            return &threads->items[i];
    return NULL;
}

static void read_name(struct threads *threads, struct thread *thread)
{
    char name[THREAD_NAME_MAX];
    if (process_thread_name(threads->pid, thread->tid, name, sizeof(name)) < 0 ||
        strcmp(name, thread->name) == 0)
        return;
    memcpy(thread->name, name, sizeof(name));
    thread->name_changed = true;
}

/* New threads start with all their faults still to be charged: they were made since the last look.
 */
static int add_new_threads(struct threads *threads, bool first)
{
    _cleanup_(freep) pid_t *tids = NULL;
    size_t count;
    int r = process_threads_list(threads->pid, &tids, &count);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        if (threads_find(threads, tids[i]))
            continue;
        int fd = counters_thread_open(threads->pid, tids[i]);
        struct counters_thread now;
        if (fd < 0)
            continue;
        if (counters_thread_read(fd, &now) < 0 || now.state == 'Z' || now.state == 'X' ||
            array_reserve(&threads->items, &threads->cap, threads->count + 1,
                          sizeof(*threads->items)) < 0) {
            close(fd);
            continue;
        }
        struct thread *thread = &threads->items[threads->count++];
        *thread = (struct thread){
            .tid = tids[i],
            .inner_tid = threads->nested ? process_inner_id(threads->pid, tids[i], NULL) : tids[i],
            .stat_fd = fd,
            .state = now.state,
            .minor_faults = now.minor_faults,
            .faults = first ? 0 : now.minor_faults,
            .cpu_ticks = now.cpu_ticks,
            .cpu = now.cpu,
            .ran = now.state == 'R',
        };
        read_name(threads, thread);
    }
    return threads->count ? 0 : -ESRCH;
}

/* False when the thread is gone. */
static bool look_at(struct thread *thread, uint32_t *ret_threads)
{
    struct counters_thread now;
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    if (counters_thread_read(thread->stat_fd, &now) < 0 || now.state == 'X' || now.state == 'Z')
        return false;
    thread->looked_ns = (uint64_t)time.tv_sec * NS_PER_S + (uint64_t)time.tv_nsec;
    /* After an exec another thread may go by this number. */
    bool other = now.minor_faults < thread->minor_faults;
    thread->faults += now.minor_faults - (other ? 0 : thread->minor_faults);
    thread->minor_faults = now.minor_faults;
    thread->ran = now.state == 'R' || now.cpu_ticks != thread->cpu_ticks;
    thread->cpu_ticks = now.cpu_ticks;
    thread->cpu = now.cpu;
    thread->state = now.state;
    *ret_threads = now.threads;
    return true;
}

void threads_read_names(struct threads *threads)
{
    for (size_t i = 0; i < threads->count; i++)
        read_name(threads, &threads->items[i]);
}

pid_t threads_inner_tid(const struct threads *threads, pid_t tid)
{
    if (!threads->nested)
        return tid;
    const struct thread *thread = threads_find(threads, tid);
    return thread ? thread->inner_tid : process_inner_id(threads->pid, tid, NULL);
}

static bool read_thread(const struct threads *threads, pid_t tid, struct counters_thread *ret_now)
{
    const struct thread *thread = threads_find(threads, tid);
    return thread && counters_thread_read(thread->stat_fd, ret_now) == 0;
}

char threads_state(const struct threads *threads, pid_t tid)
{
    struct counters_thread now;
    return read_thread(threads, tid, &now) ? now.state : 'X';
}

int threads_cpu(const struct threads *threads, pid_t tid)
{
    struct counters_thread now;
    return read_thread(threads, tid, &now) ? now.cpu : -1;
}

uint64_t threads_settle(struct threads *threads)
{
    uint64_t faults = 0;
    for (size_t i = 0; i < threads->count; i++) {
        faults += threads->items[i].faults;
        threads->items[i].faults = 0;
    }
    return faults;
}

int threads_look(struct threads *threads)
{
    uint32_t process_threads = 0;
    bool first = threads->count == 0;
    for (size_t i = 0; i < threads->count;) {
        if (look_at(&threads->items[i], &process_threads)) {
            i++;
            continue;
        }
        thread_deinit(&threads->items[i]);
        threads->items[i] = threads->items[--threads->count];
    }
    if (threads->count == process_threads && !first)
        return 0;
    return add_new_threads(threads, first);
}

bool threads_changed(const struct threads *threads)
{
    struct counters_thread now;
    return threads->count == 0 || counters_thread_read(threads->items[0].stat_fd, &now) < 0 ||
           now.threads != threads->count;
}

int threads_look_for(struct threads *threads, pid_t tid, uint64_t now_ns)
{
    uint32_t process_threads = 0;
    if (threads->count <= FEW || now_ns - threads->looked_ns >= LOOK_AT_ALL_NS) {
        threads->looked_ns = now_ns;
        return threads_look(threads);
    }
    struct thread *thread = threads_find(threads, tid);
    if (thread && look_at(thread, &process_threads) && process_threads == threads->count)
        return 0;
    return threads_look(threads);
}
