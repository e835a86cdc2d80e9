/* Frames of the recording to frames of the profile. Must not know stacks or memory. */
#include "frames.h"

#include <errno.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/intern.h"
#include "base/paths.h"

struct building {
    const struct recording *recording;
    struct profile *profile;
    struct frames *frames;
    struct intern places;
    size_t frames_cap, ids_cap, id_count;
};

void frames_deinit(struct frames *frames)
{
    free(frames->first);
    free(frames->ids);
    *frames = (struct frames){0};
}

static int add_frame(struct building *building, struct profile_frame frame)
{
    struct profile *profile = building->profile;
    int r = array_reserve(&profile->frames, &building->frames_cap, profile->frame_count + 1,
                          sizeof(frame));
    if (r >= 0)
        profile->frames[profile->frame_count++] = frame;
    return r;
}

static int add_id(struct building *building, uint32_t id)
{
    int r = array_reserve(&building->frames->ids, &building->ids_cap, building->id_count + 1,
                          sizeof(id));
    if (r >= 0)
        building->frames->ids[building->id_count++] = id;
    return r;
}

/* Each place is one frame, whichever of its instructions were met. */
static int add_place(struct building *building, const struct recording_module *module,
                     const struct recording_place *place)
{
    const char *file = place->file[0] ? place->file : module->path;
    const struct {
        const char *file, *function; /* the recording has each text once */
        int64_t line;
        const char *module;
    } key = {file, place->function, place->line, module->path};
    uint32_t number;
    bool added;
    int r = intern_add(&building->places, &key, sizeof(key), &number, &added);
    if (r >= 0 && added)
        r = add_frame(building, (struct profile_frame){.file = file,
                                                       .function = place->function,
                                                       .line = place->line,
                                                       .first_line = place->first_line,
                                                       .module = module->path,
                                                       .interpreter = module->interpreter});
    return r < 0 ? r : add_id(building, (uint32_t)building->recording->frame_count + 1 + number);
}

static int add_native(struct building *building, const struct recording_frame *frame)
{
    const struct recording *recording = building->recording;
    const struct recording_module *module = &recording->modules[frame->module - 1];
    if (frame->place_count == 0)
        return add_place(building, module,
                         &(struct recording_place){.function = frame->function, .file = ""});
    int r = 0;
    for (size_t i = 0; i < frame->place_count && r >= 0; i++)
        r = add_place(building, module, &recording->places[frame->first_place + i]);
    return r;
}

static int add_all(struct building *building)
{
    const struct recording *recording = building->recording;
    int r = 0;
    for (size_t i = 0; i < recording->frame_count && r >= 0; i++) {
        const struct recording_frame *frame = &recording->frames[i];
        r = add_frame(building, (struct profile_frame){.file = frame->file,
                                                       .function = frame->function,
                                                       .line = frame->line,
                                                       .first_line = frame->first_line,
                                                       .user = !frame->module && frame->file[0] &&
                                                               !path_is_library(frame->file)});
    }
    if (r >= 0)
        r = add_frame(building, (struct profile_frame){.file = "", .function = "<truncated>"});
    for (size_t i = 0; i < recording->frame_count && r >= 0; i++) {
        building->frames->first[i] = (uint32_t)building->id_count;
        r = recording->frames[i].module ? add_native(building, &recording->frames[i])
                                        : add_id(building, (uint32_t)i);
    }
    building->frames->first[recording->frame_count] = (uint32_t)building->id_count;
    return r;
}

int frames_build(const struct recording *recording, struct profile *profile,
                 struct frames *ret_frames)
{
    struct building building = {.recording = recording, .profile = profile, .frames = ret_frames};
    *ret_frames =
        (struct frames){.first = calloc(recording->frame_count + 1, sizeof(*ret_frames->first))};
    int r = ret_frames->first ? add_all(&building) : -ENOMEM;
    intern_deinit(&building.places);
    return r;
}
