/* Counts the ends of native stacks, in all and by module. */
#include "unwound.h"

#include <errno.h>
#include <stdlib.h>

static void count_event(struct profile *profile, const struct event_unwound *unwound)
{
    profile->unwound.stacks++;
    profile->unwound.uncertain += unwound->uncertain;
    profile->unwound.by_pointer += unwound->by_pointer;
    switch ((enum event_unwound_end)unwound->end) {
    case UNWOUND_WHOLE:
        profile->unwound.whole++;
        break;
    case UNWOUND_CUT:
        profile->unwound.cut++;
        break;
    case UNWOUND_NO_INFO:
        profile->unwound.no_info++;
        break;
    case UNWOUND_BROKEN:
        profile->unwound.broken++;
        break;
    case UNWOUND_NOT_READ:
    case UNWOUND_ENDS:
        profile->unwound.not_read++;
        break;
    }
    if (unwound->module) {
        struct profile_unwound_module *module = &profile->unwound_modules[unwound->module - 1];
        module->no_info += unwound->end == UNWOUND_NO_INFO;
        module->broken += unwound->end == UNWOUND_BROKEN;
    }
    if (unwound->by_pointer_module)
        profile->unwound_modules[unwound->by_pointer_module - 1].by_pointer++;
}

static uint64_t sum_of(const struct profile_unwound_module *module)
{
    return module->no_info + module->broken + module->by_pointer;
}

static int compare(const void *a, const void *b)
{
    const struct profile_unwound_module *x = a, *y = b;
    return sum_of(x) > sum_of(y) ? -1 : sum_of(x) < sum_of(y);
}

int unwound_count(const struct recording *recording, struct profile *profile)
{
    struct recording_cursor cursor;
    struct event event;
    size_t count = recording->module_count;
    profile->unwound_modules = calloc(count + 1, sizeof(*profile->unwound_modules));
    if (!profile->unwound_modules)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        profile->unwound_modules[i].path = recording->modules[i].path;
    for (recording_rewind(recording, &cursor); recording_next(&cursor, &event);)
        if (event.kind == EVENT_UNWOUND)
            count_event(profile, &event.unwound);
    qsort(profile->unwound_modules, count, sizeof(*profile->unwound_modules), compare);
    while (count > 0 && sum_of(&profile->unwound_modules[count - 1]) == 0)
        count--;
    profile->unwound_module_count = count;
    return 0;
}
