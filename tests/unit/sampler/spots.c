/* Where Python stands, told by words of a C stack that are made by hand. */
#include "../test.h"

#include <stdlib.h>

#include "sampler/spots.h"

#define CODE  UINT64_C(0x7f0000001000)
#define OTHER UINT64_C(0x7f0000005000)
#define TID   77

static struct spots *spots;

static int setup(void **state)
{
    (void)state;
    spots = malloc(sizeof(*spots));
    assert_non_null(spots);
    spots_init(spots);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(spots);
    return 0;
}

static void add(uint64_t start, uint64_t bytes, uint32_t id)
{
    spots_add_code(spots, &(struct python_bytecode){start, bytes, id});
}

/* *ret_code_id is SPOT_NO_CODE when nothing is found. */
static void find(const uint64_t *words, size_t count, const struct registers *registers,
                 uint32_t *ret_code_id, int32_t *ret_offset)
{
    *ret_code_id = SPOT_NO_CODE;
    *ret_offset = -1;
    spots_find(spots, registers, (const uint8_t *)words, 8 * count, ret_code_id, ret_offset);
}

static void expect_spot(const uint64_t *words, size_t count, uint32_t code_id, int32_t offset)
{
    static const struct registers none = {0};
    uint32_t found;
    int32_t at;
    find(words, count, &none, &found, &at);
    assert_int_equal(found, code_id);
    assert_int_equal(at, offset);
}

static void the_lowest_word_in_bytecode_tells(void **state)
{
    (void)state;
    const uint64_t words[] = {0, 12345, OTHER + 20, CODE + 8};
    expect_spot(words, 4, SPOT_NO_CODE, -1); /* nothing is known yet */
    add(CODE, 100, 3);
    expect_spot(words, 4, 3, 6); /* it points to the next instruction */
    add(OTHER, 50, 4);
    expect_spot(words, 4, 4, 18);
    expect_spot(words, 2, SPOT_NO_CODE, -1);
}

static void edges_of_bytecode(void **state)
{
    (void)state;
    add(CODE, 100, 3);
    const uint64_t start = CODE, first = CODE + 2, end = CODE + 100, behind = CODE + 102,
                   odd = CODE + 5;
    expect_spot(&start, 1, SPOT_NO_CODE, -1); /* before the first: nothing runs yet */
    expect_spot(&first, 1, 3, 0);
    expect_spot(&end, 1, 3, 98);
    expect_spot(&behind, 1, SPOT_NO_CODE, -1);
    expect_spot(&odd, 1, SPOT_NO_CODE, -1);
}

static void saved_registers_come_first(void **state)
{
    (void)state;
    struct registers registers = {0};
    const uint64_t word = CODE + 8;
    uint32_t found;
    int32_t at;
    add(CODE, 100, 3);
    registers.values[REGISTERS_FP] = CODE + 40;
    find(&word, 1, &registers, &found, &at);
    assert_int_equal(at, 6); /* not known: it does not count */
    registers.known = UINT64_C(1) << REGISTERS_FP;
    find(&word, 1, &registers, &found, &at);
    assert_int_equal(at, 38);
    registers.known = UINT64_C(1) << 0; /* a register that calls do not keep */
    registers.values[0] = CODE + 60;
    find(&word, 1, &registers, &found, &at);
    assert_int_equal(at, 6);
}

static void new_code_takes_the_place_of_old(void **state)
{
    (void)state;
    const uint64_t words[] = {CODE + 50, CODE + 150, CODE + 250};
    add(CODE, 100, 1);
    add(CODE + 100, 100, 2);
    add(CODE + 200, 100, 3);
    add(CODE + 40, 120, 9); /* over the first two */
    expect_spot(&words[0], 1, 9, 8);
    expect_spot(&words[1], 1, 9, 108);
    expect_spot(&words[2], 1, 3, 48);
    assert_int_equal(spots->code_count, 2);
    add(CODE + 40, 120, 9);
    assert_int_equal(spots->code_count, 2);
    for (uint32_t i = 0; i < 3 * SPOT_CODES_MAX; i++) /* more than can be kept */
        add(OTHER + 64 * (uint64_t)i, 60, i);
    assert_true(spots->code_count <= SPOT_CODES_MAX);
    for (size_t i = 1; i < spots->code_count; i++)
        assert_true(spots->codes[i - 1].start + spots->codes[i - 1].bytes <= spots->codes[i].start);
}

