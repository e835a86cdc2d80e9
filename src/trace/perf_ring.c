/* Knows the kernel's interface; knows nothing of why faults are read. */
#include "trace/perf_ring.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/cleanup.h"

/* These two are reported at the end of a fault, when the memory is there; PERF_COUNT_SW_PAGE_FAULTS
 * at its beginning, up to hundreds of us earlier where many pages are filled or mapped at once
 * (mm_account_fault() in mm/memory.c, Linux 6.18). */
#define MINOR_FAULTS PERF_COUNT_SW_PAGE_FAULTS_MIN
#define MAJOR_FAULTS PERF_COUNT_SW_PAGE_FAULTS_MAJ
/* PERF_SAMPLE_DATA_PAGE_SIZE; newer than some headers (linux/perf_event.h, Linux 5.11) */
#define SAMPLE_DATA_PAGE_SIZE (UINT64_C(1) << 22)

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static int open_event(pid_t tid, uint64_t config, const struct perf_ring_options *options)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(attributes),
        .config = config,
        .sample_period = options->period,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_ID |
                       PERF_SAMPLE_CPU | PERF_SAMPLE_READ | PERF_SAMPLE_REGS_USER,
        .sample_regs_user = registers_perf_mask(),
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .exclude_kernel = !options->kernel_faults,
        .exclude_hv = 1,
    };
    if (options->wake_bytes) {
        attributes.watermark = 1;
        attributes.wakeup_watermark = options->wake_bytes;
    } else {
        attributes.wakeup_events = 1;
    }
    if (options->stack_bytes) {
        attributes.sample_type |= PERF_SAMPLE_STACK_USER;
        attributes.sample_stack_user = options->stack_bytes;
    }
    if (options->page_sizes)
        attributes.sample_type |= SAMPLE_DATA_PAGE_SIZE;
    long fd = syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : (int)fd;
}

static int probe(const struct perf_ring_options *options)
{
    struct perf_ring_options never = *options;
    never.period = UINT64_C(1) << 40; /* this thread will not live to take so many */
    int fd = open_event(0, MINOR_FAULTS, &never);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

int perf_ring_adapt(struct perf_ring_options *options)
{
    int r = probe(options);
    if (r == -EINVAL) {
        options->page_sizes = false;
        r = probe(options);
    }
    if (r == -EACCES || r == -EPERM) {
        options->kernel_faults = false;
        r = probe(options);
    }
    return r;
}

void perf_ring_close(struct perf_ring *ring)
{
    if (ring->map)
        munmap(ring->map, page_bytes() + ring->data_bytes);
    fd_closep(&ring->major_fd);
    fd_closep(&ring->fd);
    *ring = (struct perf_ring){.fd = -1, .major_fd = -1};
}

/* Without it pages from files and from swap are seen by their bytes alone. */
static void add_major_faults(struct perf_ring *ring, pid_t tid,
                             const struct perf_ring_options *options)
{
    ring->major_fd = open_event(tid, MAJOR_FAULTS, options);
    if (ring->major_fd < 0 || (ioctl(ring->major_fd, PERF_EVENT_IOC_ID, &ring->major_id) == 0 &&
                               ioctl(ring->major_fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) == 0))
        return;
    close(ring->major_fd);
    ring->major_fd = -1;
}

int perf_ring_open(struct perf_ring *ring, pid_t tid, const struct perf_ring_options *options)
{
    *ring = (struct perf_ring){.major_fd = -1, .data_bytes = options->data_pages * page_bytes()};
    ring->fd = open_event(tid, MINOR_FAULTS, options);
    if (ring->fd < 0)
        return ring->fd;
    void *map = mmap(NULL, page_bytes() + ring->data_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                     ring->fd, 0);
    if (map == MAP_FAILED) {
        int r = -errno;
        perf_ring_close(ring);
        return r;
    }
    ring->map = map;
    add_major_faults(ring, tid, options);
    return 0;
}

static void set_period(int fd, uint64_t period)
{
    ioctl(fd, PERF_EVENT_IOC_PERIOD, &period);
    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0); /* nothing, when it is on */
}

