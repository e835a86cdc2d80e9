/* Unwinds stacks of a process that somebody else holds still, from registers that somebody else
 * read: for comparison with other unwinders. Usage: unwind-probe PID. Reads lines of hexadecimal
 * registers in DWARF's order, as many as an unwinder needs; answers each with how the stack ended
 * and the address of each frame, innermost first. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "native/stack.h"
#include "proc/memory.h"

static bool read_registers(struct registers *registers)
{
    *registers = (struct registers){0};
    for (unsigned i = 0; i < REGISTERS_COUNT; i++) {
        if (scanf("%" SCNx64, &registers->values[i]) != 1)
            return false;
        registers->known |= UINT64_C(1) << i;
    }
    return true;
}

int main(int argc, char **argv)
{
    static const char *const ends[] = {"whole", "cut", "no-info", "broken"};
    pid_t pid = argc == 2 ? atoi(argv[1]) : 0;
    struct process_memory process_memory;
    struct memory memory;
    struct native_unwinder *unwinder;
    struct registers registers;
    if (pid <= 0 || native_unwinder_create(pid, &unwinder) < 0)
        return 2;
    process_memory_init(&process_memory, pid, &memory);
    while (read_registers(&registers)) {
        struct native_stack stack = {.end = NATIVE_BROKEN};
        if (native_capture(unwinder, &memory, &registers) == 0)
            native_unwind(unwinder, &stack);
        printf("%s", ends[stack.end]);
        for (size_t i = 0; i < stack.count; i++)
            printf(" %" PRIx64 "%s", stack.frames[i].pc, stack.frames[i].by_pointer ? "*" : "");
        printf("\n");
        fflush(stdout);
    }
    native_unwinder_destroy(unwinder);
    process_memory_deinit(&process_memory);
    return 0;
}
