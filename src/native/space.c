/* The code mapped in a process. Knows files and addresses; knows nothing of stacks. */
#include "space.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/units.h"

#define LOOK_NS (500 * NS_PER_MS) /* a library may come where another one was */
/* An address was not found, and looking did not help the last time: code made at run time is in no
 * file. */
#define LOOK_AGAIN_NS (20 * NS_PER_MS)

void space_init(struct space *space, pid_t pid)
{
    *space = (struct space){.pid = pid};
}

static void drop_modules(struct space *space)
{
    free(space->modules);
    space->modules = NULL;
    space->module_count = 0;
    modules_deinit(&space->files);
}

void space_deinit(struct space *space)
{
    drop_modules(space);
    for (size_t i = 0; i < space->known_keys.count; i++)
        free((char *)space->known[i].path);
    free(space->known);
    intern_deinit(&space->known_keys);
    *space = (struct space){0};
}

/* FNV-1a over what a mapping of code is. */
static uint64_t hash_maps(const struct maps *maps)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < maps->count; i++) {
        const struct map *map = &maps->items[i];
        if (!map->executable || map->inode == 0)
            continue;
        const uint64_t words[] = {map->start, map->end,          map->offset,
                                  map->inode, map->device_major, map->device_minor};
        for (size_t k = 0; k < ARRAY_SIZE(words); k++)
            hash = (hash ^ words[k]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* The number of a file, the same each time that it is met. */
static int know_module(struct space *space, const struct module *file, uint32_t *ret_number)
{
    struct native_module module = {.path = file->path};
    module.build_id_bytes = (uint32_t)image_build_id(file->image, module.build_id);
    _cleanup_(freep) char *key = NULL;
    size_t path_bytes = strlen(file->path) + 1;
    bool added;
    key = malloc(path_bytes + module.build_id_bytes);
    if (!key)
        return -ENOMEM;
    memcpy(key, file->path, path_bytes);
    memcpy(key + path_bytes, module.build_id, module.build_id_bytes);
    int r = array_reserve(&space->known, &space->known_cap, space->known_keys.count + 1,
                          sizeof(*space->known));
    if (r < 0)
        return r;
    char *path = strdup(file->path);
    r = path ? intern_add(&space->known_keys, key, path_bytes + module.build_id_bytes, ret_number,
                          &added)
             : -ENOMEM;
    if (r < 0 || !added) {
        free(path);
        return r;
    }
    module.path = path;
    space->known[*ret_number] = module;
    return 0;
}

static int add_module(struct space *space, const struct module *file)
{
    struct space_module module = {.start = file->start, .end = file->end, .bias = file->bias};
    int r = know_module(space, file, &module.number);
    if (r < 0)
        return r;
    while (module.load_count < SPACE_LOADS_MAX &&
           image_load(file->image, module.load_count, &module.loads[module.load_count]))
        module.load_count++;
    index_open(file->image, &module.index);
    space->modules[space->module_count++] = module;
    return 0;
}

static int compare_modules(const void *a, const void *b)
{
    const struct space_module *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

static int read_modules(struct space *space)
{
    drop_modules(space);
    space->changes++;
    int r = modules_read(space->pid, &space->files);
    if (r < 0)
        return r;
    space->modules = calloc(space->files.count + 1, sizeof(*space->modules));
    if (!space->modules)
        return -ENOMEM;
    for (size_t i = 0; i < space->files.count && r >= 0; i++)
        r = add_module(space, &space->files.items[i]);
    qsort(space->modules, space->module_count, sizeof(*space->modules), compare_modules);
    return r;
}

int space_refresh(struct space *space, remote_addr wanted, uint64_t now_ns)
{
    bool missing = wanted && !space_find(space, wanted);
    uint64_t wait_ns = !missing ? LOOK_NS : space->in_vain ? LOOK_AGAIN_NS : 0;
    if (space->looked_ns && now_ns - space->looked_ns < wait_ns)
        return 0;
    _cleanup_(maps_deinit) struct maps maps = {0};
    int r = maps_read(space->pid, &maps);
    if (r < 0)
        return r;
    uint64_t seen = hash_maps(&maps);
    bool same = space->looked_ns && seen == space->seen;
    space->looked_ns = now_ns;
    space->seen = seen;
    r = same ? 0 : read_modules(space);
    space->in_vain = missing && !space_find(space, wanted);
    return r;
}

const struct space_module *space_find(const struct space *space, remote_addr address)
{
    size_t low = 0, high = space->module_count; /* the first module that starts above is in there */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (space->modules[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address >= space->modules[low - 1].end)
        return NULL;
    return &space->modules[low - 1];
}

static const uint8_t *find_bytes(const struct space *space, remote_addr address, size_t length)
{
    const struct space_module *module = space_find(space, address);
    if (!module)
        return NULL;
    uint64_t at = address - module->bias;
    for (size_t i = 0; i < module->load_count; i++) {
        const struct image_part *load = &module->loads[i];
        if (at >= load->address && at - load->address < load->length &&
            length <= load->length - (at - load->address))
            return load->data + (at - load->address);
    }
    return NULL;
}

bool space_read(const struct space *space, remote_addr address, uint64_t *ret_word)
{
    const uint8_t *bytes = find_bytes(space, address, sizeof(*ret_word));
    if (bytes) {
        memcpy(ret_word, bytes, sizeof(*ret_word));
        return true;
    }
    /* Words are asked for at even addresses; where a segment begins or ends within one, the rest is
     * nobody's. */
    uint8_t word[sizeof(*ret_word)] = {0};
    bool any = false;
    for (size_t i = 0; i < sizeof(word); i++)
        any |= space_read_byte(space, address + i, &word[i]);
    memcpy(ret_word, word, sizeof(word));
    return any;
}

bool space_read_byte(const struct space *space, remote_addr address, uint8_t *ret_byte)
{
    const uint8_t *bytes = find_bytes(space, address, 1);
    if (bytes)
        *ret_byte = *bytes;
    return bytes;
}
