/* Unwinding a copied stack with libunwind. The only file that names it.
 *
 * libunwind asks for words of memory: those of the stack come from the copy, all others (unwind
 * tables, code) from the mapped files. Nothing is read from the process, which runs on meanwhile.
 */
#include "native/stack.h"

#include <errno.h>
#include <libunwind.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/units.h"
#include "pointer.h"
#include "space.h"

#define PAGE_BYTES   4096 /* a unit of reading: what is not mapped ends the copy */
#define SPANS_MAX    (NATIVE_STACK_BYTES_MAX / PAGE_BYTES + 1)
#define READS_MAX    20000 /* words in one step: a table that never ends is no table */
#define CACHE_LOG    11 /* libunwind remembers the rules for so many addresses, as a power of two */
#define RED_ZONE     128 /* below the stack pointer, may be in use (x86-64 psABI 3.2.2) */
#define STACKS_KNOWN 16

/* Part of libunwind's stable interface for other unwinders (perf(1) has used it since 2012), though
 * in no header. */
int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t space, unw_word_t ip, unw_dyn_info_t *di,
                                       unw_proc_info_t *pi, int need_unwind_info, void *arg);

struct native_unwinder {
    struct space space;
    uint32_t space_changes; /* as of the last flush of libunwind's memory */
    unw_addr_space_t address_space;

    struct registers registers; /* captured; known 0: nothing is */
    remote_addr stack_start;
    size_t stack_bytes;
    bool stack_ends; /* nothing is mapped behind what was copied */
    uint8_t stack[NATIVE_STACK_BYTES_MAX + PAGE_BYTES];

    unsigned reads;     /* in this step */
    bool lacks_info;    /* in this step */
    bool left_the_copy; /* in this step a word behind it was asked for */
    struct native_frame frames[NATIVE_FRAMES_MAX];
};

/* What libunwind asks ------------------------------------------------------------------------- */

bool native_stack_word(const struct native_unwinder *unwinder, remote_addr address,
                       uint64_t *ret_word)
{
    if (address < unwinder->stack_start || unwinder->stack_bytes < sizeof(*ret_word) ||
        address - unwinder->stack_start > unwinder->stack_bytes - sizeof(*ret_word))
        return false;
    memcpy(ret_word, unwinder->stack + (address - unwinder->stack_start), sizeof(*ret_word));
    return true;
}

static int access_mem(unw_addr_space_t as, unw_word_t address, unw_word_t *value, int write,
                      void *arg)
{
    struct native_unwinder *unwinder = arg;
    uint64_t word;
    (void)as;
    if (write || ++unwinder->reads > READS_MAX)
        return -UNW_EINVAL;
    if (!native_stack_word(unwinder, address, &word) &&
        !space_read(&unwinder->space, address, &word)) {
        remote_addr end = unwinder->stack_start + unwinder->stack_bytes;
        unwinder->left_the_copy |= address >= end - sizeof(word) && !unwinder->stack_ends;
        return -UNW_EINVAL;
    }
    *value = word;
    return 0;
}

static int access_reg(unw_addr_space_t as, unw_regnum_t number, unw_word_t *value, int write,
                      void *arg)
{
    const struct native_unwinder *unwinder = arg;
    (void)as;
    if (write || number < 0 || !registers_has(&unwinder->registers, (unsigned)number))
        return -UNW_EBADREG;
    *value = unwinder->registers.values[number];
    return 0;
}

static int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t *ret_info,
                          int need_unwind_info, void *arg)
{
    struct native_unwinder *unwinder = arg;
    const struct space_module *module = space_find(&unwinder->space, ip);
    int r = -UNW_ENOINFO;
    if (module && module->index.entries) {
        unw_word_t index = module->bias + module->index.part.address;
        unw_dyn_info_t table = {
            .start_ip = module->start,
            .end_ip = module->end,
            .format = UNW_INFO_FORMAT_REMOTE_TABLE,
            .u.rti = {.segbase = index,
                      .table_data = index + INDEX_HEAD_BYTES,
                      .table_len = module->index.entries * INDEX_ENTRY_BYTES / sizeof(unw_word_t)},
        };
        r = UNW_OBJ(dwarf_search_unwind_table)(as, ip, &table, ret_info, need_unwind_info, arg);
    }
    unwinder->lacks_info |= r < 0;
    return r < 0 ? -UNW_ENOINFO : r;
}

static void put_unwind_info(unw_addr_space_t as, unw_proc_info_t *info, void *arg)
{
    (void)as, (void)info, (void)arg; /* nothing of it is ours */
}

