/* Whose pages came and went, by construction. */
#include "books.h"

#define PAGE UINT64_C(4096)
#define LOOK(made, time_ns, ...)                                                                   \
    do {                                                                                           \
        const struct event_page_run runs[] = {__VA_ARGS__};                                        \
        made_look(made, time_ns, runs, sizeof(runs) / sizeof(runs[0]));                            \
    } while (0)

/* The lines of every recording here, and its beginning: a baseline of 1000 pages. */
struct job {
    struct made made;
    uint32_t a, b, c;
    uint64_t now_ns;
};

#define BASE       UINT64_C(0x1000)
#define BASE_PAGES 1000

static void job_start(struct job *job)
{
    *job = (struct job){0};
    made_start(&job->made);
    job->a = made_stack(&job->made, 0, "/srv/job.py", "a", 10);
    job->b = made_stack(&job->made, 0, "/srv/job.py", "b", 20);
    job->c = made_stack(&job->made, 0, "/srv/job.py", "c", 30);
    made_reading(&job->made, 0, BASE_PAGES * PAGE, 0);
    LOOK(&job->made, 0, {BASE, BASE_PAGES, PAGES_CAME});
}

static uint64_t next_ns(struct job *job)
{
    return job->now_ns += MS;
}

/* Growth that a sample met at a page; page 0: it was not told. */
static void grows(struct job *job, uint32_t stack, uint64_t page, uint64_t pages)
{
    if (page)
        made_met(&job->made, next_ns(job), pages * PAGE, 0, stack, page);
    else
        made_one(&job->made, next_ns(job), pages * PAGE, 0, stack);
}

static void falls(struct job *job, uint32_t stack, uint64_t pages)
{
    made_one(&job->made, next_ns(job), 0, pages * PAGE, stack);
}

static void expect_line(const struct job *job, const char *function, int32_t line, uint64_t grown,
                        uint64_t released, uint64_t freed)
{
    const struct figures *figures = &made_line(&job->made, function, line)->self;
    assert_int_equal(figures->grown_bytes, grown * PAGE);
    assert_int_equal(figures->released_bytes, released * PAGE);
    assert_int_equal(figures->freed_bytes, freed * PAGE);
    if (strcmp(function, "<baseline>") != 0)
        assert_int_equal(figures->held_at_end_bytes, (grown - released) * PAGE);
}

static void job_finish(struct job *job)
{
    made_end(&job->made, next_ns(job));
    made_finish(&job->made);
    expect_consistent(job->made.profile);
}

/* Scratch of 15,000 pages comes and goes each turn, beside a leak of 75: the leak is never taken
 * for scratch, which last in, first out would do. */
static void a_leak_beside_scratch(void **state)
{
    (void)state;
    enum { TURNS = 40, SCRATCH = 15000, PARTS = 30, LEAK = 75 };
    const uint64_t scratch = 0x7f0000000, leak = 0x600000000;
    struct job job;
    job_start(&job);
    for (uint64_t turn = 0; turn < TURNS; turn++) {
        for (uint64_t i = 0; i < PARTS; i++) {
            uint64_t part = SCRATCH / PARTS;
            grows(&job, job.b, scratch + i * part + part / 2, part);
        }
        LOOK(&job.made, job.now_ns, {scratch, SCRATCH, PAGES_CAME});
        falls(&job, job.c, SCRATCH);
        grows(&job, job.a, leak + turn * LEAK, LEAK);
        LOOK(&job.made, job.now_ns, {leak + turn * LEAK, LEAK, PAGES_CAME},
             {scratch, SCRATCH, PAGES_WENT});
    }
    job_finish(&job);
    expect_line(&job, "a", 10, TURNS * LEAK, 0, 0);
    expect_line(&job, "b", 20, TURNS * SCRATCH, TURNS * SCRATCH, 0);
    expect_line(&job, "c", 30, 0, 0, TURNS * SCRATCH);
    expect_line(&job, "<baseline>", 0, 0, 0, 0);
    made_free(&job.made);
}