static void learn(struct spot label, struct spot truly, uint32_t stack_id, uint32_t parent_id)
{
    struct spot_stack stack = {.stack_id = stack_id, .parent_id = parent_id};
    spots_learn(spots, TID, &label, &truly, &stack);
}

static void a_label_stands_for_the_last_stack(void **state)
{
    (void)state;
    struct spot here = {3, 10}, there = {3, 12}, none = {.code_id = SPOT_NO_CODE};
    assert_null(spots_stack(spots, TID, &here));
    learn(here, here, 5, 4);
    learn(here, there, 6, 4); /* the label misled: that is learnt, too */
    assert_int_equal(spots_stack(spots, TID, &here)->stack_id, 6);
    assert_null(spots_stack(spots, TID, &there));
    assert_null(spots_stack(spots, TID + 1, &here));
    learn(none, here, 7, 4);
    assert_null(spots_stack(spots, TID, &none));
    assert_int_equal(spots_stack(spots, TID, &here)->stack_id, 6);
}

static void kin_is_used_while_labels_are_faithful(void **state)
{
    (void)state;
    struct spot here = {3, 10}, there = {3, 12}, elsewhere = {4, 12};
    assert_null(spots_kin(spots, TID, &there));
    learn(here, here, 5, 4);
    assert_int_equal(spots_kin(spots, TID, &there)->parent_id, 4);
    assert_null(spots_kin(spots, TID, &elsewhere));
    assert_null(spots_kin(spots, TID + 1, &there));
    learn(here, here, 5, SPOT_NO_PARENT);
    assert_null(spots_kin(spots, TID, &there));
    for (unsigned i = 0; i < 10; i++)
        learn(here, there, 5, 4);
    assert_null(spots_kin(spots, TID, &there)); /* they mislead */
}

static void stacks_without_a_label(void **state)
{
    (void)state;
    struct spot here = {3, 10}, there = {3, 12};
    struct spot_stack stack = {.stack_id = 8, .parent_id = 7};
    spots_see(spots, TID, &here, &stack);
    assert_int_equal(spots_stack(spots, TID, &here)->stack_id, 8);
    assert_int_equal(spots_kin(spots, TID, &there)->parent_id, 7);
    for (unsigned i = 0; i < 10; i++)
        learn(here, there, 5, 4);
    spots_see(spots, TID, &here, &stack);
    assert_int_equal(spots_stack(spots, TID, &here)->stack_id, 5); /* it says another line */
}

static void the_latest_in_the_code(void **state)
{
    (void)state;
    struct spot here = {3, 10}, there = {3, 12};
    struct spot_stack stack = {.stack_id = 8, .parent_id = 7};
    assert_null(spots_latest(spots, TID, 3));
    for (unsigned i = 0; i < 10; i++)
        learn(here, there, 5, 4);
    assert_int_equal(spots_latest(spots, TID, 3)->parent_id, 4);
    spots_see(spots, TID, &there, &stack);
    assert_int_equal(spots_latest(spots, TID, 3)->parent_id, 7); /* though labels mislead */
    assert_null(spots_latest(spots, TID + 1, 3));
    assert_null(spots_latest(spots, TID, SPOT_NO_CODE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_lowest_word_in_bytecode_tells, setup, teardown),
        cmocka_unit_test_setup_teardown(edges_of_bytecode, setup, teardown),
        cmocka_unit_test_setup_teardown(saved_registers_come_first, setup, teardown),
        cmocka_unit_test_setup_teardown(new_code_takes_the_place_of_old, setup, teardown),
        cmocka_unit_test_setup_teardown(a_label_stands_for_the_last_stack, setup, teardown),
        cmocka_unit_test_setup_teardown(kin_is_used_while_labels_are_faithful, setup, teardown),
        cmocka_unit_test_setup_teardown(stacks_without_a_label, setup, teardown),
        cmocka_unit_test_setup_teardown(the_latest_in_the_code, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
