/* Growing arrays. */
#include "base/array.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int array_reserve(void *items, size_t *cap, size_t need, size_t element_bytes)
{
    if (need <= *cap)
        return 0;

    size_t wanted = *cap ? *cap : 16;
    while (wanted < need)
        if (__builtin_mul_overflow(wanted, (size_t)2, &wanted))
            return -ENOMEM;

    size_t total_bytes;
    if (__builtin_mul_overflow(wanted, element_bytes, &total_bytes))
        return -ENOMEM;

    void *old, *grown;
    memcpy(&old, items, sizeof(old)); /* `items` points at a typed pointer: copy, do not alias */
    grown = realloc(old, total_bytes);
    if (!grown)
        return -ENOMEM;
    memcpy(items, &grown, sizeof(grown));
    *cap = wanted;
    return 0;
}
