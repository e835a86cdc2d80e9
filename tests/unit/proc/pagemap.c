/* The page table of this very process. */
#include "../test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "proc/pagemap.h"

#define PAGES 64

static size_t page_bytes;
static bool entries_readable; /* not when a sanitizer has reserved terabytes of addresses */

static uint8_t *map_pages(int sharing)
{
    uint8_t *memory =
        mmap(NULL, PAGES * page_bytes, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    madvise(memory, PAGES * page_bytes, MADV_NOHUGEPAGE); /* pages one by one */
    return memory;
}

static void open_own(struct pagemap *ret_pagemap)
{
    int r = pagemap_init(ret_pagemap, getpid());
    if (r == -EACCES || r == -EPERM || r == -ENOENT) {
        pagemap_deinit(ret_pagemap);
        skip();
    }
    assert_int_equal(r, 0);
}

static void read_own(struct pagemap *pagemap)
{
    assert_int_equal(pagemap_read(pagemap), 0);
    for (size_t i = 0; i < pagemap->count; i++) {
        const struct pagemap_run *run = &pagemap->runs[i];
        assert_true(run->count > 0);
        if (i == 0)
            continue;
        assert_true(run[-1].first + run[-1].count <= run->first);
        /* neighbours of one kind are one run */
        assert_true(run[-1].first + run[-1].count < run->first || run[-1].swapped != run->swapped);
    }
}

static bool is_resident(const struct pagemap *pagemap, const void *address)
{
    uint64_t page = (uintptr_t)address / page_bytes;
    for (size_t i = 0; i < pagemap->count; i++)
        if (page >= pagemap->runs[i].first &&
            page - pagemap->runs[i].first < pagemap->runs[i].count)
            return !pagemap->runs[i].swapped;
    return false;
}

static void expect_pages(const struct pagemap *pagemap, const uint8_t *memory, size_t first,
                         size_t end)
{
    for (size_t i = 0; i < PAGES; i++)
        assert_int_equal(is_resident(pagemap, memory + i * page_bytes), i >= first && i < end);
}

static void touch(uint8_t *memory, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++)
        ((volatile uint8_t *)memory)[i * page_bytes] = 1;
}

/* By the call of newer kernels, where there is one, or entry by entry. */
static void pages_come_and_go(bool by_entries)
{
    _cleanup_(pagemap_deinit) struct pagemap pagemap;
    open_own(&pagemap);
    pagemap.by_entries = by_entries;
    uint8_t *memory = map_pages(MAP_PRIVATE);
    read_own(&pagemap);
    expect_pages(&pagemap, memory, 0, 0);
    touch(memory, 10, 30);
    read_own(&pagemap);
    expect_pages(&pagemap, memory, 10, 30);
    madvise(memory, 20 * page_bytes, MADV_DONTNEED);
    read_own(&pagemap);
    expect_pages(&pagemap, memory, 20, 30);
    mprotect(memory, PAGES * page_bytes, PROT_NONE); /* resident all the same */
    read_own(&pagemap);
    expect_pages(&pagemap, memory, 20, 30);
    munmap(memory, PAGES * page_bytes);
    read_own(&pagemap);
    expect_pages(&pagemap, memory, 0, 0);
    assert_true(is_resident(&pagemap, &page_bytes));
}

static void pages_come_and_go_by_scan(void **state)
{
    (void)state;
    pages_come_and_go(false);
}

static void pages_come_and_go_by_entries(void **state)
{
    (void)state;
    if (!entries_readable)
        skip();
    pages_come_and_go(true);
}

static void shared_pages_count(void **state)
{
    (void)state;
    for (int by_entries = 0; by_entries <= entries_readable; by_entries++) {
        _cleanup_(pagemap_deinit) struct pagemap pagemap;
        open_own(&pagemap);
        pagemap.by_entries = by_entries;
        uint8_t *memory = map_pages(MAP_SHARED);
        touch(memory, 5, 9);
        read_own(&pagemap);
        expect_pages(&pagemap, memory, 5, 9);
        munmap(memory, PAGES * page_bytes);
    }
}

