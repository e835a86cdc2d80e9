/* Kinds of memory in words. */
#ifndef MEMSAMPLE_RENDER_KINDS_H
#define MEMSAMPLE_RENDER_KINDS_H

#include "base/bytes.h"
#include "model/profile.h"

/* The name in machine-readable output: "heap", "arena" and so on; "unknown" for 0. */
const char *kinds_name(unsigned kind);
/* What a person calls it: "malloc's heap". */
const char *kinds_title(unsigned kind);

/* "612 MiB grew, of which 410 MiB in 28 arenas of glibc's malloc, 180 MiB in anonymous mappings, 22
 * MiB in others; 300 MiB of it in huge pages": `kinds` of a row, or of all with `regions` (NULL:
 * not told). Nothing when nothing is known. */
void kinds_put(struct buffer *out, const struct profile_kinds *kinds,
               const uint64_t regions[PLACE_KINDS_END]);
/* The same for the whole profile, for wording. */
void kinds_put_all(struct buffer *out, const struct profile *profile);

#endif
