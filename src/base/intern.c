/* Byte strings to small numbers (open addressing, FNV-1a). */
#include "base/intern.h"
#include "base/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MIN 64

static uint32_t hash_of(const uint8_t *key, size_t length)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ key[i]) * 16777619u;
    return hash;
}

void intern_deinit(struct intern *intern)
{
    free(intern->bytes);
    free(intern->keys);
    free(intern->slots);
    *intern = (struct intern){0};
}

static int grow_slots(struct intern *intern)
{
    size_t count = intern->slots_count ? intern->slots_count * 2 : SLOTS_MIN;
    uint32_t *slots = calloc(count, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    for (size_t id = 0; id < intern->count; id++) {
        size_t at = intern->keys[id].hash & (count - 1);
        while (slots[at])
            at = (at + 1) & (count - 1);
        slots[at] = (uint32_t)id + 1;
    }
    free(intern->slots);
    intern->slots = slots;
    intern->slots_count = count;
    return 0;
}

static int append_key(struct intern *intern, const void *key, size_t length, uint32_t hash)
{
    if (length > UINT32_MAX || intern->count >= UINT32_MAX - 1 ||
        array_reserve(&intern->bytes, &intern->bytes_cap, intern->bytes_length + length + 1, 1) < 0 ||
        array_reserve(&intern->keys, &intern->keys_cap, intern->count + 1,
                      sizeof(*intern->keys)) < 0)
        return -ENOMEM;
    if (length)
        memcpy(intern->bytes + intern->bytes_length, key, length);
    intern->bytes[intern->bytes_length + length] = 0; /* so that text keys can be used as C strings */
    intern->keys[intern->count++] = (struct intern_key){
        .offset = intern->bytes_length, .length = (uint32_t)length, .hash = hash};
    intern->bytes_length += length + 1;
    return 0;
}

int intern_add(struct intern *intern, const void *key, size_t length, uint32_t *ret_id,
               bool *ret_new)
{
    /* At most half full, so a free slot always ends the search. */
    if (intern->count * 2 >= intern->slots_count && grow_slots(intern) < 0)
        return -ENOMEM;

    uint32_t hash = hash_of(key, length);
    size_t mask = intern->slots_count - 1, at = hash & mask;
    for (; intern->slots[at]; at = (at + 1) & mask) {
        const struct intern_key *known = &intern->keys[intern->slots[at] - 1];
        if (known->hash == hash && known->length == length &&
            (length == 0 || memcmp(intern->bytes + known->offset, key, length) == 0)) {
            *ret_id = intern->slots[at] - 1;
            if (ret_new)
                *ret_new = false;
            return 0;
        }
    }
    int r = append_key(intern, key, length, hash);
    if (r < 0)
        return r;
    intern->slots[at] = (uint32_t)intern->count;
    *ret_id = (uint32_t)intern->count - 1;
    if (ret_new)
        *ret_new = true;
    return 0;
}

const uint8_t *intern_get(const struct intern *intern, uint32_t id, size_t *ret_length)
{
    if (ret_length)
        *ret_length = intern->keys[id].length;
    return intern->bytes + intern->keys[id].offset;
}
