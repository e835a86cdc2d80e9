/* The C library's own record of a thread. Up to 3.10 CPython knows its threads by pthread_self()
 * only. */
#include "pthread.h"

#include <string.h>

#define OFFSET_MAX 4096
/* struct pthread of glibc 2.36 and 2.43 (nptl/descr.h) and of musl 1.2
 * (src/internal/pthread_impl.h). */
#if defined(__aarch64__)
#define OFFSET_GLIBC 208
#define OFFSET_MUSL  32
#else
#define OFFSET_GLIBC 720
#define OFFSET_MUSL  48
#endif

/* glibc tells debuggers: bits, elements and offset of the field (DB_STRUCT_FIELD in
 * nptl_db/db_info.c, glibc 2.36). In libpthread up to 2.33, then in libc. */
static bool take_published(const struct image *image, uint32_t *ret_offset)
{
    struct image_symbol symbol;
    uint32_t field[3];
    if (!image_find_symbol(image, "_thread_db_pthread_tid", &symbol) ||
        !image_read(image, symbol.value, field, sizeof(field)) || field[0] != 32 ||
        field[2] >= OFFSET_MAX || field[2] % 4 != 0)
        return false;
    *ret_offset = field[2];
    return true;
}

uint32_t pthread_tid_offset(const struct modules *modules)
{
    uint32_t offset;
    for (size_t i = 0; i < modules->count; i++) {
        if (take_published(modules->items[i].image, &offset))
            return offset;
        if (strstr(modules->items[i].path, "/ld-musl-"))
            return OFFSET_MUSL;
    }
    return OFFSET_GLIBC; /* linked statically, or stripped of it */
}
