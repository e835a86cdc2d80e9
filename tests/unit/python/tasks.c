#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_tasks.h"
#include "python/tasks.h"

static struct fake fake;
static struct fake_tasks tasks;
static struct python_reader *reader;
static struct python_stack stack;

/* `worker` runs in task "one", awaited by `middle` inside of `outer` in "Task-2". */
struct scene {
    remote_addr one, two, worker, outer;
};

static struct scene start(struct fake_build build)
{
    struct scene scene;
    assert_true(fake_init(&fake, build));
    assert_int_equal(python_reader_create(&fake.runtime, &fake.memory, &reader), 0);
    assert_true(fake_tasks_init(&fake, &tasks));
    fake_tasks_tell(&tasks, reader);
    scene.worker = fake_coroutine(&fake, &tasks, fake_code(&fake, "worker", 10), 4, 0);
    scene.one = fake_task(&fake, &tasks, "one", scene.worker);
    remote_addr middle =
        fake_coroutine(&fake, &tasks, fake_code(&fake, "middle", 30), 4, scene.one);
    scene.outer = fake_coroutine(&fake, &tasks, fake_code(&fake, "outer", 50), 1, middle);
    scene.two = fake_task(&fake, &tasks, "Task-2", scene.outer);
    fake_await(&fake, &tasks, scene.one, scene.two);
    fake_run(&fake, &tasks, scene.one, scene.worker);
    return scene;
}

static void look(void)
{
    assert_int_equal(python_stack_capture(reader, FAKE_TID), 0);
    assert_int_equal(python_stack_resolve(reader, &stack), 0);
}

static void assert_functions(const char *const *expected)
{
    size_t count = 0;
    while (expected[count])
        count++;
    assert_int_equal(stack.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(stack.frames[i].function, expected[i]);
}

static void test_awaiters_are_callers(void **state)
{
    static const char *const expected[] = {"worker",       "task one (worker)", "middle", "outer",
                                           "task (outer)", "Handle._run",       NULL};
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        start(fake_builds[b]);
        for (int round = 0; round < 3; round++) {
            fake.reads = 0;
            look();
        }
        /* Each read is a system call while the thread stands still: what is needed once more comes
         * with one. */
        assert_in_range(fake.reads, 1, 8);
        assert_functions(expected);
        assert_string_equal(stack.frames[1].file, PYTHON_TASK_FILE);
        assert_int_equal(stack.frames[1].line, 0);
        assert_int_equal(stack.frames[2].line, 31);
        assert_int_equal(stack.frames[3].line, 50);
        assert_false(stack.truncated);
        python_reader_destroy(reader);
    }
}

/* A task that was begun at once, on the stack of the one that made it. */
static void test_eager_task(void **state)
{
    static const char *const expected[] = {
        "eager", "task eager (eager)", "factory",     "worker", "task one (worker)", "middle",
        "outer", "task (outer)",       "Handle._run", NULL};
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        start(fake_builds[b]);
        if (tasks.offsets.thread.running != PYTHON_ABSENT) {
            const struct python_layout *layout = &fake.runtime.layout;
            remote_addr made = fake_coroutine(&fake, &tasks, fake_code(&fake, "eager", 70), 4, 0);
            remote_addr task = fake_task(&fake, &tasks, "eager", made);
            remote_addr factory = fake_push(&fake, fake_code(&fake, "factory", 90), 4, 0);
            fake_put_u64(&fake, fake_frame_of(&fake, made) + layout->frame.previous, factory);
            fake_set_frame(&fake, fake_frame_of(&fake, made));
            fake_put_u64(&fake, FAKE_THREAD + tasks.offsets.thread.running, task);
            look();
            assert_functions(expected);
        }
        python_reader_destroy(reader);
    }
}

static void test_tasks_that_await_each_other_end(void **state)
{
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        struct scene scene = start(fake_builds[b]);
        fake_await(&fake, &tasks, scene.two, scene.one);
        look();
        assert_int_equal(stack.count, 6); /* "one" again would run: it has no frame to add */
        /* Each waits for the other, and neither runs. */
        fake_await(&fake, &tasks, scene.two, scene.two);
        look();
        assert_int_equal(stack.count, 6);
        python_reader_destroy(reader);
    }
}

