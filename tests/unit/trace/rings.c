/* Reading rings of page faults: made by hand, as the kernel writes them. */
#include "../test.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trace/rings.h"

/* header, pid and tid, time, address, id, cpu and its reserved half, count */
#define RECORD_BYTES 56
#define DATA_PAGES   4

static size_t page_bytes;

static void start(struct rings *rings, size_t count)
{
    *rings = (struct rings){.epoll_fd = -1, .count = count, .cap = count};
    rings->items = calloc(count, sizeof(*rings->items));
    for (size_t i = 0; i < count; i++) {
        void *map =
            mmap(NULL, (1 + DATA_PAGES) * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(map != MAP_FAILED);
        rings->items[i] = (struct ring){
            .tid = 100 + (pid_t)i,
            .perf = {.fd = -1, .major_fd = -1, .map = map, .data_bytes = DATA_PAGES * page_bytes}};
    }
}

static void put(struct ring *ring, const void *record, size_t size)
{
    struct perf_event_mmap_page *control = ring->perf.map;
    uint8_t *data = (uint8_t *)ring->perf.map + page_bytes;
    for (size_t i = 0; i < size; i++)
        data[(control->data_head + i) % (DATA_PAGES * page_bytes)] = ((const uint8_t *)record)[i];
    control->data_head += size;
}

static void put_header(struct ring *ring, uint32_t type, uint16_t size)
{
    uint8_t record[PERF_RING_RECORD_MAX + 8] = {0};
    struct perf_event_header header = {.type = type, .size = size};
    memcpy(record, &header, sizeof(header));
    put(ring, record, size > sizeof(header) ? size : sizeof(header));
}

static void put_fault(struct ring *ring, uint32_t tid, uint64_t time_ns, uint64_t address,
                      uint32_t cpu)
{
    struct {
        struct perf_event_header header;
        uint32_t pid, tid;
        uint64_t time, address, id;
        uint32_t cpu, reserved;
        uint64_t count;
    } record = {{PERF_RECORD_SAMPLE, 0, RECORD_BYTES}, 7, tid, time_ns, address, 99, cpu, 0, 5};
    assert_int_equal(sizeof(record), RECORD_BYTES);
    put(ring, &record, sizeof(record));
}

static void expect(struct rings *rings, uint64_t address)
{
    struct perf_fault fault = {0};
    assert_true(rings_next(rings, &fault));
    assert_int_equal(fault.address, address);
}

static void expect_none(struct rings *rings)
{
    struct perf_fault fault;
    assert_false(rings_next(rings, &fault));
    for (size_t i = 0; i < rings->count; i++) {
        const struct perf_event_mmap_page *control = rings->items[i].perf.map;
        assert_int_equal(control->data_tail, control->data_head); /* the kernel may use it again */
    }
}

static void a_fault_is_read(void **state)
{
    (void)state;
    struct rings rings;
    struct perf_fault fault;
    start(&rings, 1);
    expect_none(&rings);
    put_fault(&rings.items[0], 4242, UINT64_C(123456789012), UINT64_C(0x7f1234567008), 3);
    assert_true(rings_next(&rings, &fault));
    assert_int_equal(fault.tid, 4242);
    assert_int_equal(fault.time_ns, UINT64_C(123456789012));
    assert_int_equal(fault.address, UINT64_C(0x7f1234567008));
    assert_int_equal(fault.cpu, 3);
    assert_int_equal(fault.count, 5);
    assert_int_equal(fault.registers.known, 0);
    assert_int_equal(fault.stack_bytes, 0);
    expect_none(&rings);
    rings_deinit(&rings);
}

static void the_newest_stands_for_all(void **state)
{
    (void)state;
    struct rings rings;
    start(&rings, 1);
    for (uint64_t i = 1; i <= 5; i++)
        put_fault(&rings.items[0], 1, i, i << 12, 0);
    expect(&rings, 5 << 12);
    expect_none(&rings);
    rings_deinit(&rings);
}

static void records_go_round_the_end(void **state)
{
    (void)state;
    struct rings rings;
    start(&rings, 1);
    for (uint64_t i = 1; i < 1000; i++) { /* 56 does not divide a page */
        put_fault(&rings.items[0], 1, i, i << 12, 0);
        expect(&rings, i << 12);
    }
    expect_none(&rings);
    rings_deinit(&rings);
}

static void rings_take_turns(void **state)
{
    (void)state;
    struct rings rings;
    start(&rings, 3);
    for (unsigned turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < 3; i++) {
            put_fault(&rings.items[0], 1, 1, 0x1000, 0); /* it never stops */
            put_fault(&rings.items[1], 2, 1, 0x2000, 0);
            put_fault(&rings.items[2], 3, 1, 0x3000, 0);
            expect(&rings, 0x1000 * (i + 1));
        }
    rings_deinit(&rings);
}

static void other_records_are_passed_over(void **state)
{
    (void)state;
    struct rings rings;
    start(&rings, 1);
    put_header(&rings.items[0], PERF_RECORD_LOST, 24);
    expect_none(&rings);
    put_fault(&rings.items[0], 1, 1, 0x1000, 0);
    put_header(&rings.items[0], PERF_RECORD_THROTTLE, 32);
    put_header(&rings.items[0], PERF_RECORD_SAMPLE, PERF_RING_RECORD_MAX + 8); /* longer than any of ours */
    put_header(&rings.items[0], PERF_RECORD_SAMPLE, 16);  /* shorter */
    expect(&rings, 0x1000);
    expect_none(&rings);
    rings_deinit(&rings);
}

/* The target cannot write there, but nothing may hang or read beyond. */
static void damaged_records_are_dropped(void **state)
{
    (void)state;
    static const uint16_t sizes[] = {0, 1, 7, 4096, 65535};
    struct rings rings;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t record[8] = {0};
        struct perf_event_header header = {.type = PERF_RECORD_SAMPLE, .size = sizes[i]};
        start(&rings, 1);
        memcpy(record, &header, sizeof(header));
        put(&rings.items[0], record, sizeof(record));
        expect_none(&rings);
        put_fault(&rings.items[0], 1, 1, 0x1000, 0);
        expect(&rings, 0x1000);
        rings_deinit(&rings);
    }
}

