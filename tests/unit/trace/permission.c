#include "../test.h"
#include "trace/permission.h"

#include <errno.h>

/* One cause, one thing to do. */
static void assert_says(struct permission_facts facts, int code, const char *cause, const char *cure)
{
    struct error error = {""};
    facts.pid = 42;
    assert_int_equal(permission_describe(&facts, code, &error), code);
    assert_non_null(strstr(error.text, cause));
    assert_non_null(strstr(error.text, cure));
    assert_null(strchr(error.text, '\n'));
}

static void each_cause_is_told_apart(void **state)
{
    (void)state;
    assert_says((struct permission_facts){.yama_scope = -1}, -ESRCH, "has ended", "42");
    assert_says((struct permission_facts){.yama_scope = -1, .kernel_thread = true}, -EPERM,
                "kernel thread", "not a Python");
    assert_says((struct permission_facts){.tracer_pid = 7, .tracer_name = "gdb"}, -EPERM,
                "already traced by process 7 (gdb)", "stop that one");
    assert_says((struct permission_facts){.my_uid = 1000, .its_uid = 0, .yama_scope = 1}, -EPERM,
                "another user", "sudo memsample --pid 42");
    assert_says((struct permission_facts){.my_uid = 5, .its_uid = 5, .yama_scope = 1}, -EPERM,
                "ptrace_scope is 1", "sudo memsample --pid 42");
    assert_says((struct permission_facts){.have_capability = true, .yama_scope = 3}, -EPERM,
                "ptrace_scope is 3", "reboot");
    assert_says((struct permission_facts){.yama_scope = -1, .in_container = true}, -EPERM,
                "container", "--cap-add SYS_PTRACE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_cause_is_told_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
