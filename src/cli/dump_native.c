/* One thread's native frames: unwound, merged with the Python stack, named. */
#include "cli/dump_native.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/paths.h"
#include "model/internals.h"
#include "native/merge.h"
#include "native/names.h"
#include "proc/registers.h"

struct dump_native {
    struct dump_native_options options;
    struct native_unwinder *unwinder;
    struct names *names;
    struct merger merger;
};

int dump_native_create(pid_t pid, const struct dump_native_options *options,
                       struct dump_native **ret_native)
{
    struct dump_native *native = calloc(1, sizeof(*native));
    if (!native)
        return -ENOMEM;
    native->options = *options;
    int r = native_unwinder_create(pid, &native->unwinder);
    if (r >= 0)
        r = names_create(&(struct names_options){.pid = pid, .debuginfod = options->debuginfod},
                         &native->names);
    if (r < 0) {
        dump_native_destroy(native);
        return r;
    }
    *ret_native = native;
    return 0;
}

void dump_native_destroy(struct dump_native *native)
{
    if (!native)
        return;
    native_unwinder_destroy(native->unwinder);
    names_destroy(native->names);
    free(native);
}

void dump_native_capture_stopped(struct dump_native *native, pid_t tid, const struct memory *memory)
{
    struct registers registers;
    native_forget(native->unwinder);
    if (registers_read_stopped(tid, &registers) == 0)
        native_capture(native->unwinder, memory, &registers);
}

void dump_native_capture_asleep(struct dump_native *native, pid_t pid, pid_t tid,
                                const struct memory *memory)
{
    struct registers registers;
    native_forget(native->unwinder);
    if (registers_read_asleep(pid, tid, &registers) == 0)
        native_capture(native->unwinder, memory, &registers);
}

/* The frames that stand at one native address; innermost first. Returns how many, or -ENOMEM. */
static int name_frame(struct dump_native *native, const struct native_frame *frame,
                      struct dump_frame ret_frames[NAMES_INLINED_MAX])
{
    const struct native_module *module = native_find_module(native->unwinder, frame->module);
    struct names_place places[NAMES_INLINED_MAX];
    size_t count;
    if (!module) {
        ret_frames[0] =
            (struct dump_frame){.function = "<no file>", .file = "", .module = "memory"};
        return 1;
    }
    struct names_module file = {.path = module->path,
                                .build_id = module->build_id,
                                .build_id_bytes = module->build_id_bytes};
    int r = names_find(native->names, &file, frame->address, places, &count);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++) {
        const struct names_place *place = &places[count - 1 - i];
        ret_frames[i] = (struct dump_frame){.function = place->function,
                                            .file = place->file,
                                            .line = place->line,
                                            .first_line = place->first_line,
                                            .module = path_base_name(module->path)};
    }
    return (int)count;
}

static const char *doubt_of(enum merge_fit fit, enum native_end end)
{
    if (fit == MERGE_UNCERTAIN)
        return "where Python's frames stand among them is not certain, so only the innermost are "
               "shown";
    switch (end) {
    case NATIVE_WHOLE:
        return NULL;
    case NATIVE_CUT:
        return "the outermost are missing: the stack is deeper than what is copied";
    case NATIVE_NO_INFO:
        return "the outermost are missing: their callers are not known for lack of unwind "
               "information";
    case NATIVE_BROKEN:
        return "the outermost are missing: the unwind information does not fit the stack, or "
               "registers are not known";
    }
    return NULL;
}

/* Names the merged frames; hides the interpreter's own. */
static int fill(struct dump_native *native, const struct python_code *code,
                const struct python_stack *python, struct dump_thread *thread)
{
    const struct merger *merger = &native->merger;
    _cleanup_(freep) struct internals_frame *marks = NULL;
    size_t frames_cap = 0, marks_cap = 0;
    for (size_t i = 0; i < merger->count; i++) {
        struct dump_frame named[NAMES_INLINED_MAX];
        const struct merge_frame *at = &merger->frames[i];
        const struct native_frame *frame = at->native ? &merger->native.frames[at->index] : NULL;
        int count = 1;
        if (frame) {
            count = name_frame(native, frame, named);
        } else {
            const struct python_frame *from = &python->frames[at->index];
            named[0] =
                (struct dump_frame){from->function, from->file, from->line, from->first_line, NULL};
        }
        if (count < 0 ||
            array_reserve(&thread->frames, &frames_cap, thread->count + (size_t)count,
                          sizeof(*thread->frames)) < 0 ||
            array_reserve(&marks, &marks_cap, thread->count + (size_t)count, sizeof(*marks)) < 0)
            return -ENOMEM;
        for (int k = 0; k < count; k++) {
            marks[thread->count] =
                (struct internals_frame){.native = frame,
                                         .interpreter = frame && frame->pc >= code->module.start &&
                                                        frame->pc < code->module.end,
                                         .function = named[k].function};
            thread->frames[thread->count++] = named[k];
        }
    }
    if (native->options.all)
        return 0;
    size_t kept = 0;
    internals_mark(marks, thread->count);
    for (size_t i = 0; i < thread->count; i++)
        if (!marks[i].hidden)
            thread->frames[kept++] = thread->frames[i];
    thread->count = kept;
    return 0;
}

int dump_native_resolve(struct dump_native *native, const struct python_reader *reader,
                        const struct python_code *code, const struct python_stack *python,
                        struct dump_thread *thread)
{
    struct merger *merger = &native->merger;
    merger_run(merger, native->unwinder, reader, code, python->count);
    thread->native = merger->unwound;
    thread->doubt =
        merger->unwound ? doubt_of(merger->fit, merger->native.end) : "they could not be read";
    return fill(native, code, python, thread);
}
