/* Frame records: the caller's frame pointer, then the address of return (x86-64 psABI 3.2.2;
 * AAPCS64 6.4.6). */
#include "pointer.h"

#define RECORD_ALIGN 16        /* of a record's address: both ABIs keep the stack so at calls */
#define FRAME_MAX    (1 << 20) /* bytes of one frame; larger ones are no frames */

#if defined(__x86_64__)
/* call rel32 (e8), or call r/m64 (ff /2) in its lengths of 2 to 7 bytes (Intel SDM vol. 2A, CALL).
 */
static bool follows_call(const struct space *space, remote_addr pc)
{
    uint8_t byte, mode;
    if (space_read_byte(space, pc - 5, &byte) && byte == 0xe8)
        return true;
    for (unsigned length = 2; length <= 7; length++)
        if (space_read_byte(space, pc - length, &byte) && byte == 0xff &&
            space_read_byte(space, pc - length + 1, &mode) && (mode >> 3 & 7) == 2)
            return true;
    return false;
}
#else
/* BL, BLR (Arm ARM C6.2). */
static bool follows_call(const struct space *space, remote_addr pc)
{
    uint32_t word = 0;
    uint8_t byte;
    for (unsigned i = 0; i < 4; i++) {
        if (!space_read_byte(space, pc - 4 + i, &byte))
            return false;
        word |= (uint32_t)byte << 8 * i;
    }
    return (word & 0xfc000000) == 0x94000000 || (word & 0xfffffc1f) == 0xd63f0000;
}
#endif

bool pointer_follow(const struct native_unwinder *unwinder, const struct space *space,
                    remote_addr sp, remote_addr fp, struct pointer_step *ret_step)
{
    uint64_t caller_fp, pc;
    if (fp % RECORD_ALIGN || fp < sp || fp - sp > FRAME_MAX ||
        !native_stack_word(unwinder, fp, &caller_fp) || !native_stack_word(unwinder, fp + 8, &pc) ||
        !follows_call(space, pc))
        return false;
    *ret_step =
        (struct pointer_step){.pc = pc, .sp = fp + 16, .fp = caller_fp > fp ? caller_fp : 0};
    return true;
}