/* None of several is the caller. */
static void test_several_awaiters(void **state)
{
    static const char *const expected[] = {"worker", "task one (worker), awaited by several",
                                           "Handle._run", NULL};
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        struct scene scene = start(fake_builds[b]);
        remote_addr other = fake_coroutine(&fake, &tasks, fake_code(&fake, "other", 70), 4, 0);
        fake_await_too(&fake, &tasks, scene.one, scene.two,
                       fake_task(&fake, &tasks, "three", other));
        look();
        assert_functions(expected);
        struct python_task task;
        assert_int_equal(python_task_capture(reader, scene.one, &task), 0);
        assert_int_equal(task.awaiters_count, 2);
        python_reader_destroy(reader);
    }
}

/* A running task whose coroutine is not on this stack: nothing is said. */
static void test_another_coroutine(void **state)
{
    static const char *const expected[] = {"worker", "Handle._run", NULL};
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        struct scene scene = start(fake_builds[b]);
        fake_put_u64(&fake, scene.one + tasks.offsets.task.coroutine, scene.outer);
        look();
        assert_functions(expected);
        python_reader_destroy(reader);
    }
}

static void test_a_task_that_waits(void **state)
{
    static const char *const expected[] = {"middle", "outer", NULL};
    (void)state;
    for (size_t b = 0; b < FAKE_BUILDS; b++) {
        struct scene scene = start(fake_builds[b]);
        struct python_task task;
        assert_int_equal(python_task_capture(reader, scene.two, &task), 0);
        assert_string_equal(task.name, "Task-2");
        assert_int_equal(task.awaiters_count, 0);
        assert_int_equal(python_stack_resolve(reader, &stack), 0);
        assert_functions(expected);
        assert_int_equal(python_task_capture(reader, scene.one, &task), 0);
        assert_string_equal(task.name, "one");
        assert_int_equal(task.awaiters_count, 1);
        assert_true(task.awaiters[0] == scene.two);
        assert_int_equal(python_stack_resolve(reader, &stack), 0);
        assert_int_equal(stack.count, 0); /* it runs */
        assert_int_equal(python_task_capture(reader, scene.outer, &task), PYTHON_STACK_NO_THREAD);
        python_reader_destroy(reader);
    }
}

/* Names without end must not make as many stacks. */
static void test_too_many_names(void **state)
{
    (void)state;
    struct fake_build build = {14, false};
    struct scene scene = start(build);
    char name[16];
    remote_addr text = load_u64(fake.data + (scene.one + tasks.offsets.task.name - FAKE_BASE));
    for (int i = 0; i < TASK_NAMES_MAX + 100; i++) {
        snprintf(name, sizeof(name), "%03d", i);
        fake_put_u64(&fake, text + fake.runtime.layout.unicode.length, strlen(name));
        fake_put(&fake, text + fake.runtime.layout.unicode.ascii_bytes, name, strlen(name));
        look();
    }
    assert_string_equal(stack.frames[1].function, "task (worker)");
    fake_put_u64(&fake, text + fake.runtime.layout.unicode.length, 3);
    fake_put(&fake, text + fake.runtime.layout.unicode.ascii_bytes, "007", 3);
    look();
    assert_string_equal(stack.frames[1].function, "task 007 (worker)"); /* known already */
    python_reader_destroy(reader);
}

static void test_offsets_out_of_bounds(void **state)
{
    (void)state;
    for (int word = 0; word < 13; word++) {
        uint64_t debug[13];
        struct task_layout offsets;
        memcpy(debug, fake_asyncio_debug[0], sizeof(debug));
        assert_true(tasks_layout_parse((const uint8_t *)debug, &offsets));
        if (word == 3 || word == 10)
            continue; /* not read */
        debug[word] = UINT64_MAX;
        assert_false(tasks_layout_parse((const uint8_t *)debug, &offsets));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_awaiters_are_callers),
        cmocka_unit_test(test_eager_task),
        cmocka_unit_test(test_tasks_that_await_each_other_end),
        cmocka_unit_test(test_several_awaiters),
        cmocka_unit_test(test_another_coroutine),
        cmocka_unit_test(test_a_task_that_waits),
        cmocka_unit_test(test_too_many_names),
        cmocka_unit_test(test_offsets_out_of_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
