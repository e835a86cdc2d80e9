/* Names given to native frames after the recording was read. */
#include <errno.h>
#include <string.h>

#include "base/array.h"
#include "payload.h"

static int keep_once(struct recording *recording, const char *text, const char **ret_text)
{
    uint32_t number;
    bool added;
    size_t length = strlen(text);
    int r = array_reserve(&recording->place_text, &recording->place_text_cap,
                          recording->place_texts.count + 1, sizeof(*recording->place_text));
    if (r >= 0)
        r = intern_add(&recording->place_texts, text, length, &number, &added);
    if (r < 0)
        return r;
    if (added)
        recording->place_text[number] = recording_keep_text(recording, text, length);
    *ret_text = recording->place_text[number];
    return *ret_text ? 0 : -ENOMEM;
}

int recording_name_frame(struct recording *recording, size_t frame,
                         const struct recording_place *places, size_t count)
{
    int r = array_reserve(&recording->places, &recording->places_cap,
                          recording->place_count + count, sizeof(*recording->places));
    for (size_t i = 0; i < count && r >= 0; i++) {
        struct recording_place *place = &recording->places[recording->place_count + i];
        *place = places[i];
        r = keep_once(recording, places[i].function, &place->function);
        if (r >= 0)
            r = keep_once(recording, places[i].file, &place->file);
    }
    if (r < 0)
        return r;
    recording->frames[frame].first_place = recording->place_count;
    recording->frames[frame].place_count = count;
    recording->place_count += count;
    return 0;
}
