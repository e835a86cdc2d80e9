/* Byte strings to small numbers: each distinct key gets the next id, from 0 up. */
#ifndef MEMSAMPLE_BASE_INTERN_H
#define MEMSAMPLE_BASE_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intern_key {
    size_t offset; /* into `bytes` */
    uint32_t length;
    uint32_t hash;
};

struct intern {
    uint8_t *bytes;
    size_t bytes_length, bytes_cap;
    struct intern_key *keys; /* by id */
    size_t count, keys_cap;
    uint32_t *slots; /* open addressing: id + 1, or 0 */
    size_t slots_count;
};

void intern_deinit(struct intern *intern);

/* The id of `key`; *ret_new (may be NULL) tells whether it was just added. Keys may hold any bytes.
 * Returns 0 or -ENOMEM. */
int intern_add(struct intern *intern, const void *key, size_t length, uint32_t *ret_id,
               bool *ret_new);

/* The key behind an id below `count`. The pointer is good until the next add. */
const uint8_t *intern_get(const struct intern *intern, uint32_t id, size_t *ret_length);

#endif
