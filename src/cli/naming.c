/* From places in files to functions. A recording keeps places, so that it can be named again where
 * more is known. */
#include "cli/naming.h"

#include <errno.h>

#include "base/array.h"
#include "native/names.h"

static int name_frame(struct names *names, struct recording *recording, size_t index)
{
    static const struct recording_place nowhere = {.function = "<no file>", .file = ""};
    const struct recording_frame *frame = &recording->frames[index];
    const struct recording_module *module = &recording->modules[frame->module - 1];
    struct names_module file = {.path = module->path,
                                .build_id = module->build_id,
                                .build_id_bytes = module->build_id_bytes};
    struct names_place found[NAMES_INLINED_MAX];
    struct recording_place places[NAMES_INLINED_MAX];
    size_t count;
    if (!module->path[0])
        return recording_name_frame(recording, index, &nowhere, 1);
    int r = names_find(names, &file, frame->address, found, &count);
    if (r < 0)
        return r;
    for (size_t i = 0; i < count; i++)
        places[i] = (struct recording_place){.function = found[i].function,
                                             .file = found[i].file,
                                             .line = found[i].line,
                                             .first_line = found[i].first_line};
    return recording_name_frame(recording, index, places, count);
}

int naming_apply(struct recording *recording, bool debuginfod)
{
    struct names *names;
    if (recording->module_count == 0)
        return 0;
    int r = names_create(
        &(struct names_options){.pid = recording->target.pid, .debuginfod = debuginfod}, &names);
    if (r < 0)
        return r;
    for (size_t i = 0; i < recording->frame_count && r >= 0; i++)
        if (recording->frames[i].module)
            r = name_frame(names, recording, i);
    names_destroy(names);
    return r;
}
