/* From an address to a kind of memory: by the mapping, and where that does not tell, by what malloc
 * wrote at its beginning. */
#include "sampler/places.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "sampler/sampler.h"

/* Arenas of glibc's malloc beside the main one begin at such addresses, with a heap_info: the
 * arena, the heap before, and the bytes in use (arena.c, HEAP_MAX_SIZE on 64-bit machines,
 * glibc 2.3 to 2.42). */
#define ARENA_ALIGN (64 * MIB)
/* Variables that are zero at first follow a library's others without a file of their own: rarely so
 * large. */
#define BSS_MAX (64 * MIB)

static bool starts_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool is_shared_memory(const char *path)
{
    return starts_with(path, "/dev/shm/") || starts_with(path, "/memfd:") ||
           starts_with(path, "/SYSV") || starts_with(path, "/dev/zero") ||
           starts_with(path, "[anon_shmem:");
}

static bool is_library(const char *path)
{
    const char *base = strrchr(path, '/');
    return base && (strstr(base, ".so") || strstr(path, "/bin/"));
}

static uint8_t kind_of_file(const struct map *map)
{
    if (is_shared_memory(map->path))
        return map->shared ? PLACE_SHARED : PLACE_ANONYMOUS;
    if (starts_with(map->path, "/anon_hugepage"))
        return map->shared ? PLACE_SHARED : PLACE_ANONYMOUS;
    return !map->shared && map->writable && is_library(map->path) ? PLACE_LIBRARY_DATA : PLACE_FILE;
}

uint8_t places_kind(const struct map *map, const struct map *before, remote_addr stack_pointer)
{
    if (map->path[0] == '/')
        return kind_of_file(map);
    if (strcmp(map->path, "[heap]") == 0)
        return PLACE_HEAP;
    if (stack_pointer >= map->start && stack_pointer < map->end)
        return PLACE_STACK;
    if (starts_with(map->path, "[stack"))
        return PLACE_STACK;
    if (map->path[0] == '[' && !starts_with(map->path, "[anon"))
        return PLACE_OTHER;
    if (map->shared)
        return PLACE_SHARED;
    if (before && before->path[0] == '/' && before->writable && !before->shared &&
        is_library(before->path) && map->end - map->start <= BSS_MAX)
        return PLACE_LIBRARY_DATA;
    return PLACE_ANONYMOUS;
}

static bool is_arena(struct sampler *sampler, const struct map *map)
{
    uint64_t info[3];
    if (map->start % ARENA_ALIGN || map->end - map->start > ARENA_ALIGN ||
        memory_read(&sampler->memory, map->start, info, sizeof(info)) < 0)
        return false;
    uint64_t arena = info[0], before = info[1], used_bytes = info[2];
    bool first = arena - arena % ARENA_ALIGN == map->start && before == 0;
    bool later = before && before % ARENA_ALIGN == 0;
    return (first || later) && arena % 16 == 0 && used_bytes &&
           used_bytes % sampler->page_bytes == 0 && used_bytes <= ARENA_ALIGN;
}

static uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return hash;
}

/* Whether the last that was written of this page says the same. */
static bool is_known(const struct places *places, uint64_t page, const struct event_place *place,
                     uint64_t hash)
{
    for (unsigned i = 0; i < PLACES_KNOWN; i++) {
        unsigned at = (places->next + PLACES_KNOWN - 1 - i) % PLACES_KNOWN;
        const struct event_place *known = &places->known[at];
        if (page >= known->first && page - known->first < known->count)
            return known->kind == place->kind && known->huge == place->huge &&
                   places->name_hash[at] == hash;
    }
    return false;
}

static void classify(struct sampler *sampler, const struct map *map, remote_addr stack_pointer,
                     struct event_place *place)
{
    struct map before;
    struct mapping_finder *finder = &sampler->places.finder;
    char path[MAPPING_PATH_MAX];
    snprintf(path, sizeof(path), "%s", map->path);
    struct map kept = *map;
    kept.path = path; /* the next question takes its room */
    bool has_before =
        !path[0] && !map->shared && mapping_find(finder, map->start - 1, &before) == 0;
    place->kind = places_kind(&kept, has_before ? &before : NULL, stack_pointer);
    if (place->kind == PLACE_ANONYMOUS && is_arena(sampler, &kept))
        place->kind = PLACE_ARENA;
    if (place->kind == PLACE_LIBRARY_DATA && has_before)
        snprintf(path, sizeof(path), "%s", before.path);
    snprintf(finder->path, sizeof(finder->path), "%s", path);
    place->name = finder->path;
}

static bool is_noted(const struct places *places, uint64_t page)
{
    for (unsigned i = 0; i < places->noted_count; i++)
        if (page - places->noted[i].first < places->noted[i].count)
            return true;
    return false;
}

void sampler_note_place(struct sampler *sampler, remote_addr address, remote_addr stack_pointer)
{
    struct places *places = &sampler->places;
    struct map map;
    uint64_t page = address / sampler->page_bytes;
    if (!sampler->writer || !address || is_noted(places, page) ||
        mapping_find(&places->finder, address, &map) < 0)
        return;
    struct event_place place = {.first = map.start / sampler->page_bytes,
                                .count = (map.end - map.start) / sampler->page_bytes};
    if (places->noted_count < PLACES_NOTED) {
        places->noted[places->noted_count].first = place.first;
        places->noted[places->noted_count++].count = place.count;
    }
    classify(sampler, &map, stack_pointer, &place);
    place.huge = sampler->look.open && pagemap_is_huge(&sampler->look.pagemap, page);
    uint64_t hash = hash_text(place.name);
    if (is_known(places, page, &place, hash))
        return;
    struct event event = {.kind = EVENT_PLACE, .place = place};
    if (recording_writer_add(sampler->writer, &event) < 0)
        return;
    places->known[places->next] = place;
    places->known[places->next].name = NULL;
    places->name_hash[places->next] = hash;
    places->next = (places->next + 1) % PLACES_KNOWN;
}
