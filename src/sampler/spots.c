/* See spots.h. */
#include "spots.h"

#include <string.h>

#include "base/array.h"
#include "base/bytes.h"

#define LABELS_TRUSTED 4  /* until there are some, labels are taken for faithful */
#define LABELS_MOST    20 /* that the running mean is of */
#define FAITHFUL_LEAST 0.9
#define UNIT_BYTES     2 /* of an instruction: what is pointed to is the next one */

/* Registers that a function must leave as they were, and so saves where it uses them. */
#if defined(__x86_64__)
static const uint8_t saved[] = {3, 6, 12, 13, 14, 15}; /* rbx, rbp, r12 to r15 */
#else
static const uint8_t saved[] = {19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29};
#endif

void spots_init(struct spots *spots)
{
    memset(spots, 0, sizeof(*spots));
    spots->faithful = 1;
    spots->labels = LABELS_TRUSTED;
}

static size_t first_behind(const struct spots *spots, remote_addr address)
{
    size_t low = 0, high = spots->code_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (spots->codes[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static remote_addr end_of(const struct python_bytecode *code)
{
    return code->start + code->bytes;
}

void spots_add_code(struct spots *spots, const struct python_bytecode *code)
{
    size_t at = first_behind(spots, code->start), first = at, end = at;
    struct python_bytecode *codes = spots->codes;
    if (at && memcmp(&codes[at - 1], code, sizeof(*code)) == 0)
        return;
    while (first && end_of(&codes[first - 1]) > code->start)
        first--;
    while (end < spots->code_count && codes[end].start < end_of(code))
        end++;
    if (first == end && spots->code_count == SPOT_CODES_MAX) {
        spots->code_count = first = end = 0; /* those that are still in use come again */
    }
    memmove(&codes[first + 1], &codes[end], (spots->code_count - end) * sizeof(*codes));
    codes[first] = *code;
    spots->code_count -= end - first;
    spots->code_count++;
}

static bool find_code(const struct spots *spots, remote_addr word, uint32_t *ret_code_id,
                      int32_t *ret_offset)
{
    if (spots->code_count == 0 || word <= spots->codes[0].start ||
        word > end_of(&spots->codes[spots->code_count - 1]) || word % UNIT_BYTES)
        return false;
    const struct python_bytecode *code = &spots->codes[first_behind(spots, word - 1) - 1];
    if (word > end_of(code))
        return false;
    *ret_code_id = code->code_id;
    *ret_offset = (int32_t)(word - code->start) - UNIT_BYTES;
    return true;
}

bool spots_find(const struct spots *spots, const struct registers *registers, const uint8_t *stack,
                size_t stack_bytes, uint32_t *ret_code_id, int32_t *ret_offset)
{
    for (size_t i = 0; i < ARRAY_SIZE(saved); i++)
        if (registers_has(registers, saved[i]) &&
            find_code(spots, registers->values[saved[i]], ret_code_id, ret_offset))
            return true;
    for (size_t at = 0; at + 8 <= stack_bytes; at += 8)
        if (find_code(spots, load_u64(stack + at), ret_code_id, ret_offset))
            return true;
    return false;
}

static size_t slot_of(pid_t tid, uint32_t code_id, int32_t line)
{
    uint32_t hash = (uint32_t)tid * UINT32_C(0x9e3779b1);
    hash = (hash ^ code_id) * UINT32_C(0x85ebca6b);
    hash = (hash ^ (uint32_t)line) * UINT32_C(0xc2b2ae35);
    return (hash >> 16) & (SPOT_SLOTS - 1);
}

static const struct spot_stack *find_stack(const struct spots *spots, pid_t tid, uint32_t code_id,
                                           int32_t line)
{
    const struct spot_slot *slot = &spots->slots[slot_of(tid, code_id, line)];
    bool found = slot->tid == tid && slot->spot.code_id == code_id && slot->spot.line == line;
    return found ? &slot->stack : NULL;
}

static void keep(struct spots *spots, pid_t tid, uint32_t code_id, int32_t line,
                 const struct spot_stack *stack)
{
    spots->slots[slot_of(tid, code_id, line)] =
        (struct spot_slot){.tid = tid, .spot = {code_id, line}, .stack = *stack};
}

void spots_learn(struct spots *spots, pid_t tid, const struct spot *label, const struct spot *truly,
                 const struct spot_stack *stack)
{
    bool same = label->code_id == truly->code_id && label->line == truly->line;
    if (truly->code_id != SPOT_NO_CODE)
        keep(spots, tid, truly->code_id, SPOT_ANY_LINE, stack);
    if (label->code_id == SPOT_NO_CODE)
        return;
    spots->labels += spots->labels < LABELS_MOST;
    spots->faithful += ((same ? 1 : 0) - spots->faithful) / spots->labels;
    keep(spots, tid, label->code_id, label->line, stack);
}

void spots_see(struct spots *spots, pid_t tid, const struct spot *truly,
               const struct spot_stack *stack)
{
    keep(spots, tid, truly->code_id, SPOT_ANY_LINE, stack);
    if (spots->faithful >= FAITHFUL_LEAST)
        keep(spots, tid, truly->code_id, truly->line, stack);
}

const struct spot_stack *spots_stack(const struct spots *spots, pid_t tid, const struct spot *label)
{
    return label->code_id == SPOT_NO_CODE ? NULL
                                          : find_stack(spots, tid, label->code_id, label->line);
}

const struct spot_stack *spots_latest(const struct spots *spots, pid_t tid, uint32_t code_id)
{
    return code_id == SPOT_NO_CODE ? NULL : find_stack(spots, tid, code_id, SPOT_ANY_LINE);
}

const struct spot_stack *spots_kin(const struct spots *spots, pid_t tid, const struct spot *label)
{
    if (spots->faithful < FAITHFUL_LEAST)
        return NULL;
    const struct spot_stack *stack = spots_latest(spots, tid, label->code_id);
    return stack && stack->parent_id != SPOT_NO_PARENT ? stack : NULL;
}
