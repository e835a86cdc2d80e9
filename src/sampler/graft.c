/* See graft.h. */
#include "sampler/graft.h"

#define FRAMES_MAX 256 /* that are compared, from the innermost one */

static size_t list(const struct recording_writer *writer, uint32_t id,
                   struct recording_writer_link links[], uint32_t ids[])
{
    size_t count = 0;
    for (; id && count < FRAMES_MAX; count++) {
        ids[count] = id;
        links[count] = recording_writer_link(writer, id);
        id = links[count].parent_id;
    }
    return count;
}

/* Puts the innermost `count` frames of a list on top of a stack. */
static int put(struct recording_writer *writer, uint32_t id,
               const struct recording_writer_link links[], size_t count, uint32_t *ret_stack_id)
{
    int r = 0;
    for (size_t i = count; i-- > 0 && r >= 0;)
        r = recording_writer_push(writer, id, links[i].frame_id, &id);
    if (r >= 0)
        *ret_stack_id = id;
    return r;
}

int graft(struct recording_writer *writer, uint32_t old_id, uint32_t recent_id,
          uint32_t *ret_stack_id)
{
    struct recording_writer_link old[FRAMES_MAX], recent[FRAMES_MAX];
    uint32_t old_ids[FRAMES_MAX], recent_ids[FRAMES_MAX];
    size_t old_count = list(writer, old_id, old, old_ids);
    size_t recent_count = list(writer, recent_id, recent, recent_ids);
    *ret_stack_id = old_id;
    for (size_t i = 1; i < old_count; i++) /* from its innermost caller outwards */
        for (size_t j = 0; j < recent_count; j++) {
            if (!recording_writer_same_function(writer, old[i].frame_id, recent[j].frame_id))
                continue;
            /* Its line is that of another call, unless it calls the same. */
            bool same = j > 0 && recording_writer_same_function(writer, old[i - 1].frame_id,
                                                                recent[j - 1].frame_id);
            return same ? put(writer, recent_ids[j], old, i, ret_stack_id)
                        : put(writer, recent[j].parent_id, old, i + 1, ret_stack_id);
        }
    return 0;
}
