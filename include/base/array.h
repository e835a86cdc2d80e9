/* Growing arrays: one overflow-checked way to make room. */
#ifndef MEMSAMPLE_BASE_ARRAY_H
#define MEMSAMPLE_BASE_ARRAY_H

#include <stddef.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Makes room for at least `need` elements of `element_bytes` in *items (capacity *cap, in elements).
 * Grows by doubling. Returns 0, or -ENOMEM (also on overflow); on error nothing changes. */
int array_reserve(void *items, size_t *cap, size_t need, size_t element_bytes);

#endif
