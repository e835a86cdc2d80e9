/* Random recordings with fixed seeds: what holds for every recording, whatever happens in it. */
#include "books.h"

#define PAGE      UINT64_C(4096)
#define LINES     12
#define MEMORY    UINT64_C(6000) /* pages of a simulated process */
#define FREE      255
#define BASELINE  254
#define LOOK_RUNS 4096

struct random {
    uint64_t state;
};

static uint64_t below(struct random *random, uint64_t limit)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return (random->state * UINT64_C(0x2545f4914f6cdd1d) >> 16) % limit;
}

static void start(struct made *made, uint32_t stacks[LINES])
{
    char function[16];
    made_start(made);
    for (uint32_t i = 0; i < LINES; i++) {
        snprintf(function, sizeof(function), "f%u", i);
        /* some lines stand below others */
        stacks[i] =
            made_stack(made, i > 6 ? stacks[i / 3] : 0, "/srv/job.py", function, (int)i + 1);
    }
}

/* ---- what holds always ---- */

static void expect_same_figures(const struct figures *a, const struct figures *b)
{
    assert_int_equal(a->grown_bytes, b->grown_bytes);
    assert_int_equal(a->released_bytes, b->released_bytes);
    assert_int_equal(a->held_at_peak_bytes, b->held_at_peak_bytes);
    assert_int_equal(a->held_at_end_bytes, b->held_at_end_bytes);
    assert_int_equal(a->certain_bytes, b->certain_bytes);
    assert_int_equal(a->freed_bytes, b->freed_bytes);
}

static void expect_same(const struct profile *a, const struct profile *b)
{
    assert_int_equal(a->change_count, b->change_count);
    for (size_t i = 0; i < a->change_count; i++) {
        assert_int_equal(a->changes[i].point, b->changes[i].point);
        assert_int_equal(a->changes[i].node, b->changes[i].node);
        assert_int_equal(a->changes[i].grown_bytes, b->changes[i].grown_bytes);
        assert_int_equal(a->changes[i].released_bytes, b->changes[i].released_bytes);
    }
    assert_int_equal(a->node_count, b->node_count);
    for (size_t i = 0; i < a->node_count; i++)
        expect_same_figures(&a->nodes[i].self, &b->nodes[i].self);
    assert_int_equal(a->line_count, b->line_count);
    for (size_t i = 0; i < a->line_count; i++)
        assert_string_equal(a->lines[i].function, b->lines[i].function);
}

/* RSS at every point, from the recording itself. */
static void expect_timeline(const struct made *made)
{
    struct recording_cursor cursor;
    struct event event;
    size_t point = 0;
    for (recording_rewind(made->recording, &cursor); recording_next(&cursor, &event);) {
        bool sample = event.kind == EVENT_SAMPLE || event.kind == EVENT_FREED;
        if (!sample && event.kind != EVENT_READING)
            continue;
        assert_true(point < made->profile->point_count);
        assert_int_equal(made->profile->points[point++].rss_bytes,
                         sample ? event.sample.memory.rss_bytes : event.reading.rss_bytes);
    }
    assert_int_equal(point, made->profile->point_count);
}

/* Grown and released of each point, too, are those of the recording: only whose they are is
 * decided. */
static void expect_moves(const struct made *made)
{
    struct recording_cursor cursor;
    struct event event;
    size_t point = 0, next = 0;
    for (recording_rewind(made->recording, &cursor); recording_next(&cursor, &event);) {
        bool sample = event.kind == EVENT_SAMPLE || event.kind == EVENT_FREED;
        if (!sample && event.kind != EVENT_READING)
            continue;
        const struct event_memory *memory = sample ? &event.sample.memory : &event.reading;
        uint64_t grown = 0, released = 0;
        for (; next < made->profile->change_count && made->profile->changes[next].point == point;
             next++) {
            grown += made->profile->changes[next].grown_bytes;
            released += made->profile->changes[next].released_bytes;
        }
        assert_int_equal(grown, memory->grown_bytes);
        assert_int_equal(released, memory->released_bytes);
        point++;
    }
}

static void finish(struct made *made)
{
    struct profile *again;
    made_finish(made);
    expect_consistent(made->profile);
    expect_timeline(made);
    expect_moves(made);
    assert_int_equal(profile_create(made->recording, &again, NULL), 0);
    expect_same(made->profile, again);
    profile_destroy(again);
    assert_int_equal(profile_thin(made->profile, 20), 0);
    expect_consistent(made->profile);
}