static void what_went_is_its_owners(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.a, 0x20000, 100);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_CAME});
    grows(&job, job.b, 0x30000, 300);
    LOOK(&job.made, job.now_ns, {0x30000, 300, PAGES_CAME});
    falls(&job, job.b, 60); /* the older one's, although b came last and runs */
    LOOK(&job.made, job.now_ns, {0x20010, 60, PAGES_WENT});
    falls(&job, job.c, 50); /* of both */
    LOOK(&job.made, job.now_ns, {0x20000, 10, PAGES_WENT}, {0x30000, 40, PAGES_WENT});
    falls(&job, job.c, 200); /* and the baseline's */
    LOOK(&job.made, job.now_ns, {BASE + 7, 200, PAGES_WENT});
    job_finish(&job);
    expect_line(&job, "a", 10, 100, 70, 0);
    expect_line(&job, "b", 20, 300, 40, 60);
    expect_line(&job, "c", 30, 0, 0, 250);
    assert_int_equal(made_line(&job.made, "<baseline>", 0)->self.held_at_end_bytes, 800 * PAGE);
    made_free(&job.made);
}

/* The bytes of each moment stay where they are: RSS fell before it grew again. */
static void falls_are_booked_when_they_were_seen(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.a, 0x20000, 100);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_CAME});
    falls(&job, job.a, 100);
    grows(&job, job.b, 0x30000, 20);
    falls(&job, job.b, 20);
    grows(&job, job.b, 0x40000, 30);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_WENT}, {0x40000, 30, PAGES_CAME});
    job_finish(&job);
    const struct profile *profile = job.made.profile;
    static const uint64_t rss[] = {1000, 1100, 1000, 1020, 1000, 1030};
    assert_int_equal(profile->point_count, 6);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(profile->points[i].rss_bytes, rss[i] * PAGE);
    expect_line(&job, "a", 10, 100, 100, 100);
    expect_line(&job, "b", 20, 50, 20, 20);
    made_free(&job.made);
}

static void a_row_is_shared_among_those_who_were_met_in_it(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.a, 0x20000, 30);
    grows(&job, job.b, 0x20020, 10);
    LOOK(&job.made, job.now_ns, {0x20000, 40, PAGES_CAME});
    falls(&job, job.c, 5); /* the last five are b's */
    LOOK(&job.made, job.now_ns, {0x20000 + 35, 5, PAGES_WENT});
    falls(&job, job.c, 20); /* the first thirty are a's */
    LOOK(&job.made, job.now_ns, {0x20000, 20, PAGES_WENT});
    job_finish(&job);
    expect_line(&job, "a", 10, 30, 20, 0);
    expect_line(&job, "b", 20, 10, 5, 0);
    made_free(&job.made);
}

/* A row of 75 pages that a sample of 250 meets, or does not: that evens out. */
static void growth_stays_with_the_samples(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.a, 0x20000, 120);
    grows(&job, job.b, 0x30000, 80);
    LOOK(&job.made, job.now_ns, {0x20000, 150, PAGES_CAME}, {0x30000, 50, PAGES_CAME});
    job_finish(&job);
    expect_line(&job, "a", 10, 120, 0, 0);
    expect_line(&job, "b", 20, 80, 0, 0);
    made_free(&job.made);
}

/* When much falls, the pages that are left tell how much was whose. */
static void a_large_fall_moves_growth_to_where_the_pages_are(void **state)
{
    (void)state;
    for (int large = 0; large < 2; large++) {
        uint64_t scratch = large ? 500 : 20;
        struct job job;
        job_start(&job);
        grows(&job, job.c, 0x80000, scratch);
        LOOK(&job.made, job.now_ns, {0x80000, scratch, PAGES_CAME});
        falls(&job, job.c, scratch);
        grows(&job, job.a, 0x20000, 120);
        grows(&job, job.b, 0x30000, 80);
        LOOK(&job.made, job.now_ns, {0x20000, 150, PAGES_CAME}, {0x30000, 50, PAGES_CAME},
             {0x80000, scratch, PAGES_WENT});
        job_finish(&job);
        expect_line(&job, "a", 10, large ? 150 : 120, 0, 0);
        expect_line(&job, "b", 20, large ? 50 : 80, 0, 0);
        expect_line(&job, "c", 30, scratch, scratch, scratch);
        made_free(&job.made);
    }
}

