/* Scope guards: `_cleanup_(fd_closep) int fd = -1;` closes at every way out of the scope. */
#ifndef MEMSAMPLE_BASE_CLEANUP_H
#define MEMSAMPLE_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

static inline void freep(void *pointer)
{
    free(*(void **)pointer);
}

static inline void fd_closep(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void fclosep(FILE **file)
{
    if (*file)
        fclose(*file);
}

/* Hands ownership out of a guarded variable: the guard then sees NULL. */
#define take_pointer(pointer)                                                                      \
    ({                                                                                             \
        typeof(pointer) taken_ = (pointer);                                                        \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

#define take_fd(fd)                                                                                \
    ({                                                                                             \
        int taken_ = (fd);                                                                         \
        (fd) = -1;                                                                                 \
        taken_;                                                                                    \
    })

#endif