/* ---- anything at all ---- */

static uint64_t any_bytes(struct random *random)
{
    switch (below(random, 4)) {
    case 0:
        return 0;
    case 1:
        return below(random, 10000);
    case 2:
        return below(random, 100) * PAGE;
    default:
        return below(random, UINT64_C(1) << 32);
    }
}

static struct event_owner any_owner(struct random *random, const uint32_t stacks[LINES])
{
    return (struct event_owner){
        .tid = 1 + (int32_t)below(random, 4),
        .faults = below(random, 3) ? below(random, 100) : 0,
        .stack_id = below(random, 9) ? stacks[below(random, LINES)] : 0,
        .state = (uint8_t)below(random, STACK_STATES),
        .truncated = below(random, 10) == 0,
        .fault_address = below(random, 2) ? below(random, 3000) * PAGE : 0,
    };
}

static void any_look(struct made *made, struct random *random, uint64_t time_ns)
{
    struct event_page_run runs[100];
    uint64_t at = below(random, 20) ? below(random, 300) : UINT64_C(1) << 35;
    size_t count = below(random, 4) ? below(random, 12) : below(random, 100);
    for (size_t i = 0; i < count; i++) {
        at += below(random, 4) ? below(random, 40) : 0;
        runs[i] = (struct event_page_run){
            .first = at,
            .count = 1 + (below(random, 50) ? below(random, 70) : below(random, 200000)),
            .change = (uint8_t)(below(random, 3) ? PAGES_CAME : below(random, PAGES_CHANGES))};
        at += runs[i].count;
    }
    struct event event = {.kind = EVENT_PAGES,
                          .time_ns = time_ns,
                          .pages = {(uint32_t)count, below(random, 8) != 0, runs}};
    made_add(made, event);
}

static void any_event(struct made *made, struct random *random, uint64_t time_ns,
                      const uint32_t stacks[LINES])
{
    struct event_owner owners[4];
    uint32_t count = (uint32_t)below(random, 5);
    uint64_t grown = any_bytes(random), released = below(random, 3) ? 0 : any_bytes(random);
    if (below(random, 30) == 0)
        released = made->rss_bytes + grown; /* everything */
    if (released > made->rss_bytes + grown)
        released = below(random, made->rss_bytes + grown + 1);
    for (uint32_t i = 0; i < count; i++)
        owners[i] = any_owner(random, stacks);
    switch (below(random, 12)) {
    case 0:
    case 1:
    case 2:
        any_look(made, random, time_ns);
        break;
    case 3:
    case 4:
        made_reading(made, time_ns, grown, released);
        break;
    case 5:
        made_freed(made, time_ns, grown, released, owners, count);
        break;
    case 6:
        if (below(random, 60) == 0)
            made_phase(made, time_ns, below(random, 2) ? PHASE_FINALIZING : PHASE_EXEC);
        break;
    default:
        made_sample(made, time_ns, grown, released, owners, count);
    }
}

static void any_recording(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct random random = {seed * UINT64_C(0x9e3779b97f4a7c15)};
        struct made made;
        uint32_t stacks[LINES];
        start(&made, stacks);
        if (below(&random, 3))
            any_look(&made, &random, 0); /* the page table first */
        made_reading(&made, 0, below(&random, 1 << 24), 0);
        uint64_t count = below(&random, 250);
        for (uint64_t i = 1; i <= count; i++)
            any_event(&made, &random, i * MS, stacks);
        finish(&made);
        made_free(&made);
    }
}

/* ---- a process that is simulated page by page ---- */

struct process {
    struct made made;
    struct random random;
    uint32_t stacks[LINES];
    uint8_t owners[MEMORY]; /* by page: the line, BASELINE or FREE */
    bool seen[MEMORY];      /* resident at the look before */
    uint64_t now_ns;
};

static void process_look(struct process *process)
{
    static struct event_page_run runs[LOOK_RUNS];
    size_t count = 0;
    for (uint64_t page = 0; page < MEMORY; page++) {
        bool resident = process->owners[page] != FREE;
        uint8_t change = resident ? PAGES_CAME : PAGES_WENT;
        struct event_page_run *last = count ? &runs[count - 1] : NULL;
        if (resident == process->seen[page])
            continue;
        process->seen[page] = resident;
        if (last && last->change == change && last->first + last->count == page + 1)
            last->count++;
        else
            runs[count++] = (struct event_page_run){page + 1, 1, change};
        assert_true(count < LOOK_RUNS);
    }
    made_look(&process->made, process->now_ns, runs, count);
}

