/* Reading the target's memory: process_vm_readv first, /proc/PID/mem where that is refused. */
#include "proc/memory.h"
#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/uio.h>

int memory_read_spans(const struct memory *memory, const struct memory_span *spans, size_t count)
{
    size_t done = 0;
    while (done < count) {
        size_t part = count - done < MEMORY_SPANS_MAX ? count - done : MEMORY_SPANS_MAX;
        int r = memory->read_spans(memory->context, spans + done, part);
        if (r < 0)
            return done ? (int)done : r;
        done += (size_t)r;
        if ((size_t)r < part)
            break;
    }
    return (int)done;
}

int memory_read(const struct memory *memory, remote_addr address, void *into, size_t length)
{
    struct memory_span span = {.address = address, .into = into, .length = length};
    int r = memory->read_spans(memory->context, &span, 1);
    if (r < 0)
        return r;
    return r == 1 ? 0 : -EFAULT;
}

int memory_read_u64(const struct memory *memory, remote_addr address, uint64_t *ret_value)
{
    return memory_read(memory, address, ret_value, sizeof(*ret_value));
}

int memory_read_u32(const struct memory *memory, remote_addr address, uint32_t *ret_value)
{
    return memory_read(memory, address, ret_value, sizeof(*ret_value));
}

/* Kernels without CONFIG_CROSS_MEMORY_ATTACH and some seccomp filters refuse process_vm_readv while
 * a tracer may still read /proc/PID/mem. */
static int read_through_file(struct process_memory *process, const struct memory_span *spans,
                             size_t count)
{
    if (process->mem_fd < 0) {
        char path[32];
        snprintf(path, sizeof(path), "/proc/%d/mem", (int)process->pid);
        process->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
        if (process->mem_fd < 0)
            return -errno;
    }
    for (size_t i = 0; i < count; i++) {
        ssize_t n = pread(process->mem_fd, spans[i].into, spans[i].length, (off_t)spans[i].address);
        if (n != (ssize_t)spans[i].length)
            return i ? (int)i : -EFAULT;
    }
    return (int)count;
}

static int read_process_spans(void *context, const struct memory_span *spans, size_t count)
{
    struct process_memory *process = context;
    struct iovec local[MEMORY_SPANS_MAX], remote[MEMORY_SPANS_MAX];

    if (count > MEMORY_SPANS_MAX)
        return -EINVAL;
    if (process->mem_fd >= 0)
        return read_through_file(process, spans, count);
    for (size_t i = 0; i < count; i++) {
        local[i] = (struct iovec){.iov_base = spans[i].into, .iov_len = spans[i].length};
        remote[i] = (struct iovec){.iov_base = (void *)(uintptr_t)spans[i].address,
                                   .iov_len = spans[i].length};
    }
    ssize_t n = process_vm_readv(process->pid, local, count, remote, count, 0);
    if (n < 0 && (errno == ENOSYS || errno == EPERM))
        return read_through_file(process, spans, count);
    if (n < 0)
        return -errno;

    /* A partial transfer ends at the first span that could not be read whole (process_vm_readv(2)).
     */
    size_t whole = 0, left = (size_t)n;
    while (whole < count && left >= spans[whole].length)
        left -= spans[whole++].length;
    return (int)whole;
}

void process_memory_init(struct process_memory *process, pid_t pid, struct memory *ret_memory)
{
    *process = (struct process_memory){.pid = pid, .mem_fd = -1};
    *ret_memory = (struct memory){.read_spans = read_process_spans, .context = process};
}

void process_memory_deinit(struct process_memory *process)
{
    fd_closep(&process->mem_fd);
    process->mem_fd = -1;
}
