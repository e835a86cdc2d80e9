/* The page's template, part of the program. */
#ifndef MEMSAMPLE_RENDER_TEMPLATE_H
#define MEMSAMPLE_RENDER_TEMPLATE_H

#include <stddef.h>

extern const unsigned char template_data[];
extern const size_t template_length;

#endif
