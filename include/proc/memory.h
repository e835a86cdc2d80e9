/* Reading the target's memory. Whoever interprets it takes a `struct memory`, never a pid, so that a
 * test can hand in a fake one. */
#ifndef MEMSAMPLE_PROC_MEMORY_H
#define MEMSAMPLE_PROC_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* An address in the target: never a pointer here. */
typedef uint64_t remote_addr;

/* One piece of a vectored read. */
struct memory_span {
    remote_addr address;
    void *into;
    size_t length;
};

#define MEMORY_SPANS_MAX 512 /* pieces in one vectored read; the kernel takes 1024 (UIO_MAXIOV) */

struct memory {
    /* Reads `count` spans in order. Returns how many spans, from the first, were read whole (so `count`
     * when all is well), or a negative errno (-ESRCH: the process is gone) when nothing was read. */
    int (*read_spans)(void *context, const struct memory_span *spans, size_t count);
    void *context;
};

/* Reads exactly `length` bytes. 0, -EFAULT when the address is not readable, or another negative errno. */
int memory_read(const struct memory *memory, remote_addr address, void *into, size_t length);
int memory_read_u64(const struct memory *memory, remote_addr address, uint64_t *ret_value);
int memory_read_u32(const struct memory *memory, remote_addr address, uint32_t *ret_value);
/* See `read_spans`; splits into calls of MEMORY_SPANS_MAX. */
int memory_read_spans(const struct memory *memory, const struct memory_span *spans, size_t count);

/* Memory of a live process: process_vm_readv, or /proc/PID/mem where that is refused.
 * Owns nothing but the fd behind the fallback. */
struct process_memory {
    pid_t pid;
    int mem_fd; /* -1 until needed */
};
void process_memory_init(struct process_memory *process, pid_t pid, struct memory *ret_memory);
void process_memory_deinit(struct process_memory *process);

#endif
