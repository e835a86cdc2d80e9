/* A set of remote addresses (open addressing; a round number makes clearing it cheap). */
#include "addresses.h"

#include <string.h>

void addresses_clear(struct addresses *set)
{
    set->count = 0;
    if (++set->round == 0) {
        memset(set->slots, 0, sizeof(set->slots));
        set->round = 1;
    }
}

bool addresses_add(struct addresses *set, remote_addr address, uint32_t *ret_number)
{
    size_t at = address_hash(address) % ADDRESSES_SLOTS;
    /* At most half full, so a free slot always ends the search. */
    for (; set->slots[at].round == set->round; at = (at + 1) % ADDRESSES_SLOTS) {
        if (set->slots[at].address == address) {
            *ret_number = set->slots[at].number;
            return false;
        }
    }
    *ret_number = ADDRESSES_MAX;
    if (set->count >= ADDRESSES_MAX)
        return false;
    *ret_number = set->count++;
    set->slots[at].address = address;
    set->slots[at].round = set->round;
    set->slots[at].number = *ret_number;
    return true;
}

bool addresses_find(const struct addresses *set, remote_addr address, uint32_t *ret_number)
{
    size_t at = address_hash(address) % ADDRESSES_SLOTS;
    for (; set->slots[at].round == set->round; at = (at + 1) % ADDRESSES_SLOTS) {
        if (set->slots[at].address == address) {
            *ret_number = set->slots[at].number;
            return true;
        }
    }
    return false;
}