static void process_start(struct process *process, uint64_t seed)
{
    *process = (struct process){.random = {seed * UINT64_C(0x9e3779b97f4a7c15)}};
    start(&process->made, process->stacks);
    memset(process->owners, FREE, sizeof(process->owners));
    memset(process->owners, BASELINE, 300);
    made_reading(&process->made, 0, 300 * PAGE, 0);
    process_look(process);
}

/* A row of free pages becomes the line's. How many, and the page at which a sample met it; 0: there
 * was no room. */
static uint64_t process_grow(struct process *process, uint8_t line, uint64_t most,
                             uint64_t *ret_met)
{
    uint64_t first = below(&process->random, MEMORY), count = 0;
    while (first < MEMORY && process->owners[first] != FREE)
        first++;
    while (count < most && first + count < MEMORY && process->owners[first + count] == FREE)
        process->owners[first + count++] = line;
    *ret_met = first + below(&process->random, count ? count : 1) + 1;
    return count;
}

/* Neighbouring pages of one owner are given back. */
static uint64_t process_free(struct process *process, uint64_t most)
{
    uint64_t first = below(&process->random, MEMORY), count = 0;
    while (first < MEMORY && process->owners[first] == FREE)
        first++;
    uint8_t owner = first < MEMORY ? process->owners[first] : FREE;
    while (count < most && first + count < MEMORY && process->owners[first + count] == owner)
        process->owners[first + count++] = FREE;
    return count;
}

static void process_step(struct process *process, bool addresses)
{
    uint8_t line = (uint8_t)below(&process->random, LINES);
    uint64_t most = below(&process->random, 4) ? 1 + below(&process->random, 20)
                                               : 1 + below(&process->random, 600);
    uint64_t met = 0;
    process->now_ns += MS;
    if (below(&process->random, 3) == 0) {
        uint64_t pages = process_free(process, most);
        if (pages)
            made_one(&process->made, process->now_ns, 0, pages * PAGE, process->stacks[line]);
        return;
    }
    uint64_t pages = process_grow(process, line, most, &met);
    if (pages)
        made_met(&process->made, process->now_ns, pages * PAGE, 0, process->stacks[line],
                 addresses ? met : 0);
}

/* Bytes that the profile has at wrong lines at the end; each counts twice. */
static uint64_t wrong_bytes(const struct process *process)
{
    uint64_t truth[256] = {0}, wrong = 0;
    for (size_t i = 0; i < MEMORY; i++)
        truth[process->owners[i]] += PAGE;
    for (uint8_t line = 0; line <= LINES; line++) {
        char function[16];
        snprintf(function, sizeof(function), "f%u", line);
        const struct profile_row *row = line < LINES ? made_line(&process->made, function, line + 1)
                                                     : made_line(&process->made, "<baseline>", 0);
        uint64_t held = row->self.held_at_end_bytes, is = truth[line < LINES ? line : BASELINE];
        wrong += held > is ? held - is : is - held;
    }
    return wrong;
}

/* A look after every move sees everything: not a byte is wrong. */
static void a_look_after_every_move(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++)
        for (int addresses = 0; addresses < 2; addresses++) {
            static struct process process;
            process_start(&process, seed);
            for (unsigned i = 0; i < 200; i++) {
                process_step(&process, addresses);
                process_look(&process);
            }
            finish(&process.made);
            assert_int_equal(wrong_bytes(&process), 0);
            made_free(&process.made);
        }
}

/* A look for every six moves: the books balance, and most is right. */
static void rare_looks(void **state)
{
    (void)state;
    uint64_t wrong = 0, held = 0;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        static struct process process;
        process_start(&process, seed);
        for (unsigned i = 0; i < 300; i++) {
            process_step(&process, below(&process.random, 10) != 0);
            if (below(&process.random, 6) == 0)
                process_look(&process);
        }
        finish(&process.made);
        wrong += wrong_bytes(&process);
        held += process.made.rss_bytes;
        made_free(&process.made);
    }
    print_message("rare looks: %.1f %% of memory is at wrong lines\n",
                  50.0 * (double)wrong / (double)held);
    assert_true(wrong < held / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_recording),
        cmocka_unit_test(a_look_after_every_move),
        cmocka_unit_test(rare_looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
