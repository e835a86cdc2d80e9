/* The registers of one thread that an unwinder needs.
 *
 * Numbered as DWARF does (x86-64 psABI, figure 3.36; DWARF for the Arm 64-bit architecture, 4.1),
 * which libunwind follows. A register that could not be had is unknown: whoever needs it must give
 * up, not guess. */
#ifndef MEMSAMPLE_PROC_REGISTERS_H
#define MEMSAMPLE_PROC_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/bytes.h"

#if defined(__x86_64__)
#define REGISTERS_COUNT 17
#define REGISTERS_FP    6  /* rbp */
#define REGISTERS_SP    7  /* rsp */
#define REGISTERS_PC    16 /* rip */
#elif defined(__aarch64__)
#define REGISTERS_COUNT 33
#define REGISTERS_FP    29 /* x29 */
#define REGISTERS_SP    31
#define REGISTERS_PC    32
#else
#error "which registers does an unwinder need on this architecture?"
#endif

struct registers {
    uint64_t values[REGISTERS_COUNT];
    uint64_t known; /* bit n: values[n] holds */
};

static inline bool registers_has(const struct registers *registers, unsigned number)
{
    return number < REGISTERS_COUNT && registers->known >> number & 1;
}

/* Of a tracee in a ptrace stop. 0 or a negative errno. */
int registers_read_stopped(pid_t tid, struct registers *ret_registers);

/* Of a thread that waits in a system call: where it will go on, and its stack; nothing else is
 * known
 * (/proc/PID/task/TID/syscall). 0; -EAGAIN when it does not wait there; another negative errno. */
int registers_read_asleep(pid_t pid, pid_t tid, struct registers *ret_registers);
bool registers_parse_syscall(const char *text, struct registers *ret_registers);

/* What perf_event_attr.sample_regs_user must ask for, and the registers from what a sample then
 * holds: a word that tells the ABI, and a word each. False when the sample ends before, or holds
 * none (a kernel thread). */
uint64_t registers_perf_mask(void);
bool registers_take_perf(struct bytes *bytes, struct registers *ret_registers);

#endif