/* Memory that no sample met stays beside its own kind, or goes together with it: it was theirs from
 * the beginning. The fall in its window shows what the ledger thinks of it. */
static void a_missed_row_is_its_neighbours(void **state)
{
    (void)state;
    enum { STAYS, GOES, BELOW, WAYS };
    for (int way = 0; way < WAYS; way++) {
        uint64_t row = way == BELOW ? 0x20000 - 30 : 0x20000 + 50;
        struct job job;
        job_start(&job);
        grows(&job, job.a, 0x20000, 50);
        grows(&job, job.c, 0x80000, 500);
        LOOK(&job.made, job.now_ns, {0x20000, 50, PAGES_CAME}, {0x80000, 500, PAGES_CAME});
        falls(&job, job.c, 500);
        grows(&job, job.b, 0x30000, 70); /* 40 of them; a's 30 were not met */
        LOOK(&job.made, job.now_ns, {row, 30, PAGES_CAME}, {0x30000, 40, PAGES_CAME},
             {0x80000, 500, PAGES_WENT});
        if (way == GOES) {
            falls(&job, job.c, 80);
            LOOK(&job.made, job.now_ns, {0x20000, 80, PAGES_WENT});
        }
        job_finish(&job);
        expect_line(&job, "a", 10, 80, way == GOES ? 80 : 0, 0);
        expect_line(&job, "b", 20, 40, 0, 0);
        made_free(&job.made);
    }
}

/* realloc: a block of one line is moved by another, and made larger. */
static void memory_that_moved_keeps_its_owners(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.a, 0x20000, 100);
    grows(&job, job.c, 0x28000, 10);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_CAME}, {0x28000, 10, PAGES_CAME});
    grows(&job, job.b, 0x40000 + 100, 30);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_WENT}, {0x40000, 130, PAGES_CAME});
    falls(&job, job.c, 60); /* the end of the block: b's thirty, and thirty of a's */
    LOOK(&job.made, job.now_ns, {0x40000 + 70, 60, PAGES_WENT});
    job_finish(&job);
    expect_line(&job, "a", 10, 100, 30, 0);
    expect_line(&job, "b", 20, 30, 30, 0);
    expect_line(&job, "c", 30, 10, 0, 60);
    made_free(&job.made);
}

/* A fall that was noticed without a fault: who freed is known at once, growth is left to the next
 * sample. */
static void who_freed_is_not_who_grew(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.a, 0x20000, 100);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_CAME});
    struct event_owner freer = {
        .tid = 4242, .faults = 1, .stack_id = job.c, .state = STACK_RUNNING};
    made_freed(&job.made, next_ns(&job), 20 * PAGE, 60 * PAGE, &freer, 1);
    LOOK(&job.made, job.now_ns, {0x20000, 60, PAGES_WENT}, {0x30000, 20, PAGES_CAME});
    grows(&job, job.b, 0x30000 + 7, 5);
    made_freed(&job.made, next_ns(&job), 0, 10 * PAGE, NULL, 0); /* nobody was met */
    LOOK(&job.made, job.now_ns, {0x20000 + 60, 10, PAGES_WENT}, {0x30000 + 20, 5, PAGES_CAME});
    job_finish(&job);
    expect_line(&job, "a", 10, 100, 70, 0);
    expect_line(&job, "b", 20, 25, 0, 0);
    expect_line(&job, "c", 30, 0, 0, 60);
    expect_line(&job, "<unattributed>", 0, 0, 0, 10);
    assert_int_equal(job.made.profile->totals.unattributed_bytes, 0);
    made_free(&job.made);
}

