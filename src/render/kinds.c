/* Kinds of memory in words. */
#include "kinds.h"

#include <inttypes.h>

#include "base/units.h"

#define SHARE_MIN 100 /* kinds with less than one part in this go without saying */

static const struct {
    const char *name, *one, *many;
} words[PLACE_KINDS_END] = {
    [0] = {"unknown", "memory of unknown kind", "memory of unknown kind"},
    [PLACE_HEAP] = {"heap", "malloc's heap", "malloc's heap"},
    [PLACE_ARENA] = {"arena", "an arena of glibc's malloc", "arenas of glibc's malloc"},
    [PLACE_ANONYMOUS] = {"anonymous", "an anonymous mapping", "anonymous mappings"},
    [PLACE_STACK] = {"stack", "a thread's stack", "threads' stacks"},
    [PLACE_FILE] = {"file", "a mapped file", "mapped files"},
    [PLACE_LIBRARY_DATA] = {"library_data", "a library's data", "libraries' data"},
    [PLACE_SHARED] = {"shared", "a piece of shared memory", "pieces of shared memory"},
    [PLACE_OTHER] = {"other", "other memory", "other memory"},
};

const char *kinds_name(unsigned kind)
{
    return words[kind < PLACE_KINDS_END ? kind : 0].name;
}

const char *kinds_title(unsigned kind)
{
    return words[kind < PLACE_KINDS_END ? kind : 0].many;
}

static void put_kind(struct buffer *out, unsigned kind, uint64_t bytes, uint64_t regions)
{
    char text[UNITS_TEXT_MAX];
    bool counted = words[kind].one != words[kind].many;
    buffer_printf(out, "%s in ", units_format_bytes(bytes, text));
    if (counted && regions > 1)
        buffer_printf(out, "%" PRIu64 " ", regions);
    buffer_put_text(out, counted && regions == 1 ? words[kind].one : words[kind].many);
}

void kinds_put(struct buffer *out, const struct profile_kinds *kinds,
               const uint64_t regions[PLACE_KINDS_END])
{
    char text[UNITS_TEXT_MAX];
    bool said[PLACE_KINDS_END] = {false}, any = false;
    uint64_t sum = 0;
    for (unsigned i = 0; i < PLACE_KINDS_END; i++)
        sum += kinds->grown_bytes[i];
    for (unsigned n = 0; n < PLACE_KINDS_END; n++) {
        unsigned most = 0;
        for (unsigned i = 1; i < PLACE_KINDS_END; i++) /* unknown kinds come last */
            if (!said[i] && (most == 0 || kinds->grown_bytes[i] > kinds->grown_bytes[most]))
                most = i;
        said[most] = true;
        if (kinds->grown_bytes[most] == 0 || kinds->grown_bytes[most] < sum / SHARE_MIN)
            continue;
        buffer_put_text(out, any ? ", " : "");
        put_kind(out, most, kinds->grown_bytes[most], regions ? regions[most] : 0);
        any = true;
    }
    if (any && kinds->huge_bytes)
        buffer_printf(out, "; %s of it in huge pages", units_format_bytes(kinds->huge_bytes, text));
}

void kinds_put_all(struct buffer *out, const struct profile *profile)
{
    if (profile->has_kinds)
        kinds_put(out, &profile->kinds, profile->kind_regions);
}
