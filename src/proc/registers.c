/* Registers of a thread: by ptrace, from /proc, from a perf sample. Knows each source's order;
 * knows nothing of unwinding. */
#include "proc/registers.h"

#include <elf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "proc/file.h"

#define ALL_KNOWN ((UINT64_C(1) << REGISTERS_COUNT) - 1)

#if defined(__x86_64__)
static void from_ptrace(const struct user_regs_struct *from, uint64_t to[REGISTERS_COUNT])
{
    const uint64_t values[REGISTERS_COUNT] = {from->rax, from->rdx, from->rcx, from->rbx, from->rsi,
                                              from->rdi, from->rbp, from->rsp, from->r8,  from->r9,
                                              from->r10, from->r11, from->r12, from->r13, from->r14,
                                              from->r15, from->rip};
    memcpy(to, values, sizeof(values));
}

/* By number in a sample (arch/x86/include/uapi/asm/perf_regs.h): which of ours it is. Samples hold
 * them in this order. */
static const struct {
    uint8_t perf, ours;
} perf_order[] = {
    {0, 0},  {1, 3},  {2, 2},   {3, 1},   {4, 4},   {5, 5},   {6, 6},   {7, 7},   {8, 16},
    {16, 8}, {17, 9}, {18, 10}, {19, 11}, {20, 12}, {21, 13}, {22, 14}, {23, 15},
};
#else
static void from_ptrace(const struct user_regs_struct *from, uint64_t to[REGISTERS_COUNT])
{
    memcpy(to, from->regs, 31 * sizeof(to[0]));
    to[REGISTERS_SP] = from->sp;
    to[REGISTERS_PC] = from->pc;
}

/* arch/arm64/include/uapi/asm/perf_regs.h: x0 to x30, sp, pc. */
static const struct {
    uint8_t perf, ours;
} perf_order[] = {
    {0, 0},   {1, 1},   {2, 2},   {3, 3},   {4, 4},   {5, 5},   {6, 6},   {7, 7},   {8, 8},
    {9, 9},   {10, 10}, {11, 11}, {12, 12}, {13, 13}, {14, 14}, {15, 15}, {16, 16}, {17, 17},
    {18, 18}, {19, 19}, {20, 20}, {21, 21}, {22, 22}, {23, 23}, {24, 24}, {25, 25}, {26, 26},
    {27, 27}, {28, 28}, {29, 29}, {30, 30}, {31, 31}, {32, 32},
};
#endif
_Static_assert(ARRAY_SIZE(perf_order) == REGISTERS_COUNT, "each register is asked for");

int registers_read_stopped(pid_t tid, struct registers *ret_registers)
{
    struct user_regs_struct read;
    struct iovec into = {.iov_base = &read, .iov_len = sizeof(read)};
    if (ptrace(PTRACE_GETREGSET, tid, (void *)(uintptr_t)NT_PRSTATUS, &into) < 0)
        return -errno;
    if (into.iov_len != sizeof(read))
        return -EOPNOTSUPP; /* a 32-bit program */
    from_ptrace(&read, ret_registers->values);
    ret_registers->known = ALL_KNOWN;
    return 0;
}

/* "running", or "-1 sp pc", or "number six-arguments sp pc" (proc_pid_syscall(5)). */
bool registers_parse_syscall(const char *text, struct registers *ret_registers)
{
    long number;
    unsigned long ignored[6], sp, pc;
    int n = sscanf(text, "%ld %lx %lx %lx %lx %lx %lx %lx %lx", &number, &ignored[0], &ignored[1],
                   &ignored[2], &ignored[3], &ignored[4], &ignored[5], &sp, &pc);
    if (n != 9 || number < 0)
        return false;
    *ret_registers =
        (struct registers){.known = UINT64_C(1) << REGISTERS_SP | UINT64_C(1) << REGISTERS_PC};
    ret_registers->values[REGISTERS_SP] = sp;
    ret_registers->values[REGISTERS_PC] = pc;
    return true;
}

int registers_read_asleep(pid_t pid, pid_t tid, struct registers *ret_registers)
{
    _cleanup_(freep) char *text = NULL;
    char name[64];
    snprintf(name, sizeof(name), "task/%d/syscall", (int)tid);
    int r = process_file_read(pid, name, &text, NULL);
    if (r < 0)
        return r;
    return registers_parse_syscall(text, ret_registers) ? 0 : -EAGAIN;
}

uint64_t registers_perf_mask(void)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < ARRAY_SIZE(perf_order); i++)
        mask |= UINT64_C(1) << perf_order[i].perf;
    return mask;
}

bool registers_take_perf(struct bytes *bytes, struct registers *ret_registers)
{
    uint64_t abi;
    if (!bytes_take_u64(bytes, &abi) || abi != PERF_SAMPLE_REGS_ABI_64)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(perf_order); i++)
        if (!bytes_take_u64(bytes, &ret_registers->values[perf_order[i].ours]))
            return false;
    ret_registers->known = ALL_KNOWN;
    return true;
}