/* The look that a fall asks for comes before the sample that enters it. */
static void a_look_before_the_sample_of_its_fall(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.a, 0x20000, 100);
    grows(&job, job.b, 0x30000, 100);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_CAME}, {0x30000, 100, PAGES_CAME});
    made_reading(&job.made, next_ns(&job), 0, 40 * PAGE);
    LOOK(&job.made, job.now_ns, {0x20000, 40, PAGES_WENT});
    grows(&job, job.c, 0x40000, 10);
    LOOK(&job.made, job.now_ns, {0x40000, 10, PAGES_CAME});
    made_reading(&job.made, next_ns(&job), 0, 30 * PAGE); /* and no sample any more */
    LOOK(&job.made, job.now_ns, {0x30000, 30, PAGES_WENT});
    job_finish(&job);
    expect_line(&job, "a", 10, 100, 40, 0);
    expect_line(&job, "b", 20, 100, 30, 0);
    expect_line(&job, "c", 30, 10, 0, 40);
    made_free(&job.made);
}

/* Nothing is near: the one that grew without pages has it. */
static void a_missed_row_by_itself_is_whose_growth_has_no_pages(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.a, 0x20000, 50);
    grows(&job, job.b, 0, 30);
    LOOK(&job.made, job.now_ns, {0x20000, 50, PAGES_CAME}, {0x900000, 30, PAGES_CAME});
    falls(&job, job.c, 30);
    LOOK(&job.made, job.now_ns, {0x900000, 30, PAGES_WENT});
    job_finish(&job);
    expect_line(&job, "a", 10, 50, 0, 0);
    expect_line(&job, "b", 20, 30, 30, 0);
    made_free(&job.made);
}

/* Between two looks the scratch of one line went and the memory of another came at its place. */
static void the_same_addresses_for_another(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.b, 0x20000, 100);
    falls(&job, job.c, 100);
    grows(&job, job.a, 0x20000, 100);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_CAME});
    falls(&job, job.c, 60);
    LOOK(&job.made, job.now_ns, {0x20000, 60, PAGES_WENT});
    job_finish(&job);
    expect_line(&job, "a", 10, 100, 60, 0);
    expect_line(&job, "b", 20, 100, 100, 0);
    made_free(&job.made);
}

/* Memory went and came again at the same place, so that the look finds it as it was: the address at
 * which the newcomer was met tells. */
static void filled_again_between_two_looks(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.b, 0x20063, 100);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_CAME});
    falls(&job, job.c, 100);
    grows(&job, job.a, 0x2003b, 60);
    LOOK(&job.made, job.now_ns, {0x2003c, 40, PAGES_WENT});
    falls(&job, job.c, 60);
    LOOK(&job.made, job.now_ns, {0x20000, 60, PAGES_WENT});
    job_finish(&job);
    expect_line(&job, "a", 10, 60, 60, 0);
    expect_line(&job, "b", 20, 100, 100, 0);
    made_free(&job.made);
}

/* Every other turn a sample gives the leak twice what it took, and in the turns before nothing: in
 * the long run its books are right, and neither too much nor too little of them is ever taken for a
 * loss. */
static void a_leak_that_is_met_now_and_then(void **state)
{
    (void)state;
    enum { TURNS = 40, SCRATCH = 1000, LEAK = 50 };
    const uint64_t scratch = 0x7f0000000, leak = 0x600000000;
    struct job job;
    job_start(&job);
    for (uint64_t turn = 0; turn < TURNS; turn++) {
        bool met = turn % 2 == 1;
        uint64_t first = leak + turn * LEAK;
        for (uint64_t i = 0; i < 10; i++)
            grows(&job, job.b, scratch + i * 100 + 99, i < 9 ? 100 : met ? 50 : 150);
        if (met)
            grows(&job, job.a, first + LEAK / 2, 2 * LEAK);
        LOOK(&job.made, job.now_ns, {first, LEAK, PAGES_CAME}, {scratch, SCRATCH, PAGES_CAME});
        falls(&job, job.c, SCRATCH);
        LOOK(&job.made, job.now_ns, {scratch, SCRATCH, PAGES_WENT});
    }
    job_finish(&job);
    expect_line(&job, "a", 10, TURNS * LEAK, 0, 0);
    expect_line(&job, "b", 20, TURNS * SCRATCH, TURNS * SCRATCH, 0);
    made_free(&job.made);
}

