/* statm and per-thread stat, parsed by hand: they are read thousands of times a second. */
#include "proc/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STAT_TEXT_MAX 1024 /* 52 numbers and a name of at most 16 bytes (64 for kernel workers) */

/* Takes an unsigned or negative number and the blanks before it; negative ones read as 0. */
static bool take_number(const char **text, uint64_t *ret_value)
{
    const char *c = *text;
    while (*c == ' ')
        c++;
    bool negative = *c == '-';
    if (negative)
        c++;
    if (*c < '0' || *c > '9')
        return false;
    uint64_t value = 0;
    for (; *c >= '0' && *c <= '9'; c++)
        value = value * 10 + (uint64_t)(*c - '0');
    *text = c;
    *ret_value = negative ? 0 : value;
    return true;
}

static int read_text(int fd, char *text, size_t size)
{
    ssize_t n = pread(fd, text, size - 1, 0);
    if (n <= 0)
        return -ESRCH; /* ESRCH from the kernel, or nothing to read: either way it is gone */
    text[n] = 0;
    return (int)n;
}

int counters_memory_open(pid_t pid)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* proc_pid_statm(5): size resident shared text lib data dt, in pages. */
bool counters_memory_parse(const char *text, uint64_t page_bytes,
                           struct counters_memory *ret_memory)
{
    uint64_t fields[6];
    for (size_t i = 0; i < 6; i++)
        if (!take_number(&text, &fields[i]) || fields[i] > UINT64_MAX / page_bytes)
            return false;
    if (fields[0] == 0)
        return false; /* no address space: a zombie */
    *ret_memory = (struct counters_memory){
        .rss_bytes = fields[1] * page_bytes,
        .shared_bytes = (fields[2] < fields[1] ? fields[2] : fields[1]) * page_bytes,
        .writable_bytes = fields[5] * page_bytes,
    };
    return true;
}

int counters_memory_read(int fd, uint64_t page_bytes, struct counters_memory *ret_memory)
{
    char text[256];
    int r = read_text(fd, text, sizeof(text));
    if (r < 0)
        return r;
    return counters_memory_parse(text, page_bytes, ret_memory) ? 0 : -ESRCH;
}

int counters_thread_open(pid_t pid, pid_t tid)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* proc_pid_stat(5). The name in parentheses may hold anything, also ") ": count from the last one.
 */
bool counters_thread_parse(const char *text, size_t length, struct counters_thread *ret_thread)
{
    const char *c = memrchr(text, ')', length);
    if (!c || c[1] != ' ' || !c[2])
        return false;
    char state = c[2];
    c += 3;
    uint64_t fields[40] = {0}; /* by the man page's numbers; 4 to 39 are read */
    for (size_t i = 4; i <= 39; i++)
        if (!take_number(&c, &fields[i]))
            return false;
    *ret_thread = (struct counters_thread){
        .state = state,
        .minor_faults = fields[10],
        .cpu_ticks = fields[14] + fields[15],
        .threads = (uint32_t)fields[20],
        .cpu = fields[39] > INT_MAX ? -1 : (int)fields[39],
    };
    return true;
}

int counters_thread_read(int fd, struct counters_thread *ret_thread)
{
    char text[STAT_TEXT_MAX];
    int r = read_text(fd, text, sizeof(text));
    if (r < 0)
        return r;
    return counters_thread_parse(text, (size_t)r, ret_thread) ? 0 : -ESRCH;
}
