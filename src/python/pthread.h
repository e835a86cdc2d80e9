/* Where the C library keeps a thread's number. */
#ifndef MEMSAMPLE_PYTHON_PTHREAD_H
#define MEMSAMPLE_PYTHON_PTHREAD_H

#include "elf/modules.h"

/* Offset of gettid() in the struct that pthread_self() points to. */
uint32_t pthread_tid_offset(const struct modules *modules);

#endif