static void trust_comes_with_faults(void **state)
{
    (void)state;
    struct rings rings;
    start(&rings, 2);
    assert_int_equal(rings_note(&rings, 999, true), RINGS_UNKNOWN);
    assert_int_equal(rings_note(&rings, 100, true), RINGS_UNKNOWN);
    for (unsigned i = 0; i < 100; i++) {
        rings_note(&rings, 100, true);
        rings_note(&rings, 101, false);
    }
    assert_int_equal(rings_note(&rings, 100, true), RINGS_GOOD);
    assert_int_equal(rings_note(&rings, 101, false), RINGS_BLIND);
    for (unsigned i = 0; i < 8; i++)
        rings_note(&rings, 100, false);
    assert_int_equal(rings_note(&rings, 100, false), RINGS_POOR);
    for (unsigned i = 0; i < 1000; i++)
        rings_note(&rings, 100, false);
    assert_int_equal(rings_note(&rings, 100, false), RINGS_BLIND);
    assert_true(rings_has(&rings, 100));
    rings_remove(&rings, 100);
    assert_false(rings_has(&rings, 100));
    assert_true(rings_has(&rings, 101));
    rings_deinit(&rings);
}

/* Where perf may be used: faults of this very thread. */
static void own_faults(void **state)
{
    (void)state;
    enum { PAGES = 512 };
    struct rings rings;
    struct perf_fault fault = {0};
    if (rings_init(&rings, 128) < 0 || rings_add(&rings, gettid()) < 0) {
        rings_deinit(&rings);
        skip();
    }
    uint8_t *memory =
        mmap(NULL, PAGES * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    madvise(memory, PAGES * page_bytes, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < PAGES; i++)
        ((volatile uint8_t *)memory)[i * page_bytes] = 1;
    assert_true(rings_next(&rings, &fault));
    assert_int_equal(fault.tid, gettid());
    assert_true(fault.time_ns > 0);
    assert_true(fault.address >= (uintptr_t)memory + (PAGES - 256) * page_bytes);
    assert_true(fault.address < (uintptr_t)memory + PAGES * page_bytes);
    munmap(memory, PAGES * page_bytes);
    rings_deinit(&rings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_is_read),
        cmocka_unit_test(the_newest_stands_for_all),
        cmocka_unit_test(records_go_round_the_end),
        cmocka_unit_test(rings_take_turns),
        cmocka_unit_test(other_records_are_passed_over),
        cmocka_unit_test(damaged_records_are_dropped),
        cmocka_unit_test(trust_comes_with_faults),
        cmocka_unit_test(own_faults),
    };
    page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
