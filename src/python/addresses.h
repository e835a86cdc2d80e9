/* A set of remote addresses with a number each, made for one capture: no allocation, cleared at
 * once. */
#ifndef MEMSAMPLE_PYTHON_ADDRESSES_H
#define MEMSAMPLE_PYTHON_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/memory.h"

#define ADDRESSES_SLOTS 8192 /* power of two */
#define ADDRESSES_MAX   (ADDRESSES_SLOTS / 2)

struct addresses {
    uint32_t round; /* slots of another round are free */
    uint32_t count;
    struct {
        remote_addr address;
        uint32_t round;
        uint32_t number; /* in order of arrival, from 0 */
    } slots[ADDRESSES_SLOTS];
};

/* Spreads pointers, which share their low and high bits (Knuth's multiplicative hashing). */
static inline size_t address_hash(remote_addr address)
{
    return (size_t)((address * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

void addresses_clear(struct addresses *set);
/* Whether `address` was new. False for a known one and when the set is full; *ret_number is then
 * that of the known one or ADDRESSES_MAX. */
bool addresses_add(struct addresses *set, remote_addr address, uint32_t *ret_number);
bool addresses_find(const struct addresses *set, remote_addr address, uint32_t *ret_number);

#endif
