#include "../test.h"
#include "proc/counters.h"
#include "proc/maps.h"
#include "proc/process.h"

#include <stdlib.h>

static void statm_is_parsed(void **state)
{
    (void)state;
    struct counters_memory memory;
    assert_true(counters_memory_parse("1000 300 120 5 0 700 0\n", 4096, &memory));
    assert_int_equal(memory.rss_bytes, 300 * 4096);
    assert_int_equal(memory.shared_bytes, 120 * 4096);
    assert_int_equal(memory.writable_bytes, 700 * 4096);
    assert_false(counters_memory_parse("0 0 0 0 0 0 0\n", 4096, &memory)); /* a zombie */
    assert_false(counters_memory_parse("1000 300", 4096, &memory));
    assert_false(counters_memory_parse("", 4096, &memory));
}

static void a_thread_named_like_a_stat_line_is_parsed(void **state)
{
    (void)state;
    static const char text[] =
        "7 (a) S 1 (b) R 1 7 7 0 -1 4194304 123 0 1 0 40 2 0 0 20 0 3 0 999 1 2 18446744073709551615 "
        "4 5 6 7 8 0 0 16781312 2 0 0 0 17 1 0 0 0 0 0 9 9 9 9 9 9 9 0\n";
    struct counters_thread thread;
    assert_true(counters_thread_parse(text, sizeof(text) - 1, &thread));
    assert_int_equal(thread.state, 'R');
    assert_int_equal(thread.minor_faults, 123);
    assert_int_equal(thread.cpu_ticks, 42);
    assert_int_equal(thread.threads, 3);
    assert_int_equal(thread.cpu, 1);
    assert_false(counters_thread_parse("7 (a", 4, &thread));
    assert_false(counters_thread_parse("7 (a) R", 7, &thread));
}

static void status_is_parsed(void **state)
{
    (void)state;
    struct process_status status;
    process_status_parse("Name:\tx\nState:\tt (tracing stop)\nTgid:\t5\nTracerPid:\t77\n"
                         "Uid:\t1000\t1001\t1000\t1000\nVmHWM:\t  300 kB\nVmSize:\t  9 kB\n"
                         "RssFile:\t  12 kB\nRssShmem:\t  4 kB\nVmSwap:\t  8 kB\n"
                         "CapEff:\t0000000000080000\n"
                         "voluntary_ctxt_switches:\t3\nnonvoluntary_ctxt_switches:\t4\n",
                         &status);
    assert_int_equal(status.state, 't');
    assert_int_equal(status.tgid, 5);
    assert_int_equal(status.tracer_pid, 77);
    assert_int_equal(status.uid, 1001);
    assert_int_equal(status.capabilities, 1 << 19);
    assert_int_equal(status.switches, 7);
    assert_int_equal(status.file_bytes, 12 * 1024);
    assert_int_equal(status.high_water_bytes, 300 * 1024);
    assert_false(status.kernel_thread);
}

static void maps_are_parsed_and_bad_lines_skipped(void **state)
{
    (void)state;
    struct maps maps;
    char *text = strdup("55d0-55e0 r-xp 00001000 08:01 42   /usr/bin/a b (deleted)\n"
                        "rubbish\n"
                        "9000-8000 rw-p 0 0:0 0\n"
                        "7f00-7f10 rw-s 00000000 00:00 0 \n"
                        "8000-9000 r--p 00000000 00:00 0 [vvar]");
    assert_int_equal(maps_parse(text, &maps), 0);
    assert_int_equal(maps.count, 3);
    assert_string_equal(maps.items[0].path, "/usr/bin/a b (deleted)");
    assert_true(maps.items[0].executable && !maps.items[0].writable && maps.items[0].inode == 42);
    assert_true(maps.items[1].shared && maps.items[1].writable);
    assert_string_equal(maps.items[1].path, "");
    assert_string_equal(maps.items[2].path, "[vvar]");
    maps_deinit(&maps);
}

static void programs_are_named_as_people_do(void **state)
{
    (void)state;
    static const struct {
        const char *arguments; /* separated by '|' */
        const char *name;
    } cases[] = {
        {"python|/srv/job.py|-x", "job.py"},
        {"/usr/bin/python3.12|-u|-X|dev|job.py", "job.py"},
        {"python|-m|pkg.job|arg", "pkg.job"},
        {"python|-mpkg", "pkg"},
        {"python|-c|print(1)", "python"},
        {"python", "python"},
        {"/opt/venv/bin/gunicorn|app:app", "gunicorn"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[128];
        size_t length = strlen(cases[i].arguments) + 1;
        memcpy(text, cases[i].arguments, length);
        for (size_t j = 0; j < length; j++)
            if (text[j] == '|')
                text[j] = 0;
        char *name = program_name_of_arguments(text, length);
        assert_string_equal(name, cases[i].name);
        free(name);
    }
    assert_null(program_name_of_arguments("", 0));
    assert_null(program_name_of_arguments("x", 1)); /* rewritten, not terminated */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statm_is_parsed),
        cmocka_unit_test(a_thread_named_like_a_stat_line_is_parsed),
        cmocka_unit_test(status_is_parsed),
        cmocka_unit_test(maps_are_parsed_and_bad_lines_skipped),
        cmocka_unit_test(programs_are_named_as_people_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
