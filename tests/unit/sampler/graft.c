/* Outer frames of an old stack, brought up to date. */
#include "../test.h"

#include <stdlib.h>
#include <unistd.h>

#include "sampler/graft.h"

static char path[] = "/tmp/memsample-graft-XXXXXX";
static struct recording_writer *writer;

static int setup(void **state)
{
    struct error error;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(recording_writer_create(path, true, &writer, &error), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    recording_writer_destroy(writer);
    unlink(path);
    return 0;
}

/* A stack of functions named by letters, at lines named by digits: "a1b2" is b at line 2, called by
 * a at line 1. */
static uint32_t stack(const char *text)
{
    uint32_t id = 0;
    for (; *text; text += 2) {
        char name[] = {text[0], 0};
        assert_int_equal(recording_writer_stack(writer, id, "t.py", name, text[1] - '0', 1, &id),
                         0);
    }
    return id;
}

static void expect(const char *old, const char *recent, const char *wanted)
{
    uint32_t id;
    assert_int_equal(graft(writer, stack(old), stack(recent), &id), 0);
    assert_int_equal(id, stack(wanted));
}

static void outer_frames_are_those_of_the_recent_stack(void **state)
{
    (void)state;
    expect("m1f2g3", "m5f2h4", "m5f2g3"); /* f calls g from where it did */
    expect("m1f2g3", "m5f7g8", "m5f7g3"); /* f calls g from elsewhere now */
    expect("m1f2g3h4", "m5f7x1", "m5f2g3h4");
    expect("m1f2g3", "m1f2g9", "m1f2g3"); /* nothing changed */
    expect("m1f2g3", "m5f9", "m5f2g3");   /* f stands still: its line is no call */
}

static void nothing_in_common_is_left_alone(void **state)
{
    (void)state;
    expect("m1f2g3", "x1y2", "m1f2g3");
    expect("m1", "m2", "m1"); /* the innermost frame is told by the fault itself */
    expect("m1f2g3", "", "m1f2g3");
    assert_int_equal(stack(""), 0);
}

static void the_innermost_caller_decides(void **state)
{
    (void)state;
    expect("m1r1r1r1g2", "m3r1r1", "m3r1r1g2"); /* a recursion is as deep as it is now */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outer_frames_are_those_of_the_recent_stack),
        cmocka_unit_test(nothing_in_common_is_left_alone),
        cmocka_unit_test(the_innermost_caller_decides),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