static int get_dyn_info_list_addr(unw_addr_space_t as, unw_word_t *ret_address, void *arg)
{
    (void)as, (void)ret_address, (void)arg;
    return -UNW_ENOINFO; /* code that registers itself in the process: there is none for remote
                            unwinders */
}

static int access_fpreg(unw_addr_space_t as, unw_regnum_t number, unw_fpreg_t *value, int write,
                        void *arg)
{
    (void)as, (void)number, (void)value, (void)write, (void)arg;
    return -UNW_EBADREG;
}

static int resume(unw_addr_space_t as, unw_cursor_t *cursor, void *arg)
{
    (void)as, (void)cursor, (void)arg;
    return -UNW_EINVAL;
}

static int get_proc_name(unw_addr_space_t as, unw_word_t address, char *name, size_t length,
                         unw_word_t *offset, void *arg)
{
    (void)as, (void)address, (void)name, (void)length, (void)offset, (void)arg;
    return -UNW_ENOINFO; /* names are given when a report is made */
}

/* Life ---------------------------------------------------------------------------------------- */

int native_unwinder_create(pid_t pid, struct native_unwinder **ret_unwinder)
{
    static unw_accessors_t accessors = {
        .find_proc_info = find_proc_info,
        .put_unwind_info = put_unwind_info,
        .get_dyn_info_list_addr = get_dyn_info_list_addr,
        .access_mem = access_mem,
        .access_reg = access_reg,
        .access_fpreg = access_fpreg,
        .resume = resume,
        .get_proc_name = get_proc_name,
    };
    struct native_unwinder *unwinder = calloc(1, sizeof(*unwinder));
    if (!unwinder)
        return -ENOMEM;
    unwinder->address_space = unw_create_addr_space(&accessors, 0);
    if (!unwinder->address_space) {
        free(unwinder);
        return -ENOMEM;
    }
    unw_set_caching_policy(unwinder->address_space, UNW_CACHE_GLOBAL);
    unw_set_cache_size(unwinder->address_space, (size_t)1 << CACHE_LOG, 0);
    space_init(&unwinder->space, pid);
    *ret_unwinder = unwinder;
    return 0;
}

void native_unwinder_destroy(struct native_unwinder *unwinder)
{
    if (!unwinder)
        return;
    unw_destroy_addr_space(unwinder->address_space);
    space_deinit(&unwinder->space);
    free(unwinder);
}

const struct native_module *native_find_module(const struct native_unwinder *unwinder,
                                               uint32_t number)
{
    return number < unwinder->space.known_keys.count ? &unwinder->space.known[number] : NULL;
}

/* Capture ------------------------------------------------------------------------------------- */

void native_forget(struct native_unwinder *unwinder)
{
    unwinder->registers.known = 0;
}

bool native_has_capture(const struct native_unwinder *unwinder)
{
    return unwinder->registers.known;
}

int native_capture(struct native_unwinder *unwinder, const struct memory *memory,
                   const struct registers *registers)
{
    struct memory_span spans[SPANS_MAX];
    native_forget(unwinder);
    if (!registers_has(registers, REGISTERS_SP) || !registers_has(registers, REGISTERS_PC) ||
        registers->values[REGISTERS_SP] < PAGE_BYTES)
        return -EINVAL;
    remote_addr start = (registers->values[REGISTERS_SP] - RED_ZONE) & ~(remote_addr)7;
    size_t count = 0, bytes = 0;
    while (bytes < NATIVE_STACK_BYTES_MAX) {
        size_t length = PAGE_BYTES - (start + bytes) % PAGE_BYTES;
        spans[count++] = (struct memory_span){start + bytes, unwinder->stack + bytes, length};
        bytes += length;
    }
    int r = memory_read_spans(memory, spans, count);
    if (r < 0)
        return r;
    unwinder->stack_start = start;
    unwinder->stack_bytes = 0;
    for (int i = 0; i < r; i++)
        unwinder->stack_bytes += spans[i].length;
    unwinder->stack_ends = (size_t)r < count;
    unwinder->registers = *registers;
    return 0;
}

/* Unwinding ----------------------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static void see_files(struct native_unwinder *unwinder, remote_addr pc)
{
    space_refresh(&unwinder->space, pc,
                  now_ns()); /* without files there is no frame but the first */
    if (unwinder->space_changes == unwinder->space.changes)
        return;
    unwinder->space_changes = unwinder->space.changes;
    unw_flush_cache(unwinder->address_space, 0, 0);
}

