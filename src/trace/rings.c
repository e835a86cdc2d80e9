/* Perf rings of page faults, one for each thread: an inherited event cannot be mapped, and one for
 * each thread and processor would need more file descriptors than a user may have. */
#include "trace/rings.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/bytes.h"
#include "base/cleanup.h"

/* These two are reported at the end of a fault, when the memory is there; PERF_COUNT_SW_PAGE_FAULTS
 * at its beginning, up to hundreds of us earlier where many pages are filled or mapped at once
 * (mm_account_fault() in mm/memory.c, Linux 6.18). */
#define MINOR_FAULTS PERF_COUNT_SW_PAGE_FAULTS_MIN
#define MAJOR_FAULTS PERF_COUNT_SW_PAGE_FAULTS_MAJ
#define NOTES_LEAST  12 /* faults, before the share that was met in the act says anything */
#define GOOD_SHARE   0.5
#define BLIND_SHARE  0.1
#define RECORD_MAX   (56 + 8 * REGISTERS_COUNT) /* bytes; without registers ours have 48 */

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static int open_event(pid_t tid, uint64_t config, uint64_t period, const struct rings *rings)
{
    struct perf_event_attr attributes = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(attributes),
        .config = config,
        .sample_period = period,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_ADDR | PERF_SAMPLE_CPU,
        .wakeup_events = 1,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .exclude_kernel = !rings->kernel_faults,
        .exclude_hv = 1,
    };
    if (rings->registers) {
        attributes.sample_type |= PERF_SAMPLE_REGS_USER;
        attributes.sample_regs_user = registers_perf_mask();
    }
    long fd = syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : (int)fd;
}

int rings_init(struct rings *rings, uint64_t period)
{
    *rings = (struct rings){.epoll_fd = -1, .period = period, .kernel_faults = true};
    int fd = open_event(0, MINOR_FAULTS, UINT64_C(1) << 40, rings);
    if (fd == -EACCES || fd == -EPERM) {
        rings->kernel_faults = false; /* perf_event_paranoid 2 */
        fd = open_event(0, MINOR_FAULTS, UINT64_C(1) << 40, rings);
    }
    if (fd < 0)
        return fd;
    close(fd);
    rings->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    return rings->epoll_fd < 0 ? -errno : 0;
}

static void close_ring(struct ring *ring)
{
    if (ring->map)
        munmap(ring->map, 2 * page_bytes());
    fd_closep(&ring->major_fd);
    fd_closep(&ring->fd);
}

void rings_deinit(struct rings *rings)
{
    for (size_t i = 0; i < rings->count; i++)
        close_ring(&rings->items[i]);
    free(rings->items);
    fd_closep(&rings->epoll_fd);
    *rings = (struct rings){.epoll_fd = -1};
}

static struct ring *find_ring(const struct rings *rings, pid_t tid)
{
    for (size_t i = 0; i < rings->count; i++)
        if (rings->items[i].tid == tid)
            return &rings->items[i];
    return NULL;
}

bool rings_has(const struct rings *rings, pid_t tid)
{
    return find_ring(rings, tid);
}

/* Without it pages from files and from swap are seen by their bytes alone. */
static void add_major_faults(const struct rings *rings, struct ring *ring)
{
    ring->major_fd = open_event(ring->tid, MAJOR_FAULTS, rings->period, rings);
    if (ring->major_fd < 0 || ioctl(ring->major_fd, PERF_EVENT_IOC_SET_OUTPUT, ring->fd) == 0)
        return;
    close(ring->major_fd);
    ring->major_fd = -1;
}