static void pages_of_zeroes_do_not_count(void **state)
{
    (void)state;
    _cleanup_(pagemap_deinit) struct pagemap pagemap;
    open_own(&pagemap);
    uint8_t *memory = map_pages(MAP_PRIVATE);
    unsigned sum = 0;
    for (size_t i = 0; i < 20; i++)
        sum += ((volatile uint8_t *)memory)[i * page_bytes];
    assert_int_equal(sum, 0);
    touch(memory, 12, 20);
    read_own(&pagemap);
    if (pagemap.by_entries)
        skip(); /* cannot be told apart here */
    expect_pages(&pagemap, memory, 12, 20);
    munmap(memory, PAGES * page_bytes);
}

/* More regions than one call returns, and more pages than one call walks. */
static void in_many_pieces(void **state)
{
    (void)state;
    enum { PIECES = 5000 };
    if (!entries_readable)
        skip();
    _cleanup_(pagemap_deinit) struct pagemap scanned, read;
    open_own(&scanned);
    open_own(&read);
    uint8_t *memory = mmap(NULL, 2 * PIECES * page_bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    madvise(memory, 2 * PIECES * page_bytes, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < PIECES; i++)
        touch(memory, 2 * i, 2 * i + 1);
    read.by_entries = true;
    read_own(&scanned); /* room for the lists comes before the comparison */
    read_own(&read);
    read_own(&scanned);
    read_own(&read);
    for (size_t i = 0; i < 2 * PIECES; i++) {
        assert_int_equal(is_resident(&scanned, memory + i * page_bytes), i % 2 == 0);
        assert_int_equal(is_resident(&read, memory + i * page_bytes), i % 2 == 0);
    }
    munmap(memory, 2 * PIECES * page_bytes);
}

/* A child that stands still: both ways see the same, but for the shared page of zeroes, of which it
 * has none that matters. */
static void both_ways_agree(void **state)
{
    (void)state;
    if (!entries_readable)
        skip();
    _cleanup_(pagemap_deinit) struct pagemap scanned, read;
    open_own(&scanned);
    pagemap_deinit(&scanned);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    usleep(20000); /* until it stands still */
    assert_int_equal(pagemap_init(&scanned, child), 0);
    assert_int_equal(pagemap_init(&read, child), 0);
    read.by_entries = true;
    read_own(&scanned);
    read_own(&read);
    uint64_t counts[2] = {0};
    for (size_t i = 0; i < scanned.count; i++)
        for (uint64_t k = 0; k < scanned.runs[i].count; k++, counts[0]++)
            assert_true(is_resident(&read, (void *)((scanned.runs[i].first + k) * page_bytes)) ||
                        scanned.runs[i].swapped);
    for (size_t i = 0; i < read.count; i++)
        counts[1] += read.runs[i].count;
    assert_true(counts[0] > 0);
    assert_true(counts[1] - counts[0] < 64); /* zeroes */
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    /* who is gone has no pages, whichever way they are asked for */
    assert_true(pagemap_read(&scanned) < 0);
    assert_true(pagemap_read(&read) < 0);
}

static void nobody_there(void **state)
{
    (void)state;
    struct pagemap pagemap;
    assert_true(pagemap_init(&pagemap, 0x7ffffff0) < 0);
    pagemap_deinit(&pagemap);
    assert_int_equal(pagemap.fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_come_and_go_by_scan),
        cmocka_unit_test(pages_come_and_go_by_entries),
        cmocka_unit_test(shared_pages_count),
        cmocka_unit_test(pages_of_zeroes_do_not_count),
        cmocka_unit_test(in_many_pieces),
        cmocka_unit_test(both_ways_agree),
        cmocka_unit_test(nobody_there),
    };
    page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    struct pagemap own;
    entries_readable = pagemap_init(&own, getpid()) >= 0;
    own.by_entries = true;
    entries_readable = entries_readable && pagemap_read(&own) >= 0;
    pagemap_deinit(&own);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