void perf_ring_set_period(const struct perf_ring *ring, uint64_t period)
{
    set_period(ring->fd, period);
    if (ring->major_fd >= 0)
        set_period(ring->major_fd, period);
}

void perf_ring_rest(const struct perf_ring *ring)
{
    ioctl(ring->fd, PERF_EVENT_IOC_DISABLE, 0);
    if (ring->major_fd >= 0)
        ioctl(ring->major_fd, PERF_EVENT_IOC_DISABLE, 0);
}

/* Copies a record out of the ring, where it may go round the end. */
static void copy_record(const struct perf_ring *ring, uint64_t at, void *copy, size_t size)
{
    const uint8_t *data = (const uint8_t *)ring->map + page_bytes();
    size_t from = (size_t)(at % ring->data_bytes), first = ring->data_bytes - from;
    if (first > size)
        first = size;
    memcpy(copy, data + from, first);
    memcpy((uint8_t *)copy + first, data, size - first);
}

/* The size that was asked for, the bytes, and how many of them were filled; or a size of 0. */
static void take_stack(struct bytes *bytes, struct perf_fault *fault)
{
    uint64_t size, filled;
    const uint8_t *stack;
    if (!bytes_take_u64(bytes, &size) || size == 0 || size > PERF_RING_STACK_BYTES ||
        !bytes_take(bytes, (size_t)size, &stack) || !bytes_take_u64(bytes, &filled))
        return;
    fault->stack = stack;
    fault->stack_bytes = filled < size ? (size_t)filled : (size_t)size;
}

/* PERF_RECORD_SAMPLE with TID, TIME, ADDR, ID, CPU, READ, and perhaps registers, stack and page
 * size, in this order (perf_event_open(2)). Who asks for registers and stack gets them. */
static bool parse_sample(const struct perf_ring *ring, const uint8_t *record, size_t size,
                         struct perf_fault *ret_fault)
{
    struct bytes bytes = bytes_of(record, size);
    const uint8_t *header;
    uint32_t pid, tid, cpu, reserved;
    uint64_t time_ns, address, id, count;
    if (!bytes_take(&bytes, sizeof(struct perf_event_header), &header) ||
        !bytes_take_u32(&bytes, &pid) || !bytes_take_u32(&bytes, &tid) ||
        !bytes_take_u64(&bytes, &time_ns) || !bytes_take_u64(&bytes, &address) ||
        !bytes_take_u64(&bytes, &id) || !bytes_take_u32(&bytes, &cpu) ||
        !bytes_take_u32(&bytes, &reserved) || !bytes_take_u64(&bytes, &count))
        return false;
    *ret_fault = (struct perf_fault){.tid = (pid_t)tid,
                                     .address = address,
                                     .time_ns = time_ns,
                                     .cpu = (int)cpu,
                                     .major = ring->major_fd >= 0 && id == ring->major_id,
                                     .count = count};
    if (bytes.left && registers_take_perf(&bytes, &ret_fault->registers))
        take_stack(&bytes, ret_fault);
    if (!bytes_take_u64(&bytes, &ret_fault->page_bytes))
        ret_fault->page_bytes = 0;
    return true;
}

uint64_t perf_ring_count(const struct perf_ring *ring)
{
    uint64_t count;
    return read(ring->fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

bool perf_ring_next(struct perf_ring *ring, uint8_t *record, struct perf_fault *ret_fault)
{
    struct perf_event_mmap_page *control = ring->map;
    if (!control)
        return false;
    uint64_t head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = control->data_tail;
    bool found = false;
    while (tail < head && !found) {
        struct perf_event_header header;
        copy_record(ring, tail, &header, sizeof(header));
        if (header.size < sizeof(header) || header.size > head - tail) {
            tail = head; /* not what the kernel writes */
            break;
        }
        if (header.type == PERF_RECORD_SAMPLE && header.size <= PERF_RING_RECORD_MAX) {
            copy_record(ring, tail, record, header.size);
            found = parse_sample(ring, record, header.size, ret_fault);
        }
        tail += header.size;
    }
    __atomic_store_n(&control->data_tail, tail, __ATOMIC_RELEASE);
    return found;
}
