/* Where Python stands, told by the top of a C stack alone.
 *
 * An evaluation loop keeps the address of the next instruction in a register, and whatever it calls
 * saves that register on the C stack. The lowest word there that points into known bytecode is
 * therefore the instruction that Python executes: a spot, which is a code object and a line. Its
 * callers are not on the C stack. They are those of the last stack that was read at the same spot.
 *
 * Nothing guarantees that the word is not left over from a call before. So spots are only used as
 * labels: each stack that is read comes with the label of its own fault, and a label stands for the
 * last stack that was read at it, wherever that stood. Labels that mislead are then right on
 * average, as if the stacks had been taken without them. Knows no process. */
#ifndef MEMSAMPLE_SAMPLER_SPOTS_H
#define MEMSAMPLE_SAMPLER_SPOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc/registers.h"
#include "python/stack.h"

#define SPOT_CODES_MAX 1024
#define SPOT_SLOTS     2048 /* power of two */
#define SPOT_NO_CODE   UINT32_MAX
#define SPOT_ANY_LINE  (-1)
#define SPOT_NO_PARENT UINT32_MAX

struct spot {
    uint32_t code_id; /* SPOT_NO_CODE: no word points into known bytecode */
    int32_t line;
};

struct spot_stack {
    uint32_t stack_id;  /* of the recording */
    uint32_t parent_id; /* without its innermost frame, or SPOT_NO_PARENT */
    bool truncated;
    uint64_t time_ns; /* when it was read */
    uint32_t number;  /* of all stacks that were read */
};

struct spot_slot {
    pid_t tid; /* 0: free */
    struct spot spot;
    struct spot_stack stack; /* the last that was read there */
};

struct spots {
    uint32_t read;                                /* stacks, in all */
    struct python_bytecode codes[SPOT_CODES_MAX]; /* by address, without overlap */
    size_t code_count;
    struct spot_slot slots[SPOT_SLOTS];
    double faithful; /* running mean: the share of stacks that stood where their label said */
    uint32_t labels; /* how many went into it, up to some */
};

void spots_init(struct spots *spots);
/* Bytecode that is there now; what lay there before is gone. */
void spots_add_code(struct spots *spots, const struct python_bytecode *code);
/* The code object and the offset in it of the instruction at work: 0 or more. False: none is found.
 */
bool spots_find(const struct spots *spots, const struct registers *registers, const uint8_t *stack,
                size_t stack_bytes, uint32_t *ret_code_id, int32_t *ret_offset);
/* A stack that was read at a fault with this label; `truly` is where it stood. */
void spots_learn(struct spots *spots, pid_t tid, const struct spot *label, const struct spot *truly,
                 const struct spot_stack *stack);
/* A stack that was read at any other time: there is no label to compare. */
void spots_see(struct spots *spots, pid_t tid, const struct spot *truly,
               const struct spot_stack *stack);
/* The thread's stack for a label; NULL: none was read there. */
const struct spot_stack *spots_stack(const struct spots *spots, pid_t tid,
                                     const struct spot *label);
/* The last stack of the thread in the code, at any line; or NULL. */
const struct spot_stack *spots_latest(const struct spots *spots, pid_t tid, uint32_t code_id);
/* The same in the code of a label, if labels can be relied on; or NULL. */
const struct spot_stack *spots_kin(const struct spots *spots, pid_t tid, const struct spot *label);

#endif