/* The same, and fewer pages of the old ones went. */
static void a_part_of_the_addresses_for_another(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.b, 0x20000, 100);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_CAME});
    falls(&job, job.c, 40);
    LOOK(&job.made, job.now_ns, {0x20000, 40, PAGES_WENT});
    grows(&job, job.a, 0x20000, 40);
    LOOK(&job.made, job.now_ns, {0x20000, 40, PAGES_CAME});
    falls(&job, job.c, 100);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_WENT});
    job_finish(&job);
    expect_line(&job, "a", 10, 40, 40, 0);
    expect_line(&job, "b", 20, 100, 100, 0);
    made_free(&job.made);
}

/* Samples of the poll clock do not know at which page they met anybody. */
static void without_addresses_the_largest_row_is_of_who_grew_most(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.a, 0, 50);
    grows(&job, job.b, 0, 300);
    LOOK(&job.made, job.now_ns, {0x20000, 50, PAGES_CAME}, {0x30000, 300, PAGES_CAME});
    grows(&job, job.a, 0, 10);
    LOOK(&job.made, job.now_ns, {0x40000, 10, PAGES_CAME});
    falls(&job, job.a, 300);
    LOOK(&job.made, job.now_ns, {0x30000, 300, PAGES_WENT});
    job_finish(&job);
    expect_line(&job, "a", 10, 60, 0, 300);
    expect_line(&job, "b", 20, 300, 300, 0);
    made_free(&job.made);
}

/* Swapping is a fall of RSS like another one: memory is what is resident. */
static void swapped_pages(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.a, 0x20000, 100);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_CAME});
    grows(&job, job.b, 0x30000, 200);
    LOOK(&job.made, job.now_ns, {0x30000, 200, PAGES_CAME});
    made_reading(&job.made, next_ns(&job), 0, 80 * PAGE);
    made_sample(&job.made, next_ns(&job), 0, 0, NULL, 0);
    LOOK(&job.made, job.now_ns, {0x20000, 80, PAGES_SWAPPED});
    LOOK(&job.made, job.now_ns, {0x20000, 40, PAGES_WENT}); /* given back while in swap: no fall */
    grows(&job, job.c, 0x20000 + 50, 40);                   /* touched again, by somebody else */
    LOOK(&job.made, job.now_ns, {0x20000 + 40, 40, PAGES_CAME});
    job_finish(&job);
    expect_line(&job, "a", 10, 100, 80, 0);
    expect_line(&job, "b", 20, 200, 0, 0);
    expect_line(&job, "c", 30, 40, 0, 0);
    expect_line(&job, "<unattributed>", 0, 0, 0, 80); /* nobody was seen to free them */
    made_free(&job.made);
}

/* A fall of which the look finds no pages gone: they were filled again. Books that say more than
 * pages give it back, and nobody goes below nothing. */
static void falls_without_pages(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.a, 0x20000, 100);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_CAME});
    grows(&job, job.b, 0, 40); /* gone again before anybody looks */
    falls(&job, job.b, 40);
    made_look(&job.made, job.now_ns, NULL, 0);
    falls(&job, job.c, BASE_PAGES + 100); /* everything */
    made_look(&job.made, job.now_ns, NULL, 0);
    made_reading(&job.made, next_ns(&job), PAGE, 0);
    job_finish(&job);
    expect_line(&job, "a", 10, 100, 100, 0);
    expect_line(&job, "b", 20, 40, 40, 40);
    assert_int_equal(made_line(&job.made, "<baseline>", 0)->self.held_at_end_bytes, 0);
    made_free(&job.made);
}

/* The last look is behind, and the program goes on: releases are taken from those who have memory.
 */
static void after_the_last_look(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.a, 0x20000, 100);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_CAME});
    grows(&job, job.b, 0x30000, 50);
    falls(&job, job.b, 50);
    job_finish(&job);
    expect_line(&job, "a", 10, 100, 0, 0);
    expect_line(&job, "b", 20, 50, 50, 50);
    made_free(&job.made);
}

