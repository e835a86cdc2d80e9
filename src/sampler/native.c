/* Native frames on their way into the recording: copied inside of a stop, unwound and merged with
 * Python's afterwards, written down as places in files. Names come when a report is made. */
#include "sampler/native.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"

int sampler_native_open(struct sampler *sampler)
{
    if (!sampler->options->native)
        return 0;
    sampler_native_close(sampler);
    struct sampler_native *native = calloc(1, sizeof(*native));
    if (!native)
        return -ENOMEM;
    int r = native_unwinder_create(sampler->pid, &native->unwinder);
    if (r < 0) {
        free(native);
        return r;
    }
    sampler->native = native;
    return 0;
}

void sampler_native_close(struct sampler *sampler)
{
    if (!sampler->native)
        return;
    native_unwinder_destroy(sampler->native->unwinder);
    free(sampler->native->modules);
    free(sampler->native);
    sampler->native = NULL;
}

void sampler_native_forget(struct sampler *sampler)
{
    if (sampler->native)
        native_forget(sampler->native->unwinder);
}

void sampler_native_take(struct sampler *sampler, const struct registers *registers)
{
    if (sampler->native)
        native_capture(sampler->native->unwinder, &sampler->memory, registers);
}

void sampler_native_take_stopped(struct sampler *sampler, pid_t tid)
{
    struct registers registers;
    if (sampler->native && registers_read_stopped(tid, &registers) == 0)
        sampler_native_take(sampler, &registers);
}

void sampler_native_take_asleep(struct sampler *sampler, pid_t tid)
{
    struct registers registers;
    if (sampler->native && registers_read_asleep(sampler->pid, tid, &registers) == 0)
        sampler_native_take(sampler, &registers);
}

/* Writing down -------------------------------------------------------------------------------- */

static int add_module(struct sampler *sampler, uint32_t number, bool interpreter,
                      uint32_t *ret_module)
{
    struct sampler_native *native = sampler->native;
    const struct native_module *module = native_find_module(native->unwinder, number);
    struct recording_writer_file file = {.path = "", .interpreter = interpreter};
    if (module)
        file = (struct recording_writer_file){module->path, interpreter, module->build_id,
                                              module->build_id_bytes};
    return recording_writer_module(sampler->writer, &file, ret_module);
}

/* The recording's number + 1 of the module in which a frame is. */
static int module_of(struct sampler *sampler, const struct native_frame *frame,
                     uint32_t *ret_module)
{
    struct sampler_native *native = sampler->native;
    const struct python_range *interpreter = &sampler->runtime.code.module;
    uint32_t *known = &native->no_file, added;
    if (frame->module != NATIVE_NO_MODULE) {
        if (array_reserve(&native->modules, &native->modules_cap, (size_t)frame->module + 1,
                          sizeof(*native->modules)) < 0)
            return -ENOMEM;
        while (native->module_count <= frame->module)
            native->modules[native->module_count++] = 0;
        known = &native->modules[frame->module];
    }
    if (!*known) {
        int r = add_module(sampler, frame->module,
                           frame->pc >= interpreter->start && frame->pc < interpreter->end, &added);
        if (r < 0)
            return r;
        *known = added + 1;
    }
    *ret_module = *known;
    return 0;
}

static int add_frame(struct sampler *sampler, const struct merge_frame *at,
                     const struct python_stack *python, uint32_t *id)
{
    if (!at->native) {
        const struct python_frame *frame = &python->frames[at->index];
        return recording_writer_stack(sampler->writer, *id, frame->file, frame->function,
                                      frame->line, frame->first_line, id);
    }
    const struct native_frame *frame = &sampler->native->merger.native.frames[at->index];
    uint32_t module;
    int r = module_of(sampler, frame, &module);
    /* Code in no file is made at run time: its address says nothing tomorrow. */
    uint64_t address = frame->module == NATIVE_NO_MODULE ? 0 : frame->address;
    return r < 0 ? r : recording_writer_native(sampler->writer, *id, module - 1, address, id);
}

static uint8_t end_of(const struct merger *merger)
{
    static const uint8_t ends[] = {
        [NATIVE_WHOLE] = UNWOUND_WHOLE,
        [NATIVE_CUT] = UNWOUND_CUT,
        [NATIVE_NO_INFO] = UNWOUND_NO_INFO,
        [NATIVE_BROKEN] = UNWOUND_BROKEN,
    };
    return merger->unwound ? ends[merger->native.end] : UNWOUND_NOT_READ;
}

static void record_quality(struct sampler *sampler)
{
    const struct merger *merger = &sampler->native->merger;
    const struct native_stack *stack = &merger->native;
    struct event event = {.kind = EVENT_UNWOUND};
    event.unwound.end = end_of(merger);
    event.unwound.uncertain = merger->fit == MERGE_UNCERTAIN && merger->unwound;
    if (stack->count && stack->end != NATIVE_WHOLE)
        module_of(sampler, &stack->frames[stack->count - 1], &event.unwound.module);
    for (size_t i = 0; i < stack->count && !event.unwound.by_pointer; i++) {
        event.unwound.by_pointer = stack->frames[i].by_pointer;
        if (event.unwound.by_pointer)
            module_of(sampler, &stack->frames[i], &event.unwound.by_pointer_module);
    }
    recording_writer_add(sampler->writer, &event);
}

remote_addr sampler_native_stack_pointer(const struct sampler *sampler, pid_t tid)
{
    return sampler->native && sampler->native->last_tid == tid ? sampler->native->last_sp : 0;
}

int sampler_native_resolve(struct sampler *sampler, pid_t tid, const struct python_stack *python,
                           uint32_t *ret_stack_id)
{
    struct sampler_native *native = sampler->native;
    struct merger *merger = &native->merger;
    uint32_t id = 0;
    int r = 0;
    merger_run(merger, native->unwinder, python->count ? sampler->reader : NULL,
               &sampler->runtime.code, python->count);
    native->last_tid = tid;
    native->last_sp = merger->native.count ? merger->native.frames[0].sp : 0;
    for (size_t i = merger->count; i-- > 0 && r >= 0;)
        r = add_frame(sampler, &merger->frames[i], python, &id);
    if (r < 0)
        return r;
    record_quality(sampler);
    *ret_stack_id = id;
    return 0;
}