static struct native_frame frame_at(struct native_unwinder *unwinder, remote_addr pc,
                                    remote_addr sp)
{
    struct native_frame frame = {.pc = pc, .sp = sp, .module = NATIVE_NO_MODULE};
    const struct space_module *module = space_find(&unwinder->space, pc);
    if (module) {
        frame.module = module->number;
        frame.address = pc - module->bias;
    }
    return frame;
}

/* Where the walk stands. */
struct walk {
    unw_cursor_t cursor;
    remote_addr pc, sp, fp;
    bool exact; /* pc is an instruction that was about to be executed, not an address of return */
};

static bool read_walk(struct walk *walk)
{
    unw_word_t pc, sp, fp;
    if (unw_get_reg(&walk->cursor, UNW_REG_IP, &pc) < 0 ||
        unw_get_reg(&walk->cursor, UNW_REG_SP, &sp) < 0)
        return false;
    walk->pc = pc;
    walk->sp = sp;
    walk->fp = unw_get_reg(&walk->cursor, REGISTERS_FP, &fp) < 0 ? 0 : fp;
    return true;
}

/* Goes on from a frame of which nothing is known but this. */
static bool begin_at(struct native_unwinder *unwinder, struct walk *walk,
                     const struct pointer_step *step)
{
    unwinder->registers =
        (struct registers){.known = UINT64_C(1) << REGISTERS_PC | UINT64_C(1) << REGISTERS_SP};
    unwinder->registers.values[REGISTERS_PC] = step->pc - 1; /* within the call */
    unwinder->registers.values[REGISTERS_SP] = step->sp;
    unwinder->registers.values[REGISTERS_FP] = step->fp;
    if (step->fp)
        unwinder->registers.known |= UINT64_C(1) << REGISTERS_FP;
    if (unw_init_remote(&walk->cursor, unwinder->address_space, unwinder) < 0)
        return false;
    walk->exact = true; /* as it is now */
    return read_walk(walk);
}

/* 1 when the walk stands at the caller, or 0 with the reason in ret_end. */
static int step_up(struct native_unwinder *unwinder, struct walk *walk, bool *ret_by_pointer,
                   enum native_end *ret_end)
{
    remote_addr sp = walk->sp, fp = walk->fp;
    struct pointer_step step;
    unwinder->reads = 0;
    unwinder->lacks_info = unwinder->left_the_copy = false;
    bool signal = unw_is_signal_frame(&walk->cursor) > 0;
    int r = unw_step(&walk->cursor);
    if (unwinder->lacks_info) { /* libunwind guesses then: what it says does not count */
        *ret_by_pointer = true;
        *ret_end = NATIVE_NO_INFO;
        return pointer_follow(unwinder, &unwinder->space, sp, fp, &step) &&
               begin_at(unwinder, walk, &step);
    }
    *ret_end = r == 0 ? NATIVE_WHOLE : unwinder->left_the_copy ? NATIVE_CUT : NATIVE_BROKEN;
    if (r <= 0 || !read_walk(walk))
        return 0;
    if (walk->pc == 0) {
        *ret_end = NATIVE_WHOLE;
        return 0;
    }
    if (walk->sp <= sp && !(walk->sp == sp && walk->exact)) { /* stacks grow downwards */
        *ret_end = NATIVE_BROKEN;
        return 0;
    }
    walk->exact = signal;
    return 1;
}

int native_unwind(struct native_unwinder *unwinder, struct native_stack *ret_stack)
{
    struct native_stack stack = {.frames = unwinder->frames, .end = NATIVE_CUT};
    struct walk walk = {.exact = true};
    if (!native_has_capture(unwinder))
        return -EINVAL;
    see_files(unwinder, unwinder->registers.values[REGISTERS_PC]);
    if (unw_init_remote(&walk.cursor, unwinder->address_space, unwinder) < 0 || !read_walk(&walk))
        return -EINVAL;
    while (stack.count < NATIVE_FRAMES_MAX) {
        remote_addr pc = walk.pc - !walk.exact;
        bool by_pointer = false;
        see_files(unwinder, pc);
        struct native_frame *frame = &unwinder->frames[stack.count++];
        *frame = frame_at(unwinder, pc, walk.sp);
        int r = step_up(unwinder, &walk, &by_pointer, &stack.end);
        frame->by_pointer = by_pointer && r;
        if (!r)
            break;
        if (stack.count == NATIVE_FRAMES_MAX)
            stack.end = NATIVE_CUT;
    }
    native_forget(unwinder);
    *ret_stack = stack;
    return 0;
}