/* A look in many parts is one look. */
static void a_look_in_parts(void **state)
{
    (void)state;
    enum { ROWS = 3 * EVENT_PAGE_RUNS_MAX };
    static struct event_page_run rows[2][ROWS];
    struct job job;
    job_start(&job);
    for (uint64_t i = 0; i < ROWS; i++) {
        grows(&job, i % 2 ? job.a : job.b, 0x20000 + i * 4, 1 + i % 2);
        rows[0][i] = (struct event_page_run){0x20000 + i * 4, 1 + i % 2, PAGES_CAME};
        rows[1][i / 2] = (struct event_page_run){0x20000 + (i | 1) * 4, 2, PAGES_WENT};
    }
    made_look(&job.made, job.now_ns, rows[0], ROWS);
    falls(&job, job.c, ROWS);
    made_look(&job.made, job.now_ns, rows[1], ROWS / 2);
    job_finish(&job);
    expect_line(&job, "a", 10, ROWS, ROWS, 0);
    expect_line(&job, "b", 20, ROWS / 2, 0, 0);
    made_free(&job.made);
}

/* What the recorder cannot have meant, but a file can say. */
static void looks_before_the_first_reading(void **state)
{
    (void)state;
    struct made made;
    made_start(&made);
    uint32_t a = made_stack(&made, 0, "/srv/job.py", "a", 10);
    LOOK(&made, 0, {BASE, 10, PAGES_CAME});
    made_reading(&made, 0, BASE_PAGES * PAGE, 0);
    made_met(&made, 1 * MS, 10 * PAGE, 0, a, 0x20000);
    LOOK(&made, 1 * MS, {0x20000, 900, PAGES_CAME}, {0x30000, 50, PAGES_CAME});
    made_one(&made, 2 * MS, 0, 500 * PAGE, a);
    LOOK(&made, 2 * MS, {0x20000, 800, PAGES_WENT});
    made_finish(&made);
    expect_consistent(made.profile);
    assert_int_equal(made.profile->totals.grown_bytes, 10 * PAGE);
    made_free(&made);
}

static void the_end_of_the_program_is_a_border(void **state)
{
    (void)state;
    struct job job;
    job_start(&job);
    grows(&job, job.a, 0x20000, 100);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_CAME});
    grows(&job, job.b, 0x30000, 50);
    made_phase(&job.made, job.now_ns, PHASE_FINALIZING);
    falls(&job, job.c, 100);
    LOOK(&job.made, job.now_ns, {0x20000, 100, PAGES_WENT});
    job_finish(&job);
    expect_line(&job, "a", 10, 100, 0, 0);
    expect_line(&job, "b", 20, 50, 0, 0);
    assert_int_equal(job.made.profile->totals.released_bytes, 0);
    made_free(&job.made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leak_beside_scratch),
        cmocka_unit_test(what_went_is_its_owners),
        cmocka_unit_test(falls_are_booked_when_they_were_seen),
        cmocka_unit_test(a_row_is_shared_among_those_who_were_met_in_it),
        cmocka_unit_test(growth_stays_with_the_samples),
        cmocka_unit_test(a_large_fall_moves_growth_to_where_the_pages_are),
        cmocka_unit_test(a_missed_row_is_its_neighbours),
        cmocka_unit_test(memory_that_moved_keeps_its_owners),
        cmocka_unit_test(who_freed_is_not_who_grew),
        cmocka_unit_test(a_look_before_the_sample_of_its_fall),
        cmocka_unit_test(a_missed_row_by_itself_is_whose_growth_has_no_pages),
        cmocka_unit_test(the_same_addresses_for_another),
        cmocka_unit_test(filled_again_between_two_looks),
        cmocka_unit_test(a_leak_that_is_met_now_and_then),
        cmocka_unit_test(a_part_of_the_addresses_for_another),
        cmocka_unit_test(without_addresses_the_largest_row_is_of_who_grew_most),
        cmocka_unit_test(swapped_pages),
        cmocka_unit_test(falls_without_pages),
        cmocka_unit_test(after_the_last_look),
        cmocka_unit_test(a_look_in_parts),
        cmocka_unit_test(looks_before_the_first_reading),
        cmocka_unit_test(the_end_of_the_program_is_a_border),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
