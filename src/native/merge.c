/* Where Python frames stand among native ones.
 *
 * From 3.11 on each evaluation loop leaves something of the interpreter's in its own part of the C
 * stack (a shim frame, or a cframe): the native frame around that address is the loop's, whatever
 * the function is called, also in builds whose instructions are functions of their own. Up to 3.10
 * the n-th native frame of the evaluation function runs the n-th Python frame.
 *
 * The loop's own native frame is replaced by what it runs. A frame whose caller was found by its
 * frame pointer alone may hide others, so it stays. */
#include "native/merge.h"

#include "base/array.h"

struct merging {
    const struct merge_input *input;
    struct merge_frame *frames;
    size_t count;
    size_t entry;  /* next to be placed */
    size_t python; /* Python frames placed */
};

static void put_native(struct merging *merging, size_t index)
{
    merging->frames[merging->count++] =
        (struct merge_frame){.native = true, .index = (uint32_t)index};
}

static void put_python_up_to(struct merging *merging, size_t end)
{
    while (merging->python < end && merging->python < merging->input->python_frames)
        merging->frames[merging->count++] =
            (struct merge_frame){.index = (uint32_t)merging->python++};
}

static bool is_in(const struct python_range *range, remote_addr address)
{
    return address >= range->start && address < range->end;
}

static bool is_eval(const struct merge_input *input, const struct native_frame *frame)
{
    for (size_t i = 0; i < ARRAY_SIZE(input->code.eval); i++)
        if (is_in(&input->code.eval[i], frame->pc))
            return true;
    return false;
}

static bool is_anchored(const struct merge_input *input)
{
    return input->entry_count && input->entries[0].anchor;
}

/* Where the frame above begins. */
static remote_addr top_of(const struct native_stack *native, size_t index)
{
    return index + 1 < native->count ? native->frames[index + 1].sp : UINT64_MAX;
}

/* Whether the next loop's part of the stack lies below the end of this frame. */
static bool takes_entry(const struct merging *merging, size_t index)
{
    const struct merge_input *input = merging->input;
    if (merging->entry == input->entry_count)
        return false;
    if (!is_anchored(input))
        return is_eval(input, &input->native->frames[index]);
    remote_addr anchor = input->entries[merging->entry].anchor;
    /* The outermost one is followed by nobody: how far it reaches is not known. */
    return index + 1 < input->native->count && anchor >= input->native->frames[index].sp &&
           anchor < top_of(input->native, index);
}

/* Passes loops that run nothing and have no part of the stack: the frame that stands for "none
 * runs" in 3.15 lies in the thread state. */
static void pass_idle(struct merging *merging, remote_addr sp)
{
    const struct merge_input *input = merging->input;
    while (is_anchored(input) && merging->entry < input->entry_count &&
           input->entries[merging->entry].anchor < sp &&
           input->entries[merging->entry].frames_end == merging->python)
        merging->entry++;
}

static bool is_consistent(const struct merge_input *input)
{
    const struct native_stack *native = input->native;
    remote_addr above = native->count ? native->frames[0].sp : 0;
    size_t evals = 0;
    if (is_anchored(input)) {
        for (size_t i = 0; i < input->entry_count && input->entries[i].anchor; i++) {
            size_t frames =
                input->entries[i].frames_end - (i ? input->entries[i - 1].frames_end : 0);
            if (input->entries[i].anchor < above && frames)
                return false;
            above = input->entries[i].anchor > above ? input->entries[i].anchor : above;
        }
        return true;
    }
    for (size_t i = 0; i < native->count; i++)
        evals += is_eval(input, &native->frames[i]);
    return native->end == NATIVE_WHOLE ? evals == input->entry_count : evals <= input->entry_count;
}

static void place_frames(struct merging *merging)
{
    const struct merge_input *input = merging->input;
    const struct native_stack *native = input->native;
    for (size_t i = 0; i < native->count; i++) {
        pass_idle(merging, native->frames[i].sp);
        size_t before = merging->entry;
        bool replaces = takes_entry(merging, i);
        if (!replaces || native->frames[i].by_pointer)
            put_native(merging, i);
        while (takes_entry(merging, i) && (is_anchored(input) || merging->entry == before))
            put_python_up_to(merging, input->entries[merging->entry++].frames_end);
    }
    put_python_up_to(merging, input->python_frames); /* callers beyond where unwinding ended */
}

/* What the innermost C function outside of the interpreter did. */
static void place_leaf(struct merging *merging)
{
    const struct native_stack *native = merging->input->native;
    for (size_t i = 0;
         i < native->count && !is_in(&merging->input->code.module, native->frames[i].pc); i++)
        put_native(merging, i);
    put_python_up_to(merging, merging->input->python_frames);
}

enum merge_fit merge_stacks(const struct merge_input *input, struct merge_frame *ret_frames,
                            size_t *ret_count)
{
    struct merging merging = {.input = input, .frames = ret_frames};
    bool exact = input->python_frames == 0 || (is_consistent(input) && input->native->count);
    if (exact)
        place_frames(&merging);
    else
        place_leaf(&merging);
    *ret_count = merging.count;
    return exact ? MERGE_EXACT : MERGE_UNCERTAIN;
}

static bool read_word(void *context, remote_addr address, uint64_t *ret_word)
{
    return native_stack_word(context, address, ret_word);
}

void merger_run(struct merger *merger, struct native_unwinder *unwinder,
                const struct python_reader *reader, const struct python_code *code,
                size_t python_frames)
{
    merger->native = (struct native_stack){0};
    merger->unwound = native_has_capture(unwinder) && native_unwind(unwinder, &merger->native) == 0;
    struct merge_input input = {.native = &merger->native,
                                .python_frames = python_frames,
                                .entries = merger->entries,
                                .code = *code};
    if (reader)
        input.entry_count = python_stack_entries(reader, read_word, unwinder, merger->entries,
                                                 ARRAY_SIZE(merger->entries));
    merger->fit = merge_stacks(&input, merger->frames, &merger->count);
}