static int open_ring(const struct rings *rings, pid_t tid, struct ring *ret_ring)
{
    *ret_ring = (struct ring){.tid = tid, .major_fd = -1};
    int fd = open_event(tid, MINOR_FAULTS, rings->period, rings);
    ret_ring->fd = fd;
    if (fd < 0)
        return fd;
    void *map = mmap(NULL, 2 * page_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) /* perf_event_mlock_kb is used up */
        return -errno;
    ret_ring->map = map;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(rings->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return -errno;
    add_major_faults(rings, ret_ring);
    return 0;
}

int rings_add(struct rings *rings, pid_t tid)
{
    struct ring ring;
    int r = array_reserve(&rings->items, &rings->cap, rings->count + 1, sizeof(*rings->items));
    if (r < 0)
        return r;
    r = open_ring(rings, tid, &ring);
    if (r < 0) {
        close_ring(&ring);
        return r;
    }
    rings->items[rings->count++] = ring;
    return 0;
}

void rings_remove(struct rings *rings, pid_t tid)
{
    struct ring *ring = find_ring(rings, tid);
    if (!ring)
        return;
    close_ring(ring); /* which takes it out of the epoll set */
    *ring = rings->items[--rings->count];
}

enum rings_trust rings_note(struct rings *rings, pid_t tid, bool in_act)
{
    struct ring *ring = find_ring(rings, tid);
    if (!ring)
        return RINGS_UNKNOWN;
    ring->notes += ring->notes < NOTES_LEAST;
    ring->in_act += ((in_act ? 1 : 0) - ring->in_act) / ring->notes;
    if (ring->notes < NOTES_LEAST)
        return RINGS_UNKNOWN;
    return ring->in_act > GOOD_SHARE    ? RINGS_GOOD
           : ring->in_act > BLIND_SHARE ? RINGS_POOR
                                        : RINGS_BLIND;
}

void rings_set_period(struct rings *rings, pid_t tid, uint64_t period)
{
    const struct ring *ring = find_ring(rings, tid);
    if (ring)
        ioctl(ring->fd, PERF_EVENT_IOC_PERIOD, &period);
    if (ring && ring->major_fd >= 0)
        ioctl(ring->major_fd, PERF_EVENT_IOC_PERIOD, &period);
    rings->period = period;
}

/* Copies a record out of the ring, where it may go round the end. */
static void copy_record(const struct ring *ring, uint64_t at, uint8_t *copy, size_t size)
{
    size_t data_bytes = page_bytes();
    const uint8_t *data = (const uint8_t *)ring->map + data_bytes;
    for (size_t i = 0; i < size; i++)
        copy[i] = data[(at + i) % data_bytes];
}

/* PERF_RECORD_SAMPLE with TID, TIME, ADDR, CPU and perhaps registers, in this order
 * (perf_event_open(2)). */
static bool parse_sample(const uint8_t *record, size_t size, struct rings_fault *ret_fault)
{
    struct bytes bytes = bytes_of(record, size);
    const uint8_t *header;
    uint32_t pid, tid, cpu;
    uint64_t time_ns, address;
    if (!bytes_take(&bytes, sizeof(struct perf_event_header), &header) ||
        !bytes_take_u32(&bytes, &pid) || !bytes_take_u32(&bytes, &tid) ||
        !bytes_take_u64(&bytes, &time_ns) || !bytes_take_u64(&bytes, &address) ||
        !bytes_take_u32(&bytes, &cpu))
        return false;
    *ret_fault = (struct rings_fault){
        .tid = (pid_t)tid, .address = address, .time_ns = time_ns, .cpu = (int)cpu};
    const uint8_t *rest; /* of the word with the processor's number */
    if (bytes_take(&bytes, 4, &rest) && bytes.left)
        registers_take_perf(&bytes, &ret_fault->registers);
    return true;
}

static bool read_ring(const struct ring *ring, struct rings_fault *ret_fault)
{
    struct perf_event_mmap_page *control = ring->map;
    uint64_t head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = control->data_tail;
    bool found = false;
    while (tail < head) {
        struct perf_event_header header;
        uint8_t record[RECORD_MAX];
        copy_record(ring, tail, (uint8_t *)&header, sizeof(header));
        if (header.size < sizeof(header) || header.size > head - tail)
            break;
        if (header.type == PERF_RECORD_SAMPLE && header.size <= sizeof(record)) {
            copy_record(ring, tail, record, header.size);
            found |= parse_sample(record, header.size, ret_fault);
        }
        tail += header.size;
    }
    __atomic_store_n(&control->data_tail, head, __ATOMIC_RELEASE);
    return found;
}

bool rings_next(struct rings *rings, struct rings_fault *ret_fault)
{
    for (size_t i = 0; i < rings->count; i++) {
        size_t at = rings->next++ % rings->count;
        if (read_ring(&rings->items[at], ret_fault))
            return true;
    }
    return false;
}
